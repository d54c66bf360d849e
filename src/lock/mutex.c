/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutex (M1..M6).
 *
 *   word          meaning                          leaves it by
 *   0             free, nobody queued              CAS -> owner
 *   owner         held, nobody queued              owner: CAS -> 0; waiter, under
 *                                                  the bucket lock: CAS -> owner|WAITERS
 *   owner|WAITERS held, waiters queued             owner, under the bucket lock: store
 *   WAITERS       free, waiters queued             CAS -> owner|WAITERS, or under the
 *                                                  bucket lock with the mark recomputed
 *
 * Invariant, whenever the bucket lock is free: a waiter is queued => WAITERS is
 * set. The mark may be stale the other way (nobody queued), then a release
 * looks into the lot for nothing. A queued waiter on a free mutex has
 * been preceded by a pop: the popped thread is on its way, looks again under
 * the bucket lock, and its own release, or that of whoever got in before
 * it, finds the mark.
 *
 * depth belongs to the owner. The release never touches the mutex after the
 * CAS or store that frees it: the lot is keyed by the address.
 */

#include "lock/lock.h"
#include "platform/testing.h"
#include "wait/spin.h"
#include "wait/wait.h"

#include <kslock/mutex.h>

static const uintptr_t WAITERS = 1;

static uintptr_t owner_of(uintptr_t word)
{
    return word & ~WAITERS;
}

static bool is_free(uintptr_t word)
{
    return owner_of(word) == 0;
}

void ksl_mutex_init(ksl_mutex_t *m)
{
    ksi_store(&m->word, (uintptr_t)0);
    m->depth = 0;
    m->reserved = 0;
    ksi_watch_begin(KSI_MUTEX, m, KSI_SITE());
}

/* From free to held, whatever the mark says. */
static bool grab(ksl_mutex_t *m, uintptr_t me)
{
    uintptr_t word = ksi_load(&m->word);
    while (is_free(word)) {
        uintptr_t taken = KSI_FAULT(MUTEX_MARK_LOST) ? me : me | word;
        if (ksi_cas_acq(&m->word, &word, taken))
            return true;
    }
    return false;
}

static bool spin(ksl_mutex_t *m, ksl_thread *t)
{
    unsigned limit = ksi_spin_limit(t);
    for (unsigned i = 0; i < limit; i++) {
        KSI_POINT("mutex: spin");
        if (grab(m, (uintptr_t)t)) {
            ksi_spin_learn(t, i, true);
            return true;
        }
        if (i == 0)
            ksi_tell_about(t, KSI_EV_CONTENDED, 0, 0);
        ksi_pause();
    }
    ksi_spin_learn(t, limit, false);
    return false;
}

/* With the bucket lock: true if taken, else the mark is set and w queued. */
static bool grab_or_queue(ksl_mutex_t *m, struct ksi_lot *lot, struct ksi_waiter *w)
{
    uintptr_t me = (uintptr_t)w->thread;
    uintptr_t word = ksi_load(&m->word);
    if (KSI_FAULT(MUTEX_CHECK_EARLY)) {
        ksi_fetch_or(&m->word, WAITERS);
        ksi_lot_enqueue(lot, w, m, KSI_Q_MUTEX, KSI_FIFO, NULL);
        return false;
    }
    for (;;) {
        if (is_free(word)) {
            uintptr_t mark = ksi_lot_waits(lot, m, KSI_Q_MUTEX) ? WAITERS : 0;
            if (KSI_FAULT(MUTEX_MARK_LOST))
                mark = 0;
            if (ksi_cas_acq(&m->word, &word, me | mark))
                return true;
            /* The mark hands nothing over: the bucket lock orders the queue. */
        } else if ((word & WAITERS) != 0 || KSI_FAULT(MUTEX_SLEEPS_UNMARKED) ||
                   ksi_cas(&m->word, &word, word | WAITERS)) {
            ksi_lot_enqueue(lot, w, m, KSI_Q_MUTEX, KSI_FIFO, NULL);
            return false;
        }
    }
}

static void acquire_contended(ksl_mutex_t *m, ksl_thread *t)
{
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    while (!spin(m, t)) {
        struct ksi_lot lot;
        ksi_lot_lock(&lot, m);
        bool taken = grab_or_queue(m, &lot, w);
        ksi_lot_unlock(&lot, NULL);
        if (taken)
            return;
        ksi_wait(w, KSI_FOREVER); /* M3: nothing but a release ends it */
    }
}

KSI_COLD static int acquire_slow(ksl_mutex_t *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "mutex_acquire", KSI_MUTEX, m, site))
        return -EPERM;
    if (owner_of(ksi_load(&m->word)) == (uintptr_t)t) {
        m->depth++;
        ksi_watch_again(KSI_MUTEX, m, KSI_EXCLUSIVE, site);
        return 0;
    }
    ksi_watch_before(KSI_MUTEX, m, KSI_EXCLUSIVE, site);
    acquire_contended(m, t);
    ksi_held_push(t, m, KSI_MUTEX, KSI_EXCLUSIVE, 0, site);
    return 0;
}

int ksl_mutex_acquire(ksl_mutex_t *m)
{
    uintptr_t me = ksl_owner_word();
    uintptr_t seen = 0;
    if (KSI_UNLIKELY(me == 0 || !ksi_cas_acq(&m->word, &seen, me)))
        return acquire_slow(m, KSI_SITE());
    ksi_held_push(ksi_thread_of(me), m, KSI_MUTEX, KSI_EXCLUSIVE, 0, KSI_SITE());
    return 0;
}

int ksl_mutex_try_acquire(ksl_mutex_t *m)
{
    ksl_thread *t = ksi_self();
    if (KSI_UNLIKELY(t->handlers > 0))
        return 0; /* M5: the interrupted task is not the caller */
    if (owner_of(ksi_load(&m->word)) == (uintptr_t)t) {
        m->depth++;
        ksi_watch_again(KSI_MUTEX, m, KSI_EXCLUSIVE, KSI_SITE());
        return 1;
    }
    if (!grab(m, (uintptr_t)t))
        return ksi_watch_tried(false, KSI_MUTEX, m, KSI_EXCLUSIVE, KSI_SITE());
    ksi_held_push_tried(t, m, KSI_MUTEX, KSI_EXCLUSIVE, 0, KSI_SITE());
    return 1;
}

/* The mark is, or was just, set: wakes the first waiter. */
KSI_COLD static void release_slow(ksl_mutex_t *m)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    if (KSI_FAULT(MUTEX_NO_WAKE)) {
        ksi_store_rel(&m->word, WAITERS);
        return;
    }
    KSI_POINT("mutex: release");
    ksi_lot_lock(&lot, m);
    ksi_lot_pop(&lot, m, KSI_Q_MUTEX, &wake);
    /* Only the mark can have changed since we owned it, and only under this lock. */
    ksi_store_rel(&m->word, ksi_lot_waits(&lot, m, KSI_Q_MUTEX) ? WAITERS : 0);
    ksi_lot_unlock(&lot, &wake);
    if (KSI_FAULT(MUTEX_TOUCHED_LATE))
        m->depth = 0;
}

/* The owner word of the caller; 0 after a violation. */
KSI_COLD static uintptr_t check_owner(ksl_mutex_t *m, const void *site)
{
    ksl_thread *t = ksi_self();
    uintptr_t owner = owner_of(ksi_load(&m->word));
    if (ksi_refuse_in_handler(t, "mutex_release", KSI_MUTEX, m, site))
        return 0;
    if (owner == (uintptr_t)t)
        return owner; /* being watched */
    ksi_refuse_release("mutex_release", KSI_MUTEX, m, ksi_thread_of(owner), site);
    return 0;
}

void ksl_mutex_release(ksl_mutex_t *m)
{
    uintptr_t me = ksl_owner_word();
    uintptr_t word = ksi_load(&m->word);
    if (KSI_UNLIKELY(me == 0 || owner_of(word) != me)) {
        me = check_owner(m, KSI_SITE());
        if (me == 0)
            return;
    }
    if (m->depth > 0) {
        m->depth--;
        return;
    }
    ksi_held_pop(ksi_thread_of(me), m, KSI_EXCLUSIVE);
    word = me;
    bool freed = KSI_FAULT(MUTEX_RELAXED)
                     ? __atomic_compare_exchange_n(&m->word, &word, (uintptr_t)0, false,
                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED)
                     : ksi_cas_rel(&m->word, &word, (uintptr_t)0);
    if (KSI_UNLIKELY(!freed))
        release_slow(m);
}
