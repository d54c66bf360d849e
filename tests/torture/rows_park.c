/* SPDX-License-Identifier: BSD-2-Clause */
/* The parker by itself: a token goes round, one wake-up at a time. */

#include "torture.h"

#include "platform/park.h"

enum { LAPS = 4 };

static struct ksi_parker parkers[TORTURE_MAX];
static unsigned turn; /* atomic: whose turn it is, counted on for ever */

static void park_setup(void)
{
    for (unsigned i = 0; i < torture.threads; i++)
        ksi_parker_init(&parkers[i]);
    STORE(&turn, 0u);
}

static void park_op(struct party *me)
{
    struct ksi_parker *mine = &parkers[me->index];
    struct ksi_parker *next = &parkers[(me->index + 1) % torture.threads];
    for (unsigned lap = 0; lap < LAPS; lap++) {
        unsigned my_turn = lap * torture.threads + me->index;
        while (LOAD(&turn) != my_turn) {
            uint64_t date = KSI_FOREVER;
            if (pick(me, 16) == 0)
                date = ksi_host_now() + pick(me, 100) * 1000u;
            torture_dally(me);
            enum ksi_park_result result = ksi_park(mine, date);
            if (result == KSI_PARK_TIMEOUT && ksi_host_now() < date)
                torture_fail("thread %u: park returned early", me->index);
        }
        torture_dally(me);
        ADD(&turn, 1u);
        ksi_unpark(next);
        ADD(&me->operations, 1ul);
    }
}

const struct row torture_row_park = {
    .setup = park_setup,
    .op = park_op,
    .words = parkers,
    .bytes = sizeof parkers,
};
