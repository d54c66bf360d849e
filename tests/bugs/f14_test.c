/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F14: orderings that are too weak. x86 makes them strong again, so nothing goes wrong
 * here; but ThreadSanitizer goes by what the code asks for: without the right order it
 * takes the accesses below for a race.
 */

#include "bugs.h"

#include <sched.h>

enum { WORKERS = 3, TURNS = 400 };

static struct worker {
    pthread_t thread;
    const struct lock_kind *kind;
    void *lock;
    bool slowly; /* as if it were watched, by the functions in place of inlined paths */
    int error;
} workers[WORKERS];

static unsigned started; /* atomic: workers at work, all of them at the same time */

static void begin(const struct worker *w)
{
    lock_stage(w->kind->oob);
    if (w->slowly)
        ksi_store(&ksl_tls.owner, (uintptr_t)0);
    ADD(&started, 1u);
    while (LOAD(&started) < WORKERS)
        sched_yield();
}

static unsigned long plain; /* under the lock, and by nothing else in order */

static void *add(void *arg)
{
    struct worker *w = arg;
    const struct lock_kind *k = w->kind;
    begin(w);
    for (int i = 0; i < TURNS && w->error == 0; i++) {
        w->error = k->take(w->lock);
        plain++;
        k->give(w->lock);
        if (i % 8 == 0)
            sched_yield();
    }
    lock_stage(false);
    return NULL;
}

static void *add_and_look(void *arg)
{
    struct worker *w = arg;
    const struct lock_kind *k = w->kind;
    begin(w);
    for (int i = 0; i < TURNS && w->error == 0; i++) {
        bool shared = i % 4 != 0;
        w->error = shared ? k->share(w->lock) : k->take(w->lock);
        if (shared && plain == ~0ul)
            w->error = 1;
        if (!shared)
            plain++;
        w->error |= shared ? k->unshare(w->lock) : k->give(w->lock);
        if (i % 8 == 0)
            sched_yield();
    }
    return NULL;
}

static void run(const struct lock_kind *k, void *(*fn)(void *), bool slowly)
{
    struct lock_memory memory = {{0}};
    k->begin(&memory);
    plain = 0;
    STORE(&started, 0u);
    for (int i = 0; i < WORKERS; i++) {
        workers[i] = (struct worker){.kind = k, .lock = &memory, .slowly = slowly};
        ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, fn, &workers[i]), 0);
    }
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(pthread_join(workers[i].thread, NULL), 0);
        ck_assert_int_eq(workers[i].error, 0);
    }
    ck_assert_uint_eq(plain, (fn == add ? TURNS : TURNS / 4) * WORKERS);
    k->end(&memory);
}

START_TEST(f14_what_a_lock_guards_is_in_order)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        mark_point();
        for (int slowly = 0; slowly < 2; slowly++) {
            run(lock_kind(i), add, slowly != 0);
            if (lock_kind(i)->share != NULL)
                run(lock_kind(i), add_and_look, slowly != 0);
        }
    }
}
END_TEST

void add_f14(void)
{
    BUG(f14_what_a_lock_guards_is_in_order);
}
