/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef EXAMPLE_H
#define EXAMPLE_H

/* What the examples share: a check that ends the program, and threads. */

#include <kslock/thread.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(expr)                                                                      \
    do {                                                                                 \
        if (!(expr)) {                                                                   \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #expr);         \
            exit(1);                                                                     \
        }                                                                                \
    } while (0)

static inline pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, fn, arg) == 0);
    return thread;
}

static inline void join(pthread_t thread)
{
    CHECK(pthread_join(thread, NULL) == 0);
}

/* Returns once the thread that puts itself into *t sleeps in the library. */
static inline ksl_thread *wait_asleep(ksl_thread **t)
{
    ksl_thread *thread;
    while ((thread = __atomic_load_n(t, __ATOMIC_SEQ_CST)) == NULL ||
           !ksl_thread_asleep(thread))
        sched_yield();
    return thread;
}

/* The other half: the caller makes itself known in *t. */
static inline void make_known(ksl_thread **t)
{
    __atomic_store_n(t, ksl_thread_self(), __ATOMIC_SEQ_CST);
}

#endif
