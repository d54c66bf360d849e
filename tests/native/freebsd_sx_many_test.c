/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): one thread with very many holds; each of them stays exact. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "support.h"

enum { MANY = 1000, SPREAD = 40, DEEP = 70000 };

static struct sx locks[MANY];

/* Far apart at equal distances, which a hash may not tell apart. */
static struct far {
    struct sx sx;
    char pad[8192 - sizeof(struct sx)];
} far[SPREAD];

static struct sx *near_lock(int i)
{
    return &locks[i];
}

static struct sx *far_lock(int i)
{
    return &far[i].sx;
}

/* Which locks a case works on. */
static struct {
    struct sx *(*at)(int i);
    int count;
    struct puppet other;
    struct puppet third;
} set;

static void setup(struct sx *(*at)(int i), int count)
{
    set.at = at;
    set.count = count;
    recorder_start();
    puppet_start(&set.other);
    puppet_start(&set.third);
    for (int i = 0; i < count; i++)
        sx_init_flags(at(i), "many", SX_RECURSE);
}

static int lock_all_in_turn(void *unused)
{
    (void)unused;
    int taken = 0;
    for (int i = 0; i < set.count; i++) {
        if (sx_try_xlock(set.at(i)) == 0)
            continue;
        sx_xunlock(set.at(i));
        taken++;
    }
    return taken;
}

static int share_all_in_turn(void *unused)
{
    (void)unused;
    int taken = 0;
    for (int i = 0; i < set.count; i++) {
        if (sx_try_slock(set.at(i)) == 0)
            continue;
        sx_sunlock(set.at(i));
        taken++;
    }
    return taken;
}

static int share_all(void *unused)
{
    (void)unused;
    for (int i = set.count - 1; i >= 0; i--)
        sx_slock(set.at(i));
    return 0;
}

static int unlock_all(void *unused)
{
    (void)unused;
    for (int i = 0; i < set.count; i++)
        sx_unlock(set.at(i));
    return 0;
}

static void teardown(void)
{
    ck_assert_int_eq(ask(&set.other, lock_all_in_turn, NULL), set.count);
    puppet_end(&set.other);
    puppet_end(&set.third);
    for (int i = 0; i < set.count; i++)
        sx_destroy(set.at(i));
    ck_assert_msg(recorder_count(NULL) == 0, "%u violations, last %s",
                  recorder_count(NULL), recorder_last().message);
}

/* Orders in which the holds are given back; the counts are no multiples of 7. */
static int forward(int i)
{
    return i;
}

static int backward(int i)
{
    return set.count - 1 - i;
}

static int jumping(int i)
{
    return i * 7 % set.count;
}

static int (*const orders[])(int i) = {forward, backward, jumping};

/* All shared, then given back one by one: each exact at every step. */
static void check_shares(struct sx *(*at)(int i), int count, int (*order)(int i))
{
    setup(at, count);
    for (int i = 0; i < count; i++)
        sx_slock(at(i));
    for (int i = 0; i < count; i++)
        sx_assert(at(i), SA_SLOCKED);
    ck_assert_int_eq(ask(&set.other, lock_all_in_turn, NULL), 0);
    ck_assert_int_eq(ask(&set.other, share_all_in_turn, NULL), count);
    for (int i = 0; i < count; i++) {
        sx_sunlock(at(order(i)));
        sx_assert(at(order(i)), SA_UNLOCKED);
        if (i + 1 < count)
            sx_assert(at(order(i + 1)), SA_SLOCKED);
    }
    teardown();
}

static const int counts[] = {1, 15, 16, 17, 20, 64, 200, MANY};

START_TEST(sx_R1_R73_many_locks_shared_by_one_thread)
{
    for (int o = 0; o < 3; o++)
        check_shares(near_lock, counts[_i], orders[o]);
}
END_TEST

START_TEST(sx_R1_R73_locks_at_equal_distances)
{
    for (int o = 0; o < 3; o++)
        check_shares(far_lock, SPREAD, orders[o]);
}
END_TEST

/* Lock i: shared once, shared twice, held, held twice; by i modulo 4. */
static void take_mixed(int i)
{
    struct sx *sx = set.at(i);
    for (int times = 1 + i % 2; times > 0; times--) {
        if (i % 4 < 2)
            sx_slock(sx);
        else
            sx_xlock(sx);
    }
}

static void check_mixed(int i, bool second_level)
{
    struct sx *sx = set.at(i);
    if (i % 4 < 2)
        sx_assert(sx, SA_SLOCKED);
    else
        sx_assert(sx, SA_XLOCKED | (second_level ? SA_RECURSED : SA_NOTRECURSED));
}

START_TEST(sx_R8_R73_many_holds_of_all_kinds)
{
    setup(_i == 0 ? near_lock : far_lock, _i == 0 ? MANY : SPREAD);
    for (int i = 0; i < set.count; i++)
        take_mixed(i);
    for (int i = 0; i < set.count; i++)
        check_mixed(i, i % 2 == 1);
    ck_assert_int_eq(ask(&set.other, lock_all_in_turn, NULL), 0);
    ck_assert_int_eq(ask(&set.other, share_all_in_turn, NULL), set.count / 2);
    for (int i = 1; i < set.count; i += 2) {
        sx_unlock(set.at(jumping(i)));
        check_mixed(jumping(i), false);
        sx_unlock(set.at(jumping(i)));
        sx_slock(set.at(jumping(i)));
    }
    for (int i = 0; i < set.count; i++)
        sx_unlock(set.at(i));
    teardown();
}
END_TEST

START_TEST(sx_R14_R20_many_shares_converted)
{
    setup(_i == 0 ? near_lock : far_lock, _i == 0 ? 200 : SPREAD);
    (void)share_all(NULL);
    for (int i = 0; i < set.count; i++)
        ck_assert_int_eq(sx_try_upgrade(set.at(i)), 1);
    for (int i = 0; i < set.count; i++)
        sx_assert(set.at(i), SA_XLOCKED);
    ck_assert_int_eq(ask(&set.other, share_all_in_turn, NULL), 0);
    for (int i = 0; i < set.count; i += 2)
        sx_downgrade(set.at(i));
    ck_assert_int_eq(ask(&set.other, share_all_in_turn, NULL), set.count / 2);
    for (int i = 0; i < set.count; i++)
        sx_assert(set.at(i), i % 2 == 0 ? SA_SLOCKED : SA_XLOCKED);
    (void)unlock_all(NULL);
    teardown();
}
END_TEST

START_TEST(sx_R1_two_threads_share_many)
{
    setup(_i == 0 ? near_lock : far_lock, _i == 0 ? MANY : SPREAD);
    (void)lock_all_in_turn(NULL); /* not fresh any more */
    for (int i = 0; i < set.count; i++)
        sx_slock(set.at(i));
    (void)ask(&set.other, share_all, NULL);
    for (int i = 0; i < set.count; i++)
        ck_assert_int_eq(sx_try_upgrade(set.at(i)), 0);
    (void)unlock_all(NULL);
    ck_assert_int_eq(lock_all_in_turn(NULL), 0);
    for (int i = 0; i < set.count; i++)
        sx_assert(set.at(i), SA_UNLOCKED);
    (void)ask(&set.other, unlock_all, NULL);
    ck_assert_int_eq(lock_all_in_turn(NULL), set.count);
    teardown();
}
END_TEST

START_TEST(sx_R3_a_writer_waits_for_one_share_of_many)
{
    setup(near_lock, 200);
    (void)share_all(NULL);
    for (int i = 0; i < set.count; i += 33) {
        tell_blocked(&set.other, xlock, set.at(i));
        sx_sunlock(set.at(i));
        WAIT_UNTIL(done(&set.other));
        ck_assert_int_eq(sx_try_slock(set.at(i)), 0);
        (void)ask(&set.other, unlock, set.at(i));
        sx_slock(set.at(i));
    }
    (void)unlock_all(NULL);
    teardown();
}
END_TEST

START_TEST(sx_R63_a_missing_share_is_noticed_among_many)
{
    setup(near_lock, 200);
    (void)share_all(NULL);
    for (int i = 0; i < set.count; i += 50) {
        (void)ask(&set.other, slock, set.at(i));
        sx_sunlock(set.at(i));
        recorder_start();
        sx_sunlock(set.at(i));
        ASSERT_VIOLATED("not-owner");
        recorder_start();
        ck_assert_int_eq(sx_try_xlock(set.at(i)), 0);
        (void)ask(&set.other, unlock, set.at(i));
        sx_sunlock(set.at(i + 1));
        recorder_start();
        sx_sunlock(set.at(i + 1));
        ASSERT_VIOLATED("not-locked");
        recorder_start();
        sx_xlock(set.at(i + 2)); /* shared */
        ASSERT_VIOLATED("recursion");
        recorder_start();
        sx_slock(set.at(i));
        sx_slock(set.at(i + 1));
    }
    (void)unlock_all(NULL);
    teardown();
}
END_TEST

START_TEST(sx_R23_many_shares_given_back_exempt_no_longer)
{
    static struct sx sx;
    setup(near_lock, 200);
    sx_init(&sx, "queue");
    sx_slock(&sx);
    (void)ask(&set.third, share_all, NULL);
    (void)ask(&set.third, slock, set.at(150));
    tell_blocked(&set.other, xlock, &sx);
    (void)ask(&set.third, unlock_all, NULL);
    (void)ask(&set.third, slock, &sx); /* one share is left */
    (void)ask(&set.third, unlock, &sx);
    (void)ask(&set.third, unlock, set.at(150));
    tell_blocked(&set.third, slock, &sx);
    sx_sunlock(&sx);
    WAIT_UNTIL(done(&set.other));
    ck_assert(!done(&set.third));
    (void)ask(&set.other, unlock, &sx);
    WAIT_UNTIL(done(&set.third));
    (void)ask(&set.third, unlock, &sx);
    sx_destroy(&sx);
    teardown();
}
END_TEST

START_TEST(sx_R5_R8_deep_recursion)
{
    setup(near_lock, 2);
    for (int i = 0; i < DEEP; i++) {
        sx_slock(&locks[0]);
        sx_xlock(&locks[1]);
    }
    ck_assert_uint_eq(locks[1].sx_recurse, DEEP - 1);
    ck_assert_int_eq(sx_try_upgrade(&locks[0]), 0);
    for (int i = 1; i < DEEP; i++) {
        sx_sunlock(&locks[0]);
        sx_xunlock(&locks[1]);
    }
    ck_assert_int_eq(ask(&set.other, lock_all_in_turn, NULL), 0);
    sx_assert(&locks[0], SA_SLOCKED);
    sx_assert(&locks[1], SA_XLOCKED | SA_NOTRECURSED);
    (void)unlock_all(NULL);
    teardown();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx many holds");
    TCase *tc = tcase_create("many");
    tcase_set_timeout(tc, 80);
    tcase_add_loop_test(tc, sx_R1_R73_many_locks_shared_by_one_thread, 0,
                        sizeof counts / sizeof counts[0]);
    tcase_add_test(tc, sx_R1_R73_locks_at_equal_distances);
    tcase_add_loop_test(tc, sx_R8_R73_many_holds_of_all_kinds, 0, 2);
    tcase_add_loop_test(tc, sx_R14_R20_many_shares_converted, 0, 2);
    tcase_add_loop_test(tc, sx_R1_two_threads_share_many, 0, 2);
    tcase_add_test(tc, sx_R3_a_writer_waits_for_one_share_of_many);
    tcase_add_test(tc, sx_R63_a_missing_share_is_noticed_among_many);
    tcase_add_test(tc, sx_R23_many_shares_given_back_exempt_no_longer);
    tcase_add_test(tc, sx_R5_R8_deep_recursion);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
