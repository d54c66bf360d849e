/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_SX_H
#define KSLOCK_FREEBSD_SYS_SX_H

/*
 * sx(9), shared/exclusive locks (rules 1 to 80 of freebsd.md). Waiting readers and
 * writers follow FreeBSD 12 and later: a thread without any share waits
 * behind queued writers (rule 23), one with a share of any sx passes them
 * (rule 22). Every share is recorded, so misuse is found exactly.
 *
 * What all calls have in common. Violations: `destroyed` for a lock that is not
 * initialised or was destroyed. A call that blocks is `irq-sleep` in a handler,
 * and `masked-sleep` if it has to wait with interrupts masked; calls that
 * never wait may be used in handlers, where they act for the interrupted thread.
 * A handler that gives back a hold of its thread must not take another one of the
 * same lock, nor count on what it has just downgraded: the thread may be giving back
 * just that one. A refused call changes nothing.
 */

#include <sys/_sleep.h>
#include <sys/_sx.h>
#include <sys/lock.h>

#include <kslock/base.h>
#include <kslock/inline.h>

KSL_BEGIN_DECLS

struct thread;

/* Flags of sx_init_flags. */
#define SX_DUPOK 0x01
#define SX_NOPROFILE 0x02
#define SX_NOWITNESS 0x04
#define SX_QUIET 0x08
#define SX_ADAPTIVESPIN 0x10 /* spinning adapts by itself: both change nothing */
#define SX_NOADAPTIVE 0x10
#define SX_RECURSE 0x20
#define SX_NEW 0x40

/* Option of the lock calls. */
#define SX_INTERRUPTIBLE 0x40

/* Arguments of sx_assert; the second group are their old names. */
#define SA_LOCKED LA_LOCKED
#define SA_SLOCKED LA_SLOCKED
#define SA_XLOCKED LA_XLOCKED
#define SA_UNLOCKED LA_UNLOCKED
#define SA_RECURSED LA_RECURSED
#define SA_NOTRECURSED LA_NOTRECURSED
#define SX_LOCKED LA_LOCKED
#define SX_SLOCKED LA_SLOCKED
#define SX_XLOCKED LA_XLOCKED
#define SX_UNLOCKED LA_UNLOCKED
#define SX_RECURSED LA_RECURSED
#define SX_NOTRECURSED LA_NOTRECURSED

#define sx_recurse lock_object.lo_data

/*
 * Makes sx a free lock. description is kept, not copied. Live memory is
 * initialised anew without a word. Context: any; nobody uses sx.
 * Violations: `bad-argument` for unknown flags.
 */
KSL_API void sx_init(struct sx *sx, const char *description)
    KSL_SYMBOL(ksl_freebsd_sx_init);
KSL_API void sx_init_flags(struct sx *sx, const char *description, int opts)
    KSL_SYMBOL(ksl_freebsd_sx_init_flags);

/*
 * Ends sx; its memory may go. Context: any thread; does not wait (rules 56 to 59).
 * Violations: `destroy-held` if anybody holds it or waits for it.
 */
KSL_API void sx_destroy(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_destroy);

/*
 * Take a share, or the lock alone (rules 1 to 11, 22 to 30). Context: thread,
 * no spinning lock held; may sleep. Signals do not end the wait (rule 35).
 * Violations: `recursion` for the owner without SX_RECURSE, for a share under
 * one's own exclusive hold and the reverse (rules 9, 53, 54).
 */
KSL_API void sx_slock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_slock);
KSL_API void sx_xlock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_xlock);

/*
 * The same, but a signal or a forced unblock ends the wait (rules 33 to 38).
 * Return 0 with the lock held; EINTR or ERESTART (by ksl_signal_action)
 * without it; EDEADLK if refused.
 */
KSL_API int sx_slock_sig(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_slock_sig);
KSL_API int sx_xlock_sig(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_xlock_sig);

/*
 * Take it if that needs no wait; queued writers do not matter (rules 3, 10, 11,
 * 24, 55). Context: any. Return 1 with the lock held, else 0.
 */
KSL_API int sx_try_slock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_try_slock);
KSL_API int sx_try_xlock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_try_xlock);

/*
 * Give a share, one exclusive hold, or what the caller has, back (rules 7, 25,
 * 26, 61 to 65). Context: any. Violations: `not-locked`, `not-owner`.
 */
KSL_API void sx_sunlock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_sunlock);
KSL_API void sx_xunlock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_xunlock);
KSL_API void sx_unlock(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_unlock);

/*
 * Turns the caller's share into an exclusive hold if it is the only one, past
 * all who wait (rules 14 to 19). Context: any; never waits.
 * Returns 1, or 0 with the share kept. Violations: `not-locked`, `not-owner`.
 */
KSL_API int sx_try_upgrade(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_try_upgrade);

/*
 * Turns the caller's exclusive hold into a share; no writer comes in between
 * (rules 12, 20, 21). Context: any; never waits.
 * Violations: `not-locked`, `not-owner`, `recursion` if held more than once.
 */
KSL_API void sx_downgrade(struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_downgrade);

/* The exclusive owner, NULL if there is none; a snapshot. Context: any. */
KSL_API struct thread *sx_xholder(const struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_xholder);
/* Non-zero if the caller is the exclusive owner. Context: any. */
KSL_API int sx_xlocked(const struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_xlocked);
/* Non-zero if somebody waits; for holders. Context: any. */
KSL_API int sx_has_waiters(const struct sx *sx) KSL_SYMBOL(ksl_freebsd_sx_has_waiters);

/*
 * Checks what the caller holds: SA_UNLOCKED, or one of SA_LOCKED, SA_SLOCKED and
 * SA_XLOCKED with or without SA_RECURSED or SA_NOTRECURSED (rules 73 to 76), exact
 * for shares too. Context: any.
 * Violations: `assertion`; `bad-argument` for any other value.
 */
KSL_API void sx_assert(const struct sx *sx, int what) KSL_SYMBOL(ksl_freebsd_sx_assert);

/* The calls with the place of the caller, which the macros below use. */
KSL_API int ksl_freebsd_sx_lock_at(struct sx *sx, int exclusive, int opts,
                                   const struct ksl_place *place);
KSL_API int ksl_freebsd_sx_try_at(struct sx *sx, int exclusive,
                                  const struct ksl_place *place);
/* mode: 0 share, 1 exclusive, 2 what the caller has */
KSL_API void ksl_freebsd_sx_unlock_at(struct sx *sx, int mode,
                                      const struct ksl_place *place);
KSL_API int ksl_freebsd_sx_try_upgrade_at(struct sx *sx, const struct ksl_place *place);
KSL_API void ksl_freebsd_sx_downgrade_at(struct sx *sx, const struct ksl_place *place);
KSL_API void ksl_freebsd_sx_destroy_at(struct sx *sx, const struct ksl_place *place);
KSL_API void ksl_freebsd_sx_assert_at(const struct sx *sx, int what,
                                      const struct ksl_place *place);

static inline void ksl_freebsd_slock(struct sx *sx, const struct ksl_place *place)
{
    if (__builtin_expect(!ksl_share_fast(&sx->sx_lock, place), 0))
        (void)ksl_freebsd_sx_lock_at(sx, 0, 0, place);
}

static inline void ksl_freebsd_sunlock(struct sx *sx, const struct ksl_place *place)
{
    if (__builtin_expect(!ksl_unshare_fast(&sx->sx_lock), 0))
        ksl_freebsd_sx_unlock_at(sx, 0, place);
}

static inline void ksl_freebsd_xlock(struct sx *sx, const struct ksl_place *place)
{
    if (__builtin_expect(!ksl_exclusive_fast(&sx->sx_lock, place), 0))
        (void)ksl_freebsd_sx_lock_at(sx, 1, 0, place);
}

static inline void ksl_freebsd_xunlock(struct sx *sx, const struct ksl_place *place)
{
    if (__builtin_expect(!ksl_unexclusive_fast(&sx->sx_lock), 0))
        ksl_freebsd_sx_unlock_at(sx, 1, place);
}

static inline void ksl_freebsd_unlock(struct sx *sx, const struct ksl_place *place)
{
    if (!ksl_unshare_fast(&sx->sx_lock) && !ksl_unexclusive_fast(&sx->sx_lock))
        ksl_freebsd_sx_unlock_at(sx, 2, place);
}

/* Not those of a share: the inlined path does not see every lock that is none. */
static inline int ksl_freebsd_xlock_sig(struct sx *sx, const struct ksl_place *place)
{
    return __builtin_expect(ksl_exclusive_fast(&sx->sx_lock, place), 1)
               ? 0
               : ksl_freebsd_sx_lock_at(sx, 1, SX_INTERRUPTIBLE, place);
}

static inline int ksl_freebsd_try_xlock(struct sx *sx, const struct ksl_place *place)
{
    return __builtin_expect(ksl_exclusive_fast(&sx->sx_lock, place), 1)
               ? 1
               : ksl_freebsd_sx_try_at(sx, 1, place);
}

#define sx_slock(sx) ksl_freebsd_slock((sx), KSL_PLACE())
#define sx_sunlock(sx) ksl_freebsd_sunlock((sx), KSL_PLACE())
#define sx_xlock(sx) ksl_freebsd_xlock((sx), KSL_PLACE())
#define sx_xunlock(sx) ksl_freebsd_xunlock((sx), KSL_PLACE())
#define sx_unlock(sx) ksl_freebsd_unlock((sx), KSL_PLACE())
#define sx_slock_sig(sx) ksl_freebsd_sx_lock_at((sx), 0, SX_INTERRUPTIBLE, KSL_PLACE())
#define sx_xlock_sig(sx) ksl_freebsd_xlock_sig((sx), KSL_PLACE())
#define sx_try_slock(sx) ksl_freebsd_sx_try_at((sx), 0, KSL_PLACE())
#define sx_try_xlock(sx) ksl_freebsd_try_xlock((sx), KSL_PLACE())
#define sx_try_upgrade(sx) ksl_freebsd_sx_try_upgrade_at((sx), KSL_PLACE())
#define sx_downgrade(sx) ksl_freebsd_sx_downgrade_at((sx), KSL_PLACE())
#define sx_destroy(sx) ksl_freebsd_sx_destroy_at((sx), KSL_PLACE())
#define sx_assert(sx, what) ksl_freebsd_sx_assert_at((sx), (what), KSL_PLACE())

/*
 * Sleeps on chan without sx, which the caller holds in either mode, and takes it
 * again in the same mode (rules 39 to 52); see <sys/_sleep.h>.
 */
#define sx_sleep(chan, sx, priority, wmesg, timo)                                        \
    ksl_freebsd_sleep((chan), &(sx)->lock_object, (priority), (wmesg), (timo),           \
                      KSL_PLACE())

/*
 * Initialise a lock before main and before ordinary constructors, and destroy it
 * when the object that contains it is unloaded.
 */
struct sx_args {
    struct sx *sa_sx;
    const char *sa_desc;
    int sa_flags;
};
KSL_API void sx_sysinit(void *args) KSL_SYMBOL(ksl_freebsd_sx_sysinit);
KSL_API void ksl_freebsd_sx_sysuninit(struct sx *sx);

#define SX_SYSINIT_FLAGS(name, sxa, desc, flags)                                         \
    static struct sx_args name##_args = {(sxa), (desc), (flags)};                        \
    __attribute__((constructor(101), used)) static void name##_sx_sysinit(void)          \
    {                                                                                    \
        sx_sysinit(&name##_args);                                                        \
    }                                                                                    \
    __attribute__((destructor(101), used)) static void name##_sx_sysuninit(void)         \
    {                                                                                    \
        ksl_freebsd_sx_sysuninit(name##_args.sa_sx);                                     \
    }                                                                                    \
    struct ksl_freebsd_needs_semicolon

#define SX_SYSINIT(name, sxa, desc) SX_SYSINIT_FLAGS(name, sxa, desc, 0)

KSL_END_DECLS

#endif
