/* SPDX-License-Identifier: BSD-2-Clause */
/* What gdb looks at: threads that hold and wait, two of them in a circle. */

#include <kslock/kslock.h>
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static ksl_mutex_t scene_mutex;
static ksl_rwsem_t scene_sem;
static struct sx scene_sx;
static ksl_thread *sleeper; /* atomic */
static ksl_thread *closer;  /* atomic */

void scene_ready(void);

/* Here gdb stops. */
__attribute__((noinline)) void scene_ready(void)
{
    __asm__ volatile("" ::: "memory");
}

static void *sleep_for_it(void *arg)
{
    ksl_thread *self = ksl_thread_self();
    (void)ksl_thread_set_name(self, "sleeper");
    sx_xlock(&scene_sx);
    __atomic_store_n(&sleeper, self, __ATOMIC_SEQ_CST);
    (void)ksl_mutex_acquire(&scene_mutex);
    return arg;
}

static void *close_the_circle(void *arg)
{
    ksl_thread *self = ksl_thread_self();
    (void)ksl_thread_set_name(self, "closer");
    (void)ksl_mutex_acquire(&scene_mutex);
    __atomic_store_n(&closer, self, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&sleeper, __ATOMIC_SEQ_CST) == NULL)
        sched_yield();
    sx_slock(&scene_sx);
    return arg;
}

/* Starts a thread and waits for it to say who it is. */
static ksl_thread *start(void *(*fn)(void *), ksl_thread **who)
{
    pthread_t thread;
    ksl_thread *started;
    if (pthread_create(&thread, NULL, fn, NULL) != 0)
        exit(EXIT_FAILURE);
    while ((started = __atomic_load_n(who, __ATOMIC_SEQ_CST)) == NULL)
        sched_yield();
    return started;
}

int main(void)
{
    (void)ksl_thread_set_name(ksl_thread_self(), "scene");
    (void)ksl_thread_set_priority(ksl_thread_self(), 7);
    sx_init(&scene_sx, "scene sx");
    (void)ksl_rwsem_acquire_read(&scene_sem);
    const ksl_thread *second = start(close_the_circle, &closer);
    const ksl_thread *first = start(sleep_for_it, &sleeper);
    while (!ksl_thread_asleep(first) || !ksl_thread_asleep(second))
        sched_yield();
    for (;;) {
        scene_ready();
        sched_yield();
    }
}
