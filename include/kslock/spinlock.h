/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_SPINLOCK_H
#define KSLOCK_SPINLOCK_H

#include <kslock/base.h>

#include <stdbool.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Spinlock that masks the interrupts of its holder (evl_stanix.md S1..S8).
 * Valid when zero-filled; needs no init and no destroy.
 */
typedef struct ksl_spinlock {
    uint32_t word;  /* 0: free, else the id of the holder; see src/lock/spinlock.c */
    uint32_t saved; /* interrupt level of the holder before it entered */
} ksl_spinlock_t;

/* clang-format off */
#define KSL_SPINLOCK_INIT { 0, 0 }
/* clang-format on */

/*
 * Masks interrupts, then takes l (S1, S3). Takes no interrupt until it returns.
 * Context: any thread or handler. Interrupts on return: masked.
 * Violations: `recursion` if the caller holds l (S7).
 */
KSL_API void ksl_spinlock_acquire(ksl_spinlock_t *l);

/*
 * As ksl_spinlock_acquire, but never waits; an addition to S1..S8.
 * Context: any. Returns true with l held and interrupts masked, or false
 * with nothing changed.
 */
KSL_API bool ksl_spinlock_try_acquire(ksl_spinlock_t *l);

/*
 * Frees l and brings back the interrupt state that its holder had (S1, S3,
 * S4); plays what is pending (S5). Context: holder.
 * Violations: `not-locked`, `not-owner`.
 */
KSL_API void ksl_spinlock_release(ksl_spinlock_t *l);

/*
 * Takes l and leaves the interrupt state alone. Context: any.
 * Violations: `recursion`.
 */
KSL_API void ksl_spinlock_raw_acquire(ksl_spinlock_t *l);

/*
 * Frees l and leaves interrupts as they are, masked after an acquire (S2).
 * Context: holder. Violations: `not-locked`, `not-owner`.
 */
KSL_API void ksl_spinlock_raw_release(ksl_spinlock_t *l);

/* True if the caller holds l (T19: it changes nothing). Context: any. */
KSL_API bool ksl_spinlock_held(const ksl_spinlock_t *l);

/* Reports `assertion` unless the caller holds l. Context: any. */
KSL_API void ksl_spinlock_assert_held(const ksl_spinlock_t *l);

/*
 * The pairs of the newest Stanix (S8): with the preemption counter raised
 * meanwhile, and with interrupts masked from the acquire, which returns the
 * state before, to the release, which takes it.
 * Context and violations: as above; a state that no acquire returned is
 * `bad-argument`.
 */
KSL_API void ksl_spinlock_acquire_preempt(ksl_spinlock_t *l);
KSL_API void ksl_spinlock_release_preempt(ksl_spinlock_t *l);
KSL_API int ksl_spinlock_acquire_irq(ksl_spinlock_t *l);
KSL_API void ksl_spinlock_release_irq(ksl_spinlock_t *l, int state);

/*
 * Preemption counter of the newest Stanix (S8): sections must balance. A
 * thread is a CPU of its own, so nothing else is ever scheduled on it; the
 * count is kept so that unbalanced sections are found.
 * Context: any. Violations: `bad-argument` if enabled more often than disabled.
 */
KSL_API void ksl_preempt_disable(void);
KSL_API void ksl_preempt_enable(void);
KSL_API unsigned ksl_preempt_count(void);

KSL_END_DECLS

#endif
