/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of sleep(9) and condvar(9). One worker makes a unit for each consumer, with one
 * wake-up each, and counts phases up, with a wake-up for all. The interlock is an
 * sx, which waiters for a phase hold shared, or a mutex.
 */

#include "freebsd.h"

#include "platform/park.h"

enum { PHASES = 3 };

static struct {
    struct sx sx;
    struct mtx mtx;
    struct cv unit_cv;
    struct cv phase_cv;
    bool by_mtx; /* constant in a round, as by_cv */
    bool by_cv;
    bool ready;
    unsigned units; /* these under the interlock */
    unsigned made;
    unsigned used;
    unsigned phase;
    unsigned acks; /* atomic: how often a waiter has seen its phase */
    struct guarded data;
} sl;

enum mode { ALONE, SHARED };

static void sleep_setup(bool by_cv)
{
    sx_ready(&sl.sx, 0);
    if (!mtx_initialized(&sl.mtx))
        mtx_init(&sl.mtx, "torture", NULL, MTX_DEF);
    if (!sl.ready) {
        cv_init(&sl.unit_cv, "unit");
        cv_init(&sl.phase_cv, "phase");
        sl.ready = true;
    }
    sl.by_cv = by_cv;
    sl.by_mtx = torture.round % 4 == 3;
    sl.units = 0;
    sl.made = 0;
    sl.used = 0;
    sl.phase = 0;
    STORE(&sl.acks, 0u);
}

static void channel_setup(void)
{
    sleep_setup(false);
}

static void cv_setup(void)
{
    sleep_setup(true);
}

static void take(struct party *me, enum mode mode)
{
    if (sl.by_mtx)
        mtx_lock(&sl.mtx);
    else if (mode == ALONE)
        sx_take_alone(me, &sl.sx);
    else
        sx_take_share(me, &sl.sx);
}

static void give(struct party *me, enum mode mode)
{
    if (sl.by_mtx)
        mtx_unlock(&sl.mtx);
    else if (mode == ALONE)
        sx_give_alone(me, &sl.sx);
    else
        sx_give_share(me, &sl.sx);
}

static void expect_taken(enum mode mode)
{
    if (sl.by_mtx)
        mtx_assert(&sl.mtx, MA_OWNED | MA_NOTRECURSED);
    else
        sx_assert(&sl.sx, mode == ALONE ? SA_XLOCKED | SA_NOTRECURSED : SA_SLOCKED);
}

static int sleep_on_channel(const void *channel, int priority, int timo)
{
    if (!sl.by_mtx)
        return sx_sleep(channel, &sl.sx, priority, "wait", timo);
    return timo == 0 ? mtx_sleep(channel, &sl.mtx, priority, "wait", timo)
                     : msleep(channel, &sl.mtx, priority, "wait", timo);
}

static int wait_on_cv(struct cv *cv, int flags, int timo)
{
    struct lock_object *lock = sl.by_mtx ? &sl.mtx.lock_object : &sl.sx.lock_object;
    return ksl_freebsd_cv_wait(cv, lock, flags, timo, KSL_PLACE());
}

/* One sleep for the unit or the phase; the interlock is held before and afterwards. */
static void sleep_once(struct party *me, struct cv *cv, enum mode mode)
{
    bool catch = pick(me, 2) == 0;
    bool drop = pick(me, 4) == 0;
    int timo = pick(me, 6) == 0 ? 1 + (int)pick(me, 3) : 0;
    uint64_t begin = ksi_host_now();
    int error;
    if (sl.by_cv)
        error =
            wait_on_cv(cv, (catch ? 1 : 0) | (drop ? 2 : 0) | (timo != 0 ? 4 : 0), timo);
    else
        error = sleep_on_channel(cv, PRIBIO | (catch ? PCATCH : 0) | (drop ? PDROP : 0),
                                 timo);
    uint64_t slept = ksi_host_now() - begin;
    if (drop)
        take(me, mode);
    expect_taken(mode);
    sx_judge_sleep(me, error, catch, timo, slept);
}

/* By the address of the condition variable, which may be a channel, too. */
static void wake_one(struct party *me)
{
    if (sl.by_cv)
        cv_signal(&sl.unit_cv);
    else if (pick(me, 2) == 0)
        wakeup_one(&sl.unit_cv);
    else
        wakeup_any(&sl.unit_cv);
}

static void wake_all(void)
{
    if (sl.by_cv)
        cv_broadcastpri(&sl.phase_cv, PRIBIO);
    else
        wakeup(&sl.phase_cv);
}

/* Roles: 0 makes; even ones consume; odd ones wait for phases. */
static unsigned consumers(void)
{
    return (torture.threads - 1) / 2;
}

static unsigned watchers(void)
{
    return torture.threads / 2;
}

static void make_unit(struct party *me)
{
    bool early = pick(me, 2) == 0;
    take(me, ALONE);
    guarded_write(&sl.data, me);
    sl.units++;
    sl.made++;
    if (early)
        wake_one(me);
    give(me, ALONE);
    if (!early)
        wake_one(me);
}

static void next_phase(struct party *me)
{
    TORTURE_UNTIL(LOAD(&sl.acks) == watchers() * sl.phase);
    torture_dally(me);
    take(me, ALONE);
    guarded_write(&sl.data, me);
    sl.phase++;
    give(me, ALONE);
    wake_all();
}

static void produce(struct party *me)
{
    unsigned phases = PHASES, units = consumers();
    while (phases + units > 0) {
        torture_dally(me);
        if (pick(me, phases + units) < phases) {
            next_phase(me);
            phases--;
        } else {
            make_unit(me);
            units--;
        }
    }
}

static void sleep_op(struct party *me)
{
    if (role(me) == 0) {
        produce(me);
    } else if (role(me) % 2 == 0) {
        take(me, ALONE);
        while (sl.units == 0 && !torture_failed())
            sleep_once(me, &sl.unit_cv, ALONE);
        sl.units--;
        sl.used++;
        guarded_write(&sl.data, me);
        give(me, ALONE);
    } else {
        for (unsigned wanted = 1; wanted <= PHASES; wanted++) {
            take(me, SHARED);
            while (sl.phase < wanted && !torture_failed())
                sleep_once(me, &sl.phase_cv, SHARED);
            if (!sl.by_mtx)
                guarded_read(&sl.data, me);
            give(me, SHARED);
            ADD(&sl.acks, 1u);
        }
    }
}

static void sleep_interrupt(struct party *me, int irq)
{
    if (irq != TORTURE_IRQ_HIGH || !sl.ready)
        return;
    if (sl.by_mtx ? !mtx_trylock(&sl.mtx) : !sx_try_xlock(&sl.sx))
        return;
    sl.units++;
    sl.made++;
    give(me, ALONE);
    wake_one(me);
}

static void sleep_check(void)
{
    if (sl.made != sl.used + sl.units)
        torture_fail("%u units made, %u used, %u left", sl.made, sl.used, sl.units);
    guarded_check(&sl.data, "interlock");
    sx_check_idle(&sl.sx);
    if (mtx_owned(&sl.mtx) || sl.unit_cv.cv_waiters != 0 || sl.phase_cv.cv_waiters != 0)
        torture_fail("mutex or condition variable is in use after the round");
    if (torture.round % 8 != 0)
        return;
    mtx_destroy(&sl.mtx);
    cv_destroy(&sl.unit_cv);
    cv_destroy(&sl.phase_cv);
    sl.ready = false;
}

const struct row torture_row_sx_sleep = {
    .setup = channel_setup,
    .op = sleep_op,
    .interrupt = sleep_interrupt,
    .check = sleep_check,
    .words = &sl.sx,
    .bytes = sizeof sl.sx + sizeof sl.mtx,
};

const struct row torture_row_cv = {
    .setup = cv_setup,
    .op = sleep_op,
    .interrupt = sleep_interrupt,
    .check = sleep_check,
    .words = &sl.sx,
    .bytes = sizeof sl.sx + sizeof sl.mtx,
};
