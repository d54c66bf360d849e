/* SPDX-License-Identifier: BSD-2-Clause */
#include "locks.h"

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

#include <string.h>

static void sx_begin(void *l)
{
    memset(l, 0, sizeof(struct lock_memory));
    sx_init((struct sx *)l, "bugs");
}

static void sx_end(void *l)
{
    sx_destroy((struct sx *)l);
}

static int x_take(void *l)
{
    sx_xlock((struct sx *)l);
    return 0;
}

static int x_try(void *l)
{
    return sx_try_xlock((struct sx *)l);
}

static int x_give(void *l)
{
    sx_xunlock((struct sx *)l);
    return 0;
}

static int s_take(void *l)
{
    sx_slock((struct sx *)l);
    return 0;
}

static int s_try(void *l)
{
    return sx_try_slock((struct sx *)l);
}

static int s_give(void *l)
{
    sx_sunlock((struct sx *)l);
    return 0;
}

static int x_upgrade(void *l)
{
    return sx_try_upgrade((struct sx *)l);
}

static int x_downgrade(void *l)
{
    sx_downgrade((struct sx *)l);
    return 0;
}

static void m_begin(void *l)
{
    memset(l, 0, sizeof(struct lock_memory));
    mtx_init((struct mtx *)l, "bugs", NULL, MTX_DEF);
}

static void m_end(void *l)
{
    mtx_destroy((struct mtx *)l);
}

static int m_take(void *l)
{
    mtx_lock((struct mtx *)l);
    return 0;
}

static int m_try(void *l)
{
    return mtx_trylock((struct mtx *)l);
}

static int m_give(void *l)
{
    mtx_unlock((struct mtx *)l);
    return 0;
}

static void spin_begin(void *l)
{
    memset(l, 0, sizeof(struct lock_memory));
    mtx_init((struct mtx *)l, "bugs", NULL, MTX_SPIN);
}

static int spin_take(void *l)
{
    mtx_lock_spin((struct mtx *)l);
    return 0;
}

static int spin_try(void *l)
{
    return mtx_trylock_spin((struct mtx *)l);
}

static int spin_give(void *l)
{
    mtx_unlock_spin((struct mtx *)l);
    return 0;
}

const struct lock_kind freebsd_locks[] = {
    {
        .name = "sx",
        .begin = sx_begin,
        .end = sx_end,
        .take = x_take,
        .try_take = x_try,
        .give = x_give,
        .share = s_take,
        .try_share = s_try,
        .unshare = s_give,
        .upgrade = x_upgrade,
        .downgrade = x_downgrade,
        .handlers = true,
    },
    {
        .name = "mtx",
        .begin = m_begin,
        .end = m_end,
        .take = m_take,
        .try_take = m_try,
        .give = m_give,
        .handlers = true,
    },
    {
        .name = "mtx-spin",
        .begin = spin_begin,
        .end = m_end,
        .take = spin_take,
        .try_take = spin_try,
        .give = spin_give,
        .spins = true,
        .handlers = true,
    },
    {.name = NULL},
};
