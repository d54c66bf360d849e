/* SPDX-License-Identifier: BSD-2-Clause */
/* Slow paths of EVL: destroy with several waiters, a date beside a wake-up, urgency. */

#include "bugs.h"

#include <evl/mutex.h>
#include <evl/sem.h>

#include <errno.h>

static struct evl_kmutex mutex;
static struct evl_ksem sem;

static int lock(void *m)
{
    return evl_lock_kmutex(m);
}

START_TEST(path_destroy_lets_all_who_wait_for_a_kmutex_go)
{
    struct puppet p[4];
    evl_init_kmutex(&mutex);
    puppets_start_on(p, 4, KSL_STAGE_OOB);
    ck_assert_int_eq(ask(&p[0], lock, &mutex), 0);
    for (int i = 1; i < 4; i++)
        tell_blocked(&p[i], lock, &mutex);
    evl_destroy_kmutex(&mutex);
    for (int i = 1; i < 4; i++)
        ck_assert_int_eq(answer(&p[i]), -EIDRM);
    puppets_end(p, 4);
}
END_TEST

/* It goes between a look at it and the attempt to take it. */
START_TEST(path_a_kmutex_that_has_gone_is_not_taken)
{
    struct puppet p[2];
    evl_init_kmutex(&mutex);
    puppets_start_on(p, 2, KSL_STAGE_OOB);
    ck_assert_int_eq(ask(&p[0], lock, &mutex), 0);
    bug_stop(0, "kmutex: is one", &p[1]);
    tell(&p[1], lock, &mutex);
    bug_await_stop(0);
    evl_destroy_kmutex(&mutex);
    bug_go(0);
    ck_assert_int_eq(answer(&p[1]), -EIDRM);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 2);
}
END_TEST

static int down_by_date(void *s)
{
    return evl_down_timeout(s, (ktime_t)support_now_ns() + 1000000);
}

static int up(void *s)
{
    evl_up(s);
    return 0;
}

/* The date has come; before the sleeper has left the queue it is given a unit. */
START_TEST(path_a_unit_given_at_the_date_is_taken)
{
    struct puppet p[2];
    int result = -ETIMEDOUT, tries = 0;
    evl_init_ksem(&sem, 0);
    puppets_start_on(p, 2, KSL_STAGE_OOB);
    /* On a busy machine the date may have passed before the sleep: then again. */
    while (!bug_reached(0) && tries++ < 100) {
        bug_stop(0, "wait: give up", &p[0]);
        tell(&p[0], down_by_date, &sem);
        WAIT_UNTIL(bug_reached(0) || done(&p[0]));
        if (!bug_reached(0))
            continue;
        ck_assert_int_eq(ask(&p[1], up, &sem), 0);
        bug_go(0);
        result = answer(&p[0]);
    }
    ck_assert_int_eq(result, 0);
    ck_assert_int_eq(evl_trydown(&sem), -EAGAIN);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 2);
    evl_destroy_ksem(&sem);
}
END_TEST

void add_paths_of_evl(void)
{
    BUG(path_destroy_lets_all_who_wait_for_a_kmutex_go);
    BUG(path_a_kmutex_that_has_gone_is_not_taken);
    BUG(path_a_unit_given_at_the_date_is_taken);
}
