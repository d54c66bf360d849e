/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

/*
 * Sequences of operations, decoded from bytes, by three puppets: real threads that make
 * one call at a time when they are told to. After each step all results are compared
 * with those of a sequential model of the lock family, written from its documents.
 *
 * The model is a pure function, judge: may this call of this puppet return now, and with
 * what? It is asked when the call begins, and after each step for all calls that wait. If
 * it says that one of several waiting calls may return, any of them may; the rest is
 * judged again after that. A call that must not return has to be seen asleep.
 */

#include <kslock/thread.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FZ_PUPPETS = 3, FZ_STEPS = 96 };

enum fz_verdict {
    FZ_SKIP,    /* no step of this model */
    FZ_RETURNS, /* with that answer */
    FZ_WAITS
};

/* What a call returns, and the rule that it breaks or NULL. */
struct fz_answer {
    int result;
    const char *rule;
};

struct fz_op {
    const char *name;
    /* Made by the main thread upon the puppet, which may be waiting. */
    int (*outside)(ksl_thread *puppet, int lock);
};

struct fz_family {
    const char *name;
    const struct fz_op *ops;
    int n_ops, n_locks;
    int signo;                          /* of the signal that fz_post posts */
    bool (*spins)(const ksl_thread *t); /* how a wait shows; NULL: by sleep */

    void (*reset)(void);           /* new locks and a new model */
    int (*call)(int op, int lock); /* by the puppet */
    enum fz_verdict (*judge)(int who, int op, int lock, struct fz_answer *answer);
    void (*apply)(int who, int op, int lock, int result); /* it has returned that */
    bool (*holds)(int who, int lock); /* NULL: nothing is held that could be waited for */
    /* Who holds something else than what op upon lock waits for; NULL: another lock. */
    bool (*holds_other)(int who, int op, int lock);
    /* A call by which who, that does not wait, gives something back; false if none. */
    bool (*leave)(int who, int *op, int *lock);
    /* What the interface shows, compared with the model: NULL, or what differs. */
    const char *(*look)(void); /* may be NULL */
};

/* The parts of a family that its file calls by the names that they have here. */
#define FZ_PARTS                                                                         \
    .ops = ops, .n_ops = OPS, .reset = reset, .call = call, .judge = judge,              \
    .apply = apply, .leave = leave

/* For models: the call that a puppet waits in, and in what order the waits began. */
struct fz_wait {
    bool on;
    int op, lock;
    unsigned since;
};
extern struct fz_wait fz_wait[FZ_PUPPETS];
extern unsigned fz_deadline_s; /* that a call may take that has to return */
ksl_thread *fz_thread(int who);
unsigned fz_stamp(void); /* larger at each call */
/* Whether who holds a lock of the family that runs, by its holds: *lock is the first. */
bool fz_holds_any(int who, int *lock);
/* Whether each puppet has that effective priority: NULL, or what differs. */
const char *fz_look_priorities(int (*expected)(int who));

/* Operations from outside. A priority goes round with lock 0, and to 0 with lock 1. */
int fz_post(ksl_thread *puppet, int lock);
int fz_unblock(ksl_thread *puppet, int lock);
int fz_raise_priority(ksl_thread *puppet, int lock);

static inline int fz_next_priority(int now, int lock)
{
    return lock == 0 ? (now + 3) % 5 : 0;
}

static inline enum fz_verdict fz_returns(struct fz_answer *answer, int result)
{
    *answer = (struct fz_answer){result, NULL};
    return FZ_RETURNS;
}

/* The call is refused, or reported if it has its effect all the same. */
static inline enum fz_verdict fz_breaks(struct fz_answer *answer, int result,
                                        const char *rule)
{
    *answer = (struct fz_answer){result, rule};
    return FZ_RETURNS;
}

/* Runs one input to its end; dies with the trace of the calls if anything differs. */
void fz_run(const struct fz_family *family, const uint8_t *bytes, size_t n);

/* The operations: index and name of each. */
#define FZ_COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

extern const struct fz_family fz_stanix, fz_stanix_inlined, fz_stanix_spin,
    fz_stanix_spin_inlined, fz_stanix_cond, fz_sx, fz_mtx, fz_aix_owner, fz_aix_complex,
    fz_aix_drw, fz_evl_ksem, fz_evl_stax, fz_evl_kmutex;

#endif
