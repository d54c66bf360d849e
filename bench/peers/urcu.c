/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * liburcu, flavour "memb", inlined. Not a lock: readers are never kept out, and a writer
 * waits for those that were inside (a grace period). It is here because it shows the
 * floor of what a reader can cost.
 */
#define URCU_INLINE_SMALL_FUNCTIONS 1
#define _LGPL_SOURCE 1

#include "bench.h"

#include <pthread.h>
#include <stdlib.h>
#include <urcu/urcu-memb.h>

static struct {
    pthread_mutex_t writers __attribute__((aligned(128)));
} locks = {.writers = PTHREAD_MUTEX_INITIALIZER};

static pthread_key_t leaving;
static __thread bool there;

static void leave(void *unused)
{
    (void)unused;
    urcu_memb_unregister_thread();
}

__attribute__((constructor)) static void prepare(void)
{
    if (pthread_key_create(&leaving, leave) != 0)
        abort();
}

/* Before a loop, so that the loop does not pay for it. */
static void join_in(void)
{
    if (there)
        return;
    there = true;
    urcu_memb_register_thread();
    if (pthread_setspecific(leaving, &there) != 0)
        abort();
}

static void write_begin(void)
{
    pthread_mutex_lock(&locks.writers);
}

static void write_end(void)
{
    urcu_memb_synchronize_rcu();
    pthread_mutex_unlock(&locks.writers);
}

ADAPTER(inside, urcu_memb_read_lock(), urcu_memb_read_unlock())
MIX(raw, urcu_memb_read_lock(), urcu_memb_read_unlock(), write_begin(), write_end())

static void read_pairs(size_t n)
{
    join_in();
    inside_pairs(n);
}

static void read_contend(size_t n, unsigned inside, unsigned outside)
{
    join_in();
    inside_contend(n, inside, outside);
}

static void read_load(struct mixer *m)
{
    join_in();
    inside_load(m);
}

static void urcu_mix(struct mixer *m)
{
    join_in();
    raw_mix(m);
}

const struct adapter urcu_adapters[] = {
    {"urcu memb read (no exclusion)", "pthread_rwlock read", BOTH(read), .shared = true},
    {"urcu memb (no exclusion)", "pthread_rwlock", .mix = urcu_mix},
};
const size_t urcu_adapter_count = sizeof urcu_adapters / sizeof urcu_adapters[0];
