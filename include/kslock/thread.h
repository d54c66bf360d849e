/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_THREAD_H
#define KSLOCK_THREAD_H

#include <kslock/base.h>

#include <stdbool.h>

KSL_BEGIN_DECLS

/*
 * A thread of the process as the library sees it: one simulated CPU and task.
 * The pointer stays valid until the thread exits; after that, calls that
 * take it answer -ESRCH (ksl_signal_post, ksl_irq_raise_on) or 0
 * (ksl_thread_unblock), until at least 128 more threads have exited and its
 * memory may serve another thread. Aligned to at least 64 bytes.
 */
typedef struct ksl_thread ksl_thread;

/*
 * The calling thread; registers it on first use. Never NULL.
 * Context: any, handlers included (a thread that runs a handler is registered).
 */
KSL_API ksl_thread *ksl_thread_self(void);

/*
 * Kernel thread id of t. Context: any.
 * Returns -EINVAL if t is NULL.
 */
KSL_API int ksl_thread_id(const ksl_thread *t);

/*
 * Names t for messages. Longer names are cut at 31 bytes.
 * Context: any thread, may not be used in handlers.
 * Returns 0, or -EINVAL if t or name is NULL.
 */
KSL_API int ksl_thread_set_name(ksl_thread *t, const char *name);

/* Name of t, "" if it has none. Context: any. NULL gives "". */
KSL_API const char *ksl_thread_name(const ksl_thread *t);

/*
 * Sets the base priority of t: 0 to 99, larger is more urgent, default 0.
 * With KSL_RT=1 in the environment and permission it is mirrored to
 * SCHED_FIFO. Context: any thread; takes no sleeping lock.
 * Returns 0, or -EINVAL for a NULL thread or a priority outside 0..99.
 */
KSL_API int ksl_thread_set_priority(ksl_thread *t, int prio);

/* Base priority of t. Context: any. Returns -EINVAL if t is NULL. */
KSL_API int ksl_thread_priority(const ksl_thread *t);

/* The more urgent of base and lent priority. Context: any. -EINVAL if NULL. */
KSL_API int ksl_thread_effective_priority(const ksl_thread *t);

/*
 * True while t is queued and parked in a wait of this library; false while
 * it runs or spins. Context: any.
 */
KSL_API bool ksl_thread_asleep(const ksl_thread *t);

/*
 * Forced unblock: ends the wait of t if that wait can be unblocked: the
 * interruptible ones of Stanix and of EVL's out-of-band stage (-EINTR), and of
 * FreeBSD (EINTR). Other waits go on, those of AIX among them.
 * Context: any, handlers included; never sleeps.
 * Returns 1 only if a wait was ended, else 0.
 */
KSL_API int ksl_thread_unblock(ksl_thread *t);

/*
 * Frame a simulated system call. ksl_syscall_exit reports `exit-held` if the
 * caller still holds a lock and delivers one pending signal.
 * Context: thread, not in a handler.
 * ksl_syscall_exit returns the number of the signal it delivered, 0 if none.
 */
KSL_API void ksl_syscall_enter(void);
KSL_API int ksl_syscall_exit(void);

KSL_END_DECLS

#endif
