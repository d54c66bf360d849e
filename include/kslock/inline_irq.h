/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_INLINE_IRQ_H
#define KSLOCK_INLINE_IRQ_H

/*
 * The inlined fast paths of interrupt masking and of spinning locks, beside
 * <kslock/inline.h>. Programs use <kslock/irq.h> and the headers of the locks; what is
 * here changes with the library's version.
 *
 * The protocols are in src/thread/irq.h and src/diag/held.h. A thread without an owner
 * word (see struct ksl_tls) calls the library.
 */

#include <kslock/inline.h>

KSL_BEGIN_DECLS

/* Interrupts may have been raised while the caller masked them: plays what is open. */
KSL_API void ksl_irq_answer(void);

#if defined(KSL_INLINES)
/* An address in the function that it is inlined into, as the record of holds has it. */
KSL_PART const void *ksl_site_here(void)
{
    uintptr_t place = KSL_RECAST(uintptr_t, ksl_here());
    return KSL_RECAST(const void *, place ^ KSL_CAST(uintptr_t, 1) << 63); // NOLINT
}
#endif

/* NULL: a fast path does nothing. */
KSL_PART struct ksl_front *ksl_front_of_caller(void)
{
    return KSL_RECAST(struct ksl_front *,
                      ksl_owner_word()); // NOLINT: an owner word is an address
}

KSL_PART uint32_t ksl_level_of(const struct ksl_front *f)
{
    return __atomic_load_n(&f->level, __ATOMIC_RELAXED);
}

KSL_PART void ksl_level_set(struct ksl_front *f, uint32_t level)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&f->level, level, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* Masks everything; returns the level before. */
KSL_PART uint32_t ksl_mask_fast(struct ksl_front *f)
{
    uint32_t level = ksl_level_of(f);
    ksl_level_set(f, KSL_MASK_ALL);
    return level;
}

KSL_PART void ksl_unmask_fast(struct ksl_front *f, uint32_t level)
{
    ksl_level_set(f, level);
    if (__builtin_expect(__atomic_load_n(&f->attention, __ATOMIC_RELAXED) != 0, 0))
        ksl_irq_answer();
}

/* Kinds of entries, as in src/diag/kinds.def, and the mode above. */
enum { KSL_HOLD_SPINLOCK = 1, KSL_HOLD_RWLOCK = 3, KSL_HOLD_SHARED = 0x100 };

/* Entries of the record. */
KSL_PART uint32_t ksl_hold_count(const struct ksl_front *f)
{
    return __atomic_load_n(&f->nholds, __ATOMIC_RELAXED);
}

KSL_PART bool ksl_hold_fits(const struct ksl_front *f)
{
    return ksl_hold_count(f) < KSL_HOLDS;
}

/*
 * To `count` entries. A handler leaves the record as it found it, so the entry is
 * reserved first; what a handler finds there meanwhile is the newest entry but its own,
 * see src/diag/held.h.
 */
KSL_PART void ksl_hold_push(struct ksl_front *f, uint32_t count, const void *held,
                            uint32_t what, uint32_t level, const void *site)
{
    struct ksl_hold *h = &f->holds[count];
    __atomic_store_n(&f->nholds, count + 1, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&h->lock, held, __ATOMIC_RELAXED);
    __atomic_store_n(&h->site, site, __ATOMIC_RELAXED);
    __atomic_store_n(&h->what, what + (level << 16), __ATOMIC_RELAXED);
}

/*
 * Index of the newest entry, if it is of that lock in that mode and nobody is told;
 * KSL_HOLDS if not.
 */
KSL_PART uint32_t ksl_hold_newest(const struct ksl_front *f, const void *held,
                                  uint32_t mode)
{
    uint32_t i = ksl_hold_count(f) - 1;
    if (__builtin_expect(i >= KSL_HOLDS, 0))
        return KSL_HOLDS;
    const struct ksl_hold *h = &f->holds[i];
    bool is = __atomic_load_n(&h->lock, __ATOMIC_RELAXED) == held &&
              (__atomic_load_n(&h->what, __ATOMIC_RELAXED) & 0xff00) == mode;
    return __builtin_expect(is, 1) ? i : KSL_CAST(uint32_t, KSL_HOLDS);
}

/* Takes entry i, the newest one, off. */
KSL_PART void ksl_hold_pop(struct ksl_front *f, uint32_t i)
{
    __atomic_store_n(&f->nholds, i, __ATOMIC_RELAXED);
}

KSL_END_DECLS

#endif
