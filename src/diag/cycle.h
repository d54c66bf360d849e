/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_CYCLE_H
#define KSI_DIAG_CYCLE_H

#include "thread/thread.h"

/* In wait_number: the wait has a date; a signal or a forced unblock can end it. */
enum { KSI_WAIT_TIMED = 1, KSI_WAIT_OPEN = 2, KSI_WAIT_FLAGS = 3 };

/*
 * With `hang` on: the calling thread t shows itself waiting, without a date, and is about
 * to park, or to nap for a spinning lock. If that closes a circle, tells it.
 */
KSI_COLD void ksi_deadlock_look(ksl_thread *t);

/* The watcher: looks for those that the switch came too late for, or nobody could read.
 */
void ksi_deadlock_look_again(void);

/* The number of a wait that begins now. */
static inline void ksi_wait_begins(ksl_thread *t, bool timed, bool open)
{
    uint32_t number = (ksi_load(&t->wait_number) | KSI_WAIT_FLAGS) + 1;
    ksi_store(&t->wait_number,
              number | (timed ? KSI_WAIT_TIMED : 0) | (open ? KSI_WAIT_OPEN : 0));
}

#endif
