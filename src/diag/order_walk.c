/* SPDX-License-Identifier: BSD-2-Clause */
/* Order checker: what a thread holds. */

#include "diag/order.h"

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
    };
    enum ksi_family family = ksi_family_of(entry);
    if (family == KSI_FAMILY_NAMED &&
        (ksi_load(&((const struct ksi_named *)lock)->flags) & KSI_NAMED_CLASS) ==
            KSI_NAMED_MTX)
        return KSI_MTX;
    return family < KSI_FAMILY_STAX ? kinds[family] : KSI_NO_KIND;
}

static uintptr_t four(const struct ksl_slot *s)
{
    return ksi_load(&s[0].lock) | ksi_load(&s[1].lock) | ksi_load(&s[2].lock) |
           ksi_load(&s[3].lock);
}

_Static_assert(KSL_SLOTS % 4 == 0, "slots are looked at by four");

/* The next slot from *i on that may be in use: most are not, and a walk is short. */
static void skip_empty(const ksl_thread *t, uint32_t *i)
{
    while (*i < KSL_SLOTS && *i % 4 != 0 && ksi_load(&t->front.slots[*i].lock) == 0)
        ++*i;
    while (*i < KSL_SLOTS && *i % 4 == 0 && four(&t->front.slots[*i]) == 0)
        *i += 4;
    while (*i < KSL_SLOTS && ksi_load(&t->front.slots[*i].lock) == 0)
        ++*i;
}

bool ksi_held_next(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h)
{
    uintptr_t entry;
    uint32_t holds = ksi_load(&t->nholds);
    while (*i < holds) {
        const struct ksi_hold *hold = ksi_held_at(t, (*i)++);
        h->lock = hold != NULL ? ksi_load(&hold->lock) : NULL;
        if (h->lock == NULL)
            continue; /* given back by another thread */
        h->site = ksi_load(&hold->site);
        h->kind = ksi_hold_kind(hold);
        h->mode = ksi_hold_mode(hold);
        h->disabled = false;
        return true;
    }
    for (;;) {
        uint32_t slot = *i - holds;
        skip_empty(t, &slot);
        *i = slot + holds + 1;
        if (slot >= KSL_SLOTS + ksi_load(&t->far_used) ||
            !ksi_slot_at(t, slot, &entry, &h->site))
            return false;
        if (entry == 0 || ksi_family_of(entry) == KSI_FAMILY_STAX)
            continue;
        h->lock = ksi_entry_lock(entry);
        h->kind = kind_of_slot(entry, h->lock);
        h->mode = ksi_entry_of(entry) == KSI_EXCLUSIVE_ENTRY ? KSI_EXCLUSIVE : KSI_SHARED;
        h->disabled = h->kind == KSI_SIMPLE && ksi_rules_disabled(t, h->lock);
        return true;
    }
}

bool ksi_held_has(const ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    const struct ksi_named *named = lock;
    if (kind == KSI_MUTEX || kind == KSI_SPINLOCK || kind == KSI_RWLOCK ||
        kind == KSI_MTX_SPIN)
        return ksi_held_find(t, lock, KSI_EXCLUSIVE) != NULL ||
               ksi_held_find(t, lock, KSI_SHARED) != NULL;
    const ksi_word *word = kind == KSI_SX || kind == KSI_MTX ? &named->word : lock;
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
