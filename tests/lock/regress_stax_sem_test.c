/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions in EVL's semaphores and flags: a wait that had begun, but
 * was not queued when the semaphore ended, went on for ever (K10); a flag that was raised
 * already did not show what had been written before it was raised again; raised by
 * several threads while its last waiter went, it counted them, and let as many through.
 */
#include "../native/evl_test.h"

#include "platform/testing.h"

#include <sched.h>
#include <string.h>

enum { ROUNDS = 20000, SPINS = 1000 };

static struct puppet waiter;
static struct evl_ksem ksem;
static struct evl_flag flag;
static int reached, may_go; /* atomic */

static void wait_for(const int *value)
{
    uint64_t state = 0;
    while (!LOAD(value) && support_keep_waiting(&state))
        ;
}

static void stop_before_queue(const char *where)
{
    if (strcmp(where, "ksem: queue") != 0 || LOAD(&reached))
        return;
    STORE(&reached, 1);
    wait_for(&may_go);
}

static bool still_waits(void)
{
    WAIT_UNTIL(done(&waiter) || ksl_thread_asleep(waiter.actor.thread));
    return !done(&waiter);
}

START_TEST(ksem_K10_destroyed_before_the_waiter_is_queued)
{
    evl_init_ksem(&ksem, 0);
    puppet_start_on(&waiter, KSL_STAGE_OOB);
    STORE(&ksi_point_hook, stop_before_queue);
    tell(&waiter, down, &ksem);
    WAIT_UNTIL(LOAD(&reached));
    evl_destroy_ksem(&ksem);
    STORE(&may_go, 1);
    ck_assert(!still_waits());
    ck_assert_int_eq(answer(&waiter), -EIDRM);
    STORE(&ksi_point_hook, NULL);
    puppet_end(&waiter);
}
END_TEST

/* ---- a flag that is up ---- */

static int written, began[2], ended; /* atomic; `written` without any order */

static void wait_round(const int *other, int round)
{
    for (int i = 0; LOAD(other) < round; i++) {
        if (i > SPINS)
            sched_yield();
    }
}

static void meet(int i, int round)
{
    STORE(&began[i], round);
    wait_round(&began[1 - i], round);
}

static void raise_again(void *arg)
{
    (void)arg;
    for (int round = 1; round <= ROUNDS; round++) {
        meet(0, round);
        __atomic_store_n(&written, round, __ATOMIC_RELAXED);
        evl_raise_flag(&flag);
        STORE(&ended, round);
    }
}

/* Rounds in which the flag was taken after it was raised again, but nothing was seen. */
static int count_lost(void)
{
    int lost = 0;
    for (int round = 1; round <= ROUNDS; round++) {
        evl_raise_flag(&flag);
        meet(1, round);
        evl_clear_flag(&flag);
        int seen = __atomic_load_n(&written, __ATOMIC_RELAXED);
        wait_round(&ended, round);
        bool up = (LOAD(&flag.ksl_word) & 1) != 0;
        evl_clear_flag(&flag);
        lost += !up && seen != round;
    }
    return lost;
}

START_TEST(flag_X21_raised_again_shows_what_was_written_before)
{
    struct actor a;
    evl_init_flag(&flag);
    actor_start(&a, raise_again, NULL);
    int lost = count_lost();
    actor_join(&a);
    ck_assert_int_eq(lost, 0);
}
END_TEST

/* ---- a flag whose last waiter goes ---- */

enum { RAISERS = 3 };

static int raising, may_raise; /* atomic */

static void stop_before_look(const char *where)
{
    if (strcmp(where, "ksem: up") != 0)
        return;
    ADD(&raising, 1);
    wait_for(&may_raise);
}

static int wait_flag(void *f)
{
    return evl_wait_flag(f);
}

static int raise_flag(void *f)
{
    evl_raise_flag(f);
    return 0;
}

START_TEST(flag_X21_raised_by_several_while_one_waits_is_up_once)
{
    static struct puppet raisers[RAISERS];
    evl_init_flag(&flag);
    puppet_start_on(&waiter, KSL_STAGE_OOB);
    tell_blocked(&waiter, wait_flag, &flag);
    STORE(&ksi_point_hook, stop_before_look);
    for (int i = 0; i < RAISERS; i++) {
        puppet_start(&raisers[i]);
        tell(&raisers[i], raise_flag, &flag);
    }
    WAIT_UNTIL(LOAD(&raising) == RAISERS); /* all of them have seen the waiter */
    STORE(&may_raise, 1);
    for (int i = 0; i < RAISERS; i++)
        ck_assert_int_eq(answer(&raisers[i]), 0);
    STORE(&ksi_point_hook, NULL);
    ck_assert_int_eq(answer(&waiter), 0);
    evl_raise_flag(&flag); /* it is up already */
    ck_assert_uint_eq(LOAD(&flag.ksl_word), 1);
    puppet_end(&waiter);
    for (int i = 0; i < RAISERS; i++)
        puppet_end(&raisers[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_stax_sem");
    TCase *tc = tcase_create("sem");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, ksem_K10_destroyed_before_the_waiter_is_queued);
    tcase_add_test(tc, flag_X21_raised_again_shows_what_was_written_before);
    tcase_add_test(tc, flag_X21_raised_by_several_while_one_waits_is_up_once);
    suite_add_tcase(s, tc);
    return support_run(s);
}
