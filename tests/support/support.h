/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

/*
 * What every test program needs: actors (threads whose ksl_thread is known),
 * waiting for a state instead of for time, and a recorder of violations.
 *
 * Workers never assert: they store what they saw, the main thread checks it.
 * Nothing here sleeps as proof; every wait polls for a state and gives up
 * loudly after SUPPORT_DEADLINE_S seconds.
 */

#include "again.h"

#include <kslock/thread.h>
#include <kslock/violation.h>

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { SUPPORT_DEADLINE_S = 30 };

struct actor {
    pthread_t pthread;
    ksl_thread *thread; /* valid from actor_start until the actor exits */
    void (*fn)(void *arg);
    void *arg;
    int started;  /* atomic */
    int finished; /* atomic: fn has returned */
};

/* Starts fn(arg) on a new thread; returns once that thread is registered. */
void actor_start(struct actor *a, void (*fn)(void *arg), void *arg);
bool actor_finished(const struct actor *a);
void actor_join(struct actor *a);
/* Runs fn(arg) on a thread of its own, to its end. */
void actor_run(void (*fn)(void *arg), void *arg);

/* Returns when t is asleep in a wait of the library. */
void wait_asleep(const ksl_thread *t);

/* True while deadline is ahead; yields the processor. First call: *state = 0. */
bool support_keep_waiting(uint64_t *state);

/* Polls until the expression holds; fails the test with its text if never. */
#define WAIT_UNTIL(expr)                                                                 \
    do {                                                                                 \
        uint64_t support_state_ = 0;                                                     \
        while (!(expr)) {                                                                \
            if (!support_keep_waiting(&support_state_))                                  \
                ck_abort_msg("never came true: %s", #expr);                              \
        }                                                                                \
    } while (0)

/* The same for workers: goes on after the deadline, and they store what they see. */
#define WORKER_WAIT(expr)                                                                \
    do {                                                                                 \
        uint64_t worker_state_ = 0;                                                      \
        while (!(expr) && support_keep_waiting(&worker_state_)) {                        \
        }                                                                                \
    } while (0)

/* For a struct with the actor that makes a call, which has to wait, and its result. */
#define CHECK_ASLEEP(s)                                                                  \
    do {                                                                                 \
        wait_asleep((s)->actor.thread);                                                  \
        ck_assert(!actor_finished(&(s)->actor));                                         \
    } while (0)
#define CHECK_RESULT(s, expected)                                                        \
    do {                                                                                 \
        actor_join(&(s)->actor);                                                         \
        ck_assert_int_eq((s)->result, expected);                                         \
    } while (0)

#define LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define ADD(p, v) __atomic_add_fetch(p, v, __ATOMIC_SEQ_CST)

/* Monotonic nanoseconds. */
uint64_t support_now_ns(void);

/*
 * Recorder: installs a violation handler that keeps what it gets and returns,
 * so that the offending operation is refused.
 */
void recorder_start(void);
void recorder_stop(void);
unsigned recorder_count(const char *rule); /* NULL: all rules */
struct recorded {
    ksl_severity severity;
    char rule[32];
    char message[1024];
    const void *lock;
    ksl_thread *thread;
};
/* The newest violation; rule is "" if there was none. */
struct recorded recorder_last(void);

/* Asserts that exactly one violation of this rule came since recorder_start. */
#define ASSERT_VIOLATED(rule_)                                                           \
    do {                                                                                 \
        ck_assert_msg(recorder_count(NULL) == 1 && recorder_count(rule_) == 1,           \
                      "expected one %s, got %u violations, last %s: %s", rule_,          \
                      recorder_count(NULL), recorder_last().rule,                        \
                      recorder_last().message);                                          \
    } while (0)

/* Asserts that no violation came since recorder_start. */
#define ASSERT_NO_VIOLATION()                                                            \
    do {                                                                                 \
        ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,         \
                      recorder_last().message);                                          \
    } while (0)

/*
 * Whether a child of fork can start threads if its parent had several. That ends some
 * emulators, so there it is tried, without the library. A test that needs it returns if
 * not.
 */
bool support_fork_threads(void);

/* Notes that the running case, which is to return now, cannot be played here. */
void support_skip(const char *why);

/*
 * Runs a suite as main() does; honours CK_RUN_CASE and the like. EXIT_SUCCESS,
 * EXIT_FAILURE, or 77 if no case failed but some were skipped.
 */
int support_run(Suite *s);

#endif
