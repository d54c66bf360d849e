/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel tasks: detached threads that are registered before they are shown. */

#include "lock/lock.h"
#include "platform/host.h"
#include "thread/thread.h"

#include <kslock/cond.h>
#include <kslock/sleepq.h>

#include <errno.h>
#include <pthread.h>

/* On the creator's stack, until the new thread has set ready. */
struct start {
    void (*fn)(void *arg);
    void *arg;
    ksl_thread *thread;
    ksl_cond_t ready;
};

static void *task_main(void *p)
{
    struct start *start = p;
    void (*fn)(void *) = start->fn;
    void *arg = start->arg;
    start->thread = ksi_self();
    ksl_cond_set(&start->ready, 1);
    fn(arg);
    return NULL;
}

ksl_thread *ksl_task_new(void (*fn)(void *arg), void *arg)
{
    if (ksi_refuse_in_handler(ksi_self(), "new_kernel_task", KSI_NO_KIND, NULL,
                              KSI_SITE()))
        return NULL; /* a handler may not wait for the new thread */
    int saved = errno;
    struct start start = {fn, arg, NULL, KSL_COND_INIT};
    pthread_attr_t attr;
    pthread_t thread;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    int error = fn != NULL ? pthread_create(&thread, &attr, task_main, &start) : EINVAL;
    pthread_attr_destroy(&attr);
    if (error == 0)
        ksl_cond_wait(&start.ready, 1);
    errno = saved;
    return start.thread;
}

void ksl_task_yield(void)
{
    ksi_yield();
}
