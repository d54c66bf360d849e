/* SPDX-License-Identifier: BSD-2-Clause */

/* FreeBSD source in an application that has functions of the same names. */

#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

/* 0 if all behaved as the kernel's functions do, else the line that found it. */
int freebsd_clash_use_kernel(void);

#define EXPECT(what)                                                                     \
    do {                                                                                 \
        if (!(what))                                                                     \
            return __LINE__;                                                             \
    } while (0)

static struct sx early;
SX_SYSINIT(early_init, &early, "early");

static int use_sx(void)
{
    struct sx sx;
    EXPECT(sx_try_xlock(&early));
    sx_unlock(&early);
    sx_init_flags(&sx, "flags", SX_RECURSE);
    sx_xlock(&sx);
    EXPECT(sx_xlock_sig(&sx) == 0);
    EXPECT(sx_xlocked(&sx) && sx_xholder(&sx) == curthread && sx.sx_recurse == 1);
    sx_xunlock(&sx);
    sx_xunlock(&sx);
    sx_destroy(&sx);
    sx_init(&sx, "plain");
    sx_slock(&sx);
    EXPECT(sx_try_slock(&sx));
    sx_sunlock(&sx);
    EXPECT(sx_try_upgrade(&sx));
    sx_downgrade(&sx);
    EXPECT(sx_sleep(&sx, &sx, 0, "clash", 1) == EWOULDBLOCK);
    sx_assert(&sx, SA_SLOCKED);
    EXPECT(!sx_has_waiters(&sx));
    sx_sunlock(&sx);
    EXPECT(sx_slock_sig(&sx) == 0);
    sx_unlock(&sx);
    sx_destroy(&sx);
    return 0;
}

static int use_mtx(void)
{
    struct mtx m, spin;
    mtx_init(&m, "m", NULL, MTX_DEF | MTX_RECURSE);
    mtx_init(&spin, "spin", NULL, MTX_SPIN);
    EXPECT(mtx_initialized(&m));
    mtx_lock(&m);
    EXPECT(mtx_trylock(&m) && mtx_owned(&m) && mtx_recursed(&m));
    mtx_unlock(&m);
    EXPECT(msleep(&m, &m, 0, "clash", 1) == EWOULDBLOCK);
    EXPECT(mtx_sleep(&m, &m, 0, "clash", 1) == EWOULDBLOCK);
    mtx_assert(&m, MA_OWNED);
    mtx_unlock(&m);
    mtx_lock_spin(&spin);
    EXPECT(msleep_spin(&m, &spin, "clash", 1) == EWOULDBLOCK);
    mtx_unlock_spin(&spin);
    EXPECT(mtx_trylock_spin(&spin));
    mtx_unlock_spin(&spin);
    mtx_destroy(&spin);
    mtx_destroy(&m);
    return 0;
}

static int use_sleep_and_cv(void)
{
    struct cv cv;
    struct mtx m;
    int before = ticks;
    cv_init(&cv, "cv");
    mtx_init(&m, "m", NULL, MTX_DEF);
    mtx_lock(&m);
    EXPECT(cv_timedwait(&cv, &m, 1) == EWOULDBLOCK);
    EXPECT(cv_timedwait_sig(&cv, &m, 1) == EWOULDBLOCK);
    mtx_unlock(&m);
    cv_signal(&cv);
    cv_broadcast(&cv);
    cv_destroy(&cv);
    mtx_destroy(&m);
    wakeup(&m);
    wakeup_one(&m);
    wakeup_any(&m);
    EXPECT(tsleep(&m, 0, "clash", 1) == EWOULDBLOCK);
    EXPECT(pause_sig("clash", 1) == EWOULDBLOCK);
    EXPECT(hz == 1000 && tick == 1000 && ticks >= before);
    return 0;
}

int freebsd_clash_use_kernel(void)
{
    static int (*const uses[])(void) = {use_sx, use_mtx, use_sleep_and_cv};
    for (unsigned i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        int line = uses[i]();
        if (line != 0)
            return line;
    }
    return 0;
}
