/* SPDX-License-Identifier: BSD-2-Clause */
/* The threads of the machine, and the search through its executions. */

#include "machine_threads.h"

#include "weak.h"

#include "platform/testing.h"

#include <kslock/inline.h>

#include <stdlib.h>
#include <ucontext.h>

enum { STACK = 65536, STEPS_MAX = 4000, CHOICES = 8192 };

enum state { ENDED, READY, ASLEEP, YIELDED };

struct coroutine {
    ucontext_t context;
    enum state state;
    uintptr_t on; /* sleeps there */
    bool timed;
    enum machine_wakeup how;
    struct ksl_tls tls; /* what is thread-local in the shipped code */
    int raw_held;
    uint32_t sections;
    void (*fn)(void);
    char *stack;
};

struct machine_plan machine_plan;
struct machine_budget machine_budget;
bool machine_runs;

static struct coroutine threads[MACHINE_THREADS];
static ucontext_t home;
static unsigned now, count, steps;
static const char *wrong;

/* The steps of this execution that were chosen, and out of how many. */
static uint8_t taken[CHOICES], among[CHOICES];
static unsigned depth, known;

static uint64_t next_random(void)
{
    machine_plan.seed = machine_plan.seed * 6364136223846793005u + 1442695040888963407u;
    return machine_plan.seed >> 33;
}

unsigned machine_choose(unsigned n, unsigned *budget)
{
    if (n < 2 || (budget != NULL && *budget == 0))
        return 0;
    unsigned choice;
    if (machine_plan.random) {
        bool usual = budget != NULL && next_random() % 8 != 0;
        choice = usual ? 0 : (unsigned)(next_random() % n);
    } else if (depth < known) {
        choice = taken[depth++];
    } else {
        if (depth == CHOICES)
            abort();
        taken[depth] = 0;
        among[depth] = (uint8_t)(n < 255 ? n : 255);
        known = ++depth;
        choice = 0;
    }
    if (choice != 0 && budget != NULL)
        --*budget;
    return choice;
}

void machine_restart(void)
{
    known = 0;
    machine_places_restart();
}

bool machine_next(void)
{
    if (machine_plan.random)
        return true;
    if (machine_places_learned()) {
        known = 0;
        return true;
    }
    while (known > 0 && taken[known - 1] + 1 == among[known - 1])
        known--;
    if (known == 0)
        return false;
    taken[known - 1]++;
    return true;
}

unsigned machine_self(void)
{
    return now;
}

bool machine_own(uintptr_t at)
{
    uintptr_t base = (uintptr_t)threads[now].stack;
    if (at >= base && at < base + STACK)
        return true;
    if (at == (uintptr_t)&ksi_fault_planted || at == (uintptr_t)&ksi_point_hook ||
        at == (uintptr_t)&ksi_spin_cap)
        return true;
    uintptr_t tls = (uintptr_t)&ksl_tls; /* errno is near it */
    return at >= tls - 4096 && at < tls + 4096;
}

static void switch_to(unsigned t)
{
    unsigned before = now;
    threads[before].tls = ksl_tls;
    threads[before].raw_held = ksi_raw_held;
    threads[before].sections = *weak_sections();
    ksl_tls = threads[t].tls;
    ksi_raw_held = threads[t].raw_held;
    *weak_sections() = threads[t].sections;
    now = t;
    if (before != t)
        swapcontext(&threads[before].context, &threads[t].context);
    machine_runs = true;
}

static void go_home(void)
{
    machine_runs = false;
    setcontext(&home);
    abort();
}

void machine_failed(const char *what)
{
    wrong = what;
    go_home();
    abort();
}

/* The caller cannot go on: who does? */
static void leave(void)
{
    unsigned ready[MACHINE_THREADS];
    unsigned n = 0;
    bool all_ended = true;
    for (unsigned t = 0; t < count; t++) {
        all_ended = all_ended && threads[t].state == ENDED;
        if (threads[t].state == READY)
            ready[n++] = t;
    }
    for (unsigned t = 0; n == 0 && t < count; t++) {
        if (threads[t].state == YIELDED) {
            threads[t].state = READY;
            ready[n++] = t;
        }
    }
    for (unsigned t = 0; n == 0 && t < count; t++) {
        if (threads[t].state == ASLEEP && threads[t].timed) {
            threads[t].state = READY;
            threads[t].how = MACHINE_TIMED_OUT;
            ready[n++] = t;
        }
    }
    if (n == 0 && !all_ended)
        machine_failed("somebody sleeps for ever");
    if (n == 0)
        go_home();
    switch_to(ready[machine_choose(n, NULL)]);
}

static void surprise(unsigned t)
{
    unsigned how = machine_choose(threads[t].timed ? 3 : 2, &machine_budget.surprises);
    if (how == 0)
        return;
    threads[t].state = READY;
    threads[t].how = how == 1 ? MACHINE_INTERRUPTED : MACHINE_TIMED_OUT;
}

void machine_count_step(void)
{
    if (++steps > STEPS_MAX)
        machine_failed("no progress");
}

void machine_step(void)
{
    if (!machine_runs)
        return;
    machine_runs = false;
    machine_count_step();
    unsigned others[MACHINE_THREADS] = {now};
    unsigned n = 1;
    for (unsigned t = 0; t < count; t++) {
        if (threads[t].state == ASLEEP)
            surprise(t);
        if (t != now && threads[t].state == READY)
            others[n++] = t;
    }
    switch_to(others[machine_choose(n, &machine_budget.switches)]);
    machine_runs = true;
}

void machine_stored(void)
{
    for (unsigned t = 0; t < count; t++) {
        if (threads[t].state == YIELDED)
            threads[t].state = READY;
    }
}

void machine_yield(void)
{
    machine_count_step();
    threads[now].state = YIELDED;
    leave();
}

enum machine_wakeup machine_sleep(uintptr_t on, bool timed)
{
    struct coroutine *t = &threads[now];
    t->state = ASLEEP;
    t->on = on;
    t->timed = timed;
    t->how = MACHINE_WOKEN;
    leave();
    return t->how;
}

void machine_wake_one(uintptr_t on)
{
    for (unsigned t = 0; t < count; t++) {
        if (threads[t].state == ASLEEP && threads[t].on == on) {
            threads[t].state = READY;
            return;
        }
    }
}

static void begin(void)
{
    machine_runs = true;
    threads[now].fn();
    machine_runs = false;
    threads[now].state = ENDED;
    leave();
}

const char *machine_execute(unsigned n, void (*const *fn)(void))
{
    static volatile bool started;
    wrong = NULL;
    depth = 0;
    steps = 0;
    count = 0;
    machine_budget = (struct machine_budget){machine_plan.switches, machine_plan.stale,
                                             machine_plan.surprises};
    machine_memory_begin();
    while (count < n && fn[count] != NULL) {
        struct coroutine *t = &threads[count];
        if (t->stack == NULL)
            t->stack = malloc(STACK);
        getcontext(&t->context);
        t->context.uc_stack.ss_sp = t->stack;
        t->context.uc_stack.ss_size = STACK;
        t->context.uc_link = NULL;
        makecontext(&t->context, begin, 0);
        t->state = READY;
        t->fn = fn[count];
        weak_become(count);
        t->tls = ksl_tls;
        t->raw_held = 0;
        t->sections = 0;
        count++;
    }
    started = false;
    getcontext(&home);
    if (!started) {
        started = true;
        now = machine_choose(count, NULL);
        ksl_tls = threads[now].tls;
        ksi_raw_held = 0;
        *weak_sections() = 0;
        setcontext(&threads[now].context);
    }
    return wrong;
}
