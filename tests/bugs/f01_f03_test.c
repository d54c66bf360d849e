/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F1: the mark of those who still wait is lost after a wake-up. F2: a sleep on a value
 * that no release will wake. F3: the look and the queueing are two steps.
 */

#include "bugs.h"

#include "platform/rawlock.h"

#include <evl/sem.h>

#include <stdio.h>

/* Three at least: with two there is nobody whom a lost mark could concern. */
static void three_take_turns(const struct lock_kind *k, bool barges)
{
    struct scene s;
    scene_begin(&s, k, 4);
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    waits(&s, 1, k->take);
    waits(&s, 2, k->take);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    if (barges && k->try_take != NULL && says(&s, 3, k->try_take) == 1)
        ck_assert_int_eq(says(&s, 3, k->give), 0);
    int first = one_of(&s, 1, 2);
    ck_assert_int_eq(answer(&s.p[first]), 0);
    still_waits(&s, 3 - first);
    ck_assert_int_eq(says(&s, first, k->give), 0);
    ck_assert_int_eq(answer(&s.p[3 - first]), 0);
    ck_assert_int_eq(says(&s, 3 - first, k->give), 0);
    /* No mark is left that would make the next release look for somebody. */
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    scene_end(&s);
}

START_TEST(f01_who_still_waits_is_woken_later)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        mark_point();
        three_take_turns(lock_kind(i), false);
        three_take_turns(lock_kind(i), true);
    }
}
END_TEST

/* The library's own lock; who waits for it sleeps in the host. */

static struct ksi_rawlock raw;
static int raw_wanted; /* atomic */

static int raw_take(void *l)
{
    ADD(&raw_wanted, 1);
    ksi_raw_lock(l);
    return 0;
}

static int raw_give(void *l)
{
    ksi_raw_unlock(l);
    return 0;
}

static bool sleeps_in_host(const struct puppet *p)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/stat",
             ksl_thread_id(p->actor.thread));
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return false;
    int n = fscanf(f, "%*d (%*[^)]) %c", &state);
    fclose(f);
    return n == 1 && state == 'S';
}

static void waits_for_raw(struct puppet *p)
{
    int wanted = LOAD(&raw_wanted);
    tell(p, raw_take, &raw);
    WAIT_UNTIL(LOAD(&raw_wanted) == wanted + 1);
    WAIT_UNTIL(sleeps_in_host(p));
}

START_TEST(f01_a_raw_lock_keeps_its_mark)
{
    struct puppet p[3];
    puppets_start(p, 3);
    ck_assert_int_eq(ask(&p[0], raw_take, &raw), 0);
    waits_for_raw(&p[1]);
    waits_for_raw(&p[2]);
    ck_assert_int_eq(ask(&p[0], raw_give, &raw), 0);
    WAIT_UNTIL(done(&p[1]) || done(&p[2]));
    int first = done(&p[1]) ? 1 : 2;
    ck_assert_int_eq(ask(&p[first], raw_give, &raw), 0);
    ck_assert_int_eq(answer(&p[3 - first]), 0);
    ck_assert_int_eq(ask(&p[3 - first], raw_give, &raw), 0);
    ck_assert_uint_eq(raw.word, 0);
    puppets_end(p, 3);
}
END_TEST

START_TEST(f02_who_sleeps_is_woken_by_the_next_release)
{
    struct scene s = {.puppets = 2};
    while (scene_next(&s, ALL_KINDS)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        waits(&s, 1, k->take);
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(says(&s, 1, k->give), 0);
    }
}
END_TEST

START_TEST(f02_who_sleeps_for_a_raw_lock_is_woken)
{
    struct puppet p[2];
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], raw_take, &raw), 0);
    waits_for_raw(&p[1]);
    ck_assert_int_eq(ask(&p[0], raw_give, &raw), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], raw_give, &raw), 0);
    puppets_end(p, 2);
}
END_TEST

/* The lock is given back after the waiter's last look, and before it is queued. */
START_TEST(f03_released_between_the_look_and_the_queueing)
{
    struct scene s = {.puppets = 2};
    while (scene_next(&s, SLEEPS)) { /* where it spins nothing is queued */
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        bug_stop(0, "lot: lock", &s.p[1]);
        tell(&s.p[1], k->take, s.lock);
        bug_await_stop(0);
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        bug_go(0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(says(&s, 1, k->give), 0);
    }
}
END_TEST

/* The owner has seen no mark; it stores, and looks at its claims, before there is one. */
START_TEST(f03_a_plain_release_between_the_mark_and_the_claim)
{
    struct scene s = {.puppets = 2};
    while (scene_next(&s, SLEEPS)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        /* Watched, it leaves by the function, where the points are. */
        ksi_store(&s.p[0].actor.thread->tls->owner, (uintptr_t)0);
        bug_stop(0, "rw: plain release", &s.p[0]);
        bug_stop(1, "rw: claim", &s.p[1]);
        tell(&s.p[0], k->give, s.lock);
        WAIT_UNTIL(bug_reached(0) || done(&s.p[0]));
        if (bug_reached(0)) {
            tell(&s.p[1], k->take, s.lock);
            bug_await_stop(1);
            bug_go(0);
            ck_assert_int_eq(answer(&s.p[0]), 0);
            bug_go(1);
            ck_assert_int_eq(answer(&s.p[1]), 0);
            ck_assert_int_eq(says(&s, 1, k->give), 0);
        }
    }
}
END_TEST

static int down(void *sem)
{
    return evl_down(sem);
}

static int up(void *sem)
{
    evl_up(sem);
    return 0;
}

START_TEST(f03_posted_between_the_look_and_the_queueing)
{
    struct evl_ksem sem;
    struct puppet p[2];
    evl_init_ksem(&sem, 0);
    puppets_start_on(p, 2, KSL_STAGE_OOB);
    bug_stop(0, "ksem: queue", &p[0]);
    tell(&p[0], down, &sem);
    bug_await_stop(0);
    ck_assert_int_eq(ask(&p[1], up, &sem), 0);
    bug_go(0);
    ck_assert_int_eq(answer(&p[0]), 0);
    puppets_end(p, 2);
}
END_TEST

void add_f01_to_f03(void)
{
    BUG(f01_who_still_waits_is_woken_later);
    BUG(f01_a_raw_lock_keeps_its_mark);
    BUG(f02_who_sleeps_is_woken_by_the_next_release);
    BUG(f02_who_sleeps_for_a_raw_lock_is_woken);
    BUG(f03_released_between_the_look_and_the_queueing);
    BUG(f03_a_plain_release_between_the_mark_and_the_claim);
    BUG(f03_posted_between_the_look_and_the_queueing);
}
