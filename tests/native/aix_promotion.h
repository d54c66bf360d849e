/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_PROMOTION_H
#define TESTS_NATIVE_AIX_PROMOTION_H

/* What the tests of priority promotion share: one face for the locks that have an owner.
 */

#include "aix_test.h"

enum { LOCKL, SIMPLE, WRITE, KINDS };

struct owned {
    int kind;
    union {
        lock_t word;
        Simple_lock simple;
        Complex_lock complex;
    } u;
};

static inline void *lock_of(struct owned *l)
{
    if (l->kind == LOCKL)
        return &l->u.word;
    return l->kind == SIMPLE ? (void *)&l->u.simple : (void *)&l->u.complex;
}

static inline void owned_init(struct owned *l, int kind)
{
    l->kind = kind;
    if (kind == LOCKL) {
        l->u.word = LOCK_AVAIL;
        return;
    }
    lock_alloc(lock_of(l), LOCK_ALLOC_PAGED, 1, -1);
    if (kind == SIMPLE)
        simple_lock_init(&l->u.simple);
    else
        lock_init(&l->u.complex, TRUE);
}

/* Calls for puppets; the object is a struct owned. */

static inline int take(void *object)
{
    static const call_fn calls[] = {do_lockl, do_simple_lock, do_lock_write};
    struct owned *l = object;
    return calls[l->kind](lock_of(l));
}

static inline int drop(void *object)
{
    static const call_fn calls[] = {do_unlockl, do_simple_unlock, do_lock_done};
    struct owned *l = object;
    return calls[l->kind](lock_of(l));
}

/* 1 if it was taken. */
static inline int try_take(void *object)
{
    struct owned *l = object;
    if (l->kind == LOCKL)
        return lockl(&l->u.word, LOCK_NDELAY) == LOCK_SUCC;
    if (l->kind == SIMPLE)
        return simple_lock_try(&l->u.simple) == TRUE;
    return lock_try_write(&l->u.complex) == TRUE;
}

/* Effective priority on the neutral scale. */
static inline int urgency(const struct puppet *p)
{
    return ksl_thread_effective_priority(p->actor.thread);
}

#define ASSERT_URGENCY(p, expected) ck_assert_int_eq(urgency(p), expected)

/* The puppet waits no longer and has got the lock; nobody else has. */
static inline void assert_got(struct puppet *p)
{
    ck_assert_int_eq(answer(p), 0);
}

#endif
