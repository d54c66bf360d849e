/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_MUTEX_H
#define KSLOCK_EVL_MUTEX_H

/*
 * EVL kernel mutex: one owner, not recursive, with priority inheritance: the owner has
 * the priority of its most urgent waiter, and passes that on to whom it waits for itself.
 * Waiters in order of effective priority; who is woken competes. Violations of all calls:
 * `destroyed` before evl_init_kmutex and after evl_destroy_kmutex.
 */

#include <evl/sched.h>

#include <kslock/inline.h>

KSL_BEGIN_DECLS

struct evl_kmutex {
    volatile uintptr_t ksl_word; /* see src/lock/rw.h */
};

/* clang-format off */
#define EVL_KMUTEX_INITIALIZER(name) { 256 }
/* clang-format on */
#define DEFINE_EVL_KMUTEX(name) struct evl_kmutex name = EVL_KMUTEX_INITIALIZER(name)

/* Makes the mutex free. Context: any; nobody uses it. */
KSL_API void evl_init_kmutex(struct evl_kmutex *kmutex) KSL_SYMBOL(ksl_evl_init_kmutex);

/*
 * Ends the mutex: all waiters get -EIDRM; its owner must not unlock it any more. The
 * memory may go when calls of evl_lock_kmutex that an unlock has let go have returned.
 * Context: any.
 */
KSL_API void evl_destroy_kmutex(struct evl_kmutex *kmutex)
    KSL_SYMBOL(ksl_evl_destroy_kmutex);

/*
 * Takes the mutex, waiting for it; signals and forced unblocks do not end the wait. A
 * free one is taken on any stage; only out-of-band threads may wait.
 * Context: thread; may sleep. Returns 0; -EDEADLK if the caller owns it; -EIDRM; -EPERM
 * if refused: with a `stage` report for a wait in-band, `irq-sleep` in a handler.
 */
KSL_API int evl_lock_kmutex(struct evl_kmutex *kmutex) KSL_SYMBOL(ksl_evl_lock_kmutex);

/*
 * Takes a free one: 0; -EDEADLK if the caller owns it, else -EBUSY, also if refused.
 * Context: any.
 */
KSL_API int evl_trylock_kmutex(struct evl_kmutex *kmutex)
    KSL_SYMBOL(ksl_evl_trylock_kmutex);

/* Gives it back. Context: any. Violations: `not-owner`, `not-locked`. */
KSL_API void evl_unlock_kmutex(struct evl_kmutex *kmutex)
    KSL_SYMBOL(ksl_evl_unlock_kmutex);

/* --- inlined paths ------------------------------------------------------------------ */

enum { KSL_EVL_KMUTEX_FAMILY = 6 };

#if defined(KSL_INLINES)
KSL_PART bool ksl_evl_kmutex_own(struct evl_kmutex *kmutex)
{
    return __builtin_expect(ksl_own_fast(&kmutex->ksl_word, KSL_WORD_BASE,
                                         KSL_FAMILY(KSL_EVL_KMUTEX_FAMILY), ksl_here()),
                            1);
}

KSL_PART int ksl_evl_kmutex_lock(struct evl_kmutex *kmutex)
{
    return ksl_evl_kmutex_own(kmutex) ? 0 : evl_lock_kmutex(kmutex);
}

KSL_PART int ksl_evl_kmutex_try(struct evl_kmutex *kmutex)
{
    return ksl_evl_kmutex_own(kmutex) ? 0 : evl_trylock_kmutex(kmutex);
}

KSL_PART void ksl_evl_kmutex_unlock(struct evl_kmutex *kmutex)
{
    if (!ksl_disown_fast(&kmutex->ksl_word, KSL_WORD_BASE,
                         KSL_FAMILY(KSL_EVL_KMUTEX_FAMILY)))
        evl_unlock_kmutex(kmutex);
}

#define evl_lock_kmutex(kmutex) ksl_evl_kmutex_lock(kmutex)
#define evl_trylock_kmutex(kmutex) ksl_evl_kmutex_try(kmutex)
#define evl_unlock_kmutex(kmutex) ksl_evl_kmutex_unlock(kmutex)
#endif

KSL_END_DECLS

#endif
