/* SPDX-License-Identifier: BSD-2-Clause */
/* Who reads the registry, and who waits for them. */

#include "thread/readers.h"

#include "platform/host.h"
#include "platform/rawlock.h"
#include "platform/testing.h"
#include "thread/registry.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#define URCU_NO_COMPAT_IDENTIFIERS
#include <urcu/urcu-bp.h>

/*
 * The bulletproof flavour of liburcu: it registers threads by itself, so a
 * program that uses another flavour is not disturbed. One that uses this flavour
 * must leave urcu_bp_before_fork and its companions to us.
 */

static uint32_t strangers; /* atomic: readers that liburcu or the registry do not know */

/* Read sections of this thread that liburcu does not know of. */
static __thread uint32_t outside;

#if defined(CONFIG_RCU_TLS)
/* liburcu's record of the calling thread, NULL: it has none; exported for its macros. */
extern __thread struct urcu_bp_reader *urcu_bp_reader;

static bool known_to_rcu(void)
{
    return urcu_bp_reader != NULL;
}

/*
 * liburcu's TLS destructor does not run for this thread, whose record stays, unused. The
 * key is liburcu's secret; the value is not, and nobody else has it.
 */
static void keep_record(void)
{
    for (pthread_key_t key = 0; key < PTHREAD_KEYS_MAX; key++) {
        if (pthread_getspecific(key) == urcu_bp_reader)
            (void)pthread_setspecific(key, NULL);
    }
}
#else
/* Who is not known would wait for liburcu's lock, with locks of ours, over a fork. */
static __thread bool known;

static bool known_to_rcu(void)
{
    return known;
}

static void keep_record(void)
{
}
#endif

static uint32_t came; /* atomic: threads that we have made liburcu know */
static bool orphan;   /* atomic: child of a process where others came than who forked */

/*
 * In such a child a thread that liburcu does not know stays a stranger, and the one that
 * has forked does not leave it: a lock that liburcu takes when a thread comes or goes,
 * and does not hold over fork, may have been that of a thread of the parent. liburcu
 * takes it once more when the process ends by exit.
 */
void ksi_registry_know(void)
{
    if (ksi_load(&orphan) && !known_to_rcu())
        return;
    ksi_fetch_add(&came, 1u);
    urcu_bp_read_lock();
    urcu_bp_read_unlock();
#if !defined(CONFIG_RCU_TLS)
    known = true;
#endif
}

/*
 * liburcu's own record of a thread goes in its TLS destructor, with a lock held at which
 * a handler would wait for ever if it made liburcu know the thread again; and a record
 * made in the last round would stay for ever. So a thread that liburcu does not know any
 * more is counted as a stranger, for whom writers wait, too; one that leaves excludes
 * them. `reading` serves where liburcu cannot wait any more.
 */
void ksi_registry_read_lock(void)
{
    ksl_thread *self = ksl_tls.self;
    if (KSI_UNLIKELY(ksl_tls.leaving != 0)) {
        ksi_raw_lock(&ksi_registry_lock);
        return;
    }
    if (self != NULL)
        ksi_store(&self->reading, ksi_load(&self->reading) + 1);
    if (KSI_UNLIKELY(outside > 0 || !known_to_rcu())) {
        outside++;
        ksi_fetch_add(&strangers, 1u); /* before the section, and visibly */
        KSI_DELAY_POINT("readers: stranger");
        return;
    }
    if (self == NULL)
        ksi_fetch_add(&strangers, 1u);
    KSI_DELAY_POINT("readers: lock");
    urcu_bp_read_lock();
}

void ksi_registry_read_unlock(void)
{
    ksl_thread *self = ksl_tls.self;
    if (KSI_UNLIKELY(ksl_tls.leaving != 0)) {
        ksi_raw_unlock(&ksi_registry_lock);
        return;
    }
    bool stranger = outside > 0 || self == NULL;
    if (KSI_LIKELY(outside == 0))
        urcu_bp_read_unlock();
    else
        outside--;
    KSI_DELAY_POINT("readers: unlock");
    if (self != NULL)
        ksi_store_rel(&self->reading, ksi_load(&self->reading) - 1);
    if (stranger)
        ksi_fetch_sub(&strangers, 1u);
}

enum { DRAIN_US = 2000, NAP_US = 100 };

/*
 * But for the caller's own sections: it may be a handler in one. A load, whatever its
 * order, could miss a stranger that misses in its section what the caller has changed
 * before. Of two read-modify-writes the later one sees the earlier.
 */
static void wait_for_strangers(void)
{
    while (ksi_fetch_add(&strangers, 0u) > outside)
        ksi_nap(NAP_US);
}

/*
 * The host takes membarrier away from a process that liburcu found it in: liburcu
 * would abort. What the readers stored has left their store buffers after a while;
 * then each is seen reading, or sees what the caller changed before.
 */
KSI_COLD static void wait_without_barrier(void)
{
    const ksl_thread *self = ksl_tls.self;
    ksi_nap(DRAIN_US);
    wait_for_strangers();
    uint32_t n = ksi_registry_allocated();
    for (uint32_t id = 1; id <= n; id++) {
        const ksl_thread *t = ksi_thread_by_id(id);
        while (t != self && ksi_thread_alive(t) && ksi_load_acq(&t->reading) != 0)
            ksi_nap(NAP_US);
    }
}

void ksi_registry_wait_readers(void)
{
    int saved = errno;
    if (KSI_FAULT(READERS_NOT_AWAITED))
        return;
    /* liburcu sleeps in a call that may be cancelled; the caller has begun something. */
    int cancel = ksi_cancel_off();
    KSI_DELAY_POINT("readers: wait");
    /* liburcu asks the host once, when the process starts, as we do. */
    if (ksi_heavy_barrier() || !ksi_heavy_began()) {
        urcu_bp_synchronize_rcu(); /* has a barrier on its way in */
        KSI_DELAY_POINT("readers: strangers");
        wait_for_strangers();
    } else {
        wait_without_barrier();
    }
    ksi_cancel_back(cancel);
    errno = saved;
}

void ksi_readers_before_fork(void)
{
    urcu_bp_before_fork();
}

void ksi_readers_after_fork_parent(void)
{
    urcu_bp_after_fork_parent();
}

void ksi_readers_after_fork_child(void)
{
    urcu_bp_after_fork_child();
    ksi_store(&strangers, outside); /* not 0 if a handler has forked in a section */
    if (ksi_load(&came) > (known_to_rcu() ? 1u : 0u))
        ksi_store(&orphan, true);
    if (ksi_load(&orphan) && known_to_rcu())
        keep_record();
}
