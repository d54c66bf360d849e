/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_PROMOTION_MODEL_H
#define TESTS_NATIVE_AIX_PROMOTION_MODEL_H

/*
 * Random operations on a handful of locks by a handful of threads, one at a time; after
 * each step all effective priorities are compared with those of a sequential model:
 *
 *   effective(t) = the best of base(t) and effective(w) of all w that wait for a lock
 *                  that t owns; a share is not owned.
 *
 * The locks are behind tables of calls, so that every kernel's can be put here. A wait
 * that would close a cycle is not begun.
 */

#include "support.h"

#include <kslock/signal.h>

#include <errno.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef int (*model_call)(void *object);

enum { GOT, NOT_GOT, SIGNALLED, GONE, BROKEN };

enum model_op {
    TAKE,      /* to own it */
    TRY,       /* the same without waiting */
    TAKE_SIG,  /* the same until a signal comes */
    SHARE,     /* to share it */
    DROP,      /* what the caller has */
    UPGRADE,   /* NOT_GOT: nothing is held any more */
    DOWNGRADE, /* to a share */
    INNER,     /* something that the owner may do and that changes nothing */
    RESET,     /* the owner ends the lock: all waits end with GONE; then it is new */
    SIGNAL,    /* take_signal */
    OPS
};

static const char *const model_op_names[] = {"take",      "try",   "take until a signal",
                                             "share",     "drop",  "upgrade",
                                             "downgrade", "inner", "reset",
                                             "signal"};

enum { THREADS = 7, LOCKS = 6, NOBODY = -1, MODEL_SIGNO = 12 };

struct model_thread {
    struct actor actor;
    sem_t order;
    model_call call;
    void *object;
    int result;
    int done; /* atomic */
    /* the model */
    int base;      /* priority */
    int waits_for; /* lock, or NOBODY */
    enum model_op wait_op;
    bool pending; /* a signal that its holds defer */
};

struct model_lock {
    void *object;
    const model_call *calls; /* indexed by enum model_op; NULL: there is none */
    /* the model */
    int owner;
    unsigned shares; /* bit: thread */
};

static struct model_thread thread[THREADS];
static struct model_lock lock[LOCKS];
static sem_t model_done;
static uint64_t model_random;
static struct {
    unsigned long steps, seed; /* steps: calls, signals and changes of priority */
    int deepest;
    unsigned long waits, left, kept, deep, upgrades, resets;
} run;
static char model_last[96];

#define MODEL_CHECK(cond, ...)                                                           \
    do {                                                                                 \
        if (!(cond)) {                                                                   \
            fprintf(stderr, "step %lu of seed %lu, %s: ", run.steps, run.seed,           \
                    model_last);                                                         \
            ck_abort_msg(__VA_ARGS__);                                                   \
        }                                                                                \
    } while (0)

static inline unsigned choose(unsigned n)
{
    model_random ^= model_random << 13;
    model_random ^= model_random >> 7;
    model_random ^= model_random << 17;
    return (unsigned)(model_random >> 33) % n;
}

/* ---- the threads ---- */

static int (*model_prologue)(void);

static void model_obey(void *arg)
{
    struct model_thread *t = arg;
    t->result = model_prologue != NULL ? model_prologue() : 0;
    STORE(&t->done, 1);
    for (;;) {
        (void)sem_post(&model_done);
        while (sem_wait(&t->order) != 0) {
        }
        if (t->call == NULL)
            return;
        t->result = t->call(t->object);
        STORE(&t->done, 1);
    }
}

/* One of the calls that are under way has returned. */
static inline void model_one_done(void)
{
    struct timespec end;
    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += SUPPORT_DEADLINE_S;
    int failed;
    do {
        failed = sem_timedwait(&model_done, &end);
    } while (failed != 0 && errno == EINTR);
    MODEL_CHECK(failed == 0, "a call never returned");
}

static inline void model_tell(int t, model_call call, void *object)
{
    thread[t].call = call;
    thread[t].object = object;
    STORE(&thread[t].done, 0);
    run.steps++;
    ck_assert_int_eq(sem_post(&thread[t].order), 0);
}

/* Makes the call on that thread; it is the only one that returns. */
static inline int model_ask(int t, model_call call, void *object)
{
    model_tell(t, call, object);
    model_one_done();
    MODEL_CHECK(LOAD(&thread[t].done), "another call than that of %d returned", t);
    return thread[t].result;
}

/* Asleep soon, in most cases sooner than the processor can be given away and back. */
static inline void model_asleep(int t)
{
    for (int i = 0; i < 5000; i++) {
        if (ksl_thread_asleep(thread[t].actor.thread))
            return;
    }
    wait_asleep(thread[t].actor.thread);
}

/* ---- the model ---- */

static inline unsigned bit(int t)
{
    return 1u << t;
}

static inline int model_effective(int t)
{
    int best = thread[t].base;
    for (int w = 0; w < THREADS; w++) {
        int l = thread[w].waits_for;
        if (l != NOBODY && lock[l].owner == t) {
            int lent = model_effective(w);
            best = lent > best ? lent : best;
        }
    }
    return best;
}

/* Those that a wait of t for l waits for. */
static inline unsigned model_blockers(int t, int l)
{
    return lock[l].owner != NOBODY ? bit(lock[l].owner) : lock[l].shares & ~bit(t);
}

/* How many waits lie behind t: 0 if it runs. More than THREADS: `of` is one of them. */
static inline int model_depth(int t, int of)
{
    if (t == of)
        return THREADS + 1;
    if (thread[t].waits_for == NOBODY)
        return 0;
    unsigned blockers = model_blockers(t, thread[t].waits_for);
    int deepest = 0;
    for (int b = 0; b < THREADS; b++) {
        int depth = (blockers & bit(b)) != 0 ? model_depth(b, of) + 1 : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static inline int model_depth_of_wait(int t, int l)
{
    unsigned blockers = model_blockers(t, l);
    int deepest = 0;
    for (int b = 0; b < THREADS; b++) {
        int depth = (blockers & bit(b)) != 0 ? model_depth(b, t) + 1 : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

static inline bool model_has(int t, int l)
{
    return lock[l].owner == t || (lock[l].shares & bit(t)) != 0;
}

static inline bool model_has_any(int t)
{
    for (int l = 0; l < LOCKS; l++) {
        if (model_has(t, l))
            return true;
    }
    return false;
}

/* Waiters for l, as bits: those that want to own it, or those that want to share it. */
static inline unsigned model_waiters(int l, bool own)
{
    unsigned waiters = 0;
    for (int t = 0; t < THREADS; t++) {
        if (thread[t].waits_for == l && (thread[t].wait_op != SHARE) == own)
            waiters |= bit(t);
    }
    return waiters;
}

static inline unsigned model_most_favoured(unsigned among)
{
    int best = -1;
    unsigned chosen = 0;
    for (int t = 0; t < THREADS; t++) {
        if ((among & bit(t)) == 0)
            continue;
        int effective = model_effective(t);
        if (effective > best)
            chosen = 0;
        if (effective >= best) {
            best = effective;
            chosen |= bit(t);
        }
    }
    return chosen;
}

static inline void model_compare(void)
{
    for (int t = 0; t < THREADS; t++) {
        int seen = ksl_thread_effective_priority(thread[t].actor.thread);
        MODEL_CHECK(seen == model_effective(t), "thread %d has %d, expected %d", t, seen,
                    model_effective(t));
        MODEL_CHECK(thread[t].waits_for == NOBODY || !LOAD(&thread[t].done),
                    "thread %d waits no longer", t);
    }
}

/* ---- steps ---- */

/* The thread has what it waited for, or the lock is gone. */
static inline void model_wait_ends(int t, int expected)
{
    MODEL_CHECK(thread[t].result == expected, "wait of thread %d ended with %d", t,
                thread[t].result);
    thread[t].waits_for = NOBODY;
}

/* Exactly one of `candidates` has become the owner of l. */
static inline void model_owner_comes(int l, unsigned candidates)
{
    model_one_done();
    unsigned came = 0;
    for (int t = 0; t < THREADS; t++) {
        if (thread[t].waits_for != NOBODY && LOAD(&thread[t].done))
            came |= bit(t);
    }
    MODEL_CHECK(came != 0 && (came & (came - 1)) == 0, "threads %x got it", came);
    MODEL_CHECK((came & candidates) != 0, "threads %x, not %x, got it", came, candidates);
    int owner = __builtin_ctz(came);
    model_wait_ends(owner, GOT);
    lock[l].owner = owner;
    lock[l].shares = 0;
}

static inline void model_sharers_come(int l)
{
    unsigned sharers = model_waiters(l, false);
    for (int n = __builtin_popcount(sharers); n > 0; n--)
        model_one_done();
    for (int t = 0; t < THREADS; t++) {
        if ((sharers & bit(t)) != 0)
            model_wait_ends(t, GOT);
    }
    lock[l].shares |= sharers;
}

/* The lock is free, or has shares only: who comes next? */
static inline void model_settle(int l)
{
    unsigned shares = lock[l].shares, owners = model_waiters(l, true);
    if (shares == 0 && owners != 0)
        model_owner_comes(l, model_most_favoured(owners));
    else if (shares == 0)
        model_sharers_come(l);
    else if ((shares & (shares - 1)) == 0 && (shares & owners) != 0)
        model_owner_comes(l, shares); /* it upgrades */
}

/* What was deferred is there as soon as nothing is held. */
static inline void model_take_signal(int t)
{
    if (!thread[t].pending || model_has_any(t))
        return;
    int got = model_ask(t, lock[0].calls[SIGNAL], NULL);
    MODEL_CHECK(got == MODEL_SIGNO, "thread %d took signal %d", t, got);
    thread[t].pending = false;
}

#endif
