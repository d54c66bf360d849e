/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_SX_STATES_H
#define TESTS_NATIVE_FREEBSD_SX_STATES_H

/* Who has the lock when the main thread makes a call. */

#include "freebsd_sx_puppet.h"

enum state {
    FREE,
    MY_SHARE,
    MY_SHARES, /* two */
    MINE,
    MINE_TWICE,
    OTHERS_SHARE,
    BOTH_SHARE,
    OTHERS,
    STATES
};

/* Makes a new lock that is in this state; the others are a puppet. */
static inline void enter(struct sx *sx, const char *description, struct puppet *other,
                         enum state state)
{
    sx_init_flags(sx, description, state == MINE_TWICE ? SX_RECURSE : 0);
    if (state == MY_SHARE || state == MY_SHARES || state == BOTH_SHARE)
        sx_slock(sx);
    if (state == MY_SHARES)
        sx_slock(sx);
    if (state == MINE || state == MINE_TWICE)
        sx_xlock(sx);
    if (state == MINE_TWICE)
        sx_xlock(sx);
    if (state == OTHERS_SHARE || state == BOTH_SHARE)
        (void)ask(other, slock, sx);
    if (state == OTHERS)
        (void)ask(other, xlock, sx);
}

#endif
