/* SPDX-License-Identifier: BSD-2-Clause */
#include "turns.h"

#include <string.h>

void turns_reset(struct turns *t)
{
    memset(t, 0, sizeof *t);
}

void turns_next(struct turns *t)
{
    ADD(&t->turn, 1u);
}

static bool waits(const struct turns *t, unsigned i, unsigned turn)
{
    if (LOAD(&t->gone[i]) == turn || LOAD(&t->queued[i]) == turn)
        return true;
    return LOAD(&t->ready[i]) == turn && ksl_thread_asleep(torture.parties[i].thread);
}

void turns_await_waiting(const struct turns *t, const struct party *me)
{
    unsigned turn = LOAD(&t->turn);
    for (unsigned i = 0; i < torture.threads; i++) {
        if (i != me->index)
            TORTURE_UNTIL(waits(t, i, turn));
    }
}

void turns_await_gone(const struct turns *t, const struct party *me)
{
    unsigned turn = LOAD(&t->turn);
    for (unsigned i = 0; i < torture.threads; i++) {
        if (i != me->index)
            TORTURE_UNTIL(LOAD(&t->gone[i]) == turn);
    }
}

void turns_join(const struct turns *t, unsigned turn)
{
    TORTURE_UNTIL(LOAD(&t->turn) == turn);
}

void turns_ready(struct turns *t, const struct party *me)
{
    STORE(&t->ready[me->index], LOAD(&t->turn));
}

void turns_queued(struct turns *t, const struct party *me)
{
    STORE(&t->queued[me->index], LOAD(&t->turn));
}

void turns_gone(struct turns *t, const struct party *me)
{
    STORE(&t->gone[me->index], LOAD(&t->turn));
}
