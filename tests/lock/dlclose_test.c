/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A thread that used the library through dlopen exits after dlclose: hooks of
 * the library still run then. Argument: path of the shared library.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *use(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(EXIT_FAILURE);
    }
    static char mutex[16] __attribute__((aligned(8))); /* zero-filled is valid */
    int (*acquire)(void *);
    void (*release)(void *);
    *(void **)&acquire = dlsym(library, "ksl_mutex_acquire");
    *(void **)&release = dlsym(library, "ksl_mutex_release");
    if (acquire == NULL || release == NULL || acquire(mutex) != 0)
        exit(EXIT_FAILURE);
    release(mutex);
    dlclose(library);
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return EXIT_FAILURE;
    for (int round = 0; round < 20; round++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, use, argv[1]) != 0 ||
            pthread_join(thread, NULL) != 0)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
