/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_LOCK_DEF_H
#define KSLOCK_AIX_SYS_LOCK_DEF_H

/*
 * Simple, complex, and disabled read-write locks (aix.md T13 to T65). The services take
 * the address of the lock. All are free and not recursive after their init call, and
 * when zero-filled; the memory may go without further calls once nobody uses them.
 * While a thread holds one, in any mode, signals are not delivered to it (T66).
 * Signals never end a wait for one (T12).
 *
 * Common violations: `recursion` for a lock that its holder takes again in a way that
 * cannot succeed; `not-owner`, `not-locked` for what is reserved to the holder;
 * `bad-argument` for NULL; `destroyed` for memory whose word cannot be such a lock's. A
 * refused call returns FALSE, but lock_read_to_write TRUE.
 */

#include <sys/types.h>

#include <kslock/base.h>
#include <kslock/inline_irq.h>

#include <stddef.h>
#include <stdint.h>

KSL_BEGIN_DECLS

typedef struct ksl_aix_simple {
    volatile uintptr_t ksl_word;
    uint32_t ksl_regime;
    uint32_t ksl_reserved;
} Simple_lock, simple_lock_data, *simple_lock_t;

typedef struct ksl_aix_complex {
    volatile uintptr_t ksl_word;
    uint32_t ksl_depth;
    uint32_t ksl_recursive;
    uint64_t ksl_reserved[2];
} Complex_lock, complex_lock_data, *complex_lock_t;

typedef struct ksl_aix_drw {
    volatile uintptr_t ksl_word;
    uint64_t ksl_reserved;
} Drw_lock, drw_lock_data, *drw_lock_t;

/* --- simple locks: one owner -------------------------------------------------------- */

/* Makes l free. Context: any; nobody uses it. */
KSL_API void simple_lock_init(simple_lock_t l) KSL_SYMBOL(ksl_aix_simple_lock_init);

/*
 * Takes l, waiting for it. The owner has the priority of its most favoured waiter (T53).
 * Context: thread; may sleep.
 * Violations: `recursion` (T14); `irq-sleep` in a handler; `masked-sleep` if it must wait
 * with a raised interrupt priority (T25).
 */
KSL_API void simple_lock(simple_lock_t l) KSL_SYMBOL(ksl_aix_simple_lock);

/* Takes l if it is free: TRUE. FALSE for the owner, too (T13, T14). Context: thread. */
KSL_API boolean_t simple_lock_try(simple_lock_t l) KSL_SYMBOL(ksl_aix_simple_lock_try);

/* Gives l back. One waiter, the most favoured, may try again (T16). Context: thread. */
KSL_API void simple_unlock(simple_lock_t l) KSL_SYMBOL(ksl_aix_simple_unlock);

/*
 * Moves to the interrupt priority int_pri, then takes l, spinning while it is not free
 * (T19 to T25). For what threads share with interrupt handlers. Context: any.
 * Returns the interrupt priority before, for unlock_enable; if refused the present one,
 * and nothing has changed. Violations: `recursion`; `bad-argument` for a less favoured
 * priority, one outside INTMAX..INTBASE, or NULL (T24).
 */
KSL_API int disable_lock(int int_pri, simple_lock_t l) KSL_SYMBOL(ksl_aix_disable_lock);

/*
 * Gives l back, then goes to the priority int_pri, the result of the disable_lock that
 * took it; interrupts that became open have run on return (T19, T20). Context: any.
 * Violations: as simple_unlock; `bad-argument` for a priority outside INTMAX..INTBASE.
 */
KSL_API void unlock_enable(int int_pri, simple_lock_t l)
    KSL_SYMBOL(ksl_aix_unlock_enable);

/* --- complex locks: one writer or any number of readers ----------------------------- */

/* Makes l free and not recursive. can_sleep is ignored (T35). Context: any. */
KSL_API void lock_init(complex_lock_t l, boolean_t can_sleep)
    KSL_SYMBOL(ksl_aix_lock_init);

/*
 * Take l to read, waiting while a writer has it: the caller may have read holds of it
 * already, and those who wait to write do not keep it out (T29, T33).
 * Context: thread; lock_read may sleep. lock_try_read returns TRUE if taken (T30).
 * Violations: `recursion` for the writer, unless recursive; lock_read: `irq-sleep`,
 * `masked-sleep` as simple_lock.
 */
KSL_API void lock_read(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_read);
KSL_API boolean_t lock_try_read(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_try_read);

/*
 * Take l to write, waiting while anybody has it. The writer has the priority of its
 * most favoured waiter (T53). Context: thread; lock_write may sleep. lock_try_write
 * returns TRUE if taken (T29, T30).
 * Violations: lock_write: `recursion` for a holder, unless the writer with the lock
 * recursive (T34, T46); `irq-sleep`, `masked-sleep` as simple_lock.
 */
KSL_API void lock_write(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_write);
KSL_API boolean_t lock_try_write(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_try_write);

/*
 * Gives one hold of the caller back, in either mode (T31). The last one lets one
 * waiting writer try again, or all waiting readers if no writer waits (T32).
 * Context: thread. Violations: `recursive-flag` for the last one of a lock that is still
 * recursive, which it is no longer then (T50).
 */
KSL_API void lock_done(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_done);

/*
 * Turns the caller's read hold into a write hold, waiting for the other readers.
 * Context: thread; may sleep.
 * Returns FALSE if it is now the writer (T36). TRUE if it FAILED, because somebody else
 * has asked to write: then the caller HOLDS NOTHING any more (T37, T39).
 * Violations: `not-owner`, `not-locked` without a read hold (T41); `recursion` with more
 * than one of one's own; `irq-sleep`, `masked-sleep`.
 */
KSL_API boolean_t lock_read_to_write(complex_lock_t l)
    KSL_SYMBOL(ksl_aix_lock_read_to_write);

/*
 * The same, but on failure the read hold is kept. Waits for the other readers (T40).
 * Context: thread; may sleep. Returns TRUE if it is now the writer; FALSE if somebody
 * else has asked to write (T38). Violations: as lock_read_to_write.
 */
KSL_API boolean_t lock_try_read_to_write(complex_lock_t l)
    KSL_SYMBOL(ksl_aix_lock_try_read_to_write);

/*
 * Turns the caller's write hold into a read hold: no writer comes in between, waiting
 * readers do (T42). Context: thread; never sleeps.
 * Violations: `recursive-flag` for a lock that is recursive (T52); `recursion` with
 * nested holds: then nothing has changed.
 */
KSL_API void lock_write_to_read(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_write_to_read);

/*
 * lock_set_recursive lets the writer take l again in any mode, each time to be given
 * back by its own lock_done (T46, T47); lock_clear_recursive ends that. Context: thread,
 * which holds l in write mode (T45, T49).
 * Violations: `recursive-flag` for a clear with nested holds (T51) or without a set.
 */
KSL_API void lock_set_recursive(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_set_recursive);
KSL_API void lock_clear_recursive(complex_lock_t l)
    KSL_SYMBOL(ksl_aix_lock_clear_recursive);

/* TRUE if anybody holds l in any mode (T29). Context: any. */
KSL_API int lock_islocked(complex_lock_t l) KSL_SYMBOL(ksl_aix_lock_islocked);

/*
 * TRUE if the caller owns l, a simple lock or a complex lock that it may write; FALSE
 * for a read hold (T13, T29). Context: any.
 */
KSL_API boolean_t lock_mine(void *l) KSL_SYMBOL(ksl_aix_lock_mine);

/* --- disabled read-write locks ------------------------------------------------------ */

/*
 * For what interrupt handlers share: contenders spin. Except for the init and free calls
 * a thread must have raised its interrupt priority, to the most favoured one of
 * the handlers that use l; that it has is not checked. Context: any.
 */

/* Makes l free; ends it, `destroy-held` while anybody has it. Context: thread. */
KSL_API void drw_lock_init(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_init);
KSL_API void drw_lock_free(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_free);

/*
 * Take l to read, to write; the try call returns TRUE if taken. Violations: `recursion`
 * for a read by the writer, or a write by any holder.
 */
KSL_API void drw_lock_read(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_read);
KSL_API void drw_lock_write(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_write);
KSL_API boolean_t drw_lock_try_write(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_try_write);

/* Gives l back, in either mode. Violations: `not-owner`, `not-locked`. */
KSL_API void drw_lock_done(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_done);

/*
 * Turn a read hold into a write hold. TRUE: done. FALSE: not; then the first call has
 * given the lock back, the second one has kept the read hold. Mind that
 * lock_read_to_write returns the opposite. The first one spins until the other readers
 * have left, and fails if another thread is upgrading or the caller has more than one
 * read hold; the second one fails if anybody else reads.
 */
KSL_API boolean_t drw_lock_read_to_write(drw_lock_t l)
    KSL_SYMBOL(ksl_aix_drw_lock_read_to_write);
KSL_API boolean_t drw_lock_try_read_to_write(drw_lock_t l)
    KSL_SYMBOL(ksl_aix_drw_lock_try_read_to_write);

/* Turns the write hold into a read hold; never waits. */
KSL_API void drw_lock_write_to_read(drw_lock_t l)
    KSL_SYMBOL(ksl_aix_drw_lock_write_to_read);

/* TRUE if anybody holds l in any mode. */
KSL_API boolean_t drw_lock_islocked(drw_lock_t l) KSL_SYMBOL(ksl_aix_drw_lock_islocked);

/* --- inlined paths ------------------------------------------------------------------ */

enum { KSL_AIX_SIMPLE_FAMILY = 2, KSL_AIX_COMPLEX_FAMILY = 3 };

/* The calls above, with the place of the caller. */
KSL_API void ksl_aix_simple_lock_at(simple_lock_t l, const struct ksl_place *place);
KSL_API void ksl_aix_simple_unlock_at(simple_lock_t l, const struct ksl_place *place);
KSL_API boolean_t ksl_aix_simple_lock_try_at(simple_lock_t l,
                                             const struct ksl_place *place);
KSL_API int ksl_aix_disable_lock_at(int int_pri, simple_lock_t l,
                                    const struct ksl_place *place);
KSL_API void ksl_aix_unlock_enable_at(int int_pri, simple_lock_t l,
                                      const struct ksl_place *place);

static inline void ksl_aix_take(simple_lock_t l, const struct ksl_place *place)
{
    if (l == KSL_NULL ||
        !ksl_own_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_SIMPLE_FAMILY), place))
        ksl_aix_simple_lock_at(l, place);
}

static inline void ksl_aix_give(simple_lock_t l, const struct ksl_place *place)
{
    if (l == KSL_NULL ||
        !ksl_disown_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_SIMPLE_FAMILY)))
        ksl_aix_simple_unlock_at(l, place);
}

KSL_API void ksl_aix_lock_read_at(complex_lock_t l, const struct ksl_place *place);
KSL_API void ksl_aix_lock_write_at(complex_lock_t l, const struct ksl_place *place);
KSL_API void ksl_aix_lock_done_at(complex_lock_t l, const struct ksl_place *place);
KSL_API boolean_t ksl_aix_lock_try_read_at(complex_lock_t l,
                                           const struct ksl_place *place);
KSL_API boolean_t ksl_aix_lock_try_write_at(complex_lock_t l,
                                            const struct ksl_place *place);
static inline void ksl_aix_read(complex_lock_t l, const struct ksl_place *place)
{
    if (l == KSL_NULL ||
        !ksl_show_fast(&l->ksl_word, KSL_FAMILY(KSL_AIX_COMPLEX_FAMILY), place))
        ksl_aix_lock_read_at(l, place);
}

static inline void ksl_aix_write(complex_lock_t l, const struct ksl_place *place)
{
    if (l == KSL_NULL ||
        !ksl_own_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_COMPLEX_FAMILY), place))
        ksl_aix_lock_write_at(l, place);
}

static inline void ksl_aix_done(complex_lock_t l, const struct ksl_place *place)
{
    if (l != KSL_NULL && ksl_hide_fast(&l->ksl_word, KSL_FAMILY(KSL_AIX_COMPLEX_FAMILY)))
        return;
    if (l == KSL_NULL || (l->ksl_depth | l->ksl_recursive) != 0 ||
        !ksl_disown_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_COMPLEX_FAMILY)))
        ksl_aix_lock_done_at(l, place);
}

#define simple_lock(l) ksl_aix_take((l), KSL_PLACE())
#define simple_unlock(l) ksl_aix_give((l), KSL_PLACE())
#define lock_read(l) ksl_aix_read((l), KSL_PLACE())
#define lock_write(l) ksl_aix_write((l), KSL_PLACE())
#define lock_done(l) ksl_aix_done((l), KSL_PLACE())

#if defined(KSL_INLINES)
static inline boolean_t ksl_aix_try(simple_lock_t l, const struct ksl_place *place)
{
    return (l != KSL_NULL &&
            ksl_own_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_SIMPLE_FAMILY), place)) ||
           ksl_aix_simple_lock_try_at(l, place);
}

/* Both look at the word masked, so no handler comes between that and what they store. */
static inline int ksl_aix_disable(int int_pri, simple_lock_t l,
                                  const struct ksl_place *place)
{
    struct ksl_front *f = ksl_front_of_caller();
    uint32_t level = f != KSL_NULL ? ksl_level_of(f) : 0;
    int before = KSL_CAST(int, KSL_MASK_ALL - level);
    if (__builtin_expect(
            l == KSL_NULL || f == KSL_NULL || int_pri < 0 || int_pri > before, 0))
        return ksl_aix_disable_lock_at(int_pri, l, place);
    ksl_level_set(f, KSL_MASK_ALL);
    if (__builtin_expect(
            !ksl_own_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_SIMPLE_FAMILY), place),
            0)) {
        ksl_level_set(f, level);
        return ksl_aix_disable_lock_at(int_pri, l, place);
    }
    if (int_pri > 0)
        ksl_unmask_fast(f, KSL_MASK_ALL - KSL_CAST(uint32_t, int_pri));
    return before;
}

static inline void ksl_aix_enable(int int_pri, simple_lock_t l,
                                  const struct ksl_place *place)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(l != KSL_NULL && f != KSL_NULL && int_pri >= 0 &&
                             int_pri <= KSL_MASK_ALL,
                         1)) {
        uint32_t level = ksl_level_of(f);
        ksl_level_set(f, KSL_MASK_ALL);
        if (__builtin_expect(
                ksl_disown_as(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_SIMPLE_FAMILY), false),
                1)) {
            ksl_unmask_fast(f, KSL_MASK_ALL - KSL_CAST(uint32_t, int_pri));
            return;
        }
        ksl_level_set(f, level);
    }
    ksl_aix_unlock_enable_at(int_pri, l, place);
}

static inline boolean_t ksl_aix_try_read(complex_lock_t l, const struct ksl_place *place)
{
    return (l != KSL_NULL &&
            ksl_show_fast(&l->ksl_word, KSL_FAMILY(KSL_AIX_COMPLEX_FAMILY), place)) ||
           ksl_aix_lock_try_read_at(l, place);
}

static inline boolean_t ksl_aix_try_write(complex_lock_t l, const struct ksl_place *place)
{
    return (l != KSL_NULL &&
            ksl_own_fast(&l->ksl_word, 0, KSL_FAMILY(KSL_AIX_COMPLEX_FAMILY), place)) ||
           ksl_aix_lock_try_write_at(l, place);
}

#define simple_lock_try(l) ksl_aix_try((l), KSL_PLACE())
#define disable_lock(int_pri, l) ksl_aix_disable((int_pri), (l), KSL_PLACE())
#define unlock_enable(int_pri, l) ksl_aix_enable((int_pri), (l), KSL_PLACE())
#define lock_try_read(l) ksl_aix_try_read((l), KSL_PLACE())
#define lock_try_write(l) ksl_aix_try_write((l), KSL_PLACE())
#endif

KSL_END_DECLS

#endif
