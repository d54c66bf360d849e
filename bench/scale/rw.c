/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of src/lock/rw_read.c, rw_write.c, rw_slots.c and rw_tune.c, without sleep:
 * who waits looks again when the line that it waits for is written. A writer waits for
 * readers in slots, where the library counts them after a while.
 */
#include "locks.h"

/* The word: tier, flags, then how many shares it counts. */
enum { SPIN = 4, WAIT = 8, OWNER = 16, ONE = 256, AGAINST_SHARES = SPIN | WAIT | OWNER };
enum { TIER = RW_SLOTS | RW_BIAS };
enum { BY_SLOT, COUNTED };

/* As in src/lock/rw_tune.c. */
enum { SAMPLE = 16, VERDICT = 32, HOLD_OFF_MIN = 32, HOLD_OFF_MAX = 8192 };
enum { INHIBIT = 9, PAYS = 50, SHIFT_MAX = 10, COST_MIN = 1000, COST_MAX = 100000 };

static bool may_share(uint64_t w)
{
    return (w & AGAINST_SHARES) == 0;
}

static bool slots_open(uint64_t w)
{
    return (w & RW_SLOTS) != 0 && (w & (SPIN | OWNER)) == 0;
}

static bool bias_is_due(struct sim_tune *e, double now)
{
    if (e->inhibit > 0 && now < e->inhibit)
        return false;
    if (e->inhibit > 0)
        e->since = now;
    return true;
}

/* After a counted share: the tier that the word gets, 0: as it is. */
static uint64_t learn_counted(struct sim *s, const struct sim_core *c)
{
    struct sim_tune *e = &s->tune;
    if (++e->counted <= e->hold_off)
        return 0;
    e->counted = 0;
    return bias_is_due(e, c->date) ? TIER : RW_SLOTS;
}

/* A writer that has closed slots of this tier is in: the tier for afterwards. */
static uint64_t learn_closed(struct sim *s, const struct sim_core *c)
{
    struct sim_tune *e = &s->tune;
    if ((c->tier & RW_BIAS) != 0) {
        double cost = c->date - c->since;
        cost = cost < COST_MIN ? COST_MIN : cost > COST_MAX ? COST_MAX : cost;
        bool pays = c->since - e->since >= PAYS * cost;
        e->shift = pays ? e->shift - (e->shift > 0) : e->shift + (e->shift < SHIFT_MAX);
        e->inhibit = c->date + INHIBIT * cost * (double)(1u << e->shift);
        e->writes = e->fenced = 0;
        return RW_SLOTS;
    }
    if (++e->writes < VERDICT)
        return RW_SLOTS;
    bool pays = e->fenced >= 2 * e->writes;
    uint32_t next = pays ? e->hold_off / 2 : 2 * e->hold_off;
    if (!pays && e->hold_off < HOLD_OFF_MIN)
        next = HOLD_OFF_MIN;
    e->hold_off = next < HOLD_OFF_MAX ? next : HOLD_OFF_MAX;
    e->writes = e->fenced = 0;
    return pays ? RW_SLOTS : 0;
}

/* While owned no bias is shown; the release brings it, where the policy says so. */
static uint64_t tier_after(struct sim *s, const struct sim_core *c)
{
    switch (s->policy) {
    case RW_BIASED:
        return TIER;
    case RW_FENCED:
        return RW_SLOTS;
    case RW_COUNTED:
        return 0;
    default:
        return c->tier != 0 ? learn_closed(s, c) : 0;
    }
}

static bool free_for(const struct sim_core *c, uint64_t w)
{
    bool mine = c->tier != 0; /* SPIN is this writer's */
    return (w & OWNER) == 0 && w < ONE && ((w & SPIN) == 0 || mine);
}

static void share(struct sim *s, struct sim_core *c)
{
    unsigned slot = sim_slot(c->number);
    BEGIN_STEPS(c)
    /* The inlined path: a slot, whatever the word says, then a look at it. */
    c->reader = BY_SLOT;
    STEP(c, sim_store(s, c, slot, 1));
    STEP(c, sim_load(s, c, SIM_WORD));
    if ((c->seen & RW_BIAS) != 0)
        goto granted;
    if ((c->seen & RW_SLOTS) != 0) {
        STEP(c, sim_swap(s, c, slot, 1));
        STEP(c, sim_load(s, c, SIM_WORD));
        if ((c->seen & RW_SLOTS) != 0 && may_share(c->seen))
            goto fenced;
    }
    STEP(c, sim_store(s, c, slot, 0));
    STEP(c, sim_fence(s, c));
    for (;;) {
        STEP(c, sim_load(s, c, SIM_WORD));
        if (!may_share(c->seen)) {
            STEP(c, sim_await(s, c, SIM_WORD));
        } else if ((c->seen & RW_SLOTS) != 0) {
            STEP(c, sim_swap(s, c, slot, 1));
            STEP(c, sim_load(s, c, SIM_WORD));
            if ((c->seen & RW_SLOTS) != 0 && may_share(c->seen))
                goto fenced;
            STEP(c, sim_store(s, c, slot, 0));
            STEP(c, sim_fence(s, c));
        } else {
            c->reader = COUNTED;
            STEP(c, sim_cas(s, c, SIM_WORD, c->seen, c->seen + ONE));
            if (c->ok)
                break;
            c->reader = BY_SLOT;
        }
    }
    if (s->policy == RW_LEARNS) {
        STEP(c, sim_load(s, c, SIM_TUNE));
        STEP(c, sim_store(s, c, SIM_TUNE, 0));
        c->tier = learn_counted(s, c);
        if (c->tier != 0) {
            STEP(c, sim_load(s, c, SIM_WORD));
            if ((c->seen & AGAINST_SHARES) == 0)
                STEP(c, sim_cas(s, c, SIM_WORD, c->seen, c->seen | c->tier));
        }
    }
    goto granted;

fenced:
    if (s->policy == RW_LEARNS && ++c->fenced % SAMPLE == 0) {
        STEP(c, sim_load(s, c, SIM_TUNE));
        s->tune.fenced += SAMPLE;
        STEP(c, sim_store(s, c, SIM_TUNE, 0));
        STEP(c, sim_load(s, c, SIM_WORD));
        if ((c->seen & (RW_BIAS | AGAINST_SHARES)) == 0 && bias_is_due(&s->tune, c->date))
            STEP(c, sim_cas(s, c, SIM_WORD, c->seen, c->seen | TIER));
    }

granted:
    STEP(c, sim_enter(s, c));
    sim_leave(s, c);
    if (c->reader == BY_SLOT) {
        STEP(c, sim_store(s, c, slot, 0));
    } else {
        STEP(c, sim_load(s, c, SIM_WORD));
        do {
            STEP(c, sim_cas(s, c, SIM_WORD, c->seen, c->seen - ONE));
        } while (!c->ok);
    }
    STEP(c, sim_finish(s, c));
    END_OPERATION(c);
}

static void own_alone(struct sim *s, struct sim_core *c)
{
    BEGIN_STEPS(c)
    c->tier = 0;
    for (;;) {
        STEP(c, sim_load(s, c, SIM_WORD));
        if (slots_open(c->seen)) {
            c->since = c->date;
            STEP(c, sim_cas(s, c, SIM_WORD, c->seen, (c->seen & ~(uint64_t)TIER) | SPIN));
            if (!c->ok)
                continue;
            c->tier = c->seen & TIER;
            if ((c->tier & RW_BIAS) != 0)
                STEP(c, sim_membarrier(s, c));
            for (c->i = 0; c->i < s->cores && !s->fault; c->i++) {
                STEP(c, sim_look(s, c, sim_link(c->i)));
                STEP(c, sim_look(s, c, sim_slot(c->i)));
                while (c->seen != 0) {
                    STEP(c, sim_await(s, c, sim_slot(c->i)));
                    STEP(c, sim_load(s, c, sim_slot(c->i)));
                }
            }
        } else if (free_for(c, c->seen)) {
            STEP(c, sim_cas(s, c, SIM_WORD, c->seen, OWNER));
            if (c->ok)
                break;
        } else if ((c->seen & WAIT) == 0) {
            STEP(c, sim_cas(s, c, SIM_WORD, c->seen, c->seen | WAIT));
        } else {
            STEP(c, sim_await(s, c, SIM_WORD));
        }
    }
    if (s->policy == RW_LEARNS && c->tier != 0) {
        STEP(c, sim_load(s, c, SIM_TUNE));
        STEP(c, sim_store(s, c, SIM_TUNE, 0));
    }
    c->tier = tier_after(s, c);
    STEP(c, sim_enter(s, c));
    sim_leave(s, c);
    STEP(c, sim_load(s, c, SIM_WORD));
    if (c->seen == OWNER) {
        STEP(c, sim_store(s, c, SIM_WORD, c->tier)); /* claims stand behind marks */
    } else {
        do { /* with its marks; no bias then */
            STEP(c,
                 sim_cas(s, c, SIM_WORD, c->seen,
                         (c->seen & ~(uint64_t)OWNER) | (c->tier & ~(uint64_t)RW_BIAS)));
        } while (!c->ok);
    }
    STEP(c, sim_finish(s, c));
    END_OPERATION(c);
}

void scale_rw(struct sim *s, struct sim_core *c)
{
    if (c->at == 0 && !sim_next(s, c)) {
        c->done = true;
        return;
    }
    if (c->writes)
        own_alone(s, c);
    else
        share(s, c);
}
