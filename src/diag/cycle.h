/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_CYCLE_H
#define KSI_DIAG_CYCLE_H

#include "thread/thread.h"

/* In wait_number: the wait has a date; a signal or a forced unblock can end it. */
enum {
    KSI_WAIT_TIMED = 1,
    KSI_WAIT_OPEN = 2,
    KSI_WAIT_OPENS = 4, /* the next one will be OPEN; not read by others */
    KSI_WAIT_FLAGS = 7
};

/*
 * With `hang` on: the calling thread t shows itself waiting, without a date, and is about
 * to park, or to nap for a spinning lock. If that closes a circle, tells it.
 */
KSI_COLD void ksi_deadlock_look(ksl_thread *t);

/* The watcher: looks for those that the switch came too late for, or nobody could read.
 */
void ksi_deadlock_look_again(void);

/* t has queued for a wait that a signal or an unblock can end. */
static inline void ksi_wait_opens(ksl_thread *t)
{
    ksi_store(&t->wait_number, ksi_load(&t->wait_number) | KSI_WAIT_OPENS);
}

/* t queues: if it was to be open before, it has not waited then. */
static inline void ksi_wait_queues(ksl_thread *t)
{
    ksi_store(&t->wait_number, ksi_load(&t->wait_number) & ~(uint32_t)KSI_WAIT_OPENS);
}

/* The number of a wait that begins now. */
static inline void ksi_wait_begins(ksl_thread *t, bool timed)
{
    uint32_t last = ksi_load(&t->wait_number);
    uint32_t number = (last | KSI_WAIT_FLAGS) + 1;
    if ((last & KSI_WAIT_OPENS) != 0)
        number |= KSI_WAIT_OPEN;
    ksi_store(&t->wait_number, timed ? number | KSI_WAIT_TIMED : number);
}

#endif
