/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of sx(9) with interrupted waits, and with interrupt handlers. */

#include "freebsd.h"

static struct {
    struct sx lock;
    struct guarded data;
} ss;

static void ss_setup(void)
{
    sx_ready(&ss.lock, 0);
}

static void ss_check(void)
{
    guarded_check(&ss.data, "sx");
    sx_check_idle(&ss.lock);
}

/* Interruptible waits ------------------------------------------------------- */

static bool take_interruptibly(struct party *me, bool alone)
{
    for (unsigned tries = pick(me, 4);; tries--) {
        int error;
        if (pick(me, 2) == 0)
            error = alone ? sx_xlock_sig(&ss.lock) : sx_slock_sig(&ss.lock);
        else
            error = alone ? (sx_xlock_sig)(&ss.lock) : (sx_slock_sig)(&ss.lock);
        if (sx_in(me, error))
            return true;
        sx_assert(&ss.lock, SA_UNLOCKED);
        if (tries == 0)
            return false;
    }
}

static void sig_visit(struct party *me, bool alone)
{
    if (pick(me, 4) != 0) {
        if (!take_interruptibly(me, alone))
            return;
    } else if (alone) {
        sx_take_alone(me, &ss.lock);
    } else {
        sx_take_share(me, &ss.lock);
    }
    if (alone) {
        guarded_write(&ss.data, me);
        sx_give_alone(me, &ss.lock);
    } else {
        guarded_read(&ss.data, me);
        sx_give_share(me, &ss.lock);
    }
}

static void sx_sig_op(struct party *me)
{
    unsigned writers = 1 + (unsigned)(torture.round % 3);
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        if (pick(me, 3) == 0)
            torture_shoot(me);
        sig_visit(me, pick(me, 4) < writers);
    }
}

static void sx_sig_setup(void)
{
    ss_setup();
    for (int signo = 2; signo <= 64; signo += 2)
        ksl_signal_action(signo, KSL_SIGNAL_RESTART);
}

const struct row torture_row_sx_sig = {
    .setup = sx_sig_setup,
    .op = sx_sig_op,
    .check = ss_check,
    .words = &ss.lock,
    .bytes = sizeof ss.lock,
};

/*
 * A sharer stays until all readers are inside, who came after a writer; that one
 * has to give up first.
 */
static struct {
    unsigned held;
    unsigned gave_up;
    unsigned inside;
} gu; /* atomic */

static void give_up_setup(void)
{
    ss_setup();
    STORE(&gu.held, 0u);
    STORE(&gu.gave_up, 0u);
    STORE(&gu.inside, 0u);
}

static struct party *who_is(unsigned wanted)
{
    for (unsigned i = 0; i < torture.threads; i++) {
        if (role(&torture.parties[i]) == wanted)
            return &torture.parties[i];
    }
    return &torture.parties[0];
}

static void drive_out(struct party *me, struct party *writer)
{
    if (pick(me, 2) == 0) {
        ADD(&me->signals, 1ul);
        ksl_signal_post(writer->thread, 1 + (int)pick(me, 64));
        return;
    }
    bool ended = false;
    while (!ended && LOAD(&gu.gave_up) == 0 && !torture_failed()) {
        ended = ksl_thread_unblock(writer->thread) == 1;
        if (ended)
            ADD(&writer->unblocks, 1ul);
        else
            torture_yield();
    }
}

static void stay_for_readers(struct party *me)
{
    struct party *writer = who_is(1);
    sx_take_share(me, &ss.lock);
    STORE(&gu.held, 1u);
    for (unsigned i = 1; i < torture.threads && pick(me, 8) != 0; i++) {
        const ksl_thread *t = who_is(i)->thread;
        TORTURE_UNTIL(ksl_thread_asleep(t) || LOAD(&gu.gave_up) != 0);
    }
    drive_out(me, writer);
    TORTURE_UNTIL(LOAD(&gu.inside) == torture.threads - 2);
    guarded_read(&ss.data, me);
    sx_give_share(me, &ss.lock);
}

static void sx_give_up_op(struct party *me)
{
    if (role(me) == 0) {
        stay_for_readers(me);
        return;
    }
    TORTURE_UNTIL(LOAD(&gu.held) != 0);
    if (role(me) == 1) {
        if (sx_in(me, sx_xlock_sig(&ss.lock))) {
            torture_fail("thread %u: got the lock beside a sharer", me->index);
            sx_give_alone(me, &ss.lock);
        }
        STORE(&gu.gave_up, 1u);
        return;
    }
    const ksl_thread *writer = who_is(1)->thread;
    TORTURE_UNTIL(ksl_thread_asleep(writer) || LOAD(&gu.gave_up) != 0);
    sx_take_share(me, &ss.lock);
    ADD(&gu.inside, 1u);
    guarded_read(&ss.data, me);
    sx_give_share(me, &ss.lock);
}

const struct row torture_row_sx_give_up = {
    .setup = give_up_setup,
    .op = sx_give_up_op,
    .check = ss_check,
    .words = &ss.lock,
    .bytes = sizeof ss.lock,
};

/* Handlers ------------------------------------------------------------------ */

/*
 * What the thread has of the lock and a handler may work with: set while the
 * thread itself does nothing with it. A handler takes it, and puts back what
 * it leaves.
 */
enum window { CLOSED, SHARE, ALONE, NOTHING };
static enum window windows[TORTURE_MAX + 1];

static enum window open_window(struct party *me, enum window holds)
{
    STORE(&windows[me->index], holds);
    torture_dally(me);
    torture_raise(me->index, TORTURE_IRQ_ROW);
    torture_raise(pick(me, torture.threads), TORTURE_IRQ_ROW);
    return __atomic_exchange_n(&windows[me->index], CLOSED, __ATOMIC_SEQ_CST);
}

static void give(struct party *me, enum window holds)
{
    if (holds == SHARE)
        sx_give_share(me, &ss.lock);
    else if (holds == ALONE)
        sx_give_alone(me, &ss.lock);
}

static void sx_try_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        torture_raise(pick(me, torture.threads), TORTURE_IRQ_ROW);
        if (pick(me, 3) == 0) {
            sx_take_alone(me, &ss.lock);
            guarded_write(&ss.data, me);
            give(me, pick(me, 2) == 0 ? open_window(me, ALONE) : ALONE);
        } else {
            sx_take_share(me, &ss.lock);
            guarded_read(&ss.data, me);
            give(me, pick(me, 2) == 0 ? open_window(me, SHARE) : SHARE);
        }
    }
}

static enum window handle_alone(struct party *me)
{
    guarded_write(&ss.data, me);
    if (pick(me, 3) == 0) {
        sx_give_alone(me, &ss.lock);
        return NOTHING;
    }
    sx_downgrade(&ss.lock);
    guarded_read(&ss.data, me);
    return sx_try_upgrade(&ss.lock) ? ALONE : SHARE;
}

static enum window handle_share(struct party *me)
{
    guarded_read(&ss.data, me);
    if (pick(me, 3) == 0) {
        sx_give_share(me, &ss.lock);
        return sx_try_slock(&ss.lock) ? SHARE : NOTHING;
    }
    if (!sx_try_upgrade(&ss.lock))
        return SHARE;
    guarded_write(&ss.data, me);
    if (pick(me, 2) == 0)
        return ALONE;
    sx_downgrade(&ss.lock);
    return SHARE;
}

static void sx_try_interrupt(struct party *me, int irq)
{
    (void)irq;
    enum window *mine = &windows[me->index];
    enum window holds = __atomic_exchange_n(mine, CLOSED, __ATOMIC_SEQ_CST);
    if (holds == SHARE) {
        STORE(mine, handle_share(me));
    } else if (holds == ALONE) {
        STORE(mine, handle_alone(me));
    } else if (pick(me, 2) == 0) {
        if (sx_try_slock(&ss.lock)) {
            guarded_read(&ss.data, me);
            sx_give_share(me, &ss.lock);
        }
        STORE(mine, holds);
    } else {
        if (sx_try_xlock(&ss.lock)) {
            guarded_write(&ss.data, me);
            sx_give_alone(me, &ss.lock);
        }
        STORE(mine, holds);
    }
}

const struct row torture_row_sx_try = {
    .setup = ss_setup,
    .op = sx_try_op,
    .interrupt = sx_try_interrupt,
    .check = ss_check,
    .words = &ss.lock,
    .bytes = sizeof ss.lock,
};
