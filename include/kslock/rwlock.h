/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_RWLOCK_H
#define KSLOCK_RWLOCK_H

#include <kslock/base.h>

#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Spinning reader/writer lock for threads and handlers (evl_stanix.md
 * W1..W7). Valid when zero-filled. Readers have priority: a reader enters
 * while a writer spins (W4). It has no owner (W5).
 *
 * Each call takes the address of an int for the caller's interrupt state:
 * acquire masks interrupts and stores nonzero if they were open; release
 * opens them if it is nonzero, and never masks them. NULL leaves the
 * interrupt state alone (W2). Release in reverse order of acquisition (W3).
 */
typedef struct ksl_rwlock {
    uint32_t word; /* see src/lock/rwlock.c */
    uint32_t reserved;
} ksl_rwlock_t;

/* clang-format off */
#define KSL_RWLOCK_INIT { 0, 0 }
/* clang-format on */

/* Makes l free. Context: any; nobody may hold l. */
KSL_API void ksl_rwlock_init(ksl_rwlock_t *l);

/*
 * Takes l to read, with other readers (W1, W2, W4). Spins while a writer is inside.
 * Context: any thread or handler; takes no interrupt until it returns
 * unless interrupt_save is NULL.
 */
KSL_API void ksl_rwlock_acquire_read(ksl_rwlock_t *l, int *interrupt_save);

/* Takes l alone (W1, W2). Context and interrupts as for reading. */
KSL_API void ksl_rwlock_acquire_write(ksl_rwlock_t *l, int *interrupt_save);

/*
 * The same without waiting. Context: any thread or handler. Return 1 if taken,
 * 0 if not; then the interrupt state is as at entry (W1).
 */
KSL_API int ksl_rwlock_try_acquire_read(ksl_rwlock_t *l, int *interrupt_save);
KSL_API int ksl_rwlock_try_acquire_write(ksl_rwlock_t *l, int *interrupt_save);

/*
 * Give l back, also from another thread (W5), and bring back the interrupt
 * state. Context: any. Violations: `not-locked` if l is not held in that
 * mode by anybody.
 */
KSL_API void ksl_rwlock_release_read(ksl_rwlock_t *l, int *interrupt_save);
KSL_API void ksl_rwlock_release_write(ksl_rwlock_t *l, int *interrupt_save);

KSL_END_DECLS

#endif
