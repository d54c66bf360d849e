/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_RWSEM_H
#define KSLOCK_RWSEM_H

#include <kslock/base.h>
#include <kslock/inline.h>

#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Sleeping reader/writer lock with owners (evl_stanix.md R1..R9). Valid when
 * zero-filled; needs no destroy. A waiting writer keeps new readers out (R2);
 * a thread that already reads enters again all the same (R5).
 * Violations of all calls, if the word cannot be that of such a lock (overwritten,
 * freed): `destroyed`; then nothing has been taken.
 */
typedef struct ksl_rwsem {
    uintptr_t word;  /* see src/lock/rwsem.c */
    uint32_t writes; /* write acquisitions of the owner beyond the first */
    uint32_t reads;  /* read acquisitions of the owner on top of them */
} ksl_rwsem_t;

/* clang-format off */
#define KSL_RWSEM_INIT { 0, 0, 0 }
/* clang-format on */

/* Distinct rwsems that one thread may hold for reading at a time. */
enum { KSL_RWSEM_READ_HOLDS = 64 };

/* Makes s free. Context: any; nobody may hold s. */
KSL_API void ksl_rwsem_init(ksl_rwsem_t *s);

/*
 * Takes s to read, with other readers; nested under one's own read or write
 * hold at once (R4, R5). Signals do not end the wait (R8).
 * Context: thread; may sleep, also with interrupts masked.
 * Returns 0; -EPERM if refused. Violations: `irq-sleep` in a handler,
 * `bad-argument` beyond 64 distinct read holds.
 */
KSL_API int ksl_rwsem_acquire_read(ksl_rwsem_t *s);

/*
 * Takes s alone; the owner may take it again (R4).
 * Context: thread; may sleep. Returns 0; -EPERM if refused.
 * Violations: `irq-sleep`; `recursion` if the caller only reads (R6).
 */
KSL_API int ksl_rwsem_acquire_write(ksl_rwsem_t *s);

/*
 * Undo one acquisition of that mode, in any order; the last one lets others
 * in: writers first, else all readers (R3).
 * Context: the thread that took it, not in a handler (R7).
 * Return 0; -EPERM if refused.
 * Violations: `not-owner`, `not-locked`, `irq-sleep` in a handler.
 */
KSL_API int ksl_rwsem_release_read(ksl_rwsem_t *s);
KSL_API int ksl_rwsem_release_write(ksl_rwsem_t *s);

/* --- inlined paths ------------------------------------------------------------------ */

#define KSL_RWSEM_TAG KSL_FAMILY(1) /* see src/diag/slots.h */

KSL_PART bool ksl_rwsem_own_fast(ksl_rwsem_t *s, const void *place)
{
    return ksl_own_fast(&s->word, 0, KSL_RWSEM_TAG, place);
}

/* Gives back what is held once; false: nothing has happened. */
KSL_PART bool ksl_rwsem_disown_fast(ksl_rwsem_t *s)
{
    uint32_t more = __atomic_load_n(&s->writes, __ATOMIC_RELAXED) |
                    __atomic_load_n(&s->reads, __ATOMIC_RELAXED);
    return __builtin_expect(more == 0, 1) &&
           ksl_disown_as(&s->word, 0, KSL_RWSEM_TAG, false);
}

#ifdef KSL_INLINES
KSL_API int ksl_rwsem_acquire_read_called(ksl_rwsem_t *s)
    KSL_CALLED(ksl_rwsem_acquire_read);
KSL_API int ksl_rwsem_acquire_write_called(ksl_rwsem_t *s)
    KSL_CALLED(ksl_rwsem_acquire_write);
KSL_API int ksl_rwsem_release_read_called(ksl_rwsem_t *s)
    KSL_CALLED(ksl_rwsem_release_read);
KSL_API int ksl_rwsem_release_write_called(ksl_rwsem_t *s)
    KSL_CALLED(ksl_rwsem_release_write);

/* Also for other declarations of the same symbol, which must not call themselves. */

KSL_PART int ksl_rwsem_acquire_read_inlined(ksl_rwsem_t *s)
{
    return ksl_show_fast(&s->word, KSL_RWSEM_TAG, ksl_here())
               ? 0
               : ksl_rwsem_acquire_read_called(s);
}

KSL_INLINE int ksl_rwsem_acquire_read(ksl_rwsem_t *s)
{
    return ksl_rwsem_acquire_read_inlined(s);
}

KSL_PART int ksl_rwsem_acquire_write_inlined(ksl_rwsem_t *s)
{
    return ksl_rwsem_own_fast(s, ksl_here()) ? 0 : ksl_rwsem_acquire_write_called(s);
}

KSL_INLINE int ksl_rwsem_acquire_write(ksl_rwsem_t *s)
{
    return ksl_rwsem_acquire_write_inlined(s);
}

KSL_PART int ksl_rwsem_release_read_inlined(ksl_rwsem_t *s)
{
    return ksl_hide_fast(&s->word, KSL_RWSEM_TAG) ? 0 : ksl_rwsem_release_read_called(s);
}

KSL_INLINE int ksl_rwsem_release_read(ksl_rwsem_t *s)
{
    return ksl_rwsem_release_read_inlined(s);
}

KSL_PART int ksl_rwsem_release_write_inlined(ksl_rwsem_t *s)
{
    return ksl_rwsem_disown_fast(s) ? 0 : ksl_rwsem_release_write_called(s);
}

KSL_INLINE int ksl_rwsem_release_write(ksl_rwsem_t *s)
{
    return ksl_rwsem_release_write_inlined(s);
}
#endif

KSL_END_DECLS

#endif
