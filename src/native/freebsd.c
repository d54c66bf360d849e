/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FreeBSD: documented names -> locks. Functions with a place get it from the macros
 * of the headers; those of the plain names serve function pointers and other
 * languages.
 */

#include "lock/channel.h"
#include "lock/mtx.h"
#include "lock/sx.h"
#include "thread/exiting.h"

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/mutex.h>
#include <sys/param.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

#undef ticks /* a member of struct ksi_sleep, too */

#include <execinfo.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define SAME_LAYOUT(type, member)                                                        \
    _Static_assert(sizeof(type) == sizeof(struct ksi_named) &&                           \
                       offsetof(type, member) == offsetof(struct ksi_named, word) &&     \
                       offsetof(struct lock_object, lo_flags) ==                         \
                           offsetof(struct ksi_named, flags) &&                          \
                       offsetof(struct lock_object, lo_data) ==                          \
                           offsetof(struct ksi_named, recursed),                         \
                   "diag/named.h")
SAME_LAYOUT(struct sx, sx_lock);
SAME_LAYOUT(struct mtx, mtx_lock);

static struct ksi_named *of_sx(const struct sx *sx)
{
    return (struct ksi_named *)(uintptr_t)sx;
}

static struct ksi_named *of_mtx(const struct mtx *m)
{
    return (struct ksi_named *)(uintptr_t)m;
}

static const void *at(const struct ksl_place *place)
{
    return ksi_flip_place(place);
}

/* --- sx ------------------------------------------------------------------- */

void(sx_init)(struct sx *sx, const char *description)
{
    ksi_sx_init(of_sx(sx), description, 0, KSI_SITE());
}

void(sx_init_flags)(struct sx *sx, const char *description, int opts)
{
    ksi_sx_init(of_sx(sx), description, (unsigned)opts, KSI_SITE());
}

void(sx_destroy)(struct sx *sx)
{
    ksi_sx_destroy(of_sx(sx), KSI_SITE());
}

void ksl_freebsd_sx_destroy_at(struct sx *sx, const struct ksl_place *place)
{
    ksi_sx_destroy(of_sx(sx), at(place));
}

int ksl_freebsd_sx_lock_at(struct sx *sx, int exclusive, int opts,
                           const struct ksl_place *place)
{
    return ksi_sx_lock(of_sx(sx), exclusive != 0 ? KSI_SX_EXCLUSIVE : KSI_SX_SHARE,
                       (opts & SX_INTERRUPTIBLE) != 0, at(place));
}

int ksl_freebsd_sx_try_at(struct sx *sx, int exclusive, const struct ksl_place *place)
{
    return ksi_sx_try(of_sx(sx), exclusive != 0 ? KSI_SX_EXCLUSIVE : KSI_SX_SHARE,
                      at(place));
}

void ksl_freebsd_sx_unlock_at(struct sx *sx, int mode, const struct ksl_place *place)
{
    ksi_sx_unlock(of_sx(sx), (enum ksi_sx_mode)mode, at(place));
}

int ksl_freebsd_sx_try_upgrade_at(struct sx *sx, const struct ksl_place *place)
{
    return ksi_sx_try_upgrade(of_sx(sx), at(place));
}

void ksl_freebsd_sx_downgrade_at(struct sx *sx, const struct ksl_place *place)
{
    ksi_sx_downgrade(of_sx(sx), at(place));
}

void ksl_freebsd_sx_assert_at(const struct sx *sx, int what,
                              const struct ksl_place *place)
{
    ksi_sx_assert(of_sx(sx), what, at(place));
}

void(sx_slock)(struct sx *sx)
{
    (void)ksi_sx_lock(of_sx(sx), KSI_SX_SHARE, false, KSI_SITE());
}

void(sx_xlock)(struct sx *sx)
{
    (void)ksi_sx_lock(of_sx(sx), KSI_SX_EXCLUSIVE, false, KSI_SITE());
}

int(sx_slock_sig)(struct sx *sx)
{
    return ksi_sx_lock(of_sx(sx), KSI_SX_SHARE, true, KSI_SITE());
}

int(sx_xlock_sig)(struct sx *sx)
{
    return ksi_sx_lock(of_sx(sx), KSI_SX_EXCLUSIVE, true, KSI_SITE());
}

int(sx_try_slock)(struct sx *sx)
{
    return ksi_sx_try(of_sx(sx), KSI_SX_SHARE, KSI_SITE());
}

int(sx_try_xlock)(struct sx *sx)
{
    return ksi_sx_try(of_sx(sx), KSI_SX_EXCLUSIVE, KSI_SITE());
}

void(sx_sunlock)(struct sx *sx)
{
    ksi_sx_unlock(of_sx(sx), KSI_SX_SHARE, KSI_SITE());
}

void(sx_xunlock)(struct sx *sx)
{
    ksi_sx_unlock(of_sx(sx), KSI_SX_EXCLUSIVE, KSI_SITE());
}

void(sx_unlock)(struct sx *sx)
{
    ksi_sx_unlock(of_sx(sx), KSI_SX_EITHER, KSI_SITE());
}

int(sx_try_upgrade)(struct sx *sx)
{
    return ksi_sx_try_upgrade(of_sx(sx), KSI_SITE());
}

void(sx_downgrade)(struct sx *sx)
{
    ksi_sx_downgrade(of_sx(sx), KSI_SITE());
}

void(sx_assert)(const struct sx *sx, int what)
{
    ksi_sx_assert(of_sx(sx), what, KSI_SITE());
}

struct thread *(sx_xholder)(const struct sx *sx)
{
    if (!ksi_named_alive(of_sx(sx), KSI_NAMED_SX, "sx_xholder", KSI_SITE()))
        return NULL;
    return (struct thread *)(void *)ksi_thread_of(ksi_rw_owner(ksi_load(&sx->sx_lock)));
}

int(sx_xlocked)(const struct sx *sx)
{
    if (!ksi_named_alive(of_sx(sx), KSI_NAMED_SX, "sx_xlocked", KSI_SITE()))
        return 0;
    return ksi_named_mine(of_sx(sx), ksi_self());
}

int(sx_has_waiters)(const struct sx *sx)
{
    if (!ksi_named_alive(of_sx(sx), KSI_NAMED_SX, "sx_has_waiters", KSI_SITE()))
        return 0;
    return (ksi_load(&sx->sx_lock) & KSI_QUEUED) != 0;
}

/* --- before main, and when an object is unloaded -------------------------- */

void(sx_sysinit)(void *args)
{
    const struct sx_args *a = args;
    ksi_sx_init(of_sx(a->sa_sx), a->sa_desc, (unsigned)a->sa_flags, KSI_SITE());
}

void ksl_freebsd_sx_sysuninit(struct sx *sx)
{
    if (!ksi_process_exiting())
        ksi_sx_destroy(of_sx(sx), KSI_SITE());
}

void(mtx_sysinit)(void *args)
{
    const struct mtx_args *a = args;
    ksi_mtx_init(of_mtx(a->ma_mtx), a->ma_desc, (unsigned)a->ma_opts, KSI_SITE());
}

void ksl_freebsd_mtx_sysuninit(struct mtx *m)
{
    if (!ksi_process_exiting())
        ksi_mtx_destroy(of_mtx(m), KSI_SITE());
}

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
    return nap(wmesg, timo, true, KSI_SITE());
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
    ksi_wakeup(cvp, KSI_Q_CV, KSI_WAKE_ALL);
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
    fprintf(stderr, "panic: %s\n", text);
    void *frames[32];
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
    abort();
}
