/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F18: fork while other threads hold locks and wait. The child has the calling thread
 * alone: nobody of the others is woken, waited for, or found in a queue.
 */

#include "bugs.h"

#include "../support/child.h"

#include <kslock/cond.h>
#include <kslock/sleepq.h>

#include <string.h>

static ksl_sleep_queue_t queue;
static ksl_cond_t cond;
static struct scene scenes[LOCK_KINDS];

static int sleep_on(void *q)
{
    return ksl_sleepq_sleep(q, 0);
}

static int wait_cond(void *c)
{
    return ksl_cond_wait(c, 1);
}

static int sleepers_woken(void *unused)
{
    (void)unused;
    return (int)ksl_sleepq_wake(&queue, 0);
}

static void use_new_locks(void)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        struct lock_memory memory;
        const struct lock_kind *k = lock_kind(i);
        memset(&memory, 0, sizeof memory);
        k->begin(&memory);
        CHILD_CHECK(k->take(&memory) == 0);
        CHILD_CHECK(k->give(&memory) == 0);
        if (k->share != NULL) {
            CHILD_CHECK(k->share(&memory) == 0);
            CHILD_CHECK(k->unshare(&memory) == 0);
        }
        k->end(&memory);
    }
}

/* What others hold stays held; what the forking thread holds is its own. */
static void child_of_many(void)
{
    CHILD_CHECK(ksl_sleepq_wake(&queue, 0) == 0);
    CHILD_CHECK(queue.waiters == 0);
    ksl_cond_set(&cond, 1);
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        struct scene *s = &scenes[i];
        if (s->kind->try_take != NULL)
            CHILD_CHECK(s->kind->try_take(s->lock) == 0);
    }
    use_new_locks();
}

START_TEST(f18_the_child_uses_every_lock_and_wakes_nobody)
{
    struct puppet p[2];
    puppets_start(p, 2);
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        scene_begin(&scenes[i], lock_kind(i), 2);
        ck_assert_int_eq(says(&scenes[i], 0, lock_kind(i)->take), 0);
        waits(&scenes[i], 1, lock_kind(i)->take);
    }
    tell_blocked(&p[0], sleep_on, &queue);
    tell_blocked(&p[1], wait_cond, &cond);
    in_child(child_of_many);
    /* The parent goes on as if nothing had been. */
    ck_assert_int_eq(sleepers_woken(NULL), 1);
    ksl_cond_set(&cond, 1);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    puppets_end(p, 2);
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        ck_assert_int_eq(says(&scenes[i], 0, lock_kind(i)->give), 0);
        ck_assert_int_eq(answer(&scenes[i].p[1]), 0);
        ck_assert_int_eq(says(&scenes[i], 1, lock_kind(i)->give), 0);
        scene_end(&scenes[i]);
    }
}
END_TEST

/* The forking thread holds, and others wait for it, who do not exist in the child. */
static void give_and_take(void)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        struct scene *s = &scenes[i];
        if (s->kind->spins)
            continue; /* its thread would fork with interrupts masked */
        CHILD_CHECK(s->kind->give(s->lock) == 0);
        CHILD_CHECK(s->kind->take(s->lock) == 0);
        CHILD_CHECK(s->kind->give(s->lock) == 0);
    }
}

START_TEST(f18_the_child_gives_back_what_it_held_and_takes_it_again)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        scene_begin(&scenes[i], k, 1);
        if (k->spins)
            continue;
        ck_assert_int_eq(k->take(scenes[i].lock), 0);
        waits(&scenes[i], 0, k->take);
    }
    in_child(give_and_take);
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        if (!k->spins) {
            ck_assert_int_eq(k->give(scenes[i].lock), 0);
            ck_assert_int_eq(answer(&scenes[i].p[0]), 0);
            ck_assert_int_eq(says(&scenes[i], 0, k->give), 0);
        }
        scene_end(&scenes[i]);
    }
}
END_TEST

/* Others share, and the child makes new locks where those are. */
enum { OFTEN = 10 }; /* slots are open after that */

static struct lock_memory fresh[LOCK_KINDS];

static int share_often(const struct lock_kind *k, void *lock)
{
    int result = 0;
    for (int i = 0; i < OFTEN && result == 0; i++) {
        result = k->share(lock);
        if (result == 0)
            result = k->unshare(lock);
    }
    return result;
}

static bool is_tried(const struct lock_kind *k)
{
    return k->try_take != NULL;
}

static void take_anew(bool tried)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        void *lock = scenes[i].lock;
        if (k->share == NULL || is_tried(k) != tried)
            continue;
        memcpy(lock, &fresh[i], sizeof fresh[i]);
        CHILD_CHECK(share_often(k, lock) == 0);
        CHILD_CHECK(tried ? k->try_take(lock) == 1 : k->take(lock) == 0);
        CHILD_CHECK(k->give(lock) == 0);
    }
}

static void make_anew(void)
{
    take_anew(true);
    take_anew(false);
}

START_TEST(f18_memory_that_others_shared_is_a_new_lock)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        scene_begin(&scenes[i], k, 1);
        memcpy(&fresh[i], scenes[i].lock, sizeof fresh[i]);
        if (k->share == NULL)
            continue;
        ck_assert_int_eq(share_often(k, scenes[i].lock), 0);
        ck_assert_int_eq(says(&scenes[i], 0, k->share), 0);
    }
    in_child(make_anew);
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        if (lock_kind(i)->share != NULL)
            ck_assert_int_eq(says(&scenes[i], 0, lock_kind(i)->unshare), 0);
        scene_end(&scenes[i]);
    }
}
END_TEST

void add_f18(void)
{
    BUG(f18_memory_that_others_shared_is_a_new_lock);
    BUG(f18_the_child_uses_every_lock_and_wakes_nobody);
    BUG(f18_the_child_gives_back_what_it_held_and_takes_it_again);
}
