/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The library comes by dlopen while threads run already, is used by all of them, and
 * dlclose does not take it away, because signal handlers and destructors of its threads
 * lie in it. Argument: path of the shared library.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, ROUNDS = 2000 };

static int (*acquire)(void *);
static void (*release)(void *);
static char mutex[16] __attribute__((aligned(8))); /* zero-filled is valid */
static long counter;                               /* under the mutex */
static int ready, go, leave;                       /* atomic */

#define LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

static void *use(void *arg)
{
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    while (!LOAD(&go)) /* the library is not there yet */
        sched_yield();
    for (int i = 0; i < ROUNDS; i++) {
        if (acquire(mutex) != 0)
            exit(EXIT_FAILURE);
        counter++;
        release(mutex);
    }
    __atomic_add_fetch(&ready, 1, __ATOMIC_SEQ_CST);
    while (!LOAD(&leave)) /* it has been closed when this thread ends */
        sched_yield();
    return arg;
}

static void wait_ready(int n)
{
    while (LOAD(&ready) != n)
        sched_yield();
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    if (argc != 2)
        return EXIT_FAILURE;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, use, NULL) != 0)
            return EXIT_FAILURE;
    }
    wait_ready(THREADS);
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return EXIT_FAILURE;
    }
    *(void **)&acquire = dlsym(library, "ksl_mutex_acquire");
    *(void **)&release = dlsym(library, "ksl_mutex_release");
    if (acquire == NULL || release == NULL)
        return EXIT_FAILURE;
    STORE(&go, 1);
    wait_ready(2 * THREADS);
    dlclose(library);
    if (dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL) {
        fprintf(stderr, "dlclose has unmapped the library\n");
        return EXIT_FAILURE;
    }
    STORE(&leave, 1);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    if (counter != (long)THREADS * ROUNDS) {
        fprintf(stderr, "%ld rounds\n", counter);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
