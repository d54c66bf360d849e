/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_SCALE_SIM_H
#define BENCH_SCALE_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A machine of up to 512 cores, one thread each, with one cache a core that never
 * overflows, kept coherent by lines (MESI). README.md has the assumptions.
 *
 * A lock is a function that takes one step of a core: an access to memory, which takes
 * effect at once, at the core's date; the core with the earliest date is next. What
 * happens is therefore determined by the arguments alone.
 */

enum { SIM_CORES = 512, SIM_SETS = SIM_CORES / 64 };

/* ns; see README.md for where they are from. */
struct sim_costs {
    double hit;           /* an access to a line that the core has as it needs it */
    double locked;        /* the same, read-modify-write, or a fence */
    double transfer;      /* a line, or the right to write it, comes from elsewhere */
    double far;           /* ... from a core of another group */
    unsigned group;       /* cores in a group */
    unsigned overlap;     /* transfers that a core has under way at a time in a scan */
    double barrier;       /* membarrier, before it finds others running */
    double barrier_trip;  /* interrupts sent and answered */
    double barrier_each;  /* for each running core */
    double barrier_taken; /* what an interrupted core loses */
};

extern const struct sim_costs sim_usual;

/* What has happened; everything counts from the end of the warm-up. */
struct sim_counts {
    uint64_t reads;
    uint64_t writes; /* operations that want the lock alone */
    uint64_t transfers;
    uint64_t dropped; /* copies that others lost */
    uint64_t locked;
    uint64_t barriers;
    uint64_t interrupts; /* of membarrier, at the cores that take them */
    uint64_t write_transfers;
};

struct sim_core {
    unsigned number;
    unsigned at; /* where the lock's function goes on */
    double date;
    double drained; /* its stores are visible then */
    double lost;    /* to interrupts, not yet taken off */
    uint32_t random;
    bool writes; /* the operation at hand */
    bool ok;     /* of the last sim_cas */
    bool waits;  /* for a write to a line */
    bool done;
    uint64_t seen;    /* what the last access read */
    uint64_t version; /* of that line */
    unsigned i;       /* of the lock's function, likewise the next ones */
    unsigned reader;  /* how it got in */
    unsigned fenced;
    double since;
    uint64_t tier;
    int parked; /* next core that waits for the same line, -1: this is the last */
    unsigned place;
    struct sim_counts counts;
};

struct sim_line {
    uint64_t value;
    uint64_t version; /* writes so far */
    double busy;      /* it is under way until then */
    int owner;        /* the only core that has it, -1: see sharers */
    int parked;       /* first core that waits for a write, -1: none */
    int last_parked;
    uint64_t sharers[SIM_SETS];
    uint64_t transfers;
};

/* What a lock has learned (src/lock/rw_tune.c); dates in ns, 0: none yet. */
struct sim_tune {
    uint32_t counted;
    uint32_t fenced;
    uint32_t writes;
    uint32_t hold_off;
    uint32_t shift;
    double inhibit;
    double since;
};

struct sim;
typedef void sim_lock(struct sim *s, struct sim_core *c);

/* The lines of a lock; two more for each core. */
enum { SIM_WORD, SIM_TUNE, SIM_SHARED_LINES };

struct sim {
    sim_lock *lock;
    const struct sim_costs *costs;
    unsigned policy;   /* of the lock's function */
    unsigned spinners; /* see struct sim_order */
    unsigned cores;
    uint32_t share; /* of the writes, of 2^32 operations */
    uint64_t left;  /* operations still to begin */
    uint64_t warm;  /* of them not counted: those before */
    double inside;  /* ns with the lock held, and between two operations */
    double outside;
    double began; /* the end of the warm-up */
    double ended;
    unsigned readers_in; /* to check that the lock excludes */
    unsigned writers_in;
    bool exclusion_broken;
    bool no_exclusion;    /* the lock does not mean to */
    bool stuck;           /* nobody could go on */
    bool fault;           /* planted: a writer does not look at the slots */
    struct sim_tune tune; /* what the line SIM_TUNE holds */
    int woken;            /* first core that goes on after this step, -1: none */
    unsigned heap[SIM_CORES];
    unsigned heaped;
    struct sim_core core[SIM_CORES];
    struct sim_line line[SIM_SHARED_LINES + 2 * SIM_CORES];
};

static inline unsigned sim_slot(unsigned core)
{
    return SIM_SHARED_LINES + 2 * core;
}

static inline unsigned sim_link(unsigned core)
{
    return SIM_SHARED_LINES + 2 * core + 1;
}

/* What a run is to be; share: percent of writes. */
struct sim_order {
    sim_lock *lock;
    unsigned policy;
    uint64_t initial;  /* of the word */
    unsigned spinners; /* how many look at a time, the rest sleeps; 0: all look */
    unsigned cores;
    double share;
    uint64_t operations; /* of all cores, without the warm-up */
    double inside;
    double outside;
    const struct sim_costs *costs; /* NULL: the usual ones */
    bool no_exclusion;
    bool fault;
};

/* Runs it; *s is large and written all over. The sums are in *total. */
void sim_run(struct sim *s, const struct sim_order *order, struct sim_counts *total);

/* Operations per us of all cores. */
double sim_rate(const struct sim *s, const struct sim_counts *total);

/* --- for the functions of locks: one step each
 * ------------------------------------------ */

void sim_load(struct sim *s, struct sim_core *c, unsigned line);
/* The same in a row of them, none of which depends on the one before. */
void sim_look(struct sim *s, struct sim_core *c, unsigned line);
void sim_store(struct sim *s, struct sim_core *c, unsigned line, uint64_t value);
/* Read-modify-writes; c->seen is the value before. */
void sim_cas(struct sim *s, struct sim_core *c, unsigned line, uint64_t from,
             uint64_t to);
void sim_swap(struct sim *s, struct sim_core *c, unsigned line, uint64_t value);
void sim_add(struct sim *s, struct sim_core *c, unsigned line, int64_t more);
void sim_fence(struct sim *s, struct sim_core *c);
void sim_membarrier(struct sim *s, struct sim_core *c);
/* Until somebody writes the line that the last access was to; not if that has happened.
 */
void sim_await(struct sim *s, struct sim_core *c, unsigned line);

/* The next operation: c->writes. False: there is none. */
bool sim_next(struct sim *s, struct sim_core *c);
/* The lock is held, as c->writes says; it is about to be given back; it has been. */
void sim_enter(struct sim *s, struct sim_core *c);
void sim_leave(struct sim *s, struct sim_core *c);
void sim_finish(struct sim *s, struct sim_core *c);

/*
 * The function of a lock: BEGIN_STEPS and END_STEPS around its loop over operations, STEP
 * around each of the calls above that take time. Its variables live in the core.
 */
#define BEGIN_STEPS(c_)                                                                  \
    switch ((c_)->at) {                                                                  \
    case 0:
#define STEP(c_, call_)                                                                  \
    do {                                                                                 \
        call_;                                                                           \
        (c_)->at = __LINE__;                                                             \
        return;                                                                          \
    case __LINE__:;                                                                      \
    } while (0)
#define END_STEPS(c_)                                                                    \
    }                                                                                    \
    (c_)->done = true

/* A function for one kind of operation, which the lock's function calls until it is over.
 */
#define END_OPERATION(c_)                                                                \
    }                                                                                    \
    (c_)->at = 0

#endif
