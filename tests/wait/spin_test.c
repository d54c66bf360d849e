/* SPDX-License-Identifier: BSD-2-Clause */
/* Spinning is bounded, learns, and never happens on one processor. */

#define _GNU_SOURCE 1

#include "support.h"

#include "lock/ksem.h"
#include "platform/host.h"
#include "platform/park.h"
#include "wait/spin.h"

#include <kslock/stage.h>

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static ksl_thread *self_on_many(void)
{
    return ksi_cpu_count() > 1 ? ksl_thread_self() : NULL;
}

START_TEST(limit_stays_in_bounds_whatever_is_learned)
{
    ksl_thread *t = self_on_many();
    uint32_t random = 12345;
    for (int i = 0; t != NULL && i < 100000; i++) {
        random = random * 1664525u + 1013904223u;
        unsigned limit = ksi_spin_limit(t);
        ck_assert_uint_ge(limit, KSI_SPIN_MIN);
        ck_assert_uint_le(limit, KSI_SPIN_MAX);
        ksi_spin_learn(t, (random >> 8) % (limit + 1), (random >> 30) != 0);
    }
}
END_TEST

START_TEST(vain_spinning_shrinks_the_limit_to_the_least)
{
    ksl_thread *t = self_on_many();
    for (int i = 0; t != NULL && i < 200; i++) {
        unsigned before = ksi_spin_limit(t);
        ksi_spin_learn(t, before, false);
        ck_assert_uint_le(ksi_spin_limit(t), before);
    }
    if (t != NULL)
        ck_assert_uint_lt(ksi_spin_limit(t), 2 * KSI_SPIN_MIN);
}
END_TEST

START_TEST(rewarded_spinning_grows_the_limit_to_the_most)
{
    ksl_thread *t = self_on_many();
    for (int i = 0; t != NULL && i < 200; i++) {
        unsigned before = ksi_spin_limit(t);
        ksi_spin_learn(t, before, true);
        ck_assert_uint_ge(ksi_spin_limit(t), before);
    }
    if (t != NULL)
        ck_assert_uint_eq(ksi_spin_limit(t), KSI_SPIN_MAX);
}
END_TEST

START_TEST(quick_rewards_bring_the_limit_down)
{
    ksl_thread *t = self_on_many();
    for (int i = 0; t != NULL && i < 200; i++)
        ksi_spin_learn(t, KSI_SPIN_MAX, true);
    for (int i = 0; t != NULL && i < 200; i++)
        ksi_spin_learn(t, 1, true);
    if (t != NULL)
        ck_assert_uint_lt(ksi_spin_limit(t), 3 * KSI_SPIN_MIN);
}
END_TEST

START_TEST(every_turn_of_a_spinner_ends)
{
    static const unsigned turns[] = {0, 1, 199, 200, 239, 240, 241, 1000, 100000};
    for (unsigned i = 0; i < sizeof turns / sizeof turns[0]; i++)
        ksi_spin_turn(turns[i]);
}
END_TEST

/* The number of processors is read once, when a program starts, so this is a fresh one.
 */
static int on_one_processor(void)
{
    ksl_thread *t = ksl_thread_self();
    if (ksi_cpu_count() != 1 || ksi_spin_limit(t) != 0)
        return 1;
    ksi_spin_learn(t, 500, true);
    ksi_spin_learn(t, 0, true);
    return ksi_spin_limit(t) == 0 ? 0 : 2;
}

START_TEST(nobody_spins_on_one_processor)
{
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        cpu_set_t set;
        int cpu = sched_getcpu();
        CPU_ZERO(&set);
        CPU_SET((size_t)(cpu >= 0 ? cpu : 0), &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0)
            _exit(77);
        support_exec((const char *const[]){"spin_test", "one-processor", NULL});
        _exit(3);
    }
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77) /* the host does not let us choose */
        ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static bool stay_on(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof set, &set) == 0;
}

static struct {
    uint64_t word;
    int cpu;
    int told; /* the number of the processor, as the library has it */
    bool placed;
    unsigned limit;
} event;

static void sleep_for_event(void *arg)
{
    (void)arg;
    ksl_thread *t = ksl_thread_self();
    event.placed = stay_on(event.cpu) && sched_getcpu() == event.cpu;
    event.told = ksi_cpu_now();
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    (void)ksi_ksem_down(&event.word, KSI_FOREVER, false, KSI_SITE());
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    event.limit = ksi_event_limit(t);
}

/* How long a thread on `cpu` would spin for its next event; ours is raised on `own`. */
static unsigned limit_after_event(int own, int cpu)
{
    struct actor a;
    event.cpu = cpu;
    ksi_ksem_init(&event.word, 0, KSI_SITE());
    actor_start(&a, sleep_for_event, NULL);
    wait_asleep(a.thread);
    bool placed = stay_on(own) && sched_getcpu() == own;
    ksi_ksem_up(&event.word, INT32_MAX, KSI_SITE());
    actor_join(&a);
    ck_assert_msg(placed && event.placed, "processors cannot be chosen");
    return event.limit;
}

/* The first two processors that we may use; false: there is one. */
static bool two_processors(int cpus[2])
{
    cpu_set_t set;
    int n = 0;
    ck_assert_int_eq(sched_getaffinity(0, sizeof set, &set), 0);
    for (int i = 0; i < CPU_SETSIZE && n < 2; i++) {
        if (CPU_ISSET((size_t)i, &set))
            cpus[n++] = i;
    }
    return n == 2 && ksi_cpu_count() > 1;
}

START_TEST(who_is_woken_on_its_own_processor_does_not_spin_next_time)
{
    int cpus[2];
    if (ksi_cpu_now() < 0 || !two_processors(cpus)) {
        support_skip("one processor, or the host does not tell which one it is");
        return;
    }
    ck_assert_uint_eq(limit_after_event(cpus[0], cpus[0]), 0);
    ck_assert_int_eq(event.told, cpus[0]);
    ck_assert_uint_gt(limit_after_event(cpus[0], cpus[1]), 0);
    ck_assert_int_eq(event.told, cpus[1]);
}
END_TEST

/* ---- where the C library has registered no thread for restartable sequences ---- */

START_TEST(unknown_processors_are_not_taken_for_the_same_one)
{
    int cpus[2];
    ck_assert_int_eq(ksi_cpu_now(), -1);
    if (!two_processors(cpus)) {
        support_skip("one processor");
        return;
    }
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_gt(limit_after_event(cpus[0], cpus[i]), 0);
        ck_assert_int_eq(event.told, -1);
    }
}
END_TEST

/* Three spins in vain, and there are no more; but for a long one after so many waits. */
START_TEST(spinning_in_vain_is_learned_all_the_same)
{
    enum { VAIN = 3, WAITS = 100 };
    ksl_thread *t = self_on_many();
    unsigned limit = 1, spins = 0;
    for (int i = 0; t != NULL && i < VAIN; i++) {
        limit = ksi_event_limit(t);
        ck_assert_uint_gt(limit, 0);
        ksi_event_learn(t, limit, limit, false);
    }
    for (int i = 0; t != NULL && i < WAITS; i++)
        spins += ksi_event_limit(t) > 0;
    if (t == NULL) {
        support_skip("one processor");
        return;
    }
    ck_assert_uint_gt(spins, 0);
    ck_assert_uint_lt(spins, WAITS / 10);
}
END_TEST

/* Two threads that wait for each other's events, many times. */
enum { ROUNDS = 2000 };
static uint64_t ball[2];
static int failed; /* atomic */

static void return_balls(void *arg)
{
    int mine = *(int *)arg;
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    for (int i = 0; i < ROUNDS; i++) {
        if (ksi_ksem_down(&ball[mine], KSI_FOREVER, false, KSI_SITE()) != 0)
            STORE(&failed, 1);
        ksi_ksem_up(&ball[!mine], INT32_MAX, KSI_SITE());
    }
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
}

START_TEST(events_go_to_and_fro)
{
    struct actor a[2];
    int side[2] = {0, 1};
    for (int i = 0; i < 2; i++)
        ksi_ksem_init(&ball[i], 0, KSI_SITE());
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], return_balls, &side[i]);
    ksi_ksem_up(&ball[0], INT32_MAX, KSI_SITE());
    for (int i = 0; i < 2; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(failed, 0);
    ck_assert_uint_eq(ksi_ksem_value(ball[0]), 1); /* the last one came back */
    ck_assert_uint_eq(ksi_ksem_value(ball[1]), 0);
}
END_TEST

static int run_unregistered(void)
{
    Suite *s = suite_create("spin_unregistered");
    TCase *c = tcase_create("spin_unregistered");
    tcase_add_test(c, unknown_processors_are_not_taken_for_the_same_one);
    tcase_add_test(c, spinning_in_vain_is_learned_all_the_same);
    tcase_add_test(c, events_go_to_and_fro);
    suite_add_tcase(s, c);
    return support_run(s);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "one-processor") == 0)
        return on_one_processor();
    if (argc > 1 && strcmp(argv[1], "unregistered") == 0)
        return run_unregistered();
    Suite *s = suite_create("spin");
    TCase *c = tcase_create("spin");
    tcase_add_test(c, limit_stays_in_bounds_whatever_is_learned);
    tcase_add_test(c, vain_spinning_shrinks_the_limit_to_the_least);
    tcase_add_test(c, rewarded_spinning_grows_the_limit_to_the_most);
    tcase_add_test(c, quick_rewards_bring_the_limit_down);
    tcase_add_test(c, every_turn_of_a_spinner_ends);
    tcase_add_test(c, nobody_spins_on_one_processor);
    tcase_add_test(c, who_is_woken_on_its_own_processor_does_not_spin_next_time);
    suite_add_tcase(s, c);
    return support_run(s);
}
