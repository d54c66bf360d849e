/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_RWLOCK_H
#define KSLOCK_RWLOCK_H

#include <kslock/base.h>
#include <kslock/inline_irq.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Spinning reader/writer lock for threads and handlers (evl_stanix.md
 * W1..W7). Valid when zero-filled. Readers have priority: a reader enters
 * while a writer spins (W4). It has no owner (W5).
 *
 * Each call takes the address of an int for the caller's interrupt state:
 * acquire masks interrupts and stores nonzero if they were open; release
 * opens them if it is nonzero, and never masks them. NULL leaves the
 * interrupt state alone (W2). Release in reverse order of acquisition (W3).
 */
typedef struct ksl_rwlock {
    uint32_t word; /* see src/lock/rwlock.c */
    uint32_t reserved;
} ksl_rwlock_t;

/* clang-format off */
#define KSL_RWLOCK_INIT { 0, 0 }
/* clang-format on */

/* Makes l free. Context: any; nobody may hold l. */
KSL_API void ksl_rwlock_init(ksl_rwlock_t *l);

/*
 * Takes l to read, with other readers (W1, W2, W4). Spins while a writer is inside.
 * Context: any thread or handler; takes no interrupt until it returns
 * unless interrupt_save is NULL.
 */
KSL_API void ksl_rwlock_acquire_read(ksl_rwlock_t *l, int *interrupt_save);

/* Takes l alone (W1, W2). Context and interrupts as for reading. */
KSL_API void ksl_rwlock_acquire_write(ksl_rwlock_t *l, int *interrupt_save);

/*
 * The same without waiting. Context: any thread or handler. Return 1 if taken,
 * 0 if not; then the interrupt state is as at entry (W1).
 */
KSL_API int ksl_rwlock_try_acquire_read(ksl_rwlock_t *l, int *interrupt_save);
KSL_API int ksl_rwlock_try_acquire_write(ksl_rwlock_t *l, int *interrupt_save);

/*
 * Give l back, also from another thread (W5), and bring back the interrupt
 * state. Context: any. Violations: `not-locked` if l is not held in that
 * mode by anybody.
 */
KSL_API void ksl_rwlock_release_read(ksl_rwlock_t *l, int *interrupt_save);
KSL_API void ksl_rwlock_release_write(ksl_rwlock_t *l, int *interrupt_save);

/*
 * What calls are made of, inlined and in src/lock/rwlock.c, which has the table of the
 * word. False: nothing has happened, but that attention may have come while the caller
 * was masked; the library's function, which is called then, looks at it.
 */

#define KSL_RWLOCK_WRITER 0xffff0000u
#define KSL_RWLOCK_MOST 0xfffe0000u /* readers */
enum { KSL_RWLOCK_OPEN = 0x200 };   /* in *interrupt_save, as in a processor's flags */

/* mode: 0 or KSL_HOLD_SHARED; one try. */
KSL_PART bool ksl_rwlock_enter(uint32_t *word, uint32_t mode)
{
    uint32_t seen = mode != 0 ? __atomic_load_n(word, __ATOMIC_RELAXED) : 0;
    uint32_t next = mode != 0 ? seen + 1 : KSL_RWLOCK_WRITER;
    return __builtin_expect(seen < KSL_RWLOCK_MOST, 1) &&
           __builtin_expect(__atomic_compare_exchange_n(word, &seen, next, false,
                                                        __ATOMIC_ACQUIRE,
                                                        __ATOMIC_RELAXED),
                            1);
}

KSL_PART bool ksl_rwlock_acquire_fast(ksl_rwlock_t *l, uint32_t mode, int *interrupt_save,
                                      const void *site)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0))
        return false;
    uint32_t count = ksl_hold_count(f);
    if (__builtin_expect(count >= KSL_HOLDS, 0))
        return false;
    uint32_t level = interrupt_save != KSL_NULL ? ksl_mask_fast(f) : ksl_level_of(f);
    if (!ksl_rwlock_enter(&l->word, mode)) {
        if (interrupt_save != KSL_NULL)
            ksl_level_set(f, level);
        return false;
    }
    if (interrupt_save != KSL_NULL)
        *interrupt_save = KSL_RWLOCK_OPEN & (KSL_CAST(int, level) - 1);
    ksl_hold_push(f, count, l, KSL_HOLD_RWLOCK + mode, level, site);
    return true;
}

/*
 * The caller has taken its share off a word that had none: somebody else had given it
 * back meanwhile. Puts it back; a violation.
 */
KSL_API void ksl_rwlock_read_refused(ksl_rwlock_t *l);

KSL_PART bool ksl_rwlock_held(uint32_t word, uint32_t mode)
{
    return mode != 0 ? word - 1 < KSL_RWLOCK_MOST : word == KSL_RWLOCK_WRITER;
}

/*
 * Of an exclusive hold nobody else may take anything off, so a store will do. A share
 * that the caller's record has is in the word, so that is looked at afterwards only. The
 * entry goes first: once the word says so, another thread may look for an entry to strike
 * out for its own release (W5).
 */
KSL_PART bool ksl_rwlock_release_fast(ksl_rwlock_t *l, uint32_t mode,
                                      const int *interrupt_save)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0))
        return false;
    uint32_t i = ksl_hold_newest(f, l, mode);
    if (__builtin_expect(i >= KSL_HOLDS, 0) ||
        (mode == 0 &&
         __builtin_expect(
             __atomic_load_n(&l->word, __ATOMIC_RELAXED) != KSL_RWLOCK_WRITER, 0)))
        return false;
    uint32_t level = __atomic_load_n(&f->holds[i].what, __ATOMIC_RELAXED) >> 16;
    /* All that is needed of the caller's memory, before the lock is free. */
    if (interrupt_save != KSL_NULL && *interrupt_save != 0)
        level = 0;
    else if (level == 0)
        level = KSL_MASK_ALL; /* 0 opens nothing: that entry is of another acquire */
    ksl_hold_pop(f, i);
    if (mode == 0) {
        __atomic_store_n(&l->word, 0u, __ATOMIC_RELEASE);
    } else {
        uint32_t word = __atomic_fetch_sub(&l->word, 1u, __ATOMIC_RELEASE);
        if (__builtin_expect(!ksl_rwlock_held(word, mode), 0)) {
            ksl_rwlock_read_refused(l);
            return true;
        }
    }
    if (interrupt_save != KSL_NULL && level < ksl_level_of(f))
        ksl_unmask_fast(f, level);
    return true;
}

/*
 * NAME_inlined: also for names that are other declarations of the same symbol. They must
 * not call NAME, which would be themselves.
 */
#if defined(KSL_INLINES)
KSL_API void ksl_rwlock_acquire_read_called(ksl_rwlock_t *l, int *interrupt_save)
    KSL_CALLED(ksl_rwlock_acquire_read);
KSL_API void ksl_rwlock_acquire_write_called(ksl_rwlock_t *l, int *interrupt_save)
    KSL_CALLED(ksl_rwlock_acquire_write);
KSL_API int ksl_rwlock_try_acquire_read_called(ksl_rwlock_t *l, int *interrupt_save)
    KSL_CALLED(ksl_rwlock_try_acquire_read);
KSL_API int ksl_rwlock_try_acquire_write_called(ksl_rwlock_t *l, int *interrupt_save)
    KSL_CALLED(ksl_rwlock_try_acquire_write);
KSL_API void ksl_rwlock_release_read_called(ksl_rwlock_t *l, int *interrupt_save)
    KSL_CALLED(ksl_rwlock_release_read);
KSL_API void ksl_rwlock_release_write_called(ksl_rwlock_t *l, int *interrupt_save)
    KSL_CALLED(ksl_rwlock_release_write);

KSL_PART void ksl_rwlock_acquire_read_inlined(ksl_rwlock_t *l, int *interrupt_save)
{
    if (!ksl_rwlock_acquire_fast(l, KSL_HOLD_SHARED, interrupt_save, ksl_site_here()))
        ksl_rwlock_acquire_read_called(l, interrupt_save);
}

KSL_INLINE void ksl_rwlock_acquire_read(ksl_rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_acquire_read_inlined(l, interrupt_save);
}

KSL_PART void ksl_rwlock_acquire_write_inlined(ksl_rwlock_t *l, int *interrupt_save)
{
    if (!ksl_rwlock_acquire_fast(l, 0, interrupt_save, ksl_site_here()))
        ksl_rwlock_acquire_write_called(l, interrupt_save);
}

KSL_INLINE void ksl_rwlock_acquire_write(ksl_rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_acquire_write_inlined(l, interrupt_save);
}

KSL_PART int ksl_rwlock_try_acquire_read_inlined(ksl_rwlock_t *l, int *interrupt_save)
{
    if (ksl_rwlock_acquire_fast(l, KSL_HOLD_SHARED, interrupt_save, ksl_site_here()))
        return 1;
    return ksl_rwlock_try_acquire_read_called(l, interrupt_save);
}

KSL_INLINE int ksl_rwlock_try_acquire_read(ksl_rwlock_t *l, int *interrupt_save)
{
    return ksl_rwlock_try_acquire_read_inlined(l, interrupt_save);
}

KSL_PART int ksl_rwlock_try_acquire_write_inlined(ksl_rwlock_t *l, int *interrupt_save)
{
    if (ksl_rwlock_acquire_fast(l, 0, interrupt_save, ksl_site_here()))
        return 1;
    return ksl_rwlock_try_acquire_write_called(l, interrupt_save);
}

KSL_INLINE int ksl_rwlock_try_acquire_write(ksl_rwlock_t *l, int *interrupt_save)
{
    return ksl_rwlock_try_acquire_write_inlined(l, interrupt_save);
}

KSL_PART void ksl_rwlock_release_read_inlined(ksl_rwlock_t *l, int *interrupt_save)
{
    if (!ksl_rwlock_release_fast(l, KSL_HOLD_SHARED, interrupt_save))
        ksl_rwlock_release_read_called(l, interrupt_save);
}

KSL_INLINE void ksl_rwlock_release_read(ksl_rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_release_read_inlined(l, interrupt_save);
}

KSL_PART void ksl_rwlock_release_write_inlined(ksl_rwlock_t *l, int *interrupt_save)
{
    if (!ksl_rwlock_release_fast(l, 0, interrupt_save))
        ksl_rwlock_release_write_called(l, interrupt_save);
}

KSL_INLINE void ksl_rwlock_release_write(ksl_rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_release_write_inlined(l, interrupt_save);
}
#endif

KSL_END_DECLS

#endif
