/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_SX_SIGNAL_H
#define TESTS_NATIVE_FREEBSD_SX_SIGNAL_H

/* A lock and two puppets that get signals. */

#include "freebsd_sx_puppet.h"

#include <kslock/signal.h>

enum { STOPS = 7, RESTARTS = 5, IGNORED = 9, MASKED = 12 };

/* Takes all signals; returns the first one. */
static inline int take(void *sx)
{
    (void)sx;
    int first = ksl_signal_take();
    while (ksl_signal_take() != 0) {
    }
    return first;
}

static inline int holds_nothing(void *sx)
{
    sx_assert(sx, SA_UNLOCKED);
    return 1;
}

static struct sx sx;
static struct puppet p, q;

static inline void setup(void)
{
    recorder_start();
    ck_assert_int_eq(ksl_signal_action(STOPS, 0), 0);
    ck_assert_int_eq(ksl_signal_action(MASKED, 0), 0);
    ck_assert_int_eq(ksl_signal_action(RESTARTS, KSL_SIGNAL_RESTART), 0);
    ck_assert_int_eq(ksl_signal_action(IGNORED, KSL_SIGNAL_IGNORE), 0);
    sx_init_flags(&sx, "interruptible", SX_RECURSE);
    puppet_start(&p);
    puppet_start(&q);
}

static inline void teardown(void)
{
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    puppet_end(&p);
    puppet_end(&q);
    sx_destroy(&sx);
    ck_assert_int_eq(ksl_signal_action(RESTARTS, 0), 0);
    ck_assert_int_eq(ksl_signal_action(IGNORED, 0), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

static inline void post(struct puppet *to, int signo)
{
    ck_assert_int_eq(ksl_signal_post(to->actor.thread, signo), 0);
}

static inline void check_interrupted(call_fn call, int signo, int expected)
{
    tell_blocked(&p, call, &sx);
    post(&p, signo);
    WAIT_UNTIL(done(&p));
    ck_assert_int_eq(p.result, expected);
    ck_assert_int_eq(ask(&p, holds_nothing, &sx), 1);
    ck_assert_int_eq(ask(&p, take, &sx), signo); /* the wait took nothing */
}

#endif
