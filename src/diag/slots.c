/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/slots.h"

#include "platform/host.h"
#include "thread/irq.h"

/* Chunk c has KSI_FAR_INLINE << c slots, and as many stand before it. */
static struct ksl_slot *far_at(const ksl_thread *t, uint32_t i)
{
    if (i < KSI_FAR_INLINE)
        return (struct ksl_slot *)(uintptr_t)&t->far_slots[i];
    uint32_t c = 31u - (uint32_t)__builtin_clz(i / KSI_FAR_INLINE);
    struct ksl_slot *chunk = c < KSI_FAR_CHUNKS ? ksi_load_acq(&t->more_slots[c]) : NULL;
    return chunk != NULL ? &chunk[i - ((uint32_t)KSI_FAR_INLINE << c)] : NULL;
}

static bool map_chunk(ksl_thread *t, uint32_t i)
{
    uint32_t c = 31u - (uint32_t)__builtin_clz(i / KSI_FAR_INLINE);
    if (c >= KSI_FAR_CHUNKS)
        return false;
    struct ksl_slot *fresh = ksi_pages(((size_t)KSI_FAR_INLINE << c) * sizeof *fresh);
    if (fresh != NULL)
        ksi_store_rel(&t->more_slots[c], fresh);
    return fresh != NULL;
}

/* A free far slot; NULL if there is no memory. Masked. */
static struct ksl_slot *far_free(ksl_thread *t)
{
    uint32_t used = t->far_used;
    if (t->far_live < used && (t->far_live < used / 2 || far_at(t, used) == NULL)) {
        for (uint32_t i = 0; i < used; i++) {
            struct ksl_slot *s = far_at(t, i);
            if (ksi_load(&s->lock) == 0)
                return s;
        }
    }
    if (far_at(t, used) == NULL && !map_chunk(t, used))
        return NULL;
    ksi_store(&t->far_used, used + 1);
    return far_at(t, used);
}

/*
 * How many far entries have words with this hash: most calls look for an entry that is
 * not there, and need not go through all of them.
 */
static uint32_t *far_mark(const ksl_thread *t, uintptr_t entry)
{
    uint64_t mixed = ((uint64_t)(entry & ~KSI_TAGS) >> 3) * 0x9e3779b97f4a7c15u;
    return (uint32_t *)(uintptr_t)&t->far_marks[mixed >> 55];
}

static void fill(struct ksl_slot *s, uintptr_t entry, const void *site)
{
    ksi_store(&s->place, ksi_flip_place(site));
    ksi_store_rel(&s->lock, entry);
}

/* A share of a rwsem. */
static bool is_read(uintptr_t entry)
{
    return ksi_family_of(entry) == KSI_FAMILY_RWSEM &&
           ksi_entry_of(entry) != KSI_EXCLUSIVE_ENTRY;
}

static bool is_near(const ksl_thread *t, const struct ksl_slot *s)
{
    return s >= t->front.slots && s < t->front.slots + KSL_SLOTS;
}

bool ksi_slot_push(ksl_thread *t, const ksi_word *word, enum ksi_entry entry,
                   uintptr_t tags, const void *site)
{
    uintptr_t value = (uintptr_t)word | (uintptr_t)entry | tags;
    struct ksl_slot *s = ksi_near_slot(t, word);
    if (t->handlers == 0 && ksi_load(&s->lock) == 0) {
        fill(s, value, site);
        return true;
    }
    uint32_t level = ksi_irq_mask(t);
    s = far_free(t);
    if (s != NULL) {
        t->far_live++;
        t->far_reads += is_read(value);
        ++*far_mark(t, value);
        fill(s, value, site);
    }
    ksi_irq_unmask(t, level);
    return s != NULL;
}

void ksi_slot_clear(ksl_thread *t, struct ksl_slot *s)
{
    if (is_near(t, s)) {
        ksi_store_rel(&s->lock, (uintptr_t)0);
        return;
    }
    uint32_t level = ksi_irq_mask(t);
    t->far_reads -= is_read(ksi_load(&s->lock));
    --*far_mark(t, ksi_load(&s->lock));
    ksi_store_rel(&s->lock, (uintptr_t)0);
    t->far_live--;
    uint32_t used = t->far_used;
    while (used > 0 && ksi_load(&far_at(t, used - 1)->lock) == 0)
        used--;
    ksi_store(&t->far_used, used);
    ksi_irq_unmask(t, level);
}

/* The latest far entry of that kind for word. */
static struct ksl_slot *far_find(const ksl_thread *t, const ksi_word *word,
                                 enum ksi_entry entry)
{
    if (ksi_load(&t->far_used) == 0 || *far_mark(t, (uintptr_t)word) == 0)
        return NULL;
    for (uint32_t i = ksi_load(&t->far_used); i > 0; i--) {
        struct ksl_slot *s = far_at(t, i - 1);
        uintptr_t seen = s != NULL ? ksi_load(&s->lock) : 0;
        if (ksi_slot_names(seen, word) && ksi_entry_of(seen) == entry)
            return s;
    }
    return NULL;
}

struct ksl_slot *ksi_share_find(const ksl_thread *t, const ksi_word *word)
{
    struct ksl_slot *s = far_find(t, word, KSI_COUNTED);
    if (s != NULL)
        return s;
    s = ksi_near_slot(t, word);
    uintptr_t seen = ksi_load(&s->lock);
    bool share = ksi_slot_names(seen, word) && ksi_entry_of(seen) != KSI_EXCLUSIVE_ENTRY;
    return share ? s : NULL;
}

struct ksl_slot *ksi_exclusive_find(const ksl_thread *t, const ksi_word *word)
{
    /* A near one may be what a handler's thread has just given back. */
    struct ksl_slot *s = far_find(t, word, KSI_EXCLUSIVE_ENTRY);
    if (s != NULL)
        return s;
    s = ksi_near_slot(t, word);
    uintptr_t seen = ksi_load(&s->lock);
    bool found = ksi_slot_names(seen, word) && ksi_entry_of(seen) == KSI_EXCLUSIVE_ENTRY;
    return found ? s : NULL;
}

bool ksi_slot_at(const ksl_thread *t, uint32_t i, uintptr_t *entry, const void **site)
{
    const struct ksl_slot *s = NULL;
    if (i < KSL_SLOTS)
        s = &t->front.slots[i];
    else if (i - KSL_SLOTS < ksi_load(&t->far_used))
        s = far_at(t, i - KSL_SLOTS);
    if (s == NULL)
        return false;
    *entry = ksi_load_acq(&s->lock);
    *site = ksi_flip_place(ksi_load(&s->place));
    return true;
}

unsigned ksi_share_count(const ksl_thread *t, const ksi_word *word)
{
    uintptr_t entry;
    const void *site;
    unsigned n = 0;
    for (uint32_t i = 0; ksi_slot_at(t, i, &entry, &site); i++) {
        if (ksi_slot_names(entry, word) && ksi_entry_of(entry) != KSI_EXCLUSIVE_ENTRY)
            n++;
    }
    return n;
}

bool ksi_shares_any(const ksl_thread *t)
{
    uintptr_t entry;
    const void *site;
    for (uint32_t i = 0; ksi_slot_at(t, i, &entry, &site); i++) {
        if (entry != 0 && ksi_entry_of(entry) != KSI_EXCLUSIVE_ENTRY &&
            ksi_family_of(entry) == KSI_FAMILY_NAMED)
            return true;
    }
    return t->unshared > 0;
}

const void *ksi_slot_site(const ksl_thread *t, const ksi_word *word)
{
    uintptr_t entry;
    const void *site;
    for (uint32_t i = 0; ksi_slot_at(t, i, &entry, &site); i++) {
        if (ksi_slot_names(entry, word))
            return site;
    }
    return NULL;
}
