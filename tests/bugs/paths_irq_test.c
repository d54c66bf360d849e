/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt timers, and the end of an interrupt that somebody is just about to take. */

#include "bugs.h"

#include "thread/irq_table.h"

#include <sched.h>
#include <string.h>

enum { TIMED = 23, REFERENCE = 24, IRQ = 26, MS = 1000000 };

static int ticks[2];             /* atomic */
static int is_due, timer_may_go; /* atomic */

static void tick(int irq, void *arg)
{
    (void)arg;
    ADD(&ticks[irq - TIMED], 1);
}

static void request_timed(void)
{
    ck_assert_int_eq(ksl_irq_request(TIMED, KSL_STAGE_INBAND, 4, tick, NULL), 0);
}

/* The thread of the timers makes n turns and more. */
static void let_pass(int n)
{
    int from = LOAD(&ticks[1]);
    ck_assert_int_eq(ksl_irq_request(REFERENCE, KSL_STAGE_INBAND, 4, tick, NULL), 0);
    ck_assert_int_eq(ksl_irq_timer(REFERENCE, 2 * MS, 2 * MS), 0);
    WAIT_UNTIL(LOAD(&ticks[1]) >= from + n);
    ck_assert_int_eq(ksl_irq_free(REFERENCE), 0);
}

START_TEST(path_a_timer_ticks_until_its_interrupt_is_freed)
{
    request_timed();
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, MS), 0);
    WAIT_UNTIL(LOAD(&ticks[0]) >= 3);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
    int before = LOAD(&ticks[0]);
    request_timed();
    let_pass(4);
    ck_assert_int_eq(LOAD(&ticks[0]), before);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
}
END_TEST

/* Where the thread of the timers has let go of its table too early. */
static void stop_timer(const char *where)
{
    if (strcmp(where, "timer: due") != 0 || LOAD(&is_due) != 0)
        return;
    STORE(&is_due, 1);
    while (LOAD(&timer_may_go) == 0)
        sched_yield();
}

START_TEST(path_what_was_due_is_not_raised_after_a_timer_was_stopped)
{
    STORE(&ksi_point_hook, stop_timer);
    request_timed();
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, 0), 0);
    WAIT_UNTIL(LOAD(&is_due) != 0 || LOAD(&ticks[0]) != 0);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
    int before = LOAD(&ticks[0]);
    request_timed();
    STORE(&timer_may_go, 1);
    let_pass(2);
    ck_assert_int_eq(LOAD(&ticks[0]), before);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
}
END_TEST

static ksl_thread *chooser;
static int old_runs, new_runs; /* atomic */

static void old_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&old_runs, 1);
}

static void new_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&new_runs, 1);
}

static int to_level(void *level)
{
    return (int)ksl_irq_set_level(*(unsigned *)level);
}

/* The number serves another device, which the chooser does not let through. */
static int free_and_use_again(void *unused)
{
    (void)unused;
    int error = ksl_irq_free(IRQ);
    if (error == 0)
        error = ksl_irq_request(IRQ, KSL_STAGE_INBAND, 1, new_handler, NULL);
    return error == 0 ? ksl_irq_raise_on(chooser, IRQ) : error;
}

/*
 * A thread has chosen an interrupt and not yet taken it; another one frees it meanwhile.
 * It does not get that far before the first one goes on; that is given a while to show.
 */
START_TEST(path_free_waits_for_who_has_chosen_the_interrupt)
{
    unsigned three = 3, zero = 0;
    struct puppet p[2];
    puppets_start(p, 2);
    chooser = p[0].actor.thread;
    ck_assert_int_eq(ask(&p[0], to_level, &three), 0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 4, old_handler, NULL), 0);
    bug_stop(0, "irq: chosen", &p[0]);
    ck_assert_int_eq(ksl_irq_raise_on(chooser, IRQ), 0);
    bug_await_stop(0);
    tell(&p[1], free_and_use_again, NULL);
    WAIT_UNTIL(ksi_load(&ksi_irq_slots[IRQ].fn) != old_handler);
    uint64_t until = support_now_ns() + 100 * MS;
    while (!done(&p[1]) && support_now_ns() < until)
        sched_yield();
    bug_go(0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[0], take_signals, NULL), 0); /* out of the dispatcher */
    ck_assert_int_eq(LOAD(&new_runs), 0);
    ck_assert_int_eq(LOAD(&old_runs), 0);
    ck_assert_int_eq(ask(&p[0], to_level, &zero), 3);
    WAIT_UNTIL(LOAD(&new_runs) == 1);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    puppets_end(p, 2);
}
END_TEST

void add_paths_of_irq(void)
{
    BUG(path_a_timer_ticks_until_its_interrupt_is_freed);
    BUG(path_what_was_due_is_not_raised_after_a_timer_was_stopped);
    BUG(path_free_waits_for_who_has_chosen_the_interrupt);
}
