/* SPDX-License-Identifier: BSD-2-Clause */
/* Deadlocks that are told at once: sharers and readers, and what is none. */

#include "deadlock.h"
#include "named.h"

static type shares, alone, mutex, semaphore, stax;

static int take_0(void *t)
{
    ((type)t)->take(0);
    return 0;
}

static int give_0(void *t)
{
    ((type)t)->give(0);
    return 0;
}

static int take_1(void *t)
{
    ((type)t)->take(1);
    return 0;
}

static int give_1(void *t)
{
    ((type)t)->give(1);
    return 0;
}

static void start(void)
{
    shares = type_of("sx shared");
    alone = type_of("sx alone");
    mutex = type_of("mutex of Stanix");
    semaphore = type_of("semaphore");
    stax = type_of("stax");
    report_file_new(&file);
    enable();
    const type all[] = {alone, mutex, semaphore, stax};
    for (unsigned i = 0; i < 4; i++) {
        all[i]->fresh(0, "zero");
        all[i]->fresh(1, "one");
    }
    start_named();
}

/* All looks are over when the threads are. */
static void end(unsigned deadlocks)
{
    end_named();
    ck_assert_msg(report_file_count(&file, "deadlock of") == deadlocks, "%s", file.text);
    report_file_end(&file);
}

/* Ends without a word: the process is stuck. */
static void end_stuck(unsigned n)
{
    WAIT_UNTIL(told(n));
    report_file_end(&file);
}

/* Bob comes out of his wait with the mutex, for which Alice waits. */
static void bob_then_alice(void)
{
    (void)answer(&bob);
    ask(&bob, give_0, (void *)mutex);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)mutex);
}

/* Alice has semaphore 0, for which Bob waits, who has semaphore 1. */
static void alice_then_bob(void)
{
    ask(&alice, give_0, (void *)semaphore);
    (void)answer(&bob);
    ask(&bob, give_0, (void *)semaphore);
    ask(&bob, give_1, (void *)semaphore);
}

START_TEST(part2_a_share_keeps_a_writer)
{
    start();
    ask(&alice, take_0, (void *)shares);
    ask(&carol, take_0, (void *)shares); /* this one will leave */
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)alone);
    ck_assert(!told(2));
    tell_blocked(&alice, take_0, (void *)mutex);
    end_stuck(2);
    HAS(file.text, "(alice)");
    HAS(file.text, "(bob)");
}
END_TEST

START_TEST(part2_a_reader_behind_a_writer)
{
    start();
    ask(&alice, take_0, (void *)shares);
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&carol, take_0, (void *)alone);
    tell_blocked(&bob, take_0, (void *)shares);
    ck_assert(!told(2));
    tell_blocked(&alice, take_0, (void *)mutex);
    end_stuck(3);
    HAS(file.text, " to share it, behind thread %d (carol)",
        ksl_thread_id(carol.actor.thread));
}
END_TEST

START_TEST(part2_sharers_that_leave)
{
    start();
    ask(&alice, take_0, (void *)shares);
    ask(&bob, take_0, (void *)shares);
    ask(&carol, take_0, (void *)mutex);
    tell_blocked(&carol, take_0, (void *)alone);
    ask(&alice, give_0, (void *)shares);
    tell_blocked(&alice, take_0, (void *)mutex); /* without its share */
    ask(&bob, give_0, (void *)shares);
    (void)answer(&carol);
    ask(&carol, give_0, (void *)alone);
    ask(&carol, give_0, (void *)mutex);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)mutex);
    end(0);
}
END_TEST

/* --- what is none ------------------------------------------------------------------- */

static int down_for_long(void *t)
{
    return any_down_until((type)t, 1, support_now_ns() + 1000000000000u);
}

/* A wait with a date ends by itself. */
START_TEST(part2_a_date_is_no_deadlock)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    ask(&bob, take_1, (void *)semaphore);
    if (_i == 0)
        tell_blocked(&alice, down_for_long, (void *)semaphore);
    tell_blocked(&bob, take_0, (void *)semaphore);
    if (_i == 1)
        tell_blocked(&alice, down_for_long, (void *)semaphore);
    ck_assert_int_eq(ksl_thread_unblock(alice.actor.thread), 1);
    (void)answer(&alice);
    alice_then_bob();
    end(0);
}
END_TEST

/* A semaphore whose units come from others has no holder. */
START_TEST(part2_an_event_is_no_lock)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    ask(&carol, give_0, (void *)semaphore);
    ask(&carol, take_0, (void *)semaphore);
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)semaphore);
    tell_blocked(&alice, take_0, (void *)mutex);
    ask(&carol, give_0, (void *)semaphore);
    bob_then_alice();
    end(0);
}
END_TEST

/* Likewise; that shows while Bob waits, who gets the unit. */
START_TEST(part2_nobody_holds_what_became_an_event)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    tell_blocked(&bob, take_0, (void *)semaphore);
    ask(&carol, give_0, (void *)semaphore);
    (void)answer(&bob);
    ask(&alice, take_0, (void *)mutex);
    tell_blocked(&alice, take_0, (void *)semaphore);
    tell_blocked(&bob, take_0, (void *)mutex);
    ask(&carol, give_0, (void *)semaphore);
    (void)answer(&alice);
    ask(&alice, give_0, (void *)mutex);
    (void)answer(&bob);
    ask(&bob, give_0, (void *)mutex);
    end(0);
}
END_TEST

/* Somebody else has left for alice. */
START_TEST(part2_a_stax_that_was_left)
{
    start();
    ask(&alice, take_0, (void *)stax);
    ask(&carol, give_0, (void *)stax);
    ask(&carol, take_0, (void *)stax);
    ck_assert_int_eq(ask(&bob, any_go_oob, NULL), 0);
    ask(&bob, take_0, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)stax);
    tell_blocked(&alice, take_0, (void *)mutex);
    ask(&carol, give_0, (void *)stax);
    bob_then_alice();
    ask(&bob, give_0, (void *)stax);
    end(0);
}
END_TEST

/* --- told once, and late ------------------------------------------------------------ */

START_TEST(part2_told_once_and_that_a_signal_can_end_it)
{
    start();
    ask(&alice, take_0, (void *)semaphore);
    ask(&bob, take_1, (void *)semaphore);
    tell_blocked(&alice, take_1, (void *)semaphore);
    tell_blocked(&bob, take_0, (void *)semaphore);
    WAIT_UNTIL(told(2));
    HAS(file.text, "; a signal or an unblock can end the wait of thread %d (alice)",
        ksl_thread_id(alice.actor.thread));
    HAS(file.text, "; a signal or an unblock can end the wait of thread %d (bob)",
        ksl_thread_id(bob.actor.thread));
    ck_assert_int_eq(ksl_thread_unblock(alice.actor.thread), 1);
    (void)answer(&alice);
    alice_then_bob();
    end(1);
}
END_TEST

static int down_kicked(void *t)
{
    return any_down_kicked((type)t, 0);
}

/* Not even if a signal or an unblock could have ended the one before, which was none. */
START_TEST(part2_told_that_nothing_can_end_it)
{
    start();
    ask(&carol, take_0, (void *)semaphore);
    ck_assert_int_ne(ask(&alice, down_kicked, (void *)semaphore), 0);
    ask(&alice, take_0, (void *)mutex);
    ask(&bob, take_1, (void *)mutex);
    tell_blocked(&alice, take_1, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)mutex);
    WAIT_UNTIL(told(2));
    ck_assert_ptr_null(strstr(file.text, "can end the wait"));
    end_stuck(2);
}
END_TEST

START_TEST(part2_from_before_the_switch)
{
    report_file_new(&file);
    mutex = type_of("mutex of Stanix");
    puppet_start(&alice);
    puppet_start(&bob);
    ask(&alice, take_0, (void *)mutex);
    ask(&bob, take_1, (void *)mutex);
    tell_blocked(&alice, take_1, (void *)mutex);
    tell_blocked(&bob, take_0, (void *)mutex);
    enable();
    end_stuck(2); /* the watcher has looked */
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/deadlock");
    TCase *c = tcase_create("shares");
    tcase_add_test(c, part2_a_share_keeps_a_writer);
    tcase_add_test(c, part2_a_reader_behind_a_writer);
    tcase_add_test(c, part2_sharers_that_leave);
    suite_add_tcase(s, c);
    c = tcase_create("silent");
    tcase_add_loop_test(c, part2_a_date_is_no_deadlock, 0, 2);
    tcase_add_test(c, part2_an_event_is_no_lock);
    tcase_add_test(c, part2_nobody_holds_what_became_an_event);
    tcase_add_test(c, part2_a_stax_that_was_left);
    tcase_add_test(c, part2_told_once_and_that_a_signal_can_end_it);
    tcase_add_test(c, part2_told_that_nothing_can_end_it);
    tcase_add_test(c, part2_from_before_the_switch);
    suite_add_tcase(s, c);
    return support_run(s);
}
