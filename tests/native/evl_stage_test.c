/* SPDX-License-Identifier: BSD-2-Clause */
/* <evl/sched.h>: stages of threads and handlers (D3, D7, D8, D11, D12, E10). */
#include "evl_test.h"

static struct irq_call inband_irq, oob_irq;
static struct puppet p;

static void setup(void)
{
    irq_setup(&inband_irq, &oob_irq);
    puppet_start_on(&p, KSL_STAGE_OOB);
    recorder_start();
}

static void teardown(void)
{
    puppet_end(&p);
    irq_teardown();
    recorder_stop();
}

/* The stage as a bit set: 1 in-band, 2 oob, 4 in a handler, 8 must not block. */
static int where(void *object)
{
    (void)object;
    return (running_inband() ? 1 : 0) | (running_oob() ? 2 : 0) | (evl_in_irq() ? 4 : 0) |
           (evl_cannot_block() ? 8 : 0);
}

START_TEST(evl_stage_D8_threads_and_handlers_know_their_stage)
{
    ck_assert_int_eq(where(NULL), 1 | 8);
    ck_assert_int_eq(ask(&p, where, NULL), 2);
    ck_assert_int_eq(call_in_irq(&inband_irq, where, NULL), 1 | 4 | 8);
    ck_assert_int_eq(call_in_irq(&oob_irq, where, NULL), 2 | 4 | 8);
    ck_assert_int_eq(where(NULL), 1 | 8);
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(where(NULL), 2);
    ck_assert_int_eq(call_in_irq(&oob_irq, where, NULL), 2 | 4 | 8);
    ck_assert_int_eq(where(NULL), 2);
    evl_switch_inband(0);
    ck_assert_int_eq(where(NULL), 1 | 8);
}
END_TEST

START_TEST(evl_stage_D3_an_oob_handler_interrupts_inband_code)
{
    unsigned stall = ksl_irq_stall_inband();
    inband_irq.call = where;
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), INBAND_IRQ), 0);
    ck_assert_int_eq(call_in_irq(&oob_irq, where, NULL), 2 | 4 | 8);
    ck_assert_int_eq(LOAD(&inband_irq.runs), 0);
    ksl_irq_restore_inband(stall);
    ck_assert_int_eq(LOAD(&inband_irq.runs), 1);
    ck_assert_int_eq(inband_irq.result, 1 | 4 | 8);
}
END_TEST

START_TEST(evl_stage_D3_an_inband_interrupt_waits_while_the_thread_is_oob)
{
    ck_assert_int_eq(evl_switch_oob(), 0);
    inband_irq.call = where;
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), INBAND_IRQ), 0);
    (void)call_in_irq(&oob_irq, where, NULL);
    ck_assert_int_eq(LOAD(&inband_irq.runs), 0);
    evl_switch_inband(0);
    ck_assert_int_eq(LOAD(&inband_irq.runs), 1);
    ck_assert_int_eq(inband_irq.result, 1 | 4 | 8);
}
END_TEST

static int runs_seen[2];

static int down_and_go_inband(void *object)
{
    int error = evl_down(object);
    runs_seen[0] = LOAD(&inband_irq.runs);
    evl_switch_inband(0);
    runs_seen[1] = LOAD(&inband_irq.runs);
    return error;
}

START_TEST(evl_stage_D3_an_inband_interrupt_waits_while_an_oob_thread_sleeps)
{
    struct evl_ksem ksem = EVL_KSEM_INITIALIZER(ksem);
    tell_blocked(&p, down_and_go_inband, &ksem);
    oob_irq.call = where;
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, INBAND_IRQ), 0);
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, OOB_IRQ), 0);
    WAIT_UNTIL(LOAD(&oob_irq.runs) == 1);
    ck_assert_int_eq(oob_irq.result, 2 | 4 | 8);
    ck_assert_int_eq(LOAD(&inband_irq.runs), 0);
    evl_up(&ksem);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(runs_seen[0], 0);
    ck_assert_int_eq(runs_seen[1], 1);
    ck_assert_ptr_eq(inband_irq.on, p.actor.thread);
}
END_TEST

static int try_to_switch(void *object)
{
    int before = where(NULL);
    (void)object;
    if (evl_switch_oob() != -EPERM)
        return -1;
    evl_switch_inband(0);
    return where(NULL) == before ? 1 : -2;
}

START_TEST(evl_stage_D7_a_handler_does_not_change_stage)
{
    ck_assert_int_eq(call_in_irq(&oob_irq, try_to_switch, NULL), 1);
    ck_assert_int_eq(call_in_irq(&inband_irq, try_to_switch, NULL), 1);
    ck_assert_int_eq(where(NULL), 1 | 8);
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(call_in_irq(&oob_irq, try_to_switch, NULL), 1);
    ck_assert_int_eq(where(NULL), 2);
    evl_switch_inband(0);
}
END_TEST

static int raise_oob(void *object)
{
    (void)object;
    int runs = LOAD(&oob_irq.runs);
    (void)ksl_irq_raise_on(ksl_thread_self(), OOB_IRQ);
    return LOAD(&oob_irq.runs) == runs + 1 && running_inband() ? 1 : 0;
}

START_TEST(evl_stage_D7_an_oob_handler_interrupts_an_inband_one)
{
    oob_irq.call = where;
    ck_assert_int_eq(call_in_irq(&inband_irq, raise_oob, NULL), 1);
    ck_assert_int_eq(oob_irq.result, 2 | 4 | 8);
}
END_TEST

START_TEST(evl_stage_D11_no_way_oob_with_a_signal_pending)
{
    ck_assert_int_eq(post_signal_to_self(NULL), 0);
    ck_assert_int_eq(evl_switch_oob(), -ERESTARTSYS);
    ck_assert(running_inband());
    ck_assert_int_eq(ksl_signal_take(), 10);
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(evl_switch_oob(), 0); /* no change */
    ck_assert(running_oob());
    ck_assert_int_eq(post_signal_to_self(NULL), 0);
    evl_switch_inband(0); /* always possible */
    ck_assert(running_inband());
    uint64_t mask = ksl_signal_mask(UINT64_MAX);
    ck_assert_int_eq(evl_switch_oob(), 0); /* a masked one does not count */
    evl_switch_inband(1);
    evl_switch_inband(1);
    (void)ksl_signal_mask(mask);
    ck_assert_int_eq(ksl_signal_take(), 10);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int schedule(void *object)
{
    (void)object;
    int before = where(NULL);
    evl_schedule();
    return where(NULL) == before ? 1 : 0;
}

START_TEST(evl_stage_D12_evl_schedule_is_allowed_everywhere)
{
    ck_assert_int_eq(schedule(NULL), 1);
    ck_assert_int_eq(ask(&p, schedule, NULL), 1);
    ck_assert_int_eq(call_in_irq(&inband_irq, schedule, NULL), 1);
    ck_assert_int_eq(call_in_irq(&oob_irq, schedule, NULL), 1);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl stages");
    TCase *tc = tcase_create("stages");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_stage_D8_threads_and_handlers_know_their_stage);
    tcase_add_test(tc, evl_stage_D3_an_oob_handler_interrupts_inband_code);
    tcase_add_test(tc, evl_stage_D3_an_inband_interrupt_waits_while_the_thread_is_oob);
    tcase_add_test(tc, evl_stage_D3_an_inband_interrupt_waits_while_an_oob_thread_sleeps);
    tcase_add_test(tc, evl_stage_D7_a_handler_does_not_change_stage);
    tcase_add_test(tc, evl_stage_D7_an_oob_handler_interrupts_an_inband_one);
    tcase_add_test(tc, evl_stage_D11_no_way_oob_with_a_signal_pending);
    tcase_add_test(tc, evl_stage_D12_evl_schedule_is_allowed_everywhere);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
