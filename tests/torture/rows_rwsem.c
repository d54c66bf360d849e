/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the reader/writer semaphore. */

#include "torture.h"

#include <kslock/inline.h>

enum { SEMS = 3 };

static struct {
    ksl_rwsem_t sems[SEMS];
    struct section sections[SEMS];
} rs;

/* As a program does it that has inlined it, or by the functions alone. */
static void read_lock(struct party *me, ksl_rwsem_t *s)
{
    if (pick(me, 2) == 0 && ksl_show_fast(&s->word, KSL_RWSEM_TAG, NULL))
        return;
    if (ksl_rwsem_acquire_read(s) != 0)
        torture_fail("thread %u: rwsem_acquire_read failed", me->index);
}

static void write_lock(struct party *me, ksl_rwsem_t *s)
{
    if (pick(me, 2) == 0 && ksl_rwsem_own_fast(s, NULL))
        return;
    if (ksl_rwsem_acquire_write(s) != 0)
        torture_fail("thread %u: rwsem_acquire_write failed", me->index);
}

static void write_unlock(struct party *me, ksl_rwsem_t *s)
{
    if (pick(me, 2) == 0 || !ksl_rwsem_disown_fast(s))
        ksl_rwsem_release_write(s);
}

static void rwsem_op(struct party *me)
{
    unsigned writers = 1 + (unsigned)(torture.round % 4); /* the mix changes by round */
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        if (pick(me, 5) < writers) {
            write_lock(me, &rs.sems[0]);
            section_write(&rs.sections[0], me);
            write_unlock(me, &rs.sems[0]);
        } else {
            read_lock(me, &rs.sems[0]);
            section_read(&rs.sections[0], me);
            ksl_rwsem_release_read(&rs.sems[0]);
        }
    }
}

static void rwsem_check(void)
{
    for (unsigned i = 0; i < SEMS; i++) {
        section_check(&rs.sections[i], "rwsem");
        uintptr_t word = LOAD(&rs.sems[i].word);
        if ((word & ~(uintptr_t)(KSL_WORD_SLOTS | KSL_WORD_BIAS)) != 0)
            torture_fail("rwsem %u is not free and unmarked after the round: %#lx", i,
                         (unsigned long)word);
        if (rs.sems[i].writes != 0 || rs.sems[i].reads != 0)
            torture_fail("rwsem %u counts acquisitions after the round", i);
        if (torture.round % 4 == 0)
            ksl_rwsem_init(&rs.sems[i]); /* forgets that bias did not pay */
    }
}

const struct row torture_row_rwsem = {
    .op = rwsem_op,
    .check = rwsem_check,
    .words = &rs.sems,
    .bytes = sizeof rs.sems,
};

/* A read hold inside a read hold gets in although a writer waits (R5). */
static void nested_read(struct party *me, unsigned i)
{
    unsigned depth = 1 + pick(me, 3);
    for (unsigned n = 0; n < depth; n++) {
        read_lock(me, &rs.sems[i]);
        section_read(&rs.sections[i], me);
    }
    if (i + 1 < SEMS && pick(me, 2) == 0)
        nested_read(me, i + 1);
    for (unsigned n = 0; n < depth; n++)
        ksl_rwsem_release_read(&rs.sems[i]);
}

static void nested_write(struct party *me, unsigned i)
{
    bool reads = pick(me, 2) == 0;
    write_lock(me, &rs.sems[i]);
    write_lock(me, &rs.sems[i]);
    if (reads)
        read_lock(me, &rs.sems[i]);
    section_write(&rs.sections[i], me);
    if (i + 1 < SEMS && pick(me, 2) == 0)
        nested_write(me, i + 1);
    write_unlock(me, &rs.sems[i]);
    section_write(&rs.sections[i], me);
    write_unlock(me, &rs.sems[i]);
    if (reads) {
        section_write(&rs.sections[i], me); /* the last hold still excludes all */
        ksl_rwsem_release_read(&rs.sems[i]);
    }
}

static void rwsem_nested_op(struct party *me)
{
    if (pick(me, 3) == 0)
        nested_write(me, pick(me, SEMS));
    else
        nested_read(me, pick(me, SEMS));
}

const struct row torture_row_rwsem_nested = {
    .op = rwsem_nested_op,
    .check = rwsem_check,
    .words = &rs.sems,
    .bytes = sizeof rs.sems,
};

/*
 * One writer, all others read: no writer comes afterwards, so all readers must
 * be inside together (R3). They wait for each other there.
 */
static unsigned meet_inside;
static unsigned meet_held;

static void rwsem_meet_setup(void)
{
    meet_inside = 0;
    meet_held = 0;
}

static void rwsem_meet_op(struct party *me)
{
    ksl_rwsem_t *s = &rs.sems[0];
    if (role(me) == 0) {
        write_lock(me, s);
        STORE(&meet_held, 1u);
        section_write(&rs.sections[0], me);
        /* Mostly until all readers sleep. */
        for (unsigned i = 1; i < torture.threads && pick(me, 8) != 0; i++) {
            unsigned other = (me->index + i) % torture.threads;
            TORTURE_UNTIL(ksl_thread_asleep(torture.parties[other].thread));
        }
        write_unlock(me, s);
        return;
    }
    TORTURE_UNTIL(LOAD(&meet_held) != 0);
    read_lock(me, s);
    ADD(&meet_inside, 1u);
    TORTURE_UNTIL(LOAD(&meet_inside) == torture.threads - 1);
    section_read(&rs.sections[0], me);
    ksl_rwsem_release_read(s);
}

const struct row torture_row_rwsem_meet = {
    .setup = rwsem_meet_setup,
    .op = rwsem_meet_op,
    .check = rwsem_check,
    .words = &rs.sems,
    .bytes = sizeof rs.sems,
};
