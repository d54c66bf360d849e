/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Semaphores while `order` or `hang` is on: lock or event?
 *
 * A semaphore is a lock if it begins with one unit and each unit is given back by the
 * thread that took it. It is an event, for good, as soon as
 *   - it begins with no unit or several, or has a second one
 *   - another thread, or a handler, gives a unit, or all waiters are let go
 *   - it is a flag
 *   - a thread that has the unit asks for another one
 * One that was there before the switch begins UNSURE, because its unit may have been
 * taken without notice: one unit from nowhere (ODD) proves nothing, a second one that it
 * is an event, and a unit given back by its taker that it is a lock.
 *
 * All changes are compare-and-swaps of the word as ksem.c knows it, so a call beside
 * them sees one form or the other.
 *
 * Nobody is recorded for a lock that is none. Who proves that it is none counts it in
 * `proofs` and then strikes out who is recorded; who has got a unit is recorded and then
 * looks whether something has been counted since the look at the word, which may be gone
 * by now. Both sides pass a read-modify-write, so the later one sees the other. It may
 * have been another semaphore with the same counter, so the word is looked at, too, if it
 * is there.
 */

#include "diag/entered.h"
#include "diag/spots.h"
#include "lock/ksem.h"
#include "platform/host.h"
#include "platform/testing.h"

#include <kslock/stage.h>

#include <limits.h>

enum { COUNTERS = 256 };

static uint32_t proofs[COUNTERS]; /* atomic */

static uint32_t *proofs_of(const uint64_t *word)
{
    return &proofs[ksi_spot_hash((uintptr_t)word, COUNTERS)];
}

void ksi_ksem_hide(uint64_t *word)
{
    const uint64_t hidden = KSI_KSEM_WATCHED | KSI_KSEM_GONE;
    uint64_t w = ksi_load(word);
    KSI_POINT("ksem: hide");
    while ((w & hidden) == 0 && ksi_ksem_value(w) < KSI_KSEM_HIDDEN_MAX &&
           !ksi_cas(word, &w, ksi_ksem_event(w)))
        ;
}

void ksi_ksem_watch_begin(uint64_t *word, unsigned value, const void *site)
{
    uint64_t w = value == 1 ? KSI_KSEM_WATCHED | KSI_KSEM_UNIT : ksi_ksem_event(value);
    ksi_entered_end(word);
    ksi_watch_begin(KSI_KSEM, word, site);
    ksi_store_rel(word, w);
}

void ksi_ksem_watch_end(uint64_t *word)
{
    ksi_entered_end(word);
    ksi_watch_end(word);
}

void ksi_ksem_watch_event(uint64_t *word)
{
    uint64_t w = ksi_load(word);
    bool watched;
    do {
        watched = ksi_ksem_may_be_lock(w);
        if ((w & (KSI_KSEM_GONE | KSI_KSEM_EVENT)) != 0)
            return;
        KSI_POINT("ksem: event");
    } while (!ksi_cas(word, &w, ksi_ksem_event(w)));
    if (watched) {
        ksi_fetch_add(proofs_of(word), 1u);
        ksi_entered_no_lock(word);
    }
}

/* What is known of it; one that was not watched is from now on. */
static uint64_t known(uint64_t *word)
{
    const uint64_t decided = KSI_KSEM_WATCHED | KSI_KSEM_GONE | KSI_KSEM_EVENT;
    uint64_t w = ksi_load(word);
    while ((w & decided) == 0) {
        uint64_t next = KSI_KSEM_WATCHED | KSI_KSEM_UNSURE | (w & KSI_KSEM_WAITERS);
        if (ksi_ksem_value(w) == 1)
            next |= KSI_FAULT(KSEM_WATCHED_EMPTY) ? 0 : KSI_KSEM_UNIT;
        else if (ksi_ksem_value(w) != 0)
            next = ksi_ksem_event(w);
        KSI_POINT("ksem: watch");
        if (ksi_cas(word, &w, next))
            w = next;
    }
    return w;
}

void ksi_ksem_watch_try(uint64_t *word, struct ksi_ksem_watch *watch)
{
    watch->proofs = ksi_load_acq(proofs_of(word));
    uint64_t w = known(word);
    watch->lock = ksi_ksem_may_be_lock(w);
    watch->unsure = (w & KSI_KSEM_UNSURE) != 0;
    if (watch->lock && ksi_entered_has(ksi_self(), word)) {
        ksi_ksem_watch_event(word);
        watch->lock = false;
    }
}

/* In-band threads and handlers never wait. */
void ksi_ksem_watch_wait(uint64_t *word, const struct ksi_ksem_watch *watch, bool endless,
                         const void *site)
{
    const ksl_thread *t = ksi_self();
    if (!ksi_order_on() || t->handlers > 0 || ksi_load(&t->stage) != KSL_STAGE_OOB)
        return;
    if (watch->lock && !watch->unsure && endless)
        ksi_order_before(KSI_KSEM, word, site);
    else
        ksi_order_sleep("wait for a semaphore", NULL, site);
}

static bool is_lock_still(const uint64_t *word)
{
    uint64_t w;
    return ksi_host_copy(&w, word, sizeof w) == 0 && ksi_ksem_may_be_lock(w);
}

void ksi_ksem_watch_taken(const uint64_t *word, const struct ksi_ksem_watch *watch,
                          const void *site)
{
    ksl_thread *t = ksi_self();
    ksi_entered_push(t, KSI_KSEM, word, site, watch->unsure);
    if (ksi_fetch_add(proofs_of(word), 0u) != watch->proofs && !is_lock_still(word))
        (void)ksi_entered_strike(t, word);
}

void ksi_ksem_watch_up(uint64_t *word, uint64_t most)
{
    uint64_t w = known(word);
    if (!ksi_ksem_may_be_lock(w))
        return;
    ksl_thread *t = ksi_self();
    bool taker = most == INT_MAX && t->handlers == 0 && ksi_entered_strike(t, word);
    if (KSI_FAULT(KSEM_ALWAYS_LOCK))
        taker = true;
    if (taker) {
        const uint64_t doubts = KSI_KSEM_UNSURE | KSI_KSEM_ODD;
        KSI_POINT("ksem: lock");
        while (ksi_ksem_may_be_lock(w) && (w & doubts) != 0 &&
               !ksi_cas(word, &w, w & ~doubts))
            ;
        return;
    }
    while (most == INT_MAX && (w & KSI_KSEM_UNSURE) != 0 &&
           (w & (KSI_KSEM_ODD | KSI_KSEM_UNIT)) == 0) {
        KSI_POINT("ksem: odd");
        if (ksi_cas(word, &w, w | KSI_KSEM_ODD))
            return;
    }
    ksi_ksem_watch_event(word);
}
