/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * With `hang` on a deadlock is told when its last wait begins, whatever the limit. Each
 * circle is made in a process of its own, which is ended afterwards.
 */

#include "any_lock.h"
#include "puppet.h"
#include "readback.h"

#include <kslock/diag.h>
#include <kslock/stage.h>

#include <signal.h>
#include <sys/wait.h>

enum { MOST = 5 };

typedef const struct any_lock *type;

static struct report_file file;

static void enable(void)
{
    char list[128];
    snprintf(list, sizeof list, "hang=1000,report=%s", file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
}

static type type_of(const char *name)
{
    for (unsigned i = 0; any_lock_at(i) != NULL; i++) {
        if (strcmp(any_lock_at(i)->type, name) == 0)
            return any_lock_at(i);
    }
    ck_abort_msg("no type %s", name);
    return NULL;
}

/* --- circles ------------------------------------------------------------------------ */

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

static bool told(unsigned n)
{
    char text[64];
    snprintf(text, sizeof text, "kslock: deadlock of %u threads: ", n);
    const char *line = strstr(report_file_read(&file), text);
    return line != NULL && strchr(line, '\n') != NULL;
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

/* --- sharing ------------------------------------------------------------------------ */

static struct puppet alice, bob, carol;
static type shares, alone, mutex, semaphore, stax;

static int take_0(void *t)
{
    ((type)t)->take(0);
    return 0;
}

static int give_0(void *t)
{
    ((type)t)->give(0);
    return 0;
}

static int take_1(void *t)
{
    ((type)t)->take(1);
    return 0;
}

static int give_1(void *t)
{
    ((type)t)->give(1);
    return 0;
}

static void start(void)
{
    shares = type_of("sx shared");
    alone = type_of("sx alone");
    mutex = type_of("mutex of Stanix");
    semaphore = type_of("semaphore");
    stax = type_of("stax");
    report_file_new(&file);
    enable();
    const type all[] = {alone, mutex, semaphore, stax};
    for (unsigned i = 0; i < 4; i++) {
        all[i]->fresh(0, "zero");
        all[i]->fresh(1, "one");
    }
    puppet_start(&alice);
    puppet_start(&bob);
    puppet_start(&carol);
    ksl_thread_set_name(alice.actor.thread, "alice");
    ksl_thread_set_name(bob.actor.thread, "bob");
    ksl_thread_set_name(carol.actor.thread, "carol");
}

/* All looks are over when the threads are. */
static void end(unsigned deadlocks)
{
    puppet_end(&alice);
    puppet_end(&bob);
    puppet_end(&carol);
    ck_assert_msg(report_file_count(&file, "deadlock of") == deadlocks, "%s", file.text);
    report_file_end(&file);
}

/* Ends without a word: the process is stuck. */
static void end_stuck(unsigned n)
{
    WAIT_UNTIL(told(n));
    report_file_end(&file);
}

START_TEST(part2_a_share_keeps_a_writer)
{
    start();
    ask(&alice, take_0, (void *)shares);
    ask(&carol, take_0, (void *)shares); /* this one will leave */
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)alone);
    ck_assert(!told(2));
    tell_blocked(&alice, take_0, (void *)mutex);
    end_stuck(2);
    HAS(file.text, "(alice)");
    HAS(file.text, "(bob)");
}
END_TEST

START_TEST(part2_a_reader_behind_a_writer)
{
    start();
    ask(&alice, take_0, (void *)shares);
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&carol, take_0, (void *)alone);
    tell_blocked(&bob, take_0, (void *)shares);
    ck_assert(!told(2));
    tell_blocked(&alice, take_0, (void *)mutex);
    end_stuck(3);
    HAS(file.text, " to share it, behind thread %d (carol)",
        ksl_thread_id(carol.actor.thread));
}
END_TEST

START_TEST(part2_sharers_that_leave)
{
    start();
    ask(&alice, take_0, (void *)shares);
    ask(&bob, take_0, (void *)shares);
    ask(&carol, take_0, (void *)mutex);
    tell_blocked(&carol, take_0, (void *)alone);
    ask(&alice, give_0, (void *)shares);
    tell_blocked(&alice, take_0, (void *)mutex); /* without its share */
    ask(&bob, give_0, (void *)shares);
    (void)answer(&carol);
    ask(&carol, give_0, (void *)alone);
    ask(&carol, give_0, (void *)mutex);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)mutex);
    end(0);
}
END_TEST

/* --- what is none ------------------------------------------------------------------- */

static int down_for_long(void *t)
{
    return any_down_until((type)t, 1, support_now_ns() + 1000000000000u);
}

/* A wait with a date ends by itself. */
START_TEST(part2_a_date_is_no_deadlock)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    ask(&bob, take_1, (void *)semaphore);
    if (_i == 0)
        tell_blocked(&alice, down_for_long, (void *)semaphore);
    tell_blocked(&bob, take_0, (void *)semaphore);
    if (_i == 1)
        tell_blocked(&alice, down_for_long, (void *)semaphore);
    ck_assert_int_eq(ksl_thread_unblock(alice.actor.thread), 1);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)semaphore);
    (void)answer(&bob);
    ask(&bob, give_0, (void *)semaphore);
    ask(&bob, give_1, (void *)semaphore);
    end(0);
}
END_TEST

/* A semaphore whose units come from others has no holder. */
START_TEST(part2_an_event_is_no_lock)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    ask(&carol, give_0, (void *)semaphore);
    ask(&carol, take_0, (void *)semaphore);
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)semaphore);
    tell_blocked(&alice, take_0, (void *)mutex);
    ask(&carol, give_0, (void *)semaphore);
    (void)answer(&bob);
    ask(&bob, give_0, (void *)mutex);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)mutex);
    end(0);
}
END_TEST

/* Somebody else has left for alice. */
START_TEST(part2_a_stax_that_was_left)
{
    start();
    ask(&alice, take_0, (void *)stax);
    ask(&carol, give_0, (void *)stax);
    ask(&carol, take_0, (void *)stax);
    ck_assert_int_eq(ask(&bob, any_go_oob, NULL), 0);
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)stax);
    tell_blocked(&alice, take_0, (void *)mutex);
    ask(&carol, give_0, (void *)stax);
    (void)answer(&bob);
    ask(&bob, give_0, (void *)mutex);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)mutex);
    ask(&bob, give_0, (void *)stax);
    end(0);
}
END_TEST

/* --- told once, and late ------------------------------------------------------------ */

START_TEST(part2_told_once_and_that_a_signal_can_end_it)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    ask(&bob, take_1, (void *)semaphore);
    tell_blocked(&alice, take_1, (void *)semaphore);
    tell_blocked(&bob, take_0, (void *)semaphore);
    WAIT_UNTIL(told(2));
    HAS(file.text, "; a signal or an unblock can end the wait of thread %d (alice)",
        ksl_thread_id(alice.actor.thread));
    HAS(file.text, "; a signal or an unblock can end the wait of thread %d (bob)",
        ksl_thread_id(bob.actor.thread));
    ck_assert_int_eq(ksl_thread_unblock(alice.actor.thread), 1);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)semaphore);
    (void)answer(&bob);
    ask(&bob, give_0, (void *)semaphore);
    ask(&bob, give_1, (void *)semaphore);
    end(1);
}
END_TEST

START_TEST(part2_from_before_the_switch)
{
    report_file_new(&file);
    mutex = type_of("mutex of Stanix");
    puppet_start(&alice);
    puppet_start(&bob);
    ask(&alice, take_0, (void *)mutex);
    ask(&bob, take_1, (void *)mutex);
    tell_blocked(&alice, take_1, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)mutex);
    char list[128];
    snprintf(list, sizeof list, "hang=1000,report=%s", file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
    end_stuck(2); /* the watcher has looked */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/deadlock");
    TCase *c = tcase_create("rings");
    tcase_add_loop_test(c, part2_two_threads, 0, MOST * MOST);
    tcase_add_loop_test(c, part2_three_threads, 0, MOST * MOST * MOST);
    tcase_add_loop_test(c, part2_five_threads, 0, 24);
    tcase_add_loop_test(c, part2_other_types, 0, OTHERS);
    suite_add_tcase(s, c);
    c = tcase_create("shares");
    tcase_add_test(c, part2_a_share_keeps_a_writer);
    tcase_add_test(c, part2_a_reader_behind_a_writer);
    tcase_add_test(c, part2_sharers_that_leave);
    suite_add_tcase(s, c);
    c = tcase_create("silent");
    tcase_add_loop_test(c, part2_a_date_is_no_deadlock, 0, 2);
    tcase_add_test(c, part2_an_event_is_no_lock);
    tcase_add_test(c, part2_a_stax_that_was_left);
    tcase_add_test(c, part2_told_once_and_that_a_signal_can_end_it);
    tcase_add_test(c, part2_from_before_the_switch);
    suite_add_tcase(s, c);
    return support_run(s);
}
