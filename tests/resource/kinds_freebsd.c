/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

#include "kinds.h"

static struct sx sx;
static struct mtx mtx, spin;

static void sx_renew(void)
{
    sx_init(&sx, "sx");
}

static void sx_take(void)
{
    sx_xlock(&sx);
}

static void sx_give(void)
{
    sx_xunlock(&sx);
}

static bool sx_try(void)
{
    return sx_try_xlock(&sx) != 0;
}

static void mtx_renew(void)
{
    mtx_init(&mtx, "mtx", NULL, MTX_DEF | MTX_NEW);
}

static void mtx_take(void)
{
    mtx_lock(&mtx);
}

static void mtx_give(void)
{
    mtx_unlock(&mtx);
}

static bool mtx_try(void)
{
    return mtx_trylock(&mtx) != 0;
}

const struct lock_kind freebsd_kinds[] = {
    {"sx", sx_renew, sx_take, sx_give, sx_try, false},
    {"mtx", mtx_renew, mtx_take, mtx_give, mtx_try, false},
};
const int freebsd_kinds_count = sizeof freebsd_kinds / sizeof *freebsd_kinds;

bool freebsd_use_spinning(void)
{
    mtx_init(&spin, "spin", NULL, MTX_SPIN | MTX_NEW);
    mtx_lock_spin(&spin);
    bool kept = mtx_owned(&spin);
    mtx_unlock_spin(&spin);
    return kept && !mtx_owned(&spin);
}
