/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of AIX's lockl locks and disabled read-write locks. */

#include "aix.h"

#include <errno.h>

/* lockl -------------------------------------------------------------------------- */

enum { WORDS = 2, NESTED = 3 };

static struct {
    lock_t words[WORDS]; /* taken in this order */
    struct section data[WORDS];
    struct section global; /* under kernel_lock */
} ll;

/* A wait for the lock ended by a signal: the caller does not have it (T5). */
static void expect_not_mine(struct party *me, lock_t *word)
{
    int result = lockl(word, LOCK_NDELAY);
    if (result == LOCK_NEST)
        torture_fail("thread %u owns a lock after a signal", me->index);
    if (result == LOCK_SUCC)
        unlockl(word);
}

static bool signalled(struct party *me, lock_t *word, bool holds)
{
    if (holds)
        torture_fail("thread %u: a signal ended a wait beside a lock", me->index);
    torture_interrupted(me);
    expect_not_mine(me, word);
    return false;
}

/* With LOCK_SIGWAKE a signal comes back to the saved context. */
static int take_or_jump(struct party *me, lock_t *word)
{
    label_t context;
    int came = setjmpx(&context);
    if (came != 0) {
        if (came != EINTR)
            torture_fail("thread %u: setjmpx returned %d", me->index, came);
        return LOCK_SIG;
    }
    int result = lockl(word, LOCK_SIGWAKE);
    clrjmpx(&context);
    return result;
}

static bool lockl_take(struct party *me, lock_t *word, bool holds)
{
    int result;
    switch (pick(me, 6)) {
    case 0:
        result = lockl(word, LOCK_NDELAY);
        if (result == LOCK_FAIL)
            return false;
        break;
    case 1:
        result = lockl(word, LOCK_SIGRET);
        break;
    case 2:
        result = lockl(word, LOCK_SIGRET | LOCK_SIGWAKE);
        break;
    case 3:
        result = take_or_jump(me, word);
        break;
    default:
        result = lockl(word, LOCK_SHORT);
        if (result == LOCK_SIG)
            torture_fail("thread %u: a signal ended a short wait", me->index);
        break;
    }
    if (result == LOCK_SIG)
        return signalled(me, word, holds);
    if (result != LOCK_SUCC)
        torture_fail("thread %u: lockl returned %d", me->index, result);
    return result == LOCK_SUCC;
}

static void lockl_visit(struct party *me, unsigned at, bool holds)
{
    static const int flags[] = {LOCK_SHORT, LOCK_NDELAY, LOCK_SIGRET, LOCK_SIGWAKE};
    lock_t *word = &ll.words[at];
    if (!lockl_take(me, word, holds))
        return;
    for (unsigned n = pick(me, NESTED); n > 0; n--) {
        if (lockl(word, flags[pick(me, 4)]) != LOCK_NEST)
            torture_fail("thread %u: its own lock is not LOCK_NEST", me->index);
    }
    section_write(&ll.data[at], me);
    aix_expect_deferred(me);
    if (at + 1 < WORDS && pick(me, 2) == 0)
        lockl_visit(me, at + 1, true);
    unlockl(word); /* flat */
    if (pick(me, 8) == 0)
        expect_not_mine(me, word);
}

/* A jump to a context that was saved with the global lock takes it again. */
static void leave_by_jump(struct party *me)
{
    enum { WAY = 7 };
    label_t context;
    if (lockl(&kernel_lock, LOCK_SHORT) != LOCK_SUCC)
        torture_fail("thread %u: no kernel_lock", me->index);
    int came = setjmpx(&context);
    if (came == 0) {
        section_write(&ll.global, me);
        unlockl(&kernel_lock);
        int was = i_disable(aix_priority(aix_level(me)));
        torture_fail("thread %u: longjmpx returned %d at %d", me->index, longjmpx(WAY),
                     was);
    }
    if (came != WAY || lockl(&kernel_lock, LOCK_NDELAY) != LOCK_NEST)
        torture_fail("thread %u: back with %d, or without kernel_lock", me->index, came);
    section_write(&ll.global, me);
    unlockl(&kernel_lock);
    torture_expect_level(me, 0, "longjmpx");
}

static void lockl_op(struct party *me)
{
    if (pick(me, 2) == 0)
        leave_by_jump(me);
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        if (pick(me, 2) == 0)
            aix_shoot(me);
        lockl_visit(me, pick(me, WORDS), false);
    }
}

static void lockl_check(void)
{
    aix_check_unblocks();
    section_check(&ll.global, "kernel_lock");
    for (unsigned i = 0; i < WORDS; i++) {
        section_check(&ll.data[i], "lockl lock");
        if (lockl(&ll.words[i], LOCK_NDELAY) != LOCK_SUCC) {
            torture_fail("lockl lock %u is not free after the round", i);
            return;
        }
        unlockl(&ll.words[i]);
        if (torture.round % 8 == 0)
            ll.words[i] = LOCK_AVAIL;
    }
}

const struct row torture_row_lockl = {
    .op = lockl_op,
    .check = lockl_check,
    .words = ll.words,
    .bytes = sizeof ll.words,
};

/* Disabled read-write locks --------------------------------------------------------- */

static struct {
    Drw_lock lock;
    struct section data;
} dr;

/* The caller is the writer; becomes a reader, or gives the lock back. */
static void drw_leave_write(struct party *me)
{
    section_write(&dr.data, me);
    if (pick(me, 2) == 0) {
        drw_lock_write_to_read(&dr.lock);
        section_read(&dr.data, me);
    }
    drw_lock_done(&dr.lock);
}

/* The caller has one share. Nobody writes between that and the upgrade. */
static void drw_upgrade(struct party *me, unsigned long seen)
{
    bool keeps = pick(me, 2) == 0;
    bool in =
        keeps ? drw_lock_try_read_to_write(&dr.lock) : drw_lock_read_to_write(&dr.lock);
    if (in) {
        if (dr.data.plain != seen)
            torture_fail("thread %u: somebody wrote before its upgrade", me->index);
        drw_leave_write(me);
    } else if (keeps) {
        section_read(&dr.data, me);
        drw_lock_done(&dr.lock);
    }
}

static void drw_visit_reading(struct party *me)
{
    unsigned shares = pick(me, 4) == 0 ? 2 : 1;
    for (unsigned i = 0; i < shares; i++) {
        drw_lock_read(&dr.lock);
        section_read(&dr.data, me);
    }
    if (!drw_lock_islocked(&dr.lock))
        torture_fail("thread %u: drw_lock_islocked overlooks its share", me->index);
    if (drw_lock_try_write(&dr.lock))
        torture_fail("thread %u: a reader may write", me->index);
    if (shares == 1 && pick(me, 2) == 0) {
        drw_upgrade(me, dr.data.plain);
        return;
    }
    for (unsigned i = 0; i < shares; i++)
        drw_lock_done(&dr.lock);
}

static void drw_visit(struct party *me)
{
    unsigned before = me->closed;
    unsigned level = aix_level(me);
    int was = i_disable(aix_priority(level));
    aix_close(me, level);
    torture_raise(pick(me, torture.threads), TORTURE_IRQ_ROW);
    switch (pick(me, 4)) {
    case 0:
        drw_lock_write(&dr.lock);
        drw_leave_write(me);
        break;
    case 1:
        if (drw_lock_try_write(&dr.lock))
            drw_leave_write(me);
        break;
    default:
        drw_visit_reading(me);
        break;
    }
    aix_close(me, before);
    i_enable(was);
}

static void drw_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        drw_visit(me);
        torture_expect_level(me, 0, "i_enable");
    }
}

static void drw_interrupt(struct party *me, int irq)
{
    (void)irq;
    drw_visit(me);
}

static void drw_check(void)
{
    section_check(&dr.data, "drw lock");
    if (drw_lock_islocked(&dr.lock))
        torture_fail("the drw lock is not free after the round");
    if (torture.round % 8 == 0) {
        drw_lock_free(&dr.lock);
        drw_lock_init(&dr.lock);
    }
}

const struct row torture_row_drw = {
    .op = drw_op,
    .interrupt = drw_interrupt,
    .check = drw_check,
    .words = &dr.lock,
    .bytes = sizeof dr.lock,
};
