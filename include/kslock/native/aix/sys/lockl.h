/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_LOCKL_H
#define KSLOCK_AIX_SYS_LOCKL_H

/*
 * lockl locks (aix.md T1 to T12): kept for old code. Owned by a thread, recursive to
 * take, flat to give back. The owner has the priority of its most favoured waiter.
 */

#include <sys/types.h>

#include <kslock/base.h>
#include <kslock/inline.h>

#include <stddef.h>

KSL_BEGIN_DECLS

/* The lock word; private to the process. Valid with LOCK_AVAIL, or zero-filled. */
typedef unsigned long lock_t;
#define LOCK_AVAIL KSL_CAST(lock_t, 0)

/* flags of lockl */
#define LOCK_SHORT 0     /* wait; signals do not end the wait */
#define LOCK_NDELAY 0x1  /* do not wait */
#define LOCK_SIGRET 0x2  /* a signal ends the wait: LOCK_SIG */
#define LOCK_SIGWAKE 0x4 /* a signal ends the wait: the latest setjmpx returns EINTR */

/* Results of lockl. */
#define LOCK_SUCC 0    /* taken; the caller gives it back */
#define LOCK_NEST 1    /* the caller had it already, and does not give it back */
#define LOCK_SIG 2     /* not taken, a signal came */
#define LOCK_FAIL (-1) /* not taken, somebody else has it */

/*
 * Takes *lock_word, waiting while another thread owns it. With LOCK_SIGRET and
 * LOCK_SIGWAKE both, LOCK_SIGRET counts. While the caller holds any lock, signals are
 * put off and end no wait (T68).
 * Context: thread; may sleep, with interrupts masked too.
 * Returns LOCK_SUCC, LOCK_NEST (T1), LOCK_FAIL with LOCK_NDELAY (T4), LOCK_SIG with
 * LOCK_SIGRET (T5); LOCK_FAIL if refused.
 * Violations: `irq-sleep` in a handler; `bad-argument` for NULL, unknown flags, and a
 * signal with LOCK_SIGWAKE but no saved context; `destroyed` (LOCK_FAIL) for memory
 * that is no lock word.
 */
KSL_API int lockl(lock_t *lock_word, int flags) KSL_SYMBOL(ksl_aix_lockl);

/*
 * Gives *lock_word back, however often lockl said LOCK_NEST (T2). One waiter, the most
 * favoured, may try again (T9). Context: thread, with interrupts masked too.
 * Violations: `not-owner` (T10), `not-locked`.
 */
KSL_API void unlockl(lock_t *lock_word) KSL_SYMBOL(ksl_aix_unlockl);

/* The global kernel lock, the coarsest; to be taken before all others (T70, T71). */
extern KSL_API lock_t kernel_lock KSL_SYMBOL(ksl_aix_kernel_lock);

/* --- inlined paths ------------------------------------------------------------------ */

enum { KSL_AIX_LOCKL_FAMILY = 4 };

KSL_API int ksl_aix_lockl_at(lock_t *lock_word, int flags, const struct ksl_place *place);
KSL_API void ksl_aix_unlockl_at(lock_t *lock_word, const struct ksl_place *place);

static inline int ksl_aix_take_word(lock_t *lock_word, int flags,
                                    const struct ksl_place *place)
{
    if (lock_word != KSL_NULL &&
        (flags & ~(LOCK_NDELAY | LOCK_SIGRET | LOCK_SIGWAKE)) == 0 &&
        ksl_own_fast(KSL_RECAST(volatile uintptr_t *, lock_word), 0,
                     KSL_FAMILY(KSL_AIX_LOCKL_FAMILY), place))
        return LOCK_SUCC;
    return ksl_aix_lockl_at(lock_word, flags, place);
}

static inline void ksl_aix_give_word(lock_t *lock_word, const struct ksl_place *place)
{
    if (lock_word == KSL_NULL ||
        !ksl_disown_fast(KSL_RECAST(volatile uintptr_t *, lock_word), 0,
                         KSL_FAMILY(KSL_AIX_LOCKL_FAMILY)))
        ksl_aix_unlockl_at(lock_word, place);
}

#define lockl(lock_word, flags) ksl_aix_take_word((lock_word), (flags), KSL_PLACE())
#define unlockl(lock_word) ksl_aix_give_word((lock_word), KSL_PLACE())

KSL_END_DECLS

#endif
