/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_VIOLATION_H
#define KSLOCK_VIOLATION_H

#include <kslock/base.h>
#include <kslock/thread.h>

KSL_BEGIN_DECLS

/*
 * A broken locking rule. The identifiers in `rule`, always checked:
 *
 *   not-owner       operation reserved to the owner, by another thread   panic
 *   not-locked      the same on a free lock                              panic
 *   recursion       taken again by its holder in a way that cannot end   panic
 *   destroyed       use of a lock destroyed, overwritten, or never made  panic
 *   destroy-held    destroyed while held or waited for                   panic
 *   irq-sleep       a call that may block in an interrupt handler        panic
 *   masked-sleep    blocking with interrupts masked where forbidden      panic
 *   assertion       a failed lock assertion                              panic
 *   bad-argument    a value outside its documented range                 panic
 *   exit-held       thread exit or system call return with locks held    report
 *   stage           a wait on the wrong stage                            report
 *   recursive-flag  misuse of the recursive mode of a complex lock       report
 *
 * and with `order` switched on, all reports, see <kslock/diag.h>:
 *
 *   order           classes of locks taken in opposite orders
 *   duplicate       two locks of one class held together
 *   sleepable       a lock that may sleep, or a sleep, under one that spins
 *   irq-unsafe      a lock that a handler takes, held with that interrupt open
 *   regime          a simple lock taken both with and without raised priority
 *   kernel-lock     the global kernel lock taken while holding another lock
 *   hierarchy       a lock of a coarser level taken under one of a finer level
 *   release-order   interrupts opened while a lock taken later is held
 *   stage           also: an in-band lock taken out-of-band, a stax kept over a
 *                   change of stage
 */
typedef enum { KSL_REPORT, KSL_PANIC } ksl_severity;

typedef struct ksl_violation {
    ksl_severity severity;
    const char *rule;      /* stable identifier from the list above */
    const char *message;   /* one line: lock, thread, both call sites if known */
    const void *lock;      /* NULL if none */
    const char *lock_name; /* NULL if unknown */
    ksl_thread *thread;    /* the offender */
    const char *file;      /* NULL if unknown */
    int line;              /* 0 if unknown */
} ksl_violation;

/*
 * Called on the offending thread for every occurrence. May call no lock. If
 * it returns from a panic, the offending operation is refused and changes
 * nothing.
 */
typedef void (*ksl_violation_handler)(const ksl_violation *v, void *arg);

/*
 * Replaces what happens on a violation; NULL brings back the default: print
 * `kslock: panic: RULE: MESSAGE` (or `report`) with a backtrace to stderr
 * (or the file of `report=FILE`, <kslock/diag.h>),
 * reports once per pair of places (again, if there is no memory to keep the pair),
 * and abort on a panic.
 * Context: thread.
 */
KSL_API void ksl_set_violation_handler(ksl_violation_handler fn, void *arg);

/* Every violation so far, printed or not. Context: any. */
KSL_API unsigned long ksl_violation_count(void);

KSL_END_DECLS

#endif
