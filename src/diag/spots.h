/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_SPOTS_H
#define KSI_DIAG_SPOTS_H

#include "platform/atomic.h"
#include "platform/compiler.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Where a lock is: spots are filled one after the other from the hash of the address on,
 * and the number of a spot is 0 before its lock is known and after it has ended. A spot
 * whose address stays is used again for that address, or, while its number is 0, for
 * another one.
 *
 * A reader may meet a spot that is being given to another address; it looks at the
 * address again after it has read the number.
 */
struct ksi_spot {
    const void *lock; /* atomic, as all of it */
    uint32_t number;
    uint32_t more; /* 0 when the spot is given to an address */
};

/* room: a power of two. */
static inline uint32_t ksi_spot_hash(uint64_t key, uint32_t room)
{
    return (uint32_t)((key * 0x9e3779b97f4a7c15u) >> 32) & (room - 1);
}

struct ksi_spots {
    struct ksi_spot *all; /* zeroed at first */
    uint32_t room;
    uint32_t probes; /* so many are looked at */
};

/* NULL: there is none. */
static inline struct ksi_spot *ksi_spot_find(struct ksi_spots in, const void *lock)
{
    uint32_t at = ksi_spot_hash((uintptr_t)lock >> 2, in.room);
    for (unsigned i = 0; i < in.probes; i++) {
        struct ksi_spot *s = &in.all[(at + i) & (in.room - 1)];
        const void *seen = ksi_load_acq(&s->lock);
        if (seen == lock)
            return s;
        if (seen == NULL)
            return NULL;
    }
    return NULL;
}

/* Under the table's lock: a spot for it; NULL: no room. */
static inline struct ksi_spot *ksi_spot_make(struct ksi_spots in, const void *lock)
{
    struct ksi_spot *s = ksi_spot_find(in, lock);
    uint32_t at = ksi_spot_hash((uintptr_t)lock >> 2, in.room);
    for (unsigned i = 0; s == NULL && i < in.probes; i++) {
        struct ksi_spot *free_one = &in.all[(at + i) & (in.room - 1)];
        if (ksi_load(&free_one->number) != 0)
            continue;
        s = free_one;
        ksi_store(&s->more, 0u);
        ksi_store_rel(&s->lock, lock);
    }
    return s;
}

#endif
