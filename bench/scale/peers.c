/* SPDX-License-Identifier: BSD-2-Clause */
/* Exclusive locks, the gate, and the peers; see locks.h. */
#include "locks.h"

enum { WRITER = 1, ONE = 256 };

/* Everybody takes it alone. */
static bool next_alone(struct sim *s, struct sim_core *c)
{
    bool more = sim_next(s, c);
    c->writes = true;
    return more;
}

/* --- exclusive locks
 * -------------------------------------------------------------------- */

/* The owner's slot is its record; a waiter puts a claim only when it goes to sleep. */
void scale_owner(struct sim *s, struct sim_core *c)
{
    unsigned slot = sim_slot(c->number);
    BEGIN_STEPS(c)
    while (next_alone(s, c)) {
        STEP(c, sim_store(s, c, slot, 1));
        STEP(c, sim_cas(s, c, SIM_WORD, 0, 1));
        while (!c->ok) {
            STEP(c, sim_load(s, c, SIM_WORD));
            if (c->seen != 0)
                STEP(c, sim_await(s, c, SIM_WORD));
            else
                STEP(c, sim_cas(s, c, SIM_WORD, 0, 1));
        }
        STEP(c, sim_enter(s, c));
        sim_leave(s, c);
        STEP(c, sim_load(s, c, SIM_WORD));
        STEP(c, sim_store(s, c, SIM_WORD, 0));
        STEP(c, sim_store(s, c, slot, 0));
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

void scale_mutex(struct sim *s, struct sim_core *c)
{
    BEGIN_STEPS(c)
    while (next_alone(s, c)) {
        STEP(c, sim_cas(s, c, SIM_WORD, 0, 1));
        while (!c->ok) {
            STEP(c, sim_load(s, c, SIM_WORD));
            if (c->seen != 0)
                STEP(c, sim_await(s, c, SIM_WORD));
            else
                STEP(c, sim_cas(s, c, SIM_WORD, 0, 1));
        }
        STEP(c, sim_enter(s, c));
        sim_leave(s, c);
        STEP(c, sim_swap(s, c, SIM_WORD, 0));
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/* The word: 1 less the threads inside. */
void scale_ksem(struct sim *s, struct sim_core *c)
{
    BEGIN_STEPS(c)
    while (next_alone(s, c)) {
        for (;;) {
            STEP(c, sim_load(s, c, SIM_WORD));
            if (c->seen != 0) {
                STEP(c, sim_await(s, c, SIM_WORD));
                continue;
            }
            STEP(c, sim_cas(s, c, SIM_WORD, 0, 1));
            if (c->ok)
                break;
        }
        STEP(c, sim_enter(s, c));
        sim_leave(s, c);
        STEP(c, sim_load(s, c, SIM_WORD));
        STEP(c, sim_cas(s, c, SIM_WORD, c->seen, 0));
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/* The word: the next number in the upper half, the one served in the lower. */
void scale_ticket(struct sim *s, struct sim_core *c)
{
    BEGIN_STEPS(c)
    while (next_alone(s, c)) {
        STEP(c, sim_add(s, c, SIM_WORD, INT64_C(1) << 32));
        c->tier = c->seen >> 32;
        while ((c->seen & UINT32_MAX) != c->tier) {
            STEP(c, sim_await(s, c, SIM_WORD));
            STEP(c, sim_load(s, c, SIM_WORD));
        }
        STEP(c, sim_enter(s, c));
        sim_leave(s, c);
        STEP(c, sim_load(s, c, SIM_WORD));
        /* The lower half alone; the upper one is as it is by then. */
        STEP(c, sim_store(s, c, SIM_WORD, s->line[SIM_WORD].value + 1));
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/* The word: the last thread's number + 1. A thread's own line: who is next, and bit 0:
 * wait. */
void scale_mcs(struct sim *s, struct sim_core *c)
{
    unsigned mine = sim_slot(c->number);
    BEGIN_STEPS(c)
    while (next_alone(s, c)) {
        STEP(c, sim_store(s, c, mine, 1));
        STEP(c, sim_swap(s, c, SIM_WORD, c->number + 1));
        if (c->seen != 0) {
            c->i = sim_slot((unsigned)c->seen - 1);
            STEP(c,
                 sim_store(s, c, c->i,
                           (s->line[c->i].value & 1) | (uint64_t)(c->number + 1) << 1));
            STEP(c, sim_load(s, c, mine));
            while ((c->seen & 1) != 0) {
                STEP(c, sim_await(s, c, mine));
                STEP(c, sim_load(s, c, mine));
            }
        }
        STEP(c, sim_enter(s, c));
        sim_leave(s, c);
        STEP(c, sim_load(s, c, mine));
        c->ok = false;
        if (c->seen >> 1 == 0)
            STEP(c, sim_cas(s, c, SIM_WORD, c->number + 1, 0));
        if (!c->ok) {
            STEP(c, sim_load(s, c, mine));
            while (c->seen >> 1 == 0) {
                STEP(c, sim_await(s, c, mine));
                STEP(c, sim_load(s, c, mine));
            }
            c->i = sim_slot((unsigned)(c->seen >> 1) - 1);
            STEP(c, sim_store(s, c, c->i, s->line[c->i].value & ~UINT64_C(1)));
        }
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/* --- readers and writers
 * ---------------------------------------------------------------- */

/* One stage has the gate and keeps it: entries in slots. */
void scale_stax(struct sim *s, struct sim_core *c)
{
    unsigned slot = sim_slot(c->number);
    BEGIN_STEPS(c)
    while (sim_next(s, c)) {
        STEP(c, sim_load(s, c, SIM_WORD));
        STEP(c, sim_store(s, c, slot, 1));
        STEP(c, sim_load(s, c, SIM_WORD));
        STEP(c, sim_enter(s, c));
        sim_leave(s, c);
        STEP(c, sim_store(s, c, slot, 0));
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/* A reader counts itself, then waits while there is a writer; writers wait for count 0.
 */
void scale_pthread(struct sim *s, struct sim_core *c)
{
    BEGIN_STEPS(c)
    while (sim_next(s, c)) {
        if (c->writes) {
            for (;;) {
                STEP(c, sim_load(s, c, SIM_WORD));
                if (c->seen != 0) {
                    STEP(c, sim_await(s, c, SIM_WORD));
                    continue;
                }
                STEP(c, sim_cas(s, c, SIM_WORD, 0, WRITER));
                if (c->ok)
                    break;
            }
            STEP(c, sim_enter(s, c));
            sim_leave(s, c);
            STEP(c, sim_add(s, c, SIM_WORD, 0)); /* the phase, then the word */
            STEP(c, sim_add(s, c, SIM_WORD, -WRITER));
        } else {
            STEP(c, sim_add(s, c, SIM_WORD, ONE));
            while ((c->seen & WRITER) != 0) {
                STEP(c, sim_await(s, c, SIM_WORD));
                STEP(c, sim_load(s, c, SIM_WORD));
            }
            STEP(c, sim_enter(s, c));
            sim_leave(s, c);
            STEP(c, sim_load(s, c, SIM_WORD));
            do {
                STEP(c, sim_cas(s, c, SIM_WORD, c->seen, c->seen - ONE));
            } while (!c->ok);
        }
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/* Each reader has a flag of its own, the writer one, and looks at all of them. */
void scale_brlock(struct sim *s, struct sim_core *c)
{
    unsigned slot = sim_slot(c->number);
    BEGIN_STEPS(c)
    while (sim_next(s, c)) {
        if (c->writes) {
            for (;;) {
                STEP(c, sim_swap(s, c, SIM_WORD, WRITER));
                if (c->seen == 0)
                    break;
                STEP(c, sim_load(s, c, SIM_WORD));
                if (c->seen != 0)
                    STEP(c, sim_await(s, c, SIM_WORD));
            }
            for (c->i = 0; c->i < s->cores && !s->fault; c->i++) {
                STEP(c, sim_look(s, c, sim_slot(c->i)));
                while (c->seen != 0) {
                    STEP(c, sim_await(s, c, sim_slot(c->i)));
                    STEP(c, sim_load(s, c, sim_slot(c->i)));
                }
            }
            STEP(c, sim_enter(s, c));
            sim_leave(s, c);
            STEP(c, sim_store(s, c, SIM_WORD, 0));
        } else {
            for (;;) {
                STEP(c, sim_load(s, c, SIM_WORD));
                if (c->seen != 0) {
                    STEP(c, sim_await(s, c, SIM_WORD));
                    continue;
                }
                STEP(c, sim_swap(s, c, slot, 1));
                STEP(c, sim_load(s, c, SIM_WORD));
                if (c->seen == 0)
                    break;
                STEP(c, sim_store(s, c, slot, 0));
            }
            STEP(c, sim_enter(s, c));
            sim_leave(s, c);
            STEP(c, sim_store(s, c, slot, 0));
        }
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}

/*
 * The word: the phase, 1 or 2. A reader shows it; a writer, alone by SIM_TUNE, changes
 * the phase twice and waits each time for those that show the old one.
 */
void scale_urcu(struct sim *s, struct sim_core *c)
{
    unsigned slot = sim_slot(c->number);
    BEGIN_STEPS(c)
    while (sim_next(s, c)) {
        if (c->writes) {
            for (;;) {
                STEP(c, sim_load(s, c, SIM_TUNE));
                if (c->seen != 0) {
                    STEP(c, sim_await(s, c, SIM_TUNE));
                    continue;
                }
                STEP(c, sim_cas(s, c, SIM_TUNE, 0, 1));
                if (c->ok)
                    break;
            }
            STEP(c, sim_enter(s, c));
            sim_leave(s, c);
            STEP(c, sim_membarrier(s, c));
            for (c->fenced = 0; c->fenced < 2; c->fenced++) {
                STEP(c, sim_load(s, c, SIM_WORD));
                c->tier = c->seen;
                STEP(c, sim_store(s, c, SIM_WORD, 3 - c->tier));
                for (c->i = 0; c->i < s->cores; c->i++) {
                    STEP(c, sim_look(s, c, sim_slot(c->i)));
                    while (c->seen == c->tier) {
                        STEP(c, sim_await(s, c, sim_slot(c->i)));
                        STEP(c, sim_load(s, c, sim_slot(c->i)));
                    }
                }
            }
            STEP(c, sim_membarrier(s, c));
            STEP(c, sim_store(s, c, SIM_TUNE, 0));
        } else {
            STEP(c, sim_load(s, c, SIM_WORD));
            STEP(c, sim_store(s, c, slot, c->seen));
            STEP(c, sim_enter(s, c));
            sim_leave(s, c);
            STEP(c, sim_store(s, c, slot, 0));
        }
        STEP(c, sim_finish(s, c));
    }
    END_STEPS(c);
}
