/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_LAST_WORDS_H
#define KSI_DIAG_LAST_WORDS_H

#include "platform/rawlock.h"

/*
 * From now on what is written at exit is written by quick_exit, too, and when one of the
 * signals that end a program does so: those that have no handler yet get one. If the
 * program installs its own, that is what counts. One thread writes, whatever else ends
 * the process meanwhile. Once; real signals may come.
 */
void ksi_last_words_enable(void);

/*
 * The locks that reports take. A request to end that comes to a thread while it has one
 * waits until it has given it back: a thread that writes at exit would wait for that
 * lock, and the process of a report gets a copy of it. Interrupts masked.
 */
extern struct ksi_rawlock ksi_trace_lock;
extern struct ksi_rawlock ksi_nodes_lock;
extern struct ksi_rawlock ksi_stats_past_lock;

extern __thread uint32_t ksi_report_locks;    /* that the thread has or waits for */
extern __thread uint32_t ksi_report_requests; /* bits by number, of signals that wait */

/* Those signals come now. */
KSI_COLD void ksi_report_requests_come(void);

static inline void ksi_report_lock(struct ksi_rawlock *l)
{
    ksi_report_locks++;
    ksi_barrier();
    ksi_raw_lock(l);
}

static inline void ksi_report_unlock(struct ksi_rawlock *l)
{
    ksi_raw_unlock(l);
    ksi_barrier();
    ksi_report_locks--;
    ksi_barrier();
    if (KSI_UNLIKELY(ksi_report_requests != 0))
        ksi_report_requests_come();
}

#endif
