/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_SIGNAL_H
#define KSLOCK_SIGNAL_H

#include <kslock/base.h>
#include <kslock/thread.h>

#include <stdbool.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * What the kernels call a signal: a per-thread pending set kept by the
 * library. It ends interruptible waits; it never runs code by itself.
 */

/* Flags of ksl_signal_action. 0, the default: an interrupted wait gives EINTR. */
enum {
    KSL_SIGNAL_RESTART = 1, /* FreeBSD waits give ERESTART */
    KSL_SIGNAL_IGNORE = 2   /* the signal is dropped when posted */
};

/*
 * Makes signo (1..64) pending for t and, unless t masks it, ends t's
 * interruptible wait. An ignored signal is dropped.
 * Context: any, handlers included; never sleeps.
 * Returns 0; -EINVAL for a bad number or NULL; -ESRCH if t has exited.
 */
KSL_API int ksl_signal_post(ksl_thread *t, int signo);

/*
 * True if an unmasked, not ignored signal is pending for the caller and its
 * delivery is not deferred. Context: any.
 */
KSL_API bool ksl_signal_pending(void);

/*
 * Removes and returns the signal that is delivered next: the lowest number
 * that is pending, unmasked and not ignored; 0 if none. Context: any.
 */
KSL_API int ksl_signal_take(void);

/*
 * Replaces the caller's mask; bit signo-1 masks signo.
 * Context: any. Returns the old mask.
 */
KSL_API uint64_t ksl_signal_mask(uint64_t set);

/*
 * Sets the process-wide action of signo: a combination of KSL_SIGNAL_*. With
 * KSL_SIGNAL_IGNORE, what is pending of signo is dropped in all threads.
 * Context: any. Returns 0, or -EINVAL for a bad number or unknown flag.
 */
KSL_API int ksl_signal_action(int signo, unsigned flags);

/*
 * From now on the POSIX signal signo, when it arrives at a thread, is posted
 * to that thread as simulated signal signo, without a window in which a
 * thread about to sleep could miss it. Replaces the process's handler.
 * Context: thread. Returns 0; -EINVAL for a bad number, a signal that the host
 * refuses, or the one that the library uses for interrupts.
 */
KSL_API int ksl_signal_attach(int signo);

KSL_END_DECLS

#endif
