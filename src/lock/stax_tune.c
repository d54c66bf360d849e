/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a gate gets its bias (stax.c): after FIRST << grade counted entries of one stage
 * without the other one coming. The grade goes up when a bias lasted less than PAYS
 * times what its withdrawal took, else down.
 *
 *   tune: bits 0..15 entries, 16..19 grade, 20 their stage, 24.. since when there is a
 *         bias, in 1024 ns
 *
 * Wrong guesses cost time only, so all this is approximate: increments may get lost.
 *
 * While `order` or `hang` is on there is no new bias: entries in slots are no record of
 * who is inside once they have been counted.
 */

#include "lock/rw.h"
#include "lock/stax.h"

#include "diag/entered.h"
#include "diag/events.h"
#include "platform/host.h"
#include "platform/park.h"
#include "platform/probe.h"
#include "platform/testing.h"

enum { FIRST = 8, GRADE_MAX = 10, PAYS = 50, GRADE_AT = 16, SINCE_AT = 24 };

static const uint64_t ENTRIES = 0xffff;
static const uint64_t OOB = (uint64_t)1 << 20;

static uint64_t grade_of(uint64_t tune)
{
    return tune >> GRADE_AT & 15;
}

/* The caller is inside, so the gate is its stage's, but others come and go. */
static bool raise_bias(struct ksi_stax *x)
{
    KSI_POINT("stax: raise");
    uintptr_t against = KSI_GATE_BIAS | KSI_GATE_CLOSING | KSI_GATE_GONE;
    if (!KSI_FAULT(STAX_ARMS_LATE))
        against |= KSI_GATE_WAITERS;
    uintptr_t gate = ksi_load(&x->gate);
    if (!ksi_gate_counts(gate) || (gate & against) != 0)
        return false;
    ksi_rw_forget_strangers(&x->gate);
    return ksi_cas(&x->gate, &gate, gate | KSI_GATE_BIAS);
}

void ksi_stax_tune_entered(struct ksi_stax *x, uintptr_t stage)
{
    uint64_t now = ksi_load(&x->tune);
    uint64_t mine = stage != 0 ? OOB : 0;
    uint64_t entries = (now & OOB) == mine ? (now & ENTRIES) + 1 : 1;
    uint64_t next = (now & ~(ENTRIES | OOB)) | mine | entries;
    if (entries < (uint64_t)FIRST << grade_of(now)) {
        ksi_store(&x->tune, next);
        return;
    }
    next &= ((uint64_t)1 << SINCE_AT) - 1 - ENTRIES;
    ksi_store(&x->tune, next | ksi_now() >> 10 << SINCE_AT);
    if (ksi_heavy_works() && !ksi_entered_on())
        (void)raise_bias(x);
}

void ksi_stax_tune_handed(struct ksi_stax *x)
{
    ksi_store(&x->tune, ksi_load(&x->tune) & ~ENTRIES);
}

void ksi_stax_tune_withdrawn(struct ksi_stax *x, uint64_t began)
{
    uint64_t now = ksi_load(&x->tune);
    uint64_t grade = grade_of(now);
    uint64_t took = ksi_now() - began;
    uint64_t cost = took >> 10;
    KSI_PROBE2(bias__withdrawn, &x->gate, took);
    ksi_tell_about(ksi_self(), KSI_EV_WITHDRAWN, took, 0);
    uint64_t lasted = ((began >> 10) - (now >> SINCE_AT)) & (UINT64_MAX >> SINCE_AT);
    if (lasted < PAYS * (cost + 1))
        grade += grade < GRADE_MAX;
    else
        grade -= grade > 0;
    now &= ~(ENTRIES | (uint64_t)15 << GRADE_AT);
    ksi_store(&x->tune, now | grade << GRADE_AT);
}
