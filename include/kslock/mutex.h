/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_MUTEX_H
#define KSLOCK_MUTEX_H

#include <kslock/base.h>
#include <kslock/inline.h>

#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Recursive sleeping mutex with an owner (evl_stanix.md M1..M6). Valid when
 * zero-filled; needs no destroy. Waiters queue in order of arrival.
 * Violations of all calls, if the word cannot be that of such a lock (overwritten,
 * freed): `destroyed`; then nothing has been taken.
 */
typedef struct ksl_mutex {
    uintptr_t word; /* owner and marks; see src/lock/rw.h */
    uint32_t depth; /* acquisitions of the owner beyond the first */
    uint32_t reserved;
} ksl_mutex_t;

/* clang-format off */
#define KSL_MUTEX_INIT { 0, 0, 0 }
/* clang-format on */

/* Makes m free. Context: any; nobody may hold m. */
KSL_API void ksl_mutex_init(ksl_mutex_t *m);

/*
 * Takes m, sleeping if another thread owns it; the owner may take it again
 * (M2). A signal does not end the wait (M3).
 * Context: thread; may sleep, also with interrupts masked.
 * Returns 0; -EPERM if refused. Violations: `irq-sleep` in a handler.
 */
KSL_API int ksl_mutex_acquire(ksl_mutex_t *m);

/*
 * Takes m without waiting (M1). Context: thread; in a handler it always
 * fails (M5).
 * Returns 1 if m is held now, 0 if another owns it.
 */
KSL_API int ksl_mutex_try_acquire(ksl_mutex_t *m);

/*
 * Undoes one acquisition; the last one frees m and wakes the first waiter
 * (M2, M6). Does not touch m once it is free.
 * Context: owner, not in a handler.
 * Violations: `not-owner`, `not-locked` (M4), `irq-sleep` in a handler.
 */
KSL_API void ksl_mutex_release(ksl_mutex_t *m);

/* --- inlined paths ------------------------------------------------------------------ */

#define KSL_MUTEX_TAG KSL_FAMILY(8) /* see src/diag/slots.h */

KSL_PART bool ksl_mutex_own_fast(ksl_mutex_t *m, const void *place)
{
    return ksl_own_fast(&m->word, 0, KSL_MUTEX_TAG, place);
}

/* Gives back what is not held twice; false: nothing has happened. */
KSL_PART bool ksl_mutex_disown_fast(ksl_mutex_t *m)
{
    return __builtin_expect(__atomic_load_n(&m->depth, __ATOMIC_RELAXED) == 0, 1) &&
           ksl_disown_as(&m->word, 0, KSL_MUTEX_TAG, false);
}

#ifdef KSL_INLINES
KSL_API int ksl_mutex_acquire_called(ksl_mutex_t *m) KSL_CALLED(ksl_mutex_acquire);
KSL_API int ksl_mutex_try_acquire_called(ksl_mutex_t *m)
    KSL_CALLED(ksl_mutex_try_acquire);
KSL_API void ksl_mutex_release_called(ksl_mutex_t *m) KSL_CALLED(ksl_mutex_release);

/* Also for other declarations of the same symbol, which must not call themselves. */

KSL_PART int ksl_mutex_acquire_inlined(ksl_mutex_t *m)
{
    return ksl_mutex_own_fast(m, ksl_here()) ? 0 : ksl_mutex_acquire_called(m);
}

KSL_INLINE int ksl_mutex_acquire(ksl_mutex_t *m)
{
    return ksl_mutex_acquire_inlined(m);
}

KSL_PART int ksl_mutex_try_acquire_inlined(ksl_mutex_t *m)
{
    return ksl_mutex_own_fast(m, ksl_here()) ? 1 : ksl_mutex_try_acquire_called(m);
}

KSL_INLINE int ksl_mutex_try_acquire(ksl_mutex_t *m)
{
    return ksl_mutex_try_acquire_inlined(m);
}

KSL_PART void ksl_mutex_release_inlined(ksl_mutex_t *m)
{
    if (!ksl_mutex_disown_fast(m))
        ksl_mutex_release_called(m);
}

KSL_INLINE void ksl_mutex_release(ksl_mutex_t *m)
{
    ksl_mutex_release_inlined(m);
}
#endif

KSL_END_DECLS

#endif
