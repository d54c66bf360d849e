/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_RAWLOCK_H
#define KSI_PLATFORM_RAWLOCK_H

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/testing.h"

#include <stdint.h>

/*
 * The lock inside the library: held for some dozen instructions, always with
 * simulated interrupts masked, so a handler never meets one that its own
 * thread holds. Not recursive.
 *
 *   0  free
 *   1  held, nobody sleeps
 *   2  held, somebody may sleep: the release must wake one
 *
 * Who came to sleep takes it as 2, so the mark is never lost.
 */
struct ksi_rawlock {
    uint32_t word;
};

KSI_COLD void ksi_raw_lock_slow(struct ksi_rawlock *l);
KSI_COLD void ksi_raw_unlock_slow(struct ksi_rawlock *l);

static inline void ksi_raw_lock(struct ksi_rawlock *l)
{
    uint32_t seen = 0;
    KSI_RAW_COUNT(1);
    if (KSI_UNLIKELY(!ksi_cas_acq(&l->word, &seen, 1u)))
        ksi_raw_lock_slow(l);
}

/* For who may have interrupted the holder, or must not wait for it. */
static inline bool ksi_raw_try(struct ksi_rawlock *l)
{
    uint32_t seen = 0;
    bool taken = ksi_cas_acq(&l->word, &seen, 1u);
    if (taken)
        KSI_RAW_COUNT(1);
    return taken;
}

static inline void ksi_raw_unlock(struct ksi_rawlock *l)
{
    if (KSI_UNLIKELY(__atomic_exchange_n(&l->word, 0u, __ATOMIC_RELEASE) == 2))
        ksi_raw_unlock_slow(l);
    KSI_RAW_COUNT(-1);
}

/* In a child of fork: the caller held it in the parent; who slept on it stayed there. */
static inline void ksi_raw_reset(struct ksi_rawlock *l)
{
    ksi_store_rel(&l->word, 0u);
    KSI_RAW_COUNT(-1);
}

#endif
