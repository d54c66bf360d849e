/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * With `hang` on a deadlock is told when its last wait begins, whatever the limit. Each
 * circle is made in a process of its own, which is ended afterwards.
 */

#include "deadlock.h"

#include <signal.h>
#include <sys/wait.h>

enum { MOST = 5 };

/* Thread i has lock i and waits for lock i + 1. */
static struct ring {
    unsigned n;
    type types[MOST];
    ksl_stage stages[MOST];
    int have; /* atomic */
} ring;

struct link {
    struct actor actor;
    unsigned i;
};

static unsigned next(unsigned i)
{
    return (i + 1) % ring.n;
}

static void take_two(void *arg)
{
    struct link *me = arg;
    char name[] = "link-0";
    name[5] = (char)('0' + me->i);
    ksl_thread_set_name(ksl_thread_self(), name);
    (void)ksl_stage_switch(ring.stages[me->i]);
    ring.types[me->i]->take(me->i % ANY_LOCKS);
    ADD(&ring.have, 1);
    WAIT_UNTIL(LOAD(&ring.have) == (int)ring.n);
    ring.types[next(me->i)]->take(next(me->i) % ANY_LOCKS);
}

/* A stax keeps the other stage out only; what waits out-of-band is there from the start.
 */
static bool stages_fit(unsigned bits)
{
    for (unsigned i = 0; i < ring.n; i++) {
        bool oob = (bits >> i & 1) != 0;
        bool next_oob = (bits >> next(i) & 1) != 0;
        bool waits_oob = ring.types[next(i)] == type_of("semaphore") ||
                         ring.types[next(i)] == type_of("kernel mutex");
        if ((ring.types[next(i)] == type_of("stax") && oob == next_oob) ||
            (waits_oob && !oob))
            return false;
    }
    return true;
}

static bool choose_stages(void)
{
    for (unsigned bits = 0; bits < 1u << ring.n; bits++) {
        if (!stages_fit(bits))
            continue;
        for (unsigned i = 0; i < ring.n; i++)
            ring.stages[i] = (bits >> i & 1) != 0 ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
        return true;
    }
    return false;
}

static void make_ring(void)
{
    static struct link links[MOST];
    enable();
    for (unsigned i = 0; i < ring.n; i++)
        ring.types[i]->fresh(i % ANY_LOCKS, "link");
    for (unsigned i = 0; i < ring.n; i++) {
        links[i].i = i;
        actor_start(&links[i].actor, take_two, &links[i]);
    }
}

static void check_ring(void)
{
    const char *text = file.text;
    for (unsigned i = 0; i < ring.n; i++) {
        HAS(text, "(link-%u)", i);
        HAS(text, "waits for %s %p", ring.types[i]->kind,
            ring.types[i]->at[i % ANY_LOCKS]);
        HAS(text, "(link-%u) since ", i);
    }
    ck_assert_uint_eq(report_file_count(&file, " since "), ring.n);
}

/* Makes it in a new process, reads what that says, and ends it. */
static void try_ring(void)
{
    ck_assert(choose_stages());
    report_file_new(&file);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(2 * SUPPORT_DEADLINE_S);
        make_ring();
        for (;;)
            pause();
    }
    WAIT_UNTIL(told(ring.n));
    check_ring();
    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    report_file_end(&file);
}

static const char *const mixed[MOST] = {"sx alone", "mutex of Stanix", "lockl", "stax",
                                        "semaphore"};

START_TEST(part2_two_threads)
{
    ring.n = 2;
    ring.types[0] = type_of(mixed[_i / MOST]);
    ring.types[1] = type_of(mixed[_i % MOST]);
    if (_i / MOST <= _i % MOST)
        try_ring();
}
END_TEST

START_TEST(part2_three_threads)
{
    int at[] = {_i / MOST / MOST, _i / MOST % MOST, _i % MOST};
    ring.n = 3;
    for (int i = 0; i < 3; i++)
        ring.types[i] = type_of(mixed[at[i]]);
    if (at[0] < at[1] && at[0] < at[2] && at[1] != at[2])
        try_ring();
}
END_TEST

/* All rings of all five. */
START_TEST(part2_five_threads)
{
    int left[] = {1, 2, 3, 4};
    int code = _i;
    ring.n = 5;
    ring.types[0] = type_of(mixed[0]);
    for (int i = 1; i < 5; i++) {
        int k = code % (5 - i);
        code /= 5 - i;
        ring.types[i] = type_of(mixed[left[k]]);
        for (; k + 1 < 5 - i; k++)
            left[k] = left[k + 1];
    }
    try_ring();
}
END_TEST

static const char *const others[] = {
    "rwsem to write", "simple lock",           "mutex of FreeBSD",
    "kernel mutex",   "complex lock to write", "spinlock, interrupts open"};
enum { OTHERS = sizeof others / sizeof others[0] };

START_TEST(part2_other_types)
{
    ring.n = 2;
    ring.types[0] = type_of(others[_i]);
    ring.types[1] = type_of(_i == OTHERS - 1 ? others[_i] : mixed[0]);
    try_ring();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/deadlock_ring");
    TCase *c = tcase_create("rings");
    tcase_add_loop_test(c, part2_two_threads, 0, MOST * MOST);
    tcase_add_loop_test(c, part2_three_threads, 0, MOST * MOST * MOST);
    tcase_add_loop_test(c, part2_five_threads, 0, 24);
    tcase_add_loop_test(c, part2_other_types, 0, OTHERS);
    suite_add_tcase(s, c);
    return support_run(s);
}
