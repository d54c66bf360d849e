/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>

#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>

/* Each on lines of its own; `there` and `back` are empty between two measurements. */
static struct {
    struct evl_ksem ksem __attribute__((aligned(128)));
    struct evl_ksem there __attribute__((aligned(128)));
    struct evl_ksem back __attribute__((aligned(128)));
    struct evl_stax stax __attribute__((aligned(128)));
    struct evl_kmutex kmutex __attribute__((aligned(128)));
    sem_t psem __attribute__((aligned(128)));
    sem_t pthere __attribute__((aligned(128)));
    sem_t pback __attribute__((aligned(128)));
} locks = {.ksem = EVL_KSEM_INITIALIZER(locks.ksem, 1)};

PAIRS_OF(ksem, (void)evl_trydown(&locks.ksem), evl_up(&locks.ksem))
PAIRS_OF(psem, (void)sem_trywait(&locks.psem), (void)sem_post(&locks.psem))
PAIRS_OF(stax, (void)evl_lock_stax(&locks.stax), evl_unlock_stax(&locks.stax))

PAIRS_OF(kmutex, (void)evl_lock_kmutex(&locks.kmutex), evl_unlock_kmutex(&locks.kmutex))
LOAD(kmutex_oob, (void)evl_lock_kmutex(&locks.kmutex), evl_unlock_kmutex(&locks.kmutex))

static void stax_init(void *lock)
{
    (void)evl_init_stax((struct evl_stax *)lock);
}

OBJECTS(stax, struct evl_stax, stax_init, (void)evl_lock_stax(l), evl_unlock_stax(l))

/* Who waits is out-of-band. */
static void kmutex_load(struct mixer *m)
{
    if (evl_switch_oob() != 0)
        abort();
    kmutex_oob_load(m);
    evl_switch_inband(0);
}

static void ksem_bounce(size_t n, bool first)
{
    struct evl_ksem *post = first ? &locks.there : &locks.back;
    struct evl_ksem *wait = first ? &locks.back : &locks.there;
    if (evl_switch_oob() != 0) /* who waits is out-of-band */
        abort();
    while (n-- > 0) {
        if (first)
            evl_up(post);
        if (evl_down(wait) != 0)
            abort();
        if (!first)
            evl_up(post);
    }
    evl_switch_inband(0);
}

static void psem_bounce(size_t n, bool first)
{
    sem_t *post = first ? &locks.pthere : &locks.pback;
    sem_t *wait = first ? &locks.pback : &locks.pthere;
    while (n-- > 0) {
        if (first)
            (void)sem_post(post);
        while (sem_wait(wait) != 0) {
        }
        if (!first)
            (void)sem_post(post);
    }
}

/*
 * The library looks once how many processors there are, in the first wait: that must
 * not be one of a thread that is kept on a processor.
 */
__attribute__((constructor)) static void prepare(void)
{
    (void)evl_init_stax(&locks.stax);
    evl_init_kmutex(&locks.kmutex);
    (void)sem_init(&locks.psem, 0, 1);
    if (evl_switch_oob() != 0 || evl_down_timeout(&locks.back, 1) != -ETIMEDOUT)
        abort();
    evl_switch_inband(0);
}

const struct adapter evl_adapters[] = {
    {"sem_t", NULL, .pairs = psem_pairs, .bounce = psem_bounce},
    {"ksem", "sem_t", .pairs = ksem_pairs, .bounce = ksem_bounce, .ours = true},
    {"stax", "pthread_rwlock read", .pairs = stax_pairs, .shared = true,
     .objects = &stax_objects, .ours = true},
    {"kmutex", "pthread_mutex", .pairs = kmutex_pairs, .load = kmutex_load, .ours = true},
    {"kmutex, to PI", "pthread_mutex PI", .load = kmutex_load, .ours = true},
};
const size_t evl_adapter_count = sizeof evl_adapters / sizeof evl_adapters[0];
