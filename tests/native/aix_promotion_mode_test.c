/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX priority promotion: modes, events, handlers, cycles (T58, T63 to T65). */
#include "aix_promotion.h"

#include <sched.h>

enum { MANY = 6 };

static struct puppet p[MANY];
static struct owned x;
static Complex_lock c;
static tid_t event;
static struct irq_call irq;

static void setup(void)
{
    puppets_start(p, MANY);
    for (int i = 0; i < MANY; i++)
        set_urgency(&p[i], 10 + i);
    lock_alloc(&c, LOCK_ALLOC_PAGED, 2, -1);
    lock_init(&c, TRUE);
    event = EVENT_NULL;
    irq_setup(&irq);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, MANY);
    irq_teardown();
    recorder_stop();
}

static int upgrade(void *object)
{
    return lock_read_to_write((complex_lock_t)object);
}

static int downgrade(void *object)
{
    lock_write_to_read((complex_lock_t)object);
    return 0;
}

static void read_by(int first, int last)
{
    for (int i = first; i <= last; i++)
        ck_assert_int_eq(ask(&p[i], do_lock_read, &c), 0);
}

static void release(struct puppet *from)
{
    (void)ask(from, do_lock_done, &c);
}

/* ---- read holders ---- */

START_TEST(aix_T58_a_waiting_writer_promotes_no_reader)
{
    read_by(0, 1);
    set_urgency(&p[2], 50);
    set_urgency(&p[3], 60);
    tell_blocked(&p[2], do_lock_write, &c);
    tell_blocked(&p[3], do_lock_write, &c);
    ASSERT_URGENCY(&p[0], 10);
    ASSERT_URGENCY(&p[1], 11);
    release(&p[0]);
    ASSERT_URGENCY(&p[1], 11); /* the last one, too */
    still_asleep(&p[3]);
    release(&p[1]);
    assert_got(&p[3]);
    set_urgency(&p[3], 5);
    ASSERT_URGENCY(&p[3], 50); /* this one has an owner again */
    release(&p[3]);
    assert_got(&p[2]);
    ASSERT_URGENCY(&p[3], 5);
    release(&p[2]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_T58_waiting_readers_promote_the_writer)
{
    ck_assert_int_eq(ask(&p[0], do_lock_write, &c), 0);
    for (int i = 1; i < 4; i++) {
        set_urgency(&p[i], 20 * i);
        tell_blocked(&p[i], do_lock_read, &c);
        ASSERT_URGENCY(&p[0], 20 * i);
    }
    release(&p[0]);
    ASSERT_URGENCY(&p[0], 10);
    for (int i = 1; i < 4; i++) {
        assert_got(&p[i]);
        ASSERT_URGENCY(&p[i], 20 * i);
    }
    for (int i = 1; i < 4; i++)
        release(&p[i]);
}
END_TEST

/* H waits for X of M, who waits to write what R reads: the chain ends at M. */
START_TEST(aix_T58_a_chain_ends_at_readers)
{
    owned_init(&x, _i);
    read_by(0, 0);
    ck_assert_int_eq(ask(&p[1], take, &x), 0);
    tell_blocked(&p[1], do_lock_write, &c);
    set_urgency(&p[2], 70);
    tell_blocked(&p[2], take, &x);
    ASSERT_URGENCY(&p[1], 70);
    ASSERT_URGENCY(&p[0], 10);
    release(&p[0]);
    assert_got(&p[1]);
    ASSERT_URGENCY(&p[1], 70);
    release(&p[1]);
    ASSERT_URGENCY(&p[1], 70);
    (void)ask(&p[1], drop, &x);
    assert_got(&p[2]);
    ASSERT_URGENCY(&p[1], 11);
    (void)ask(&p[2], drop, &x);
}
END_TEST

/* A reader is promoted by the owner's locks that it has, not by what it reads. */
START_TEST(aix_T58_a_reader_is_promoted_through_another_lock)
{
    owned_init(&x, _i);
    read_by(0, 0);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    set_urgency(&p[1], 80);
    tell_blocked(&p[1], do_lock_write, &c);
    ASSERT_URGENCY(&p[0], 10);
    set_urgency(&p[2], 40);
    tell_blocked(&p[2], take, &x);
    ASSERT_URGENCY(&p[0], 40);
    (void)ask(&p[0], drop, &x);
    ASSERT_URGENCY(&p[0], 10);
    release(&p[0]);
    assert_got(&p[1]);
    release(&p[1]);
    assert_got(&p[2]);
    (void)ask(&p[2], drop, &x);
}
END_TEST

START_TEST(aix_T58_an_upgraded_reader_is_an_owner)
{
    read_by(0, 0);
    ck_assert_int_eq(ask(&p[0], upgrade, &c), FALSE);
    set_urgency(&p[1], 50);
    tell_blocked(&p[1], do_lock_read, &c);
    ASSERT_URGENCY(&p[0], 50);
    release(&p[0]);
    assert_got(&p[1]);
    ASSERT_URGENCY(&p[0], 10);
    release(&p[1]);
}
END_TEST

/* The upgrader waits for a reader, and promotes nobody; a writer that came later lends
 * to it as soon as it is the owner. */
START_TEST(aix_T58_an_upgrader_that_waits)
{
    read_by(0, 1);
    set_urgency(&p[0], 60);
    tell_blocked(&p[0], upgrade, &c);
    ASSERT_URGENCY(&p[1], 11);
    set_urgency(&p[2], 70);
    tell_blocked(&p[2], do_lock_write, &c);
    ASSERT_URGENCY(&p[0], 60);
    ASSERT_URGENCY(&p[1], 11);
    release(&p[1]);
    ck_assert_int_eq(answer(&p[0]), FALSE);
    ASSERT_URGENCY(&p[0], 70);
    release(&p[0]);
    assert_got(&p[2]);
    ASSERT_URGENCY(&p[0], 60);
    release(&p[2]);
}
END_TEST

/* ---- downgrade ---- */

START_TEST(aix_T63_a_downgrade_ends_the_promotion)
{
    ck_assert_int_eq(ask(&p[0], do_lock_write, &c), 0);
    set_urgency(&p[1], 40);
    set_urgency(&p[2], 60);
    tell_blocked(&p[1], do_lock_read, &c);
    tell_blocked(&p[2], do_lock_write, &c);
    ASSERT_URGENCY(&p[0], 60);
    (void)ask(&p[0], downgrade, &c);
    ASSERT_URGENCY(&p[0], 10);
    assert_got(&p[1]);
    ASSERT_URGENCY(&p[1], 40);
    still_asleep(&p[2]);
    set_urgency(&p[2], 90);
    ASSERT_URGENCY(&p[0], 10);
    ASSERT_URGENCY(&p[1], 40);
    release(&p[0]);
    release(&p[1]);
    assert_got(&p[2]);
    release(&p[2]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_T63_a_downgrade_ends_this_promotion_only)
{
    owned_init(&x, _i);
    ck_assert_int_eq(ask(&p[0], do_lock_write, &c), 0);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    set_urgency(&p[1], 60);
    tell_blocked(&p[1], do_lock_write, &c);
    set_urgency(&p[2], 40);
    tell_blocked(&p[2], take, &x);
    ASSERT_URGENCY(&p[0], 60);
    (void)ask(&p[0], downgrade, &c);
    ASSERT_URGENCY(&p[0], 40);
    (void)ask(&p[0], drop, &x);
    ASSERT_URGENCY(&p[0], 10);
    release(&p[0]);
    assert_got(&p[1]);
    assert_got(&p[2]);
    release(&p[1]);
    (void)ask(&p[2], drop, &x);
}
END_TEST

/* ---- events ---- */

/* Sleeps on the event without the lock, which it has before and after. */
static int sleep_without(void *object)
{
    struct owned *l = object;
    if (l->kind == LOCKL)
        return e_sleepl(&l->u.word, &event, EVENT_SHORT) == EVENT_SUCC ? 0 : -1;
    int flag = l->kind == SIMPLE ? LOCK_SIMPLE : LOCK_WRITE;
    return e_sleep_thread(&event, lock_of(l), flag) == THREAD_AWAKENED ? 0 : -1;
}

static int sleep_on_event(void *object)
{
    (void)object;
    return e_sleep(&event, EVENT_SHORT) == EVENT_SUCC ? 0 : -1;
}

static int wait_for_bits(void *object)
{
    (void)object;
    return et_wait(4, 4, EVENT_SHORT) == 4 ? 0 : -1;
}

/* It lends nothing while it waits for the event, and does while it waits for the lock. */
START_TEST(aix_T64_an_event_sleep_promotes_nobody)
{
    owned_init(&x, _i);
    set_urgency(&p[1], 70);
    ck_assert_int_eq(ask(&p[1], take, &x), 0);
    tell_blocked(&p[1], sleep_without, &x);
    ck_assert_int_eq(ask(&p[0], take, &x), 0);
    ASSERT_URGENCY(&p[0], 10);
    set_urgency(&p[1], 80);
    ASSERT_URGENCY(&p[0], 10);
    e_wakeup(&event);
    WAIT_UNTIL(urgency(&p[0]) == 80);
    still_asleep(&p[1]);
    (void)ask(&p[0], drop, &x);
    assert_got(&p[1]);
    ASSERT_URGENCY(&p[0], 10);
    (void)ask(&p[1], drop, &x);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* A thread that sleeps on an event is promoted itself; the chain ends there. */
START_TEST(aix_T64_a_chain_ends_at_an_event)
{
    owned_init(&x, _i % KINDS);
    ck_assert_int_eq(ask(&p[1], take, &x), 0);
    tell_blocked(&p[0], sleep_on_event, NULL);
    tell_blocked(&p[1], _i < KINDS ? sleep_on_event : wait_for_bits, NULL);
    set_urgency(&p[2], 70);
    tell_blocked(&p[2], take, &x);
    ASSERT_URGENCY(&p[1], 70);
    ASSERT_URGENCY(&p[0], 10);
    ASSERT_URGENCY(&p[3], 13);
    e_wakeup(&event);
    et_post(4, tid_of(&p[1]));
    assert_got(&p[0]);
    assert_got(&p[1]);
    ASSERT_URGENCY(&p[1], 70);
    (void)ask(&p[1], drop, &x);
    ASSERT_URGENCY(&p[1], 11);
    assert_got(&p[2]);
    (void)ask(&p[2], drop, &x);
}
END_TEST

/* ---- handlers ---- */

static int lock_disabled(void *object)
{
    return disable_lock(INTMAX, (simple_lock_t)object);
}

static int unlock_to_base(void *object)
{
    unlock_enable(INTBASE, (simple_lock_t)object);
    return 0;
}

static int both_in_handler(void *object)
{
    int before = disable_lock(INTMAX, (simple_lock_t)object);
    unlock_enable(before, (simple_lock_t)object);
    return before;
}

/* The interrupted thread is the most urgent one; its handler lends nothing. */
START_TEST(aix_T65_a_handler_that_spins_promotes_nobody)
{
    owned_init(&x, SIMPLE);
    simple_lock_t l = &x.u.simple;
    set_urgency(&p[1], 90);
    irq.call = both_in_handler;
    irq.object = l;
    irq.result = -1;
    ck_assert_int_eq(ask(&p[0], lock_disabled, l), INTBASE);
    int before = LOAD(&irq.runs);
    ck_assert_int_eq(ksl_irq_raise_on(p[1].actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&irq.entered) == before + 1);
    for (int i = 0; i < 3000; i++) {
        ASSERT_URGENCY(&p[0], 10);
        (void)sched_yield();
    }
    ASSERT_URGENCY(&p[1], 90);
    ck_assert_int_eq(LOAD(&irq.runs), before);
    (void)ask(&p[0], unlock_to_base, l);
    ASSERT_URGENCY(&p[0], 10);
    WAIT_UNTIL(LOAD(&irq.runs) == before + 1);
    ck_assert_int_eq(irq.result, TEST_IRQ_PRIORITY);
    ck_assert_ptr_eq(irq.on, p[1].actor.thread);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* ---- cycles ---- */

/*
 * Both wait for the other one for ever, and end with the process. An arrival lends to
 * each of them once; nothing hangs.
 */
static struct puppet stuck[2];
static struct owned crossed[2];

START_TEST(aix_T59_a_cycle_of_waiters_ends_the_lending)
{
    for (int i = 0; i < 2; i++) {
        owned_init(&crossed[i], LOCKL);
        puppet_start(&stuck[i]);
        set_urgency(&stuck[i], 20 + 10 * i);
        ck_assert_int_eq(ask(&stuck[i], take, &crossed[i]), 0);
    }
    tell_blocked(&stuck[0], take, &crossed[1]);
    tell_blocked(&stuck[1], take, &crossed[0]);
    ASSERT_URGENCY(&stuck[0], 30);
    ASSERT_URGENCY(&stuck[1], 30);
    set_urgency(&p[0], 60);
    tell_blocked(&p[0], do_lockl_sigret, &crossed[0].u.word);
    ASSERT_URGENCY(&stuck[0], 60);
    ASSERT_URGENCY(&stuck[1], 60);
    set_urgency(&stuck[1], 70);
    ASSERT_URGENCY(&stuck[0], 70);
    set_urgency(&p[0], 80);
    ASSERT_URGENCY(&stuck[0], 80);
    ASSERT_URGENCY(&stuck[1], 80);
    post_signal(&p[0], 10);
    ck_assert_int_eq(answer(&p[0]), LOCK_SIG);
    still_asleep(&stuck[0]);
    still_asleep(&stuck[1]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aix_promotion_mode");
    TCase *tc = tcase_create("modes");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_T58_a_waiting_writer_promotes_no_reader);
    tcase_add_test(tc, aix_T58_waiting_readers_promote_the_writer);
    tcase_add_loop_test(tc, aix_T58_a_chain_ends_at_readers, 0, KINDS);
    tcase_add_loop_test(tc, aix_T58_a_reader_is_promoted_through_another_lock, 0, KINDS);
    tcase_add_test(tc, aix_T58_an_upgraded_reader_is_an_owner);
    tcase_add_test(tc, aix_T58_an_upgrader_that_waits);
    tcase_add_test(tc, aix_T63_a_downgrade_ends_the_promotion);
    tcase_add_loop_test(tc, aix_T63_a_downgrade_ends_this_promotion_only, 0, KINDS);
    tcase_add_loop_test(tc, aix_T64_an_event_sleep_promotes_nobody, 0, KINDS);
    tcase_add_loop_test(tc, aix_T64_a_chain_ends_at_an_event, 0, 2 * KINDS);
    tcase_add_test(tc, aix_T65_a_handler_that_spins_promotes_nobody);
    tcase_add_test(tc, aix_T59_a_cycle_of_waiters_ends_the_lending);
    suite_add_tcase(s, tc);
    return support_run(s);
}
