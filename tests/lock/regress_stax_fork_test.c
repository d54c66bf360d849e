/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A fault of earlier versions: a thread that had not got into a stax when its process
 * forked was inside for ever in the child.
 */
#include "../native/evl_stax_bias.h"
#include "child.h"

#include <string.h>

static int looked, may_store, stored, may_look; /* atomic */

static void wait_for(const int *flag)
{
    uint64_t state = 0;
    while (!LOAD(flag) && support_keep_waiting(&state))
        ;
}

/* ksl_gate_enter_fast; stops after the first look, and after the store. */
static int enter_slowly(void *object)
{
    struct evl_stax *s = object;
    uintptr_t owner = ksl_tls.owner, stage = ksl_gate_stage(owner);
    struct ksl_slot *slot = ksl_slot_of(owner, &s->ksl_gate);
    if (!ksl_gate_biased(&s->ksl_gate, stage) || LOAD(&slot->lock) != 0)
        return -1;
    STORE(&looked, 1);
    wait_for(&may_store);
    STORE(&slot->lock, ksl_gate_entry(&s->ksl_gate, stage));
    STORE(&stored, 1);
    wait_for(&may_look);
    if (ksl_gate_biased(&s->ksl_gate, stage) || ksl_gate_shown(&s->ksl_gate))
        return 0;
    return -EAGAIN;
}

static void in_the_child(void)
{
    evl_unlock_stax(&stax);
    evl_switch_inband(0);
    CHILD_CHECK(warm(&stax) == 0);
    CHILD_CHECK(evl_switch_oob() == 0);
    CHILD_CHECK(evl_trylock_stax(&stax) == 0);
    evl_unlock_stax(&stax);
}

START_TEST(stax_X4_who_was_not_inside_at_fork_is_not_in_the_child)
{
    ck_assert_int_eq(ask(&in[0], warm, &stax), 0);
    tell(&in[0], enter_slowly, &stax);
    WAIT_UNTIL(LOAD(&looked));
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(evl_trylock_stax(&stax), 0);
    STORE(&may_store, 1);
    WAIT_UNTIL(LOAD(&stored));
    in_child(in_the_child);
    STORE(&may_look, 1);
    ck_assert_int_eq(answer(&in[0]), -EAGAIN);
    evl_unlock_stax(&stax);
    evl_switch_inband(0);
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void inside_in_the_child(void)
{
    CHILD_CHECK(evl_switch_oob() == 0);
    CHILD_CHECK(evl_trylock_stax(&stax) == -EAGAIN);
    evl_switch_inband(0);
    evl_unlock_stax(&stax);
    evl_unlock_stax(&stax);
    CHILD_CHECK(evl_switch_oob() == 0);
    CHILD_CHECK(evl_trylock_stax(&stax) == 0);
}

/* The same slot shows an entry that counts: it stays in the child. */
START_TEST(stax_X4_who_was_inside_at_fork_is_in_the_child)
{
    STORE(&may_store, 1);
    STORE(&may_look, 1);
    ck_assert_int_eq(ask(&in[0], warm, &stax), 0);
    ck_assert_int_eq(ask(&in[0], enter_slowly, &stax), 0);
    ck_assert_int_eq(ask(&in[1], lock, &stax), 0);
    ck_assert(biased(&stax));
    in_child(inside_in_the_child);
    (void)ask(&in[0], unlock, &stax);
    (void)ask(&in[1], unlock, &stax);
    check_free();
}
END_TEST

static void new_in_the_child(void)
{
    memset(&stax, 0, sizeof stax);
    CHILD_CHECK(warm(&stax) == 0);
    CHILD_CHECK(evl_switch_oob() == 0);
    CHILD_CHECK(evl_trylock_stax(&stax) == 0);
}

/* Who was inside is not in the stax that the child makes of the same memory. */
START_TEST(stax_X4_a_new_one_where_others_are_inside)
{
    ck_assert_int_eq(ask(&in[0], warm, &stax), 0);
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    in_child(new_in_the_child);
    (void)ask(&in[0], unlock, &stax);
    check_free();
}
END_TEST

int main(void)
{
    if (!ksi_heavy_works())
        return 77;
    Suite *s = suite_create("regress_stax_fork");
    TCase *tc = bias_case();
    tcase_add_test(tc, stax_X4_who_was_not_inside_at_fork_is_not_in_the_child);
    tcase_add_test(tc, stax_X4_who_was_inside_at_fork_is_in_the_child);
    tcase_add_test(tc, stax_X4_a_new_one_where_others_are_inside);
    suite_add_tcase(s, tc);
    return support_run(s);
}
