/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads: descriptors and their list. */

#include "thread/registry.h"

#include "platform/die.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/readers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

enum {
    CHUNK = 64,     /* descriptors allocated together */
    CHUNKS = 16384, /* so at most a million threads at a time */
    QUARANTINE = 128,
    PROBE_EVERY = 64 /* registrations */
};

struct ksi_rawlock ksi_registry_lock;
static ksl_thread *first;          /* atomic */
static ksl_thread *chunks[CHUNKS]; /* atomic */
static uint32_t allocated;
static uint32_t registrations;
static uint32_t buried; /* atomic: marked dead, still linked */

/* Dead descriptors, oldest first; those in `ready` are past a grace period. */
static struct {
    ksl_thread *head;
    ksl_thread *tail;
    unsigned count;
} dead, ready;

ksl_thread *ksi_registry_first(void)
{
    return ksi_load_seq(&first);
}

ksl_thread *ksi_registry_next(const ksl_thread *t)
{
    return ksi_load_acq(&t->next);
}

ksl_thread *ksi_thread_by_id(uint32_t id)
{
    if (id == 0 || id > (uint32_t)CHUNK * CHUNKS)
        return NULL;
    ksl_thread *chunk = ksi_load_acq(&chunks[(id - 1) / CHUNK]);
    return chunk != NULL ? &chunk[(id - 1) % CHUNK] : NULL;
}

static ksl_thread *find_at(uintptr_t at, uint32_t left)
{
    for (unsigned c = 0; left > 0; c++) {
        ksl_thread *chunk = ksi_load(&chunks[c]);
        uint32_t used = left < CHUNK ? left : CHUNK;
        uintptr_t past = at - (uintptr_t)chunk;
        if (past < used * sizeof *chunk)
            return past % sizeof *chunk == 0 ? &chunk[past / sizeof *chunk] : NULL;
        left -= used;
    }
    return NULL;
}

/*
 * The caller has read the address before, and its thread may have been new then. So who
 * is not found is looked for again, after a read-modify-write that no later load passes.
 */
ksl_thread *ksi_thread_at(uintptr_t at)
{
    ksl_thread *t = find_at(at, ksi_load_acq(&allocated));
    return t != NULL ? t : find_at(at, ksi_fetch_add(&allocated, 0u));
}

bool ksi_thread_is_id(uint32_t id)
{
    return id <= ksi_load_acq(&allocated) || id <= ksi_fetch_add(&allocated, 0u);
}

static void reset(ksl_thread *t)
{
    if (!KSI_FAULT(THREAD_STATE_LEAKS))
        t->front.level = 0;
    t->stage = KSL_STAGE_INBAND;
    ksi_store(&t->front.stage, 0u);
    t->front.stalled = 0;
    t->handlers = 0;
    t->held_below = 0;
    t->front.preempt = 0;
    t->active = 0;
    ksi_store(&t->front.nholds, 0u);
    t->unrecorded = 0;
    ksi_store(&t->struck, 0u);
    t->crowded = 0;
    /* Waiters may have claims on the thread before; they take them off themselves. */
    if (ksi_heavy_works())
        ksi_fetch_and(&t->front.claims, ~KSI_CLAIM_ALWAYS);
    else
        ksi_fetch_or(&t->front.claims, KSI_CLAIM_ALWAYS);
    ksi_store(&t->put_off, 0u);
    ksi_store(&t->reading, 0u);
    ksi_store(&t->closing, 0u);
    ksi_store(&t->stranger, 0u);
    for (unsigned i = 0; i < KSL_SLOTS; i++)
        ksi_store(&t->converted[i], (uintptr_t)0);
    ksi_store(&t->far_used, 0u);
    t->far_live = 0;
    t->far_reads = 0;
    memset(t->far_marks, 0, sizeof t->far_marks);
    t->unshared = 0;
    t->spin_mutexes = 0;
    t->spin_limit = 0;
    t->event_spin = (struct ksi_event_spin){.limit = 0};
    ksi_store(&t->exit_rounds, 0u);
    t->prepared = 0;
    ksi_store(&t->events, (uint64_t)0);
    t->contexts = NULL;
    ksi_store(&t->front.attention, 0u);
    ksi_store(&t->kicked, 0u);
    ksi_store(&t->evl_kicked, 0u);
    ksi_store(&t->signal_work, 0u);
    ksi_store(&t->pending, (uint64_t)0);
    ksi_store(&t->signals, (uint64_t)0);
    ksi_store(&t->signal_mask, (uint64_t)0);
    ksi_store(&t->asleep, 0u);
    ksi_store(&t->prio, 0);
    ksi_store(&t->lent, -1);
    ksi_store(&t->wait_since, (uint64_t)0);
    ksi_store(&t->hang_told, (uint64_t)0);
    ksi_store(&t->nentered, 0u);
    ksi_store(&t->trace, NULL);
    ksi_store(&t->spins_on, (const void *)NULL);
    t->name[0] = '\0';
}

/* With the registry lock. */
static ksl_thread *allocate(void)
{
    uint32_t c = allocated / CHUNK;
    if (allocated % CHUNK == 0) {
        if (c >= CHUNKS)
            KSI_DIE("too many threads", 0);
        ksl_thread *fresh = ksi_pages(sizeof(ksl_thread) * CHUNK);
        if (fresh == NULL)
            KSI_DIE("no memory for thread descriptors", 0);
        ksi_store_rel(&chunks[c], fresh);
    }
    ksl_thread *t = &chunks[c][allocated % CHUNK];
    t->front.id = allocated + 1;
    ksi_store_rel(&allocated, t->front.id);
    ksi_parker_init(&t->parker);
    for (unsigned i = 0; i < KSI_WAITERS; i++) {
        t->waiters[i].thread = t;
        t->waiters[i].donation = &t->waiters[i].own;
    }
    return t;
}

/* Moves the older dead descriptors past a grace period. */
static void recycle(void)
{
    ksi_raw_lock(&ksi_registry_lock);
    ksl_thread *batch = NULL;
    ksl_thread *batch_tail = NULL;
    unsigned moved = 0;
    while (dead.count > QUARANTINE) {
        ksl_thread *t = dead.head;
        dead.head = t->idle;
        dead.count--;
        t->idle = NULL;
        if (batch == NULL)
            batch = t;
        else
            batch_tail->idle = t;
        batch_tail = t;
        moved++;
    }
    ksi_raw_unlock(&ksi_registry_lock);
    if (batch == NULL)
        return;
    ksi_registry_wait_readers();
    KSI_DELAY_POINT("registry: recycle");
    ksi_raw_lock(&ksi_registry_lock);
    if (ready.count == 0)
        ready.head = batch;
    else
        ready.tail->idle = batch;
    ready.tail = batch_tail;
    ready.count += moved;
    ksi_raw_unlock(&ksi_registry_lock);
}

/* Its slots hold shares, so writers must go on finding them. */
static bool shows_shares(const ksl_thread *t)
{
    for (unsigned i = 0; i < KSL_SLOTS; i++) {
        if (ksi_load(&t->front.slots[i].lock) != 0)
            return true;
    }
    return false;
}

/* Others go by what it has; entries that were struck out are none. */
static bool holds(const ksl_thread *t)
{
    return t->front.nholds > ksi_load(&t->struck) || t->unrecorded > 0 ||
           t->far_used > 0 || t->unshared > 0;
}

/* With the registry lock. */
static void unlink_thread(ksl_thread *t, bool keep)
{
    if (shows_shares(t) && !KSI_FAULT(OWNER_REUSED))
        return;
    /* t->next stays: a reader that stands on t walks on from it. */
    ksl_thread *next = t->next;
    if (t->prev != NULL)
        ksi_store_rel(&t->prev->next, next);
    else
        ksi_store_seq(&first, next);
    if (next != NULL)
        next->prev = t->prev;
    KSI_POINT("registry: unlink");
    if (keep)
        return;
    t->idle = NULL;
    if (dead.count == 0)
        dead.head = t;
    else
        dead.tail->idle = t;
    dead.tail = t;
    dead.count++;
}

void ksi_registry_leave(ksl_thread *t, bool keep)
{
    ksi_raw_lock(&ksi_registry_lock);
    ksi_store_seq(&t->state, (uint32_t)KSI_THREAD_DEAD);
    t->tls = NULL;
    KSI_POINT("registry: leave");
    /* Its last handler may have taken something after the report. */
    unlink_thread(t, keep || (holds(t) && !KSI_FAULT(OWNER_REUSED)));
    ksi_raw_unlock(&ksi_registry_lock);
}

void ksi_registry_bury(ksl_thread *t)
{
    uint32_t alive = KSI_THREAD_ALIVE;
    KSI_DELAY_POINT("registry: bury");
    if (ksi_cas(&t->state, &alive, (uint32_t)KSI_THREAD_DEAD))
        ksi_fetch_add(&buried, 1u);
}

/* Unlinks the buried; now and then looks for more of them. */
static void sweep(void)
{
    ksi_raw_lock(&ksi_registry_lock);
    int mine = ksi_host_tid();
    bool probe = ++registrations % PROBE_EVERY == 0;
    if (probe || ksi_load(&buried) != 0) {
        ksi_store(&buried, 0u);
        for (ksl_thread *t = first, *next; t != NULL; t = next) {
            next = t->next;
            int tid = ksi_load(&t->tid);
            /* Another one with this thread's number has gone. */
            if (probe && ksi_thread_alive(t) && t != ksl_tls.self &&
                (tid == mine || ksi_host_kick(tid, 0) == -ESRCH))
                ksi_store_seq(&t->state, (uint32_t)KSI_THREAD_DEAD);
            if (!ksi_thread_alive(t))
                unlink_thread(t, holds(t) || t->prepared != 0);
        }
    }
    ksi_raw_unlock(&ksi_registry_lock);
}

ksl_thread *ksi_registry_take(void)
{
    sweep();
    KSI_DELAY_POINT("registry: take");
    ksi_raw_lock(&ksi_registry_lock);
    bool crowded = ready.count == 0 && dead.count >= 2 * QUARANTINE;
    ksi_raw_unlock(&ksi_registry_lock);
    if (crowded)
        recycle();
    ksi_raw_lock(&ksi_registry_lock);
    ksl_thread *t = ready.head;
    if (t != NULL) {
        ready.head = t->idle;
        ready.count--;
        t->idle = NULL;
    } else {
        t = allocate();
    }
    ksi_raw_unlock(&ksi_registry_lock);
    reset(t);
    return t;
}

void ksi_registry_enter(ksl_thread *t)
{
    ksi_raw_lock(&ksi_registry_lock);
    ksl_thread *old = first;
    t->prev = NULL;
    /* Releases what old points to: who stands on t, without a section, goes there. */
    ksi_store_rel(&t->next, old);
    if (old != NULL)
        old->prev = t;
    KSI_POINT("registry: link");
    ksi_store_rel(&t->state, (uint32_t)KSI_THREAD_ALIVE);
    ksi_store_seq(&first, t);
    ksi_raw_unlock(&ksi_registry_lock);
    KSI_DELAY_POINT("registry: linked");
    if (!ksi_heavy_works()) /* it may have gone since the descriptor was set up */
        ksi_fetch_or(&t->front.claims, KSI_CLAIM_ALWAYS);
}

uint32_t ksi_registry_allocated(void)
{
    return ksi_load_acq(&allocated);
}

void ksi_registry_clear_owners(void)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    ksi_raw_lock(&ksi_registry_lock);
    for (ksl_thread *t = first; t != NULL; t = ksi_load(&t->next)) {
        /* One whose first call came too late in its exit has not told that it is gone. */
        if (t->tls != NULL && ksi_thread_alive(t) &&
            ksi_host_kick(ksi_load(&t->tid), 0) == 0)
            ksi_store_seq(&t->tls->owner, (uintptr_t)0);
    }
    ksi_raw_unlock(&ksi_registry_lock);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

void ksi_registry_before_fork(void)
{
    ksi_raw_lock(&ksi_registry_lock);
}

void ksi_registry_after_fork_parent(void)
{
    ksi_raw_unlock(&ksi_registry_lock);
}

void ksi_registry_after_fork_child(ksl_thread *self)
{
    ksi_readers_after_fork_child();
    /* Of the others those stay that show shares: nobody will give them back. */
    ksl_thread *last = NULL;
    ksl_thread *next;
    for (ksl_thread *t = first; t != NULL; t = next) {
        next = t->next;
        if (t != self) {
            ksi_store(&t->state, (uint32_t)KSI_THREAD_DEAD);
            ksi_store(&t->stranger, 1u);
            if (!shows_shares(t))
                continue;
        }
        t->prev = last;
        ksi_store(last != NULL ? &last->next : &first, t);
        last = t;
    }
    ksi_store(last != NULL ? &last->next : &first, (ksl_thread *)NULL);
    ksi_raw_reset(&ksi_registry_lock);
}
