/* SPDX-License-Identifier: BSD-2-Clause */

/* ksl_signal_attach: POSIX signals that become simulated ones, without a window. */

#include "sanitized.h"
#include "signal_waits.h"
#include "support.h"

#include <kslock/cond.h>
#include <kslock/mutex.h>
#include <kslock/signal.h>
#include <kslock/sleepq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <signal.h>
#include <string.h>

#if SANITIZED
enum { ROUNDS = 500 };
#else
enum { ROUNDS = 20000 };
#endif

struct race {
    int kind;
    int begun;                        /* atomic: the round that the worker has begun */
    int ended;                        /* atomic: the round that it has ended */
    int result, taken, pending_after; /* of the first round that went wrong */
    int bad;
};

static void delay(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        __asm__ volatile("" ::: "memory");
}

static unsigned next_random(unsigned *x)
{
    *x = *x * 1664525u + 1013904223u;
    return *x >> 8;
}

static void be_interrupted(void *arg)
{
    struct race *r = arg;
    unsigned x = 1;
    for (int round = 1; round <= ROUNDS; round++) {
        STORE(&r->begun, round);
        delay(next_random(&x) % 2000);
        int result = wait_interruptibly(r->kind);
        int taken = ksl_signal_take();
        bool pending = ksl_signal_pending();
        if ((result != -EINTR || taken != SIGUSR1 || pending) && !r->bad) {
            r->bad = round;
            r->result = result;
            r->taken = taken;
            r->pending_after = pending;
        }
        STORE(&r->ended, round);
    }
}

START_TEST(no_signal_is_lost_before_or_during_sleep)
{
    struct race r = {.kind = _i};
    struct actor a;
    unsigned x = 7;
    ksl_cond_init(&cond);
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    actor_start(&a, be_interrupted, &r);
    for (int round = 1; round <= ROUNDS; round++) {
        WAIT_UNTIL(LOAD(&r.begun) == round);
        if (round % 16 == 0)
            wait_asleep(a.thread);
        else
            delay(next_random(&x) % 4000);
        ck_assert_int_eq(pthread_kill(a.pthread, SIGUSR1), 0);
        WAIT_UNTIL(LOAD(&r.ended) == round);
    }
    actor_join(&a);
    ck_assert_msg(r.bad == 0, "round %d: result %d, took %d, still pending %d", r.bad,
                  r.result, r.taken, r.pending_after);
}
END_TEST

START_TEST(it_is_posted_to_the_thread_that_it_arrives_at)
{
    struct actor a;
    struct race r = {.kind = 1};
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    ck_assert_int_eq(ksl_signal_attach(SIGUSR2), 0);
    actor_start(&a, be_interrupted, &r);
    wait_asleep(a.thread);
    ck_assert_int_eq(raise(SIGUSR2), 0);
    ck_assert(ksl_signal_pending());
    wait_asleep(a.thread);
    ck_assert_int_eq(LOAD(&r.ended), 0);
    ck_assert_int_eq(ksl_signal_take(), SIGUSR2);
    ck_assert_int_eq(ksl_signal_take(), 0);
    for (int round = 1; round <= ROUNDS; round++) {
        WAIT_UNTIL(LOAD(&r.begun) == round);
        ck_assert_int_eq(pthread_kill(a.pthread, SIGUSR1), 0);
        WAIT_UNTIL(LOAD(&r.ended) == round);
    }
    actor_join(&a);
    ck_assert_int_eq(r.bad, 0);
}
END_TEST

/* A signal storm must leave waits that are not interruptible, and errno, alone. */
struct storm {
    ksl_mutex_t mutex;
    int stop; /* atomic */
    int bad;  /* atomic */
    int turns;
};

static void lock_in_storm(void *arg)
{
    struct storm *s = arg;
    uint64_t state = 0;
    while (!LOAD(&s->stop) && support_keep_waiting(&state)) {
        errno = ECHILD;
        if (ksl_mutex_acquire(&s->mutex) != 0)
            ADD(&s->bad, 1);
        s->turns++;
        ksl_mutex_release(&s->mutex);
        if (errno != ECHILD)
            ADD(&s->bad, 1);
        (void)ksl_signal_take();
    }
}

START_TEST(storm_during_mutex_waits)
{
    struct storm s;
    struct actor a[2];
    memset(&s, 0, sizeof s);
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], lock_in_storm, &s);
    for (int round = 0; round < ROUNDS; round++)
        ck_assert_int_eq(pthread_kill(a[round % 2].pthread, SIGUSR1), 0);
    STORE(&s.stop, 1);
    for (int i = 0; i < 2; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(s.bad, 0);
    ck_assert_int_gt(s.turns, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("signal_attach");
    TCase *tc = tcase_create("attach");
    tcase_set_timeout(tc, 180);
    tcase_add_loop_test(tc, no_signal_is_lost_before_or_during_sleep, 0, 3);
    tcase_add_test(tc, it_is_posted_to_the_thread_that_it_arrives_at);
    tcase_add_test(tc, storm_during_mutex_waits);
    suite_add_tcase(s, tc);
    return support_run(s);
}
