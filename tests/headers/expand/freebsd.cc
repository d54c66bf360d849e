/* SPDX-License-Identifier: BSD-2-Clause */
#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

static struct sx table;
SX_SYSINIT(table, &table, "table");
static struct mtx mutex;
MTX_SYSINIT(mutex, &mutex, "mutex", MTX_DEF);

int expand(struct cv *cv);
int expand(struct cv *cv)
{
    sx_slock(&table);
    sx_sunlock(&table);
    sx_xlock(&table);
    sx_assert(&table, SA_XLOCKED);
    sx_downgrade(&table);
    if (sx_try_upgrade(&table) != 0)
        sx_xunlock(&table);
    mtx_lock(&mutex);
    mtx_assert(&mutex, MA_OWNED);
    cv_wait(cv, &mutex);
    cv_broadcast(cv);
    mtx_unlock(&mutex);
    mtx_lock_spin(&mutex);
    mtx_unlock_spin(&mutex);
    KASSERT(curthread != nullptr, ("no thread"));
    MPASS(cv_wmesg(cv) != nullptr);
    return tsleep(cv, PCATCH, "test", hz) + msleep(cv, &mutex, 0, "test", 0) +
           sx_sleep(cv, &table, 0, "test", 0) + sx_slock_sig(&table);
}
