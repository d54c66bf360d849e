/* SPDX-License-Identifier: BSD-2-Clause */
/* Order checker: what a thread holds. */

#include "diag/order.h"

#include "diag/entered.h"
#include "diag/named.h"

static enum ksi_kind kind_of_slot(uintptr_t entry, const void *lock)
{
    static const enum ksi_kind kinds[] = {
        [KSI_FAMILY_NAMED] = KSI_SX,
        [KSI_FAMILY_RWSEM] = KSI_RWSEM,
        [KSI_FAMILY_SIMPLE] = KSI_SIMPLE,
        [KSI_FAMILY_COMPLEX] = KSI_COMPLEX,
        [KSI_FAMILY_LOCKL] = KSI_LOCKL,
        [KSI_FAMILY_DRW] = KSI_DRW,
        [KSI_FAMILY_EVL_MUTEX] = KSI_EVL_MUTEX,
        [KSI_FAMILY_MUTEX] = KSI_MUTEX,
    };
    enum ksi_family family = ksi_family_of(entry);
    if (family == KSI_FAMILY_NAMED &&
        (ksi_load(&((const struct ksi_named *)lock)->flags) & KSI_NAMED_CLASS) ==
            KSI_NAMED_MTX)
        return KSI_MTX;
    return family < KSI_FAMILIES ? kinds[family] : KSI_NO_KIND;
}

bool ksi_held_none(const ksl_thread *t)
{
    return (ksi_load(&t->front.nholds) | ksi_load(&t->nentered)) == 0 &&
           ksi_held_no_slot(t);
}

/* A cursor: where it stands, and above that, in which record. */
#define NEAR ((uint32_t)1 << 30)
#define FAR ((uint32_t)2 << 30)
#define ENTERED ((uint32_t)3 << 30)

static bool next_hold(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h)
{
    uint32_t holds = ksi_load(&t->front.nholds);
    while (*i < holds) {
        const struct ksl_hold *hold = ksi_held_at(t, (*i)++);
        h->lock = hold != NULL ? ksi_load(&hold->lock) : NULL;
        if (h->lock == NULL)
            continue; /* given back by another thread */
        h->key = h->lock;
        h->site = ksi_load(&hold->site);
        h->kind = ksi_hold_kind(hold);
        h->mode = ksi_hold_mode(hold);
        h->disabled = false;
        return true;
    }
    *i = NEAR;
    return false;
}

static inline bool read_slot(const ksl_thread *t, uint32_t slot, struct ksi_held_lock *h)
{
    uintptr_t entry;
    if (slot < KSL_SLOTS) {
        entry = ksi_load(&t->front.slots[slot].lock);
        h->site = ksi_flip_place(ksi_load(&t->front.slots[slot].place));
    } else if (!ksi_slot_at(t, slot, &entry, &h->site)) {
        return false;
    }
    if (entry == 0 || ksi_family_of(entry) == KSI_FAMILY_STAX)
        return false;
    h->lock = h->key = ksi_entry_lock(entry);
    h->kind = kind_of_slot(entry, h->lock);
    h->mode = ksi_entry_of(entry) == KSI_EXCLUSIVE_ENTRY ? KSI_EXCLUSIVE : KSI_SHARED;
    h->disabled = h->kind == KSI_SIMPLE && ksi_rules_disabled(t, h->lock);
    return true;
}

bool ksi_held_near(const ksl_thread *t, uint32_t i, struct ksi_held_lock *h)
{
    return read_slot(t, i, h);
}

/* Most near slots are empty. */
static bool next_near(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h)
{
    uint32_t at = *i - NEAR;
    while (at < KSL_SLOTS) {
        if (at % 4 == 0 && ksi_four_slots(&t->front.slots[at]) == 0) {
            at += 4;
        } else if (read_slot(t, at++, h)) {
            *i = NEAR + at;
            return true;
        }
    }
    *i = FAR;
    return false;
}

static bool next_far(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h)
{
    while (*i - FAR < ksi_load(&t->far_used)) {
        if (read_slot(t, KSL_SLOTS + (*i)++ - FAR, h))
            return true;
    }
    *i = ENTERED;
    return false;
}

static bool next_entered(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h)
{
    struct ksi_entered e;
    while (ksi_entered_at(t, *i - ENTERED, &e)) {
        ++*i;
        if (e.lock == NULL || e.unsure)
            continue;
        *h = (struct ksi_held_lock){
            .lock = e.lock, .key = e.lock, .site = e.site, .kind = e.kind};
        if (e.kind == KSI_STAX)
            h->key = ksi_gate_key(e.lock, e.stage);
        return true;
    }
    return false;
}

bool ksi_held_next(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h)
{
    return (*i < NEAR && next_hold(t, i, h)) ||
           (*i >= NEAR && *i < FAR && next_near(t, i, h)) ||
           (*i >= FAR && *i < ENTERED && next_far(t, i, h)) ||
           (*i >= ENTERED && next_entered(t, i, h));
}

void ksi_held_more(const ksl_thread *t, struct ksi_held_batch *b, const void *but)
{
    b->n = 0;
    while (b->n < KSI_BATCH && ksi_held_next(t, &b->cursor, &b->held[b->n])) {
        if (b->held[b->n].lock != but)
            b->n++;
    }
}

bool ksi_held_has(const ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    const struct ksi_named *named = lock;
    if (kind == KSI_SPINLOCK || kind == KSI_RWLOCK || kind == KSI_MTX_SPIN)
        return ksi_held_find(t, lock, KSI_EXCLUSIVE) != NULL ||
               ksi_held_find(t, lock, KSI_SHARED) != NULL;
    if (kind == KSI_STAX || kind == KSI_KSEM)
        return ksi_entered_has(t, lock);
    const ksi_word *word = kind == KSI_SX || kind == KSI_MTX ? &named->word : lock;
    if (ksi_load(&t->far_used) == 0)
        return ksi_slot_names(ksi_load(&ksi_near_slot(t, word)->lock), word);
    return ksi_share_find(t, word) != NULL || ksi_exclusive_find(t, word) != NULL;
}

enum ksi_rank ksi_rank_of(const struct ksi_held_lock *h)
{
    switch (h->kind) {
    case KSI_SPINLOCK:
    case KSI_RWLOCK:
    case KSI_MTX_SPIN:
    case KSI_DRW:
        return KSI_SPINS;
    case KSI_SIMPLE:
        return h->disabled ? KSI_SPINS : KSI_SLEEPS;
    case KSI_MTX:
        return KSI_BOUNDED;
    default:
        return KSI_SLEEPS;
    }
}
