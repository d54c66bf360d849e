/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of AIX's simple locks, and what all rows of AIX's locks share. */

#include "aix.h"

#include <string.h>

#ifndef TORTURE_AIX_ROWS_ONLY
void aix_shoot(struct party *me)
{
    struct party *p = &torture.parties[pick(me, torture.threads)];
    ADD(&me->signals, 1ul);
    ksl_signal_post(p->thread, 1 + (int)pick(me, 64));
    if (ksl_thread_unblock(p->thread) == 1)
        ADD(&p->unblocks, 1ul);
}

void aix_check_unblocks(void)
{
    for (unsigned i = 0; i < torture.threads; i++) {
        if (LOAD(&torture.parties[i].unblocks) != 0)
            torture_fail("a forced unblock ended a wait of thread %u", i);
    }
}

void aix_expect_deferred(struct party *me)
{
    if (ksl_signal_pending() || sig_chk() != 0)
        torture_fail("thread %u: a signal is delivered to the holder of a lock",
                     me->index);
}

unsigned aix_level(struct party *me)
{
    unsigned least = me->closed > AIX_HANDLERS ? me->closed : AIX_HANDLERS;
    return least + pick(me, KSL_IRQ_LEVELS - least);
}

void aix_close(struct party *me, unsigned level)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    me->closed = level;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

#endif

/* Between threads --------------------------------------------------------------- */

enum { LOCKS = 2 };

static struct {
    Simple_lock locks[LOCKS]; /* taken in this order */
    struct section data[LOCKS];
} st;

static bool simple_take(struct party *me, simple_lock_t l)
{
    switch (pick(me, 4)) {
    case 0:
        (simple_lock)(l);
        return true;
    case 1:
        return simple_lock_try(l);
    default:
        simple_lock(l);
        return true;
    }
}

static void simple_give(struct party *me, simple_lock_t l)
{
    if (pick(me, 2) == 0)
        (simple_unlock)(l);
    else
        simple_unlock(l);
}

static void simple_visit(struct party *me, unsigned at)
{
    simple_lock_t l = &st.locks[at];
    if (!simple_take(me, l))
        return;
    if (!lock_mine(l) || simple_lock_try(l))
        torture_fail("thread %u: a simple lock has another owner, or two", me->index);
    section_write(&st.data[at], me);
    aix_expect_deferred(me);
    if (at + 1 < LOCKS && pick(me, 2) == 0)
        simple_visit(me, at + 1);
    simple_give(me, l);
    if (lock_mine(l))
        torture_fail("thread %u owns a simple lock that it gave back", me->index);
}

static void simple_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        if (pick(me, 4) == 0)
            aix_shoot(me);
        simple_visit(me, pick(me, LOCKS));
    }
}

static void simple_check(void)
{
    aix_check_unblocks();
    for (unsigned i = 0; i < LOCKS; i++) {
        section_check(&st.data[i], "simple lock");
        if (!simple_lock_try(&st.locks[i])) {
            torture_fail("simple lock %u is not free after the round", i);
            return;
        }
        simple_unlock(&st.locks[i]);
        if (torture.round % 8 == 0)
            simple_lock_init(&st.locks[i]);
    }
}

const struct row torture_row_simple = {
    .op = simple_op,
    .check = simple_check,
    .words = st.locks,
    .bytes = sizeof st.locks,
};

/* Between threads and handlers ---------------------------------------------------- */

static struct {
    Simple_lock locks[LOCKS]; /* taken in this order */
    struct section data[LOCKS];
} si;

/* The priority walks back as the locks are given back, last one first (T20). */
static void irq_visit(struct party *me, unsigned at)
{
    unsigned before = me->closed;
    unsigned level = aix_level(me);
    simple_lock_t l = &si.locks[at];
    int was = disable_lock(aix_priority(level), l);
    aix_close(me, level);
    if (was != aix_priority(before))
        torture_fail("thread %u: disable_lock returned priority %d at level %u",
                     me->index, was, before);
    if (!lock_mine(l))
        torture_fail("thread %u: disable_lock has not taken the lock", me->index);
    torture_raise(pick(me, torture.threads), TORTURE_IRQ_ROW);
    section_write(&si.data[at], me);
    if (at + 1 < LOCKS && pick(me, 2) == 0)
        irq_visit(me, at + 1);
    aix_close(me, before);
    unlock_enable(was, l);
}

static void simple_irq_op(struct party *me)
{
    static const unsigned levels[] = {0, 0, 0, 5, 11};
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        unsigned level = levels[pick(me, 5)];
        (void)i_disable(aix_priority(level));
        aix_close(me, level);
        irq_visit(me, pick(me, LOCKS));
        aix_close(me, 0);
        torture_expect_level(me, level, "unlock_enable");
    }
}

static void simple_irq_interrupt(struct party *me, int irq)
{
    irq_visit(me, irq == TORTURE_IRQ_LOW ? 0 : LOCKS - 1);
}

static void simple_irq_check(void)
{
    for (unsigned i = 0; i < LOCKS; i++) {
        section_check(&si.data[i], "simple lock");
        int was = disable_lock(INTMAX, &si.locks[i]);
        if (was != INTBASE)
            torture_fail("priority %d after the round", was);
        unlock_enable(was, &si.locks[i]);
    }
}

const struct row torture_row_simple_irq = {
    .op = simple_irq_op,
    .interrupt = simple_irq_interrupt,
    .check = simple_irq_check,
    .words = si.locks,
    .bytes = sizeof si.locks,
};

/*
 * A holder that leaves its handlers open, which is wrong: a handler that wants the lock
 * of the thread that it interrupts is refused, and nothing changes.
 */
static struct {
    Simple_lock lock;
    struct section data;
    /* Of each thread's handlers: calls that are to be refused, and those that were. */
    unsigned expects[TORTURE_MAX + 1];
    unsigned long told[TORTURE_MAX + 1];
} ss;

extern const struct row torture_row_simple_self;

static void on_violation(const ksl_violation *v, void *arg)
{
    const struct party *me = torture_me;
    (void)arg;
    if (torture.row->row == &torture_row_simple_self && me != NULL &&
        ss.expects[me->index] > 0 && v->lock == &ss.lock &&
        strcmp(v->rule, "recursion") == 0)
        ss.told[me->index]++;
    else
        torture_fail("violation %s: %s", v->rule, v->message);
}

/* For the other rows this handler does what the driver's does. */
static void simple_self_setup(void)
{
    ksl_set_violation_handler(on_violation, NULL);
}

static void self_visit(struct party *me, unsigned level)
{
    unsigned before = me->closed;
    int was = disable_lock(aix_priority(level), &ss.lock);
    aix_close(me, level);
    if (me->index < torture.threads)
        torture_raise(me->index, TORTURE_IRQ_ROW);
    section_write(&ss.data, me);
    aix_close(me, before);
    unlock_enable(was, &ss.lock);
}

static void simple_self_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        self_visit(me, 1);
        torture_expect_level(me, 0, "unlock_enable");
    }
}

static void simple_self_interrupt(struct party *me, int irq)
{
    (void)irq;
    if (!lock_mine(&ss.lock)) {
        self_visit(me, me->closed);
        return;
    }
    unsigned long told = ss.told[me->index];
    ss.expects[me->index]++;
    int was = disable_lock(INTMAX, &ss.lock);
    int now = i_disable(INTMAX);
    i_enable(now);
    ss.expects[me->index]--;
    if (ss.told[me->index] == told)
        torture_fail("thread %u: a handler got a lock of its thread", me->index);
    if (was != aix_priority(me->closed) || now != was)
        torture_fail("thread %u: a refused disable_lock returned %d at %d, and left %d",
                     me->index, was, aix_priority(me->closed), now);
}

static void simple_self_check(void)
{
    section_check(&ss.data, "simple lock");
    unlock_enable(disable_lock(INTMAX, &ss.lock), &ss.lock);
}

const struct row torture_row_simple_self = {
    .setup = simple_self_setup,
    .op = simple_self_op,
    .interrupt = simple_self_interrupt,
    .check = simple_self_check,
    .words = &ss.lock,
    .bytes = sizeof ss.lock,
};
