/* SPDX-License-Identifier: BSD-2-Clause */
/* mutex(9), MTX_DEF: misuse. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "freebsd_mtx.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5 };

static void unlock_remote(void *arg)
{
    struct remote *r = arg;
    mtx_unlock(r->m);
    r->found = mtx_owned(r->m);
}

START_TEST(mtx_unlock_of_a_free_one_is_not_locked)
{
    struct mtx *m = _i ? &recursive : &plain;
    char place[64];
    int line = __LINE__ + 1;
    mtx_unlock(m);
    ASSERT_VIOLATED("not-locked");
    struct recorded v = recorder_last();
    snprintf(place, sizeof place, "freebsd_mtx_misuse_test.c:%d", line);
    ck_assert_msg(strstr(v.message, place) != NULL, "no %s: %s", place, v.message);
    ck_assert_msg(strstr(v.message, mtx_name(m)) != NULL, "no name: %s", v.message);
    ck_assert_ptr_eq(v.lock, m);
    ck_assert_int_eq(on_other_thread(try_remote, m), 1);
}
END_TEST

START_TEST(mtx_unlock_by_another_thread_is_not_owner)
{
    struct mtx *m = _i ? &recursive : &plain;
    mtx_lock(m);
    ck_assert_int_eq(on_other_thread(unlock_remote, m), 0);
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_ne(mtx_owned(m), 0);
    ck_assert_int_eq(on_other_thread(try_remote, m), 0);
    mtx_unlock(m);
}
END_TEST

START_TEST(mtx_lock_again_is_recursion)
{
    mtx_lock(&plain);
    mtx_lock(&plain);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(mtx_recursed(&plain), 0);
    mtx_unlock(&plain); /* held once: the second was refused */
    ck_assert_int_eq(on_other_thread(try_remote, &plain), 1);
}
END_TEST

START_TEST(mtx_destroyed_or_never_initialised)
{
    static struct mtx m[2]; /* the first stays zero */
    mtx_init(&m[1], "gone", NULL, MTX_DEF);
    mtx_destroy(&m[1]);
    mtx_lock(&m[_i]);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    ck_assert_int_eq(mtx_trylock(&m[_i]), 0);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    mtx_unlock(&m[_i]);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    mtx_destroy(&m[_i]);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    mtx_init(&m[_i], "again", NULL, MTX_DEF);
    mtx_lock(&m[_i]);
    mtx_unlock(&m[_i]);
    mtx_destroy(&m[_i]);
    ASSERT_NO_VIOLATION();
}
END_TEST

static void destroy_remote(void *arg)
{
    struct remote *r = arg;
    mtx_destroy(r->m);
    r->found = 0;
}

START_TEST(mtx_destroy_while_held)
{
    struct waiter w = {.m = &plain};
    mtx_lock(&plain);
    (void)on_other_thread(destroy_remote, &plain);
    ASSERT_VIOLATED("destroy-held");
    actor_start(&w.actor, lock_once, &w);
    wait_asleep(w.actor.thread);
    recorder_start();
    mtx_destroy(&plain); /* ours, but somebody waits */
    ASSERT_VIOLATED("destroy-held");
    mtx_unlock(&plain);
    actor_join(&w.actor);
    mtx_lock(&recursive);
    mtx_lock(&recursive);
    recorder_start();
    mtx_destroy(&recursive);
    ASSERT_VIOLATED("destroy-held");
    mtx_unlock(&recursive);
    ck_assert_int_ne(mtx_owned(&recursive), 0);
    mtx_unlock(&recursive);
}
END_TEST

START_TEST(mtx_destroy_by_the_owner_who_holds_it_once)
{
    struct mtx m;
    mtx_init(&m, "mine", NULL, MTX_DEF);
    mtx_lock(&m);
    mtx_destroy(&m);
    ck_assert_int_eq(mtx_initialized(&m), 0);
    ksl_syscall_enter();
    ck_assert_int_eq(ksl_syscall_exit(), 0); /* nothing is held any more */
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_bad_arguments)
{
    struct mtx m;
    memset(&m, 0, sizeof m);
    mtx_init(&m, "bad", NULL, 0x40000000);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    mtx_lock_spin(&plain);
    ASSERT_VIOLATED("bad-argument");
    ck_assert(ksl_irq_enabled());
    recorder_start();
    ck_assert_int_eq(mtx_trylock_spin(&plain), 0);
    ASSERT_VIOLATED("bad-argument");
    ck_assert(ksl_irq_enabled());
    mtx_lock(&plain);
    recorder_start();
    mtx_unlock_spin(&plain);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_ne(mtx_owned(&plain), 0);
    mtx_unlock(&plain);
}
END_TEST

static void check_assert(struct mtx *m, int what, const char *rule)
{
    recorder_start();
    mtx_assert(m, what);
    if (rule == NULL)
        ASSERT_NO_VIOLATION();
    else
        ASSERT_VIOLATED(rule);
}

START_TEST(mtx_assert_every_value)
{
    check_assert(&recursive, MA_NOTOWNED, NULL);
    check_assert(&recursive, MA_OWNED, "assertion");
    check_assert(&recursive, MA_OWNED | MA_RECURSED, "assertion");
    check_assert(&recursive, MA_OWNED | MA_NOTRECURSED, "assertion");
    mtx_lock(&recursive);
    check_assert(&recursive, MA_NOTOWNED, "assertion");
    check_assert(&recursive, MA_OWNED, NULL);
    check_assert(&recursive, MA_OWNED | MA_RECURSED, "assertion");
    check_assert(&recursive, MA_OWNED | MA_NOTRECURSED, NULL);
    mtx_lock(&recursive);
    check_assert(&recursive, MA_OWNED, NULL);
    check_assert(&recursive, MA_OWNED | MA_RECURSED, NULL);
    check_assert(&recursive, MA_OWNED | MA_NOTRECURSED, "assertion");
    check_assert(&recursive, MA_RECURSED, "bad-argument");
    check_assert(&recursive, LA_SLOCKED, "bad-argument");
    check_assert(&recursive, 0x80, "bad-argument");
    mtx_unlock(&recursive);
    mtx_unlock(&recursive);
}
END_TEST

static int in_handler[3];

static void handle(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    mtx_lock(&plain);
    in_handler[0] = mtx_owned(&plain);
    in_handler[1] = mtx_trylock(&plain);
    if (in_handler[1]) {
        in_handler[2] = mtx_owned(&plain);
        mtx_unlock(&plain);
    }
}

START_TEST(mtx_in_a_handler)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, handle, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(in_handler[0], 0);
    ck_assert_int_eq(in_handler[1], 1); /* as the interrupted thread */
    ck_assert_int_ne(in_handler[2], 0);
    mtx_lock(&plain);
    memset(in_handler, 0, sizeof in_handler);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_uint_eq(recorder_count("irq-sleep"), 2);
    ck_assert_int_eq(in_handler[1], 0);
    ck_assert_int_ne(mtx_owned(&plain), 0);
    mtx_unlock(&plain);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

static void leave_held(void *arg)
{
    struct remote *r = arg;
    mtx_lock(r->m);
    r->found = 0;
}

START_TEST(mtx_R71_thread_exit_with_one_held)
{
    static struct mtx m;
    mtx_init(&m, "left behind", NULL, MTX_DEF);
    struct remote r = {.m = &m, .found = -1};
    actor_start(&r.actor, leave_held, &r);
    actor_join(&r.actor);
    ASSERT_VIOLATED("exit-held");
    ck_assert_msg(strstr(recorder_last().message, "left behind") != NULL, "%s",
                  recorder_last().message);
    ck_assert_int_eq(mtx_trylock(&m), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd mtx misuse");
    TCase *misuse = tcase_create("misuse");
    tcase_add_checked_fixture(misuse, setup, teardown);
    tcase_add_loop_test(misuse, mtx_unlock_of_a_free_one_is_not_locked, 0, 2);
    tcase_add_loop_test(misuse, mtx_unlock_by_another_thread_is_not_owner, 0, 2);
    tcase_add_test(misuse, mtx_lock_again_is_recursion);
    tcase_add_loop_test(misuse, mtx_destroyed_or_never_initialised, 0, 2);
    tcase_add_test(misuse, mtx_destroy_while_held);
    tcase_add_test(misuse, mtx_destroy_by_the_owner_who_holds_it_once);
    tcase_add_test(misuse, mtx_bad_arguments);
    tcase_add_test(misuse, mtx_assert_every_value);
    tcase_add_test(misuse, mtx_in_a_handler);
    tcase_add_test(misuse, mtx_R71_thread_exit_with_one_held);
    suite_add_tcase(s, misuse);
    return s;
}

int main(void)
{
    return support_run(suite());
}
