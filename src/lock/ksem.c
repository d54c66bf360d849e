/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel semaphore (K1..K15).
 *
 *   word: bits 0..30 the value, bit 32 WAITERS, bit 33 GONE
 *   v           nobody waits            down: CAS v-1 (v > 0); up: CAS v+1
 *   0|WAITERS   waiters are queued      up: under the bucket lock, pops the first one;
 *                                       if there is none any more, -> 0, and tries anew
 *   GONE        destroyed               nothing; every call is a violation
 *
 * While `order` or `hang` is on, a semaphore may be used as a lock, and then its holder
 * is to be known. Inlined calls do not ask the switch, so the unit of such a semaphore is
 * kept where they do not see it (ksem_watch.c, ksem.h):
 *
 *   WATCHED             no unit             as with 0
 *   WATCHED|UNIT        one unit            as with 1
 *   WATCHED|..|UNSURE   taken inlined, maybe, before it was watched
 *   WATCHED|..|ODD      likewise, and one unit came from somebody else
 *   v|EVENT             units come from others, or are several: no lock
 *   WATCHED|v*UNIT|EVENT  likewise, while `stats` or `trace` is told of all calls
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

#include "diag/entered.h"
#include "platform/park.h"
#include "platform/testing.h"
#include "thread/signal.h"
#include "wait/spin.h"
#include "wait/wait.h"

#include <kslock/stage.h>

#include <limits.h>

static const uint64_t WAITERS = KSI_KSEM_WAITERS;
static const uint64_t GONE = KSI_KSEM_GONE;

/* With a unit there. */
static uint64_t one_less(uint64_t w)
{
    return w - (w >> KSI_KSEM_UNIT_AT != 0 ? KSI_KSEM_UNIT : 1);
}

/* A second unit makes a lock an event. */
static uint64_t one_more(uint64_t w)
{
    uint64_t hidden = w >> KSI_KSEM_UNIT_AT;
    if (hidden != 0 && (ksi_ksem_may_be_lock(w) || hidden == KSI_KSEM_HIDDEN_MAX))
        w = ksi_ksem_event(w);
    return w + ((w & KSI_KSEM_WATCHED) != 0 ? KSI_KSEM_UNIT : 1);
}

static void refuse(const uint64_t *word, enum ksi_rule rule, const void *site,
                   const char *what)
{
    struct ksi_misuse m = {rule, KSI_KSEM, word, site, NULL, false};
    ksi_violate(&m, "%s", what);
}

static bool gone(const uint64_t *word, const char *call, const void *site)
{
    if (KSI_LIKELY((ksi_load(word) & GONE) == 0))
        return false;
    struct ksi_misuse m = {KSI_DESTROYED_RULE, KSI_KSEM, word, site, NULL, false};
    ksi_violate(&m, "%s of a destroyed semaphore", call);
    return true;
}

void ksi_ksem_init(uint64_t *word, unsigned value, const void *site)
{
    if (value > INT_MAX)
        refuse(word, KSI_BAD_ARGUMENT_RULE, site, "evl_init_ksem: value above INT_MAX");
    else if (ksi_entered_on())
        ksi_ksem_watch_begin(word, value, site);
    else {
        ksi_watch_begin(KSI_KSEM, word, site);
        ksi_store_rel(word, ksi_telling() ? ksi_ksem_event(value) : value);
    }
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
    while (ksi_ksem_value(w) != 0) {
        if (ksi_cas_acq(word, &w, one_less(w)))
            return true;
    }
    return false;
}

bool ksi_ksem_take(uint64_t *word, const char *call, const void *site)
{
    struct ksi_ksem_watch watch = {.lock = false};
    if (ksi_entered_on())
        ksi_ksem_watch_try(word, &watch);
    if (ksi_telling())
        ksi_ksem_hide(word);
    if (!grab(word)) {
        if (!gone(word, call, site))
            tell(KSI_EV_BUSY, word, site);
        return false;
    }
    tell(KSI_EV_TAKEN, word, site);
    if (watch.lock)
        ksi_ksem_watch_taken(word, &watch, site);
    return true;
}

/* With the bucket lock: true if a unit was there, else marked and queued. */
static bool grab_or_queue(uint64_t *word, struct ksi_lot *lot, struct ksi_waiter *w,
                          bool *is_gone)
{
    uint64_t now = ksi_load(word);
    for (;;) {
        *is_gone = (now & GONE) != 0;
        if (*is_gone)
            return false;
        if (ksi_ksem_value(now) != 0 && !KSI_FAULT(KSEM_CHECK_EARLY)) {
            if (ksi_cas_acq(word, &now, one_less(now)))
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
    if (t->handlers == 0 && ksi_load(&t->stage) == KSL_STAGE_OOB) {
        if (kind == KSI_NO_KIND)
            ksi_watch_sleep(call, NULL, site);
        return false;
    }
    struct ksi_misuse m = {KSI_STAGE_RULE, kind, lock, site, NULL, false};
    ksi_violate(&m, "%s has to wait %s", call,
                t->handlers > 0 ? "in an interrupt handler" : "on the in-band stage");
    return true;
}

/*
 * The caller has been kicked. Takes the kick off. As with signals both sides use a
 * read-modify-write: either the kick is seen here, or who kicks finds the waiter queued.
 */
static bool kicked(ksl_thread *t)
{
    if (KSI_FAULT(EVL_KICK_STAYS))
        return ksi_load(&t->evl_kicked) != 0;
    return ksi_xchg(&t->evl_kicked, 0u) != 0;
}

int ksi_evl_error(ksl_thread *t, enum ksi_outcome outcome)
{
    switch (outcome) {
    case KSI_SIGNALLED:
        return -ERESTARTSYS;
    case KSI_UNBLOCKED:
        return kicked(t) && ksi_signal_next(t) != 0 ? -ERESTARTSYS : -EINTR;
    default:
        return ksi_outcome_error(outcome);
    }
}

/* With the bucket lock: the wait ends before it begins. */
static void leave_queue(struct ksi_waiter *w, enum ksi_outcome outcome)
{
    ksi_lot_remove(w);
    ksi_store(&w->outcome, (uint32_t)outcome);
}

bool ksi_evl_interruptible(struct ksi_waiter *w)
{
    bool parks = ksi_wait_interruptible(w);
    if (!kicked(w->thread) || !parks)
        return parks;
    leave_queue(w, KSI_UNBLOCKED);
    return false;
}

KSI_COLD static int down_slow(uint64_t *word, uint64_t deadline, const char *call,
                              const void *site)
{
    ksl_thread *t = ksi_self();
    if (deadline != KSI_FOREVER && ksi_now() >= deadline)
        return grab(word) ? 0
                          : -ETIMEDOUT; /* it has not to wait: any context (K7, K12) */
    if (ksi_evl_refuse_wait(t, call, KSI_KSEM, word, site))
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
    bool late = deadline != KSI_FOREVER && ksi_now() >= deadline;
    KSI_POINT("ksem: queue");
    ksi_lot_lock(&lot, word);
    bool is_gone;
    bool in = grab_or_queue(word, &lot, w, &is_gone);
    bool waits = !in && !is_gone;
    if (waits && late)
        leave_queue(w, KSI_TIMED_OUT); /* before signals and kicks (K14) */
    bool parks = waits && !late && ksi_evl_interruptible(w);
    ksi_lot_unlock(&lot, NULL);
    if (in || is_gone)
        return in ? 0 : -EIDRM;
    if (!parks)
        return ksi_evl_error(t, (enum ksi_outcome)ksi_load(&w->outcome));
    enum ksi_outcome outcome = ksi_wait(w, deadline);
    if (outcome == KSI_WOKEN)
        ksi_event_woken(t, w);
    else if (KSI_FAULT(KSEM_LEAVER_UNMARKS))
        ksi_fetch_and(word, ~WAITERS);
    return ksi_evl_error(t, outcome);
}

static int down(uint64_t *word, uint64_t deadline, bool nonblock, const char *call,
                const void *site)
{
    if (KSI_LIKELY(grab(word)))
        return 0;
    if (gone(word, call, site))
        return -EPERM;
    tell(nonblock ? KSI_EV_BUSY : KSI_EV_BEFORE, word, site);
    return nonblock ? -EAGAIN : down_slow(word, deadline, call, site);
}

int ksi_ksem_await(uint64_t *word, uint64_t deadline, bool nonblock, const char *call,
                   const void *site)
{
    struct ksi_ksem_watch watch = {.lock = false};
    if (ksi_entered_on()) {
        ksi_ksem_watch_try(word, &watch);
        if (!nonblock)
            ksi_ksem_watch_wait(word, &watch, deadline == KSI_FOREVER, site);
    }
    if (ksi_telling())
        ksi_ksem_hide(word);
    int error = down(word, deadline, nonblock, call, site);
    if (error == 0)
        tell(KSI_EV_TAKEN, word, site);
    if (watch.lock && error == 0)
        ksi_ksem_watch_taken(word, &watch, site);
    return error;
}

/*
 * Somebody waits, or did: gives the unit to the first of them. What came before is
 * released to that thread by the store of its outcome. False: nobody waits, the word says
 * so now, and the caller still has the unit; others may have put some there meanwhile.
 */
KSI_COLD static bool up_slow(uint64_t *word)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    uint64_t seen = KSI_FAULT(KSEM_COUNT_STALE) ? ksi_load(word) : 0;
    KSI_POINT("ksem: up");
    ksi_lot_lock(&lot, word);
    bool given = ksi_lot_pop(&lot, word, KSI_Q_KSEM, &wake);
    if (KSI_FAULT(KSEM_E8) && given && ksi_signal_next(wake.first->thread) != 0)
        wake.outcome = KSI_SIGNALLED;
    bool left = KSI_FAULT(KSEM_UNIT_LEFT);
    if (KSI_FAULT(KSEM_COUNT_STALE) && !ksi_lot_waits(&lot, word, KSI_Q_KSEM)) {
        ksi_store_rel(word, (seen & ~WAITERS) + (given ? 0 : 1));
    } else if (!ksi_lot_waits(&lot, word, KSI_Q_KSEM) || KSI_FAULT(KSEM_MARK_LOST)) {
        uint64_t w = ksi_load(word);
        while (!ksi_cas_rel(word, &w, left ? one_more(w & ~WAITERS) : w & ~WAITERS))
            ;
    }
    ksi_lot_unlock(&lot, &wake);
    if (KSI_FAULT(KSEM_TOUCHED_LATE))
        (void)ksi_load(word);
    return given || left || KSI_FAULT(KSEM_COUNT_STALE);
}

void ksi_ksem_give(uint64_t *word, uint64_t most, const char *call, const void *site)
{
    if (ksi_entered_on())
        ksi_ksem_watch_up(word, most);
    if (ksi_telling()) {
        ksi_ksem_hide(word);
        ksi_watch_given(KSI_KSEM, word, KSI_SHARED);
    }
    uint64_t w = ksi_load(word);
    for (;;) {
        if (KSI_UNLIKELY((w & GONE) != 0)) {
            (void)gone(word, call, site);
            return;
        }
        if (KSI_UNLIKELY((w & WAITERS) != 0)) {
            if (up_slow(word) || (KSI_FAULT(FLAG_RAISE_LOST) && most == 1))
                return;
            w = ksi_load(word);
            continue;
        }
        if (KSI_UNLIKELY(ksi_ksem_value(w) == most)) {
            if (most == INT_MAX) {
                refuse(word, KSI_BAD_ARGUMENT_RULE, site, "evl_up: the value is INT_MAX");
                return;
            }
            if (ksi_cas(word, &w, w)) /* who takes it sees what came before */
                return;
            continue;
        }
        if (ksi_cas_rel(word, &w, one_more(w)))
            return;
    }
}

/* Ends all waits with one outcome; then the word is `left` if that is not 0. */
static void end_all(uint64_t *word, enum ksi_outcome outcome, uint64_t left)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, outcome};
    ksi_lot_lock(&lot, word);
    while (ksi_lot_pop(&lot, word, KSI_Q_KSEM, &wake) && !KSI_FAULT(BROADCAST_ONE))
        ;
    uint64_t w = ksi_load(word);
    while (!ksi_cas(word, &w, left != 0 ? left : w & ~WAITERS))
        ;
    ksi_lot_unlock(&lot, &wake);
}

void ksi_ksem_flush(uint64_t *word, enum ksi_outcome outcome, const char *call,
                    const void *site)
{
    if (gone(word, call, site))
        return;
    if (ksi_entered_on())
        ksi_ksem_watch_event(word);
    if ((ksi_load_seq(word) & WAITERS) != 0)
        end_all(word, outcome, 0);
}

void ksi_ksem_end(uint64_t *word, const char *call, const void *site)
{
    if (gone(word, call, site))
        return;
    if (ksi_watching() || ksi_entered_on())
        ksi_ksem_watch_end(word);
    end_all(word, KSI_DESTROYED, GONE);
}
