/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread's life: registration at its first call, departure at its exit. */

#include "thread/thread.h"

#include "platform/die.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/exiting.h"
#include "thread/fork.h"
#include "thread/irq.h"
#include "thread/registry.h"
#include "thread/rt.h"
#include "thread/upcalls.h"
#include "thread/watch.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef PTHREAD_DESTRUCTOR_ITERATIONS
#define PTHREAD_DESTRUCTOR_ITERATIONS 4
#endif

KSL_API __thread struct ksl_tls ksl_tls __attribute__((tls_model("initial-exec")));

static pthread_key_t exit_key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

/*
 * A race detector ends its own thread state in the last round, and liburcu,
 * which we use until we leave, needs one round more than we do.
 */
extern void __tsan_init(void) __attribute__((weak));

static uint32_t last_round(void)
{
    return PTHREAD_DESTRUCTOR_ITERATIONS - (__tsan_init != NULL ? 2 : 0);
}

/*
 * Runs in every round of TLS destructors and leaves in the last one, so
 * that other destructors may still use locks. A call after that registers the
 * thread anew.
 */
static void unregister(void *arg)
{
    ksl_thread *t = arg;
    uint32_t round = ksi_load(&t->exit_rounds) + 1;
    ksi_store(&t->exit_rounds, round);
    if (round < last_round() && !KSI_FAULT(EXIT_FIRST_ROUND)) {
        pthread_setspecific(exit_key, t);
        return;
    }
    KSI_POINT("thread: exit");
    ksi_up_leave_stage(t);
    bool keep = ksi_up_thread_exit(t) && !KSI_FAULT(OWNER_REUSED);
    KSI_POINT("thread: close");
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ksi_irq_set(t, KSI_MASK_ALL);
    ksl_tls.leaving = 1;
    KSI_DELAY_POINT("thread: leave");
    ksi_up_leave_waits(t);
    ksi_registry_leave(t, keep);
    ksi_store(&ksl_tls.owner, (uintptr_t)0);
    ksl_tls.self = NULL;
    KSI_DELAY_POINT("thread: left");
    if (ksi_irq_floating())
        ksi_irq_offer_floating(); /* one may have been offered to this thread */
    ksl_tls.leaving = 0;
    sigaddset(&old, ksi_irq_signal()); /* a late kick finds nobody */
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void make_key(void)
{
    if (pthread_key_create(&exit_key, unregister) != 0)
        KSI_DIE("no thread-specific key is left", 0);
}

/*
 * Before the program's own: fork calls the last ones registered first, and while
 * our locks are held no program's prepare handler may run.
 */
__attribute__((constructor(101))) static void watch_fork(void)
{
    ksi_fork_watch();
    (void)ksi_heavy_began(); /* before a sandbox closes */
}

ksl_thread *ksi_thread_register(void)
{
    int saved = errno;
    pthread_once(&key_once, make_key);
    /* A real signal must not find the thread half registered. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    KSI_DELAY_POINT("thread: begin");
    ksl_thread *t = ksi_registry_take();
    ksi_store(&t->tid, ksi_host_tid());
    ksi_registry_know(); /* liburcu knows this thread from here on */
    ksi_store(&t->signals, ksl_tls.early_signals);
    ksl_tls.early_signals = 0;
    ksl_tls.self = t;
    KSI_DELAY_POINT("thread: enter");
    t->tls = &ksl_tls;
    if (pthread_setspecific(exit_key, t) != 0)
        KSI_DIE("pthread_setspecific", 0);
    ksi_registry_enter(t);
    KSI_DELAY_POINT("thread: entered");
    ksi_watch_show_owner(t); /* who watches finds it, or is seen here */
    if (t->tid != getpid())
        ksi_watch_exit(); /* there is a second thread, so the program has started */
    if (ksi_irq_floating())
        ksi_store_seq(&t->front.attention, 1u);
    sigdelset(&old, ksi_irq_signal());
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    KSI_POINT("thread: opens");
    if (ksi_load(&t->front.attention) != 0)
        ksi_irq_play(t);
    errno = saved;
    return t;
}

ksl_thread *ksl_thread_self(void)
{
    return ksi_self();
}

int ksl_thread_id(const ksl_thread *t)
{
    return t != NULL ? ksi_load(&t->tid) : -EINVAL;
}

int ksl_thread_set_name(ksl_thread *t, const char *name)
{
    if (t == NULL || name == NULL)
        return -EINVAL;
    size_t n = strnlen(name, KSI_NAME_MAX - 1);
    for (size_t i = 0; i < n; i++)
        ksi_store(&t->name[i], name[i]);
    ksi_store(&t->name[n], '\0'); /* a message may read a mixture, never past the end */
    return 0;
}

const char *ksl_thread_name(const ksl_thread *t)
{
    return t != NULL ? t->name : "";
}

int ksl_thread_set_priority(ksl_thread *t, int prio)
{
    if (t == NULL || prio < 0 || prio > 99)
        return -EINVAL;
    ksi_xchg(&t->prio, prio); /* a barrier before the look for its waits */
    KSI_POINT("thread: priority");
    ksi_up_priority_changed(t);
    ksi_rt_mirror(t);
    return 0;
}

int ksl_thread_priority(const ksl_thread *t)
{
    return t != NULL ? ksi_load(&t->prio) : -EINVAL;
}

int ksl_thread_effective_priority(const ksl_thread *t)
{
    return t != NULL ? ksi_thread_urgency(t) : -EINVAL;
}

bool ksl_thread_asleep(const ksl_thread *t)
{
    if (t == NULL || !ksi_thread_alive(t) || ksi_load_acq(&t->asleep) == 0)
        return false;
    const struct ksi_waiter *w = ksi_load_acq(&t->parked_in);
    return w != NULL && ksi_load_acq(&w->outcome) == KSI_WAITING;
}

int ksl_thread_unblock(ksl_thread *t)
{
    if (t == NULL || !ksi_thread_alive(t))
        return 0;
    return ksi_up_end_wait(t, KSI_UNBLOCKED) ? 1 : 0;
}
