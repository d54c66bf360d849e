/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_THREAD_H
#define KSLOCK_EVL_THREAD_H

#include <evl/sched.h>
#include <evl/timeout.h>

#include <kslock/thread.h>

KSL_BEGIN_DECLS

/*
 * A thread. The address is that of the core's thread (<kslock/thread.h>) and may be
 * given to its calls after a cast.
 */
struct evl_thread;

/* Why a wait is ended from outside. */
#define EVL_T_BREAK 0x00000004
#define EVL_T_KICKED 0x00000008

/* The calling thread, never NULL. Context: any. */
static inline struct evl_thread *evl_current(void)
{
    return KSL_CAST(struct evl_thread *, KSL_CAST(void *, ksl_thread_self()));
}

/*
 * Ends the wait of thread with -EINTR, if it is in one of this interface. reason is
 * accepted and changes nothing. A thread that does not wait is left alone (K14).
 * Context: any.
 */
KSL_API void evl_unblock_thread(struct evl_thread *thread, int reason)
    KSL_SYMBOL(ksl_evl_unblock_thread);

/*
 * The same; and if it does not wait now its next wait fails at once (K13). With a signal
 * pending for it the result is -ERESTARTSYS. Context: any.
 */
KSL_API void evl_kick_thread(struct evl_thread *thread, int info)
    KSL_SYMBOL(ksl_evl_kick_thread);

/*
 * Sleep for a time, 0: for ever, or until a date. Context: out-of-band thread.
 * Return 0; -EINTR, -ERESTARTSYS; -EPERM in-band and in handlers, with a `stage` report.
 */
KSL_API int evl_sleep(ktime_t delay) KSL_SYMBOL(ksl_evl_sleep);
KSL_API int evl_sleep_until(ktime_t date) KSL_SYMBOL(ksl_evl_sleep_until);

/*
 * A thread of the library's own, out-of-band. Its memory must stay until
 * evl_stop_kthread has returned.
 */
struct evl_kthread {
    struct evl_thread *thread;
    void (*ksl_fn)(void *arg);
    void *ksl_arg;
    char ksl_name[32];
    int ksl_prio;
    int ksl_stop;  /* atomic */
    int ksl_state; /* atomic */
    unsigned long ksl_pthread;
};

/*
 * Starts fn(arg) on a new thread of that priority, on the out-of-band stage. name is a
 * format; clone_flags are accepted and change nothing. kthread->thread is set on
 * return. Context: thread, may sleep. Returns 0; -EINVAL for NULL or a priority
 * outside 0..99; -EAGAIN without resources; -EPERM if refused. Violations: `irq-sleep`.
 */
KSL_API int evl_run_kthread(struct evl_kthread *kthread, void (*fn)(void *arg), void *arg,
                            int prio, int clone_flags, const char *name, ...)
    KSL_SYMBOL(ksl_evl_run_kthread) __attribute__((format(printf, 6, 7)));

/*
 * Asks it to stop, ends its wait, and waits until it has returned. Context: another
 * thread, may sleep. Violations: `bad-argument` if it is the caller; `irq-sleep`.
 */
KSL_API void evl_stop_kthread(struct evl_kthread *kthread)
    KSL_SYMBOL(ksl_evl_stop_kthread);

/* True if the calling kthread has been asked to stop. Context: any. */
KSL_API bool evl_kthread_should_stop(void) KSL_SYMBOL(ksl_evl_kthread_should_stop);

KSL_END_DECLS

#endif
