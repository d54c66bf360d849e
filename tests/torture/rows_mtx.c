/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of mutex(9). */

#include "freebsd.h"

/* Sleeping mutexes ----------------------------------------------------------- */

static struct {
    struct mtx lock;
    struct guarded data;
    bool writing[TORTURE_MAX + 1]; /* by the thread itself, not by its handlers */
} md;

static void mtx_setup(void)
{
    if (!mtx_initialized(&md.lock))
        mtx_init(&md.lock, "torture", "torture", MTX_DEF | MTX_RECURSE);
}

static bool mtx_take(struct party *me)
{
    switch (pick(me, 4)) {
    case 0:
        (mtx_lock)(&md.lock);
        return true;
    case 1:
        return mtx_trylock(&md.lock) != 0;
    default:
        mtx_lock(&md.lock);
        return true;
    }
}

static void mtx_give(struct party *me)
{
    if (pick(me, 2) == 0)
        (mtx_unlock)(&md.lock);
    else
        mtx_unlock(&md.lock);
}

static void mtx_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        unsigned more = pick(me, 4) == 0 ? pick(me, 4) : 0;
        if (!mtx_take(me))
            continue;
        for (unsigned i = 0; i < more; i++) {
            if (!mtx_take(me))
                torture_fail("thread %u: the owner's mtx_trylock failed", me->index);
        }
        if ((mtx_recursed(&md.lock) != 0) != (more > 0))
            torture_fail("thread %u: mtx_recursed with %u holds", me->index, 1 + more);
        STORE(&md.writing[me->index], true);
        guarded_write(&md.data, me);
        STORE(&md.writing[me->index], false);
        for (unsigned i = 0; i < more; i++)
            mtx_give(me);
        mtx_assert(&md.lock, MA_OWNED | MA_NOTRECURSED);
        mtx_give(me);
    }
}

/* Succeeds beside the interrupted owner, too: it acts for that thread. */
static void mtx_interrupt(struct party *me, int irq)
{
    (void)irq;
    if (!mtx_trylock(&md.lock))
        return;
    if (!LOAD(&md.writing[me->index])) {
        STORE(&md.writing[me->index], true); /* for handlers of this one */
        guarded_write(&md.data, me);
        STORE(&md.writing[me->index], false);
    }
    mtx_give(me);
}

static void mtx_check(void)
{
    guarded_check(&md.data, "mtx");
    if ((md.lock.mtx_lock & ~(uintptr_t)KSL_WORD_SLOTS) != KSL_WORD_BASE ||
        md.lock.mtx_recurse != 0)
        torture_fail("mtx is not free after the round: %#lx, %u levels",
                     (unsigned long)md.lock.mtx_lock, md.lock.mtx_recurse);
    if (torture.round % 8 == 0)
        mtx_destroy(&md.lock);
}

const struct row torture_row_mtx = {
    .setup = mtx_setup,
    .op = mtx_op,
    .interrupt = mtx_interrupt,
    .check = mtx_check,
    .words = &md.lock,
    .bytes = sizeof md.lock,
};

/* Spinning mutexes ----------------------------------------------------------- */

static struct {
    struct mtx outer; /* taken before inner; recurses */
    struct mtx inner;
    struct guarded outer_data;
    struct guarded inner_data;
} ms;

static void mtx_spin_setup(void)
{
    if (!mtx_initialized(&ms.outer))
        mtx_init(&ms.outer, "outer", NULL, MTX_SPIN | MTX_RECURSE);
    if (!mtx_initialized(&ms.inner))
        mtx_init(&ms.inner, "inner", NULL, MTX_SPIN);
}

static bool spin_take(struct party *me, struct mtx *m)
{
    switch (pick(me, 4)) {
    case 0:
        (mtx_lock_spin)(m);
        return true;
    case 1:
        return mtx_trylock_spin(m) != 0;
    default:
        mtx_lock_spin(m);
        return true;
    }
}

static void expect_masked(struct party *me)
{
    if (ksl_irq_enabled())
        torture_fail("thread %u holds a spin mutex with interrupts open", me->index);
}

static void spin_inner(struct party *me)
{
    if (!spin_take(me, &ms.inner))
        return;
    expect_masked(me);
    guarded_write(&ms.inner_data, me);
    mtx_unlock_spin(&ms.inner);
}

/* Both are given back in any order. */
static void spin_both(struct party *me)
{
    if (!spin_take(me, &ms.outer))
        return;
    bool again = pick(me, 4) == 0;
    if (again)
        mtx_lock_spin(&ms.outer);
    guarded_write(&ms.outer_data, me);
    if (again)
        (mtx_unlock_spin)(&ms.outer);
    bool inner = pick(me, 2) == 0 && spin_take(me, &ms.inner);
    expect_masked(me);
    if (inner) {
        guarded_write(&ms.inner_data, me);
        bool swap = pick(me, 2) == 0;
        mtx_unlock_spin(swap ? &ms.outer : &ms.inner);
        expect_masked(me);
        mtx_unlock_spin(swap ? &ms.inner : &ms.outer);
    } else {
        mtx_unlock_spin(&ms.outer);
    }
}

static void mtx_spin_op(struct party *me)
{
    static const unsigned levels[] = {0, 0, 0, 5, 11};
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        unsigned level = levels[pick(me, 5)];
        ksl_irq_set_level(level);
        if (pick(me, 2) == 0)
            spin_inner(me);
        else
            spin_both(me);
        torture_expect_level(me, level, "mtx_unlock_spin");
    }
}

static void mtx_spin_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_LOW)
        spin_both(me);
    else
        spin_inner(me);
    if (ksl_irq_save() == 0)
        torture_fail("thread %u: a handler is at level 0", me->index);
}

static void expect_free(struct mtx *m)
{
    if (!mtx_trylock_spin(m)) {
        torture_fail("a spin mtx is not free after the round: %#lx",
                     (unsigned long)m->mtx_lock);
        return;
    }
    mtx_assert(m, MA_OWNED | MA_NOTRECURSED);
    mtx_unlock_spin(m);
}

static void mtx_spin_check(void)
{
    guarded_check(&ms.outer_data, "outer spin mtx");
    guarded_check(&ms.inner_data, "inner spin mtx");
    expect_free(&ms.outer);
    expect_free(&ms.inner);
    if (torture.round % 8 == 0)
        mtx_destroy(&ms.outer);
}

const struct row torture_row_mtx_spin = {
    .setup = mtx_spin_setup,
    .op = mtx_spin_op,
    .interrupt = mtx_spin_interrupt,
    .check = mtx_spin_check,
    .words = &ms.outer,
    .bytes = 2 * sizeof ms.outer,
};

/* Sleepers with a spinning mutex; handlers make units, too. */
static struct {
    struct mtx lock;
    unsigned units; /* these under the lock */
    unsigned made;
    unsigned used;
    struct guarded data;
} sp;

static void spin_sleep_setup(void)
{
    if (!mtx_initialized(&sp.lock))
        mtx_init(&sp.lock, "units", NULL, MTX_SPIN);
    sp.units = 0;
    sp.made = 0;
    sp.used = 0;
}

static void spin_make_unit(struct party *me)
{
    mtx_lock_spin(&sp.lock);
    guarded_write(&sp.data, me);
    sp.units++;
    sp.made++;
    mtx_unlock_spin(&sp.lock);
    wakeup_one(&sp.units);
}

static void spin_sleep_op(struct party *me)
{
    if (role(me) == 0) {
        for (unsigned i = 1; i < torture.threads; i++) {
            torture_dally(me);
            spin_make_unit(me);
        }
        return;
    }
    mtx_lock_spin(&sp.lock);
    while (sp.units == 0 && !torture_failed()) {
        int timo = pick(me, 8) == 0 ? 1 : 0;
        int error = msleep_spin(&sp.units, &sp.lock, "unit", timo);
        mtx_assert(&sp.lock, MA_OWNED);
        expect_masked(me);
        if (error != 0 && (error != EWOULDBLOCK || timo == 0))
            torture_fail("thread %u: msleep_spin returned %d", me->index, error);
    }
    sp.units--;
    sp.used++;
    guarded_write(&sp.data, me);
    mtx_unlock_spin(&sp.lock);
    torture_expect_level(me, 0, "msleep_spin");
}

static void spin_sleep_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_HIGH && mtx_initialized(&sp.lock))
        spin_make_unit(me);
}

static void spin_sleep_check(void)
{
    guarded_check(&sp.data, "interlock");
    if (sp.made != sp.used + sp.units)
        torture_fail("%u units made, %u used, %u left", sp.made, sp.used, sp.units);
    expect_free(&sp.lock);
}

const struct row torture_row_mtx_spin_sleep = {
    .setup = spin_sleep_setup,
    .op = spin_sleep_op,
    .interrupt = spin_sleep_interrupt,
    .check = spin_sleep_check,
    .words = &sp.lock,
    .bytes = sizeof sp.lock,
};
