/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow paths of EVL: destroy with several waiters, a date beside a wake-up, kicks,
 * flushes, semaphores that are watched, a waiter that is lent to.
 */

#include "bugs.h"

#include "diag/spots.h"
#include "lock/ksem.h"

#include <evl/flag.h>
#include <evl/mutex.h>
#include <evl/sem.h>
#include <evl/thread.h>

#include <kslock/diag.h>

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

static int nap(void *delay)
{
    return evl_sleep(*(ktime_t *)delay);
}

/* K13: the next wait, and no other. */
START_TEST(path_a_kick_between_two_waits_ends_the_next_one)
{
    ktime_t for_ever = EVL_INFINITE, short_time = 1000;
    struct puppet p;
    puppet_start_on(&p, KSL_STAGE_OOB);
    evl_kick_thread((struct evl_thread *)(void *)p.actor.thread, 0);
    ck_assert_int_eq(ask(&p, nap, &for_ever), -EINTR);
    ck_assert_int_eq(ask(&p, nap, &short_time), 0);
    puppet_end(&p);
}
END_TEST

static struct evl_flag flag;

static int wait_flag(void *f)
{
    return evl_wait_flag(f);
}

START_TEST(path_a_flush_ends_a_wait_with_its_reason)
{
    static const int reasons[] = {EVL_T_BREAK, EVL_T_TIMEO, EVL_T_RMID};
    static const int errors[] = {-EINTR, -ETIMEDOUT, -EIDRM};
    struct puppet p;
    evl_init_flag(&flag);
    puppet_start_on(&p, KSL_STAGE_OOB);
    for (int i = 0; i < 3; i++) {
        tell_blocked(&p, wait_flag, &flag);
        evl_flush_flag(&flag, reasons[i]);
        ck_assert_int_eq(answer(&p), errors[i]);
    }
    puppet_end(&p);
    evl_destroy_flag(&flag);
}
END_TEST

static int down(void *s)
{
    return evl_down(s);
}

static int down_uninlined(void *s)
{
    return evl_down_timeout(s, EVL_NONBLOCK);
}

static int unlock(void *m)
{
    evl_unlock_kmutex(m);
    return 0;
}

START_TEST(path_a_unit_from_before_the_switch_is_there)
{
    struct puppet p;
    evl_init_ksem(&sem, 1);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    puppet_start_on(&p, KSL_STAGE_OOB);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p, down_uninlined, &sem), 0);
        ck_assert_int_eq(ask(&p, down_uninlined, &sem), -EAGAIN);
        ck_assert_int_eq(ask(&p, up, &sem), 0);
    }
    puppet_end(&p);
}
END_TEST

/* Another thread than the one that took the unit gives it: an event, without an order. */
START_TEST(path_a_semaphore_with_units_from_others_has_no_order)
{
    struct puppet p[2];
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    evl_init_ksem(&sem, 1);
    evl_init_kmutex(&mutex);
    puppets_start_on(p, 2, KSL_STAGE_OOB);
    recorder_start();
    ck_assert_int_eq(ask(&p[0], down, &sem), 0);
    ck_assert_int_eq(ask(&p[0], lock, &mutex), 0);
    ck_assert_int_eq(ask(&p[0], unlock, &mutex), 0);
    ck_assert_int_eq(ask(&p[1], up, &sem), 0);
    ck_assert_int_eq(ask(&p[1], lock, &mutex), 0);
    ck_assert_int_eq(ask(&p[1], down, &sem), 0);
    ck_assert_int_eq(ask(&p[1], up, &sem), 0);
    ck_assert_int_eq(ask(&p[1], unlock, &mutex), 0);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
    recorder_stop();
    puppets_end(p, 2);
}
END_TEST

/* Another semaphore's word whose proofs are counted in the same place. */
static struct evl_ksem *beside(const struct evl_ksem *first, struct evl_ksem *all,
                               unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (ksi_spot_hash((uintptr_t)&all[i].ksl_word, 256) ==
            ksi_spot_hash((uintptr_t)&first->ksl_word, 256))
            return &all[i];
    }
    ck_abort_msg("none of %u", n);
    return NULL;
}

/* While it waits another semaphore becomes an event: it holds the lock all the same. */
START_TEST(path_a_proof_of_another_semaphore_concerns_that_one)
{
    static struct evl_ksem many[16384];
    struct puppet p[3];
    struct evl_ksem *other = beside(&sem, many, 16384);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    evl_init_ksem(&sem, 1);
    evl_init_ksem(other, 1);
    puppets_start_on(p, 3, KSL_STAGE_OOB);
    ck_assert_int_eq(ask(&p[0], down, &sem), 0);
    tell_blocked(&p[1], down, &sem);
    ck_assert_int_eq(ask(&p[2], down, other), 0);
    ck_assert_int_eq(ask(&p[0], up, other), 0);
    ck_assert_int_eq(ask(&p[0], up, &sem), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert(ksi_ksem_may_be_lock(ksi_load(&sem.ksl_word)));
    ck_assert_int_eq(ask(&p[1], up, &sem), 0);
    ck_assert(ksi_ksem_may_be_lock(ksi_load(&sem.ksl_word)));
    puppets_end(p, 3);
}
END_TEST

/* Who waits for the mutex of a waiter takes that one ahead of the more urgent. */
START_TEST(path_a_waiter_that_is_lent_to_moves_ahead)
{
    static const int prios[] = {10, 5, 50};
    struct puppet p[3];
    evl_init_ksem(&sem, 0);
    evl_init_kmutex(&mutex);
    puppets_start_on(p, 3, KSL_STAGE_OOB);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ksl_thread_set_priority(p[i].actor.thread, prios[i]), 0);
    ck_assert_int_eq(ask(&p[1], lock, &mutex), 0);
    tell_blocked(&p[0], down, &sem);
    tell_blocked(&p[1], down, &sem);
    tell_blocked(&p[2], lock, &mutex);
    evl_up(&sem);
    WAIT_UNTIL(done(&p[0]) || done(&p[1]));
    still_asleep(&p[0]);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], unlock, &mutex), 0);
    ck_assert_int_eq(answer(&p[2]), 0);
    ck_assert_int_eq(ask(&p[2], unlock, &mutex), 0);
    evl_up(&sem);
    ck_assert_int_eq(answer(&p[0]), 0);
    puppets_end(p, 3);
}
END_TEST

void add_paths_of_evl(void)
{
    BUG(path_a_kick_between_two_waits_ends_the_next_one);
    BUG(path_a_flush_ends_a_wait_with_its_reason);
    BUG(path_a_unit_from_before_the_switch_is_there);
    BUG(path_a_semaphore_with_units_from_others_has_no_order);
    BUG(path_a_proof_of_another_semaphore_concerns_that_one);
    BUG(path_a_waiter_that_is_lent_to_moves_ahead);
    BUG(path_destroy_lets_all_who_wait_for_a_kmutex_go);
    BUG(path_a_kmutex_that_has_gone_is_not_taken);
    BUG(path_a_unit_given_at_the_date_is_taken);
}
