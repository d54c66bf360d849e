/* SPDX-License-Identifier: BSD-2-Clause */
/* F17: a wait ends because a signal has interrupted the host's call. */

#include "bugs.h"

#include <kslock/cond.h>
#include <kslock/sleepq.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>

enum { SIGNALS = 40 };

static unsigned caught; /* atomic */

static void count(int signo)
{
    (void)signo;
    ADD(&caught, 1u);
}

/* Without SA_RESTART: the call that the thread sleeps in fails with EINTR. */
static void install(void)
{
    struct sigaction action = {.sa_handler = count};
    sigemptyset(&action.sa_mask);
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
}

/* One after the other, each when the one before has been handled. */
static void storm(struct puppet *p)
{
    for (unsigned i = 0; i < SIGNALS; i++) {
        unsigned before = LOAD(&caught);
        ck_assert_int_eq(pthread_kill(p->actor.pthread, SIGUSR1), 0);
        WAIT_UNTIL(LOAD(&caught) != before);
    }
    /* A race detector hands signals on when a call returns. */
    sched_yield();
}

START_TEST(f17_real_signals_end_no_wait_for_a_lock)
{
    install();
    struct scene s = {.puppets = 3};
    while (scene_next(&s, ALL_KINDS)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        waits(&s, 1, k->take);
        storm(&s.p[1]);
        still_waits(&s, 1);
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        if (k->share != NULL) {
            waits(&s, 2, k->share);
            storm(&s.p[2]);
            still_waits(&s, 2);
        }
        ck_assert_int_eq(says(&s, 1, k->give), 0);
        if (k->share != NULL) {
            ck_assert_int_eq(answer(&s.p[2]), 0);
            ck_assert_int_eq(says(&s, 2, k->unshare), 0);
        }
    }
}
END_TEST

static ksl_cond_t cond;
static ksl_sleep_queue_t queue;

static int wait_cond(void *unused)
{
    (void)unused;
    return ksl_cond_wait_interruptible(&cond, 1);
}

static int sleep_on(void *unused)
{
    (void)unused;
    return ksl_sleepq_sleep(&queue, KSL_BLOCK_INTERRUPTIBLE);
}

/* A host's signal is not one of the library's, unless it is attached. */
START_TEST(f17_real_signals_end_no_sleep)
{
    struct puppet p[2];
    install();
    puppets_start(p, 2);
    tell_blocked(&p[0], wait_cond, NULL);
    tell_blocked(&p[1], sleep_on, NULL);
    storm(&p[0]);
    storm(&p[1]);
    still_asleep(&p[0]);
    still_asleep(&p[1]);
    ksl_cond_set(&cond, 1);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    puppets_end(p, 2);
}
END_TEST

void add_f17(void)
{
    BUG(f17_real_signals_end_no_wait_for_a_lock);
    BUG(f17_real_signals_end_no_sleep);
}
