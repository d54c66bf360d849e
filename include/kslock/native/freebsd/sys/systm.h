/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_SYSTM_H
#define KSLOCK_FREEBSD_SYS_SYSTM_H

/*
 * sleep(9): sleep and wakeup by channel, which is any address (rules 39 to 52).
 * Nothing is remembered: a wake-up without sleeper has no effect.
 */

#include <sys/_sleep.h>

#include <kslock/base.h>
#include <kslock/inline.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

KSL_BEGIN_DECLS

#define tsleep(chan, priority, wmesg, timo)                                              \
    ksl_freebsd_sleep((chan), KSL_CAST(struct lock_object *, KSL_NULL), (priority),      \
                      (wmesg), (timo), KSL_PLACE())
#define msleep(chan, m, priority, wmesg, timo)                                           \
    ksl_freebsd_msleep((chan), (m), (priority), (wmesg), (timo), KSL_PLACE())

struct mtx;
/* m may be NULL. Context, returns and violations of this and the next: <sys/_sleep.h>. */
KSL_API int ksl_freebsd_msleep(const void *chan, struct mtx *m, int priority,
                               const char *wmesg, int timo,
                               const struct ksl_place *place);

/* As msleep without flags, with a spinning mutex. */
KSL_API int ksl_freebsd_msleep_spin(const void *chan, struct mtx *m, const char *wmesg,
                                    int timo, const struct ksl_place *place);
#define msleep_spin(chan, m, wmesg, timo)                                                \
    ksl_freebsd_msleep_spin((chan), (m), (wmesg), (timo), KSL_PLACE())

/*
 * Wake all sleepers of chan; one, most urgent first, then by arrival; or one,
 * the latest. Context: any, handlers included, any lock held. chan must not be NULL
 * (`bad-argument`).
 */
KSL_API void wakeup(const void *chan) KSL_SYMBOL(ksl_freebsd_wakeup);
KSL_API void wakeup_one(const void *chan) KSL_SYMBOL(ksl_freebsd_wakeup_one);
KSL_API void wakeup_any(const void *chan) KSL_SYMBOL(ksl_freebsd_wakeup_any);

/*
 * Sleeps for timo ticks, 0 is taken for 1. pause_sig ends with a signal, too.
 * Context: thread; may sleep. Return EWOULDBLOCK; EINTR or ERESTART; EINVAL if refused.
 * Violations: `bad-argument` for timo < 0; `irq-sleep`; `masked-sleep`.
 * <unistd.h> owns the name pause: define KSL_FREEBSD_PAUSE to have it here.
 */
KSL_API int ksl_freebsd_pause(const char *wmesg, int timo);
KSL_API int pause_sig(const char *wmesg, int timo) KSL_SYMBOL(ksl_freebsd_pause_sig);
#ifdef KSL_FREEBSD_PAUSE
#include <unistd.h> /* its own declaration comes before the macro */
#define pause(wmesg, timo) ksl_freebsd_pause((wmesg), (timo))
#endif

/* Prints the message and a backtrace, and aborts. Context: any. */
KSL_API void panic(const char *fmt, ...) KSL_SYMBOL(ksl_freebsd_panic)
    __attribute__((format(printf, 1, 2), noreturn, cold));

#define KASSERT(condition, message)                                                      \
    do {                                                                                 \
        if (__builtin_expect(!(condition), 0))                                           \
            panic message;                                                               \
    } while (0)
#define MPASS(condition)                                                                 \
    KASSERT(condition, ("Assertion %s failed at %s:%d", #condition, __FILE__, __LINE__))

KSL_END_DECLS

#endif
