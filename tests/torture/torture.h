/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_H
#define TESTS_TORTURE_H

/*
 * The torture driver. Each row of rows.def is one lock in one mode: what a
 * worker does with it in one round, and what must hold when the round is over.
 * A round ends in quiescence: every worker has done its part, nobody sleeps,
 * no interrupt is pending. A thread that is still asleep then has lost its
 * wake-up; the watchdog reports it.
 *
 * Rows and workers never end the program: they call torture_fail, which
 * keeps the first failure, and the watchdog ends the run.
 */

#include <kslock/kslock.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define ADD(p, v) __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)

#if defined(__SANITIZE_THREAD__)
#define TORTURE_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TORTURE_TSAN 1
#endif
#endif
#ifndef TORTURE_TSAN
#define TORTURE_TSAN 0
#endif

#if TORTURE_TSAN || defined(__SANITIZE_ADDRESS__)
#define TORTURE_SLOW 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TORTURE_SLOW 1
#endif
#endif
#ifndef TORTURE_SLOW
#define TORTURE_SLOW 0
#endif

enum { TORTURE_MIN = 3, TORTURE_MAX = 16 };

/* Rows, at most. */
enum { TORTURE_ROWS = 96 };

/* Interrupts. The last two are for the rows; the others are injected. */
enum torture_irq {
    TORTURE_IRQ_LOW,  /* in-band */
    TORTURE_IRQ_HIGH, /* in-band */
    TORTURE_IRQ_OOB,  /* out-of-band */
    TORTURE_IRQ_ANY,  /* in-band, to any thread */
    TORTURE_IRQ_ROW,  /* in-band, raised by a row on a thread */
    TORTURE_IRQS
};

/* A worker; or the director, whose index is the number of workers. */
struct party {
    unsigned index;
    pthread_t pthread;
    ksl_thread *thread;
    uint64_t rng;
    uint64_t inject_rng;
    const char *where; /* atomic: the last point it passed */
    bool injecting;
    bool busy; /* in its part of a round */
    unsigned handlers;
    unsigned closed;  /* handlers of this level and below must not run */
    unsigned stalled; /* in-band handlers must not run */
    /* atomic, of this row */
    unsigned long operations;
    unsigned long interrupts;
    unsigned long spurious;
    unsigned long naps;
    unsigned long signals;
    unsigned long unblocks;    /* forced unblocks that claim to have ended a wait */
    unsigned long unexplained; /* -EINTR without a signal */
    unsigned long eintr;
    unsigned long
        withdrawals;     /* it closed the slots of readers, and went to empty them */
    bool leaving;        /* atomic: its thread ends, and another one begins */
    bool spinning;       /* its last point was a turn of a spinner */
    uint64_t wait_began; /* ns */
    uint64_t longest;    /* atomic: wait, ns */
    unsigned credits[TORTURE_IRQS]; /* interrupts raised and not yet handled */
};

/* Every function may be NULL but op. */
struct row {
    void (*setup)(void);                          /* before each round, alone */
    void (*op)(struct party *me);                 /* each worker, once a round */
    void (*interrupt)(struct party *me, int irq); /* in each handler, idle ones too */
    void (*check)(void);                          /* after each round, alone */
    void *words;                                  /* memory of the locks ... */
    size_t bytes;                                 /* ... that strangers wake on */
};

struct named_row {
    const char *name;
    const char *what;
    const struct row *row;
};
extern const struct named_row torture_rows[];
extern const unsigned torture_row_count;
bool torture_is_row(const char *name);

struct options {
    const char *lock; /* NULL: all */
    const char *busted;
    const char *plant;
    double seconds; /* 0: not given */
    double hang;    /* seconds without a finished round, 0: not given */
    double linger;  /* seconds between the last row and the end */
    uint64_t rounds;
    uint64_t seed;
    unsigned threads;
    bool inject;
    bool strangers; /* somebody wakes all sleepers all the time */
    bool list, help;
};

/* run.c: the state of the run, constant while a round runs. */
struct run {
    const struct named_row *row;
    const struct options *options;
    unsigned threads;
    unsigned long round; /* atomic */
    struct party parties[TORTURE_MAX + 1];
    unsigned any_credit;  /* atomic: TORTURE_IRQ_ANY is under way */
    unsigned long raised; /* atomic: interrupts, while a row runs */
    unsigned paused;      /* atomic: workers stop at their points */
    unsigned long forks, restarts, guests, pauses, moves; /* by the director */
};
extern struct run torture;
extern __thread struct party *torture_me;

int torture_run(const struct options *options);

/* watchdog.c */
void torture_watch(double hang_seconds);
void torture_unwatch(void); /* no row runs any more; what follows may take its time */
void torture_progress(void);
__attribute__((format(printf, 1, 2))) void torture_fail(const char *format, ...);
bool torture_failed(void);

/* inject.c */
void torture_inject_begin(bool inject, uint64_t seed);
void torture_inject_end(void);
void torture_agitate(struct party *me); /* one disturbance by the director */
/* On worker `target`, unless the one before is still under way. */
void torture_raise(unsigned target, int irq);
void torture_irqs_request(void);
void torture_irqs_free(void);
bool torture_irqs_settled(void);

/* All parkers of the workers, and all words of the row, once. */
void torture_wake_strangely(void);

/* agitate.c: large disturbances, mostly none; by the director. */
void torture_upset(struct party *me);
void torture_stop_if_paused(void);
void torture_processors(void); /* before the first row */
void torture_stranger_begin(void);
void torture_stranger_end(void);

/* report.c */
void torture_note_point(struct party *me, const char *where);
void torture_report_row(double seconds);
void torture_report_all(void);

/* busted.c */
int torture_busted(const struct options *options, const char *self);
bool torture_has_row(int fault);
bool torture_is_fault(const char *name);
bool torture_plant(const char *fault, struct options *options);

/* Random numbers of a party; n > 0. */
uint64_t torture_next(uint64_t *state);
static inline unsigned pick(struct party *me, unsigned n)
{
    return (unsigned)(torture_next(&me->rng) % n);
}

/* Parts of a round go to another worker each time. */
static inline unsigned role(const struct party *me)
{
    unsigned turn = (unsigned)(LOAD(&torture.round) % torture.threads);
    return (me->index + turn) % torture.threads;
}

/* Nothing, a pause, a yield or a nap: the random length of a hold. */
void torture_dally(struct party *me);

/* Host's yield and nap; errno kept. */
void torture_yield(void);
void torture_nap(unsigned us);

/* For one's own flags: spins politely, no lock of the library. */
#define TORTURE_UNTIL(expr)                                                              \
    do {                                                                                 \
        for (unsigned turn_ = 0; !(expr) && !torture_failed(); turn_++) {                \
            if (turn_ < 50)                                                              \
                torture_yield();                                                         \
            else                                                                         \
                torture_nap(50);                                                         \
        }                                                                                \
    } while (0)

/* A wait of `me` ended with -EINTR: takes its signals, notes if it had none. */
void torture_interrupted(struct party *me);

/* A signal or an unblock more than the driver's, for one of the workers. */
void torture_shoot(struct party *me);

/* Critical sections that know who is inside. Zero-filled is empty. */
struct section {
    unsigned writers;
    unsigned readers;
    unsigned long plain;  /* changed in the section only, not atomic */
    unsigned long writes; /* atomic: what plain should be */
};
void section_write(struct section *s, struct party *me);
void section_read(struct section *s, struct party *me);
void section_check(const struct section *s, const char *lock);

/*
 * The caller's interrupt level is `level`, and is 0 afterwards. Inlined where the row is,
 * so that nobody else plays what inlined calls have left.
 */
static inline void torture_expect_level(const struct party *me, unsigned level,
                                        const char *after)
{
    unsigned seen = ksl_irq_set_level(0);
    if (seen != level)
        torture_fail("thread %u: level %u after %s, was %u before", me->index, seen,
                     after, level);
}

#endif
