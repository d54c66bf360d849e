/* SPDX-License-Identifier: BSD-2-Clause */
#include "wait/lot.h"

#include "diag/cycle.h"
#include "diag/events.h"
#include "platform/host.h"
#include "platform/probe.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/upcalls.h"
#include "wait/lend.h"
#include "wait/lot_inside.h"

struct ksi_bucket ksi_buckets[KSI_BUCKETS];
bool ksi_lot_forked;

struct ksi_bucket *ksi_bucket_of(const void *address)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)address >> 2) * 0x9e3779b97f4a7c15u;
    return &ksi_buckets[mixed >> 54];
}

static void begin(struct ksi_lot *lot)
{
    lot->self = ksi_self();
    lot->second = NULL;
    lot->level = ksi_irq_mask(lot->self);
}

void ksi_lot_lock(struct ksi_lot *lot, const void *address)
{
    begin(lot);
    lot->bucket = ksi_bucket_of(address);
    KSI_POINT("lot: lock");
    ksi_raw_lock(&lot->bucket->lock);
}

/* Only w's thread moves it to another bucket, and that is the caller. */
void ksi_lot_lock_two(struct ksi_lot *lot, struct ksi_waiter *w, const void *address)
{
    begin(lot);
    struct ksi_bucket *y = ksi_bucket_of(address);
    struct ksi_bucket *x = ksi_load(&w->bucket);
    if (x == NULL)
        x = y;
    lot->bucket = x < y ? x : y;
    lot->second = x == y ? NULL : x < y ? y : x;
    ksi_raw_lock(&lot->bucket->lock);
    if (lot->second != NULL)
        ksi_raw_lock(&lot->second->lock);
}

void ksi_lot_unlock(struct ksi_lot *lot, struct ksi_wake_list *wake)
{
    if (lot->second != NULL)
        ksi_raw_unlock(&lot->second->lock);
    ksi_raw_unlock(&lot->bucket->lock);
    KSI_POINT("lot: unlocked");
    if (wake != NULL)
        ksi_wake(wake);
    if (KSI_UNLIKELY(lot->self->changed[0] != NULL))
        ksi_lend_settle(lot->self);
    ksi_irq_unmask(lot->self, lot->level);
}

bool ksi_lot_find(struct ksi_lot *lot, struct ksi_waiter *w)
{
    struct ksi_bucket *b = ksi_load_acq(&w->bucket);
    if (b == NULL)
        return false;
    begin(lot);
    bool queued;
    for (;;) {
        ksi_raw_lock(&b->lock);
        /*
         * The queue is looked at first: with another bucket's lock held w may
         * be entering a queue there, and who sees that queue sees that bucket.
         */
        queued = ksi_load_acq(&w->queue) != NULL;
        struct ksi_bucket *now = ksi_load(&w->bucket);
        if (now == b)
            break;
        ksi_raw_unlock(&b->lock);
        b = now;
    }
    lot->bucket = b;
    if (queued)
        return true;
    ksi_lot_unlock(lot, NULL);
    return false;
}

bool ksi_lot_find_after(struct ksi_lot *lot, struct ksi_waiter *w)
{
    ksi_fetch_or(&w->thread->prio, 0); /* see ksi_lot_enqueue */
    return ksi_lot_find(lot, w);
}

/* The caller takes no real signals: its thread may have been interrupted with the lock.
 */
enum ksi_look ksi_lot_look(const struct ksi_waiter *w, unsigned *waiters)
{
    struct ksi_bucket *b = ksi_load_acq(&w->bucket);
    *waiters = 0;
    if (b == NULL || !ksi_raw_try(&b->lock))
        return KSI_LOOK_BUSY;
    enum ksi_look look = KSI_LOOK_BUSY;
    const struct ksi_queue *q = ksi_load_acq(&w->queue);
    if (ksi_load(&w->bucket) == b) {
        look = q != NULL ? KSI_LOOK_QUEUED : KSI_LOOK_GONE;
        for (const struct ksi_waiter *x = q != NULL ? q->first : NULL; x != NULL;
             x = x->next)
            ++*waiters;
    }
    ksi_raw_unlock(&b->lock);
    return look;
}

struct ksi_queue *ksi_find_queue(const struct ksi_bucket *b, const void *address,
                                 unsigned kind)
{
    struct ksi_queue *q = b->queues;
    while (q != NULL && (q->address != address || q->kind != kind))
        q = q->next;
    return q;
}

bool ksi_lot_waits(const struct ksi_lot *lot, const void *address,
                   enum ksi_queue_kind kind)
{
    (void)lot;
    return ksi_find_queue(ksi_bucket_of(address), address, kind) != NULL;
}

unsigned ksi_lot_count(const struct ksi_lot *lot, const void *address,
                       enum ksi_queue_kind kind)
{
    (void)lot;
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    unsigned n = 0;
    for (const struct ksi_waiter *w = q != NULL ? q->first : NULL; w != NULL; w = w->next)
        n++;
    return n;
}

/* The last one among those at least as urgent; NULL: w goes first. */
static struct ksi_waiter *place(const struct ksi_queue *q, const struct ksi_waiter *w,
                                enum ksi_order order)
{
    struct ksi_waiter *after = q->last;
    if (order == KSI_PRIORITY) {
        while (after != NULL && after->prio < w->prio)
            after = after->prev;
    }
    return after;
}

static void link_after(struct ksi_queue *q, struct ksi_waiter *after,
                       struct ksi_waiter *w)
{
    struct ksi_waiter *next = after != NULL ? after->next : q->first;
    w->prev = after;
    w->next = next;
    if (after != NULL)
        after->next = w;
    else
        q->first = w;
    if (next != NULL)
        next->prev = w;
    else
        q->last = w;
}

static void unlink_waiter(struct ksi_queue *q, struct ksi_waiter *w)
{
    if (w->prev != NULL)
        w->prev->next = w->next;
    else
        q->first = w->next;
    if (w->next != NULL)
        w->next->prev = w->prev;
    else
        q->last = w->prev;
}

/* It goes behind those as urgent as it is now (K5). */
void ksi_lot_reorder(struct ksi_waiter *w)
{
    struct ksi_queue *q = w->queue;
    int prio = ksi_thread_urgency(w->thread);
    if (w->order != KSI_PRIORITY || prio == w->prio)
        return;
    w->prio = prio;
    unlink_waiter(q, w);
    link_after(q, place(q, w, KSI_PRIORITY), w);
}

/*
 * Queue objects are donated: each waiter brings one. The first waiter's becomes
 * the queue, the others' are its spares; who leaves takes one along, maybe not
 * its own. So there are always enough and none is ever allocated.
 */
void ksi_lot_enqueue(struct ksi_lot *lot, struct ksi_waiter *w, const void *address,
                     enum ksi_queue_kind kind, enum ksi_order order, uint32_t *counter)
{
    (void)lot;
    struct ksi_bucket *b = ksi_bucket_of(address);
    struct ksi_queue *q = ksi_find_queue(b, address, kind);
    struct ksi_queue *mine = w->donation;
    w->donation = NULL;
    if (q == NULL) {
        q = mine;
        q->address = address;
        q->kind = kind;
        q->first = NULL;
        q->last = NULL;
        q->spares = NULL;
        q->next = b->queues;
        b->queues = q;
    } else {
        mine->next = q->spares;
        q->spares = mine;
    }
    w->prio = ksi_thread_urgency(w->thread);
    w->counter = counter;
    w->claimed = NULL;
    w->word = NULL;
    ksi_store(&w->address, address);
    ksi_store(&w->queued, (uint32_t)kind);
    ksi_store(&w->lock_kind, 0u);
    ksi_store(&w->woken_by, (uint64_t)0);
    w->chosen = false;
    w->order = order;
    w->signals_only = false;
    ksi_wait_queues(w->thread);
    if (counter != NULL)
        ksi_store(counter, ksi_load(counter) + 1);
    ksi_store(&w->outcome, (uint32_t)KSI_WAITING);
    link_after(q, place(q, w, order), w);
    ksi_store(&w->bucket, b);
    ksi_store_rel(&w->queue, q); /* after the bucket, see ksi_lot_find */
    /*
     * Who changes the priority, what is lent, or what the thread tests before it sleeps,
     * stores it, then looks whether w is queued (ksi_wait_reorder, ksi_lot_find_after);
     * here it is the other way round. Both sides pass a read-modify-write of `prio`, so
     * the later one sees all that the earlier one did before. A sequentially consistent
     * store of the queue would not order the load.
     */
    ksi_fetch_or(&w->thread->prio, 0);
    ksi_lot_reorder(w);
}

void ksi_lot_remove(struct ksi_waiter *w)
{
    struct ksi_queue *q = w->queue;
    unlink_waiter(q, w);
    /* After the word that lets it in, for ksi_rw_waits_for. */
    ksi_store_rel(&w->queue, (struct ksi_queue *)NULL);
    w->interruptible = false;
    if (w->lends_to != NULL)
        ksi_lend(w, NULL);
    if (w->claimed != NULL)
        ksi_lot_drop_claim(w);
    if (w->counter != NULL)
        ksi_store(w->counter, ksi_load(w->counter) - 1);
    if (q->spares != NULL && !KSI_FAULT(LOT_TAKES_OWN_QUEUE)) {
        w->donation = q->spares;
        q->spares = q->spares->next;
        return;
    }
    struct ksi_queue **at = &ksi_load(&w->bucket)->queues;
    while (*at != q)
        at = &(*at)->next;
    *at = q->next;
    w->donation = q;
}

void ksi_wake_add(struct ksi_wake_list *wake, struct ksi_waiter *w)
{
    /* Fork, which has all buckets, finds it here if the waker gets no further. */
    ksi_store(&w->decided, (uint32_t)wake->outcome);
    w->next = NULL;
    if (wake->first == NULL)
        wake->first = w;
    else
        wake->last->next = w;
    wake->last = w;
}

void ksi_lot_take(struct ksi_waiter *w, struct ksi_wake_list *wake)
{
    ksi_lot_remove(w);
    ksi_wake_add(wake, w);
}

bool ksi_lot_pop(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                 struct ksi_wake_list *wake)
{
    (void)lot;
    struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    if (q == NULL)
        return false;
    ksi_lot_take(KSI_FAULT(LOT_POPS_LAST) ? q->last : q->first, wake);
    return true;
}

ksl_thread *ksi_lot_first(const struct ksi_lot *lot, const void *address,
                          enum ksi_queue_kind kind)
{
    (void)lot;
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    return q != NULL ? q->first->thread : NULL;
}

bool ksi_lot_pop_urgent(struct ksi_lot *lot, const void *address,
                        enum ksi_queue_kind kind, struct ksi_wake_list *wake)
{
    (void)lot;
    struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    if (q == NULL)
        return false;
    struct ksi_waiter *best = q->first;
    for (struct ksi_waiter *w = best->next; w != NULL; w = w->next) {
        if (ksi_thread_urgency(w->thread) > ksi_thread_urgency(best->thread) &&
            !KSI_FAULT(LOT_URGENCY_IGNORED))
            best = w;
    }
    ksi_lot_take(best, wake);
    return true;
}

bool ksi_lot_pop_next(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                      struct ksi_wake_list *wake)
{
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    if (q != NULL && q->first->order == KSI_PRIORITY)
        return ksi_lot_pop_urgent(lot, address, kind, wake);
    return ksi_lot_pop(lot, address, kind, wake);
}

bool ksi_lot_pop_last(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                      struct ksi_wake_list *wake)
{
    (void)lot;
    struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    if (q == NULL)
        return false;
    ksi_lot_take(q->last, wake);
    return true;
}

/* The number goes to the other thread before its outcome does. */
KSI_COLD static void tell_wake(struct ksi_waiter *w)
{
    uint64_t number = ksi_tell_number();
    ksi_store(&w->woken_by, number);
    ksi_tell_wait(ksi_self(), KSI_EV_WAKES, w, (uint64_t)ksi_load(&w->thread->tid),
                  number);
}

void ksi_wake(struct ksi_wake_list *wake)
{
    struct ksi_waiter *w = wake->first;
    while (w != NULL) {
        struct ksi_waiter *next = w->next;
        ksl_thread *t = w->thread;
        KSI_POINT("lot: wake");
        KSI_PROBE2(wake, ksi_load(&w->address), ksi_load(&t->tid));
        if (ksi_telling())
            tell_wake(w);
        ksi_store(&w->waker_cpu, ksi_cpu_now());
        /* Releases the links, and what was handed over, to the waiter's thread. */
        ksi_store_seq(&w->outcome,
                      (uint32_t)wake->outcome); /* from here on w is its thread's again */
        ksi_unpark(&t->parker);                 /* a late token is a spurious wake-up */
        w = next;
    }
    wake->first = NULL;
    wake->last = NULL;
}

/* With all bucket locks held over fork, the child finds whole queues. */
void ksi_up_wait_before_fork(void)
{
    for (unsigned i = 0; i < KSI_BUCKETS; i++)
        ksi_raw_lock(&ksi_buckets[i].lock);
    ksi_lend_before_fork();
}

static void drop_strangers(struct ksi_bucket *b, const ksl_thread *self)
{
    for (struct ksi_queue *q = b->queues, *next; q != NULL; q = next) {
        next = q->next;
        for (struct ksi_waiter *w = q->first, *after; w != NULL; w = after) {
            after = w->next;
            if (w->thread != self && !KSI_FAULT(FORK_KEEPS_STRANGERS))
                ksi_lot_remove(w);
        }
    }
}

/*
 * A wait of the thread that has forked, maybe in a handler. If it was popped, the waker
 * did not come along to say so. If it is for a lock, who was to wake it may not have come
 * along, so it looks again.
 */
static void decide_for_child(struct ksi_waiter *w)
{
    uint32_t kind = ksi_load(&w->queued);
    bool popped = w->queue == NULL;
    if (ksi_load(&w->outcome) != KSI_WAITING)
        return;
    bool looks = (kind == KSI_Q_READ || kind == KSI_Q_WRITE) && !KSI_FAULT(FORK_WAITS_ON);
    if (!popped && !looks)
        return;
    if (!popped)
        ksi_lot_remove(w);
    ksi_store(&w->outcome, popped && !KSI_FAULT(FORK_DECISION_LOST)
                               ? ksi_load(&w->decided)
                               : (uint32_t)KSI_WOKEN);
}

void ksi_up_wait_after_fork(bool child, ksl_thread *self)
{
    ksi_lend_after_fork(child);
    for (unsigned i = 0; i < KSI_BUCKETS; i++) {
        if (child) {
            drop_strangers(&ksi_buckets[i], self);
            if (!KSI_FAULT(FORK_BUCKETS_LOCKED))
                ksi_raw_reset(&ksi_buckets[i].lock);
        } else {
            ksi_raw_unlock(&ksi_buckets[i].lock);
        }
    }
    if (!child)
        return;
    ksi_lot_forked = true;
    for (unsigned i = 0; self != NULL && i < KSI_WAITERS; i++)
        decide_for_child(&self->waiters[i]);
}
