/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_HOOKS_H
#define KSI_DIAG_HOOKS_H

#include "diag/events.h"
#include "diag/held.h"
#include "diag/switch.h"

/*
 * The one door of the diagnostics. First the order and context checker: locks call it in
 * their slow paths, with no lock of the library held; the record of holds (held.h) calls
 * it when all of its pushes go the slow way.
 *
 *   before   the lock is about to be taken by a call that may wait: what is wrong with
 *            that, and with the order, is reported now, before it waits
 *   taken    it has been taken, also by a try, and the interrupt level is what it will
 *            be while it is held
 *   begin    a lock begins at this address
 *   end      the lock at this address is gone, or gets another name
 */
void ksi_order_before(enum ksi_kind kind, const void *lock, const void *site);
void ksi_order_taken(enum ksi_kind kind, const void *lock, const void *site);
KSI_COLD void ksi_order_begin(enum ksi_kind kind, const void *lock, const void *site);
KSI_COLD void ksi_order_end(const void *lock);

/*
 * True if that call of `before` has nothing to say or to learn, and that of `taken` after
 * it neither. The caller t has not got the lock yet, as far as is known. Not inlined: a
 * few dozen instructions, and calls to nobody.
 */
KSI_ASIDE bool ksi_order_quiet(ksl_thread *t, enum ksi_kind kind, const void *lock);

/* The record has a new hold; tried: taken without a wait. */
void ksi_order_pushed(enum ksi_kind kind, const void *lock, const void *site, bool tried);
/* A hold has been given back that is not the newest of the record: entry i of t. */
KSI_COLD void ksi_order_unstacked(const ksl_thread *t, uint32_t i);

/* The caller is about to sleep for an event; interlock: what it gives back, or NULL. */
KSI_COLD void ksi_order_sleep(const char *call, const void *interlock, const void *site);

/* A lockl lock was taken by a call that does not wait: the kernel lock, with others held?
 */
KSI_COLD void ksi_order_kernel_lock(const void *lock, const void *site);

/* disable_lock and unlock_enable of AIX; levels: before, and to be restored. */
KSI_COLD void ksi_order_disabling(const void *lock, uint32_t before, const void *site);
KSI_COLD void ksi_order_enabling(const void *lock, uint32_t level, const void *site);

/*
 * Make the tables: of classes, which all who watch need, and the rest of the checker.
 * False if there is no memory.
 */
bool ksi_classes_enable(void);
bool ksi_order_enable(void);
void ksi_order_before_fork(void);
void ksi_order_after_fork(bool child);

static inline bool ksi_order_on(void)
{
    /* Acquire: whoever sees the bit sees the tables. */
    return KSI_UNLIKELY((ksi_load_acq(&ksi_diag) & KSI_DIAG_ORDER) != 0);
}

/*
 * The door itself: calls for all who watch, behind one look at the switch. mode: how the
 * lock is wanted, or has been taken.
 *
 *   before, taken, begin, end   as above
 *   again    the caller has the lock, and has it once more now
 *   tried    the call does not wait: whether it has been taken
 *   given    the last hold of the caller, or its share, is given back; before others may
 *            have the lock
 *   turned   a share has become an exclusive hold, or the other way round
 *   sleep    as ksi_order_sleep
 */
KSI_ASIDE void ksi_hook_before(enum ksi_kind kind, const volatile void *lock,
                               enum ksi_mode mode, const void *site);
KSI_ASIDE void ksi_hook_taken(enum ksi_kind kind, const volatile void *lock,
                              enum ksi_mode mode, const void *site);
/*
 * The record has a new hold of the caller t, which says of itself what it is; diag: of
 * the switch, when the entry was made.
 */
KSI_ASIDE void ksi_hook_pushed(ksl_thread *t, uint32_t diag, uint32_t what,
                               const void *lock, const void *site, bool tried);
KSI_COLD void ksi_hook_begin(enum ksi_kind kind, const volatile void *lock,
                             const void *site);
KSI_COLD void ksi_hook_end(const volatile void *lock);
KSI_COLD void ksi_hook_again(enum ksi_kind kind, const volatile void *lock,
                             enum ksi_mode mode, const void *site);
KSI_ASIDE void ksi_hook_tried(bool in, enum ksi_kind kind, const volatile void *lock,
                              enum ksi_mode mode, const void *site);
KSI_ASIDE void ksi_hook_given(enum ksi_kind kind, const void *lock, enum ksi_mode mode);
/* Locks that only `stats` and `trace` see; shared. */
KSI_COLD void ksi_hook_told(enum ksi_event_type type, enum ksi_kind kind,
                            const void *lock, const void *site);
KSI_COLD void ksi_hook_turned(const void *lock, enum ksi_mode mode);

static inline bool ksi_watching(void)
{
    return KSI_UNLIKELY((ksi_load_acq(&ksi_diag) & KSI_DIAG_WATCHES) != 0);
}

/* True if somebody watches, for the look after the lock has been taken. */
static inline bool ksi_watch_before(enum ksi_kind kind, const volatile void *lock,
                                    enum ksi_mode mode, const void *site)
{
    bool watching = ksi_watching();
    if (watching)
        ksi_hook_before(kind, lock, mode, site);
    return watching;
}

/*
 * A shorter way, for calls that are about to find the lock free, while somebody watches:
 *
 *   if (ksi_watching() && ksi_quick_before(t, kind, lock) && it takes it at once)
 *       ksi_quick_taken(t, kind, lock, mode, site);
 *   else the long way, from ksi_watch_before on
 *
 * True if nobody but `stats` would do anything in `before` and `taken`, and that not
 * before the lock is taken. Of a lock that the caller t may have already it is false.
 */
KSI_ASIDE bool ksi_quick_before_order(ksl_thread *t, enum ksi_kind kind,
                                      const void *lock);

/* Nobody watches but `stats`. */
static inline bool ksi_only_stats(void)
{
    return (ksi_load_acq(&ksi_diag) & KSI_DIAG_WATCHES) == KSI_DIAG_STATS;
}

static inline bool ksi_quick_before(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    if (KSI_LIKELY(ksi_only_stats()))
        return KSI_LIKELY(t->handlers == 0);
    return ksi_quick_before_order(t, kind, lock);
}

/* KSI_ASIDE, of stats_direct.c: as if ksi_hook_before and then ksi_hook_taken had been
 * called.
 */
void ksi_stats_taken_at_once(ksl_thread *t, enum ksi_kind kind, enum ksi_mode mode,
                             const void *lock, const void *site);
void ksi_stats_given(ksl_thread *t, enum ksi_kind kind, const void *lock);
/* Instead of ksi_hook_pushed, if ksi_only_stats(). */
void ksi_stats_pushed(ksl_thread *t, uint32_t what, const void *lock, const void *site,
                      bool tried);

static inline void ksi_quick_taken(ksl_thread *t, enum ksi_kind kind, const void *lock,
                                   enum ksi_mode mode, const void *site)
{
    if ((ksi_load_acq(&ksi_diag) & KSI_DIAG_STATS) != 0)
        ksi_stats_taken_at_once(t, kind, mode, lock, site);
}

/* Instead of ksi_watch_given: false, and nothing is told, if that is for more to hear. */
static inline bool ksi_quick_given(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    uint32_t told = ksi_load_acq(&ksi_diag) & KSI_DIAG_TOLD;
    if ((told & ~(uint32_t)KSI_DIAG_STATS) != 0)
        return false;
    if (told != 0)
        ksi_stats_given(t, kind, lock);
    return true;
}

static inline void ksi_watch_taken(enum ksi_kind kind, const volatile void *lock,
                                   enum ksi_mode mode, const void *site)
{
    if (ksi_watching())
        ksi_hook_taken(kind, lock, mode, site);
}

static inline void ksi_watch_begin(enum ksi_kind kind, const volatile void *lock,
                                   const void *site)
{
    if (ksi_watching())
        ksi_hook_begin(kind, lock, site);
}

static inline void ksi_watch_end(const volatile void *lock)
{
    if (ksi_watching())
        ksi_hook_end(lock);
}

static inline void ksi_watch_again(enum ksi_kind kind, const volatile void *lock,
                                   enum ksi_mode mode, const void *site)
{
    if (ksi_telling())
        ksi_hook_again(kind, lock, mode, site);
}

/* Of a try, and whether it is `in`; not of those whose record tells it by itself. */
static inline bool ksi_watch_tried(bool in, enum ksi_kind kind, const volatile void *lock,
                                   enum ksi_mode mode, const void *site)
{
    if (ksi_watching())
        ksi_hook_tried(in, kind, lock, mode, site);
    return in;
}

/* kind: KSI_NO_KIND of locks whose holds are in slots. */
static inline void ksi_watch_given(enum ksi_kind kind, const volatile void *lock,
                                   enum ksi_mode mode)
{
    if (ksi_telling())
        ksi_hook_given(kind, (const void *)(uintptr_t)lock, mode);
}

static inline void ksi_watch_sleep(const char *call, const void *interlock,
                                   const void *site)
{
    if (ksi_order_on())
        ksi_order_sleep(call, interlock, site);
}

#endif
