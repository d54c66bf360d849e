/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_WAIT_LOT_H
#define KSI_WAIT_LOT_H

#include "thread/thread.h"

/*
 * The one waiting mechanism: address -> queues of waiters. All queues of one
 * address lie in one bucket, so its lock covers every decision about them.
 *
 * Who is responsible for the next wake-up:
 *   - a waiter queues itself under the bucket lock, after it looked at the
 *     primitive's word under that lock and marked there that somebody waits;
 *   - who changes the word so that a waiter could go on, and sees the mark,
 *     takes the bucket lock and pops waiters. Popping decides the outcome: the
 *     waiter is off the queue, nobody else can end its wait;
 *   - the popped waiters are woken by ksi_wake after the lock is dropped. Until
 *     then their outcome is KSI_WAITING, so they cannot leave their wait and
 *     the list that links them stays good;
 *   - a waiter that gives up (date, signal, unblock) is taken off under the
 *     lock by whoever ends its wait; if it is off already it was popped,
 *     and waits for that outcome.
 *
 * A holder that gives the primitive back by a plain store cannot see a mark that
 * is set at the same moment. So a waiter may put a claim on the holder's
 * descriptor, too: the holder looks at its claims after the store, and one that
 * finds some wakes all who wait for that primitive with a claim on it. The
 * waiter, once queued, makes all threads pass a barrier (ksi_heavy_barrier)
 * and looks at the word again before it sleeps: by then the store is visible
 * to it, or the claim to the holder.
 *
 * Bucket locks are raw locks: interrupts are masked while one is held.
 */

enum ksi_queue_kind {
    KSI_Q_READ,
    KSI_Q_WRITE,
    KSI_Q_COND,
    KSI_Q_SLEEP,
    KSI_Q_BLOCK,
    KSI_Q_CHANNEL,
    KSI_Q_CV,
    KSI_Q_KSEM,
    KSI_Q_STAX,
    KSI_Q_UPGRADE,
    KSI_Q_EVENT,
    KSI_Q_EVENTS
};

enum ksi_order { KSI_FIFO, KSI_PRIORITY };

/* A locked bucket and the interrupt level to go back to. */
struct ksi_lot {
    ksl_thread *self;
    struct ksi_bucket *bucket;
    struct ksi_bucket *second; /* NULL but after ksi_lot_lock_two */
    uint32_t level;
};

/* Waiters that are off their queue and have to be woken, all with one outcome. */
struct ksi_wake_list {
    struct ksi_waiter *first;
    struct ksi_waiter *last;
    enum ksi_outcome outcome;
};

/* clang-format off */
#define KSI_WAKE_LIST { NULL, NULL, KSI_WOKEN }
/* clang-format on */

void ksi_lot_lock(struct ksi_lot *lot, const void *address);
/* The bucket that w is, or was last, queued in, and that of address. */
void ksi_lot_lock_two(struct ksi_lot *lot, struct ksi_waiter *w, const void *address);

/* Drops the lock, wakes the list (may be NULL), unmasks. */
void ksi_lot_unlock(struct ksi_lot *lot, struct ksi_wake_list *wake);

/* The rest needs the lock of the address's bucket. */

bool ksi_lot_waits(const struct ksi_lot *lot, const void *address,
                   enum ksi_queue_kind kind);

unsigned ksi_lot_count(const struct ksi_lot *lot, const void *address,
                       enum ksi_queue_kind kind);

/*
 * Queues w and makes it the caller's current wait. counter, if not NULL, is
 * kept at the number of waiters queued with it.
 */
void ksi_lot_enqueue(struct ksi_lot *lot, struct ksi_waiter *w, const void *address,
                     enum ksi_queue_kind kind, enum ksi_order order, uint32_t *counter);

/* Takes the first waiter off for waking; false if there is none. */
bool ksi_lot_pop(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                 struct ksi_wake_list *wake);

/* The thread of the first waiter; NULL if there is none. */
ksl_thread *ksi_lot_first(const struct ksi_lot *lot, const void *address,
                          enum ksi_queue_kind kind);

/* Of a queue in order of priority the most urgent one by its priority now, else the
 * first. */
bool ksi_lot_pop_next(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                      struct ksi_wake_list *wake);

/* The same for the most urgent one by its priority now, and for the last one. */
bool ksi_lot_pop_urgent(struct ksi_lot *lot, const void *address,
                        enum ksi_queue_kind kind, struct ksi_wake_list *wake);
bool ksi_lot_pop_last(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                      struct ksi_wake_list *wake);

/* Those who are queued and lend to t do so no more. */
void ksi_lot_end_loans(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                       const ksl_thread *t);

/* All who are queued lend their priorities to owner, NULL: to nobody (lend.h). */
void ksi_lot_lend(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                  ksl_thread *owner);

/* The queued w puts a claim on t, until it is off the queue. */
void ksi_lot_claim(struct ksi_waiter *w, ksl_thread *t);

/* t has given the lock back with those queued in sight: they have no claim on it any
 * more. */
void ksi_lot_unclaim(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                     ksl_thread *t);

/* Takes all those off for waking that have a claim on the caller. */
void ksi_lot_pop_claims(struct ksi_lot *lot, const void *address,
                        enum ksi_queue_kind kind, struct ksi_wake_list *wake);

/* The effective priority of w's thread has changed; its bucket is locked and it waits. */
void ksi_lot_reorder(struct ksi_waiter *w);

/* Takes w off its queue, wherever that is; its bucket is locked. */
void ksi_lot_remove(struct ksi_waiter *w);

/* Appends a waiter that was removed. */
void ksi_wake_add(struct ksi_wake_list *wake, struct ksi_waiter *w);

/* Publishes the outcome of each waiter of the list and unparks its thread. */
void ksi_wake(struct ksi_wake_list *wake);

/*
 * Locks the bucket that w is queued in. False, with nothing locked, if w is
 * on no queue.
 */
bool ksi_lot_find(struct ksi_lot *lot, struct ksi_waiter *w);
/*
 * The same for who has changed what w's thread looks at once it is queued: either w is
 * found, or its thread sees the change. ksi_lot_find alone may look past a new queue.
 */
bool ksi_lot_find_after(struct ksi_lot *lot, struct ksi_waiter *w);

/*
 * For dumps: whether w is queued, and among how many, without waiting. What the waiter
 * itself says (address, queued, lock_kind) is right while it is.
 */
enum ksi_look { KSI_LOOK_QUEUED, KSI_LOOK_GONE, KSI_LOOK_BUSY };
enum ksi_look ksi_lot_look(const struct ksi_waiter *w, unsigned *waiters);

/* From now on all who are queued lend (lend.h). */
void ksi_lot_begin_lending(void);

/* The calling thread is a child of fork, so marks may stand without waiters. */
extern bool ksi_lot_forked;

#endif
