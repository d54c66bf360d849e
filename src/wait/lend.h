/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_WAIT_LEND_H
#define KSI_WAIT_LEND_H

#include "wait/lot.h"

/*
 * Promotion: a queued waiter lends its effective priority to the owner of what it
 * waits for, which lends on to the owner of what that one waits for.
 *
 *   who lends whom   waiter.lends_to and the owner's list `lenders`
 *   what is lent     thread.lent: the most urgent of its lenders, each with what is
 *                    lent to itself; -1: nobody lends
 *
 * All of it is protected by one raw lock, taken inside bucket locks, so that a chain
 * can be followed through many buckets; it is held for a step a link. Only waits with
 * a known owner come here, after spinning.
 *
 * Who keeps it true:
 *   - who queues lends to the owner that it sees in the word, under the bucket lock;
 *   - who takes a waiter off its queue ends its loan;
 *   - who gives the lock back under the bucket lock, with waiters left in the queue,
 *     ends their loans; who takes a lock that has marks takes them over;
 *   - who changes a base priority follows the chain from there.
 *
 * A loan to a thread that has just given the lock back by a plain store ends with
 * the waiter's second look, or when that thread answers the waiter's claim.
 *
 * A circle of waiters, which is a deadlock unless a signal breaks it: all of them have
 * the most urgent priority that is lent into the circle or is one's own.
 */

/*
 * While no thread has ever had a base priority but 0, loans could not be seen, and there
 * are none. The first other priority sets this for good, with all buckets locked, and
 * makes all who are queued lend to whom they wait for. Who takes or gives back a lock
 * without its bucket looks here after the compare-and-swap.
 */
extern uint32_t ksi_lending; /* atomic */

static inline bool ksi_lend_matters(void)
{
    return ksi_load_seq(&ksi_lending) != 0;
}

/* With the bucket of w locked, w queued; owner NULL: w lends no more. */
void ksi_lend(struct ksi_waiter *w, ksl_thread *owner);

/* The base priority of t has changed; somebody lends. */
void ksi_lend_changed(ksl_thread *t);

/*
 * With no bucket locked, after calls that changed what is lent by way of `self`: real
 * priorities and places in queues follow.
 */
void ksi_lend_settle(ksl_thread *self);

void ksi_lend_before_fork(void);
void ksi_lend_after_fork(bool child);

#endif
