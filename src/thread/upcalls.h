/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_UPCALLS_H
#define KSI_THREAD_UPCALLS_H

#include "thread/thread.h"

/*
 * What this floor needs from those above it. Declared here, defined there, so
 * that no include goes up.
 */

/* wait/: ends the interruptible wait of t, if there is one. True if it did. */
bool ksi_up_end_wait(ksl_thread *t, enum ksi_outcome outcome);

/* wait/: all waiters but the caller are gone. */
void ksi_up_fork_child(void);

/* wait/: the effective priority of t is another one now. */
void ksi_up_priority_changed(ksl_thread *t);

/* diag/: t exits; reports what it holds. True if a lock may still name it. */
bool ksi_up_thread_exit(ksl_thread *t);

/* diag/: a `bad-argument` violation of the calling thread. */
void ksi_up_bad_argument(const char *call, unsigned long value, const void *site);

/* diag/: true while signal delivery to t is deferred by a lock that it holds. */
bool ksi_up_signals_deferred(const ksl_thread *t);

#endif
