/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_SPINLOCK_H
#define KSI_LOCK_SPINLOCK_H

#include "thread/thread.h"

#include <kslock/spinlock.h>

/* True if t holds l, else false after a violation. */
bool ksi_spinlock_check(const ksl_spinlock_t *l, const ksl_thread *t, const char *call,
                        const void *site);

/*
 * For waits that give the lock up meanwhile. Suspend frees l, leaves the
 * interrupts as they are and returns what l keeps for its holder; resume takes
 * l again with that. Both return false after a violation, but resume does not if a
 * handler has taken l for the caller and kept it.
 */
bool ksi_spinlock_suspend(ksl_spinlock_t *l, ksl_thread *t, uint32_t *kept,
                          const void *site);
bool ksi_spinlock_resume(ksl_spinlock_t *l, ksl_thread *t, uint32_t kept,
                         const void *site);

#endif
