/* SPDX-License-Identifier: BSD-2-Clause */
#include "locks.h"

#include <sys/intr.h>
#include <sys/lock.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

#include <string.h>

static void nothing(void *l)
{
    (void)l;
}

static void simple_begin(void *l)
{
    simple_lock_init(l);
}

static int simple_take(void *l)
{
    simple_lock((simple_lock_t)l);
    return 0;
}

static int simple_try(void *l)
{
    return simple_lock_try((simple_lock_t)l);
}

static int simple_give(void *l)
{
    simple_unlock((simple_lock_t)l);
    return 0;
}

/* The interrupt priority to go back to; who has one of these locks takes no other. */
static __thread int before;

static int disabled_take(void *l)
{
    before = disable_lock(INTMAX, (simple_lock_t)l);
    return 0;
}

static int disabled_give(void *l)
{
    unlock_enable(before, (simple_lock_t)l);
    return 0;
}

static void lockl_begin(void *l)
{
    *(lock_t *)l = LOCK_AVAIL;
}

static int lockl_take(void *l)
{
    return lockl((lock_t *)l, LOCK_SHORT) == LOCK_SUCC ? 0 : -1;
}

static int lockl_try(void *l)
{
    return lockl((lock_t *)l, LOCK_NDELAY) == LOCK_SUCC;
}

static int lockl_give(void *l)
{
    unlockl((lock_t *)l);
    return 0;
}

static void complex_begin(void *l)
{
    lock_init(l, TRUE);
}

static int complex_take(void *l)
{
    lock_write((complex_lock_t)l);
    return 0;
}

static int complex_try(void *l)
{
    return lock_try_write((complex_lock_t)l);
}

static int complex_share(void *l)
{
    lock_read((complex_lock_t)l);
    return 0;
}

static int complex_try_share(void *l)
{
    return lock_try_read((complex_lock_t)l);
}

static int complex_done(void *l)
{
    lock_done((complex_lock_t)l);
    return 0;
}

static int complex_downgrade(void *l)
{
    lock_write_to_read((complex_lock_t)l);
    return 0;
}

static void drw_begin(void *l)
{
    drw_lock_init(l);
}

static void drw_end(void *l)
{
    drw_lock_free(l);
}

static int drw_take(void *l)
{
    drw_lock_write((drw_lock_t)l);
    return 0;
}

static int drw_try(void *l)
{
    return drw_lock_try_write((drw_lock_t)l);
}

static int drw_share(void *l)
{
    drw_lock_read((drw_lock_t)l);
    return 0;
}

static int drw_done(void *l)
{
    drw_lock_done((drw_lock_t)l);
    return 0;
}

/* TRUE: it is the writer now, unlike the complex lock's. */
static int drw_upgrade(void *l)
{
    return drw_lock_try_read_to_write((drw_lock_t)l) != FALSE;
}

static int drw_downgrade(void *l)
{
    drw_lock_write_to_read((drw_lock_t)l);
    return 0;
}

const struct lock_kind aix_locks[] = {
    {
        .name = "simple",
        .begin = simple_begin,
        .end = nothing,
        .take = simple_take,
        .try_take = simple_try,
        .give = simple_give,
    },
    {
        .name = "disabled",
        .begin = simple_begin,
        .end = nothing,
        .take = disabled_take,
        .give = disabled_give,
        .spins = true,
    },
    {
        .name = "lockl",
        .begin = lockl_begin,
        .end = nothing,
        .take = lockl_take,
        .try_take = lockl_try,
        .give = lockl_give,
    },
    {
        .name = "complex",
        .begin = complex_begin,
        .end = nothing,
        .take = complex_take,
        .try_take = complex_try,
        .give = complex_done,
        .share = complex_share,
        .try_share = complex_try_share,
        .unshare = complex_done,
        .downgrade = complex_downgrade,
        .readers_pass = true,
    },
    {
        .name = "drw",
        .begin = drw_begin,
        .end = drw_end,
        .take = drw_take,
        .try_take = drw_try,
        .give = drw_done,
        .share = drw_share,
        .unshare = drw_done,
        .upgrade = drw_upgrade,
        .downgrade = drw_downgrade,
        .spins = true,
        .handlers = true,
    },
    {.name = NULL},
};
