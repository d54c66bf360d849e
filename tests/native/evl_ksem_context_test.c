/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL semaphore: who may post, and from where one may wait (K3, K11, K12, K15). */
#include "evl_test.h"

static struct puppet p, q;
static struct evl_ksem ksem;
static struct irq_call inband_irq, oob_irq;

static void setup(void)
{
    evl_init_ksem(&ksem, 0);
    puppet_start_on(&p, KSL_STAGE_OOB);
    puppet_start_on(&q, KSL_STAGE_OOB);
    irq_setup(&inband_irq, &oob_irq);
    recorder_start();
}

static void teardown(void)
{
    puppet_end(&p);
    puppet_end(&q);
    irq_teardown();
    recorder_stop();
}

START_TEST(evl_ksem_K11_posts_from_threads_of_both_stages)
{
    tell_blocked(&p, down, &ksem);
    evl_up(&ksem); /* in-band */
    ck_assert_int_eq(answer(&p), 0);
    tell_blocked(&p, down, &ksem);
    (void)ask(&q, up, &ksem);
    ck_assert_int_eq(answer(&p), 0);
    tell_blocked(&p, down, &ksem);
    (void)ask(&q, broadcast, &ksem);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
}
END_TEST

/* Threads whose first call of the library is the post. */

static void *stranger_up(void *arg)
{
    evl_up(arg);
    return NULL;
}

static void *stranger_broadcast(void *arg)
{
    evl_broadcast(arg);
    return NULL;
}

static void *stranger_trydown(void *arg)
{
    return evl_trydown(arg) == 0 ? arg : NULL;
}

static void *stranger(void *(*fn)(void *))
{
    pthread_t thread;
    void *result = NULL;
    ck_assert_int_eq(pthread_create(&thread, NULL, fn, &ksem), 0);
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return result;
}

START_TEST(evl_ksem_K11_posts_from_unregistered_threads)
{
    for (int turn = 0; turn < 30; turn++) {
        tell_blocked(&p, down, &ksem);
        (void)stranger(stranger_up);
        ck_assert_int_eq(answer(&p), 0);
        tell_blocked(&p, down, &ksem);
        (void)stranger(stranger_broadcast);
        ck_assert_int_eq(answer(&p), 0);
        (void)stranger(stranger_up);
        ck_assert_ptr_eq(stranger(stranger_trydown), &ksem);
        ck_assert_ptr_null(stranger(stranger_trydown));
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void posts_in_irq(struct irq_call *c)
{
    tell_blocked(&p, down, &ksem);
    (void)call_in_irq(c, up, &ksem);
    ck_assert_int_eq(answer(&p), 0);
    tell_blocked(&p, down, &ksem);
    (void)call_in_irq(c, broadcast, &ksem);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(call_in_irq(c, trydown, &ksem), -EAGAIN);
    (void)call_in_irq(c, up, &ksem);
    (void)call_in_irq(c, up, &ksem);
    ck_assert_int_eq(call_in_irq(c, trydown, &ksem), 0);
    ck_assert_int_eq(call_in_irq(c, down, &ksem), 0); /* K3 */
    ck_assert_int_eq(drain(&ksem), 0);
    ck_assert((c->saw & SAW_IRQ) != 0);
    ck_assert(((c->saw & SAW_OOB) != 0) == (c->irq == OOB_IRQ));
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(evl_ksem_K11_K15_posts_and_tries_in_handlers)
{
    posts_in_irq(&inband_irq);
    posts_in_irq(&oob_irq);
}
END_TEST

START_TEST(evl_ksem_K11_posts_in_a_handler_on_an_oob_thread)
{
    oob_irq.call = up;
    oob_irq.object = &ksem;
    for (int turn = 0; turn < 20; turn++) {
        struct evl_ksem other = EVL_KSEM_INITIALIZER(other);
        int runs = LOAD(&oob_irq.runs);
        tell_blocked(&p, down, &ksem);
        tell_blocked(&q, down, &other);
        ck_assert_int_eq(ksl_irq_raise_on(q.actor.thread, OOB_IRQ), 0);
        ck_assert_int_eq(answer(&p), 0);
        WAIT_UNTIL(LOAD(&oob_irq.runs) == runs + 1);
        ck_assert_ptr_eq(oob_irq.on, q.actor.thread);
        ck_assert(!done(&q));
        evl_up(&other);
        ck_assert_int_eq(answer(&q), 0);
    }
}
END_TEST

/* The wake-up comes from a handler on the sleeper itself, masked or not. */
static int masked_down(void *object)
{
    unsigned state = ksl_irq_save();
    int error = evl_down(object);
    bool masked = !ksl_irq_enabled();
    ksl_irq_restore(state);
    return error != 0 ? error : masked ? 0 : -1000;
}

START_TEST(evl_ksem_K11_posts_in_a_handler_on_the_sleeper_itself)
{
    oob_irq.call = up;
    oob_irq.object = &ksem;
    for (int turn = 0; turn < 20; turn++) {
        tell_blocked(&p, turn % 2 == 0 ? down : masked_down, &ksem);
        ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, OOB_IRQ), 0);
        ck_assert_int_eq(answer(&p), 0);
        WAIT_UNTIL(LOAD(&oob_irq.runs) == turn + 1);
        ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int down_in_60_s(void *object)
{
    return evl_down_timeout(object, in_ms(60000));
}

static void check_stage_report(ksl_thread *thread)
{
    ASSERT_VIOLATED("stage");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    ck_assert_ptr_eq(recorder_last().lock, &ksem);
    ck_assert_ptr_eq(recorder_last().thread, thread);
    recorder_start();
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
}

START_TEST(evl_ksem_K12_a_wait_in_band_is_refused)
{
    ck_assert_int_eq(evl_down(&ksem), -EPERM);
    check_stage_report(ksl_thread_self());
    ck_assert_int_eq(evl_down_timeout(&ksem, in_ms(60000)), -EPERM);
    check_stage_report(ksl_thread_self());
    ck_assert(running_inband()); /* no promotion */
    tell_blocked(&p, down, &ksem);
    ck_assert_int_eq(evl_down(&ksem), -EPERM);
    ASSERT_VIOLATED("stage");
    evl_up(&ksem);
    ck_assert_int_eq(answer(&p), 0); /* nobody else is queued */
    evl_up(&ksem);
    ck_assert_int_eq(drain(&ksem), 1);
}
END_TEST

static int down_by_1970(void *object)
{
    return evl_down_timeout(object, 1);
}

static int down_by_0(void *object)
{
    return evl_down_timeout(object, 0);
}

static int down_before_0(void *object)
{
    return evl_down_timeout(object, -1);
}

static int down_without_wait(void *object)
{
    return evl_down_timeout(object, EVL_NONBLOCK);
}

/* They have not to sleep, so any thread and handler may make them. */
START_TEST(evl_ksem_K7_a_date_that_is_over_is_refused_nowhere)
{
    static const call_fn calls[] = {down_by_1970, down_by_0, down_before_0,
                                    down_without_wait};
    for (int i = 0; i < 4; i++) {
        int error = i < 3 ? -ETIMEDOUT : -EAGAIN;
        ck_assert_int_eq(calls[i](&ksem), error);
        ck_assert_int_eq(call_in_irq(&inband_irq, calls[i], &ksem), error);
        ck_assert_int_eq(call_in_irq(&oob_irq, calls[i], &ksem), error);
        ck_assert_int_eq(ask(&p, calls[i], &ksem), error);
        evl_up(&ksem);
        ck_assert_int_eq(calls[i](&ksem), 0);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
}
END_TEST

START_TEST(evl_ksem_K12_a_wait_in_a_handler_is_refused)
{
    static const call_fn calls[] = {down, down_in_60_s};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(call_in_irq(&inband_irq, calls[i], &ksem), -EPERM);
        check_stage_report(ksl_thread_self());
        ck_assert_int_eq(call_in_irq(&oob_irq, calls[i], &ksem), -EPERM);
        check_stage_report(ksl_thread_self());
    }
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(call_in_irq(&oob_irq, down, &ksem), -EPERM);
    check_stage_report(ksl_thread_self());
    evl_switch_inband(0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl ksem contexts");
    TCase *tc = tcase_create("contexts");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_ksem_K11_posts_from_threads_of_both_stages);
    tcase_add_test(tc, evl_ksem_K11_posts_from_unregistered_threads);
    tcase_add_test(tc, evl_ksem_K11_K15_posts_and_tries_in_handlers);
    tcase_add_test(tc, evl_ksem_K11_posts_in_a_handler_on_an_oob_thread);
    tcase_add_test(tc, evl_ksem_K11_posts_in_a_handler_on_the_sleeper_itself);
    tcase_add_test(tc, evl_ksem_K12_a_wait_in_band_is_refused);
    tcase_add_test(tc, evl_ksem_K7_a_date_that_is_over_is_refused_nowhere);
    tcase_add_test(tc, evl_ksem_K12_a_wait_in_a_handler_is_refused);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
