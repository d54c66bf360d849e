/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the spinning locks and of interrupt masking itself. */

#include "torture.h"

#include <kernel/rwlock.h>

static struct {
    ksl_spinlock_t lock;
    struct section section;
} spin;

static struct {
    ksl_rwlock_t lock;
    struct section section;
} rw;

/* Spinlock ----------------------------------------------------------------- */

static unsigned some_level(struct party *me)
{
    static const unsigned levels[] = {0, 0, 0, 5, 11};
    return levels[pick(me, 5)];
}

static void spin_inside(struct party *me)
{
    if (!ksl_spinlock_held(&spin.lock))
        torture_fail("thread %u does not hold the spinlock that it took", me->index);
    if (ksl_irq_enabled())
        torture_fail("thread %u holds a spinlock with interrupts open", me->index);
    section_write(&spin.section, me);
}

static void spinlock_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        unsigned level = some_level(me);
        ksl_irq_set_level(level);
        ksl_spinlock_acquire(&spin.lock);
        spin_inside(me);
        ksl_spinlock_release(&spin.lock);
        torture_expect_level(me, level, "spinlock_release");
    }
}

static void spinlock_interrupt(struct party *me, int irq)
{
    (void)irq;
    ksl_spinlock_acquire(&spin.lock);
    spin_inside(me);
    ksl_spinlock_release(&spin.lock);
}

static void spinlock_check(void)
{
    section_check(&spin.section, "spinlock");
    if (LOAD(&spin.lock.word) != 0)
        torture_fail("spinlock is not free after the round");
}

const struct row torture_row_spinlock = {
    .op = spinlock_op,
    .interrupt = spinlock_interrupt,
    .check = spinlock_check,
    .words = &spin.lock,
    .bytes = sizeof spin.lock,
};

static void spin_by_try(struct party *me)
{
    unsigned level = some_level(me);
    ksl_irq_set_level(level);
    unsigned tries = pick(me, 20);
    while (tries > 0 && !ksl_spinlock_try_acquire(&spin.lock)) {
        torture_expect_level(me, level, "a failed try");
        ksl_irq_set_level(level);
        torture_dally(me);
        tries--;
    }
    if (tries > 0) {
        spin_inside(me);
        ksl_spinlock_release(&spin.lock);
    }
    torture_expect_level(me, level, "spinlock_try");
}

static void spin_by_irq(struct party *me)
{
    unsigned level = some_level(me);
    ksl_irq_set_level(level);
    int state = ksl_spinlock_acquire_irq(&spin.lock);
    spin_inside(me);
    ksl_spinlock_release_irq(&spin.lock, state);
    torture_expect_level(me, level, "spinlock_release_irq");
}

static void spin_by_preempt(struct party *me)
{
    ksl_irq_set_level(11); /* handlers take the lock too */
    ksl_spinlock_acquire_preempt(&spin.lock);
    spin_inside(me);
    if (ksl_preempt_count() != 1)
        torture_fail("thread %u: preemption count %u", me->index, ksl_preempt_count());
    ksl_spinlock_release_preempt(&spin.lock);
    torture_expect_level(me, 11, "spinlock_release_preempt");
}

static void spin_by_raw(struct party *me)
{
    unsigned state = ksl_irq_save();
    ksl_spinlock_raw_acquire(&spin.lock);
    spin_inside(me);
    ksl_spinlock_raw_release(&spin.lock);
    if (ksl_irq_enabled())
        torture_fail("thread %u: raw_release opened interrupts", me->index);
    ksl_irq_restore(state);
    torture_expect_level(me, 0, "ksl_irq_restore");
}

static void spinlock_try_op(struct party *me)
{
    static void (*const ways[])(struct party *) = {spin_by_try, spin_by_irq,
                                                   spin_by_preempt, spin_by_raw};
    for (unsigned n = 1 + pick(me, 4); n > 0; n--)
        ways[pick(me, 4)](me);
}

static void spinlock_try_interrupt(struct party *me, int irq)
{
    (void)irq;
    if (ksl_spinlock_try_acquire(&spin.lock)) {
        spin_inside(me);
        ksl_spinlock_release(&spin.lock);
    }
}

const struct row torture_row_spinlock_try = {
    .op = spinlock_try_op,
    .interrupt = spinlock_try_interrupt,
    .check = spinlock_check,
    .words = &spin.lock,
    .bytes = sizeof spin.lock,
};

/* Spinning reader/writer lock ------------------------------------------------ */

/* The caller sees to its interrupts itself. */
static void rw_raw(struct party *me, bool alone)
{
    unsigned level = ksl_irq_set_level(KSL_IRQ_LEVELS - 1);
    bool tries = pick(me, 2) == 0;
    bool in = !tries || (alone ? rwlock_raw_try_acquire_write(&rw.lock)
                               : rwlock_raw_try_acquire_read(&rw.lock)) != 0;
    if (!tries && alone)
        rwlock_raw_acquire_write(&rw.lock);
    else if (!tries)
        rwlock_raw_acquire_read(&rw.lock);
    if (in && alone) {
        section_write(&rw.section, me);
        rwlock_raw_release_write(&rw.lock);
    } else if (in) {
        section_read(&rw.section, me);
        rwlock_raw_release_read(&rw.lock);
    }
    torture_expect_level(me, KSL_IRQ_LEVELS - 1, "a raw rwlock");
    ksl_irq_set_level(level);
}

static void rw_read(struct party *me)
{
    int save = 0;
    ksl_rwlock_acquire_read(&rw.lock, &save);
    section_read(&rw.section, me);
    ksl_rwlock_release_read(&rw.lock, &save);
}

static void rw_write(struct party *me)
{
    int save = 0;
    ksl_rwlock_acquire_write(&rw.lock, &save);
    if (ksl_irq_enabled())
        torture_fail("thread %u writes with interrupts open", me->index);
    section_write(&rw.section, me);
    ksl_rwlock_release_write(&rw.lock, &save);
}

static void rwlock_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        unsigned level = pick(me, 4) == 0 ? 11 : 0;
        ksl_irq_set_level(level);
        if (pick(me, 8) == 0)
            rw_raw(me, pick(me, 3) == 0);
        else if (pick(me, 3) == 0)
            rw_write(me);
        else
            rw_read(me);
        torture_expect_level(me, level, "rwlock_release");
    }
}

static void rwlock_interrupt(struct party *me, int irq)
{
    if (irq == TORTURE_IRQ_LOW)
        rw_write(me);
    else
        rw_read(me);
}

static void rwlock_check(void)
{
    section_check(&rw.section, "rwlock");
    if (LOAD(&rw.lock.word) != 0)
        torture_fail("rwlock is not free after the round: %#x", LOAD(&rw.lock.word));
}

const struct row torture_row_rwlock = {
    .op = rwlock_op,
    .interrupt = rwlock_interrupt,
    .check = rwlock_check,
    .words = &rw.lock,
    .bytes = sizeof rw.lock,
};

static void rwlock_try_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        int save = 0;
        if (pick(me, 2) == 0) {
            if (ksl_rwlock_try_acquire_write(&rw.lock, &save)) {
                section_write(&rw.section, me);
                ksl_rwlock_release_write(&rw.lock, &save);
            }
        } else if (ksl_rwlock_try_acquire_read(&rw.lock, &save)) {
            section_read(&rw.section, me);
            ksl_rwlock_release_read(&rw.lock, &save);
        }
        torture_expect_level(me, 0, "rwlock_try");
        if (pick(me, 4) == 0)
            rw_read(me);
    }
}

static void rwlock_try_interrupt(struct party *me, int irq)
{
    int save = 0;
    (void)irq;
    if (ksl_rwlock_try_acquire_write(&rw.lock, &save)) {
        section_write(&rw.section, me);
        ksl_rwlock_release_write(&rw.lock, &save);
    }
}

const struct row torture_row_rwlock_try = {
    .op = rwlock_try_op,
    .interrupt = rwlock_try_interrupt,
    .check = rwlock_check,
    .words = &rw.lock,
    .bytes = sizeof rw.lock,
};

/* Interrupt masking ---------------------------------------------------------- */

/* `closed` is raised after the level and lowered before it; see inject.c. */
static void set_closed(struct party *me, unsigned closed)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    me->closed = closed;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void set_stalled(struct party *me, unsigned stalled)
{
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    me->stalled = stalled;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

static void masked_part(struct party *me, unsigned level)
{
    unsigned before = ksl_irq_set_level(level);
    set_closed(me, level);
    torture_raise(pick(me, torture.threads), (int)pick(me, TORTURE_IRQ_ROW));
    torture_dally(me);
    if (level < 11 && pick(me, 2) == 0) {
        unsigned state = ksl_irq_save();
        set_closed(me, 11);
        torture_raise(me->index, (int)pick(me, TORTURE_IRQ_ROW));
        torture_dally(me);
        set_closed(me, level);
        ksl_irq_restore(state);
    }
    set_closed(me, 0);
    ksl_irq_set_level(before);
}

static void stalled_part(struct party *me)
{
    unsigned state = ksl_irq_stall_inband();
    set_stalled(me, 1);
    torture_raise(me->index, (int)pick(me, TORTURE_IRQ_ROW));
    torture_dally(me);
    set_stalled(me, 0);
    ksl_irq_restore_inband(state);
}

/* Raised on oneself with all open: it has run on return. */
static void open_part(struct party *me)
{
    unsigned long before = LOAD(&me->interrupts);
    if (LOAD(&me->credits[TORTURE_IRQ_ROW]) != 0)
        return;
    torture_raise(me->index, TORTURE_IRQ_ROW);
    if (LOAD(&me->interrupts) == before)
        torture_fail("thread %u: its own interrupt had not run on return", me->index);
}

static void irq_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        static const unsigned levels[] = {11, 11, 8, 6, 5, 3};
        unsigned way = pick(me, 8);
        if (way < 6)
            masked_part(me, levels[way]);
        else if (way == 6)
            stalled_part(me);
        else
            open_part(me);
        ADD(&me->operations, 1ul);
    }
    torture_expect_level(me, 0, "unmasking");
}

static void irq_interrupt(struct party *me, int irq)
{
    (void)irq;
    torture_dally(me);
    if (ksl_irq_save() == 0)
        torture_fail("thread %u: a handler ran at level 0", me->index);
    /* The level on return is as before, whatever a handler leaves behind. */
}

const struct row torture_row_irq = {
    .op = irq_op,
    .interrupt = irq_interrupt,
};
