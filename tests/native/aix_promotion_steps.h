/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_AIX_PROMOTION_STEPS_H
#define TESTS_NATIVE_AIX_PROMOTION_STEPS_H

/* The steps of the model, and the run. */

#include "aix_promotion_model.h"

/* Begins a wait of t for l, if that closes no cycle. */
static inline void step_wait(int t, int l, enum model_op op)
{
    int depth = model_depth_of_wait(t, l);
    if (depth > THREADS)
        return;
    run.deepest = depth > run.deepest ? depth : run.deepest;
    run.deep += depth >= 4;
    run.waits++;
    model_tell(t, lock[l].calls[op], lock[l].object);
    model_asleep(t);
    thread[t].waits_for = l;
    thread[t].wait_op = op;
}

/* The thread wants to own what it does not have. */
static inline void step_take(int t, int l, enum model_op op)
{
    bool free = lock[l].owner == NOBODY && lock[l].shares == 0;
    if (!free && op != TRY) {
        step_wait(t, l, op);
        return;
    }
    int result = model_ask(t, lock[l].calls[op], lock[l].object);
    MODEL_CHECK(result == (free ? GOT : NOT_GOT), "result %d", result);
    if (free)
        lock[l].owner = t;
}

/* Whether a reader passes waiting writers is left to the policy of the lock (T33). */
static inline void step_share(int t, int l)
{
    if (lock[l].owner != NOBODY) {
        step_wait(t, l, SHARE);
    } else if (model_waiters(l, true) == 0) {
        int result = model_ask(t, lock[l].calls[SHARE], lock[l].object);
        MODEL_CHECK(result == GOT, "result %d", result);
        lock[l].shares |= bit(t);
    }
}

/* The call of t gives the lock up: whoever is let in may return before it. */
static inline void model_give_up(int t, int l, enum model_op op, int expected)
{
    model_tell(t, lock[l].calls[op], lock[l].object);
    model_one_done();
    if (lock[l].owner == t)
        lock[l].owner = NOBODY;
    lock[l].shares &= ~bit(t);
    model_settle(l);
    MODEL_CHECK(LOAD(&thread[t].done) && thread[t].result == expected, "result %d",
                thread[t].result);
    model_take_signal(t);
}

static inline void step_upgrade(int t, int l)
{
    unsigned writers = model_waiters(l, true);
    if (writers != 0) {
        model_give_up(t, l, UPGRADE, NOT_GOT);
    } else if (lock[l].shares == bit(t)) {
        int result = model_ask(t, lock[l].calls[UPGRADE], lock[l].object);
        MODEL_CHECK(result == GOT, "result %d", result);
        lock[l].owner = t;
        lock[l].shares = 0;
        run.upgrades++;
    } else {
        step_wait(t, l, UPGRADE);
    }
}

static inline void step_downgrade(int t, int l)
{
    if (lock[l].calls[DOWNGRADE] == NULL)
        return;
    model_tell(t, lock[l].calls[DOWNGRADE], lock[l].object);
    model_one_done();
    lock[l].owner = NOBODY;
    lock[l].shares = bit(t);
    model_sharers_come(l);
    MODEL_CHECK(LOAD(&thread[t].done) && thread[t].result == GOT, "result %d",
                thread[t].result);
}

static inline void step_reset(int t, int l)
{
    if (lock[l].calls[RESET] == NULL)
        return;
    unsigned waiters = model_waiters(l, true);
    model_tell(t, lock[l].calls[RESET], lock[l].object);
    for (int n = __builtin_popcount(waiters) + 1; n > 0; n--)
        model_one_done();
    for (int w = 0; w < THREADS; w++) {
        if ((waiters & bit(w)) != 0)
            model_wait_ends(w, GONE);
    }
    MODEL_CHECK(LOAD(&thread[t].done) && thread[t].result == GOT, "reset failed");
    lock[l].owner = NOBODY;
    run.resets++;
}

static inline void step_signal(int t)
{
    if (lock[0].calls[SIGNAL] == NULL || thread[t].pending)
        return;
    ck_assert_int_eq(ksl_signal_post(thread[t].actor.thread, MODEL_SIGNO), 0);
    thread[t].pending = true;
    run.steps++;
    if (thread[t].wait_op != TAKE_SIG || model_has_any(t)) {
        run.kept++;
        return;
    }
    model_one_done();
    MODEL_CHECK(LOAD(&thread[t].done), "thread %d still waits", t);
    model_wait_ends(t, SIGNALLED);
    run.left++;
    model_take_signal(t);
}

static inline void step_priority(int t, int priority)
{
    ck_assert_int_eq(ksl_thread_set_priority(thread[t].actor.thread, priority), 0);
    thread[t].base = priority;
    run.steps++;
}

/* An operation of t on a lock that it has. */
static inline void step_with(int t, int l, unsigned dice)
{
    bool owner = lock[l].owner == t;
    if (dice < 5)
        model_give_up(t, l, DROP, GOT);
    else if (dice < 8 && !owner)
        step_upgrade(t, l);
    else if (dice == 5)
        step_downgrade(t, l);
    else if (dice == 6 && choose(8) == 0)
        step_reset(t, l);
    else if (dice == 7)
        MODEL_CHECK(model_ask(t, lock[l].calls[INNER], lock[l].object) == GOT, "inner");
}

static inline void step_without(int t, int l, unsigned dice)
{
    if (dice < 2 && lock[l].calls[SHARE] != NULL)
        step_share(t, l);
    else if (dice < 5 && lock[l].calls[TAKE_SIG] != NULL)
        step_take(t, l, TAKE_SIG);
    else
        step_take(t, l, dice == 9 ? TRY : TAKE);
}

/* Threads that run and locks that the thread has are preferred: they move things on. */
static inline int choose_thread(void)
{
    int t = (int)choose(THREADS);
    bool running = choose(4) != 0;
    while (running && thread[t].waits_for != NOBODY)
        t = (t + 1) % THREADS;
    return t;
}

/* The best of some where a wait of t would be the end of a long chain. */
static inline int choose_lock(int t)
{
    int best = (int)choose(LOCKS), best_depth = -1;
    if (choose(4) == 0 && model_has_any(t)) {
        while (!model_has(t, best))
            best = (best + 1) % LOCKS;
        return best;
    }
    for (unsigned tries = choose(4); tries > 0; tries--) {
        int l = (int)choose(LOCKS), depth = model_depth_of_wait(t, l);
        if (depth > best_depth && depth <= THREADS) {
            best = l;
            best_depth = depth;
        }
    }
    return best;
}

static inline void model_step(void)
{
    int t = choose_thread(), l = choose_lock(t);
    unsigned dice = choose(10), urgent = choose(12) * 9;
    bool waits = thread[t].waits_for != NOBODY;
    snprintf(model_last, sizeof model_last, "thread %d, lock %d, dice %u, base %u%s", t,
             l, dice, urgent, waits ? ", waiting" : "");
    if (choose(6) == 0)
        step_priority(t, (int)urgent);
    else if (waits && dice < 4)
        step_signal(t);
    else if (!waits && model_has(t, l))
        step_with(t, l, dice);
    else if (!waits)
        step_without(t, l, dice);
    model_compare();
}

/* Those that run drop what they have until nobody has anything. */
static inline void model_drain(void)
{
    snprintf(model_last, sizeof model_last, "at the end");
    for (bool more = true; more;) {
        more = false;
        for (int i = 0; i < THREADS * LOCKS; i++) {
            int t = i / LOCKS, l = i % LOCKS;
            if (thread[t].waits_for == NOBODY && model_has(t, l)) {
                model_give_up(t, l, DROP, GOT);
                model_compare();
                more = true;
            }
        }
    }
    for (int t = 0; t < THREADS; t++)
        MODEL_CHECK(thread[t].waits_for == NOBODY, "thread %d still waits", t);
}

/* The locks are ready. The prologue is called once on each thread, and returns 0. */
static inline void model_start(int (*prologue)(void))
{
    model_prologue = prologue;
    ck_assert_int_eq(sem_init(&model_done, 0, 0), 0);
    for (int l = 0; l < LOCKS; l++)
        lock[l].owner = NOBODY;
    for (int t = 0; t < THREADS; t++) {
        ck_assert_int_eq(sem_init(&thread[t].order, 0, 0), 0);
        thread[t].waits_for = NOBODY;
        thread[t].done = 0;
        actor_start(&thread[t].actor, model_obey, &thread[t]);
        model_one_done();
        ck_assert_int_eq(thread[t].result, 0);
    }
    recorder_start();
}

static inline void model_run(unsigned long steps, unsigned long seed)
{
    memset(&run, 0, sizeof run);
    run.seed = seed;
    model_random = seed * 0x9e3779b97f4a7c15u + 1;
    while (run.steps < steps)
        model_step();
    model_drain();
    ck_assert_uint_eq(recorder_count(NULL), 0);
    printf(
        "seed %lu: %lu steps, %lu waits, depth %d, %lu of 4 or more, signals: %lu left "
        "and %lu stayed, %lu upgrades, %lu resets\n",
        seed, run.steps, run.waits, run.deepest, run.deep, run.left, run.kept,
        run.upgrades, run.resets);
    (void)fflush(stdout);
}

static inline void model_stop(void)
{
    for (int t = 0; t < THREADS; t++) {
        model_tell(t, NULL, NULL);
        actor_join(&thread[t].actor);
        (void)sem_destroy(&thread[t].order);
    }
    recorder_stop();
}

/* Arguments of the program: steps, seed. */
static unsigned long model_steps = 100000 / TEST_SHARE, model_seed = 20240607;

static inline void model_arguments(int argc, char **argv)
{
    if (argc > 1)
        model_steps = strtoul(argv[1], NULL, 0);
    if (argc > 2)
        model_seed = strtoul(argv[2], NULL, 0);
}

#endif
