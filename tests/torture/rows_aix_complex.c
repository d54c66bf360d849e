/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of AIX's complex locks. */

#include "aix.h"

enum { LOCKS = 2, NESTED = 3 };

static struct {
    Complex_lock locks[LOCKS]; /* taken in this order */
    struct section data[LOCKS];
    unsigned arrived, winners; /* atomic, of rounds in which all upgrade at once */
} cx;

static void complex_setup(void)
{
    STORE(&cx.arrived, 0u);
    STORE(&cx.winners, 0u);
}

static void complex_check(void)
{
    aix_check_unblocks();
    for (unsigned i = 0; i < LOCKS; i++) {
        section_check(&cx.data[i], "complex lock");
        if (lock_islocked(&cx.locks[i]))
            torture_fail("complex lock %u is not free after the round", i);
        if (torture.round % 8 == 0)
            lock_init(&cx.locks[i], torture.round % 16 == 0);
    }
}

/* Readers, writers, recursion ------------------------------------------------------- */

static void complex_visit(struct party *me, unsigned at);

static void visit_next(struct party *me, unsigned at)
{
    if (at + 1 < LOCKS && pick(me, 2) == 0)
        complex_visit(me, at + 1);
}

/* A reader is admitted whoever waits (T33), so its own try cannot fail. */
static void visit_reading(struct party *me, unsigned at)
{
    complex_lock_t l = &cx.locks[at];
    unsigned more = pick(me, 3) == 0 ? pick(me, NESTED) : 0;
    if (pick(me, 4) != 0)
        lock_read(l);
    else if (!lock_try_read(l))
        return;
    for (unsigned i = 0; i < more; i++) {
        section_read(&cx.data[at], me);
        if (pick(me, 2) == 0)
            lock_read(l);
        else if (!lock_try_read(l))
            torture_fail("thread %u: a reader may not read", me->index);
    }
    if (!lock_islocked(l))
        torture_fail("thread %u: lock_islocked overlooks its share", me->index);
    if (lock_mine(l) || lock_try_write(l))
        torture_fail("thread %u: its share is an exclusive hold", me->index);
    section_read(&cx.data[at], me);
    aix_expect_deferred(me);
    visit_next(me, at);
    for (unsigned i = 0; i < more; i++)
        lock_done(l);
    section_read(&cx.data[at], me); /* the last one still keeps writers out */
    lock_done(l);
}

/* Each nested hold has its own lock_done (T47). */
static void nest(struct party *me, unsigned at)
{
    complex_lock_t l = &cx.locks[at];
    unsigned more = pick(me, NESTED);
    lock_set_recursive(l);
    for (unsigned i = 0; i < more; i++) {
        unsigned way = pick(me, 4);
        if (way == 0)
            lock_read(l);
        else if (way == 1)
            lock_write(l);
        else if (way == 2 ? !lock_try_read(l) : !lock_try_write(l))
            torture_fail("thread %u: a nested try failed", me->index);
    }
    section_write(&cx.data[at], me);
    for (unsigned i = 0; i < more; i++)
        lock_done(l);
    lock_clear_recursive(l);
    if (!lock_mine(l) || lock_try_write(l) || lock_try_read(l))
        torture_fail("thread %u: its lock is not held once", me->index);
}

static void visit_writing(struct party *me, unsigned at)
{
    complex_lock_t l = &cx.locks[at];
    if (pick(me, 4) != 0)
        lock_write(l);
    else if (!lock_try_write(l))
        return;
    section_write(&cx.data[at], me);
    if (pick(me, 3) == 0)
        nest(me, at);
    aix_expect_deferred(me);
    visit_next(me, at);
    section_write(&cx.data[at], me);
    if (pick(me, 3) == 0) {
        lock_write_to_read(l);
        section_read(&cx.data[at], me);
    }
    lock_done(l);
}

static void complex_visit(struct party *me, unsigned at)
{
    unsigned writers = (unsigned)(torture.round % 5);
    if (pick(me, 6) < writers)
        visit_writing(me, at);
    else
        visit_reading(me, at);
}

static void complex_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        if (pick(me, 4) == 0)
            aix_shoot(me);
        complex_visit(me, pick(me, LOCKS));
    }
}

const struct row torture_row_complex = {
    .setup = complex_setup,
    .op = complex_op,
    .check = complex_check,
    .words = cx.locks,
    .bytes = sizeof cx.locks,
};

/* Upgrades -------------------------------------------------------------------------- */

/*
 * The caller has one share. True if it is the writer now; else it has its share still,
 * or with lock_read_to_write nothing.
 */
static bool upgrade(struct party *me, complex_lock_t l, bool keeps)
{
    if (keeps ? lock_try_read_to_write(l) : !lock_read_to_write(l)) {
        if (!lock_mine(l))
            torture_fail("thread %u: the upgraded lock is not its own", me->index);
        return true;
    }
    if (lock_mine(l) || (keeps && !lock_islocked(l)))
        torture_fail("thread %u: a failed upgrade left the wrong hold", me->index);
    return false;
}

static void upgrade_visit(struct party *me)
{
    complex_lock_t l = &cx.locks[0];
    struct section *data = &cx.data[0];
    bool keeps = pick(me, 2) == 0;
    lock_read(l);
    section_read(data, me);
    unsigned long seen = data->plain;
    if (upgrade(me, l, keeps)) {
        if (data->plain != seen)
            torture_fail("thread %u: somebody wrote before its upgrade", me->index);
        section_write(data, me);
        if (pick(me, 2) == 0) {
            lock_write_to_read(l);
            section_read(data, me);
        }
    } else if (keeps) {
        section_read(data, me);
        if (data->plain != seen)
            torture_fail("thread %u: somebody wrote beside its share", me->index);
    } else if (pick(me, 2) == 0) {
        lock_write(l); /* as it must: it has nothing any more (T44) */
        section_write(data, me);
    } else {
        return;
    }
    lock_done(l);
}

/* All have a share when the first one asks: exactly one of them gets it. */
static void upgrade_meet(struct party *me)
{
    complex_lock_t l = &cx.locks[0];
    bool keeps = pick(me, 2) == 0;
    lock_read(l);
    ADD(&cx.arrived, 1u);
    TORTURE_UNTIL(LOAD(&cx.arrived) == torture.threads);
    if (upgrade(me, l, keeps)) {
        if (ADD(&cx.winners, 1u) != 1)
            torture_fail("thread %u is the second one to upgrade", me->index);
        section_write(&cx.data[0], me);
    } else if (keeps) {
        section_read(&cx.data[0], me);
    } else {
        return;
    }
    lock_done(l);
}

static bool all_meet(void)
{
    return torture.round % 2 == 0;
}

static void upgrade_op(struct party *me)
{
    if (all_meet()) {
        upgrade_meet(me);
        return;
    }
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        if (pick(me, 6) != 0)
            upgrade_visit(me);
        else
            visit_writing(me, 0);
    }
}

static void upgrade_check(void)
{
    if (all_meet() && LOAD(&cx.winners) != 1)
        torture_fail("%u of %u upgrades succeeded", cx.winners, torture.threads);
    complex_check();
}

const struct row torture_row_complex_upgrade = {
    .setup = complex_setup,
    .op = upgrade_op,
    .check = upgrade_check,
    .words = cx.locks,
    .bytes = sizeof cx.locks,
};
