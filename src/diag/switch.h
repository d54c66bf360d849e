/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_SWITCH_H
#define KSI_DIAG_SWITCH_H

#include "platform/atomic.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * What is switched on, by KSLOCK in the environment or by ksl_diag_enable. Bits are set
 * and never cleared, but KSI_DIAG_TRACE in a child of fork. With KSI_DIAG_WATCHES threads
 * are watched (thread/watch.h).
 */
enum {
    KSI_DIAG_ORDER = 1,
    KSI_DIAG_STATS = 2,
    KSI_DIAG_TRACE = 4,
    KSI_DIAG_HANG = 8,
    KSI_DIAG_ANNOTATE = 16,
    KSI_DIAG_TOLD = KSI_DIAG_STATS | KSI_DIAG_TRACE | KSI_DIAG_ANNOTATE,
    KSI_DIAG_WATCHES = KSI_DIAG_ORDER | KSI_DIAG_TOLD
};

extern uint32_t ksi_diag; /* atomic */

/* Where reports go: stderr, or the file of report=FILE. */
int ksi_diag_fd(void);

/*
 * The process that a report is about: the caller's, or the one that a signal ends
 * (diag/last_words.h).
 */
int ksi_report_pid(void);

/* The limit of hang=SECONDS in nanoseconds. */
uint64_t ksi_diag_hang_limit(void);

#endif
