/* SPDX-License-Identifier: BSD-2-Clause */
/* As program.c, for sx: shares, upgrades, downgrades and inlined paths. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TURNS = 300, THREADS = 3 };

static struct sx table;
SX_SYSINIT(table, &table, "table");
static long entries, by_nobody;
static long sums[THREADS];
static bool with_race;
/* Nobody exits before all have done their work: an exit may order it with what follows.
 */
static pthread_barrier_t done;

static void *worker(void *arg)
{
    long *sum = arg;
    if (with_race)
        by_nobody++; /* nothing orders the first steps of two threads */
    for (int i = 0; i < TURNS; i++) {
        for (int j = 0; j < 3; j++) {
            sx_slock(&table);
            *sum += entries;
            sx_sunlock(&table);
        }
        sx_xlock(&table);
        entries++;
        sx_downgrade(&table);
        *sum += entries;
        if (sx_try_upgrade(&table)) {
            entries++;
            sx_xunlock(&table);
        } else {
            sx_sunlock(&table);
        }
    }
    pthread_barrier_wait(&done);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    with_race = argc > 1 && strcmp(argv[1], "race") == 0;
    if (pthread_barrier_init(&done, NULL, THREADS) != 0)
        return 2;
    for (int i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, worker, &sums[i]) != 0)
            return 2;
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%s\n", entries >= THREADS * TURNS ? "right" : "wrong");
    return entries >= THREADS * TURNS ? 0 : 3;
}
