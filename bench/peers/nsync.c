/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <nsync.h>

/* Each on lines of its own; all are free when zero-filled. */
static struct {
    nsync_mu mutex __attribute__((aligned(128)));
    nsync_mu read __attribute__((aligned(128)));
    nsync_mu mix __attribute__((aligned(128)));
    struct {
        nsync_mu mutex;
        nsync_cv cond;
        unsigned turns; /* that have begun; the first thread's are the even ones */
    } hand __attribute__((aligned(128)));
} locks;

ADAPTER(mutex, nsync_mu_lock(&locks.mutex), nsync_mu_unlock(&locks.mutex))
ADAPTER(read, nsync_mu_rlock(&locks.read), nsync_mu_runlock(&locks.read))
MIX(mu, nsync_mu_rlock(&locks.mix), nsync_mu_runlock(&locks.mix),
    nsync_mu_lock(&locks.mix), nsync_mu_unlock(&locks.mix))

static void cond_bounce(size_t n, bool first)
{
    nsync_mu_lock(&locks.hand.mutex);
    while (n-- > 0) {
        while (locks.hand.turns % 2 != (first ? 0 : 1))
            nsync_cv_wait(&locks.hand.cond, &locks.hand.mutex);
        locks.hand.turns++;
        nsync_cv_signal(&locks.hand.cond);
    }
    nsync_mu_unlock(&locks.hand.mutex);
}

const struct adapter nsync_adapters[] = {
    {"nsync_mu", "pthread_mutex", BOTH(mutex)},
    {"nsync_mu write", "pthread_rwlock write", BOTH(mutex)},
    {"nsync_mu read", "pthread_rwlock read", BOTH(read), .shared = true},
    {"nsync_mu mixed", "pthread_rwlock", .mix = mu_mix},
    {"nsync_cv", "sem_t", .bounce = cond_bounce},
};
const size_t nsync_adapter_count = sizeof nsync_adapters / sizeof nsync_adapters[0];
