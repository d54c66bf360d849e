/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F19: locks in the destructors of thread-specific data; a thread that has exited when
 * its waker comes to wake it.
 */

#include "bugs.h"
#include "sanitized.h"

#include <kslock/sleepq.h>

#include <limits.h>
#include <string.h>

enum { KEYS = 3 };

static pthread_key_t keys[KEYS];
static struct lock_memory
    held[LOCK_KINDS];   /* taken by the thread, given back at its end */
static unsigned rounds; /* atomic: destructors that have run */
static unsigned wrong;  /* atomic */

/*
 * All destructors of a round run in no order that a program could rely on; a race
 * detector ends its own part of the thread in the last round.
 */
enum { ROUNDS = PTHREAD_DESTRUCTOR_ITERATIONS - (RACE_DETECTOR ? 2 : 1) };

static void use_all(void)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        struct lock_memory memory;
        memset(&memory, 0, sizeof memory);
        k->begin(&memory);
        if (k->take(&memory) != 0 || k->give(&memory) != 0)
            ADD(&wrong, 1u);
        k->end(&memory);
    }
}

struct turn {
    unsigned key;
    unsigned left; /* rounds to come */
    bool gives;
};

static void destructor(void *arg)
{
    struct turn *turn = arg;
    ADD(&rounds, 1u);
    use_all();
    if (--turn->left > 0) {
        pthread_setspecific(keys[turn->key], turn);
        return;
    }
    for (unsigned i = 0; turn->gives && i < LOCK_KINDS; i++) {
        if (!lock_kind(i)->spins)
            lock_kind(i)->give(&held[i]);
    }
}

static void *holds_to_the_end(void *arg)
{
    struct turn *turns = arg;
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        if (!lock_kind(i)->spins && lock_kind(i)->take(&held[i]) != 0)
            ADD(&wrong, 1u);
    }
    for (unsigned i = 0; i < KEYS; i++) {
        turns[i] = (struct turn){i, ROUNDS, i == 0};
        pthread_setspecific(keys[i], &turns[i]);
    }
    return NULL;
}

START_TEST(f19_locks_in_destructors_of_thread_specific_data)
{
    struct turn turns[KEYS];
    pthread_t thread;
    for (unsigned i = 0; i < KEYS; i++)
        ck_assert_int_eq(pthread_key_create(&keys[i], destructor), 0);
    for (unsigned i = 0; i < LOCK_KINDS; i++)
        lock_kind(i)->begin(&held[i]);
    recorder_start();
    ck_assert_int_eq(pthread_create(&thread, NULL, holds_to_the_end, turns), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_uint_eq(rounds, KEYS * ROUNDS);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
    recorder_stop();
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        if (k->spins || k->try_take == NULL)
            continue;
        ck_assert_msg(k->try_take(&held[i]) == 1, "%s is held", k->name);
        ck_assert_int_eq(k->give(&held[i]), 0);
    }
}
END_TEST

/* A puppet that has taken the lock; -1: none. */
static int came_in(const struct scene *s)
{
    for (int i = 0; i < s->puppets; i++) {
        if (s->p[i].call == s->kind->take && done(&s->p[i]))
            return i;
    }
    return -1;
}

/* A storm of threads whose first and last calls are locks, with a waiter in between. */
START_TEST(f19_threads_come_wait_and_go)
{
    enum { STORMS = 40, AT_ONCE = 6 };
    for (unsigned n = 0; n < STORMS; n++) {
        struct scene s;
        const struct lock_kind *k = lock_kind(n % LOCK_KINDS);
        scene_begin(&s, k, AT_ONCE);
        for (int i = 0; i < AT_ONCE; i++)
            tell(&s.p[i], k->take, s.lock);
        for (int left = AT_ONCE; left > 0; left--) {
            int in = 0;
            WAIT_UNTIL((in = came_in(&s)) >= 0);
            ck_assert_int_eq(says(&s, in, k->give), 0);
        }
        scene_end(&s);
    }
}
END_TEST

static ksl_sleep_queue_t queue;
static int reached, go; /* atomic */

static void sleep_once(void *unused)
{
    (void)unused;
    (void)ksl_sleepq_sleep(&queue, 0);
}

static void late_unpark(struct ksi_parker *p)
{
    STORE(&reached, 1);
    while (LOAD(&go) == 0)
        ksi_pause();
    ksi_host_unpark(p);
}

static int sleep_on(void *q)
{
    return ksl_sleepq_sleep(q, 0);
}

static int wake(void *q)
{
    return (int)ksl_sleepq_wake(q, 1);
}

/* Its memory has gone to another thread, maybe: that one is not disturbed. */
START_TEST(f19_the_sleeper_has_exited_when_it_is_woken)
{
    struct actor sleeper;
    struct puppet p[2];
    puppet_start(&p[0]);
    actor_start(&sleeper, sleep_once, NULL);
    wait_asleep(sleeper.thread);
    ksl_thread *t = sleeper.thread;
    ksi_seam.unpark = late_unpark;
    tell(&p[0], wake, &queue);
    WAIT_UNTIL(LOAD(&reached));
    ksi_seam.unpark = NULL;
    ksi_host_unpark(&t->parker); /* it returns for no reason, and finds itself woken */
    actor_join(&sleeper);
    puppet_start(&p[1]);
    tell_blocked(&p[1], sleep_on, &queue);
    STORE(&go, 1);
    ck_assert_int_eq(answer(&p[0]), 1);
    still_asleep(&p[1]);
    ck_assert_int_eq(ask(&p[0], wake, &queue), 1);
    ck_assert_int_eq(answer(&p[1]), 0);
    puppets_end(p, 2);
}
END_TEST

void add_f19(void)
{
    BUG(f19_locks_in_destructors_of_thread_specific_data);
    BUG(f19_threads_come_wait_and_go);
    BUG(f19_the_sleeper_has_exited_when_it_is_woken);
}
