/* SPDX-License-Identifier: BSD-2-Clause */
/* Misuse of condvar(9): rules 13, 50, 58, 69 and the life of a cv. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <sys/condvar.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "freebsd_interlocks.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct cv cv;

static void setup(void)
{
    sx_init_flags(&sx, "the sx", SX_RECURSE);
    mtx_init(&mtx, "the mutex", NULL, MTX_DEF | MTX_RECURSE);
    mtx_init(&spin, "the spin mutex", NULL, MTX_SPIN);
    cv_init(&cv, "the cv");
    recorder_start();
}

static void teardown(void)
{
    recorder_start();
    cv_destroy(&cv);
    sx_destroy(&sx);
    mtx_destroy(&mtx);
    mtx_destroy(&spin);
    ASSERT_NO_VIOLATION();
    recorder_stop();
}

/* Every wait with this interlock is refused by this rule. */
#define CHECK_REFUSED(lock, rule_)                                                       \
    do {                                                                                 \
        recorder_start();                                                                \
        cv_wait(&cv, lock);                                                              \
        ASSERT_VIOLATED(rule_);                                                          \
        recorder_start();                                                                \
        cv_wait_unlock(&cv, lock);                                                       \
        ASSERT_VIOLATED(rule_);                                                          \
        recorder_start();                                                                \
        ck_assert_int_eq(cv_wait_sig(&cv, lock), EINVAL);                                \
        ASSERT_VIOLATED(rule_);                                                          \
        recorder_start();                                                                \
        ck_assert_int_eq(cv_timedwait(&cv, lock, SHORT), EINVAL);                        \
        ASSERT_VIOLATED(rule_);                                                          \
        recorder_start();                                                                \
        ck_assert_int_eq(cv_timedwait_sig(&cv, lock, SHORT), EINVAL);                    \
        ASSERT_VIOLATED(rule_);                                                          \
        ck_assert_int_eq(cv.cv_waiters, 0);                                              \
    } while (0)

START_TEST(cv_with_an_interlock_that_is_free)
{
    CHECK_REFUSED(&sx, "not-locked");
    CHECK_REFUSED(&mtx, "not-locked");
    ck_assert_int_ne(sx_try_xlock(&sx), 0);
    sx_xunlock(&sx);
}
END_TEST

START_TEST(cv_with_an_interlock_of_another_thread)
{
    struct holder h = {.shared = _i != 0};
    start_holder(&h);
    CHECK_REFUSED(&sx, "not-owner");
    CHECK_REFUSED(&mtx, "not-owner");
    end_holder(&h);
}
END_TEST

START_TEST(cv_R13_recursed_interlock)
{
    for (int i = 0; i < 2; i++) {
        sx_xlock(&sx);
        mtx_lock(&mtx);
    }
    CHECK_REFUSED(&sx, "recursion");
    CHECK_REFUSED(&mtx, "recursion");
    recorder_start();
    sx_assert(&sx, SA_XLOCKED | SA_RECURSED);
    mtx_assert(&mtx, MA_OWNED | MA_RECURSED);
    for (int i = 0; i < 2; i++) {
        sx_xunlock(&sx);
        mtx_unlock(&mtx);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(cv_R58_destroyed_interlock)
{
    static struct sx zero;
    struct mtx gone;
    mtx_init(&gone, "gone", NULL, MTX_DEF);
    mtx_destroy(&gone);
    CHECK_REFUSED(&zero, "destroyed");
    CHECK_REFUSED(&gone, "destroyed");
}
END_TEST

START_TEST(cv_R50_spin_mutex_as_interlock)
{
    mtx_lock_spin(&spin);
    CHECK_REFUSED(&spin, "bad-argument");
    ck_assert_int_ne(mtx_owned(&spin), 0);
    mtx_unlock_spin(&spin);
    ck_assert(ksl_irq_enabled());
}
END_TEST

START_TEST(cv_negative_timeout)
{
    sx_xlock(&sx);
    recorder_start();
    ck_assert_int_eq(cv_timedwait(&cv, &sx, -1), EINVAL);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    ck_assert_int_eq(cv_timedwait_sig(&cv, &sx, INT32_MIN), EINVAL);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    sx_xunlock(&sx);
}
END_TEST

static int in_handler[3];

static void wait_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    cv_wait(&cv, &sx);
    cv_wait_unlock(&cv, &mtx);
    in_handler[0] = cv_wait_sig(&cv, &sx);
    in_handler[1] = cv_timedwait(&cv, &mtx, SHORT);
    in_handler[2] = cv_timedwait_sig(&cv, &sx, SHORT);
}

START_TEST(cv_R69_in_a_handler)
{
    refuse_in_handler(wait_in_handler, 5);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(in_handler[i], EINVAL);
}
END_TEST

START_TEST(cv_with_interrupts_masked)
{
    sx_xlock(&sx);
    unsigned before = ksl_irq_set_level(3);
    CHECK_REFUSED(&sx, "masked-sleep");
    (void)ksl_irq_set_level(before);
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    sx_xunlock(&sx);
}
END_TEST

struct waiter {
    struct cv *cv;
    struct actor actor;
};

static void wait_shared(void *arg)
{
    struct waiter *w = arg;
    sx_slock(&sx);
    cv_wait_unlock(w->cv, &sx);
}

START_TEST(cv_destroy_with_waiters)
{
    struct waiter w = {.cv = &cv};
    actor_start(&w.actor, wait_shared, &w);
    wait_asleep(w.actor.thread);
    recorder_start();
    cv_destroy(&cv);
    ASSERT_VIOLATED("destroy-held");
    wait_asleep(w.actor.thread);
    ck_assert(!actor_finished(&w.actor));
    recorder_start();
    cv_signal(&cv); /* still a good cv */
    actor_join(&w.actor);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* The memory of a cv may go as soon as its waiters were let in. */
START_TEST(cv_memory_goes_after_the_wait)
{
    for (int i = 0; i < 200; i++) {
        struct cv *one = malloc(sizeof *one);
        struct waiter w = {.cv = one};
        ck_assert_ptr_nonnull(one);
        cv_init(one, "short life");
        actor_start(&w.actor, wait_shared, &w);
        wait_asleep(w.actor.thread);
        if (i % 2)
            cv_signal(one);
        else
            cv_broadcast(one);
        actor_join(&w.actor);
        cv_destroy(one);
        free(one);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(cv_names_the_place)
{
    char place[64];
    int line = __LINE__ + 1;
    cv_wait(&cv, &sx);
    ASSERT_VIOLATED("not-locked");
    snprintf(place, sizeof place, "freebsd_cv_misuse_test.c:%d", line);
    ck_assert_msg(strstr(recorder_last().message, place) != NULL, "no %s: %s", place,
                  recorder_last().message);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd cv misuse");
    TCase *tc = tcase_create("misuse");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, cv_with_an_interlock_that_is_free);
    tcase_add_loop_test(tc, cv_with_an_interlock_of_another_thread, 0, 2);
    tcase_add_test(tc, cv_R13_recursed_interlock);
    tcase_add_test(tc, cv_R58_destroyed_interlock);
    tcase_add_test(tc, cv_R50_spin_mutex_as_interlock);
    tcase_add_test(tc, cv_negative_timeout);
    tcase_add_test(tc, cv_R69_in_a_handler);
    tcase_add_test(tc, cv_with_interrupts_masked);
    tcase_add_test(tc, cv_destroy_with_waiters);
    tcase_add_test(tc, cv_memory_goes_after_the_wait);
    tcase_add_test(tc, cv_names_the_place);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
