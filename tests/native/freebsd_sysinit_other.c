/* SPDX-License-Identifier: BSD-2-Clause */
/* A second file with the generated names of freebsd_sysinit_test.c. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

int freebsd_sysinit_other(void);

static struct sx early, early_recursive;
static struct mtx early_mtx, early_spin;

SX_SYSINIT(init, &early, "other sx");
SX_SYSINIT_FLAGS(init_flags, &early_recursive, "other recursive sx",
                 SX_RECURSE | SX_DUPOK);
MTX_SYSINIT(init_mtx, &early_mtx, "other mutex", MTX_DEF | MTX_RECURSE);
MTX_SYSINIT(init_spin, &early_spin, "other spin mutex", MTX_SPIN);

int freebsd_sysinit_other(void)
{
    if (strcmp(early.lock_object.lo_name, "other sx") != 0 ||
        strcmp(early_recursive.lock_object.lo_name, "other recursive sx") != 0 ||
        strcmp(mtx_name(&early_mtx), "other mutex") != 0 ||
        strcmp(mtx_name(&early_spin), "other spin mutex") != 0)
        return __LINE__;
    sx_xlock(&early);
    sx_xlock(&early_recursive);
    sx_xlock(&early_recursive);
    mtx_lock(&early_mtx);
    mtx_lock(&early_mtx);
    mtx_lock_spin(&early_spin);
    int owned = mtx_owned(&early_spin) && mtx_recursed(&early_mtx) && sx_xlocked(&early);
    mtx_unlock_spin(&early_spin);
    mtx_unlock(&early_mtx);
    mtx_unlock(&early_mtx);
    sx_xunlock(&early_recursive);
    sx_xunlock(&early_recursive);
    sx_xunlock(&early);
    return owned ? 0 : __LINE__;
}
