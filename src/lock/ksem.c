/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel semaphore (K1..K15).
 *
 *   word: bits 0..30 the value, bit 32 WAITERS, bit 33 GONE
 *   v           nobody waits            down: CAS v-1 (v > 0); up: CAS v+1
 *   0|WAITERS   waiters are queued      up: under the bucket lock, pops the first one
 *   GONE        destroyed               nothing; every call is a violation
 *   bit 31 WATCHED: somebody watches; the value is in bits 33..63, bit 32 WAITERS
 *
 * WATCHED is set when a semaphore begins, or by the first call of the library that meets
 * it, and stays. To the inlined paths (<evl/sem.h>) such a word shows no unit to take and
 * no room for one more, so they call the library, without a test of their own for it.
 *
 * WAITERS is set by a waiter under the bucket lock, in the CAS in which it sees the
 * value 0, and cleared under that lock when the queue is empty. Invariant, whenever
 * the bucket lock is free: somebody is queued => WAITERS is set and the value is 0.
 *
 * Who is responsible: up gives its unit to the waiter that it pops, which thereby
 * has it, whatever else ends its wait at the same moment (K8). So no unit is in the
 * word while somebody waits, and none is lost. The word is not touched after the
 * popped waiter may run: it may end the semaphore at once.
 */

#include "lock/ksem.h"

#include "platform/testing.h"
#include "thread/signal.h"
#include "wait/spin.h"
#include "wait/wait.h"

#include <kslock/stage.h>

#include <limits.h>

static const uint64_t VALUE = 0x7fffffff;
static const uint64_t WAITERS = (uint64_t)1 << 32;
static const uint64_t GONE = (uint64_t)1 << 33;
static const uint64_t WATCHED = (uint64_t)1 << 31;
static const unsigned WATCHED_AT = 33;

static uint64_t value_of(uint64_t w)
{
    return (w & WATCHED) != 0 ? w >> WATCHED_AT : w & VALUE;
}

static uint64_t one_of(uint64_t w)
{
    return (w & WATCHED) != 0 ? (uint64_t)1 << WATCHED_AT : 1;
}

static bool is_gone(uint64_t w)
{
    return (w & (WATCHED | GONE)) == GONE;
}

KSI_COLD static void watch(uint64_t *word)
{
    uint64_t w = ksi_load(word);
    while ((w & (WATCHED | GONE)) == 0 &&
           !ksi_cas(word, &w, WATCHED | (w & WAITERS) | value_of(w) << WATCHED_AT))
        ;
}

uint64_t ksi_ksem_value(uint64_t w)
{
    return value_of(w);
}

bool ksi_ksem_ended(uint64_t w)
{
    return is_gone(w);
}

static void refuse(const uint64_t *word, enum ksi_rule rule, const void *site,
                   const char *what)
{
    struct ksi_misuse m = {rule, KSI_KSEM, word, site, NULL, false};
    ksi_violate(&m, "%s", what);
}

static bool gone(const uint64_t *word, const char *call, const void *site)
{
    if (KSI_LIKELY(!is_gone(ksi_load(word))))
        return false;
    struct ksi_misuse m = {KSI_DESTROYED_RULE, KSI_KSEM, word, site, NULL, false};
    ksi_violate(&m, "%s of a destroyed semaphore", call);
    return true;
}

void ksi_ksem_init(uint64_t *word, unsigned value, const void *site)
{
    if (value > INT_MAX)
        refuse(word, KSI_BAD_ARGUMENT_RULE, site, "evl_init_ksem: value above INT_MAX");
    else
        ksi_store_rel(word, ksi_watching() ? WATCHED | (uint64_t)value << WATCHED_AT
                                           : (uint64_t)value);
    ksi_watch_begin(KSI_KSEM, word, site);
}

/* What `stats` and `trace` see of it. */
static void tell(enum ksi_event_type type, const uint64_t *word, const void *site)
{
    if (ksi_telling())
        ksi_hook_told(type, KSI_KSEM, word, site);
}

static bool grab(uint64_t *word)
{
    uint64_t w = ksi_load(word);
    while (value_of(w) != 0) {
        if (ksi_cas_acq(word, &w, w - one_of(w)))
            return true;
    }
    return false;
}

bool ksi_ksem_try(uint64_t *word, const void *site)
{
    if (ksi_watching())
        watch(word);
    if (grab(word)) {
        tell(KSI_EV_TAKEN, word, site);
        return true;
    }
    if (!gone(word, "evl_trydown", site))
        tell(KSI_EV_BUSY, word, site);
    return false;
}

/* With the bucket lock: true if a unit was there, else marked and queued. */
static bool grab_or_queue(uint64_t *word, struct ksi_lot *lot, struct ksi_waiter *w,
                          bool *ended)
{
    uint64_t now = ksi_load(word);
    for (;;) {
        *ended = is_gone(now);
        if (*ended)
            return false;
        if (value_of(now) != 0) {
            if (ksi_cas_acq(word, &now, now - one_of(now)))
                return true;
        } else if ((now & WAITERS) != 0 || ksi_cas(word, &now, now | WAITERS)) {
            ksi_lot_enqueue(lot, w, word, KSI_Q_KSEM, KSI_PRIORITY, NULL);
            return false;
        }
    }
}

bool ksi_evl_refuse_wait(ksl_thread *t, const char *call, enum ksi_kind kind,
                         const void *lock, const void *site)
{
    if (t->handlers == 0 && ksi_load(&t->stage) == KSL_STAGE_OOB)
        return false;
    struct ksi_misuse m = {KSI_STAGE_RULE, kind, lock, site, NULL, false};
    ksi_violate(&m, "%s has to wait %s", call,
                t->handlers > 0 ? "in an interrupt handler" : "on the in-band stage");
    return true;
}

bool ksi_evl_kicked(ksl_thread *t)
{
    return ksi_load(&t->evl_kicked) != 0 && ksi_xchg(&t->evl_kicked, 0u) != 0;
}

int ksi_evl_error(ksl_thread *t, enum ksi_outcome outcome)
{
    switch (outcome) {
    case KSI_SIGNALLED:
        return -ERESTARTSYS;
    case KSI_UNBLOCKED:
        return ksi_evl_kicked(t) && ksi_signal_next(t) != 0 ? -ERESTARTSYS : -EINTR;
    default:
        return ksi_outcome_error(outcome);
    }
}

KSI_COLD static int down_slow(uint64_t *word, uint64_t deadline, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_evl_refuse_wait(t, "evl_down", KSI_KSEM, word, site))
        return -EPERM;
    unsigned limit = ksi_event_limit(t);
    for (unsigned i = 0; i < limit; i++) {
        if (grab(word)) {
            ksi_event_learn(t, i, limit, true);
            return 0;
        }
        ksi_pause();
    }
    ksi_event_learn(t, limit, limit, false);
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    struct ksi_lot lot;
    KSI_POINT("ksem: queue");
    ksi_lot_lock(&lot, word);
    bool ended;
    bool in = grab_or_queue(word, &lot, w, &ended);
    bool parks = !in && !ended && ksi_wait_interruptible(w);
    if (parks && ksi_evl_kicked(t)) {
        ksi_lot_remove(w);
        ksi_store(&w->outcome, (uint32_t)KSI_UNBLOCKED);
        parks = false;
    }
    ksi_lot_unlock(&lot, NULL);
    if (in || ended)
        return in ? 0 : -EIDRM;
    enum ksi_outcome outcome =
        parks ? ksi_wait(w, deadline) : (enum ksi_outcome)ksi_load(&w->outcome);
    return ksi_evl_error(t, outcome);
}

int ksi_ksem_down(uint64_t *word, uint64_t deadline, bool nonblock, const void *site)
{
    int error = 0;
    if (ksi_watching())
        watch(word);
    if (KSI_UNLIKELY(!grab(word))) {
        if (gone(word, "evl_down", site))
            return -EPERM;
        tell(nonblock ? KSI_EV_BUSY : KSI_EV_BEFORE, word, site);
        error = nonblock ? -EAGAIN : down_slow(word, deadline, site);
    }
    if (error == 0)
        tell(KSI_EV_TAKEN, word, site);
    return error;
}

/* Somebody waits, or did: gives the unit to the first of them. */
KSI_COLD static void up_slow(uint64_t *word)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("ksem: up");
    ksi_lot_lock(&lot, word);
    bool given = ksi_lot_pop(&lot, word, KSI_Q_KSEM, &wake);
    if (KSI_FAULT(KSEM_E8) && given && ksi_signal_next(wake.first->thread) != 0)
        wake.outcome = KSI_SIGNALLED;
    if (!ksi_lot_waits(&lot, word, KSI_Q_KSEM)) {
        uint64_t w = ksi_load(word);
        while (!ksi_cas_rel(word, &w, (w & ~WAITERS) + (given ? 0 : one_of(w))))
            ;
    }
    ksi_lot_unlock(&lot, &wake);
}

void ksi_ksem_up(uint64_t *word, uint64_t most, const void *site)
{
    if (ksi_watching()) {
        watch(word);
        ksi_watch_given(KSI_KSEM, word, KSI_SHARED);
    }
    uint64_t w = ksi_load(word);
    for (;;) {
        if (KSI_UNLIKELY(is_gone(w))) {
            (void)gone(word, "evl_up", site);
            return;
        }
        if (KSI_UNLIKELY((w & WAITERS) != 0)) {
            up_slow(word);
            return;
        }
        if (KSI_UNLIKELY(value_of(w) == most)) {
            if (most == INT_MAX) {
                refuse(word, KSI_BAD_ARGUMENT_RULE, site, "evl_up: the value is INT_MAX");
                return;
            }
            if (ksi_cas(word, &w, w)) /* who takes it sees what came before */
                return;
            continue;
        }
        if (ksi_cas_rel(word, &w, w + one_of(w)))
            return;
    }
}

/* Ends all waits with one outcome; then the word is `left` if that is not 0. */
static void end_all(uint64_t *word, enum ksi_outcome outcome, uint64_t left)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, outcome};
    ksi_lot_lock(&lot, word);
    while (ksi_lot_pop(&lot, word, KSI_Q_KSEM, &wake))
        ;
    uint64_t w = ksi_load(word);
    while (!ksi_cas(word, &w, left != 0 ? left : w & ~WAITERS))
        ;
    ksi_lot_unlock(&lot, &wake);
}

void ksi_ksem_flush(uint64_t *word, enum ksi_outcome outcome, const void *site)
{
    if (!gone(word, "evl_broadcast", site) && (ksi_load_seq(word) & WAITERS) != 0)
        end_all(word, outcome, 0);
}

void ksi_ksem_destroy(uint64_t *word, const void *site)
{
    if (gone(word, "evl_destroy_ksem", site))
        return;
    ksi_watch_end(word);
    end_all(word, KSI_DESTROYED, GONE);
}
