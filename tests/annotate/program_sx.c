/* SPDX-License-Identifier: BSD-2-Clause */
/* As program.c, for sx: shares, upgrades, downgrades and inlined paths. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "program.h"

static struct sx table;
SX_SYSINIT(table, &table, "table");
static long entries;

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
    if (!start(argc, argv, worker))
        return 2;
    join_all();
    printf("%s\n", entries >= THREADS * TURNS ? "right" : "wrong");
    return entries >= THREADS * TURNS ? 0 : 3;
}
