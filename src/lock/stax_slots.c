/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Entries of a stax in slots: how they become counted ones.
 *
 * Under bias a thread stores to its slot that it is inside, then looks at the gate; who
 * takes the bias off changes the gate, makes all threads pass a barrier, then looks at
 * the slots. So one of them sees the other. Entries that are shown are then counted, as
 * shares are by a writer (rw_slots.c):
 *   1. a claim on the thread, and a barrier: from here on it has emptied its slot,
 *      visibly, or will see the claim when it does;
 *   2. one entry more in the gate, a note in `converted` of that slot, and the entry in
 *      the slot becomes COUNTED. If it was gone, all that is taken back.
 *
 * COUNTED in a slot is a mark for its thread alone: the entry is one of those that the
 * gate counts, which have no owner, and another thread may have taken it off again. The
 * thread drops the mark when it comes to a slow path, or leaves its stage, or exits. Only
 * a thread that was just leaving by its plain store, which wiped the mark, finds the note
 * by the claim (ksl_claims_answer), and takes one entry off the gate.
 *
 * A thread that has stored its slot, but sees no bias, is not inside; unless its entry
 * has been counted meanwhile: who tries to get in from the other stage has been refused
 * because of it, so it must be.
 *
 * A thread that leaves its stage counts its entries itself, under the bucket lock: so it
 * finds either a gate that exists, or a slot that the destroyer has emptied.
 */

#include "lock/rw.h"
#include "lock/stax.h"

#include "platform/park.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/registry.h"
#include "thread/upcalls.h"
#include "wait/lot.h"

_Static_assert((unsigned)KSL_GATE_FAMILY == (unsigned)KSI_FAMILY_STAX,
               "entries in slots");

static bool shows(const ksl_thread *u, const ksi_word *gate, uintptr_t stage)
{
    return ksi_load_seq(&ksi_near_slot(u, gate)->lock) == ksl_gate_entry(gate, stage);
}

/* With the bucket lock and CLOSING: step 2 of the protocol above for one thread. */
static void count_entry(ksi_word *gate, ksl_thread *u, uintptr_t stage)
{
    struct ksl_slot *s = ksi_near_slot(u, gate);
    uintptr_t *note = &u->converted[ksi_near_index(u, s)];
    uintptr_t entry = ksl_gate_entry(gate, stage);
    if (shows(u, gate, stage)) {
        if (!KSI_FAULT(STAX_UNCOUNTED))
            ksi_fetch_add(gate, (uintptr_t)KSI_GATE_ONE);
        ksi_store(note, (uintptr_t)gate + KSI_NOTE_STAX);
        KSI_POINT("stax: noted");
        if (ksi_cas(&s->lock, &entry, entry | KSI_COUNTED))
            return; /* the claim stays */
        ksi_store(note, (uintptr_t)0);
        ksi_fetch_sub(gate, (uintptr_t)KSI_GATE_ONE);
    }
    ksi_fetch_sub(&u->front.claims, 1u);
}

/* Counts up to MANY entries; true if there may be more. */
static bool count_entries(ksi_word *gate, uintptr_t stage)
{
    enum { MANY = 32 };
    ksl_thread *inside[MANY];
    unsigned n = 0;
    struct ksi_lot lot;
    KSI_POINT("stax: count");
    ksi_lot_lock(&lot, (const void *)(uintptr_t)gate);
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL && n < MANY;
         u = ksi_registry_next(u)) {
        if (shows(u, gate, stage)) {
            ksi_fetch_add(&u->front.claims, 1u);
            inside[n++] = u;
        }
        if (KSI_FAULT(STAX_SCAN_MISSES))
            break;
    }
    if (n > 0)
        ksi_rw_barrier();
    for (unsigned i = 0; i < n; i++)
        count_entry(gate, inside[i], stage);
    ksi_registry_read_unlock();
    ksi_lot_unlock(&lot, NULL);
    return n == MANY;
}

void ksi_stax_withdraw(struct ksi_stax *x, uintptr_t seen, ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    uint64_t began = ksi_now();
    uintptr_t closing = (seen & ~(uintptr_t)KSI_GATE_BIAS) | KSI_GATE_CLOSING;
    KSI_POINT("stax: withdraw");
    if (ksi_rw_close_word(&x->gate, seen, closing, true, t)) {
        while (!KSI_FAULT(STAX_BIAS_UNCHECKED) &&
               count_entries(&x->gate, seen & KSI_GATE_OOB))
            ;
        ksi_stax_tune_withdrawn(x, began);
        uintptr_t gate = ksi_load(&x->gate);
        uintptr_t next;
        do {
            next = gate & ~(uintptr_t)KSI_GATE_CLOSING;
            if (!ksi_gate_counts(next))
                next &= ~(uintptr_t)KSI_GATE_OOB;
        } while (!ksi_cas(&x->gate, &gate, next));
        ksi_rw_closed(t);
    }
    ksi_irq_unmask(t, level);
}

void ksi_stax_drop_mark(const ksi_word *gate, ksl_thread *t)
{
    struct ksl_slot *s = ksi_near_slot(t, gate);
    uintptr_t entry = ksi_load_acq(&s->lock);
    uintptr_t noted = (uintptr_t)gate + KSI_NOTE_STAX;
    if (ksi_family_of(entry) != KSI_FAMILY_STAX || !ksi_slot_names(entry, gate) ||
        ksi_entry_of(entry) != KSI_COUNTED)
        return;
    if (ksi_cas(&t->converted[ksi_near_index(t, s)], &noted, (uintptr_t)0))
        ksi_fetch_sub(&t->front.claims, 1u);
    ksi_cas(&s->lock, &entry, (uintptr_t)0);
}

bool ksl_gate_shown(const ksi_word *gate)
{
    ksl_thread *t = ksi_self();
    uintptr_t entry = ksl_gate_entry(gate, t->front.stage);
    KSI_POINT("stax: shown");
    if (ksi_cas(&ksi_near_slot(t, gate)->lock, &entry, (uintptr_t)0)) {
        if (ksi_load(&t->front.claims) != 0)
            ksl_claims_answer(gate);
        return false;
    }
    if (entry == 0)
        return false;
    ksi_stax_drop_mark(gate, t);
    return true;
}

void ksi_stax_forget(const ksi_word *gate)
{
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL; u = ksi_registry_next(u)) {
        struct ksl_slot *s = ksi_near_slot(u, gate);
        uintptr_t entry = ksi_load(&s->lock);
        ksi_stax_drop_mark(gate, u);
        if (entry == ksl_gate_entry(gate, 0) ||
            entry == ksl_gate_entry(gate, KSI_GATE_OOB))
            ksi_cas(&s->lock, &entry, (uintptr_t)0);
    }
    ksi_registry_read_unlock();
}

/* What t shows in this slot becomes a counted entry, for good. */
static void count_own(ksl_thread *t, struct ksl_slot *s, ksi_word *gate)
{
    struct ksi_lot lot;
    uintptr_t entry = ksl_gate_entry(gate, t->front.stage);
    KSI_POINT("stax: leave stage");
    ksi_lot_lock(&lot, (const void *)(uintptr_t)gate);
    if (ksi_load(&s->lock) == entry) { /* else counted meanwhile, or destroyed */
        ksi_fetch_add(gate, (uintptr_t)KSI_GATE_ONE);
        ksi_store_rel(&s->lock, (uintptr_t)0);
    }
    ksi_lot_unlock(&lot, NULL);
}

void ksi_up_leave_stage(ksl_thread *t)
{
    for (unsigned i = 0; i < KSL_SLOTS; i++) {
        struct ksl_slot *s = &t->front.slots[i];
        uintptr_t entry = ksi_load(&s->lock);
        if (ksi_family_of(entry) != KSI_FAMILY_STAX)
            continue;
        ksi_word *gate = (ksi_word *)(entry & ~KSI_TAGS); // NOLINT: it is an address
        if (ksi_entry_of(entry) == KSI_IN_SLOT)
            count_own(t, s, gate);
        ksi_stax_drop_mark(gate, t);
    }
}
