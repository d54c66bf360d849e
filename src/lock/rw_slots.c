/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shares in slots: how a writer empties them.
 *
 * A reader stores its slot, then looks at the word; a writer changes the word,
 * then looks at the slots. Between the two steps the fenced reader has a
 * read-modify-write; the biased one nothing, the writer makes it pass a barrier
 * instead. So one of them sees the other.
 *
 * A reader leaves by a plain store to its slot and a look at its own claims, and
 * never at the lock. A writer that will not wait for it turns its share into a
 * counted one, under the bucket lock:
 *   1. it puts a claim on the reader and makes all threads pass a barrier: from
 *      here on the reader has emptied the slot, visibly, or will see the claim;
 *   2. it counts one share more in the word, notes the word in `converted` of that
 *      slot, and tries to turn IN_SLOT into COUNTED. If the slot was empty it takes
 *      all that back. Otherwise the claim stays until the share is given up.
 * A reader whose plain store overwrites the COUNTED sees the claim, waits for the
 * bucket lock, and finds the note: it takes the counted share off.
 */

#include "lock/rw.h"

#include "platform/host.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/registry.h"
#include "thread/upcalls.h"
#include "wait/lot.h"
#include "wait/spin.h"

/* Forks that wait for those that have SPIN; a child could not wait for them. */
static uint32_t gate; /* atomic */

enum { DRAIN_US = 2000 }; /* stores do not stay in a store buffer that long */

void ksi_rw_barrier(void)
{
    if (ksi_heavy_missing() || ksi_heavy_barrier())
        return; /* missing: who releases has a barrier of its own (KSI_CLAIM_ALWAYS) */
    /*
     * The host used to have it and has it no more. All threads look twice from now
     * on, and what they stored before has left their store buffers by then. Until it
     * is gone for good everybody else comes here, too.
     */
    ksi_heavy_gone(false);
    ksi_registry_read_lock();
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t))
        ksi_fetch_or(&t->front.claims, KSI_CLAIM_ALWAYS);
    ksi_registry_read_unlock();
    ksi_nap(DRAIN_US);
    ksi_heavy_gone(true);
}

/* For readers under bias, and others whose side never has a barrier. */
static void barrier_for_stores(void)
{
    if (ksi_heavy_barrier())
        return;
    ksi_rw_barrier();
    ksi_nap(DRAIN_US);
}

static void enter_closing(ksl_thread *t)
{
    for (unsigned turn = 0;; turn++) {
        ksi_store(&t->closing, 1u);
        ksi_barrier();
        if (ksi_load(&gate) == 0)
            return;
        ksi_store_rel(&t->closing, 0u);
        ksi_spin_turn(turn);
    }
}

void ksi_rw_closed(ksl_thread *t)
{
    ksi_store_rel(&t->closing, 0u);
}

void ksi_up_locks_before_fork(void)
{
    ksi_fetch_add(&gate, 1u); /* two threads may fork at the same time */
    barrier_for_stores();
    ksi_registry_read_lock();
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t)) {
        for (unsigned turn = 0; ksi_load_acq(&t->closing) != 0 && ksi_thread_alive(t);
             turn++)
            ksi_spin_turn(turn);
    }
    ksi_registry_read_unlock();
}

/* A slot that shows what had not been granted when the process forked. */
static bool is_tentative(uintptr_t entry)
{
    ksi_word *word = (ksi_word *)(entry & ~KSI_TAGS); // NOLINT: it is an address
    if (entry == 0 || ksi_entry_of(entry) != KSI_IN_SLOT)
        return false;
    uintptr_t w; /* the memory of a lock that an exited thread held may be gone */
    if (ksi_host_copy(&w, (const void *)(uintptr_t)word, sizeof w) != 0)
        return false;
    if (ksi_family_of(entry) == KSI_FAMILY_STAX)
        return ((w ^ entry) & (KSL_GATE_BIAS | KSL_GATE_OOB)) != KSL_GATE_BIAS;
    return !ksi_rw_slots_open(w);
}

void ksi_up_slots_of_child(const ksl_thread *self)
{
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t)) {
        for (unsigned i = 0; t != self && i < KSL_SLOTS; i++) {
            if (is_tentative(ksi_load(&t->front.slots[i].lock)))
                ksi_store(&t->front.slots[i].lock, (uintptr_t)0);
        }
    }
}

void ksi_up_locks_after_fork(bool child)
{
    if (child)
        ksi_store_rel(&gate, 0u);
    else
        ksi_fetch_sub(&gate, 1u);
}

void ksi_rw_forget_strangers(const ksi_word *word)
{
    if (KSI_LIKELY(!ksi_lot_forked) || KSI_FAULT(FORK_REMEMBERS))
        return;
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL; u = ksi_registry_next(u)) {
        struct ksl_slot *s = ksi_near_slot(u, word);
        uintptr_t entry = ksi_load(&s->lock);
        if (ksi_load(&u->stranger) != 0 && ksi_slot_names(entry, word) &&
            ksi_entry_of(entry) == KSI_IN_SLOT)
            ksi_cas(&s->lock, &entry, (uintptr_t)0);
    }
    ksi_registry_read_unlock();
}

bool ksi_rw_close_word(ksi_word *word, uintptr_t seen, uintptr_t closed, bool biased,
                       ksl_thread *t)
{
    enter_closing(t);
    if (!ksi_cas(word, &seen, closed)) {
        ksi_rw_closed(t);
        return false;
    }
    if (biased)
        barrier_for_stores();
    return true;
}

bool ksi_rw_close(ksi_word *word, uintptr_t seen, ksl_thread *t)
{
    uintptr_t closed = (seen & ~(uintptr_t)KSI_TIER) | KSI_SPIN;
    return ksi_rw_close_word(word, seen, closed, (seen & KSI_BIAS) != 0, t);
}

static bool shows(const ksl_thread *u, const ksi_word *word)
{
    /* After the CAS that closed the slots, in the one order of all (fenced readers). */
    uintptr_t entry = ksi_load_seq(&ksi_near_slot(u, word)->lock);
    return ksi_slot_names(entry, word) && ksi_entry_of(entry) == KSI_IN_SLOT;
}

bool ksi_rw_seen_in_slots(const ksi_word *word, const ksl_thread *t)
{
    bool seen = false;
    for (ksl_thread *u = ksi_registry_first(); u != NULL && !seen;
         u = ksi_registry_next(u))
        seen = u != t && shows(u, word);
    return seen;
}

/* With the bucket lock and SPIN: steps 2 of the protocol above for one reader. */
static void count_share(ksi_word *word, ksl_thread *u)
{
    struct ksl_slot *s = ksi_near_slot(u, word);
    uintptr_t *note = &u->converted[ksi_near_index(u, s)];
    uintptr_t entry = ksi_load_acq(&s->lock);
    if (ksi_slot_names(entry, word) && ksi_entry_of(entry) == KSI_IN_SLOT) {
        uintptr_t w = ksi_load(word);
        if (!KSI_FAULT(RW_CONVERTED_UNCOUNTED)) {
            while (!ksi_cas(word, &w, ksi_rw_one_more(w)))
                ;
        }
        ksi_store(note, (uintptr_t)word + KSI_NOTE_COUNTED);
        if (ksi_cas(&s->lock, &entry, entry | KSI_COUNTED))
            return; /* the claim stays */
        ksi_store(note, (uintptr_t)0);
        w = ksi_load(word);
        while (!ksi_cas(word, &w, ksi_rw_one_less(w)))
            ;
    }
    ksi_fetch_sub(&u->front.claims, 1u);
}

/* Counts up to MANY shares; true if there may be more. */
static bool count_shares(ksi_word *word)
{
    enum { MANY = 32 };
    ksl_thread *readers[MANY];
    unsigned n = 0;
    struct ksi_lot lot;
    KSI_POINT("rw: count shares");
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL && n < MANY;
         u = ksi_registry_next(u)) {
        if (!shows(u, word))
            continue;
        ksi_fetch_add(&u->front.claims, 1u);
        readers[n++] = u;
        if (KSI_FAULT(RW_SCAN_MISSES))
            break;
    }
    if (n > 0)
        ksi_rw_barrier();
    for (unsigned i = 0; i < n; i++)
        count_share(word, readers[i]);
    ksi_registry_read_unlock();
    ksi_lot_unlock(&lot, NULL);
    return n == MANY;
}

void ksi_rw_empty(ksi_word *word)
{
    bool left = false;
    KSI_POINT("rw: empty");
    for (ksl_thread *u = ksi_registry_first(); u != NULL; u = ksi_registry_next(u)) {
        for (unsigned i = 0; i < KSI_RW_PATIENCE && shows(u, word); i++)
            ksi_pause();
        left |= shows(u, word);
        if (KSI_FAULT(RW_SCAN_MISSES))
            break;
    }
    while (left)
        left = count_shares(word);
}

void ksi_rw_open(ksi_word *word, ksl_thread *t, uintptr_t tier)
{
    KSI_POINT("rw: open");
    uintptr_t w = ksi_load(word);
    while ((w & KSI_MARKS) == 0) {
        if (ksi_cas(word, &w, (w & ~(uintptr_t)KSI_SPIN) | tier)) {
            ksi_rw_closed(t);
            return;
        }
    }
    if (KSI_FAULT(RW_OPEN_FORGETS)) {
        ksi_fetch_and(word, ~(uintptr_t)KSI_SPIN);
        ksi_rw_closed(t);
        return;
    }
    /* Who waits is woken by counted shares only. */
    while (count_shares(word))
        ;
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    ksi_lot_lock(&lot, (const void *)(uintptr_t)word);
    ksi_rw_settle(word, &lot, &wake, KSI_SPIN);
    ksi_rw_closed(t);
    ksi_lot_unlock(&lot, &wake);
}

void ksi_rw_cancel(ksi_word *word, ksl_thread *t, struct ksl_slot *s)
{
    ksi_store_rel(&s->lock, (uintptr_t)0);
    ksi_barrier();
    if (ksi_load(&t->front.claims) != 0 && !KSI_FAULT(RW_CANCEL_SILENT))
        ksl_claims_answer(word);
}

static void drop_entry(const ksi_word *word, ksl_thread *u, struct ksl_slot *s)
{
    uintptr_t entry = ksi_load(&s->lock);
    if (ksi_slot_names(entry, word))
        ksi_cas(&s->lock, &entry, (uintptr_t)0);
    if (s != ksi_near_slot(u, word))
        return;
    uintptr_t *note = &u->converted[ksi_near_index(u, s)];
    uintptr_t seen = ksi_load(note);
    if ((seen & ~KSI_TAGS) == (uintptr_t)word && ksi_cas(note, &seen, (uintptr_t)0))
        ksi_fetch_sub(&u->front.claims, 1u);
}

/* Far slots of other living threads are theirs alone; those stay. */
void ksi_rw_begin(const ksi_word *word)
{
    ksl_thread *self = ksl_tls.self;
    struct ksl_slot *s;
    ksi_rw_tune_new(word);
    while (self != NULL && ((s = ksi_share_find(self, word)) != NULL ||
                            (s = ksi_exclusive_find(self, word)) != NULL)) {
        if (s == ksi_near_slot(self, word))
            drop_entry(word, self, s);
        else
            ksi_slot_clear(self, s);
    }
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL; u = ksi_registry_next(u))
        drop_entry(word, u, ksi_near_slot(u, word));
    ksi_registry_read_unlock();
}
