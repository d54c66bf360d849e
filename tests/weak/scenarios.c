/* SPDX-License-Identifier: BSD-2-Clause */
/* Small uses of the shipped locks; each ends in every execution. */

#include "scenarios.h"

#include "lock/ksem.h"
#include "lock/rw.h"
#include "thread/upcalls.h"
#include "wait/lend.h"
#include "wait/wait.h"

#include <kslock/cond.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>
#include <kslock/signal.h>

#include <errno.h>
#include <limits.h>

int weak_shared;

/* Others may be faster between the end of a call and what it allows. */
void weak_change(void)
{
    weak_step();
    weak_shared++;
}

void weak_look(void)
{
    weak_step();
    WEAK_CHECK(weak_shared >= 0 && weak_shared <= 2);
}

void weak_expect_free(uintptr_t word, const volatile uintptr_t *at)
{
    /* A free word may keep marks of who is queued no more. */
    WEAK_CHECK(ksi_rw_unheld(word) && (word & KSI_SPIN) == 0);
    for (unsigned i = 0; i < WEAK_THREADS; i++) {
        ksl_thread *t = &weak_threads[i];
        struct ksl_slot *s = ksi_near_slot(t, at);
        WEAK_CHECK((t->front.claims & ~KSI_CLAIM_ALWAYS) == 0);
        WEAK_CHECK(s->lock == 0 && t->converted[ksi_near_index(t, s)] == 0);
        WEAK_CHECK(t->far_used == 0 && t->closing == 0);
    }
}

static ksl_mutex_t mutex;

static void mutex_setup(void)
{
    ksl_mutex_init(&mutex);
    weak_shared = 0;
}

/* No membarrier: each release looks at its claims by a read-modify-write. */
static void mutex_setup_fallback(void)
{
    mutex_setup();
    weak_without_barrier();
}

static void mutex_setup_ends(void)
{
    mutex_setup();
    weak_barrier_ends();
}

static void mutex_thread(void)
{
    ksl_mutex_acquire(&mutex);
    weak_change();
    ksl_mutex_release(&mutex);
}

/* By the slow ways alone, as while somebody watches the threads. */
static void mutex_slow_thread(void)
{
    ksl_tls.owner = 0;
    mutex_thread();
}

static void mutex_try_thread(void)
{
    if (!ksl_mutex_try_acquire(&mutex))
        return;
    weak_change();
    ksl_mutex_release(&mutex);
}

static void mutex_finish(void)
{
    WEAK_CHECK(weak_shared >= 2 && weak_shared <= 3);
    weak_expect_free(mutex.word, &mutex.word);
}

static ksl_rwsem_t rwsem;

static void rwsem_setup(void)
{
    ksl_rwsem_init(&rwsem);
    weak_shared = 0;
}

/* Readers show themselves in their slots, with a fence of their own. */
static void rwsem_setup_slots(void)
{
    rwsem_setup();
    rwsem.word = KSI_SLOTS;
}

/* Without one: a writer makes all threads pass the barrier. */
static void rwsem_setup_bias(void)
{
    rwsem_setup();
    rwsem.word = KSI_SLOTS | KSI_BIAS;
}

static void rwsem_setup_fallback(void)
{
    rwsem_setup_slots();
    weak_without_barrier();
}

static void rwsem_read(void)
{
    ksl_rwsem_acquire_read(&rwsem);
    weak_look();
    ksl_rwsem_release_read(&rwsem);
}

static void rwsem_write(void)
{
    ksl_rwsem_acquire_write(&rwsem);
    weak_change();
    ksl_rwsem_release_write(&rwsem);
}

static void rwsem_finish(void)
{
    WEAK_CHECK(weak_shared == 1 || weak_shared == 2);
    weak_expect_free(rwsem.word, &rwsem.word);
    for (unsigned i = 0; i < WEAK_THREADS; i++)
        WEAK_CHECK(!weak_threads[i].crowded && weak_threads[i].far_used == 0);
}

static uint64_t sem;
static int results[WEAK_THREADS];

static void sem_setup(void)
{
    ksi_ksem_init(&sem, 0, NULL);
    weak_shared = 0;
    for (int i = 0; i < WEAK_THREADS; i++)
        results[i] = 1;
}

static void prio_setup(void)
{
    sem_setup();
    ksi_store(&ksi_lending, 1u);
}

static unsigned me(void)
{
    return ksi_self()->front.id - 1;
}

static void sem_down(void)
{
    results[me()] = ksi_ksem_down(&sem, KSI_FOREVER, false, NULL);
    if (results[me()] == 0)
        WEAK_CHECK(weak_shared == 1);
}

/* A date that comes only when the runner lets it. */
static void sem_down_timed(void)
{
    results[me()] = ksi_ksem_down(&sem, KSI_FOREVER - 1, false, NULL);
    if (results[me()] == 0)
        WEAK_CHECK(weak_shared == 1);
}

static void sem_up(void)
{
    weak_shared = 1;
    ksi_ksem_up(&sem, INT_MAX, NULL);
}

static void sem_up_two(void)
{
    weak_shared = 1;
    ksi_ksem_up(&sem, INT_MAX, NULL);
    ksi_ksem_up(&sem, INT_MAX, NULL);
}

static void sem_signal(void)
{
    ksl_signal_post(&weak_threads[0], 5);
}

static void sem_end(void)
{
    ksi_ksem_destroy(&sem, NULL);
}

static void sem_finish_one(void)
{
    uint64_t taken = (results[0] == 0 ? 1 : 0);
    WEAK_CHECK((sem & INT_MAX) + taken == 1);
}

static void sem_finish_two(void)
{
    WEAK_CHECK(results[0] == 0 && results[1] == 0 && (sem & INT_MAX) == 0);
}

static void sem_finish_destroyed(void)
{
    WEAK_CHECK(results[0] == -EIDRM || results[0] == -EPERM);
}

/*
 * A thread that queues while its priority changes: whoever has the bucket's lock
 * afterwards finds it at the place of the new one.
 */
static void expect_place(void)
{
    const struct ksi_waiter *w = &weak_threads[0].waiters[KSI_WAITER_LOCK];
    struct ksi_lot lot;
    ksi_lot_lock(&lot, &sem);
    WEAK_CHECK(w->queue == NULL || w->prio == 5);
    ksi_lot_unlock(&lot, NULL);
    sem_up();
}

static void prio_change(void)
{
    ksi_xchg(&weak_threads[0].prio, 5); /* as ksl_thread_set_priority does */
    ksi_up_priority_changed(&weak_threads[0]);
    expect_place();
}

static void lent_change(void)
{
    ksi_store(&weak_threads[0].lent, 5); /* as wait/lend.c does */
    ksi_wait_reorder(&weak_threads[0]);
    expect_place();
}

static void prio_finish(void)
{
    WEAK_CHECK(results[0] == 0);
}

static ksl_cond_t cond;

static void cond_setup(void)
{
    ksl_cond_init(&cond);
    weak_shared = 0;
    results[0] = 1;
}

static void cond_wait(void)
{
    ksl_cond_wait(&cond, 1);
    WEAK_CHECK(weak_shared == 1);
}

static void cond_wait_interruptible(void)
{
    results[0] = ksl_cond_wait_interruptible(&cond, 1);
}

static void cond_set(void)
{
    weak_shared = 1;
    ksl_cond_set(&cond, 1);
}

static void cond_finish(void)
{
    WEAK_CHECK((uint32_t)cond.word == 1);
}

static void cond_finish_signal(void)
{
    WEAK_CHECK(results[0] == -EINTR);
}

const struct weak_scenario weak_scenarios[] = {
    {"mutex", mutex_setup, {mutex_thread, mutex_thread, mutex_try_thread}, mutex_finish},
    {"mutex-three",
     mutex_setup,
     {mutex_thread, mutex_thread, mutex_thread},
     mutex_finish},
    {"mutex-slow",
     mutex_setup,
     {mutex_slow_thread, mutex_slow_thread, mutex_try_thread},
     mutex_finish},
    {"mutex-fallback",
     mutex_setup_fallback,
     {mutex_thread, mutex_slow_thread, mutex_try_thread},
     mutex_finish},
    {"mutex-ends",
     mutex_setup_ends,
     {mutex_thread, mutex_thread, mutex_thread},
     mutex_finish},
    {"rwsem", rwsem_setup, {rwsem_read, rwsem_write, rwsem_read}, rwsem_finish},
    {"rwsem-writers", rwsem_setup, {rwsem_write, rwsem_read, rwsem_write}, rwsem_finish},
    {"rwsem-slots",
     rwsem_setup_slots,
     {rwsem_read, rwsem_write, rwsem_read},
     rwsem_finish},
    {"rwsem-fallback",
     rwsem_setup_fallback,
     {rwsem_read, rwsem_write, NULL},
     rwsem_finish},
    {"rwsem-bias", rwsem_setup_bias, {rwsem_read, rwsem_write, rwsem_read}, rwsem_finish},
    {"rwsem-bias-writers",
     rwsem_setup_bias,
     {rwsem_write, rwsem_read, rwsem_write},
     rwsem_finish},
    {"ksem-two", sem_setup, {sem_down, sem_down, sem_up_two}, sem_finish_two},
    {"ksem-date", sem_setup, {sem_down_timed, sem_up, NULL}, sem_finish_one},
    {"ksem-signal", sem_setup, {sem_down_timed, sem_up, sem_signal}, sem_finish_one},
    {"ksem-destroy", sem_setup, {sem_down, sem_end, NULL}, sem_finish_destroyed},
    {"ksem-priority", prio_setup, {sem_down, prio_change, NULL}, prio_finish},
    {"ksem-lent", prio_setup, {sem_down, lent_change, NULL}, prio_finish},
    {"cond", cond_setup, {cond_wait, cond_set, cond_wait}, cond_finish},
    {"cond-signal",
     cond_setup,
     {cond_wait_interruptible, sem_signal, NULL},
     cond_finish_signal},
    {"stax", stax_setup_bias, {stax_inband, stax_oob, stax_inband}, stax_finish},
    {"stax-counted", stax_setup, {stax_inband, stax_oob, stax_inband}, stax_finish},
    {"stax-raise", stax_setup_raise, {stax_inband, stax_oob, stax_inband}, stax_finish},
    {"stax-again", stax_setup, {stax_inband_eighth, stax_oob, stax_inband}, stax_finish},
    {"stax-exits", stax_setup_bias, {stax_inband_exits, stax_oob, NULL}, stax_finish},
    {"upgrade", turn_setup, {turn_try, turn_read, turn_write}, turn_finish},
    {"upgrade-slots", turn_setup_slots, {turn_try, turn_read, turn_try}, turn_finish},
    {"upgrade-bias", turn_setup_bias, {turn_try, turn_read, turn_write}, turn_finish},
    {"upgrade-waits", turn_setup_bias, {turn_wait, turn_read, turn_write}, turn_finish},
    {"upgrade-two", turn_setup, {turn_wait, turn_wait, turn_read}, turn_finish},
    {"upgrade-slot",
     turn_setup_one_slot,
     {turn_after_other, turn_write_other, NULL},
     turn_finish},
    {"mutex-slot",
     turn_setup_one_slot,
     {turn_mutex_after_other, turn_write_other, NULL},
     turn_finish},
    {"spinlock", spin_setup, {spin_thread, spin_slow_thread, spin_thread}, spin_finish},
    {"rwlock", rwlock_setup, {rwlock_read, rwlock_write, rwlock_read}, rwlock_finish},
    {"rwlock-writers",
     rwlock_setup,
     {rwlock_write, rwlock_read_slow, rwlock_write_slow},
     rwlock_finish},
    {"readers",
     readers_setup,
     {readers_read, readers_change, readers_read},
     readers_finish},
    {"sleepq",
     sleep_setup,
     {sleep_on_queue, sleep_wake_queue, sleep_on_queue},
     sleep_finish},
    {"block", sleep_setup, {sleep_block, sleep_wake_thread, NULL}, sleep_finish},
    {"event", event_setup, {event_sleep, event_wake, event_sleep}, event_finish},
    {"event-one", event_setup, {event_sleep, event_wake_one, NULL}, event_finish},
    {"event-clear", event_setup, {event_sleep, event_clear, NULL}, event_finish},
    {"event-bare", event_setup, {event_sleep_bare, event_clear_bare, NULL}, event_finish},
    {"events", event_setup, {events_wait, events_post, events_post_last}, events_finish},
};

const unsigned weak_scenario_count = sizeof weak_scenarios / sizeof weak_scenarios[0];
