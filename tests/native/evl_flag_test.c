/* SPDX-License-Identifier: BSD-2-Clause */
/* <evl/flag.h>: event flags. */
#include "evl_test.h"

#include <stdlib.h>
#include <string.h>

enum { MANY = 3 };

static struct puppet p[MANY];
static struct evl_flag flag;
static struct irq_call inband_irq, oob_irq;

static void setup(void)
{
    evl_init_flag(&flag);
    puppets_start_on(p, MANY, KSL_STAGE_OOB);
    irq_setup(&inband_irq, &oob_irq);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, MANY);
    irq_teardown();
    recorder_stop();
}

static void assert_says(const char *text)
{
    ck_assert_msg(strstr(recorder_last().message, text) != NULL, "no \"%s\" in: %s", text,
                  recorder_last().message);
}

static int wait_flag(void *object)
{
    return evl_wait_flag(object);
}

static ktime_t timeout;
static enum evl_tmode mode;
static bool early;

static int wait_timed(void *object)
{
    ktime_t date = mode == EVL_ABS ? timeout : (ktime_t)support_now_ns() + timeout;
    int error = evl_wait_flag_timeout(object, timeout, mode);
    early = (ktime_t)support_now_ns() < date;
    return error;
}

static int wait_nonblock(void *object)
{
    return evl_wait_flag_timeout(object, EVL_NONBLOCK, EVL_REL);
}

static int wait_infinite(void *object)
{
    return evl_wait_flag_timeout(object, EVL_INFINITE, EVL_REL);
}

static int raise_flag(void *object)
{
    evl_raise_flag(object);
    return 0;
}

static int pulse_flag(void *object)
{
    evl_pulse_flag(object);
    return 0;
}

/* Was it up? It is down afterwards. */
static bool was_up(void)
{
    int error = ask(&p[MANY - 1], wait_nonblock, &flag);
    ck_assert(error == 0 || error == -EAGAIN);
    return error == 0;
}

START_TEST(evl_flag_up_and_down)
{
    ck_assert(!was_up());
    evl_raise_flag(&flag);
    evl_raise_flag(&flag); /* it counts nothing */
    ck_assert_int_eq(ask(&p[0], wait_flag, &flag), 0);
    ck_assert(!was_up());
    evl_raise_flag(&flag);
    evl_clear_flag(&flag);
    evl_clear_flag(&flag);
    ck_assert(!was_up());
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_flag_one_raise_lets_the_first_waiter_go)
{
    static const int prio[MANY] = {10, 30, 20};
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(ksl_thread_set_priority(p[i].actor.thread, prio[i]), 0);
        tell_blocked(&p[i], i == 0 ? wait_infinite : wait_flag, &flag);
    }
    evl_raise_flag(&flag);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(puppets_done(p, MANY), 1);
    evl_raise_flag(&flag);
    ck_assert_int_eq(answer(&p[2]), 0);
    ck_assert(!done(&p[0]));
    ck_assert(!was_up());
    evl_raise_flag(&flag);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert(!was_up());
}
END_TEST

START_TEST(evl_flag_a_pulse_lets_all_go_and_leaves_no_trace)
{
    evl_pulse_flag(&flag);
    ck_assert(!was_up());
    for (int i = 0; i < MANY; i++)
        tell_blocked(&p[i], wait_flag, &flag);
    evl_pulse_flag(&flag);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(answer(&p[i]), 0);
    ck_assert(!was_up());
    evl_raise_flag(&flag);
    evl_pulse_flag(&flag);
    ck_assert(was_up());
}
END_TEST

START_TEST(evl_flag_a_flush_ends_all_waits_with_its_reason)
{
    static const int reasons[] = {EVL_T_TIMEO, EVL_T_RMID, EVL_T_BREAK};
    static const int results[] = {-ETIMEDOUT, -EIDRM, -EINTR};
    for (int r = 0; r < 3; r++) {
        for (int i = 0; i < MANY; i++)
            tell_blocked(&p[i], wait_flag, &flag);
        evl_flush_flag(&flag, reasons[r]);
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(answer(&p[i]), results[r]);
        ck_assert(!was_up()); /* it is still a flag */
        ck_assert_uint_eq(recorder_count(NULL), 0);
    }
    static const int bad[] = {0, EVL_T_KICKED, EVL_T_TIMEO | EVL_T_RMID, -1};
    tell_blocked(&p[0], wait_flag, &flag);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        recorder_start();
        evl_flush_flag(&flag, bad[i]);
        ASSERT_VIOLATED("bad-argument");
        ck_assert_ptr_eq(recorder_last().lock, &flag);
        ck_assert(!done(&p[0]));
    }
    evl_raise_flag(&flag);
    ck_assert_int_eq(answer(&p[0]), 0);
}
END_TEST

START_TEST(evl_flag_timed_waits)
{
    mode = EVL_ABS;
    timeout = 0;
    ck_assert_int_eq(ask(&p[0], wait_timed, &flag), -ETIMEDOUT);
    for (int i = 0; i < 10; i++) {
        mode = i % 2 == 0 ? EVL_REL : EVL_ABS;
        timeout =
            mode == EVL_REL ? 1 + i * 100000 : (ktime_t)support_now_ns() + i * 100000;
        ck_assert_int_eq(ask(&p[0], wait_timed, &flag), -ETIMEDOUT);
        ck_assert(!early);
    }
    mode = EVL_ABS;
    timeout = EVL_NONBLOCK;
    ck_assert_int_eq(ask(&p[0], wait_timed, &flag), -EAGAIN);
    for (int i = 0; i < 2; i++) {
        mode = i == 0 ? EVL_ABS : EVL_REL;
        timeout = mode == EVL_ABS ? in_ms(60000) : (ktime_t)60 * 1000000000;
        tell_blocked(&p[0], wait_timed, &flag);
        evl_raise_flag(&flag);
        ck_assert_int_eq(answer(&p[0]), 0);
        ck_assert(early);
    }
    ck_assert(!was_up());
    ck_assert_uint_eq(recorder_count(NULL), 0);
    evl_raise_flag(&flag);
    mode = (enum evl_tmode)2;
    ck_assert_int_eq(ask(&p[0], wait_timed, &flag), -EPERM);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_ptr_eq(recorder_last().lock, &flag);
    ck_assert(was_up());
}
END_TEST

START_TEST(evl_flag_waits_that_end_otherwise)
{
    tell_blocked(&p[0], wait_flag, &flag);
    evl_unblock_thread(evl_of(&p[0]), EVL_T_BREAK);
    ck_assert_int_eq(answer(&p[0]), -EINTR);
    evl_kick_thread(evl_of(&p[0]), 0);
    ck_assert_int_eq(ask(&p[0], wait_flag, &flag), -EINTR);
    tell_blocked(&p[0], wait_flag, &flag);
    ck_assert_int_eq(ksl_signal_post(p[0].actor.thread, 10), 0);
    ck_assert_int_eq(answer(&p[0]), -ERESTARTSYS);
    ck_assert_int_eq(ask(&p[0], take_signal, NULL), 10);
    evl_raise_flag(&flag);
    ck_assert(was_up());
}
END_TEST

START_TEST(evl_flag_a_wait_on_the_wrong_stage)
{
    ck_assert_int_eq(evl_wait_flag(&flag), -EPERM);
    ASSERT_VIOLATED("stage");
    assert_says("evl_wait_flag has to wait");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    recorder_start();
    ck_assert_int_eq(call_in_irq(&oob_irq, wait_flag, &flag), -EPERM);
    ASSERT_VIOLATED("stage");
    recorder_start();
    evl_raise_flag(&flag);
    ck_assert_int_eq(evl_wait_flag(&flag), 0); /* that is no wait */
    ck_assert(!was_up());
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_flag_raised_in_handlers)
{
    tell_blocked(&p[0], wait_flag, &flag);
    (void)call_in_irq(&inband_irq, raise_flag, &flag);
    ck_assert_int_eq(answer(&p[0]), 0);
    tell_blocked(&p[0], wait_flag, &flag);
    (void)call_in_irq(&oob_irq, pulse_flag, &flag);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert(!was_up());
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(evl_flag_destroy)
{
    struct evl_flag *mine = malloc(sizeof *mine);
    ck_assert_ptr_nonnull(mine);
    evl_init_flag(mine);
    for (int i = 0; i < MANY; i++)
        tell_blocked(&p[i], wait_flag, mine);
    evl_destroy_flag(mine);
    free(mine);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(answer(&p[i]), -EIDRM);
    ck_assert_uint_eq(recorder_count(NULL), 0);

    static const call_fn calls[] = {wait_flag, wait_infinite, raise_flag, pulse_flag};
    static const char *const names[] = {"evl_wait_flag of", "evl_wait_flag_timeout of",
                                        "evl_raise_flag of", "evl_pulse_flag of"};
    evl_destroy_flag(&flag);
    for (int i = 0; i < 4; i++) {
        recorder_start();
        ck_assert_int_eq(ask(&p[0], calls[i], &flag), i < 2 ? -EPERM : 0);
        ASSERT_VIOLATED("destroyed");
        assert_says(names[i]);
    }
    recorder_start();
    evl_clear_flag(&flag);
    assert_says("evl_clear_flag of");
    evl_flush_flag(&flag, EVL_T_BREAK);
    assert_says("evl_flush_flag of");
    evl_destroy_flag(&flag);
    assert_says("evl_destroy_flag of");
    ck_assert_uint_eq(recorder_count("destroyed"), 3);
    recorder_start();
    evl_init_flag(&flag);
    ck_assert(!was_up());
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl flags");
    TCase *tc = tcase_create("flags");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_flag_up_and_down);
    tcase_add_test(tc, evl_flag_one_raise_lets_the_first_waiter_go);
    tcase_add_test(tc, evl_flag_a_pulse_lets_all_go_and_leaves_no_trace);
    tcase_add_test(tc, evl_flag_a_flush_ends_all_waits_with_its_reason);
    tcase_add_test(tc, evl_flag_timed_waits);
    tcase_add_test(tc, evl_flag_waits_that_end_otherwise);
    tcase_add_test(tc, evl_flag_a_wait_on_the_wrong_stage);
    tcase_add_test(tc, evl_flag_raised_in_handlers);
    tcase_add_test(tc, evl_flag_destroy);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
