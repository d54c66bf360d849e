/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9) in interrupt handlers (rules 68, 69). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include <kslock/irq.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_scene.h"
#include "support.h"

enum { IRQ = 7, IRQ_LEVEL = 5 };

static int is_mine(void *sx)
{
    return sx_xlocked(sx) != 0 && sx_xholder(sx) == curthread;
}

static const struct {
    call_fn call;
    int refused;
} blocking[] = {{slock, 0}, {xlock, 0}, {slock_sig, EDEADLK}, {xlock_sig, EDEADLK}};

/* Makes a call in a handler. */
struct errand {
    call_fn call;
    struct sx *sx;
    int result;
    int ran; /* atomic */
};

static void run_errand(int irq, void *arg)
{
    struct errand *e = arg;
    (void)irq;
    e->result = e->call(e->sx);
    ADD(&e->ran, 1);
}

static int in_handler_of(ksl_thread *t, call_fn call, struct sx *sx)
{
    struct errand e = {.call = call, .sx = sx, .result = -1};
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, run_errand, &e),
                     0);
    ck_assert_int_eq(ksl_irq_raise_on(t, IRQ), 0);
    WAIT_UNTIL(LOAD(&e.ran) == 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    return e.result;
}

static int in_handler(call_fn call, struct sx *sx)
{
    return in_handler_of(ksl_thread_self(), call, sx);
}

/* All four are refused in a handler, with the state as it was. */
static void check_irq_sleep(struct sx *sx)
{
    for (int i = 0; i < 4; i++) {
        recorder_start();
        ck_assert_int_eq(in_handler(blocking[i].call, sx), blocking[i].refused);
        ASSERT_VIOLATED("irq-sleep");
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
        ck_assert_ptr_eq(recorder_last().lock, sx);
    }
    recorder_start();
}

START_TEST(sx_R68_R69_a_blocking_call_in_a_handler_is_irq_sleep)
{
    struct puppet p;
    struct sx sx;
    puppet_start(&p);
    sx_init_flags(&sx, "handler", SX_RECURSE);
    check_irq_sleep(&sx);
    sx_assert(&sx, SA_UNLOCKED);
    sx_slock(&sx);
    check_irq_sleep(&sx);
    sx_assert(&sx, SA_SLOCKED);
    sx_sunlock(&sx);
    sx_xlock(&sx);
    check_irq_sleep(&sx);
    sx_assert(&sx, SA_XLOCKED | SA_NOTRECURSED);
    sx_xunlock(&sx);
    (void)ask(&p, xlock, &sx);
    check_irq_sleep(&sx);
    (void)ask(&p, unlock, &sx);
    ck_assert_int_eq(ask(&p, try_xlock, &sx), 1);
    (void)ask(&p, unlock, &sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_try_in_a_handler_takes_for_the_interrupted_thread)
{
    struct sx sx;
    recorder_start();
    sx_init(&sx, "handler");
    ck_assert_int_eq(in_handler(try_xlock, &sx), 1);
    ck_assert_ptr_eq(sx_xholder(&sx), curthread);
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    ck_assert_int_eq(in_handler(is_mine, &sx), 1);
    ck_assert_int_eq(in_handler(try_xlock, &sx), 0); /* not recursive */
    ck_assert_int_eq(in_handler(try_slock, &sx), 0);
    sx_assert(&sx, SA_XLOCKED | SA_NOTRECURSED);
    sx_xunlock(&sx);
    ck_assert_int_eq(in_handler(try_slock, &sx), 1);
    ck_assert_int_eq(in_handler(try_slock, &sx), 1);
    ck_assert_int_eq(in_handler(try_xlock, &sx), 0);
    sx_sunlock(&sx);
    sx_assert(&sx, SA_SLOCKED);
    sx_sunlock(&sx);
    sx_assert(&sx, SA_UNLOCKED);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_unlock_and_conversion_in_a_handler_act_on_its_thread)
{
    struct sx sx;
    recorder_start();
    sx_init_flags(&sx, "handler", SX_RECURSE);
    sx_slock(&sx);
    ck_assert_int_eq(in_handler(try_upgrade, &sx), 1);
    sx_assert(&sx, SA_XLOCKED);
    ck_assert_int_eq(in_handler(try_xlock, &sx), 1);
    sx_assert(&sx, SA_XLOCKED | SA_RECURSED);
    (void)in_handler(xunlock, &sx);
    sx_assert(&sx, SA_XLOCKED | SA_NOTRECURSED);
    (void)in_handler(downgrade, &sx);
    sx_assert(&sx, SA_SLOCKED);
    (void)in_handler(sunlock, &sx);
    sx_assert(&sx, SA_UNLOCKED);
    sx_xlock(&sx);
    (void)in_handler(unlock, &sx);
    sx_assert(&sx, SA_UNLOCKED);
    sx_slock(&sx);
    (void)in_handler(unlock, &sx);
    sx_assert(&sx, SA_UNLOCKED);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    (void)in_handler(sunlock, &sx);
    ASSERT_VIOLATED("not-locked");
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(sx_an_unlock_in_a_handler_lets_a_waiter_in)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "handler", 0, &p);
    sx_xlock(&sx);
    tell_blocked(&p, xlock, &sx);
    (void)in_handler(xunlock, &sx);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    sx_slock(&sx);
    tell_blocked(&p, xlock, &sx);
    (void)in_handler(sunlock, &sx);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    sx_xlock(&sx);
    tell_blocked(&p, slock, &sx);
    (void)in_handler(downgrade, &sx);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    sx_sunlock(&sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_a_handler_on_a_sleeping_thread_acts_for_it)
{
    struct puppet p;
    struct sx sx, other;
    begin(&sx, "awaited", 0, &p);
    sx_init(&other, "other");
    (void)ask(&p, slock, &other);
    sx_xlock(&sx);
    tell_blocked(&p, xlock, &sx);
    ck_assert_int_eq(in_handler_of(p.actor.thread, try_slock, &sx), 0);
    ck_assert_int_eq(in_handler_of(p.actor.thread, try_upgrade, &other), 1);
    ck_assert_ptr_eq((void *)sx_xholder(&other), p.actor.thread);
    (void)in_handler_of(p.actor.thread, xunlock, &other);
    ck_assert_int_eq(sx_try_xlock(&other), 1);
    sx_xunlock(&other);
    ck_assert_int_eq(in_handler_of(p.actor.thread, try_slock, &other), 1);
    wait_asleep(p.actor.thread);
    ck_assert(!done(&p));
    sx_xunlock(&sx);
    WAIT_UNTIL(done(&p));
    ck_assert_int_eq(ask(&p, is_mine, &sx), 1);
    (void)ask(&p, unlock, &sx);
    (void)ask(&p, sunlock, &other);
    puppet_end(&p);
    sx_destroy(&sx);
    sx_destroy(&other);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx in handlers");
    TCase *tc = tcase_create("irq");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R68_R69_a_blocking_call_in_a_handler_is_irq_sleep);
    tcase_add_test(tc, sx_try_in_a_handler_takes_for_the_interrupted_thread);
    tcase_add_test(tc, sx_unlock_and_conversion_in_a_handler_act_on_its_thread);
    tcase_add_test(tc, sx_an_unlock_in_a_handler_lets_a_waiter_in);
    tcase_add_test(tc, sx_a_handler_on_a_sleeping_thread_acts_for_it);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
