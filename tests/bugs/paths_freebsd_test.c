/* SPDX-License-Identifier: BSD-2-Clause */
/* Slow paths of FreeBSD: recursed holds. */

#include "bugs.h"

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

static struct sx sx;
static struct mtx mtx;

static int xlock(void *l)
{
    sx_xlock((struct sx *)l);
    return 0;
}

static int xunlock(void *l)
{
    sx_xunlock((struct sx *)l);
    return 0;
}

static int lock(void *l)
{
    mtx_lock((struct mtx *)l);
    return 0;
}

static int unlock(void *l)
{
    mtx_unlock((struct mtx *)l);
    return 0;
}

static void recursed(void *l, call_fn take, call_fn give)
{
    struct puppet p[2];
    puppets_start(p, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&p[0], take, l), 0);
    tell_blocked(&p[1], take, l);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p[0], give, l), 0);
        still_asleep(&p[1]);
    }
    ck_assert_int_eq(ask(&p[0], give, l), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], give, l), 0);
    puppets_end(p, 2);
}

START_TEST(path_a_recursed_lock_is_free_when_all_holds_are)
{
    sx_init_flags(&sx, "recursed", SX_RECURSE);
    mtx_init(&mtx, "recursed", NULL, MTX_DEF | MTX_RECURSE);
    recursed(&sx, xlock, xunlock);
    recursed(&mtx, lock, unlock);
    sx_destroy(&sx);
    mtx_destroy(&mtx);
}
END_TEST

void add_paths_of_freebsd(void)
{
    BUG(path_a_recursed_lock_is_free_when_all_holds_are);
}
