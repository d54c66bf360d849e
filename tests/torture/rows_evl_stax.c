/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of EVL's stax. */

#include "rows_evl.h"

/* Who is inside, and plain words that the other stage reads when it is. */
static struct {
    struct evl_stax stax;
    unsigned inside[2]; /* atomic */
    unsigned long cells[2][TORTURE_MAX];
    unsigned arrived, left; /* atomic, of the row that meets */
} sx;

static void stax_setup(void)
{
    if (torture.round == 1)
        (void)evl_init_stax(&sx.stax);
    if (LOAD(&sx.inside[0]) != 0 || LOAD(&sx.inside[1]) != 0)
        torture_fail("somebody is left inside the stax");
}

static unsigned long sum(const unsigned long *cells)
{
    unsigned long total = 0;
    for (unsigned i = 0; i < TORTURE_MAX; i++)
        total += cells[i];
    return total;
}

/* A handler counts and reads only: it may have interrupted a write. */
static void stax_visit(struct party *me, bool oob, bool write)
{
    ADD(&sx.inside[oob], 1u);
    unsigned long before = sum(sx.cells[!oob]);
    if (LOAD(&sx.inside[!oob]) != 0)
        torture_fail("thread %u: both stages are inside", me->index);
    if (write)
        sx.cells[oob][me->index]++;
    torture_dally(me);
    if (LOAD(&sx.inside[!oob]) != 0 || sum(sx.cells[!oob]) != before)
        torture_fail("thread %u: the other stage came in", me->index);
    ADD(&sx.inside[oob], -1u);
    ADD(&me->operations, 1ul);
}

/* Locks; false if that was interrupted, as only some waits may be. */
static bool stax_enter(struct party *me, bool oob)
{
    if (pick(me, 4) == 0) {
        int error = evl_trylock_stax(&sx.stax);
        if (error != 0 && error != -EAGAIN)
            torture_fail("thread %u: evl_trylock_stax: %d", me->index, error);
        return error == 0;
    }
    int error = evl_lock_stax(&sx.stax);
    if (error == 0)
        return true;
    if (error != -ERESTARTSYS && (error != -EINTR || !oob))
        torture_fail("thread %u: evl_lock_stax: %d", me->index, error);
    torture_interrupted(me);
    return false;
}

static void stax_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        bool oob = pick(me, 2) == 0;
        go(me, oob);
        if (pick(me, 4) == 0)
            torture_shoot(me);
        if (!stax_enter(me, oob))
            continue;
        stax_visit(me, oob, true);
        if (pick(me, 4) == 0) {
            /* A nested lock waits for nobody. */
            if (evl_lock_stax(&sx.stax) != 0 || evl_trylock_stax(&sx.stax) != 0)
                torture_fail("thread %u: a nested lock failed", me->index);
            evl_unlock_stax(&sx.stax);
            stax_visit(me, oob, true);
            evl_unlock_stax(&sx.stax);
        }
        evl_unlock_stax(&sx.stax);
        if (pick(me, 4) == 0)
            torture_shoot(me); /* maybe at one that was just woken */
    }
    evl_switch_inband(0);
}

static void stax_interrupt(struct party *me, int irq)
{
    (void)irq;
    int error = evl_trylock_stax(&sx.stax);
    if (error == 0) {
        stax_visit(me, running_oob(), false);
        evl_unlock_stax(&sx.stax);
    } else if (error != -EAGAIN) {
        torture_fail("thread %u: evl_trylock_stax in a handler: %d", me->index, error);
    }
}

static void stax_check(void)
{
    if (evl_trylock_stax(&sx.stax) != 0)
        torture_fail("the stax is not free after the round");
    evl_unlock_stax(&sx.stax);
    if (torture.round % 16 == 0) {
        (void)evl_destroy_stax(&sx.stax);
        (void)evl_init_stax(&sx.stax);
    }
}

const struct row torture_row_stax = {
    .setup = stax_setup,
    .op = stax_op,
    .interrupt = stax_interrupt,
    .check = stax_check,
    .words = &sx.stax,
    .bytes = sizeof sx.stax,
};

/*
 * A holder of one stage leaves when all the others have arrived: all of them get in
 * before any of them leaves.
 */
static void meet_setup(void)
{
    stax_setup();
    STORE(&sx.arrived, 0u);
    STORE(&sx.left, 0u);
}

static void meet_hold(struct party *me)
{
    while (evl_lock_stax(&sx.stax) != 0)
        torture_interrupted(me);
    ADD(&sx.left, 1u);
    while (LOAD(&sx.arrived) != torture.threads - 1 && !torture_failed())
        torture_yield();
    torture_dally(me);
    stax_visit(me, running_oob(), true);
    evl_unlock_stax(&sx.stax);
}

static void meet_op(struct party *me)
{
    bool oob = (torture.round + (role(me) == 0)) % 2 == 0;
    go(me, oob);
    if (role(me) == 0) {
        meet_hold(me);
    } else {
        TORTURE_UNTIL(LOAD(&sx.left) != 0);
        torture_dally(me);
        ADD(&sx.arrived, 1u);
        while (evl_lock_stax(&sx.stax) != 0)
            torture_interrupted(me);
        stax_visit(me, oob, true);
        ADD(&sx.left, 1u);
        TORTURE_UNTIL(LOAD(&sx.left) == torture.threads);
        evl_unlock_stax(&sx.stax);
    }
    evl_switch_inband(0);
}

const struct row torture_row_stax_meet = {
    .setup = meet_setup,
    .op = meet_op,
    .check = stax_check,
    .words = &sx.stax,
    .bytes = sizeof sx.stax,
};

/*
 * The stax begins anew each round, so that the bias comes soon, or is there already, for
 * one stage or the other. Bursts of entries; entries that another thread takes off;
 * threads that exit, or leave their stage for a while, inside.
 */

/* An entry that a worker leaves to the others of its stage. */
enum { NOTHING, OFFERED, TAKEN, OVER };

static struct mail {
    unsigned state; /* atomic */
    bool oob;       /* atomic */
} mails[TORTURE_MAX];

/* Nobody uses it now; the director's stage is in-band before and after. */
static void bias_setup(void)
{
    enum { BURST = 12 };
    struct party *me = &torture.parties[torture.threads];
    unsigned kind = (unsigned)(torture.round % 4);
    stax_setup();
    (void)evl_destroy_stax(&sx.stax);
    (void)evl_init_stax(&sx.stax);
    go(me, kind == 2);
    for (unsigned n = 0; kind != 0 && n < BURST; n++) {
        if (evl_lock_stax(&sx.stax) != 0)
            torture_fail("a free stax is not free");
        evl_unlock_stax(&sx.stax);
    }
    go(me, false);
    for (unsigned i = 0; i < TORTURE_MAX; i++)
        STORE(&mails[i].state, (unsigned)NOTHING);
}

static void burst(void)
{
    for (unsigned n = 0; n < 20; n++) {
        if (evl_trylock_stax(&sx.stax) != 0)
            return;
        evl_unlock_stax(&sx.stax);
    }
}

static bool moves(struct mail *mail, unsigned from, unsigned to)
{
    return __atomic_compare_exchange_n(&mail->state, &from, to, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* Takes an entry off that some worker of this stage offers. */
static void take_mail(struct party *me, bool oob)
{
    for (unsigned i = 0; i < torture.threads; i++) {
        struct mail *mail = &mails[i];
        if (i == me->index || LOAD(&mail->oob) != oob || !moves(mail, OFFERED, TAKEN))
            continue;
        if (LOAD(&mail->oob) != oob) { /* it is another offer by now */
            STORE(&mail->state, (unsigned)OFFERED);
            continue;
        }
        stax_visit(me, oob, true);
        evl_unlock_stax(&sx.stax);
        STORE(&mail->state, (unsigned)OVER);
        return;
    }
}

/* The caller is inside; returns when its entry is off. */
static void offer_mail(struct party *me, bool oob)
{
    struct mail *mail = &mails[me->index];
    STORE(&mail->oob, oob);
    STORE(&mail->state, (unsigned)OFFERED);
    torture_dally(me);
    for (;;) {
        if (moves(mail, OFFERED, NOTHING)) {
            evl_unlock_stax(&sx.stax);
            return;
        }
        if (moves(mail, OVER, NOTHING))
            break;
        if (torture_failed())
            return;
        torture_yield();
    }
    /* What reminds the thread of a counted entry goes with its next slow path. */
    if (evl_trylock_stax(&sx.stax) == 0)
        evl_unlock_stax(&sx.stax);
}

struct guest {
    struct party party;
    bool oob;
    bool inside;
};

/* Enters, and exits inside. */
static void *enter_and_exit(void *arg)
{
    struct guest *guest = arg;
    torture_me = &guest->party;
    go(&guest->party, guest->oob);
    guest->inside = evl_trylock_stax(&sx.stax) == 0;
    return NULL;
}

static void take_over(struct party *me, bool oob)
{
    struct guest guest = {.party = {.index = me->index}, .oob = oob};
    guest.party.rng = torture_next(&me->rng) | 1;
    guest.party.inject_rng = torture_next(&me->rng) | 1;
    if (pthread_create(&guest.party.pthread, NULL, enter_and_exit, &guest) != 0) {
        torture_fail("thread %u: no guest", me->index);
        return;
    }
    pthread_join(guest.party.pthread, NULL);
    ADD(&me->interrupts, guest.party.interrupts);
    if (guest.inside) {
        stax_visit(me, oob, true);
        evl_unlock_stax(&sx.stax);
    }
}

/* The caller is inside, and stays so while it is on the other stage. */
static void leave_stage(struct party *me, bool oob)
{
    go(me, !oob);
    if (evl_trylock_stax(&sx.stax) == 0)
        torture_fail("thread %u: it has the stax on the other stage", me->index);
    torture_dally(me);
    go(me, oob);
}

static void bias_visit(struct party *me, bool oob)
{
    if (!stax_enter(me, oob))
        return;
    stax_visit(me, oob, true);
    switch (pick(me, 8)) {
    case 0:
        leave_stage(me, oob);
        break;
    case 1:
        offer_mail(me, oob);
        return;
    case 2:
        if (evl_lock_stax(&sx.stax) != 0)
            torture_fail("thread %u: a nested lock failed", me->index);
        stax_visit(me, oob, true);
        evl_unlock_stax(&sx.stax);
        break;
    default:
        break;
    }
    evl_unlock_stax(&sx.stax);
}

static void bias_op(struct party *me)
{
    bool often = torture.round % 4 == 2;
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        bool oob = pick(me, 4) == 0 ? !often : often;
        go(me, oob);
        if (pick(me, 8) == 0)
            torture_shoot(me);
        if (pick(me, 4) == 0)
            burst();
        if (pick(me, 32) == 0)
            take_over(me, oob);
        take_mail(me, oob);
        bias_visit(me, oob);
    }
    evl_switch_inband(0);
}

const struct row torture_row_stax_bias = {
    .setup = bias_setup,
    .op = bias_op,
    .interrupt = stax_interrupt,
    .check = stax_check,
    .words = &sx.stax,
    .bytes = sizeof sx.stax,
};
