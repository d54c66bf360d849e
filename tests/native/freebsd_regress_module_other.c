/* SPDX-License-Identifier: BSD-2-Clause */
/* A module with a lock of its own, for freebsd_regress_*_test.c. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

void freebsd_regress_module_take(struct sx *sx);
void freebsd_regress_module_hold(void);

static struct sx own;
SX_SYSINIT(regress, &own, "module's lock");

void freebsd_regress_module_take(struct sx *sx)
{
    sx_xlock(sx);
}

void freebsd_regress_module_hold(void)
{
    sx_slock(&own);
}
