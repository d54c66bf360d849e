/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL: kernel threads. */

#include "lock/lock.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/upcalls.h"

#include <evl/thread.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

static __thread struct evl_kthread *current __attribute__((tls_model("initial-exec")));

/* ksl_state. Only a thread that RUNS is kicked: it is there until that is done. */
enum { STARTS, RUNS, IS_KICKED, HAS_ENDED };

/*
 * After its end another thread may have its descriptor, and whoever stops it then must
 * not kick that one.
 */
static void end(void *arg)
{
    struct evl_kthread *k = arg;
    for (int seen = RUNS; !ksi_cas_rel(&k->ksl_state, &seen, HAS_ENDED); seen = RUNS)
        ksi_nap(20);
}

static void kick(struct evl_kthread *k)
{
    int seen = RUNS;
    if (!ksi_cas_acq(&k->ksl_state, &seen, IS_KICKED))
        return;
    KSI_POINT("kthread: kick");
    evl_kick_thread(k->thread, 0);
    ksi_store_rel(&k->ksl_state, RUNS);
}

static void *kthread_main(void *p)
{
    struct evl_kthread *k = p;
    ksl_thread *t = ksi_self();
    current = k;
    (void)ksl_thread_set_name(t, k->ksl_name);
    (void)ksl_thread_set_priority(t, k->ksl_prio);
    (void)evl_switch_oob();
    k->thread = evl_current();
    ksi_store_rel(&k->ksl_state, RUNS);
    pthread_cleanup_push(end, k); /* fn may leave by pthread_exit */
    k->ksl_fn(k->ksl_arg);
    evl_switch_inband(0);
    pthread_cleanup_pop(1);
    return NULL;
}

int evl_run_kthread(struct evl_kthread *kthread, void (*fn)(void *arg), void *arg,
                    int prio, int clone_flags, const char *name, ...)
{
    (void)clone_flags;
    if (kthread == NULL || fn == NULL || prio < 0 || prio > 99)
        return -EINVAL;
    if (ksl_irq_in_handler()) {
        ksi_up_irq_sleep("evl_run_kthread", KSI_SITE());
        return -EPERM;
    }
    va_list args;
    va_start(args, name);
    if (name != NULL)
        vsnprintf(kthread->ksl_name, sizeof kthread->ksl_name, name, args);
    else
        kthread->ksl_name[0] = '\0';
    va_end(args);
    kthread->ksl_fn = fn;
    kthread->ksl_arg = arg;
    kthread->ksl_prio = prio;
    kthread->ksl_stop = 0;
    kthread->ksl_state = STARTS;
    kthread->thread = NULL;
    pthread_t thread;
    int saved = errno;
    int error = pthread_create(&thread, NULL, kthread_main, kthread);
    errno = saved;
    if (error != 0)
        return -error;
    kthread->ksl_pthread = (unsigned long)thread;
    while (ksi_load_acq(&kthread->ksl_state) == STARTS)
        ksi_nap(20);
    return 0;
}

void evl_stop_kthread(struct evl_kthread *kthread)
{
    if (ksl_irq_in_handler()) {
        ksi_up_irq_sleep("evl_stop_kthread", KSI_SITE());
        return;
    }
    if (kthread == current) {
        ksi_up_bad_argument("evl_stop_kthread of the caller", 0, KSI_SITE());
        return;
    }
    ksi_store_rel(&kthread->ksl_stop, 1);
    kick(kthread);
    int saved = errno;
    int cancel = ksi_cancel_off();
    pthread_join((pthread_t)kthread->ksl_pthread, NULL);
    ksi_cancel_back(cancel);
    errno = saved;
}

bool evl_kthread_should_stop(void)
{
    return current != NULL && ksi_load_acq(&current->ksl_stop) != 0;
}
