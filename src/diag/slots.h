/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_SLOTS_H
#define KSI_DIAG_SLOTS_H

#include "thread/thread.h"

/*
 * The record of shared/exclusive locks: an entry for each share and each
 * exclusive hold. It tells who holds what, and for readers it is the hold itself:
 * a share in a near slot need not be counted anywhere else.
 *
 * An entry is the address of the lock's word with a kind in its low bits, and
 * where it was taken.
 *
 *   near slots   in the descriptor's front; a word has one place there, by its
 *                address. Inlined fast paths use only these. Others read them.
 *   far slots    for the rest: more shares of one lock, locks that meet in one near
 *                slot, handlers. 16 in the descriptor, then pages that the thread
 *                keeps. An entry never moves. Only the thread changes them,
 *                with interrupts masked.
 *
 *   entry        where       what it says
 *   IN_SLOT      near        a share that only this slot shows; writers scan for it
 *   COUNTED      near, far   a share that the word counts
 *   EXCLUSIVE    near, far   the exclusive hold
 *
 * In a near slot IN_SLOT may be there for a moment before the share is granted, and
 * EXCLUSIVE before the word says so, or while it never will.
 * A writer that cannot wait turns IN_SLOT of another thread into COUNTED; see
 * lock/rw_slots.c, also for `converted`.
 */
enum ksi_entry {
    KSI_IN_SLOT = 0,
    KSI_COUNTED = 1,
    KSI_EXCLUSIVE_ENTRY = KSL_SLOT_EXCLUSIVE,
    KSI_ENTRY_MASK = 3 /* as an entry: EXCLUSIVE, but not for inlined paths */
};

_Static_assert(sizeof(uintptr_t) == 8, "entries keep the family above the address");

/* Tags: of which family of locks the word is. No tag: one that carries its name. */
enum ksi_family {
    KSI_FAMILY_NAMED,
    KSI_FAMILY_RWSEM,
    KSI_FAMILY_SIMPLE, /* AIX from here ... */
    KSI_FAMILY_COMPLEX,
    KSI_FAMILY_LOCKL,
    KSI_FAMILY_DRW, /* ... to here */
    KSI_FAMILY_EVL_MUTEX,
    KSI_FAMILY_STAX,
    KSI_FAMILY_MUTEX,
    KSI_FAMILIES
};

#define KSI_OF_RWSEM KSL_FAMILY(KSI_FAMILY_RWSEM)
#define KSI_OF_MUTEX KSL_FAMILY(KSI_FAMILY_MUTEX)
#define KSI_TAGS (KSL_FAMILY(15) | (uintptr_t)7)

static inline enum ksi_family ksi_family_of(uintptr_t entry)
{
    return (enum ksi_family)(entry / KSL_FAMILY(1));
}

typedef volatile uintptr_t ksi_word;

static inline struct ksl_slot *ksi_near_slot(const ksl_thread *t, const ksi_word *word)
{
    return ksl_slot_of((uintptr_t)t, word);
}

static inline unsigned ksi_near_index(const ksl_thread *t, const struct ksl_slot *s)
{
    return (unsigned)(s - t->front.slots);
}

static inline bool ksi_slot_names(uintptr_t entry, const ksi_word *word)
{
    return (entry & ~KSI_TAGS) == (uintptr_t)word;
}

static inline enum ksi_entry ksi_entry_of(uintptr_t entry)
{
    uintptr_t kind = entry & KSI_ENTRY_MASK;
    return kind == KSI_ENTRY_MASK ? KSI_EXCLUSIVE_ENTRY : (enum ksi_entry)kind;
}

/*
 * Sites are addresses of code, or of a struct ksl_place with the top bit set; in
 * slots it is the other way round, because inlined paths store plain places.
 */
#define KSI_PLACE_BIT ((uintptr_t)1 << (sizeof(uintptr_t) * 8 - 1))

static inline const void *ksi_flip_place(const void *site)
{
    return (const void *)((uintptr_t)site ^ KSI_PLACE_BIT); // NOLINT
}

static inline const struct ksl_place *ksi_site_place(const void *site)
{
    uintptr_t bits = (uintptr_t)site;
    if ((bits & KSI_PLACE_BIT) == 0 || bits == KSI_PLACE_BIT)
        return NULL;
    return (const struct ksl_place *)(bits ^ KSI_PLACE_BIT); // NOLINT
}

/*
 * Records a hold of the calling thread t; tags: KSL_FAMILY or 0. Near if that
 * slot is free and t runs no handler, but IN_SLOT is never recorded here. False
 * if there is no memory for it.
 */
bool ksi_slot_push(ksl_thread *t, const ksi_word *word, enum ksi_entry entry,
                   uintptr_t tags, const void *site);

/* Empties a slot of the calling thread other than IN_SLOT. */
void ksi_slot_clear(ksl_thread *t, struct ksl_slot *s);

/* A share of t, far ones first; NULL if it has none. */
struct ksl_slot *ksi_share_find(const ksl_thread *t, const ksi_word *word);

/* The entry of t's exclusive hold; NULL if there is none. */
struct ksl_slot *ksi_exclusive_find(const ksl_thread *t, const ksi_word *word);

/* How many shares of word t has. */
unsigned ksi_share_count(const ksl_thread *t, const ksi_word *word);

/* t has a share of some sx. */
bool ksi_shares_any(const ksl_thread *t);

/* Entry i of all; false when there are no more. *entry is 0 in an empty slot. */
bool ksi_slot_at(const ksl_thread *t, uint32_t i, uintptr_t *entry, const void **site);

/* The site where t took the lock; NULL if unknown. */
const void *ksi_slot_site(const ksl_thread *t, const ksi_word *word);

#endif
