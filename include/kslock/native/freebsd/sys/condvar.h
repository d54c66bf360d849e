/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_CONDVAR_H
#define KSLOCK_FREEBSD_SYS_CONDVAR_H

/*
 * condvar(9). The interlock is an sx, held in either mode, or a sleeping
 * mutex, held once; it is taken again in the same mode, but for
 * cv_wait_unlock. A waiter is queued before the interlock is released.
 */

#include <sys/_lock.h>

#include <kslock/base.h>
#include <kslock/inline.h>

KSL_BEGIN_DECLS

struct cv {
    const char *cv_description;
    int cv_waiters; /* how many wait */
};

/* Context: any; nobody waits. desc is kept. */
KSL_API void cv_init(struct cv *cvp, const char *desc) KSL_SYMBOL(ksl_freebsd_cv_init);
/* Context: any. Violations: `destroy-held` with waiters. */
KSL_API void cv_destroy(struct cv *cvp) KSL_SYMBOL(ksl_freebsd_cv_destroy);

/*
 * Wake one waiter, most urgent first, then by arrival; or all. Context: any,
 * handlers included; the interlock need not be held.
 */
KSL_API void cv_signal(struct cv *cvp) KSL_SYMBOL(ksl_freebsd_cv_signal);
KSL_API void cv_broadcastpri(struct cv *cvp, int pri)
    KSL_SYMBOL(ksl_freebsd_cv_broadcastpri);
#define cv_broadcast(cvp) cv_broadcastpri((cvp), 0)

/*
 * Wait. flags: 1 a signal ends it, 2 return without the lock, 4 timo counts.
 * Context: thread; may sleep. Return 0; EINTR or ERESTART; EWOULDBLOCK when timo
 * ticks are over; EINVAL if refused.
 * Violations: as ksl_freebsd_sleep of <sys/_sleep.h>.
 */
KSL_API int ksl_freebsd_cv_wait(struct cv *cvp, struct lock_object *lock, int flags,
                                int timo, const struct ksl_place *place);

#define cv_wait(cvp, lock)                                                               \
    ((void)ksl_freebsd_cv_wait((cvp), &(lock)->lock_object, 0, 0, KSL_PLACE()))
#define cv_wait_unlock(cvp, lock)                                                        \
    ((void)ksl_freebsd_cv_wait((cvp), &(lock)->lock_object, 2, 0, KSL_PLACE()))
#define cv_wait_sig(cvp, lock)                                                           \
    ksl_freebsd_cv_wait((cvp), &(lock)->lock_object, 1, 0, KSL_PLACE())
#define cv_timedwait(cvp, lock, timo)                                                    \
    ksl_freebsd_cv_wait((cvp), &(lock)->lock_object, 4, (timo), KSL_PLACE())
#define cv_timedwait_sig(cvp, lock, timo)                                                \
    ksl_freebsd_cv_wait((cvp), &(lock)->lock_object, 5, (timo), KSL_PLACE())

#define cv_wmesg(cvp) ((cvp)->cv_description)

KSL_END_DECLS

#endif
