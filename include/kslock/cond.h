/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_COND_H
#define KSLOCK_COND_H

#include <kslock/base.h>

#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * An int on which threads sleep until it has the value that they want
 * (evl_stanix.md C1..C7). Valid when zero-filled, then its value is 0. May
 * live on the stack of a waiter (C7).
 */
typedef struct ksl_cond {
    uint64_t word __attribute__((aligned(8))); /* value and waiter mark; see src/lock/cond.c */
} ksl_cond_t;

/* clang-format off */
#define KSL_COND_INIT { 0 }
/* clang-format on */

/* Sets the value 0 (C6). Context: any; nobody may wait on c. */
KSL_API void ksl_cond_init(ksl_cond_t *c);

/*
 * Afterwards c is as after init (value 0). Context: any.
 * Violations: `destroy-held` while a thread waits on c.
 */
KSL_API void ksl_cond_destroy(ksl_cond_t *c);

/*
 * Sleeps until a look at c finds value (C1); a value that comes and goes
 * may be missed (C3). Signals do not end it (C4).
 * Context: thread; may sleep, also with interrupts masked.
 * Returns 0; -EPERM if refused. Violations: `irq-sleep` in a handler.
 */
KSL_API int ksl_cond_wait(ksl_cond_t *c, int value);

/*
 * The same, ended by a signal or a forced unblock.
 * Context: thread; may sleep. Returns 0 if the value is there (C4), else -EINTR;
 * -EPERM if refused. Violations: `irq-sleep` in a handler.
 */
KSL_API int ksl_cond_wait_interruptible(ksl_cond_t *c, int value);

/*
 * Stores value and wakes all waiters to look again (C2). Does not touch c
 * after the store (C7). Context: any thread or handler; never sleeps (C5).
 */
KSL_API void ksl_cond_set(ksl_cond_t *c, int value);

KSL_END_DECLS

#endif
