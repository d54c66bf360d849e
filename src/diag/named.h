/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_NAMED_H
#define KSI_DIAG_NAMED_H

#include "diag/slots.h"

#include <stddef.h>

/*
 * Locks that carry their name: FreeBSD's struct sx and struct mtx, whose native
 * headers lay them out in the same way.
 */
struct ksi_named {
    const char *name;
    unsigned flags;
    unsigned recursed; /* levels beyond the first; belongs to the owner */
    void *reserved;
    ksi_word word;
};

/* LO_* of <sys/lock.h>, and the class. */
#define KSI_NAMED_ALIVE 0x00010000u
#define KSI_NAMED_ENDED 0x40000000u /* destroyed; the name may still be there */
#define KSI_NAMED_WITNESS 0x00020000u
#define KSI_NAMED_QUIET 0x00040000u
#define KSI_NAMED_DUPOK 0x00400000u
#define KSI_NAMED_RECURSABLE 0x00080000u
#define KSI_NAMED_SLEEPABLE 0x00100000u
#define KSI_NAMED_UPGRADABLE 0x00200000u
#define KSI_NAMED_CLASS 0x0f000000u
#define KSI_NAMED_SX 0x01000000u
#define KSI_NAMED_MTX 0x02000000u
#define KSI_NAMED_MTX_SPIN 0x03000000u

static inline bool ksi_named_is(const struct ksi_named *l, unsigned class)
{
    return (ksi_load(&l->flags) & (KSI_NAMED_ALIVE | KSI_NAMED_CLASS)) ==
           (KSI_NAMED_ALIVE | class);
}

/* The lock that a slot's entry names. */
static inline const void *ksi_entry_lock(uintptr_t entry)
{
    uintptr_t word = entry & ~KSI_TAGS;
    if (ksi_family_of(entry) == KSI_FAMILY_NAMED)
        word -= offsetof(struct ksi_named, word);
    return (const void *)word; // NOLINT: an entry is an address
}

#endif
