/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_ANNOTATE_PROGRAM_H
#define TESTS_ANNOTATE_PROGRAM_H

/* Some threads that do the same work at the same time. */

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TURNS = 300, THREADS = 3 };

static long by_nobody;
static long sums[THREADS];
static bool with_race;
/* Nobody exits before all have done their work: an exit may order it with what follows.
 */
static pthread_barrier_t done;
static pthread_t threads[THREADS];

/* Starts work(&sums[i]) on each thread; false: not possible. */
static bool start(int argc, char **argv, void *(*work)(void *))
{
    with_race = argc > 1 && strcmp(argv[1], "race") == 0;
    if (pthread_barrier_init(&done, NULL, THREADS) != 0)
        return false;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, work, &sums[i]) != 0)
            return false;
    }
    return true;
}

static void join_all(void)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

#endif
