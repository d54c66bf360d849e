/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_SPINLOCK_H
#define KSLOCK_STANIX_SPINLOCK_H

/* Stanix <kernel/spinlock.h>: contracts in <kslock/spinlock.h>. */

#include <kernel/profile.h>

#include <kslock/irq.h>
#include <kslock/spinlock.h>

KSL_BEGIN_DECLS

typedef struct ksl_spinlock spinlock_t;

/* Frees the lock; interrupts stay masked (S2). */
void spinlock_raw_release(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_raw_release);

#if KSL_STANIX_PROFILE < 3

/* Masks interrupts and takes the lock (S1, S3). */
void spinlock_acquire(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_acquire);

/* Frees the lock and restores what its holder had (S1, S3, S4, S5). */
void spinlock_release(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_release);

#else /* newest: S8 */

void preempt_disable(void) KSL_SYMBOL(ksl_preempt_disable);
void preempt_enable(void) KSL_SYMBOL(ksl_preempt_enable);

/* Takes the lock, touches neither interrupts nor preemption. */
void spinlock_raw_acquire(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_raw_acquire);

/* Reports `assertion` unless the caller holds the lock. */
void ksl_stanix_assert_acquired(const spinlock_t *lock)
    KSL_SYMBOL(ksl_spinlock_assert_held);
#define spinlock_assert_acquired(lock) ksl_stanix_assert_acquired(lock)

/* Disable preemption while the lock is held; interrupts stay as they are. */
void spinlock_acquire(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_acquire_preempt);
void spinlock_release(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_release_preempt);

/* Mask interrupts; the acquire returns the state that the release takes. */
int spinlock_acquire_irq(spinlock_t *lock) KSL_SYMBOL(ksl_spinlock_acquire_irq);
void spinlock_release_irq(spinlock_t *lock, int irq_save)
    KSL_SYMBOL(ksl_spinlock_release_irq);

#endif

#if defined(KSL_INLINES)
KSL_INLINE void spinlock_raw_release(spinlock_t *l)
{
    ksl_spinlock_raw_release_inlined(l);
}

#if KSL_STANIX_PROFILE < 3
KSL_INLINE void spinlock_acquire(spinlock_t *l)
{
    ksl_spinlock_acquire_inlined(l);
}

KSL_INLINE void spinlock_release(spinlock_t *l)
{
    ksl_spinlock_release_inlined(l);
}

#else
KSL_INLINE void spinlock_raw_acquire(spinlock_t *l)
{
    ksl_spinlock_raw_acquire_inlined(l);
}

KSL_INLINE void spinlock_acquire(spinlock_t *l)
{
    ksl_spinlock_acquire_preempt_inlined(l);
}

KSL_INLINE void spinlock_release(spinlock_t *l)
{
    ksl_spinlock_release_preempt_inlined(l);
}

KSL_INLINE int spinlock_acquire_irq(spinlock_t *l)
{
    return ksl_spinlock_acquire_irq_inlined(l);
}

KSL_INLINE void spinlock_release_irq(spinlock_t *l, int irq_save)
{
    ksl_spinlock_release_irq_inlined(l, irq_save);
}

#endif
#endif

KSL_END_DECLS

#endif
