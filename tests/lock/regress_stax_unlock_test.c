/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: one unlock too many, at the moment when the last entry was
 * given to those who waited, took their entries off, or left the gate taken for ever.
 */
#include "../native/evl_stax_bias.h"

#include "platform/testing.h"

#include <string.h>

static __thread bool stops;
static int reached, may_go; /* atomic */

static void hook(const char *where)
{
    uint64_t state = 0;
    if (!stops || strcmp(where, "stax: leave") != 0)
        return;
    stops = false;
    STORE(&reached, 1);
    while (!LOAD(&may_go) && support_keep_waiting(&state))
        ;
}

static int unlock_slowly(void *object)
{
    stops = true;
    (void)unlock(object);
    stops = false;
    return 0;
}

/* in[0] is inside, oob[0] waits, in[1] is about to take the last entry off. */
static void start_unlock(void)
{
    STORE(&ksi_point_hook, hook);
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    tell_blocked(&oob[0], lock, &stax);
    tell(&in[1], unlock_slowly, &stax);
    WAIT_UNTIL(LOAD(&reached));
}

static void end_unlock(void)
{
    STORE(&may_go, 1);
    ck_assert_int_eq(answer(&in[1]), 0);
    STORE(&ksi_point_hook, NULL);
}

START_TEST(stax_X13_late_unlock_leaves_the_other_stage_inside)
{
    start_unlock();
    ck_assert_int_eq(ask(&in[0], unlock, &stax), 0);
    ck_assert_int_eq(answer(&oob[0]), 0);
    end_unlock();
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_eq(ask(&in[2], trylock, &stax), -EAGAIN);
    (void)ask(&oob[0], unlock, &stax);
    check_free();
}
END_TEST

START_TEST(stax_X12_late_unlock_of_a_free_stax)
{
    start_unlock();
    ck_assert_int_eq(ksl_thread_unblock(oob[0].actor.thread), 1);
    ck_assert_int_eq(answer(&oob[0]), -EINTR);
    ck_assert_int_eq(ask(&in[0], unlock, &stax), 0);
    end_unlock();
    ASSERT_VIOLATED("not-locked");
    check_free();
}
END_TEST

START_TEST(stax_X12_late_unlock_of_a_destroyed_stax)
{
    start_unlock();
    (void)evl_destroy_stax(&stax);
    ck_assert_int_eq(answer(&oob[0]), -EIDRM);
    end_unlock();
    ASSERT_VIOLATED("destroyed");
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    check_free();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_stax_unlock");
    TCase *tc = bias_case();
    tcase_add_test(tc, stax_X13_late_unlock_leaves_the_other_stage_inside);
    tcase_add_test(tc, stax_X12_late_unlock_of_a_free_stax);
    tcase_add_test(tc, stax_X12_late_unlock_of_a_destroyed_stax);
    suite_add_tcase(s, tc);
    return support_run(s);
}
