/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which tier a lock is in (rw.h), learned from its use. Wrong guesses cost time
 * only, so everything here is approximate: counters lose increments, and locks
 * whose addresses meet share an entry.
 *
 *   counted -> SLOTS   when hold_off counted shares have come since the slots were
 *                      given up; at the second share of a new lock
 *   SLOTS -> BIAS      when a sharer finds the date past that the last withdrawal
 *                      set: nine times its cost later, so withdrawals take at most
 *                      a tenth of the time; and twice, four times ... that, while a
 *                      bias lasts too short to pay
 *   BIAS -> SLOTS      by each writer
 *   SLOTS -> counted   when of the latest accesses more than a third were writes; then
 *                      a scan per write costs more than a counter. hold_off
 *                      doubles each time, and halves when slots have paid
 */

#include "lock/rw.h"

#include "diag/events.h"
#include "platform/host.h"
#include "platform/park.h"
#include "platform/probe.h"
#include "platform/testing.h"

enum {
    ENTRIES = 512,
    VERDICT = 64, /* writes for one verdict */
    HOLD_OFF_MIN = 32,
    HOLD_OFF_MAX = 8192,
    INHIBIT = 9,
    PAYS = 50, /* a bias lasted that many times its withdrawal */
    SHIFT_MAX = 10,
    INHIBIT_MIN_NS = 1000,
    INHIBIT_MAX_NS = 100000
};

static struct tune {
    uint32_t counted; /* all atomic */
    uint32_t fenced;
    uint32_t writes;
    uint32_t hold_off;
    uint64_t inhibit; /* no bias before this date; 0: it was never withdrawn */
    uint64_t since;   /* the bias was set then, 0: before the first withdrawal */
    uint32_t shift;
} __attribute__((aligned(64))) entries[ENTRIES];

static struct tune *entry_of(const ksi_word *word)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)word >> 3) * 0x9e3779b97f4a7c15u;
    return &entries[mixed >> 55];
}

void ksi_rw_tune_new(const ksi_word *word)
{
    struct tune *e = entry_of(word);
    ksi_store(&e->counted, 0u);
    ksi_store(&e->fenced, 0u);
    ksi_store(&e->writes, 0u);
    ksi_store(&e->hold_off, 0u);
    ksi_store(&e->inhibit, (uint64_t)0);
    ksi_store(&e->since, (uint64_t)0);
    ksi_store(&e->shift, 0u);
}

/* By a sharer; nobody waits, and no writer is about to look at the slots. */
static void raise_tier(ksi_word *word, uintptr_t tier)
{
    KSI_POINT("rw: raise");
    uintptr_t w = ksi_load(word);
    /* An owner: a handler has made that of the caller's share meanwhile. */
    if (((w & (KSI_MARKS | KSI_SPIN | KSI_UPGRADING)) == 0 || KSI_FAULT(RW_ARMS_LATE)) &&
        ksi_rw_owner(w) == 0) {
        if ((w & KSI_TIER) == 0)
            ksi_rw_forget_strangers(word);
        ksi_cas(word, &w, w | tier);
    }
}

static bool bias_is_due(struct tune *e)
{
    if (!ksi_heavy_works())
        return false;
    uint64_t date = ksi_load(&e->inhibit);
    if (date == 0)
        return true;
    uint64_t now = ksi_now();
    if (now < date)
        return false;
    ksi_store(&e->since, now);
    return true;
}

void ksi_rw_tune_counted(ksi_word *word, ksl_thread *t)
{
    struct tune *e = entry_of(word);
    uint32_t hold_off = ksi_load(&e->hold_off);
    uint32_t step = hold_off > 0 ? KSI_RW_SAMPLE : 1;
    if (!ksi_rw_sampled(++t->counted_reads, step))
        return;
    uint32_t n = ksi_load(&e->counted) + step;
    ksi_store(&e->counted, n);
    if (n <= hold_off)
        return;
    ksi_store(&e->counted, 0u);
    raise_tier(word, bias_is_due(e) ? KSI_SLOTS | KSI_BIAS : KSI_SLOTS);
}

void ksi_rw_tune_fenced_now(ksi_word *word)
{
    struct tune *e = entry_of(word);
    ksi_store(&e->fenced, ksi_load(&e->fenced) + KSI_RW_SAMPLE_FENCED);
    if ((ksi_load(word) & KSI_BIAS) == 0 && bias_is_due(e))
        raise_tier(word, KSI_SLOTS | KSI_BIAS);
}

uint64_t ksi_rw_tune_closing(uintptr_t tier)
{
    return (tier & KSI_BIAS) != 0 ? ksi_now() : 0;
}

uintptr_t ksi_rw_tune_closed(const ksi_word *word, uintptr_t tier, uint64_t since)
{
    struct tune *e = entry_of(word);
    if ((tier & KSI_BIAS) != 0) {
        uint64_t now = ksi_now();
        uint64_t cost = now - since;
        if (cost < INHIBIT_MIN_NS)
            cost = INHIBIT_MIN_NS;
        if (cost > INHIBIT_MAX_NS)
            cost = INHIBIT_MAX_NS; /* it lost its processor meanwhile */
        uint32_t shift = ksi_load(&e->shift);
        bool pays = since - ksi_load(&e->since) >= PAYS * cost;
        shift = pays ? shift - (shift > 0) : shift + (shift < SHIFT_MAX);
        KSI_PROBE2(bias__withdrawn, word, cost);
        ksi_tell_about(ksi_self(), KSI_EV_WITHDRAWN, cost, 0);
        ksi_store(&e->shift, shift);
        ksi_store(&e->inhibit, now + (INHIBIT * cost << shift));
        ksi_store(&e->writes, 0u);
        ksi_store(&e->fenced, 0u);
        return KSI_SLOTS;
    }
    uint32_t writes = ksi_load(&e->writes) + 1;
    ksi_store(&e->writes, writes);
    if (writes < VERDICT)
        return KSI_SLOTS;
    bool pays = ksi_load(&e->fenced) >= 2 * writes;
    uint32_t hold_off = ksi_load(&e->hold_off);
    if (pays)
        hold_off /= 2;
    else
        hold_off = hold_off < HOLD_OFF_MIN ? HOLD_OFF_MIN : 2 * hold_off;
    ksi_store(&e->hold_off, hold_off < HOLD_OFF_MAX ? hold_off : HOLD_OFF_MAX);
    ksi_store(&e->writes, 0u);
    ksi_store(&e->fenced, 0u);
    return pays ? KSI_SLOTS : 0;
}
