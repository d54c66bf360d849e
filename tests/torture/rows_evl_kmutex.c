/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of EVL's kernel mutex. */

#include "rows_evl.h"

#include <evl/mutex.h>

#include <string.h>

static struct {
    struct evl_kmutex mutex;
    struct section data;
} km;

static void kmutex_setup(void)
{
    if (torture.round == 1)
        evl_init_kmutex(&km.mutex);
}

/* Only who is out-of-band may wait. */
static bool kmutex_take(struct party *me, bool oob)
{
    bool waits = oob && pick(me, 4) != 0;
    int error = waits ? evl_lock_kmutex(&km.mutex) : evl_trylock_kmutex(&km.mutex);
    if (error != 0 && (waits || error != -EBUSY))
        torture_fail("thread %u: %s returned %d", me->index,
                     waits ? "evl_lock_kmutex" : "evl_trylock_kmutex", error);
    return error == 0;
}

static void kmutex_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        bool oob = pick(me, 4) != 0;
        go(me, oob);
        if (pick(me, 4) == 0)
            torture_shoot(me);
        if (!kmutex_take(me, oob))
            continue;
        section_write(&km.data, me);
        if (evl_lock_kmutex(&km.mutex) != -EDEADLK ||
            evl_trylock_kmutex(&km.mutex) != -EDEADLK)
            torture_fail("thread %u: the owner could lock again", me->index);
        evl_unlock_kmutex(&km.mutex);
    }
    evl_switch_inband(0);
}

/* -EDEADLK if it has interrupted the owner: it acts for that thread. */
static void kmutex_interrupt(struct party *me, int irq)
{
    (void)irq;
    if (torture.round == 0 || evl_trylock_kmutex(&km.mutex) != 0)
        return;
    section_write(&km.data, me);
    evl_unlock_kmutex(&km.mutex);
}

static void kmutex_check(void)
{
    section_check(&km.data, "kernel mutex");
    if (evl_trylock_kmutex(&km.mutex) != 0) {
        torture_fail("the kernel mutex is not free after the round");
        return;
    }
    evl_unlock_kmutex(&km.mutex);
    for (unsigned i = 0; i < torture.threads; i++) {
        if (LOAD(&torture.parties[i].unblocks) != 0)
            torture_fail("a forced unblock ended a wait of thread %u", i);
    }
    if (torture.round % 16 == 0) {
        evl_destroy_kmutex(&km.mutex);
        evl_init_kmutex(&km.mutex);
    }
}

const struct row torture_row_kmutex = {
    .setup = kmutex_setup,
    .op = kmutex_op,
    .interrupt = kmutex_interrupt,
    .check = kmutex_check,
    .words = &km.mutex,
    .bytes = sizeof km.mutex,
};

/*
 * Destroyed by its owner, or by another thread, with all the others asleep on it; the
 * memory is used again at once.
 */
static struct evl_kmutex doomed;
static unsigned held;  /* atomic */
static unsigned ended; /* atomic */

static void destroy_setup(void)
{
    evl_init_kmutex(&doomed);
    STORE(&held, 0u);
    STORE(&ended, 0u);
}

/* Waits are ended by that alone, so all are asleep sooner or later. */
static void destroy(struct party *me, unsigned first_waiter)
{
    for (unsigned i = 0; i < torture.threads; i++) {
        const struct party *p = &torture.parties[i];
        if (role(p) >= first_waiter)
            TORTURE_UNTIL(ksl_thread_asleep(p->thread));
    }
    torture_dally(me);
    evl_destroy_kmutex(&doomed);
    memset((void *)&doomed, 0xa5, sizeof doomed);
    STORE(&ended, 1u);
    ADD(&me->operations, 1ul);
}

static void destroy_op(struct party *me)
{
    unsigned waiters = torture.round % 2 == 0 ? 1 : 2; /* roles from here on wait */
    unsigned r = role(me);
    go(me, r >= waiters || pick(me, 2) == 0);
    if (r >= waiters) {
        TORTURE_UNTIL(LOAD(&held) != 0);
        torture_dally(me);
        int error = evl_lock_kmutex(&doomed);
        if (error != -EIDRM)
            torture_fail("thread %u: evl_lock_kmutex returned %d", me->index, error);
    } else if (r == 0) {
        if (evl_trylock_kmutex(&doomed) != 0)
            torture_fail("thread %u: a free kernel mutex is not free", me->index);
        STORE(&held, 1u);
        if (waiters == 1)
            destroy(me, waiters);
        TORTURE_UNTIL(LOAD(&ended) != 0);
    } else {
        TORTURE_UNTIL(LOAD(&held) != 0);
        destroy(me, waiters);
    }
    evl_switch_inband(0);
}

static void destroy_check(void)
{
    struct evl_kmutex pattern;
    memset((void *)&pattern, 0xa5, sizeof pattern);
    if (memcmp((const void *)&doomed, (const void *)&pattern, sizeof doomed) != 0)
        torture_fail("a destroyed kernel mutex was written");
    for (unsigned i = 0; i < torture.threads; i++) {
        const ksl_thread *t = torture.parties[i].thread;
        if (ksl_thread_effective_priority(t) != ksl_thread_priority(t))
            torture_fail("thread %u is promoted after the round", i);
    }
}

const struct row torture_row_kmutex_destroy = {
    .setup = destroy_setup,
    .op = destroy_op,
    .check = destroy_check,
    .words = &doomed,
    .bytes = sizeof doomed,
};
