/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): recursion of the owner (rules 8 to 12). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_scene.h"
#include "support.h"

START_TEST(sx_R8_k_locks_need_k_unlocks)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "recursive", SX_RECURSE, &p);
    for (unsigned level = 0; level < 5; level++) {
        sx_xlock(&sx);
        ck_assert_uint_eq(sx.sx_recurse, level);
        ck_assert_int_eq(ask(&p, room, &sx), 0);
    }
    for (unsigned level = 5; level > 0; level--) {
        ck_assert_int_eq(ask(&p, room, &sx), 0);
        ck_assert_int_ne(sx_xlocked(&sx), 0);
        ck_assert_uint_eq(sx.sx_recurse, level - 1);
        sx_xunlock(&sx);
    }
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    ck_assert_int_eq(sx_xlocked(&sx), 0);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R8_a_waiter_gets_in_after_the_last_unlock)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "recursive", SX_RECURSE, &p);
    sx_xlock(&sx);
    tell_blocked(&p, xlock, &sx);
    sx_xlock(&sx);
    sx_xlock(&sx);
    sx_xunlock(&sx);
    sx_xunlock(&sx);
    ck_assert(!done(&p));
    ck_assert_ptr_eq(sx_xholder(&sx), curthread);
    sx_xunlock(&sx);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R9_the_owner_of_a_plain_lock_does_not_get_it_again)
{
    struct puppet p;
    struct sx sx;
    puppet_start(&p);
    sx_init(&sx, "plain");
    sx_xlock(&sx);
    recorder_start();
    sx_xlock(&sx);
    ASSERT_VIOLATED("recursion");
    recorder_start();
    ck_assert_int_eq(sx_xlock_sig(&sx), EDEADLK);
    ASSERT_VIOLATED("recursion");
    recorder_start();
    sx_xunlock(&sx); /* held once */
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R10_try_by_the_owner_of_a_plain_lock_is_0_and_silent)
{
    struct sx sx;
    recorder_start();
    sx_init(&sx, "plain");
    sx_xlock(&sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 0);
    sx_xunlock(&sx);
    ck_assert_int_eq(sx_xlocked(&sx), 0);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_R11_try_by_the_owner_recurses_at_any_depth)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "recursive", SX_RECURSE, &p);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    tell_blocked(&p, slock, &sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1); /* with waiters, too */
    ck_assert_uint_eq(sx.sx_recurse, 3);
    for (int i = 0; i < 4; i++) {
        ck_assert(!done(&p));
        ck_assert_int_ne(sx_xlocked(&sx), 0);
        sx_xunlock(&sx);
    }
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R12_downgrade_of_a_recursed_lock_is_refused)
{
    struct puppet p;
    struct sx sx;
    puppet_start(&p);
    sx_init_flags(&sx, "recursive", SX_RECURSE);
    sx_xlock(&sx);
    sx_xlock(&sx);
    recorder_start();
    sx_downgrade(&sx);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(ask(&p, room, &sx), 0);
    recorder_start();
    sx_xunlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 0);
    sx_downgrade(&sx); /* held once now */
    ck_assert_int_eq(ask(&p, room, &sx), 1);
    sx_sunlock(&sx);
    end(&sx, &p);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx recursion");
    TCase *tc = tcase_create("recurse");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R8_k_locks_need_k_unlocks);
    tcase_add_test(tc, sx_R8_a_waiter_gets_in_after_the_last_unlock);
    tcase_add_test(tc, sx_R9_the_owner_of_a_plain_lock_does_not_get_it_again);
    tcase_add_test(tc, sx_R10_try_by_the_owner_of_a_plain_lock_is_0_and_silent);
    tcase_add_test(tc, sx_R11_try_by_the_owner_recurses_at_any_depth);
    tcase_add_test(tc, sx_R12_downgrade_of_a_recursed_lock_is_refused);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
