/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX simple locks shared by threads and handlers: T21, trap 19, and data checks. */
#include "aix_intr.h"

#include <string.h>

enum { THREADS = 3, ROUNDS = 9000, OTHER_IRQ = 4, OTHER_IRQ_LEVEL = 7 };

/* A resource that threads and handlers change; the saved priority is stored in it. */
static struct {
    Simple_lock lock;
    int saved;
    unsigned long first, second; /* always equal */
    unsigned long handlers, threads;
} resource;

static unsigned long wrong; /* atomic */
static int go, stop;        /* atomic: all may begin; how many are through */

/* What threads alone share. */
static struct {
    Simple_lock simple;
    lock_t word;
    unsigned long first, second;
    unsigned long by_try;
} shared;

static void reset(void)
{
    memset(&shared, 0, sizeof shared);
    shared.word = LOCK_AVAIL;
    wrong = 0;
    go = stop = 0;
    recorder_start();
}

static void wait_for_go(void)
{
    while (!LOAD(&go))
        sched_yield();
}

static void check(bool ok)
{
    if (!ok)
        ADD(&wrong, 1ul);
}

static void change(int priority, unsigned long *count, int raise)
{
    /* Written when the lock is mine, read before it is given back. */
    resource.saved = disable_lock(priority, &resource.lock);
    int mine = resource.saved;
    check(lock_mine(&resource.lock));
    check(resource.first == resource.second);
    resource.first++;
    if (raise != 0) /* waits until the lock is free */
        check(ksl_irq_raise_on(ksl_thread_self(), raise) == 0);
    *count += 1;
    check(priority_now() == priority);
    resource.second++;
    check(resource.saved == mine);
    unlock_enable(resource.saved, &resource.lock);
    check(priority_now() == mine);
}

static void on_irq(int irq, void *arg)
{
    int mine = priority_now();
    (void)arg;
    check(mine == INTBASE - (irq == OTHER_IRQ ? OTHER_IRQ_LEVEL : TEST_IRQ_LEVEL));
    change(INTCLASS0, &resource.handlers, 0);
    check(priority_now() == mine);
}

/* Each time from another priority. */
static void thread_main(void *arg)
{
    static const int from[] = {INTBASE, 10, INTCLASS3, INTCLASS1, INTCLASS0};
    wait_for_go();
    ksl_thread *next = *(ksl_thread **)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int old = i_disable(from[i % 5]);
        change(INTCLASS0, &resource.threads, i % 4 == 1 ? OTHER_IRQ : 0);
        i_enable(old);
        if (i % 4 == 0)
            check(ksl_irq_raise_on(ksl_thread_self(),
                                   i % 8 == 0 ? TEST_IRQ : OTHER_IRQ) == 0);
        if (i % 4 == 2)
            check(ksl_irq_raise_on(next, i % 8 == 2 ? TEST_IRQ : OTHER_IRQ) == 0);
    }
    ADD(&stop, 1);
    while (LOAD(&stop) < THREADS)
        i_enable(i_disable(INTMAX));
}

START_TEST(aix_T21_trap_19_threads_and_handlers_share_a_resource)
{
    struct actor actors[THREADS];
    ksl_thread *neighbour[THREADS] = {NULL};
    reset();
    memset(&resource, 0, sizeof resource);
    simple_lock_init(&resource.lock);
    ck_assert_int_eq(
        ksl_irq_request(TEST_IRQ, KSL_STAGE_INBAND, TEST_IRQ_LEVEL, on_irq, NULL), 0);
    ck_assert_int_eq(
        ksl_irq_request(OTHER_IRQ, KSL_STAGE_INBAND, OTHER_IRQ_LEVEL, on_irq, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        actor_start(&actors[i], thread_main, &neighbour[i]);
    for (int i = 0; i < THREADS; i++)
        neighbour[i] = actors[(i + 1) % THREADS].thread;
    STORE(&go, 1);
    for (int i = 0; i < THREADS; i++)
        actor_join(&actors[i]);
    (void)ksl_irq_free(TEST_IRQ);
    (void)ksl_irq_free(OTHER_IRQ);
    ck_assert_uint_eq(LOAD(&wrong), 0);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
    ck_assert_uint_eq(resource.threads, THREADS * ROUNDS);
    ck_assert_uint_gt(resource.handlers, 0);
    ck_assert_uint_eq(resource.first, resource.threads + resource.handlers);
    ck_assert_uint_eq(resource.second, resource.first);
    ck_assert_int_eq(simple_lock_try(&resource.lock), TRUE);
    simple_unlock(&resource.lock);
    recorder_stop();
}
END_TEST

/* Sleeping locks of threads: nobody is inside together, nothing is lost. */
static void enabled_main(void *arg)
{
    bool with_lockl = *(const bool *)arg;
    wait_for_go();
    for (int i = 0; i < ROUNDS; i++) {
        bool try = i % 3 == 0;
        if (with_lockl) {
            if (lockl(&shared.word, try ? LOCK_NDELAY : LOCK_SHORT) != LOCK_SUCC)
                continue;
            check(lockl(&shared.word, LOCK_SHORT) == LOCK_NEST);
        } else if (!try) {
            simple_lock(&shared.simple);
        } else if (!simple_lock_try(&shared.simple)) {
            continue;
        }
        check(shared.first == shared.second);
        shared.first++;
        if (i % 16 == 1)
            sched_yield();
        shared.by_try += try;
        shared.second++;
        if (with_lockl)
            unlockl(&shared.word);
        else
            simple_unlock(&shared.simple);
    }
}

START_TEST(aix_T4_T13_threads_exclude_each_other)
{
    bool with_lockl = _i == 1;
    struct actor actors[THREADS];
    reset();
    simple_lock_init(&shared.simple);
    for (int i = 0; i < THREADS; i++)
        actor_start(&actors[i], enabled_main, &with_lockl);
    STORE(&go, 1);
    for (int i = 0; i < THREADS; i++)
        actor_join(&actors[i]);
    ck_assert_uint_eq(LOAD(&wrong), 0);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
    ck_assert_uint_eq(shared.first, shared.second);
    ck_assert_uint_eq(shared.first - shared.by_try, THREADS * (ROUNDS - ROUNDS / 3));
    ck_assert_int_eq(simple_lock_try(&shared.simple), TRUE);
    simple_unlock(&shared.simple);
    ck_assert_int_eq(lockl(&shared.word, LOCK_NDELAY), LOCK_SUCC);
    unlockl(&shared.word);
    recorder_stop();
}
END_TEST

/* Waiters that leave by signal while others come and go: no wake-up is lost. */
static unsigned long taken, left; /* atomic */

static void leaving_main(void *arg)
{
    (void)arg;
    wait_for_go();
    for (int i = 0; i < ROUNDS; i++) {
        int result = lockl(&shared.word, LOCK_SIGRET);
        if (result == LOCK_SUCC) {
            check(shared.first == shared.second);
            shared.first++;
            if (i % 16 == 1)
                sched_yield();
            shared.second++;
            unlockl(&shared.word);
            ADD(&taken, 1ul);
        } else {
            check(result == LOCK_SIG && ksl_signal_take() != 0);
            ADD(&left, 1ul);
        }
    }
    ADD(&stop, 1);
    while (LOAD(&stop) <= THREADS)
        sched_yield();
}

START_TEST(aix_T5_waiters_that_leave_lose_no_wakeup_of_others)
{
    struct actor actors[THREADS];
    uint64_t state = 0;
    reset();
    taken = left = 0;
    for (int i = 0; i < THREADS; i++)
        actor_start(&actors[i], leaving_main, NULL);
    STORE(&go, 1);
    for (int i = 0; LOAD(&stop) < THREADS && support_keep_waiting(&state); i++)
        (void)ksl_signal_post(actors[i % THREADS].thread, 10 + i % 3);
    WAIT_UNTIL(LOAD(&stop) == THREADS);
    ADD(&stop, 1);
    for (int i = 0; i < THREADS; i++)
        actor_join(&actors[i]);
    ck_assert_uint_eq(LOAD(&wrong), 0);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
    ck_assert_uint_eq(LOAD(&taken) + LOAD(&left), THREADS * ROUNDS);
    ck_assert_uint_eq(shared.first, LOAD(&taken));
    ck_assert_uint_eq(shared.second, LOAD(&taken));
    ck_assert_int_eq(lockl(&shared.word, LOCK_NDELAY), LOCK_SUCC);
    unlockl(&shared.word);
    recorder_stop();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix locks under load");
    TCase *tc = tcase_create("load");
    tcase_set_timeout(tc, 180);
    tcase_add_test(tc, aix_T21_trap_19_threads_and_handlers_share_a_resource);
    tcase_add_loop_test(tc, aix_T4_T13_threads_exclude_each_other, 0, 2);
    tcase_add_test(tc, aix_T5_waiters_that_leave_lose_no_wakeup_of_others);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
