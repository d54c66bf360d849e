/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "drivers.h"
#include "gang.h"

#include <kslock/mutex.h>
#include <kslock/thread.h>

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { GATES = 16 };

static struct {
    struct {
        ksl_mutex_t mutex;
    } __attribute__((aligned(128))) gates[GATES];
    enum crowd how;
    size_t n;
    pthread_t *threads;
    ksl_thread **known; /* atomic; NULL: that thread is not so far yet */
    pthread_t holder;
    pthread_mutex_t open; /* held by the caller until the crowd may go */
    bool gates_held;      /* atomic */
} crowd = {.open = PTHREAD_MUTEX_INITIALIZER};

static void wait_open(void)
{
    pthread_mutex_lock(&crowd.open);
    pthread_mutex_unlock(&crowd.open);
}

static void *stand(void *arg)
{
    size_t i = (size_t)(uintptr_t)arg;
    __atomic_store_n(&crowd.known[i], ksl_thread_self(), __ATOMIC_RELEASE);
    if (crowd.how == REGISTERED) {
        wait_open();
    } else {
        ksl_mutex_acquire(&crowd.gates[i % GATES].mutex);
        ksl_mutex_release(&crowd.gates[i % GATES].mutex);
    }
    return NULL;
}

static void hold_gates(void)
{
    for (unsigned i = 0; i < GATES; i++)
        ksl_mutex_acquire(&crowd.gates[i].mutex);
    __atomic_store_n(&crowd.gates_held, true, __ATOMIC_RELEASE);
}

static void leave_gates(void)
{
    for (unsigned i = 0; i < GATES; i++)
        ksl_mutex_release(&crowd.gates[i].mutex);
}

static void *hold(void *arg)
{
    hold_gates();
    wait_open();
    leave_gates();
    return arg;
}

void crowd_come(enum crowd how, size_t n)
{
    crowd.how = how;
    crowd.n = n;
    crowd.threads = calloc(n + 1, sizeof *crowd.threads);
    crowd.known = calloc(n + 1, sizeof *crowd.known);
    if (crowd.threads == NULL || crowd.known == NULL)
        abort();
    crowd.gates_held = how == REGISTERED;
    pthread_mutex_lock(&crowd.open);
    if (how == ASLEEP)
        crowd.holder = start_thread(hold, NULL);
    else if (how == WAITING)
        hold_gates();
    while (!__atomic_load_n(&crowd.gates_held, __ATOMIC_ACQUIRE))
        sched_yield();
    for (size_t i = 0; i < n; i++)
        crowd.threads[i] = start_thread(stand, (void *)(uintptr_t)i);
    for (size_t i = 0; i < n; i++) {
        ksl_thread *t;
        while ((t = __atomic_load_n(&crowd.known[i], __ATOMIC_ACQUIRE)) == NULL ||
               (how != REGISTERED && !ksl_thread_asleep(t)))
            sched_yield();
    }
}

void crowd_go(void)
{
    pthread_mutex_unlock(&crowd.open);
    if (crowd.how == WAITING)
        leave_gates();
    else if (crowd.how == ASLEEP)
        pthread_join(crowd.holder, NULL);
    for (size_t i = 0; i < crowd.n; i++)
        pthread_join(crowd.threads[i], NULL);
    free(crowd.threads);
    free(crowd.known);
}
