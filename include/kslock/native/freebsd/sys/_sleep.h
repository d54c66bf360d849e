/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS__SLEEP_H
#define KSLOCK_FREEBSD_SYS__SLEEP_H

#include <sys/_lock.h>

#include <kslock/base.h>
#include <kslock/inline.h>

KSL_BEGIN_DECLS

/*
 * Sleeps on chan until a wake-up, a signal (PCATCH in priority) or the end of
 * timo ticks (0: never). lock, NULL for none, is released when the caller is
 * queued and taken again in the same mode before the return, unless PDROP is
 * given. wmesg says in messages what is waited for.
 * Context: thread; may sleep, with other sx held too.
 * Returns 0 after a wake-up; EWOULDBLOCK; EINTR or ERESTART (ksl_signal_action);
 * EINVAL if refused.
 * Violations: `bad-argument` for a NULL channel, timo < 0, PDROP or an untimed
 * sleep without a lock (PNOLOCK allows it), a spinning mutex; `not-locked`,
 * `not-owner`, `recursion`, `destroyed` for the interlock; `irq-sleep`; `masked-sleep`.
 * After the sleep `recursion` if a handler has taken the interlock for the caller and
 * kept it, `destroyed` if it is no lock any more: then this call has not taken it.
 */
KSL_API int ksl_freebsd_sleep(const void *chan, struct lock_object *lock, int priority,
                              const char *wmesg, int timo, const struct ksl_place *place);

KSL_END_DECLS

#endif
