/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_PROMOTION_CHAIN_H
#define TESTS_NATIVE_AIX_PROMOTION_CHAIN_H

/* Chains of owners, for the tests of priority promotion. */

#include "aix_promotion.h"

enum { MANY = 7, DEPTH = 4, TRIPLES = KINDS * KINDS * KINDS };

static struct puppet p[MANY];
static struct owned lock[DEPTH];

static inline void setup(void)
{
    puppets_start(p, MANY);
    recorder_start();
}

static inline void teardown(void)
{
    puppets_end(p, MANY);
    recorder_stop();
}

static inline void pass(struct puppet *from, struct owned *l, struct puppet *to)
{
    (void)ask(from, drop, l);
    assert_got(to);
}

static inline void check(const int *expected, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_msg(urgency(&p[i]) == expected[i], "puppet %d has %d, expected %d", i,
                      urgency(&p[i]), expected[i]);
}

#define CHECK(...)                                                                       \
    check((const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

/*
 * Puppet i owns lock i and waits for lock i - 1; puppet `n` is the last and owns
 * nothing. Base priorities are 10, 11, 12 and so on.
 */
static inline void link_chain(int n)
{
    for (int i = 0; i < MANY; i++)
        set_urgency(&p[i], 10 + i);
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(ask(&p[i], take, &lock[i]), 0);
    for (int i = 1; i < n; i++)
        tell_blocked(&p[i], take, &lock[i - 1]);
}

static inline void kinds_of(int number)
{
    for (int i = 0; i < DEPTH; i++, number /= KINDS)
        owned_init(&lock[i], number % KINDS);
}

#endif
