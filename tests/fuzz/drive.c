/* SPDX-License-Identifier: BSD-2-Clause */
#include "fuzz.h"

#include <kslock/signal.h>
#include <kslock/violation.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DRAIN_STEPS = 400 };

#define LOAD(p) __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define STORE(p, v) __atomic_store_n(p, v, __ATOMIC_SEQ_CST)

struct puppet {
    ksl_thread *thread;
    sem_t go, ready;
    int op, lock;
    int done; /* atomic */
    int result;
    int violations; /* atomic: in its present call */
    char rule[32];  /* of the last one */
};

struct fz_wait fz_wait[FZ_PUPPETS];
unsigned fz_deadline_s = 60;

static struct puppet puppets[FZ_PUPPETS];
static __thread struct puppet *me;
static const struct fz_family *family;
static unsigned stamps;
static bool started;

/* What was done, for the report. */
static char trace[65536];
static size_t trace_size;

ksl_thread *fz_thread(int who)
{
    return puppets[who].thread;
}

unsigned fz_stamp(void)
{
    return ++stamps;
}

int fz_post(ksl_thread *puppet, int lock)
{
    (void)lock;
    return ksl_signal_post(puppet, family->signo);
}

int fz_unblock(ksl_thread *puppet, int lock)
{
    (void)lock;
    return ksl_thread_unblock(puppet);
}

int fz_raise_priority(ksl_thread *puppet, int lock)
{
    int to = fz_next_priority(ksl_thread_priority(puppet), lock);
    return ksl_thread_set_priority(puppet, to);
}

bool fz_holds_any(int who, int *lock)
{
    for (*lock = 0; *lock < family->n_locks; (*lock)++) {
        if (family->holds(who, *lock))
            return true;
    }
    return false;
}

const char *fz_look_priorities(int (*expected)(int who))
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (ksl_thread_effective_priority(fz_thread(i)) != expected(i))
            return "another effective priority";
    }
    return NULL;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
    __builtin_va_list args;
    size_t room = sizeof trace - trace_size;
    __builtin_va_start(args, format);
    int n = vsnprintf(trace + trace_size, room, format, args);
    __builtin_va_end(args);
    if (n > 0 && (size_t)n < room)
        trace_size += (size_t)n;
}

_Noreturn static void differs(int who, const char *what)
{
    fprintf(stderr, "%s\nfuzz: %s: puppet %d: %s\n", trace, family->name, who, what);
    if (who >= 0)
        fprintf(stderr, "      result %d, %d violations, last %s\n", puppets[who].result,
                LOAD(&puppets[who].violations), puppets[who].rule);
    abort();
}

static void record(const ksl_violation *v, void *arg)
{
    (void)arg;
    struct puppet *p = me;
    if (p == NULL) {
        fprintf(stderr, "%s\nfuzz: %s: %s\n", trace, v->rule, v->message);
        abort();
    }
    snprintf(p->rule, sizeof p->rule, "%s", v->rule);
    STORE(&p->violations, p->violations + 1);
}

static void *obey(void *arg)
{
    me = arg;
    me->thread = ksl_thread_self();
    sem_post(&me->ready);
    for (;;) {
        while (sem_wait(&me->go) != 0) {
        }
        me->result = family->call(me->op, me->lock);
        STORE(&me->done, 1);
    }
    return NULL;
}

static void start(void)
{
    ksl_set_violation_handler(record, NULL);
    for (int i = 0; i < FZ_PUPPETS; i++) {
        pthread_t thread;
        if (sem_init(&puppets[i].go, 0, 0) != 0 ||
            sem_init(&puppets[i].ready, 0, 0) != 0 ||
            pthread_create(&thread, NULL, obey, &puppets[i]) != 0) {
            fprintf(stderr, "fuzz: cannot start a thread\n");
            exit(1);
        }
        pthread_detach(thread);
        while (sem_wait(&puppets[i].ready) != 0) {
        }
    }
    started = true;
}

/* Polling for a state; false when that took too long. */
static bool again(uint64_t *deadline)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    if (*deadline == 0)
        *deadline = (uint64_t)ts.tv_sec + fz_deadline_s;
    sched_yield();
    return (uint64_t)ts.tv_sec < *deadline;
}

static const char *op_name(int op)
{
    return family->ops[op].name;
}

/* The call of who has returned, or must do so now: compares. */
static void finish(int who, int op, int lock, const struct fz_answer *want)
{
    struct puppet *p = &puppets[who];
    uint64_t deadline = 0;
    while (!LOAD(&p->done)) {
        if (!again(&deadline))
            differs(who, "does not return");
    }
    note("    %d: %s(%d) = %d %s\n", who, op_name(op), lock, p->result,
         LOAD(&p->violations) != 0 ? p->rule : "");
    if (LOAD(&p->violations) != (want->rule != NULL))
        differs(who, want->rule != NULL ? want->rule : "no violation expected");
    if (want->rule != NULL && strcmp(want->rule, p->rule) != 0)
        differs(who, want->rule);
    if (p->result != want->result) {
        note("    expected %d\n", want->result);
        differs(who, "another result");
    }
    fz_wait[who].on = false;
    family->apply(who, op, lock, p->result);
}

/* Judges all calls that wait; returns how many may return. */
static int judge_waits(struct fz_answer *answers, bool *may)
{
    int n = 0;
    for (int i = 0; i < FZ_PUPPETS; i++) {
        struct fz_wait *w = &fz_wait[i];
        may[i] = w->on && family->judge(i, w->op, w->lock, &answers[i]) == FZ_RETURNS;
        n += may[i];
    }
    return n;
}

static void must_sleep(int who)
{
    bool (*waits)(const ksl_thread *t) =
        family->spins != NULL ? family->spins : ksl_thread_asleep;
    uint64_t deadline = 0;
    while (!waits(puppets[who].thread)) {
        if (LOAD(&puppets[who].done))
            differs(who, "returned and must not");
        if (!again(&deadline))
            differs(who, "neither waits nor returns");
    }
    if (LOAD(&puppets[who].done))
        differs(who, "returned and must not");
}

/* Lets all return that may, and sees that the others do not. */
static void settle(void)
{
    struct fz_answer answers[FZ_PUPPETS];
    bool may[FZ_PUPPETS];
    while (judge_waits(answers, may) != 0) {
        uint64_t deadline = 0;
        int who = -1;
        while (who < 0) {
            for (int i = 0; i < FZ_PUPPETS && who < 0; i++) {
                if (may[i] && LOAD(&puppets[i].done))
                    who = i;
            }
            if (who < 0 && !again(&deadline))
                differs(may[0] ? 0 : may[1] ? 1 : 2, "may return and does not");
        }
        finish(who, fz_wait[who].op, fz_wait[who].lock, &answers[who]);
    }
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (fz_wait[i].on)
            must_sleep(i);
    }
    const char *what = family->look != NULL ? family->look() : NULL;
    if (what != NULL)
        differs(-1, what);
}

static bool holds_other(int who, int op, int lock)
{
    if (family->holds_other != NULL)
        return family->holds_other(who, op, lock);
    for (int i = 0; family->holds != NULL && i < family->n_locks; i++) {
        if (i != lock && family->holds(who, i))
            return true;
    }
    return false;
}

/* A wait must leave somebody who can end it, and close no cycle. */
static bool may_wait(int who, int op, int lock)
{
    bool other = false;
    for (int i = 0; i < FZ_PUPPETS; i++)
        other |= i != who && !fz_wait[i].on;
    return other && !holds_other(who, op, lock);
}

static void outside(int who, int op, int lock)
{
    struct fz_answer want;
    if (family->judge(who, op, lock, &want) != FZ_RETURNS)
        return;
    int result = family->ops[op].outside(puppets[who].thread, lock);
    note("%d: %s(%d) = %d\n", who, op_name(op), lock, result);
    if (result != want.result)
        differs(-1, "another result of what was done from outside");
    family->apply(who, op, lock, result);
    settle();
}

static void step(int who, int op, int lock)
{
    struct puppet *p = &puppets[who];
    struct fz_answer want;
    if (family->ops[op].outside != NULL) {
        outside(who, op, lock);
        return;
    }
    if (fz_wait[who].on)
        return;
    enum fz_verdict verdict = family->judge(who, op, lock, &want);
    if (verdict == FZ_SKIP || (verdict == FZ_WAITS && !may_wait(who, op, lock)))
        return;
    note("%d: %s(%d)%s\n", who, op_name(op), lock, verdict == FZ_WAITS ? " waits" : "");
    p->op = op;
    p->lock = lock;
    p->result = -9999;
    STORE(&p->violations, 0);
    STORE(&p->done, 0);
    if (verdict == FZ_WAITS)
        fz_wait[who] = (struct fz_wait){true, op, lock, fz_stamp()};
    sem_post(&p->go);
    if (verdict == FZ_RETURNS)
        finish(who, op, lock, &want);
    settle();
}

/* Everything is given back, so that the next input finds nothing. */
static void drain(void)
{
    bool some = true;
    for (int n = 0; some; n++) {
        some = false;
        for (int i = 0; i < FZ_PUPPETS; i++) {
            int op, lock;
            if (fz_wait[i].on || !family->leave(i, &op, &lock))
                continue;
            some = true;
            step(i, op, lock);
        }
        if (n > DRAIN_STEPS)
            differs(-1, "the model never ends");
    }
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (fz_wait[i].on)
            differs(i, "waits for ever");
    }
}

void fz_run(const struct fz_family *which, const uint8_t *bytes, size_t n)
{
    family = which;
    if (!started)
        start();
    trace_size = 0;
    trace[0] = '\0';
    stamps = 0;
    family->reset();
    for (size_t i = 0; i + 1 < n && i / 2 < FZ_STEPS; i += 2) {
        int who = bytes[i] % FZ_PUPPETS;
        int lock = bytes[i] / FZ_PUPPETS % family->n_locks;
        step(who, bytes[i + 1] % family->n_ops, lock);
    }
    drain();
}
