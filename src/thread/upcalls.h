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

/* wait/, lock/ and diag/: around fork. In the child self is alone; NULL: unknown. */
void ksi_up_wait_before_fork(void);
void ksi_up_wait_after_fork(bool child, ksl_thread *self);
void ksi_up_locks_before_fork(
    void); /* lock/: waits for steps that a child could not end */
void ksi_up_locks_after_fork(bool child);
/* lock/: in the child, drops what slots of other threads show without having been
 * granted. */
void ksi_up_slots_of_child(const ksl_thread *self);
void ksi_up_diag_before_fork(void);
void ksi_up_diag_after_fork(bool child);
void ksi_up_switch_before_fork(void);
void ksi_up_switch_after_fork(bool child);

/* wait/: t exits; it waits for nothing any more. */
void ksi_up_leave_waits(ksl_thread *t);

/* lock/: t leaves its stage, or exits: it has entered nothing by its slots any more. */
void ksi_up_leave_stage(ksl_thread *t);

/* lock/: the owner that a word of lock/rw.h names, NULL if none. */
ksl_thread *ksi_up_word_owner(const volatile uintptr_t *word);

/* diag/: from now on reports may be made in handlers. */
void ksi_up_expect_handlers(void);

/* wait/: the effective priority of t is another one now. */
void ksi_up_priority_changed(ksl_thread *t);

/* diag/: t exits; reports what it holds. True if a lock may still name it. */
bool ksi_up_thread_exit(ksl_thread *t);

/* diag/: the calling thread is about to change its stage. */
void ksi_up_stage_changes(ksl_thread *t, const void *site);

/* diag/: a `bad-argument` violation of the calling thread. */
void ksi_up_bad_argument(const char *call, unsigned long value, const void *site);

/* diag/: an `irq-sleep` violation of the calling thread. */
void ksi_up_irq_sleep(const char *call, const void *site);

/*
 * diag/: what `stats` and `trace` are told of t, the caller; only while threads are
 * watched. See diag/events.h for the numbers.
 */
enum ksi_irq_event {
    KSI_IRQ_RAISED,
    KSI_IRQ_PUT_OFF,
    KSI_IRQ_RUNS,
    KSI_IRQ_RAN,
    KSI_IRQ_STAGE
};
void ksi_up_irq_event(ksl_thread *t, enum ksi_irq_event what, uint64_t arg,
                      uint64_t more);

/* diag/: true while signal delivery to t is deferred by a lock that it holds. */
bool ksi_up_signals_deferred(const ksl_thread *t);

#endif
