/* SPDX-License-Identifier: BSD-2-Clause */
/* A module: locks of its own, and two in the memory of the program. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

extern struct sx freebsd_sysinit_module_sx;
extern struct mtx freebsd_sysinit_module_mtx;
int freebsd_sysinit_module_use(void);

static struct sx own_sx;
static struct mtx own_mtx;

SX_SYSINIT(init, &freebsd_sysinit_module_sx, "module sx");
MTX_SYSINIT(init_mtx, &freebsd_sysinit_module_mtx, "module mutex", MTX_DEF);
SX_SYSINIT(init_own, &own_sx, "module's own sx");
MTX_SYSINIT(init_own_mtx, &own_mtx, "module's own mutex", MTX_DEF);

int freebsd_sysinit_module_use(void)
{
    sx_xlock(&own_sx);
    mtx_lock(&own_mtx);
    int owned = sx_xlocked(&own_sx) && mtx_owned(&own_mtx);
    mtx_unlock(&own_mtx);
    sx_downgrade(&own_sx);
    sx_sunlock(&own_sx);
    return owned ? 0 : __LINE__;
}
