/* SPDX-License-Identifier: BSD-2-Clause */
/* FreeBSD: mutexes, sleep and wakeup, condition variables; see freebsd.c. */

#include "diag/print.h"
#include "native/freebsd.h"
#include "platform/host.h"
#include "platform/testing.h"

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/param.h>
#include <sys/systm.h>

#undef ticks /* a member of struct ksi_sleep, too */

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

/* --- mtx ------------------------------------------------------------------ */

void(mtx_init)(struct mtx *m, const char *name, const char *type, int opts)
{
    (void)type;
    ksi_mtx_init(of_mtx(m), name, (unsigned)opts, KSI_SITE());
}

void(mtx_destroy)(struct mtx *m)
{
    ksi_mtx_destroy(of_mtx(m), KSI_SITE());
}

void ksl_freebsd_mtx_destroy_at(struct mtx *m, const struct ksl_place *place)
{
    ksi_mtx_destroy(of_mtx(m), at(place));
}

int ksl_freebsd_mtx_lock_at(struct mtx *m, int try_only, const struct ksl_place *place)
{
    return ksi_mtx_lock(of_mtx(m), try_only != 0, at(place));
}

void ksl_freebsd_mtx_unlock_at(struct mtx *m, const struct ksl_place *place)
{
    ksi_mtx_unlock(of_mtx(m), at(place));
}

int ksl_freebsd_mtx_spin_at(struct mtx *m, int try_only, const struct ksl_place *place)
{
    return ksi_mtx_spin_lock(of_mtx(m), try_only != 0, at(place));
}

void ksl_freebsd_mtx_unspin_at(struct mtx *m, const struct ksl_place *place)
{
    ksi_mtx_spin_unlock(of_mtx(m), at(place));
}

void ksl_freebsd_mtx_assert_at(const struct mtx *m, int what,
                               const struct ksl_place *place)
{
    ksi_mtx_assert(of_mtx(m), what, at(place));
}

void(mtx_lock)(struct mtx *m)
{
    (void)ksi_mtx_lock(of_mtx(m), false, KSI_SITE());
}

int(mtx_trylock)(struct mtx *m)
{
    return ksi_mtx_lock(of_mtx(m), true, KSI_SITE());
}

void(mtx_unlock)(struct mtx *m)
{
    ksi_mtx_unlock(of_mtx(m), KSI_SITE());
}

void(mtx_lock_spin)(struct mtx *m)
{
    (void)ksi_mtx_spin_lock(of_mtx(m), false, KSI_SITE());
}

int(mtx_trylock_spin)(struct mtx *m)
{
    return ksi_mtx_spin_lock(of_mtx(m), true, KSI_SITE());
}

void(mtx_unlock_spin)(struct mtx *m)
{
    ksi_mtx_spin_unlock(of_mtx(m), KSI_SITE());
}

void(mtx_assert)(const struct mtx *m, int what)
{
    ksi_mtx_assert(of_mtx(m), what, KSI_SITE());
}

int(mtx_owned)(const struct mtx *m)
{
    return ksi_named_mine(of_mtx(m), ksi_self());
}

int(mtx_recursed)(const struct mtx *m)
{
    return (ksi_load(&m->mtx_lock) & KSI_RECURSED) != 0;
}

int(mtx_initialized)(const struct mtx *m)
{
    return (ksi_load(&m->lock_object.lo_flags) & LO_INITIALIZED) != 0;
}

/* --- sleep, wakeup, cv ---------------------------------------------------- */

int ksl_freebsd_sleep(const void *chan, struct lock_object *lock, int priority,
                      const char *wmesg, int timo, const struct ksl_place *place)
{
    struct ksi_sleep s = {
        .key = chan,
        .kind = KSI_Q_CHANNEL,
        .call = lock != NULL ? "sleep" : "tsleep",
        .what = wmesg,
        .lock = (struct ksi_named *)(void *)lock,
        .interruptible = (priority & PCATCH) != 0,
        .drop = (priority & PDROP) != 0,
        .ticks = timo,
        .site = at(place),
    };
    const char *wrong = NULL;
    if (lock == NULL && (priority & PDROP) != 0)
        wrong = "PDROP without a lock";
    else if (lock == NULL && timo == 0 && (priority & PNOLOCK) == 0)
        wrong = "an untimed sleep without a lock";
    if (wrong == NULL)
        return ksi_sleep(&s);
    ksi_sleep_refuse(&s, KSI_BAD_ARGUMENT_RULE, wrong);
    return EINVAL;
}

int ksl_freebsd_msleep(const void *chan, struct mtx *m, int priority, const char *wmesg,
                       int timo, const struct ksl_place *place)
{
    return ksl_freebsd_sleep(chan, m != NULL ? &m->lock_object : NULL, priority, wmesg,
                             timo, place);
}

int ksl_freebsd_msleep_spin(const void *chan, struct mtx *m, const char *wmesg, int timo,
                            const struct ksl_place *place)
{
    struct ksi_sleep s = {
        .key = chan,
        .kind = KSI_Q_CHANNEL,
        .call = "msleep_spin",
        .what = wmesg,
        .lock = of_mtx(m),
        .spinning = true,
        .ticks = timo,
        .site = at(place),
    };
    return ksi_sleep(&s);
}

static void wake(const void *chan, enum ksi_wake_who who, const void *site)
{
    if (chan != NULL) {
        ksi_wakeup(chan, KSI_Q_CHANNEL, who);
        return;
    }
    struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, KSI_CHANNEL, NULL, site, NULL, false};
    ksi_violate(&m, "wakeup of the NULL channel");
}

void(wakeup)(const void *chan)
{
    wake(chan, KSI_WAKE_ALL, KSI_SITE());
}

void(wakeup_one)(const void *chan)
{
    wake(chan, KSI_WAKE_URGENT, KSI_SITE());
}

void(wakeup_any)(const void *chan)
{
    wake(chan, KSI_WAKE_LAST, KSI_SITE());
}

/* On a channel that nobody else knows. */
static int nap(const char *wmesg, int timo, bool interruptible, const void *site)
{
    struct ksi_sleep s = {
        .key = &ksi_self()->waiters,
        .kind = KSI_Q_CHANNEL,
        .call = "pause",
        .what = wmesg,
        .interruptible = interruptible,
        .ticks = timo == 0 ? 1 : timo,
        .site = site,
    };
    return ksi_sleep(&s);
}

int ksl_freebsd_pause(const char *wmesg, int timo)
{
    return nap(wmesg, timo, false, KSI_SITE());
}

int(pause_sig)(const char *wmesg, int timo)
{
    return nap(wmesg, timo, !KSI_FAULT(PAUSE_DEAF), KSI_SITE());
}

void(cv_init)(struct cv *cvp, const char *desc)
{
    cvp->cv_description = desc;
    ksi_store(&cvp->cv_waiters, 0);
}

void(cv_destroy)(struct cv *cvp)
{
    if (ksi_load(&cvp->cv_waiters) == 0)
        return;
    struct ksi_misuse m = {KSI_DESTROY_HELD_RULE, KSI_CV, cvp, KSI_SITE(), NULL, false};
    ksi_violate(&m, "cv_destroy(%s) with waiters",
                cvp->cv_description != NULL ? cvp->cv_description : "");
}

void(cv_signal)(struct cv *cvp)
{
    ksi_wakeup(cvp, KSI_Q_CV, KSI_WAKE_URGENT);
}

void(cv_broadcastpri)(struct cv *cvp, int pri)
{
    (void)pri;
    ksi_wakeup(cvp, KSI_Q_CV,
               KSI_FAULT(CV_BROADCAST_ONE) ? KSI_WAKE_URGENT : KSI_WAKE_ALL);
}

int ksl_freebsd_cv_wait(struct cv *cvp, struct lock_object *lock, int flags, int timo,
                        const struct ksl_place *place)
{
    struct ksi_sleep s = {
        .key = cvp,
        .kind = KSI_Q_CV,
        .counter = (uint32_t *)&cvp->cv_waiters,
        .call = "cv_wait",
        .what = cvp->cv_description,
        .lock = (struct ksi_named *)(void *)lock,
        .interruptible = (flags & 1) != 0,
        .drop = (flags & 2) != 0,
        .ticks = (flags & 4) != 0 && timo == 0 ? 1 : timo,
        .site = at(place),
    };
    return ksi_sleep(&s);
}

/* --- the rest ------------------------------------------------------------- */

int ksl_freebsd_tick(void)
{
    return 1000000 / ksi_hz();
}

int ksl_freebsd_ticks(void)
{
    return ksi_ticks();
}

void(panic)(const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)ksi_cancel_off(); /* or the thread would end instead of the program */
    fprintf(stderr, "panic: %s\n", text);
    ksi_out_backtrace(STDERR_FILENO);
    abort();
}
