/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of sx(9). */

#include "freebsd.h"

enum { POOL = 256, NEAR = 3 };

static struct {
    struct sx pool[POOL];
    struct sx *locks[NEAR];
    struct guarded data[NEAR];
} sx;

/* The first lock of the pool, and the next ones that meet it in its near slot. */
static void choose_locks(void)
{
    unsigned found = 0;
    const void *slot = ksl_slot_of(0, &sx.pool[0].sx_lock);
    for (unsigned i = 0; i < POOL && found < NEAR; i++) {
        if (ksl_slot_of(0, &sx.pool[i].sx_lock) == slot)
            sx.locks[found++] = &sx.pool[i];
    }
    if (found < NEAR)
        torture_fail("no %d locks meet in a near slot", NEAR);
}

static void sx_setup(void)
{
    choose_locks();
    for (unsigned i = 0; i < NEAR; i++)
        sx_ready(sx.locks[i], SX_RECURSE);
}

/* The mix changes by round. */
static void visit(struct party *me, unsigned count)
{
    unsigned writers = (unsigned)(torture.round % 5);
    unsigned at = pick(me, count);
    if (pick(me, 6) < writers)
        sx_visit_writing(me, sx.locks + at, sx.data + at, count - at);
    else
        sx_visit_reading(me, sx.locks + at, sx.data + at, count - at);
}

static void sx_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--)
        visit(me, 1);
}

static void sx_near_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 2); n > 0; n--)
        visit(me, NEAR);
}

static void sx_check(void)
{
    for (unsigned i = 0; i < NEAR; i++) {
        guarded_check(&sx.data[i], "sx");
        sx_check_idle(sx.locks[i]);
    }
}

const struct row torture_row_sx = {
    .setup = sx_setup,
    .op = sx_op,
    .check = sx_check,
    .words = sx.pool,
    .bytes = sizeof sx.pool[0],
};

const struct row torture_row_sx_near = {
    .setup = sx_setup,
    .op = sx_near_op,
    .check = sx_check,
    .words = sx.pool,
    .bytes = sizeof sx.pool[0],
};

/*
 * One writer, all others read: no writer comes afterwards, so all readers must be
 * inside together, with the writer if it downgrades. They wait for each other there.
 */
static unsigned meet_inside;
static unsigned meet_held;

static void sx_meet_setup(void)
{
    sx_setup();
    STORE(&meet_inside, 0u);
    STORE(&meet_held, 0u);
}

static void await_sleepers(struct party *me)
{
    for (unsigned i = 1; i < torture.threads && pick(me, 8) != 0; i++) {
        unsigned other = (me->index + i) % torture.threads;
        TORTURE_UNTIL(ksl_thread_asleep(torture.parties[other].thread));
    }
}

static void meet_inside_for(struct party *me)
{
    ADD(&meet_inside, 1u);
    TORTURE_UNTIL(LOAD(&meet_inside) == torture.threads);
    guarded_read(&sx.data[0], me);
}

static void sx_meet_op(struct party *me)
{
    struct sx *lock = sx.locks[0];
    if (role(me) == 0) {
        sx_take_alone(me, lock);
        STORE(&meet_held, 1u);
        guarded_write(&sx.data[0], me);
        await_sleepers(me);
        if (pick(me, 2) == 0) {
            sx_give_alone(me, lock);
            ADD(&meet_inside, 1u);
        } else {
            sx_downgrade(lock);
            meet_inside_for(me);
            sx_give_share(me, lock);
        }
        return;
    }
    TORTURE_UNTIL(LOAD(&meet_held) != 0);
    sx_take_share(me, lock);
    meet_inside_for(me);
    sx_give_share(me, lock);
}

const struct row torture_row_sx_meet = {
    .setup = sx_meet_setup,
    .op = sx_meet_op,
    .check = sx_check,
    .words = sx.pool,
    .bytes = sizeof sx.pool[0],
};

/* Only one thread ever shares: its upgrade succeeds, whoever waits (rules 14, 16). */
static void upgrade_alone(struct party *me, struct sx *lock)
{
    sx_take_share(me, lock);
    guarded_read(&sx.data[0], me);
    if (!sx_try_upgrade(lock)) {
        torture_fail("thread %u: upgrade of the only share failed", me->index);
        sx_give_share(me, lock);
        return;
    }
    guarded_write(&sx.data[0], me);
    if (pick(me, 2) == 0) {
        sx_give_alone(me, lock);
        return;
    }
    sx_downgrade(lock);
    guarded_read(&sx.data[0], me);
    sx_give_share(me, lock);
}

static void sx_lone_op(struct party *me)
{
    struct sx *lock = sx.locks[0];
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        if (role(me) == 0) {
            upgrade_alone(me, lock);
        } else if (pick(me, 4) != 0) {
            sx_take_alone(me, lock);
            guarded_write(&sx.data[0], me);
            sx_give_alone(me, lock);
        } else if (sx_try_xlock(lock)) {
            guarded_write(&sx.data[0], me);
            sx_give_alone(me, lock);
        }
    }
}

const struct row torture_row_sx_lone = {
    .setup = sx_setup,
    .op = sx_lone_op,
    .check = sx_check,
    .words = sx.pool,
    .bytes = sizeof sx.pool[0],
};

/*
 * A new lock each round, whose reader slots its first shares open, while writers come.
 * Shares are short; the owner looks for slots that are open beside it (lock/rw.h).
 */
static void sx_new_setup(void)
{
    sx_setup();
    sx_destroy(sx.locks[0]);
    sx_init_flags(sx.locks[0], "new", SX_RECURSE);
}

static void sx_new_op(struct party *me)
{
    struct sx *lock = sx.locks[0];
    struct guarded *data = &sx.data[0];
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        if (pick(me, 4) != 0) {
            sx_take_share(me, lock);
            if (data->first != data->second)
                torture_fail("thread %u: the words differ", me->index);
            sx_give_share(me, lock);
            continue;
        }
        sx_take_alone(me, lock);
        guarded_write(data, me);
        if ((LOAD(&lock->sx_lock) & KSL_WORD_BIAS) != 0)
            torture_fail("thread %u: reader slots are open beside the owner", me->index);
        sx_give_alone(me, lock);
    }
}

const struct row torture_row_sx_new = {
    .setup = sx_new_setup,
    .op = sx_new_op,
    .check = sx_check,
    .words = sx.pool,
    .bytes = sizeof sx.pool[0],
};

/* An sx and a rwsem that meet in a near slot, the one taken before the other. */
static struct {
    ksl_rwsem_t pool[POOL];
    ksl_rwsem_t *rwsem;
    struct guarded data;
} rs;

static void sx_rwsem_setup(void)
{
    const void *slot = ksl_slot_of(0, &sx.pool[0].sx_lock);
    sx_setup();
    for (unsigned i = 0; i < POOL; i++) {
        if (ksl_slot_of(0, &rs.pool[i].word) == slot)
            rs.rwsem = &rs.pool[i];
    }
}

static void visit_rwsem(struct party *me)
{
    if (pick(me, 3) == 0) {
        ksl_rwsem_acquire_write(rs.rwsem);
        guarded_write(&rs.data, me);
        ksl_rwsem_release_write(rs.rwsem);
        return;
    }
    unsigned depth = 1 + pick(me, 2);
    for (unsigned i = 0; i < depth; i++)
        ksl_rwsem_acquire_read(rs.rwsem);
    guarded_read(&rs.data, me);
    for (unsigned i = 0; i < depth; i++)
        ksl_rwsem_release_read(rs.rwsem);
}

static void sx_rwsem_op(struct party *me)
{
    struct sx *lock = sx.locks[0];
    for (unsigned n = 1 + pick(me, 2); n > 0; n--) {
        unsigned mode = pick(me, 4);
        if (mode == 0) {
            sx_take_alone(me, lock);
            guarded_write(&sx.data[0], me);
            visit_rwsem(me);
            sx_give_alone(me, lock);
        } else if (mode == 1) {
            visit_rwsem(me);
        } else {
            sx_take_share(me, lock);
            visit_rwsem(me);
            guarded_read(&sx.data[0], me);
            sx_give_share(me, lock);
        }
    }
}

static void sx_rwsem_check(void)
{
    guarded_check(&rs.data, "rwsem");
    sx_check();
}

const struct row torture_row_sx_rwsem = {
    .setup = sx_rwsem_setup,
    .op = sx_rwsem_op,
    .check = sx_rwsem_check,
    .words = rs.pool,
    .bytes = sizeof rs.pool,
};

/* Threads that come, use the lock, and go. */
struct guest {
    struct party party;
    pthread_t pthread;
};

static void *guest_main(void *arg)
{
    struct guest *g = arg;
    struct party *me = &g->party;
    torture_me = me; /* to the end of the thread: interrupts may come until then */
    me->thread = ksl_thread_self();
    me->busy = true;
    for (unsigned n = pick(me, 4); n > 0; n--)
        visit(me, NEAR);
    me->busy = false;
    while (ksl_signal_take() != 0)
        ;
    return NULL;
}

static void sx_exit_op(struct party *me)
{
    struct guest g = {.party = {.index = me->index}};
    g.party.rng = torture_next(&me->rng) | 1;
    g.party.inject_rng = torture_next(&me->rng) | 1;
    if (pthread_create(&g.pthread, NULL, guest_main, &g) != 0) {
        torture_fail("thread %u: no guest", me->index);
        return;
    }
    for (unsigned n = 1 + pick(me, 3); n > 0; n--)
        visit(me, NEAR);
    pthread_join(g.pthread, NULL);
    ADD(&me->interrupts, g.party.interrupts);
    ADD(&me->operations, g.party.operations);
}

const struct row torture_row_sx_exit = {
    .setup = sx_setup,
    .op = sx_exit_op,
    .check = sx_check,
    .words = sx.pool,
    .bytes = sizeof sx.pool[0],
};
