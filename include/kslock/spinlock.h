/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_SPINLOCK_H
#define KSLOCK_SPINLOCK_H

#include <kslock/base.h>
#include <kslock/inline_irq.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Spinlock that masks the interrupts of its holder (evl_stanix.md S1..S8).
 * Valid when zero-filled; needs no init and no destroy.
 * Violations of all calls, if the word cannot be that of such a lock (overwritten,
 * freed): `destroyed`; then nothing has been taken.
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
 * Context and violations: as above; a state that no acquire returned, or a release
 * by a caller with preemption enabled, is `bad-argument`.
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

/*
 * What calls are made of, inlined and in src/lock/spinlock.c, which has the table of the
 * word. False: nothing has happened, but that attention may have come while the caller
 * was masked; the library's function, which is called then, looks at it.
 */

KSL_PART bool ksl_spinlock_own(struct ksl_front *f, ksl_spinlock_t *l, uint32_t level,
                               const void *site)
{
    uint32_t seen = 0;
    if (__builtin_expect(!__atomic_compare_exchange_n(&l->word, &seen, f->id, false,
                                                      __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
                         0))
        return false;
    __atomic_store_n(&l->saved, level, __ATOMIC_RELAXED);
    ksl_hold_push(f, ksl_hold_count(f), l, KSL_HOLD_SPINLOCK, level, site);
    return true;
}

KSL_PART bool ksl_spinlock_acquire_fast(ksl_spinlock_t *l, const void *site)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0) || __builtin_expect(!ksl_hold_fits(f), 0))
        return false;
    uint32_t level = ksl_mask_fast(f);
    if (ksl_spinlock_own(f, l, level, site))
        return true;
    ksl_level_set(f, level);
    return false;
}

KSL_PART bool ksl_spinlock_raw_acquire_fast(ksl_spinlock_t *l, const void *site)
{
    struct ksl_front *f = ksl_front_of_caller();
    return __builtin_expect(f != KSL_NULL, 1) && __builtin_expect(ksl_hold_fits(f), 1) &&
           ksl_spinlock_own(f, l, ksl_level_of(f), site);
}

KSL_PART bool ksl_spinlock_acquire_preempt_fast(ksl_spinlock_t *l, const void *site)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0) || __builtin_expect(!ksl_hold_fits(f), 0) ||
        !ksl_spinlock_own(f, l, ksl_level_of(f), site))
        return false;
    f->preempt++;
    return true;
}

/* *state: what the release takes. */
KSL_PART bool ksl_spinlock_acquire_irq_fast(ksl_spinlock_t *l, int *state,
                                            const void *site)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0) || __builtin_expect(!ksl_hold_fits(f), 0))
        return false;
    uint32_t level = ksl_mask_fast(f);
    *state = KSL_CAST(int, level);
    if (ksl_spinlock_own(f, l, KSL_MASK_ALL, site))
        return true;
    ksl_level_set(f, level);
    return false;
}

/* Where the newest hold of the caller is noted, if it is l; KSL_HOLDS if not. */
KSL_PART uint32_t ksl_spinlock_newest(const struct ksl_front *f, const ksl_spinlock_t *l)
{
    if (__builtin_expect(f == KSL_NULL, 0) ||
        __builtin_expect(__atomic_load_n(&l->word, __ATOMIC_RELAXED) != f->id, 0))
        return KSL_HOLDS;
    return ksl_hold_newest(f, l, 0);
}

KSL_PART void ksl_spinlock_leave(struct ksl_front *f, ksl_spinlock_t *l, uint32_t newest)
{
    ksl_hold_pop(f, newest);
    __atomic_store_n(&l->word, 0u, __ATOMIC_RELEASE);
}

KSL_PART bool ksl_spinlock_release_fast(ksl_spinlock_t *l)
{
    struct ksl_front *f = ksl_front_of_caller();
    uint32_t h = ksl_spinlock_newest(f, l);
    if (__builtin_expect(h >= KSL_HOLDS, 0))
        return false;
    uint32_t level = __atomic_load_n(&l->saved, __ATOMIC_RELAXED);
    ksl_spinlock_leave(f, l, h);
    ksl_unmask_fast(f, level);
    return true;
}

KSL_PART bool ksl_spinlock_raw_release_fast(ksl_spinlock_t *l)
{
    struct ksl_front *f = ksl_front_of_caller();
    uint32_t h = ksl_spinlock_newest(f, l);
    if (__builtin_expect(h >= KSL_HOLDS, 0))
        return false;
    ksl_spinlock_leave(f, l, h);
    return true;
}

KSL_PART bool ksl_spinlock_release_preempt_fast(ksl_spinlock_t *l)
{
    struct ksl_front *f = ksl_front_of_caller();
    uint32_t h = ksl_spinlock_newest(f, l);
    if (__builtin_expect(h >= KSL_HOLDS, 0) || __builtin_expect(f->preempt == 0, 0))
        return false;
    ksl_spinlock_leave(f, l, h);
    f->preempt--;
    return true;
}

KSL_PART bool ksl_spinlock_release_irq_fast(ksl_spinlock_t *l, int state)
{
    struct ksl_front *f = ksl_front_of_caller();
    uint32_t h = ksl_spinlock_newest(f, l);
    if (__builtin_expect(h >= KSL_HOLDS, 0) ||
        __builtin_expect(KSL_CAST(unsigned, state) > KSL_MASK_ALL, 0))
        return false;
    ksl_spinlock_leave(f, l, h);
    ksl_unmask_fast(f, KSL_CAST(uint32_t, state));
    return true;
}

/*
 * NAME_inlined: also for names that are other declarations of the same symbol. They must
 * not call NAME, which would be themselves.
 */
#if defined(KSL_INLINES)
KSL_API void ksl_spinlock_acquire_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_acquire);
KSL_API bool ksl_spinlock_try_acquire_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_try_acquire);
KSL_API void ksl_spinlock_release_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_release);
KSL_API void ksl_spinlock_raw_acquire_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_raw_acquire);
KSL_API void ksl_spinlock_raw_release_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_raw_release);
KSL_API void ksl_spinlock_acquire_preempt_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_acquire_preempt);
KSL_API void ksl_spinlock_release_preempt_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_release_preempt);
KSL_API int ksl_spinlock_acquire_irq_called(ksl_spinlock_t *l)
    KSL_CALLED(ksl_spinlock_acquire_irq);
KSL_API void ksl_spinlock_release_irq_called(ksl_spinlock_t *l, int state)
    KSL_CALLED(ksl_spinlock_release_irq);

KSL_PART void ksl_spinlock_acquire_inlined(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_acquire_fast(l, ksl_site_here()))
        ksl_spinlock_acquire_called(l);
}

KSL_INLINE void ksl_spinlock_acquire(ksl_spinlock_t *l)
{
    ksl_spinlock_acquire_inlined(l);
}

KSL_PART bool ksl_spinlock_try_acquire_inlined(ksl_spinlock_t *l)
{
    return ksl_spinlock_acquire_fast(l, ksl_site_here()) ||
           ksl_spinlock_try_acquire_called(l);
}

KSL_INLINE bool ksl_spinlock_try_acquire(ksl_spinlock_t *l)
{
    return ksl_spinlock_try_acquire_inlined(l);
}

KSL_PART void ksl_spinlock_release_inlined(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_release_fast(l))
        ksl_spinlock_release_called(l);
}

KSL_INLINE void ksl_spinlock_release(ksl_spinlock_t *l)
{
    ksl_spinlock_release_inlined(l);
}

KSL_PART void ksl_spinlock_raw_acquire_inlined(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_raw_acquire_fast(l, ksl_site_here()))
        ksl_spinlock_raw_acquire_called(l);
}

KSL_INLINE void ksl_spinlock_raw_acquire(ksl_spinlock_t *l)
{
    ksl_spinlock_raw_acquire_inlined(l);
}

KSL_PART void ksl_spinlock_raw_release_inlined(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_raw_release_fast(l))
        ksl_spinlock_raw_release_called(l);
}

KSL_INLINE void ksl_spinlock_raw_release(ksl_spinlock_t *l)
{
    ksl_spinlock_raw_release_inlined(l);
}

KSL_PART void ksl_spinlock_acquire_preempt_inlined(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_acquire_preempt_fast(l, ksl_site_here()))
        ksl_spinlock_acquire_preempt_called(l);
}

KSL_INLINE void ksl_spinlock_acquire_preempt(ksl_spinlock_t *l)
{
    ksl_spinlock_acquire_preempt_inlined(l);
}

KSL_PART void ksl_spinlock_release_preempt_inlined(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_release_preempt_fast(l))
        ksl_spinlock_release_preempt_called(l);
}

KSL_INLINE void ksl_spinlock_release_preempt(ksl_spinlock_t *l)
{
    ksl_spinlock_release_preempt_inlined(l);
}

KSL_PART int ksl_spinlock_acquire_irq_inlined(ksl_spinlock_t *l)
{
    int state;
    if (ksl_spinlock_acquire_irq_fast(l, &state, ksl_site_here()))
        return state;
    return ksl_spinlock_acquire_irq_called(l);
}

KSL_INLINE int ksl_spinlock_acquire_irq(ksl_spinlock_t *l)
{
    return ksl_spinlock_acquire_irq_inlined(l);
}

KSL_PART void ksl_spinlock_release_irq_inlined(ksl_spinlock_t *l, int state)
{
    if (!ksl_spinlock_release_irq_fast(l, state))
        ksl_spinlock_release_irq_called(l, state);
}

KSL_INLINE void ksl_spinlock_release_irq(ksl_spinlock_t *l, int state)
{
    ksl_spinlock_release_irq_inlined(l, state);
}
#endif

KSL_END_DECLS

#endif
