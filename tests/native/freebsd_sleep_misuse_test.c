/* SPDX-License-Identifier: BSD-2-Clause */
/* Misuse of sleep(9): rules 13, 41, 50, 58, 66, 68, 69, 72. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/thread.h>
#include <kslock/violation.h>

#include "freebsd_interlocks.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct sx other_sx;
static int chan;

static void setup(void)
{
    sx_init(&sx, "the sx");
    sx_init_flags(&other_sx, "recursive sx", SX_RECURSE);
    mtx_init(&mtx, "the mutex", NULL, MTX_DEF | MTX_RECURSE);
    mtx_init(&spin, "the spin mutex", NULL, MTX_SPIN);
    recorder_start();
}

static void teardown(void)
{
    recorder_start();
    sx_destroy(&sx);
    sx_destroy(&other_sx);
    mtx_destroy(&mtx);
    mtx_destroy(&spin);
    ASSERT_NO_VIOLATION();
    recorder_stop();
}

/* The call was refused with EINVAL and one violation of this rule. */
#define CHECK_REFUSED(call, rule_)                                                       \
    do {                                                                                 \
        recorder_start();                                                                \
        int refused_ = (call);                                                           \
        ASSERT_VIOLATED(rule_);                                                          \
        ck_assert_int_eq(refused_, EINVAL);                                              \
    } while (0)

static void check_held_in_mode(int what)
{
    recorder_start();
    sx_assert(&sx, what);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(sleep_R50_NULL_channel)
{
    sx_slock(&sx);
    CHECK_REFUSED(sx_sleep(NULL, &sx, 0, "null", SHORT), "bad-argument");
    CHECK_REFUSED(sx_sleep(NULL, &sx, PDROP, "null", SHORT), "bad-argument");
    check_held_in_mode(SA_SLOCKED);
    sx_sunlock(&sx);
    mtx_lock(&mtx);
    CHECK_REFUSED(msleep(NULL, &mtx, PCATCH, "null", 0), "bad-argument");
    CHECK_REFUSED(mtx_sleep(NULL, &mtx, PDROP, "null", 0), "bad-argument");
    ck_assert(mtx_owned(&mtx));
    mtx_unlock(&mtx);
    CHECK_REFUSED(tsleep(NULL, 0, "null", SHORT), "bad-argument");
    mtx_lock_spin(&spin);
    CHECK_REFUSED(msleep_spin(NULL, &spin, "null", SHORT), "bad-argument");
    ck_assert(mtx_owned(&spin));
    mtx_unlock_spin(&spin);
    ck_assert(ksl_irq_enabled());
}
END_TEST

START_TEST(wakeup_R50_NULL_channel)
{
    wakeup(NULL);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    wakeup_one(NULL);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    wakeup_any(NULL);
    ASSERT_VIOLATED("bad-argument");
}
END_TEST

START_TEST(sleep_negative_timeout)
{
    static const int timo[] = {-1, INT32_MIN};
    for (int i = 0; i < 2; i++) {
        sx_xlock(&sx);
        CHECK_REFUSED(sx_sleep(&chan, &sx, 0, "negative", timo[i]), "bad-argument");
        CHECK_REFUSED(sx_sleep(&chan, &sx, PDROP, "negative", timo[i]), "bad-argument");
        check_held_in_mode(SA_XLOCKED | SA_NOTRECURSED);
        sx_xunlock(&sx);
        mtx_lock(&mtx);
        CHECK_REFUSED(msleep(&chan, &mtx, 0, "negative", timo[i]), "bad-argument");
        ck_assert(mtx_owned(&mtx));
        mtx_unlock(&mtx);
        CHECK_REFUSED(tsleep(&chan, 0, "negative", timo[i]), "bad-argument");
        CHECK_REFUSED(tsleep(&chan, PNOLOCK, "negative", timo[i]), "bad-argument");
        mtx_lock_spin(&spin);
        CHECK_REFUSED(msleep_spin(&chan, &spin, "negative", timo[i]), "bad-argument");
        mtx_unlock_spin(&spin);
    }
}
END_TEST

START_TEST(sleep_R41_PDROP_without_a_lock)
{
    CHECK_REFUSED(tsleep(&chan, PDROP, "drop", SHORT), "bad-argument");
    CHECK_REFUSED(tsleep(&chan, PDROP | PNOLOCK, "drop", 0), "bad-argument");
    CHECK_REFUSED(msleep(&chan, NULL, PDROP, "drop", SHORT), "bad-argument");
}
END_TEST

START_TEST(sleep_R50_untimed_without_a_lock)
{
    CHECK_REFUSED(tsleep(&chan, 0, "untimed", 0), "bad-argument");
    CHECK_REFUSED(tsleep(&chan, PCATCH, "untimed", 0), "bad-argument");
    CHECK_REFUSED(msleep(&chan, NULL, PWAIT, "untimed", 0), "bad-argument");
    recorder_start();
    ck_assert_int_eq(tsleep(&chan, 0, "timed", SHORT), EWOULDBLOCK);
    ck_assert_int_eq(msleep(&chan, NULL, 0, "timed", SHORT), EWOULDBLOCK);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sleep_with_an_interlock_that_is_free)
{
    CHECK_REFUSED(sx_sleep(&chan, &sx, 0, "free", SHORT), "not-locked");
    CHECK_REFUSED(sx_sleep(&chan, &sx, PDROP, "free", SHORT), "not-locked");
    CHECK_REFUSED(msleep(&chan, &mtx, 0, "free", SHORT), "not-locked");
    CHECK_REFUSED(mtx_sleep(&chan, &mtx, PDROP, "free", SHORT), "not-locked");
    CHECK_REFUSED(msleep_spin(&chan, &spin, "free", SHORT), "not-locked");
    ck_assert(ksl_irq_enabled());
    ck_assert_int_ne(sx_try_xlock(&sx), 0);
    sx_xunlock(&sx);
    ck_assert_int_ne(mtx_trylock(&mtx), 0);
    mtx_unlock(&mtx);
}
END_TEST

START_TEST(sleep_with_an_interlock_of_another_thread)
{
    struct holder h = {.shared = _i != 0};
    start_holder(&h);
    CHECK_REFUSED(sx_sleep(&chan, &sx, 0, "others", SHORT), "not-owner");
    CHECK_REFUSED(sx_sleep(&chan, &sx, PDROP | PCATCH, "others", 0), "not-owner");
    CHECK_REFUSED(msleep(&chan, &mtx, 0, "others", SHORT), "not-owner");
    ck_assert_int_eq(sx_try_xlock(&sx), 0);
    ck_assert_int_eq(mtx_trylock(&mtx), 0);
    end_holder(&h);
}
END_TEST

START_TEST(sleep_R13_recursed_interlock)
{
    sx_xlock(&other_sx);
    sx_xlock(&other_sx);
    mtx_lock(&mtx);
    mtx_lock(&mtx);
    CHECK_REFUSED(sx_sleep(&chan, &other_sx, 0, "recursed", SHORT), "recursion");
    CHECK_REFUSED(sx_sleep(&chan, &other_sx, PDROP, "recursed", 0), "recursion");
    CHECK_REFUSED(msleep(&chan, &mtx, 0, "recursed", SHORT), "recursion");
    CHECK_REFUSED(mtx_sleep(&chan, &mtx, PDROP, "recursed", 0), "recursion");
    recorder_start();
    sx_assert(&other_sx, SA_XLOCKED | SA_RECURSED);
    mtx_assert(&mtx, MA_OWNED | MA_RECURSED);
    mtx_unlock(&mtx);
    sx_xunlock(&other_sx);
    /* Held once, they are good interlocks. */
    ck_assert_int_eq(sx_sleep(&chan, &other_sx, 0, "once", SHORT), EWOULDBLOCK);
    ck_assert_int_eq(msleep(&chan, &mtx, 0, "once", SHORT), EWOULDBLOCK);
    mtx_unlock(&mtx);
    sx_xunlock(&other_sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sleep_R58_destroyed_interlock)
{
    static struct sx zero_sx;
    static struct mtx zero_mtx;
    struct sx gone_sx;
    struct mtx gone_mtx;
    sx_init(&gone_sx, "gone");
    sx_destroy(&gone_sx);
    mtx_init(&gone_mtx, "gone", NULL, MTX_DEF);
    mtx_destroy(&gone_mtx);
    CHECK_REFUSED(sx_sleep(&chan, &gone_sx, 0, "gone", SHORT), "destroyed");
    CHECK_REFUSED(sx_sleep(&chan, &zero_sx, 0, "zero", SHORT), "destroyed");
    CHECK_REFUSED(msleep(&chan, &gone_mtx, 0, "gone", SHORT), "destroyed");
    CHECK_REFUSED(mtx_sleep(&chan, &zero_mtx, 0, "zero", SHORT), "destroyed");
}
END_TEST

START_TEST(sleep_R50_spin_mutex_as_interlock)
{
    mtx_lock_spin(&spin);
    CHECK_REFUSED(msleep(&chan, &spin, 0, "spin", SHORT), "bad-argument");
    CHECK_REFUSED(mtx_sleep(&chan, &spin, PDROP, "spin", SHORT), "bad-argument");
    ck_assert(mtx_owned(&spin));
    ck_assert(!ksl_irq_enabled());
    mtx_unlock_spin(&spin);
    mtx_lock(&mtx);
    CHECK_REFUSED(msleep_spin(&chan, &mtx, "sleeping", SHORT), "bad-argument");
    ck_assert(mtx_owned(&mtx));
    mtx_unlock(&mtx);
}
END_TEST

static int in_handler[6];

static void sleep_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    in_handler[0] = sx_sleep(&chan, &sx, 0, "handler", SHORT);
    in_handler[1] = sx_sleep(&chan, &sx, PDROP | PCATCH, "handler", 0);
    in_handler[2] = tsleep(&chan, 0, "handler", SHORT);
    in_handler[3] = msleep(&chan, &mtx, 0, "handler", SHORT);
    in_handler[4] = mtx_sleep(&chan, &mtx, PDROP, "handler", 0);
    in_handler[5] = tsleep(&chan, PNOLOCK, "handler", 0);
    (void)ksl_freebsd_pause("handler", 1);
    (void)pause_sig("handler", 1);
}

START_TEST(sleep_R69_in_a_handler)
{
    refuse_in_handler(sleep_in_handler, 8);
    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(in_handler[i], EINVAL);
}
END_TEST

START_TEST(sleep_with_interrupts_masked)
{
    sx_slock(&sx);
    mtx_lock(&mtx);
    unsigned before = ksl_irq_set_level(3);
    CHECK_REFUSED(sx_sleep(&chan, &sx, 0, "masked", SHORT), "masked-sleep");
    CHECK_REFUSED(msleep(&chan, &mtx, PDROP, "masked", 0), "masked-sleep");
    CHECK_REFUSED(tsleep(&chan, 0, "masked", SHORT), "masked-sleep");
    recorder_start();
    ck_assert_uint_eq(ksl_irq_set_level(before), 3);
    ck_assert(mtx_owned(&mtx));
    mtx_unlock(&mtx);
    sx_assert(&sx, SA_SLOCKED);
    sx_sunlock(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sleep_R51_R68_with_a_spin_mutex_held)
{
    sx_xlock(&sx);
    mtx_lock_spin(&spin);
    CHECK_REFUSED(sx_sleep(&chan, &sx, 0, "spin held", SHORT), "masked-sleep");
    mtx_unlock_spin(&spin);
    check_held_in_mode(SA_XLOCKED);
    sx_xunlock(&sx);
}
END_TEST

START_TEST(sx_R68_with_a_spin_mutex_held_only_if_it_must_wait)
{
    struct holder h = {.shared = false};
    mtx_lock_spin(&spin);
    sx_xlock(&sx);
    sx_xunlock(&sx);
    sx_slock(&sx);
    sx_sunlock(&sx);
    mtx_lock(&mtx);
    mtx_unlock(&mtx);
    mtx_unlock_spin(&spin);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    start_holder(&h);
    mtx_lock_spin(&spin);
    sx_xlock(&sx);
    ASSERT_VIOLATED("masked-sleep");
    recorder_start();
    sx_slock(&sx);
    ASSERT_VIOLATED("masked-sleep");
    recorder_start();
    mtx_lock(&mtx);
    ASSERT_VIOLATED("masked-sleep");
    mtx_unlock_spin(&spin);
    end_holder(&h);
}
END_TEST

START_TEST(sx_R66_while_holding_a_mutex)
{
    mtx_lock(&mtx);
    sx_slock(&sx);
    sx_sunlock(&sx);
    sx_xlock(&sx);
    mtx_unlock(&mtx);
    sx_xunlock(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sleep_names_the_place_and_the_lock)
{
    char place[64];
    int line = __LINE__ + 1;
    CHECK_REFUSED(sx_sleep(&chan, &sx, 0, "place", SHORT), "not-locked");
    struct recorded v = recorder_last();
    snprintf(place, sizeof place, "freebsd_sleep_misuse_test.c:%d", line);
    ck_assert_msg(strstr(v.message, place) != NULL, "no %s: %s", place, v.message);
    ck_assert_msg(strstr(v.message, "the sx") != NULL, "no name: %s", v.message);
    ck_assert_ptr_eq(v.lock, &sx);
    ck_assert_ptr_eq(v.thread, ksl_thread_self());
    ck_assert_int_eq(v.severity, KSL_PANIC);
}
END_TEST

START_TEST(syscall_R72_return_with_locks_held)
{
    ksl_syscall_enter();
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    for (int i = 0; i < 3; i++) {
        recorder_start();
        ksl_syscall_enter();
        if (i == 0)
            sx_slock(&sx);
        else if (i == 1)
            sx_xlock(&sx);
        else
            mtx_lock(&mtx);
        ck_assert_int_eq(ksl_syscall_exit(), 0);
        ASSERT_VIOLATED("exit-held");
        ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
        if (i < 2)
            sx_unlock(&sx);
        else
            mtx_unlock(&mtx);
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sleep misuse");
    TCase *tc = tcase_create("misuse");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, sleep_R50_NULL_channel);
    tcase_add_test(tc, wakeup_R50_NULL_channel);
    tcase_add_test(tc, sleep_negative_timeout);
    tcase_add_test(tc, sleep_R41_PDROP_without_a_lock);
    tcase_add_test(tc, sleep_R50_untimed_without_a_lock);
    tcase_add_test(tc, sleep_with_an_interlock_that_is_free);
    tcase_add_loop_test(tc, sleep_with_an_interlock_of_another_thread, 0, 2);
    tcase_add_test(tc, sleep_R13_recursed_interlock);
    tcase_add_test(tc, sleep_R58_destroyed_interlock);
    tcase_add_test(tc, sleep_R50_spin_mutex_as_interlock);
    tcase_add_test(tc, sleep_R69_in_a_handler);
    tcase_add_test(tc, sleep_with_interrupts_masked);
    tcase_add_test(tc, sleep_R51_R68_with_a_spin_mutex_held);
    tcase_add_test(tc, sx_R68_with_a_spin_mutex_held_only_if_it_must_wait);
    tcase_add_test(tc, sx_R66_while_holding_a_mutex);
    tcase_add_test(tc, sleep_names_the_place_and_the_lock);
    tcase_add_test(tc, syscall_R72_return_with_locks_held);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
