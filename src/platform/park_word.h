/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_PARK_WORD_H
#define KSI_PLATFORM_PARK_WORD_H

#include "platform/atomic.h"
#include "platform/park.h"
#include "platform/testing.h"

/*
 * The state table of struct ksi_parker, shared by both parkers. Who leaves the token
 * releases the reason that it published before; who takes it acquires that.
 */
enum { PARK_EMPTY, PARK_PARKED, PARK_TOKEN };

/* EMPTY -> PARKED; false if a token was there, which is taken. */
static inline bool park_announce(struct ksi_parker *p)
{
    uint32_t seen = PARK_EMPTY;
    if (KSI_FAULT(PARK_DROPS_TOKEN)) {
        ksi_store(&p->word, (uint32_t)PARK_PARKED);
        return true;
    }
    if (ksi_cas(&p->word, &seen, (uint32_t)PARK_PARKED))
        return true;
    ksi_xchg(&p->word, (uint32_t)PARK_EMPTY);
    return false;
}

/* Back to EMPTY after a sleep; true if there was a token, which is taken. */
static inline bool park_withdraw(struct ksi_parker *p)
{
    return ksi_xchg(&p->word, (uint32_t)PARK_EMPTY) == PARK_TOKEN;
}

/* -> TOKEN; true if the owner has to be woken. */
static inline bool park_leave_token(struct ksi_parker *p)
{
    return ksi_xchg(&p->word, (uint32_t)PARK_TOKEN) == PARK_PARKED;
}

#endif
