/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9) left held at thread exit and system call return; fork (rules 71, 72). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include <kslock/thread.h>

#include "child.h"

#include <string.h>

enum { LOCKS = 40 };

/* Static, because they stay held by a thread that is gone: each test has its own. */
static struct sx all_locks[8][LOCKS];
static struct sx *lock;
static const char *const name[4] = {"alpha lock", "beta lock", "gamma lock",
                                    "delta lock"};
static int taken;

static void setup(void)
{
    static int used;
    lock = all_locks[used++];
    for (int i = 0; i < LOCKS; i++)
        sx_init_flags(&lock[i], name[i % 4], SX_RECURSE);
    taken = 0;
    recorder_start();
}

static void run(void (*fn)(void *arg))
{
    struct actor a;
    actor_start(&a, fn, NULL);
    actor_join(&a);
}

static void share(void *arg)
{
    (void)arg;
    sx_slock(&lock[0]);
    sx_slock(&lock[0]);
}

static void own(void *arg)
{
    (void)arg;
    sx_xlock(&lock[0]);
}

static void own_twice(void *arg)
{
    (void)arg;
    sx_xlock(&lock[0]);
    sx_xlock(&lock[0]);
}

static void try_both(void *arg)
{
    (void)arg;
    if (sx_try_xlock(&lock[0]) != 0)
        ADD(&taken, 100);
    if (sx_try_slock(&lock[0]) != 0) {
        ADD(&taken, 1);
        sx_sunlock(&lock[0]);
    }
}

static void check_reported(void)
{
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    recorder_start();
}

START_TEST(sx_R71_exit_with_a_share_is_reported_and_it_stays)
{
    setup();
    run(share);
    check_reported();
    for (int i = 0; i < 5; i++)
        run(try_both);
    ck_assert_int_eq(taken, 5); /* five shares, never the lock */
    ck_assert_uint_eq(recorder_count(NULL), 0);
    sx_sunlock(&lock[0]);
    ASSERT_VIOLATED("not-owner");
    recorder_start();
    sx_destroy(&lock[0]);
    ASSERT_VIOLATED("destroy-held");
}
END_TEST

static void check_owned_by_the_dead(void)
{
    check_reported();
    for (int i = 0; i < 5; i++)
        run(try_both);
    ck_assert_int_eq(taken, 0); /* no later thread inherits it */
    ck_assert_uint_eq(recorder_count(NULL), 0);
    sx_xunlock(&lock[0]);
    ASSERT_VIOLATED("not-owner");
    recorder_start();
    sx_destroy(&lock[0]);
    ASSERT_VIOLATED("destroy-held");
}

START_TEST(sx_R71_exit_as_the_owner_is_reported_and_it_stays)
{
    setup();
    run(own);
    check_owned_by_the_dead();
}
END_TEST

START_TEST(sx_R71_exit_as_a_recursive_owner)
{
    setup();
    run(own_twice);
    check_owned_by_the_dead();
}
END_TEST

static int share_line, own_line;

static void take_four(void *arg)
{
    (void)arg;
    share_line = __LINE__ + 1;
    sx_slock(&lock[0]);
    own_line = __LINE__ + 1;
    sx_xlock(&lock[1]);
    sx_slock(&lock[2]);
    (void)sx_try_upgrade(&lock[2]);
    sx_xlock(&lock[3]);
    sx_downgrade(&lock[3]);
}

static bool has_place(const char *message, int line)
{
    char place[64];
    snprintf(place, sizeof place, "freebsd_sx_exit_test.c:%d", line);
    return strstr(message, place) != NULL;
}

START_TEST(sx_R71_one_report_lists_all_holds)
{
    setup();
    run(take_four);
    ASSERT_VIOLATED("exit-held");
    struct recorded last = recorder_last();
    for (int i = 0; i < 4; i++)
        ck_assert_msg(strstr(last.message, name[i]) != NULL, "no %s in: %s", name[i],
                      last.message);
    ck_assert_msg(has_place(last.message, share_line), "%s", last.message);
    ck_assert_msg(has_place(last.message, own_line), "%s", last.message);
}
END_TEST

static void take_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < LOCKS; i++) {
        if (i % 3 == 0)
            sx_xlock(&lock[i]);
        else
            sx_slock(&lock[i]);
    }
}

START_TEST(sx_R71_many_holds_are_one_report)
{
    setup();
    run(take_many);
    check_reported();
    for (int i = 0; i < LOCKS; i++) {
        ck_assert_int_eq(sx_try_xlock(&lock[i]), 0);
        ck_assert_int_eq(sx_try_slock(&lock[i]), i % 3 != 0);
        if (i % 3 != 0)
            sx_sunlock(&lock[i]);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void take_and_give_back(void *arg)
{
    take_many(arg);
    for (int i = 0; i < LOCKS; i++)
        sx_unlock(&lock[i]);
    share(arg);
    sx_sunlock(&lock[0]);
    if (sx_try_upgrade(&lock[0]) != 0)
        sx_xunlock(&lock[0]);
}

START_TEST(sx_R71_exit_with_nothing_held_is_silent)
{
    setup();
    run(take_and_give_back);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    for (int i = 0; i < LOCKS; i++)
        sx_destroy(&lock[i]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_R72_a_lock_held_at_system_call_return_is_exit_held)
{
    setup();
    ksl_syscall_enter();
    sx_slock(&lock[0]);
    sx_sunlock(&lock[0]);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ksl_syscall_enter();
    sx_slock(&lock[0]);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    check_reported();
    sx_sunlock(&lock[0]); /* it was still ours */
    ksl_syscall_enter();
    sx_xlock(&lock[1]);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    check_reported();
    sx_xunlock(&lock[1]);
    for (int i = 0; i < 2; i++)
        sx_destroy(&lock[i]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void holds_after_fork(void)
{
    CHILD_CHECK(sx_xlocked(&lock[0]) != 0);
    CHILD_CHECK(sx_xholder(&lock[0]) == curthread);
    sx_assert(&lock[1], SA_SLOCKED);
    for (int i = 2; i < LOCKS; i++)
        sx_assert(&lock[i], SA_SLOCKED);
    CHILD_CHECK(recorder_count(NULL) == 0);
    run(try_both);
    CHILD_CHECK(taken == 0);
    sx_xunlock(&lock[0]);
    run(share);
    CHILD_CHECK(recorder_count("exit-held") == 1 && recorder_count(NULL) == 1);
    CHILD_CHECK(sx_try_upgrade(&lock[1]) == 1);
    sx_xunlock(&lock[1]);
    for (int i = 2; i < LOCKS; i++) {
        sx_sunlock(&lock[i]);
        CHILD_CHECK(sx_try_xlock(&lock[i]) == 1);
    }
    CHILD_CHECK(recorder_count(NULL) == 1);
}

START_TEST(sx_the_child_of_a_fork_keeps_the_holds_of_its_thread)
{
    setup();
    sx_xlock(&lock[0]);
    for (int i = 1; i < LOCKS; i++)
        sx_slock(&lock[i]);
    in_child(holds_after_fork);
    sx_assert(&lock[0], SA_XLOCKED);
    for (int i = 1; i < LOCKS; i++)
        sx_assert(&lock[i], SA_SLOCKED);
    for (int i = 0; i < LOCKS; i++) {
        sx_unlock(&lock[i]);
        sx_destroy(&lock[i]);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx at exit");
    TCase *tc = tcase_create("exit");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R71_exit_with_a_share_is_reported_and_it_stays);
    tcase_add_test(tc, sx_R71_exit_as_the_owner_is_reported_and_it_stays);
    tcase_add_test(tc, sx_R71_exit_as_a_recursive_owner);
    tcase_add_test(tc, sx_R71_one_report_lists_all_holds);
    tcase_add_test(tc, sx_R71_many_holds_are_one_report);
    tcase_add_test(tc, sx_R71_exit_with_nothing_held_is_silent);
    tcase_add_test(tc, sx_R72_a_lock_held_at_system_call_return_is_exit_held);
    tcase_add_test(tc, sx_the_child_of_a_fork_keeps_the_holds_of_its_thread);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
