/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F4: something used again is taken for what it was before: a sequence that wraps, an
 * owner, a waiter. F16: what a round used is used again before the round is over.
 */

#include "bugs.h"

#include "wait/wait.h"

#include <kslock/cond.h>
#include <kslock/mutex.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>

#include <string.h>

static void take_mutex(void *m)
{
    (void)ksl_mutex_acquire(m);
}

/* Threads enough for every descriptor that is free to be used again. */
START_TEST(f04_no_later_thread_is_taken_for_a_dead_owner)
{
    enum { THREADS = 700 };
    static ksl_mutex_t mutex;
    static struct actor a;
    recorder_start();
    actor_start(&a, take_mutex, &mutex);
    actor_join(&a);
    uintptr_t owner = ksi_load(&mutex.word) & ~(uintptr_t)1;
    ck_assert_uint_ne(owner, 0);
    for (unsigned i = 0; i < THREADS; i++) {
        struct puppet p;
        puppet_start(&p);
        ck_assert_uint_ne((uintptr_t)p.actor.thread, owner);
        puppet_end(&p);
    }
    recorder_stop();
}
END_TEST

static ksl_sleep_queue_t queues[2];

static int sleep_on(void *queue)
{
    return ksl_sleepq_sleep(queue, 0);
}

static int wake_one(void *queue)
{
    return (int)ksl_sleepq_wake(queue, 1);
}

/* The waker has decided the wait, and wakes when its thread waits for the next time. */
static int late_reached, late_go; /* atomic */

static void late_unpark(struct ksi_parker *p)
{
    STORE(&late_reached, 1);
    while (LOAD(&late_go) == 0)
        ksi_pause();
    ksi_host_unpark(p);
}

START_TEST(f04_a_late_wake_up_does_not_end_the_next_wait)
{
    struct puppet p[3];
    puppets_start(p, 3);
    tell_blocked(&p[0], sleep_on, &queues[0]);
    ksi_seam.unpark = late_unpark;
    tell(&p[1], wake_one, &queues[0]);
    WAIT_UNTIL(LOAD(&late_reached));
    ksi_seam.unpark = NULL;
    /* A stranger wakes it; it finds the wait decided. */
    ksi_unpark(&p[0].actor.thread->parker);
    ck_assert_int_eq(answer(&p[0]), 0);
    tell_blocked(&p[0], sleep_on, &queues[1]);
    STORE(&late_go, 1);
    ck_assert_int_eq(answer(&p[1]), 1);
    /* Its token is taken, and the wait goes on. */
    WAIT_UNTIL(ksi_load(&p[0].actor.thread->parker.word) != 2);
    still_asleep(&p[0]);
    ck_assert_int_eq(ask(&p[1], wake_one, &queues[1]), 1);
    ck_assert_int_eq(answer(&p[0]), 0);
    puppets_end(p, 3);
}
END_TEST

/* Nothing that decides a wait counts: the parker has three states, and no sequence. */
START_TEST(f04_a_parker_counts_nothing)
{
    enum { TURNS = 100000 };
    struct ksi_parker parker;
    unsigned i = 0;
    bool well = true; /* one assertion for all: each writes a file */
    memset(&parker, 0, sizeof parker);
    ksi_parker_init(&parker);
    for (; well && i < TURNS; i += well) {
        ksi_unpark(&parker);
        ksi_unpark(&parker);
        well = parker.word <= 2 && ksi_park(&parker, KSI_FOREVER) == KSI_PARK_TOKEN &&
               parker.word == 0;
    }
    ck_assert_uint_eq(i, TURNS);
}
END_TEST

/* The first one of a queue leaves while others wait, and waits elsewhere at once. */
START_TEST(f16_who_leaves_a_queue_takes_nothing_along_that_is_in_use)
{
    struct puppet p[4];
    puppets_start(p, 4);
    for (int i = 0; i < 3; i++)
        tell_blocked(&p[i], sleep_on, &queues[0]);
    ck_assert_int_eq(ask(&p[3], wake_one, &queues[0]), 1);
    ck_assert_int_eq(answer(&p[0]), 0);
    tell_blocked(&p[0], sleep_on, &queues[1]);
    for (int i = 1; i < 3; i++) {
        ck_assert_int_eq(ask(&p[3], wake_one, &queues[0]), 1);
        ck_assert_int_eq(answer(&p[i]), 0);
    }
    ck_assert_int_eq(ask(&p[3], wake_one, &queues[0]), 0);
    ck_assert_int_eq(ask(&p[3], wake_one, &queues[1]), 1);
    ck_assert_int_eq(answer(&p[0]), 0);
    puppets_end(p, 4);
}
END_TEST

/*
 * A barrier for each round, one after the other, at two places in turn. Who comes last
 * sets the condition; who leaves last destroys it and makes it new.
 */
struct barrier {
    ksl_spinlock_t lock;
    ksl_cond_t open;
    unsigned inside;  /* under the lock */
    unsigned leaving; /* under the lock */
};

enum { PARTIES = 4, ROUNDS = 500 };
static struct barrier barriers[2];
static unsigned long passed[PARTIES]; /* rounds, atomic */
static int early;                     /* atomic: somebody passed too early */

static void pass(struct barrier *b)
{
    ksl_spinlock_acquire(&b->lock);
    bool last = ++b->inside == PARTIES;
    ksl_spinlock_release(&b->lock);
    if (last)
        ksl_cond_set(&b->open, 1);
    else
        ksl_cond_wait(&b->open, 1);
    ksl_spinlock_acquire(&b->lock);
    if (++b->leaving == PARTIES) {
        b->inside = 0;
        b->leaving = 0;
        ksl_cond_destroy(&b->open);
    }
    ksl_spinlock_release(&b->lock);
}

static int party(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned long round = 0; round < ROUNDS; round++) {
        ADD(&passed[me], 1ul);
        pass(&barriers[0]);
        for (unsigned i = 0; i < PARTIES; i++) {
            if (LOAD(&passed[i]) < round + 1)
                STORE(&early, 1);
        }
        pass(&barriers[1]);
    }
    return 0;
}

START_TEST(f16_rounds_back_to_back)
{
    struct puppet p[PARTIES];
    memset(barriers, 0, sizeof barriers);
    puppets_start(p, PARTIES);
    for (uintptr_t i = 0; i < PARTIES; i++)
        tell(&p[i], party, (void *)i);
    for (int i = 0; i < PARTIES; i++)
        ck_assert_int_eq(answer(&p[i]), 0);
    ck_assert_int_eq(early, 0);
    puppets_end(p, PARTIES);
}
END_TEST

void add_f04_and_f16(void)
{
    BUG(f04_no_later_thread_is_taken_for_a_dead_owner);
    BUG(f04_a_late_wake_up_does_not_end_the_next_wait);
    BUG(f04_a_parker_counts_nothing);
    BUG(f16_who_leaves_a_queue_takes_nothing_along_that_is_in_use);
    BUG(f16_rounds_back_to_back);
}
