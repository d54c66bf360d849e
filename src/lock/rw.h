/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_RW_H
#define KSI_LOCK_RW_H

#include "diag/slots.h"
#include "diag/violation.h"

#include <errno.h>

/*
 * The engine of shared/exclusive locks: sx and sleeping mutexes of FreeBSD, mutex and
 * rwsem of Stanix, the locks of AIX, the mutex of EVL. (Disabled read-write locks use
 * WRITERS and UPGRADING without queues, see drw.c.)
 *
 * word = holders | marks | tier | flags
 *
 *   holders       leaves it by
 *   0             writer: CAS -> owner, if slots are closed; counted reader: CAS -> n=1
 *   READ|n*ONE    reader: CAS n+1; leaving reader: CAS n-1; the last one with
 *                 WRITERS or READERS set and SPIN clear: under the bucket lock;
 *                 the only sharer: CAS -> owner (upgrade); with UPGRADING, the
 *                 last one but one: CAS -> owner for the one that is left, under
 *                 the bucket lock
 *   owner         owner: plain store -> 0 if there are no marks and no RECURSED; CAS -> 0
 *                 with its marks, if a writer is COMING or nobody is queued; else
 *                 under the bucket lock; downgrade, under it: store -> READ|ONE
 *
 *   mark     set                             cleared
 *   WRITERS  by a writer before it queues    under the bucket lock, when no writer
 *                                            is queued or on its way; may be stale
 *   READERS  by a reader before it queues    under the bucket lock, when no reader is
 *                                            queued; may be stale
 *   COMING   by who pops a writer, under     by that writer when it is in or queues
 *            the bucket lock                 again or gives up
 *   SPIN     by the writer that closes the   by that writer: when it is in, or queues,
 *            slots                           or opens them again
 *
 *   tier          shares may be                 set                 cleared
 *   (none)        counted                                           -
 *   SLOTS         or in near slots, with a      by a sharer, CAS,   by a writer, CAS,
 *                 fence before the second look  if no mark is set   setting SPIN
 *   SLOTS|BIAS    or in near slots, without     likewise            likewise
 *
 * With an owner, SLOTS says only how it goes on after the release, and BIAS is never
 * set. RECURSED is set and cleared by the owner; beside READ the same bit is UPGRADING:
 * one of the sharers is queued for its upgrade, which set the bit under the bucket lock
 * after it had the slots closed; they stay closed meanwhile. In classes that do not use
 * RECURSED it is LOOKS beside an owner: that one took the lock with waiters there and
 * does not give it back by a plain store, so who queues needs no claim. base (sx, mutex)
 * is always set, so that zeroed memory is not a lock.
 *
 * Invariants, whenever the bucket lock is free:
 *   I1  somebody is queued => slots are closed and every share is counted, or there
 *       is an owner, or SPIN is set, or the owner's plain store has
 *       just overwritten the mark; then the waiter has a claim on it (lot.h).
 *   I2  writers are queued => somebody holds or has SPIN or is COMING, and that one
 *       sees WRITERS; or their waker is between pop and wake.
 *   I3  only readers are queued => the same.
 *   I4  SPIN set => no owner, slots closed; its writer has interrupts masked
 *       while it scans, and it wakes or lets in whoever queued meanwhile, either by
 *       its own release or by ksi_rw_open.
 *
 * Who wakes whom: the last holder that leaves pops one writer, unless one is on its
 * way or has SPIN; if no writer is left, all readers. A waiter that gives up
 * does the same if nobody holds, and lets the readers in if it was the last writer.
 *
 * Once the word is free it is not touched again, except by those who wait.
 */

enum {
    KSI_WRITERS = 1,
    KSI_READERS = 2,
    KSI_COMING = 4,
    KSI_READ = 8,
    KSI_SLOTS = KSL_WORD_SLOTS,
    KSI_BIAS = KSL_WORD_BIAS,
    KSI_SPIN = 64,
    KSI_RECURSED = 128,
    KSI_UPGRADING = 128, /* beside READ */
    KSI_LOOKS = 128,     /* beside an owner, in classes that look */
    KSI_BASE = KSL_WORD_BASE,
    KSI_ONE = KSI_THREAD_ALIGN,
    KSI_FLAGS = KSI_ONE - 1,
    KSI_QUEUED = KSI_WRITERS | KSI_READERS,
    KSI_MARKS = KSI_QUEUED | KSI_COMING,
    KSI_TIER = KSI_SLOTS | KSI_BIAS
};

/* How a call wants it. */
enum {
    KSI_RW_SIGNALS =
        1,           /* a signal (-ERESTART) or a forced unblock (-EINTR) ends the wait */
    KSI_RW_PASS = 2, /* a reader that queued writers do not stop */
    KSI_RW_OPEN = 4, /* no wait with interrupts masked: -EPERM */
    KSI_RW_STAY = 8  /* forced unblocks do not end it */
};

struct ksi_rw_class {
    enum ksi_kind kind;
    uintptr_t base;
    uintptr_t tags; /* of entries in slots */
    bool counts;    /* no shares in slots */
    bool lends;     /* waiters lend their priority to the owner; the most urgent first */
    bool looks;     /* has LOOKS, which who lends needs */
};

static inline uintptr_t ksi_rw_owner(uintptr_t word)
{
    return (word & KSI_READ) != 0 ? 0 : word & ~(uintptr_t)KSI_FLAGS;
}

static inline uintptr_t ksi_rw_count(uintptr_t word)
{
    return (word & KSI_READ) != 0 ? word / KSI_ONE : 0;
}

static inline bool ksi_rw_unheld(uintptr_t word)
{
    return (word & ~(uintptr_t)KSI_FLAGS) == 0;
}

static inline bool ksi_rw_may_share(uintptr_t word, unsigned how)
{
    return ksi_rw_owner(word) == 0 &&
           ((word & (KSI_WRITERS | KSI_SPIN)) == 0 || (how & KSI_RW_PASS) != 0);
}

/* Slots are open, and no owner or other writer keeps readers from them. */
static inline bool ksi_rw_slots_open(uintptr_t word)
{
    return (word & KSI_TIER) != 0 && (word & KSI_SPIN) == 0 && ksi_rw_owner(word) == 0;
}

static inline uintptr_t ksi_rw_one_more(uintptr_t word)
{
    return (word | KSI_READ) + KSI_ONE;
}

static inline uintptr_t ksi_rw_one_less(uintptr_t word)
{
    uintptr_t left = word - KSI_ONE;
    return ksi_rw_unheld(left) ? left & ~(uintptr_t)KSI_READ : left;
}

/*
 * The calls below act for the calling thread t, which is registered, and know
 * nothing of misuse: that it may have the lock has been checked. They keep
 * the record.
 */

/*
 * Takes a share, waiting if it must: 0, or as `how` says; -EDEADLK if a handler has
 * taken the lock for t meanwhile.
 */
int ksi_rw_share(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                 unsigned how, const void *site);
bool ksi_rw_try_share(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                      unsigned how, const void *site);

/*
 * The quick way back for t's only share, which the word counts, if its near slot says so;
 * tags: those of the class. False: nothing has happened.
 */
bool ksi_rw_unshare_near(ksi_word *word, ksl_thread *t, uintptr_t tags);

/* Gives back the share of entry s; NULL: one that has no entry. */
void ksi_rw_unshare(ksi_word *word, ksl_thread *t, struct ksl_slot *s);

/* Takes the lock alone: likewise. */
int ksi_rw_own(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t, unsigned how,
               const void *site);
bool ksi_rw_try_own(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                    const void *site);

/* Gives the exclusive hold back; RECURSED is clear. */
void ksi_rw_disown(ksi_word *word, ksl_thread *t);

/*
 * Turns t's share, if it is the only one of all, into the exclusive hold. False, too, if
 * a handler has taken another one for t, or given that back, after the caller's look.
 */
bool ksi_rw_upgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t);
void ksi_rw_downgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t);

/*
 * The same, but waits for the other sharers to leave. -EAGAIN if a writer waits or
 * another sharer is upgrading, -EPERM as `how` says, -EDEADLK if t has several; then
 * nothing changes.
 */
int ksi_rw_await_upgrade(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                         unsigned how);

/*
 * A lock begins at this address: records of an earlier one there are dropped, which
 * nobody may be using any more.
 */
void ksi_rw_begin(const ksi_word *word);

/*
 * Before a lock ends: closes its slots. True, with nothing changed that matters, if
 * anybody holds it or waits.
 */
bool ksi_rw_busy(ksi_word *word, ksl_thread *t);

/* --- between the files of the engine -------------------------------------- */

/* Bound of the tries for what somebody else is about to finish. */
enum { KSI_RW_PATIENCE = 200 };

/*
 * Notes in a descriptor's `converted`, for the word of each near slot: the share that the
 * slot shows is counted; the hold is exclusive, whatever is stored to the slot; the entry
 * of a stax is counted.
 *
 *   note      set                                  taken off
 *   COUNTED   under the bucket lock: by a writer   by t, which has emptied the slot, with
 *             (rw_slots.c), or a downgrade         the bucket lock or masked; by whoever
 *                                                  gives the share back in a handler of t
 *   OWNED     by a handler of t that upgrades      likewise; a handler's downgrade makes
 *                                                  COUNTED of it, also of an empty slot
 *
 * Who takes a note off gives back what it stands for, of a recursed hold one level,
 * masked from before until after that.
 */
enum { KSI_NOTE_COUNTED = 0, KSI_NOTE_OWNED = 1, KSI_NOTE_STAX = 2 };

/* rw_slots.c */

/*
 * Closes the slots, if the word is still `seen`: then the caller has SPIN. It must
 * have masked interrupts, and keep them so while it has SPIN.
 */
bool ksi_rw_close(ksi_word *word, uintptr_t seen, ksl_thread *t);
/*
 * Before slots of a word are opened that were closed, so all that holds it shared is
 * counted. In a child of fork, what threads show that stayed in the parent was another
 * lock then, whose memory has become this one's without its init.
 */
void ksi_rw_forget_strangers(const ksi_word *word);
/* The same for any word that stands for entries in slots: it is `closed` then. */
bool ksi_rw_close_word(ksi_word *word, uintptr_t seen, uintptr_t closed, bool biased,
                       ksl_thread *t);
/* The word names an owner that is no thread: the memory is not a lock. Any word. */
bool ksi_rw_is_junk(uintptr_t w);
/* The same, or the word is of another class; for those who spin. */
static inline bool ksi_rw_is_foreign(const struct ksi_rw_class *c, uintptr_t w)
{
    return (w & KSI_BASE) != c->base || ksi_rw_is_junk(w);
}

/* Says that it is; returns -EINVAL. */
int ksi_rw_refuse_junk(const struct ksi_rw_class *c, const ksi_word *word,
                       const void *site);
/* The caller no longer has SPIN. */
void ksi_rw_closed(ksl_thread *t);
/* Waits a little for shares in slots, then counts those that are left. */
void ksi_rw_empty(ksi_word *word);
/* Some other thread shows a share, granted or not, in its slot. */
bool ksi_rw_seen_in_slots(const ksi_word *word, const ksl_thread *t);
/* The caller gives SPIN up; the slots become open as in `tier` if nobody waits. */
void ksi_rw_open(ksi_word *word, ksl_thread *t, uintptr_t tier);
/* A share in t's own near slot was refused, or is given back. */
void ksi_rw_cancel(ksi_word *word, ksl_thread *t, struct ksl_slot *s);
/* All running threads pass a barrier before this returns. */
void ksi_rw_barrier(void);

/* rw_counted.c */

/* Gives back a share that the word counts. */
void ksi_rw_uncount(ksi_word *word);

/* rw.c */

struct ksi_lot;
struct ksi_wake_list;

/*
 * With the bucket lock, w queued: signals may end the wait from now on, if `how` says
 * so; true if one is pending already, and w is off the queue.
 */
bool ksi_rw_interruptible(struct ksi_waiter *w, unsigned how);

/* Masked: t has emptied its slot for this word; notes on it, if any, are settled. */
void ksi_rw_drop_notes(const ksi_word *word, ksl_thread *t);
/* With the bucket lock: the marks as the queues are; coming: KSI_COMING or 0. */
uintptr_t ksi_rw_marks(ksi_word *word, const struct ksi_lot *lot, uintptr_t coming);
/* With the bucket lock: all who are queued lend to owner, NULL: to nobody (wait/lend.h).
 */
void ksi_rw_lend(ksi_word *word, struct ksi_lot *lot, ksl_thread *owner);
/*
 * With the bucket lock, w queued: it waits for `owner`, 0: nobody, and lends to it. Says
 * what kind of lock it is, for the dump.
 */
void ksi_rw_lend_one(const struct ksi_rw_class *c, const ksi_word *word,
                     struct ksi_waiter *w, uintptr_t owner);
/* With the bucket lock: t gives the lock back, or shares it, in sight of who is queued.
 */
void ksi_rw_unclaim(ksi_word *word, struct ksi_lot *lot, ksl_thread *t);
/* The COMING that the word still means. */
uintptr_t ksi_rw_coming(uintptr_t w);
/* With the bucket lock: pops whom the word, as it will be, lets go on. */
void ksi_rw_pop(ksi_word *word, struct ksi_lot *lot, struct ksi_wake_list *wake,
                uintptr_t w, uintptr_t *coming);
/*
 * With the bucket lock: takes `off`, bits of the caller, off the word, pops whom
 * that lets go on, and sets the marks anew.
 */
void ksi_rw_settle(ksi_word *word, struct ksi_lot *lot, struct ksi_wake_list *wake,
                   uintptr_t off);
/*
 * The waiter w is queued behind `owner` and has a claim on it: true if it may
 * sleep; else it is off the queue again, and must look anew.
 */
bool ksi_rw_may_sleep(ksi_word *word, struct ksi_waiter *w, uintptr_t owner,
                      uintptr_t mark);

/*
 * The caller is a handler, and its thread waits for this lock: it would wait for itself
 * if the handler took it and kept it.
 */
bool ksi_rw_waits_for(const ksi_word *word, const ksl_thread *t);
/*
 * Likewise, but the handler will give the lock back: true if the thread waits for
 * nobody's lock and has been taken off the queue; it tries again after the handler.
 */
bool ksi_rw_stop_waiting(const ksi_word *word, ksl_thread *t);

/* rw_convert.c */

/* t is the owner now: who waits already lends to it. */
void ksi_rw_adopt(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t);
/* Closes the slots if t alone has shares in them; `shares` of it are counted. Masked. */
bool ksi_rw_own_past_slots(ksi_word *word, ksl_thread *t, uintptr_t seen,
                           uintptr_t shares);

/* rw_tune.c */

/* A counted share was taken; may open the slots. */
void ksi_rw_tune_counted(ksi_word *word, ksl_thread *t);

/*
 * Shares of a thread for one look at the entry, whose line others write to: counted ones,
 * and those with a fence.
 */
enum { KSI_RW_SAMPLE = 16, KSI_RW_SAMPLE_FENCED = 32 };

/*
 * Whether the n-th share of a thread is one that looks; so spread that no loop over some
 * locks stays in step with it.
 */
static inline bool ksi_rw_sampled(uint32_t n, uint32_t of)
{
    return n * 0x9e3779b1u <= UINT32_MAX / of;
}

/* So many shares with a fence were taken; may set the bias. */
void ksi_rw_tune_fenced_now(ksi_word *word);

/* One was. */
static inline void ksi_rw_tune_fenced(ksi_word *word, ksl_thread *t)
{
    if (KSI_UNLIKELY(ksi_rw_sampled(++t->fenced_reads, KSI_RW_SAMPLE_FENCED)))
        ksi_rw_tune_fenced_now(word);
}
/* A writer closes slots of this tier; returns what the next call wants. */
uint64_t ksi_rw_tune_closing(uintptr_t tier);
/* It is in: the tier for after its release. */
uintptr_t ksi_rw_tune_closed(const ksi_word *word, uintptr_t tier, uint64_t since);
/* A lock begins. */
void ksi_rw_tune_new(const ksi_word *word);

#endif
