/* SPDX-License-Identifier: BSD-2-Clause */
/* mutex(9), MTX_DEF: exclusion, recursion, waiting, queries. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/systm.h>

#include <kslock/signal.h>
#include <kslock/violation.h>

#include "freebsd_mtx.h"
#include "support.h"

#include <string.h>

enum { SIGNO = 5, THREADS = 4, ROUNDS = 5000 };

START_TEST(mtx_lock_trylock_unlock)
{
    mtx_lock(&plain);
    ck_assert_int_ne(mtx_owned(&plain), 0);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 0);
    mtx_unlock(&plain);
    ck_assert_int_eq(mtx_owned(&plain), 0);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 1);
    ck_assert_int_eq(mtx_trylock(&plain), 1);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 0);
    mtx_unlock(&plain);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 1);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_the_flags_calls_do_the_same)
{
    mtx_lock_flags(&plain, MTX_QUIET);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 0);
    mtx_unlock_flags(&plain, MTX_QUIET);
    ck_assert_int_eq(mtx_trylock_flags(&plain, MTX_QUIET), 1);
    mtx_unlock_flags(&plain, 0);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 1);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_MTX_RECURSE_needs_as_many_unlocks)
{
    for (int i = 0; i < 4; i++) {
        if (i % 2)
            ck_assert_int_eq(mtx_trylock(&recursive), 1);
        else
            mtx_lock(&recursive);
        ck_assert_int_eq(mtx_recursed(&recursive) != 0, i > 0);
        ck_assert_uint_eq(recursive.mtx_recurse, (unsigned)i);
    }
    for (int i = 3; i >= 0; i--) {
        ck_assert_int_eq(on_other_thread(try_remote, &recursive), 0);
        ck_assert_int_ne(mtx_owned(&recursive), 0);
        mtx_unlock(&recursive);
    }
    ck_assert_int_eq(mtx_owned(&recursive), 0);
    ck_assert_int_eq(mtx_recursed(&recursive), 0);
    ck_assert_int_eq(on_other_thread(try_remote, &recursive), 1);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_trylock_by_the_owner_of_a_plain_one_is_0)
{
    mtx_lock(&plain);
    ck_assert_int_eq(mtx_trylock(&plain), 0);
    ck_assert_int_eq(mtx_recursed(&plain), 0);
    mtx_unlock(&plain);
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 1);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_queries)
{
    static struct mtx zero;
    ck_assert_str_eq(mtx_name(&plain), "plain mutex");
    ck_assert_str_eq(plain.lock_object.lo_name, "plain mutex");
    ck_assert_uint_ne(plain.lock_object.lo_flags & LO_INITIALIZED, 0);
    ck_assert_int_ne(mtx_initialized(&plain), 0);
    ck_assert_int_eq(mtx_initialized(&zero), 0);
    ck_assert_int_eq(mtx_owned(&plain), 0);
    struct mtx gone;
    mtx_init(&gone, "gone", NULL, MTX_DEF | MTX_NEW);
    mtx_destroy(&gone);
    ck_assert_int_eq(mtx_initialized(&gone), 0);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_a_waiter_sleeps_and_no_signal_ends_it)
{
    struct mtx *m = _i ? &recursive : &plain;
    struct waiter w[3];
    memset(w, 0, sizeof w);
    mtx_lock(m);
    for (int i = 0; i < 3; i++) {
        w[i].m = m;
        actor_start(&w[i].actor, lock_once, &w[i]);
        wait_asleep(w[i].actor.thread);
    }
    ck_assert_int_eq(ksl_signal_post(w[0].actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_thread_unblock(w[1].actor.thread), 0);
    for (int i = 0; i < 3; i++) {
        wait_asleep(w[i].actor.thread);
        ck_assert_int_eq(LOAD(&w[i].got), 0);
    }
    mtx_unlock(m);
    for (int i = 0; i < 3; i++) {
        actor_join(&w[i].actor);
        ck_assert_int_eq(w[i].got, 1);
    }
    ASSERT_NO_VIOLATION();
}
END_TEST

struct counted {
    struct mtx *m;
    int *a, *b; /* equal while nobody holds m */
    int *unequal;
    struct actor actor;
};

static void count(void *arg)
{
    struct counted *c = arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 3 != 0 || !mtx_trylock(c->m))
            mtx_lock(c->m);
        if (*c->a != *c->b)
            ADD(c->unequal, 1);
        ++*c->a;
        ++*c->b;
        mtx_unlock(c->m);
    }
}

START_TEST(mtx_exclusion)
{
    int a = 0, b = 0, unequal = 0;
    struct counted c[THREADS];
    memset(c, 0, sizeof c);
    for (int i = 0; i < THREADS; i++) {
        c[i] = (struct counted){.m = &plain, .a = &a, .b = &b, .unequal = &unequal};
        actor_start(&c[i].actor, count, &c[i]);
    }
    for (int i = 0; i < THREADS; i++)
        actor_join(&c[i].actor);
    ck_assert_int_eq(unequal, 0);
    ck_assert_int_eq(a, THREADS * ROUNDS);
    ck_assert_int_eq(b, THREADS * ROUNDS);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_many_held_at_once)
{
    enum { MANY = 200 };
    static struct mtx m[MANY];
    for (int i = 0; i < MANY; i++) {
        mtx_init(&m[i], "one of many", NULL, MTX_DEF | MTX_DUPOK);
        mtx_lock(&m[i]);
    }
    for (int i = 0; i < MANY; i += 50)
        ck_assert_int_eq(on_other_thread(try_remote, &m[i]), 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_ne(mtx_owned(&m[i]), 0);
        mtx_unlock(&m[i]);
        mtx_destroy(&m[i]);
    }
    ASSERT_NO_VIOLATION();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd mtx");
    TCase *tc = tcase_create("MTX_DEF");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, mtx_lock_trylock_unlock);
    tcase_add_test(tc, mtx_the_flags_calls_do_the_same);
    tcase_add_test(tc, mtx_MTX_RECURSE_needs_as_many_unlocks);
    tcase_add_test(tc, mtx_trylock_by_the_owner_of_a_plain_one_is_0);
    tcase_add_test(tc, mtx_queries);
    tcase_add_loop_test(tc, mtx_a_waiter_sleeps_and_no_signal_ends_it, 0, 2);
    tcase_add_test(tc, mtx_exclusion);
    tcase_add_test(tc, mtx_many_held_at_once);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
