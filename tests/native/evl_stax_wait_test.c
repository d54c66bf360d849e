/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL stax: waits that end otherwise, destroy, handlers (X9 to X11, X14). */
enum { MANY = 4 };

#include "evl_stax_scene.h"

#include <stdlib.h>

static void check_free_and_quiet(void)
{
    check_free();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

/* A wait that a signal ends holds nothing, and leaves the other waiter alone. */
static void signal_ends(struct puppet *holder, struct puppet *waiters)
{
    ck_assert_int_eq(ask(holder, lock, &stax), 0);
    tell_blocked(&waiters[0], lock, &stax);
    tell_blocked(&waiters[1], lock, &stax);
    ck_assert_int_eq(ksl_signal_post(waiters[0].actor.thread, 10), 0);
    ck_assert_int_eq(answer(&waiters[0]), -ERESTARTSYS);
    ck_assert_int_eq(ask(&waiters[0], take_signal, NULL), 10);
    ck_assert(ksl_thread_asleep(waiters[1].actor.thread));
    (void)ask(holder, unlock, &stax);
    ck_assert_int_eq(answer(&waiters[1]), 0);
    (void)ask(&waiters[1], unlock, &stax);
    check_free_and_quiet();
}

START_TEST(evl_stax_X9_a_signal_ends_an_inband_wait)
{
    signal_ends(&oob[0], in);
}
END_TEST

START_TEST(evl_stax_X10_a_signal_ends_an_oob_wait)
{
    signal_ends(&in[0], oob);
}
END_TEST

static void pending_signal(struct puppet *holder, struct puppet *p)
{
    ck_assert_int_eq(ask(p, post_signal_to_self, NULL), 0);
    ck_assert_int_eq(ask(p, lock, &stax), 0);
    (void)ask(p, unlock, &stax);
    ck_assert_int_eq(ask(holder, lock, &stax), 0);
    ck_assert_int_eq(ask(p, lock, &stax), -ERESTARTSYS);
    ck_assert_int_eq(ask(p, lock, &stax), -ERESTARTSYS); /* it stays pending */
    (void)ask(holder, unlock, &stax);
    ck_assert_int_eq(ask(p, take_signal, NULL), 10);
    check_free_and_quiet();
}

START_TEST(evl_stax_X9_a_pending_signal_matters_only_to_a_wait)
{
    pending_signal(&oob[0], &in[0]);
    pending_signal(&in[0], &oob[0]);
}
END_TEST

/* in[0] waits still, and gets in when oob[0] leaves. */
static void check_in_waits_for_oob(void)
{
    ck_assert(!done(&in[0]));
    (void)ask(&oob[0], unlock, &stax);
    ck_assert_int_eq(answer(&in[0]), 0);
    (void)ask(&in[0], unlock, &stax);
    check_free_and_quiet();
}

static int mask_signals(void *object)
{
    (void)object;
    return (int)ksl_signal_mask(UINT64_MAX);
}

START_TEST(evl_stax_X9_a_masked_signal_ends_no_wait)
{
    (void)ask(&in[0], mask_signals, NULL);
    ck_assert_int_eq(ask(&oob[0], lock, &stax), 0);
    tell_blocked(&in[0], lock, &stax);
    ck_assert_int_eq(ksl_signal_post(in[0].actor.thread, 10), 0);
    check_in_waits_for_oob();
}
END_TEST

START_TEST(evl_stax_X9_a_forced_unblock_leaves_an_inband_wait_alone)
{
    ck_assert_int_eq(ask(&oob[0], lock, &stax), 0);
    tell_blocked(&in[0], lock, &stax);
    ck_assert_int_eq(ksl_thread_unblock(in[0].actor.thread), 0);
    evl_unblock_thread(evl_of(&in[0]), EVL_T_BREAK);
    check_in_waits_for_oob();
}
END_TEST

START_TEST(evl_stax_X10_a_forced_unblock_ends_an_oob_wait)
{
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    for (int turn = 0; turn < 3; turn++) {
        tell_blocked(&oob[0], lock, &stax);
        tell_blocked(&oob[1], lock, &stax);
        if (turn == 0)
            evl_unblock_thread(evl_of(&oob[0]), EVL_T_BREAK);
        else if (turn == 1)
            ck_assert_int_eq(ksl_thread_unblock(oob[0].actor.thread), 1);
        else
            evl_kick_thread(evl_of(&oob[0]), 0);
        ck_assert_int_eq(answer(&oob[0]), -EINTR);
        ck_assert(!done(&oob[1]));
        (void)ask(&in[0], unlock, &stax);
        ck_assert_int_eq(answer(&oob[1]), 0);
        tell(&in[0], lock, &stax);
        (void)ask(&oob[1], unlock, &stax);
        ck_assert_int_eq(answer(&in[0]), 0);
    }
    (void)ask(&in[0], unlock, &stax);
    check_free_and_quiet();
}
END_TEST

START_TEST(evl_stax_X10_a_kick_with_a_signal_pending)
{
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    ck_assert_int_eq(ask(&oob[0], post_signal_to_self, NULL), 0);
    evl_kick_thread(evl_of(&oob[0]), 0);
    ck_assert_int_eq(ask(&oob[0], lock, &stax), -ERESTARTSYS);
    ck_assert_int_eq(ask(&oob[0], take_signal, NULL), 10);
    tell_blocked(&oob[0], lock, &stax); /* the kick has ended that wait, and no other */
    (void)ask(&in[0], unlock, &stax);
    ck_assert_int_eq(answer(&oob[0]), 0);
    (void)ask(&oob[0], unlock, &stax);
    check_free_and_quiet();
}
END_TEST

static void destroy_with(struct puppet *holder, struct puppet *waiters)
{
    struct evl_stax *mine = malloc(sizeof *mine);
    ck_assert_ptr_nonnull(mine);
    ck_assert_int_eq(evl_init_stax(mine, EVL_STAX_INBAND_SPIN), 0);
    ck_assert_int_eq(ask(holder, lock, mine), 0);
    for (int i = 0; i < MANY; i++)
        tell_blocked(&waiters[i], lock, mine);
    ck_assert_int_eq(evl_destroy_stax(mine), 0);
    free(mine);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(answer(&waiters[i]), -EIDRM);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(evl_stax_X11_destroy_ends_all_waits_and_the_memory_may_go)
{
    for (int turn = 0; turn < 20; turn++) {
        destroy_with(&in[0], oob);
        destroy_with(&oob[0], in);
    }
}
END_TEST

START_TEST(evl_stax_X11_a_destroyed_one_refuses_every_call)
{
    static const call_fn calls[] = {lock, trylock, unlock};
    static const int refused[] = {-EPERM, -EAGAIN, 0};
    ck_assert_int_eq(evl_destroy_stax(&stax), 0);
    for (int i = 0; i < 6; i++) {
        recorder_start();
        ck_assert_int_eq(ask(i < 3 ? &in[0] : &oob[0], calls[i % 3], &stax),
                         refused[i % 3]);
        ASSERT_VIOLATED("destroyed");
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
        ck_assert_ptr_eq(recorder_last().lock, &stax);
    }
    recorder_start();
    ck_assert_int_eq(evl_destroy_stax(&stax), -EPERM);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    ck_assert_int_eq(evl_init_stax(&stax, EVL_STAX_INBAND_SPIN << 1), -EPERM);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_ptr_eq(recorder_last().lock, &stax);
    recorder_start();
    ck_assert_int_eq(evl_trylock_stax(&stax), -EAGAIN); /* nothing has changed */
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    ck_assert_int_eq(evl_init_stax(&stax, 0), 0);
    check_free_and_quiet();
}
END_TEST

/* Handlers. The main thread is in-band. */

START_TEST(evl_stax_X14_a_handler_that_would_lock)
{
    ck_assert_int_eq(call_in_irq(&inband_irq, lock, &stax), -EPERM);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    recorder_start();
    ck_assert_int_eq(call_in_irq(&oob_irq, lock, &stax), -EPERM);
    ASSERT_VIOLATED("irq-sleep");
    recorder_start();
    check_free_and_quiet();
}
END_TEST

START_TEST(evl_stax_X14_handlers_try_and_unlock_as_their_stage)
{
    ck_assert_int_eq(evl_lock_stax(&stax), 0);
    ck_assert_int_eq(call_in_irq(&oob_irq, trylock, &stax), -EAGAIN);
    ck_assert_int_eq(call_in_irq(&inband_irq, trylock, &stax), 0);
    evl_unlock_stax(&stax);
    ck_assert_int_eq(ask(&oob[0], trylock, &stax), -EAGAIN);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    (void)call_in_irq(&oob_irq, unlock, &stax);
    ASSERT_VIOLATED("not-owner");
    recorder_start();
    tell_blocked(&oob[0], lock, &stax);
    (void)call_in_irq(&inband_irq, unlock, &stax);
    ck_assert_int_eq(answer(&oob[0]), 0);
    ck_assert_int_eq(call_in_irq(&inband_irq, trylock, &stax), -EAGAIN);
    ck_assert_int_eq(call_in_irq(&oob_irq, trylock, &stax), 0);
    (void)ask(&oob[0], unlock, &stax);
    tell_blocked(&in[0], lock, &stax);
    (void)call_in_irq(&oob_irq, unlock, &stax);
    ck_assert_int_eq(answer(&in[0]), 0);
    (void)ask(&in[0], unlock, &stax);
    check_free_and_quiet();
}
END_TEST

START_TEST(evl_stax_X14_a_handler_that_unlocks_a_free_one)
{
    (void)call_in_irq(&oob_irq, unlock, &stax);
    ASSERT_VIOLATED("not-locked");
    recorder_start();
    (void)call_in_irq(&inband_irq, unlock, &stax);
    ASSERT_VIOLATED("not-locked");
    recorder_start();
    check_free_and_quiet();
}
END_TEST

START_TEST(evl_stax_X14_a_sleeping_waiter_takes_interrupts)
{
    struct evl_stax other;
    (void)evl_init_stax(&other);
    ck_assert_int_eq(ask(&in[0], lock, &stax), 0);
    tell_blocked(&oob[0], lock, &stax);
    oob_irq.call = trylock;
    oob_irq.object = &other;
    ck_assert_int_eq(ksl_irq_raise_on(oob[0].actor.thread, OOB_IRQ), 0);
    WAIT_UNTIL(LOAD(&oob_irq.runs) == 1);
    ck_assert_int_eq(oob_irq.result, 0);
    ck_assert_ptr_eq(oob_irq.on, oob[0].actor.thread);
    ck_assert_int_eq(ask(&in[1], trylock, &other), -EAGAIN);
    wait_asleep(oob[0].actor.thread);
    (void)ask(&in[0], unlock, &stax);
    ck_assert_int_eq(answer(&oob[0]), 0);
    (void)ask(&oob[0], unlock, &other);
    (void)ask(&oob[0], unlock, &stax);
    check_free_and_quiet();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl stax waits");
    TCase *tc = tcase_create("waits");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, evl_stax_X9_a_signal_ends_an_inband_wait);
    tcase_add_test(tc, evl_stax_X9_a_pending_signal_matters_only_to_a_wait);
    tcase_add_test(tc, evl_stax_X9_a_masked_signal_ends_no_wait);
    tcase_add_test(tc, evl_stax_X9_a_forced_unblock_leaves_an_inband_wait_alone);
    tcase_add_test(tc, evl_stax_X10_a_signal_ends_an_oob_wait);
    tcase_add_test(tc, evl_stax_X10_a_forced_unblock_ends_an_oob_wait);
    tcase_add_test(tc, evl_stax_X10_a_kick_with_a_signal_pending);
    tcase_add_test(tc, evl_stax_X11_destroy_ends_all_waits_and_the_memory_may_go);
    tcase_add_test(tc, evl_stax_X11_a_destroyed_one_refuses_every_call);
    tcase_add_test(tc, evl_stax_X14_a_handler_that_would_lock);
    tcase_add_test(tc, evl_stax_X14_handlers_try_and_unlock_as_their_stage);
    tcase_add_test(tc, evl_stax_X14_a_handler_that_unlocks_a_free_one);
    tcase_add_test(tc, evl_stax_X14_a_sleeping_waiter_takes_interrupts);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
