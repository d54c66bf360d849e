/* SPDX-License-Identifier: BSD-2-Clause */
/* Priority promotion over AIX's locks and the kernel mutex of EVL, at random. */

#include "rows_aix_chain.h"

void chain_take(struct party *me, struct chain_lock *l)
{
    int error = 0;
    switch (l->kind) {
    case CHAIN_SIMPLE:
        simple_lock(&l->simple);
        return;
    case CHAIN_LOCKL:
        error = lockl(&l->word, LOCK_SHORT);
        break;
    case CHAIN_COMPLEX:
        lock_write(&l->complex);
        return;
    default:
        error = evl_lock_kmutex(&l->mutex);
        break;
    }
    if (error != 0)
        torture_fail("thread %u: a lock of kind %d returned %d", me->index, (int)l->kind,
                     error);
}

bool chain_try(struct chain_lock *l)
{
    switch (l->kind) {
    case CHAIN_SIMPLE:
        return simple_lock_try(&l->simple);
    case CHAIN_LOCKL:
        return lockl(&l->word, LOCK_NDELAY) == LOCK_SUCC;
    case CHAIN_COMPLEX:
        return lock_try_write(&l->complex);
    default:
        return evl_trylock_kmutex(&l->mutex) == 0;
    }
}

void chain_give(struct chain_lock *l)
{
    switch (l->kind) {
    case CHAIN_SIMPLE:
        simple_unlock(&l->simple);
        return;
    case CHAIN_LOCKL:
        unlockl(&l->word);
        return;
    case CHAIN_COMPLEX:
        lock_done(&l->complex);
        return;
    default:
        evl_unlock_kmutex(&l->mutex);
        return;
    }
}

void chain_check_priorities(void)
{
    for (unsigned i = 0; i < torture.threads; i++) {
        const ksl_thread *t = torture.parties[i].thread;
        int base = ksl_thread_priority(t);
        int now = ksl_thread_effective_priority(t);
        if (now != base)
            torture_fail("thread %u has priority %d after the round, its own is %d", i,
                         now, base);
    }
}

enum { LINKS = 5 };

static struct {
    struct chain_lock links[LINKS]; /* taken in this order */
    struct section data[LINKS];
} pr;

static void promotion_setup(void)
{
    struct party *me = torture_me;
    for (unsigned i = 0; i < LINKS; i++) {
        pr.links[i].kind = (enum chain_kind)pick(me, CHAIN_KINDS);
        if (torture.round == 1)
            evl_init_kmutex(&pr.links[i].mutex);
    }
}

/* Some visits are short, so that locks change hands while others lend. */
static void promotion_visit(struct party *me, unsigned at)
{
    struct chain_lock *l = &pr.links[at];
    if (pick(me, 4) != 0)
        chain_take(me, l);
    else if (!chain_try(l))
        return;
    section_write(&pr.data[at], me);
    if (pick(me, 8) == 0)
        ksl_thread_set_priority(torture.parties[pick(me, torture.threads)].thread,
                                (int)pick(me, 100));
    if (at + 1 < LINKS && pick(me, 4) != 0)
        promotion_visit(me, at + 1 + pick(me, LINKS - at - 1));
    if (l->kind == CHAIN_COMPLEX && pick(me, 3) == 0) {
        lock_write_to_read(&l->complex);
        section_read(&pr.data[at], me);
    }
    chain_give(l);
}

/* A wait that a signal ends, too: what it lent goes with it. */
static void promotion_signalled(struct party *me)
{
    for (unsigned i = 0; i < LINKS; i++) {
        struct chain_lock *l = &pr.links[i];
        if (l->kind != CHAIN_LOCKL || pick(me, 2) == 0)
            continue;
        int result = lockl(&l->word, LOCK_SIGRET);
        if (result == LOCK_SIG) {
            torture_interrupted(me);
        } else {
            section_write(&pr.data[i], me);
            unlockl(&l->word);
        }
        return;
    }
}

static void promotion_op(struct party *me)
{
    go_oob(me);
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        if (pick(me, 4) == 0)
            aix_shoot(me);
        if (pick(me, 4) == 0)
            promotion_signalled(me);
        else
            promotion_visit(me, pick(me, LINKS));
    }
    evl_switch_inband(0);
}

static void promotion_check(void)
{
    aix_check_unblocks();
    chain_check_priorities();
    for (unsigned i = 0; i < LINKS; i++) {
        section_check(&pr.data[i], "a lock of a chain");
        if (!chain_try(&pr.links[i]))
            torture_fail("lock %u of the chain is not free after the round", i);
        else
            chain_give(&pr.links[i]);
    }
}

const struct row torture_row_promotion = {
    .setup = promotion_setup,
    .op = promotion_op,
    .check = promotion_check,
    .words = pr.links,
    .bytes = sizeof pr.links,
};
