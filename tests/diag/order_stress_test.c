/* SPDX-License-Identifier: BSD-2-Clause */
/* Many threads learn at once. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/mutex.h>
#include <kslock/spinlock.h>

#include "order_test.h"

#include <stdio.h>

enum { THREADS = 4, RANKS = 24, ROUNDS = 300 };

static struct sx ranks[RANKS];
static ksl_spinlock_t inner;
static uint32_t seeds[THREADS];

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 16;
}

/* Some of the locks, always in rising order; a lock of this call's own at the end. */
static void climb(uint32_t *seed)
{
    bool held[RANKS];
    ksl_mutex_t own;
    ksl_mutex_init(&own);
    for (int i = 0; i < RANKS; i++) {
        held[i] = next(seed) % 4 == 0;
        if (held[i] && next(seed) % 2 == 0)
            sx_slock(&ranks[i]);
        else if (held[i])
            sx_xlock(&ranks[i]);
    }
    (void)ksl_mutex_acquire(&own);
    ksl_spinlock_acquire(&inner);
    ksl_spinlock_release(&inner);
    ksl_mutex_release(&own);
    for (int i = 0; i < RANKS; i++) {
        if (held[i])
            sx_unlock(&ranks[i]);
    }
}

static void work(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        climb(arg);
}

static void run(void)
{
    struct actor actors[THREADS];
    for (uint32_t i = 0; i < THREADS; i++) {
        seeds[i] = i + 1;
        actor_start(&actors[i], work, &seeds[i]);
    }
    for (int i = 0; i < THREADS; i++)
        actor_join(&actors[i]);
}

START_TEST(one_order_by_many_threads)
{
    static char names[RANKS][32];
    for (int i = 0; i < RANKS; i++) {
        (void)snprintf(names[i], sizeof names[i], "rank %d", i);
        sx_init(&ranks[i], names[i]);
    }
    run();
    ASSERT_SILENT();
    sx_xlock(&ranks[RANKS - 1]);
    sx_xlock(&ranks[0]);
    ASSERT_VIOLATED("order"); /* it was learned */
    sx_xunlock(&ranks[0]);
    sx_xunlock(&ranks[RANKS - 1]);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_stress");
    TCase *t = order_case(s, "stress");
    tcase_add_test(t, one_order_by_many_threads);
    return s;
}

int main(void)
{
    return support_run(suite());
}
