/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_COMPLEX_H
#define TESTS_NATIVE_AIX_COMPLEX_H

/* One complex lock and its puppets. */

#include "aix_test.h"

static Complex_lock l;
static struct puppet p[6];
static int puppets;

static void setup(int n)
{
    lock_init(&l, TRUE);
    puppets = n;
    puppets_start(p, n);
    recorder_start();
}

/* Nothing is held any more, and nothing was reported since the recorder started. */
static void finish(void)
{
    end_unreported(p, puppets);
    ck_assert_int_eq(lock_islocked(&l), FALSE);
}

/* Puppet i makes the call on the lock. */
static int says(int i, call_fn call)
{
    return ask(&p[i], call, &l);
}

/* It has to wait in that call. */
static inline void blocks(int i, call_fn call)
{
    tell_blocked(&p[i], call, &l);
}

/* Puppet i, which has waited, gets in and leaves again. */
static inline void passes(int i)
{
    answer(&p[i]);
    says(i, do_lock_done);
}

/* How much room there is for puppet i: 2 for a writer, 1 for a reader, 0 for none. */
static inline int room(int i)
{
    if (says(i, do_try_write) != FALSE) {
        says(i, do_lock_done);
        return 2;
    }
    if (says(i, do_try_read) == FALSE)
        return 0;
    says(i, do_lock_done);
    return 1;
}

#endif
