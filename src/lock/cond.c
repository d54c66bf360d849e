/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Cond (C1..C7).
 *
 *   word: bits 0..31 the value, bit 32 WAITERS
 *   v           nobody has to be woken    set: exchange -> v'
 *   v|WAITERS   waiters may be queued     set: exchange -> v', then wakes all
 *
 * WAITERS is set by a waiter under the bucket lock, in the same CAS loop in
 * which it sees another value than it wants, and cleared by the exchange of a
 * setter, who thereby takes over to wake everybody queued. A waiter that was
 * woken and finds another value marks and queues again. So: a waiter is
 * queued and WAITERS is clear => some setter is between its exchange and
 * its wake-up.
 *
 * The exchange is the last touch of the object; the lot is keyed by address.
 */

#include "lock/lock.h"

#include "diag/annotate.h"
#include "platform/testing.h"
#include "wait/wait.h"

#include <kslock/cond.h>

static const uint64_t WAITERS = (uint64_t)1 << 32;

static bool has_value(uint64_t word, int value)
{
    return (uint32_t)word == (uint32_t)value;
}

void ksl_cond_init(ksl_cond_t *c)
{
    ksi_store(&c->word, (uint64_t)0);
}

void ksl_cond_destroy(ksl_cond_t *c)
{
    struct ksi_lot lot;
    ksi_lot_lock(&lot, c);
    bool waits = ksi_lot_waits(&lot, c, KSI_Q_COND);
    if (!waits)
        ksi_store(&c->word, (uint64_t)0);
    ksi_lot_unlock(&lot, NULL);
    if (waits) {
        struct ksi_misuse m = {
            KSI_DESTROY_HELD_RULE, KSI_COND, c, KSI_SITE(), NULL, false};
        ksi_violate(&m, "cond_destroy with waiters");
    }
}

/* With the bucket lock: false if the value is there, else marked and queued. */
static bool queue_unless(ksl_cond_t *c, int value, struct ksi_lot *lot,
                         struct ksi_waiter *w)
{
    uint64_t word = ksi_load_acq(&c->word);
    do {
        if (has_value(word, value) && !KSI_FAULT(COND_CHECK_EARLY))
            return false;
    } while ((word & WAITERS) == 0 && !ksi_cas(&c->word, &word, word | WAITERS));
    ksi_lot_enqueue(lot, w, c, KSI_Q_COND, KSI_FIFO, NULL);
    return true;
}

KSI_COLD static int wait_slow(ksl_cond_t *c, int value, bool interruptible,
                              const void *site)
{
    ksl_thread *t = ksi_self();
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    int error = 0;
    ksi_watch_sleep("wait for a cond", NULL, site);
    while (error == 0 && !has_value(ksi_load_acq(&c->word), value)) {
        struct ksi_lot lot;
        KSI_POINT("cond: queue");
        ksi_lot_lock(&lot, c);
        bool parks = queue_unless(c, value, &lot, w);
        bool queued = parks;
        if (queued && interruptible)
            parks = ksi_wait_interruptible(w);
        ksi_lot_unlock(&lot, NULL);
        if (parks)
            error = ksi_outcome_error(ksi_wait(w, KSI_FOREVER));
        else if (queued)
            error = -EINTR;
    }
    if (error != 0 && has_value(ksi_load_acq(&c->word), value))
        error = 0; /* C4: the value wins */
    return error;
}

static inline int await(ksl_cond_t *c, int value, bool interruptible, const void *site)
{
    int error = has_value(ksi_load_acq(&c->word), value)
                    ? 0
                    : wait_slow(c, value, interruptible, site);
    if (ksi_annotating() && error == 0)
        ksi_annotate_seen(c);
    return error;
}

int ksl_cond_wait(ksl_cond_t *c, int value)
{
    if (ksi_refuse_in_handler(ksi_self(), "cond_wait", KSI_COND, c, KSI_SITE()))
        return -EPERM;
    return await(c, value, false, KSI_SITE());
}

int ksl_cond_wait_interruptible(ksl_cond_t *c, int value)
{
    if (ksi_refuse_in_handler(ksi_self(), "cond_wait_interruptible", KSI_COND, c,
                              KSI_SITE()))
        return -EPERM;
    return await(c, value, true, KSI_SITE());
}

KSI_COLD static void wake_waiters(const void *address)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("cond: wake");
    ksi_lot_lock(&lot, address);
    while (ksi_lot_pop(&lot, address, KSI_Q_COND, &wake)) {
        if (KSI_FAULT(COND_WAKE_ONE))
            break;
    }
    ksi_lot_unlock(&lot, &wake);
    if (KSI_FAULT(COND_TOUCHED_LATE))
        (void)ksi_load((const uint64_t *)address);
}

void ksl_cond_set(ksl_cond_t *c, int value)
{
    if (ksi_annotating())
        ksi_annotate_set(c);
    /* Releases what came before the value to who sees it. */
    uint64_t word = ksi_xchg(&c->word, (uint64_t)(uint32_t)value);
    if ((word & WAITERS) != 0)
        wake_waiters(c);
    if (KSI_FAULT(COND_WRITTEN_LATE))
        ksi_store(&c->word, (uint64_t)(uint32_t)value);
}
