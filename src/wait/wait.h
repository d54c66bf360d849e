/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_WAIT_WAIT_H
#define KSI_WAIT_WAIT_H

#include "wait/lot.h"

/*
 * Parks the caller, whose waiter w has been queued, until its wait is decided.
 * Interrupts are open meanwhile, whatever the caller's level, as on an idle
 * processor; the level is as before on return.
 *
 * deadline: CLOCK_MONOTONIC ns, KSI_FOREVER for none.
 */
enum ksi_outcome ksi_wait(struct ksi_waiter *w, uint64_t deadline);

/*
 * With w's bucket locked and w queued: from now on signals and forced unblocks
 * end this wait. False if a signal is pending already; then w is off the queue
 * and must not wait.
 */
bool ksi_wait_interruptible(struct ksi_waiter *w);

/*
 * Returns once the outcome of w is known, which was popped already. Does not
 * open interrupts and does not park: the waker is between pop and wake.
 */
void ksi_wait_settle(const struct ksi_waiter *w);

/* The effective priority of t has changed: its place in queues follows. */
void ksi_wait_reorder(ksl_thread *t);

/* -errno of an outcome: 0, -ETIMEDOUT, -EINTR, -EIDRM. */
int ksi_outcome_error(enum ksi_outcome outcome);

#endif
