/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_TURNS_H
#define TESTS_TORTURE_TURNS_H

/*
 * Wakes that are counted: a round of turns. In each turn every worker but one waits once;
 * the one, the waker, wakes as many as there are when all of them wait or have given up,
 * and no more. Who then still sleeps has lost its wake-up, and no later one repairs that.
 */

#include "torture.h"

struct turns {
    unsigned turn;                /* atomic: the one that has begun, from 1 */
    unsigned ready[TORTURE_MAX];  /* atomic: in that turn it is about to wait */
    unsigned queued[TORTURE_MAX]; /* atomic: in that turn it is found by wakers */
    unsigned gone[TORTURE_MAX];   /* atomic: in that turn its wait is over */
};

/* Before a round, alone. */
void turns_reset(struct turns *t);

/* The waker: a turn begins; all the others wait; all the others are through. */
void turns_next(struct turns *t);
void turns_await_waiting(const struct turns *t, const struct party *me);
void turns_await_gone(const struct turns *t, const struct party *me);

/*
 * Who waits: until that turn has begun; its next sleep is the one of the turn; it is on
 * the queue already, or in vain; it is through.
 */
void turns_join(const struct turns *t, unsigned turn);
void turns_ready(struct turns *t, const struct party *me);
void turns_queued(struct turns *t, const struct party *me);
void turns_gone(struct turns *t, const struct party *me);

#endif
