/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_EVL_H
#define TESTS_FUZZ_EVL_H

/* The operations that EVL's families have beside those on their locks. */

#include "fuzz.h"

#include <evl/sched.h>

#include <kslock/signal.h>

/* The stages, and what ends waits; the names are those of the enum of the family. */
#define EVL_OPS                                                                          \
    [OOB] = {"evl_switch_oob", NULL}, [INBAND] = {"evl_switch_inband", NULL},            \
    [POST] = {"post", fz_post}, [UNBLOCK] = {"unblock", fz_unblock},                     \
    [TAKE] = {"take", NULL}

static inline int switch_stage(bool to_oob)
{
    if (to_oob)
        return evl_switch_oob();
    evl_switch_inband(0);
    return 0;
}

/* Whether a puppet is out-of-band after a switch that returned result. */
static inline bool is_oob_after(bool before, bool to_oob, int result)
{
    return to_oob && (before || result == 0);
}

#endif
