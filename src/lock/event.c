/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of AIX (T75 to T85).
 *
 * An event is the address of its word. A thread queues itself, gives its locks back,
 * and waits; whoever takes it off the queue meanwhile has woken it (T76), and has put
 * the result into its descriptor before. The word counts the queued threads, for the
 * program to look at; nothing here depends on it.
 *
 *   prepared  on the queue  outcome   ksi_event_wait
 *   1         yes           WAITING   sleeps
 *   1         no            WAITING   waker is between pop and wake: short sleep
 *   1         no            decided   returns
 *
 * Signals end a wait from ksi_event_wait on only: before, locks may put them off. The
 * thread looks for them itself then, and the locks are gone.
 *
 * In the descriptor, under the lock of the event's bucket, and then the woken thread's:
 * event_result and event_yields, which the waker sets. For ksi_events_wait events and
 * events_wanted, whose bucket is that of `events`.
 */

#include "lock/event.h"

#include "lock/lock.h"
#include "platform/testing.h"
#include "thread/registry.h"
#include "thread/signal.h"
#include "thread/upcalls.h"
#include "wait/wait.h"

#include <kslock/sleepq.h>

static bool interruptible(const ksl_thread *t)
{
    return (t->block_flags & KSL_BLOCK_INTERRUPTIBLE) != 0;
}

static struct ksi_waiter *waiter_of(ksl_thread *t)
{
    return &t->waiters[KSI_WAITER_BLOCK];
}

bool ksi_event_check(const int *word, const char *call, const void *site)
{
    if (ksi_refuse_in_handler(ksi_self(), call, KSI_EVENT, word, site))
        return false;
    if (word != NULL)
        return true;
    struct ksi_misuse m = {.rule = KSI_BAD_ARGUMENT_RULE, .site = site};
    ksi_violate(&m, "%s: NULL event", call);
    return false;
}

void ksi_event_queue(int *word, bool signals)
{
    ksl_thread *t = ksi_self();
    struct ksi_lot lot;
    if (t->prepared != 0)
        ksl_block_cancel(); /* the waiter serves one wait at a time */
    t->prepared = 1;
    t->block_flags = signals ? KSL_BLOCK_INTERRUPTIBLE : 0;
    KSI_POINT("event: queue");
    ksi_lot_lock(&lot, word);
    t->event_yields = 0;
    t->event_result = 0;
    ksi_lot_enqueue(&lot, waiter_of(t), word, KSI_Q_EVENT, KSI_FIFO, (uint32_t *)word);
    ksi_lot_unlock(&lot, NULL);
}

bool ksi_event_queued(void)
{
    return ksi_self()->prepared != 0;
}

bool ksi_event_wait(int *result)
{
    ksl_thread *t = ksi_self();
    struct ksi_waiter *w = waiter_of(t);
    struct ksi_lot lot;
    t->prepared = 0;
    KSI_POINT("event: wait");
    if (interruptible(t) && ksi_lot_find(&lot, w)) {
        w->signals_only = true;
        (void)ksi_wait_interruptible(w); /* false: the outcome is known */
        ksi_lot_unlock(&lot, NULL);
    }
    enum ksi_outcome outcome = ksi_wait(w, KSI_FOREVER);
    *result = t->event_result;
    if (outcome == KSI_SIGNALLED)
        return false;
    return t->event_yields == 0 || !interruptible(t) || ksi_signal_next(t) == 0;
}

void ksi_event_wakeup(int *word, int result, enum ksi_event_wake how)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("event: wakeup");
    ksi_lot_lock(&lot, word);
    if (how == KSI_EVENT_ONE) {
        const ksl_thread *first =
            KSI_FAULT(EVENT_ONE_LOST) ? ksi_lot_first(&lot, word, KSI_Q_EVENT) : NULL;
        if ((first == NULL || first->prepared == 0) &&
            ksi_lot_pop_urgent(&lot, word, KSI_Q_EVENT, &wake))
            wake.last->thread->event_result = result;
    } else {
        while (ksi_lot_pop(&lot, word, KSI_Q_EVENT, &wake)) {
            ksl_thread *t = wake.last->thread;
            t->event_result = result;
            t->event_yields = how == KSI_EVENT_YIELDS;
            if (KSI_FAULT(EVENT_WAKES_ONE))
                break;
        }
        ksi_store(word, 0); /* whatever the program has put there */
    }
    ksi_lot_unlock(&lot, &wake);
}

void ksi_event_clear(ksl_thread *t, int result)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    struct ksi_waiter *w = waiter_of(t);
    if (KSI_FAULT(EVENT_CLEARED_ASLEEP) && ksi_load(&t->asleep) == 0)
        return;
    if (!ksi_lot_find_after(&lot, w))
        return;
    if (w->queue->kind == KSI_Q_EVENT) {
        t->event_result = KSI_FAULT(EVENT_CLEAR_SAYS_WOKEN) ? 0 : result;
        ksi_lot_remove(w);
        ksi_wake_add(&wake, w);
    }
    ksi_lot_unlock(&lot, &wake);
}

enum { BATCH = 16 };

/* With those who are queued but wait for something else: their number, in batch. */
static unsigned signal_some(const int *word, uint64_t bit, ksl_thread **batch)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, KSI_SIGNALLED};
    unsigned n = 0;
    ksi_lot_lock(&lot, word);
    ksl_thread *t = ksi_lot_first(&lot, word, KSI_Q_EVENT);
    struct ksi_waiter *next = t != NULL ? waiter_of(t) : NULL;
    while (next != NULL) {
        struct ksi_waiter *w = next;
        next = w->next;
        if (!interruptible(w->thread))
            continue;
        /* Who is not yet in ksi_event_wait finds it there, or waits for a lock first. */
        bool fresh = (ksi_fetch_or(&w->thread->signals, bit) & bit) == 0;
        if (w->interruptible && ksi_signal_next(w->thread) != 0) {
            ksi_lot_remove(w);
            ksi_wake_add(&wake, w);
        } else if (fresh) {
            batch[n++] = w->thread;
            if (n == BATCH)
                break;
        }
    }
    ksi_lot_unlock(&lot, &wake);
    return n;
}

void ksi_event_signal(const int *word, int signo)
{
    ksl_thread *batch[BATCH];
    unsigned n = BATCH;
    if (ksi_signal_ignored(signo))
        return;
    while (n == BATCH) {
        n = signal_some(word, (uint64_t)1 << (signo - 1), batch);
        for (unsigned i = 0; i < n; i++)
            (void)ksi_up_end_wait(batch[i], KSI_SIGNALLED);
    }
}

ksl_thread *ksi_event_thread(int tid)
{
    (void)ksi_self(); /* readers of the registry are registered */
    ksi_registry_read_lock();
    ksl_thread *t = ksi_registry_first();
    while (t != NULL && (ksi_load(&t->tid) != tid || !ksi_thread_alive(t)))
        t = ksi_registry_next(t);
    ksi_registry_read_unlock();
    return t;
}

uint64_t ksi_events_wait(const struct ksi_events_wait *s)
{
    ksl_thread *t = ksi_self();
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    struct ksi_lot lot;
    if (KSI_FAULT(EVENTS_CLEARED_EARLY))
        ksi_fetch_and(&t->events, ~s->clear);
    for (;;) {
        ksi_lot_lock(&lot, &t->events);
        uint64_t posted = ksi_load(&t->events);
        if ((posted & s->wanted) != 0) {
            ksi_store(&t->events, posted & ~s->clear);
            ksi_lot_unlock(&lot, NULL);
            return posted & s->wanted;
        }
        t->events_wanted = s->wanted;
        ksi_lot_enqueue(&lot, w, &t->events, KSI_Q_EVENTS, KSI_FIFO, NULL);
        w->signals_only = true;
        bool ended = s->interruptible && !ksi_wait_interruptible(w);
        ksi_lot_unlock(&lot, NULL);
        if (!ended && ksi_wait(w, KSI_FOREVER) != KSI_SIGNALLED)
            continue;
        if (s->forget && !KSI_FAULT(EVENTS_KEPT_BY_SIGNAL)) {
            ksi_lot_lock(&lot, &t->events);
            ksi_store(&t->events, (uint64_t)0);
            ksi_lot_unlock(&lot, NULL);
        }
        return 0;
    }
}

void ksi_events_post(ksl_thread *t, uint64_t events)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("events: post");
    ksi_lot_lock(&lot, &t->events);
    uint64_t posted = (KSI_FAULT(EVENTS_OVERWRITTEN) ? 0 : ksi_load(&t->events)) | events;
    ksi_store(&t->events, posted);
    if ((posted & t->events_wanted) != 0)
        ksi_lot_pop(&lot, &t->events, KSI_Q_EVENTS, &wake);
    ksi_lot_unlock(&lot, &wake);
}
