/* SPDX-License-Identifier: BSD-2-Clause */

/* Interrupts and stages: what holds an interrupt back, and where it runs. */

#include "support.h"

#include <kslock/irq.h>
#include <kslock/sleepq.h>
#include <kslock/stage.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>

enum { INBAND_LOW = 1, INBAND_HIGH = 2, OOB_LOW = 3, OOB_HIGH = 4, OOB_OTHER = 5, KINDS };

struct runs {
    int count;       /* atomic */
    ksl_thread *on;  /* where it ran last */
    ksl_stage stage; /* as the handler saw it */
    int order;       /* ticket of the last run */
    int raise;       /* irq to raise on oneself in the handler, 0: none */
    int left;        /* atomic: handlers that have returned */
};

static struct runs runs[KINDS];
static int tickets; /* atomic */

static void counting(int irq, void *arg)
{
    struct runs *r = arg;
    (void)irq;
    r->on = ksl_thread_self();
    r->stage = ksl_stage_current();
    r->order = ADD(&tickets, 1);
    ADD(&r->count, 1);
    if (r->raise != 0)
        (void)ksl_irq_raise_on(ksl_thread_self(), r->raise);
    ADD(&r->left, 1);
}

static int count(int irq)
{
    return LOAD(&runs[irq].count);
}

static void raise_self(int irq)
{
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), irq), 0);
}

static void setup(void)
{
    static const int level[KINDS] = {0, 3, 11, 3, 8, 1};
    memset(runs, 0, sizeof runs);
    for (int irq = INBAND_LOW; irq < KINDS; irq++) {
        ksl_stage stage = irq <= INBAND_HIGH ? KSL_STAGE_INBAND : KSL_STAGE_OOB;
        ck_assert_int_eq(ksl_irq_request(irq, stage, level[irq], counting, &runs[irq]),
                         0);
    }
}

static void teardown(void)
{
    for (int irq = INBAND_LOW; irq < KINDS; irq++)
        (void)ksl_irq_free(irq);
}

START_TEST(stall_holds_inband_handlers_only)
{
    unsigned outer = ksl_irq_stall_inband();
    ck_assert_uint_eq(outer, 0);
    ck_assert(!ksl_irq_enabled());
    unsigned inner = ksl_irq_stall_inband();
    ck_assert_uint_ne(inner, 0);
    raise_self(INBAND_HIGH);
    raise_self(INBAND_LOW);
    raise_self(OOB_LOW);
    ck_assert_int_eq(count(INBAND_HIGH), 0);
    ck_assert_int_eq(count(OOB_LOW), 1);
    ksl_irq_restore_inband(inner);
    ck_assert_int_eq(count(INBAND_HIGH), 0);
    ksl_irq_restore_inband(outer);
    ck_assert_int_eq(count(INBAND_HIGH), 1);
    ck_assert_int_eq(count(INBAND_LOW), 1);
    ck_assert_int_lt(runs[INBAND_HIGH].order, runs[INBAND_LOW].order);
    ck_assert(ksl_irq_enabled());
}
END_TEST

START_TEST(stall_and_mask_are_independent)
{
    unsigned stall = ksl_irq_stall_inband();
    unsigned state = ksl_irq_save();
    raise_self(INBAND_LOW);
    raise_self(OOB_LOW);
    ksl_irq_restore(state);
    ck_assert_int_eq(count(OOB_LOW), 1);
    ck_assert_int_eq(count(INBAND_LOW), 0);
    ck_assert(!ksl_irq_enabled());
    state = ksl_irq_save();
    ksl_irq_restore_inband(stall);
    ck_assert_int_eq(count(INBAND_LOW), 0);
    ksl_irq_restore(state);
    ck_assert_int_eq(count(INBAND_LOW), 1);
}
END_TEST

START_TEST(a_full_mask_holds_both_stages)
{
    unsigned state = ksl_irq_save();
    raise_self(OOB_HIGH);
    raise_self(INBAND_HIGH);
    ck_assert_int_eq(count(OOB_HIGH) + count(INBAND_HIGH), 0);
    ksl_irq_restore(state);
    ck_assert_int_eq(count(OOB_HIGH), 1);
    ck_assert_int_eq(count(INBAND_HIGH), 1);
    ck_assert_int_eq(runs[OOB_HIGH].stage, KSL_STAGE_OOB);
    ck_assert_int_eq(runs[INBAND_HIGH].stage, KSL_STAGE_INBAND);
}
END_TEST

START_TEST(an_oob_handler_preempts_an_inband_one)
{
    runs[INBAND_LOW].raise = OOB_HIGH;
    raise_self(INBAND_LOW);
    ck_assert_int_eq(count(OOB_HIGH), 1);
    ck_assert_int_eq(runs[OOB_HIGH].stage, KSL_STAGE_OOB);
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_INBAND);
    ck_assert(ksl_irq_enabled());
}
END_TEST

START_TEST(what_an_oob_handler_raises_inband_runs_by_its_return)
{
    runs[OOB_LOW].raise = INBAND_HIGH;
    raise_self(OOB_LOW);
    ck_assert_int_eq(count(INBAND_HIGH), 1);
    ck_assert_int_eq(runs[INBAND_HIGH].stage, KSL_STAGE_INBAND);
}
END_TEST

START_TEST(inband_waits_for_an_oob_thread)
{
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    raise_self(INBAND_HIGH);
    raise_self(OOB_LOW);
    ck_assert_int_eq(count(INBAND_HIGH), 0);
    ck_assert_int_eq(count(OOB_LOW), 1);
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_OOB);
    unsigned state = ksl_irq_save();
    ksl_irq_restore(state); /* unmasking alone does not bring it */
    ck_assert_int_eq(count(INBAND_HIGH), 0);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    ck_assert_int_eq(count(INBAND_HIGH), 1);
}
END_TEST

/* ---- another thread ---- */

static ksl_sleep_queue_t queue;

struct sleeper {
    ksl_stage stage;
    bool masked;
    int result, after_wait, after_open, enabled_after;
};

static void sleeper(void *arg)
{
    struct sleeper *s = arg;
    (void)ksl_stage_switch(s->stage);
    unsigned state = s->masked ? ksl_irq_save() : ksl_irq_set_level(0);
    s->result = ksl_sleepq_sleep(&queue, KSL_BLOCK_UNINTERRUPTIBLE);
    s->enabled_after = ksl_irq_enabled();
    if (s->masked)
        (void)ksl_irq_raise_on(ksl_thread_self(), OOB_OTHER);
    s->after_wait = count(s->masked ? OOB_OTHER : INBAND_LOW);
    ksl_irq_restore(state);
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    s->after_open = count(s->masked ? OOB_OTHER : INBAND_LOW);
}

START_TEST(inband_waits_for_an_oob_thread_that_sleeps)
{
    struct sleeper s = {.stage = KSL_STAGE_OOB};
    struct actor a;
    actor_start(&a, sleeper, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, INBAND_LOW), 0);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, OOB_LOW), 0);
    WAIT_UNTIL(count(OOB_LOW) == 1);
    ck_assert_int_eq(count(INBAND_LOW), 0);
    ck_assert_ptr_eq(runs[OOB_LOW].on, a.thread);
    wait_asleep(a.thread);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1);
    actor_join(&a);
    ck_assert_int_eq(s.after_wait, 0);
    ck_assert_int_eq(s.after_open, 1);
    ck_assert_ptr_eq(runs[INBAND_LOW].on, a.thread);
}
END_TEST

START_TEST(a_masked_sleeper_takes_interrupts)
{
    struct sleeper s = {.masked = true, .enabled_after = 1};
    struct actor a;
    actor_start(&a, sleeper, &s);
    for (int i = 1; i <= 20; i++) {
        wait_asleep(a.thread);
        ck_assert_int_eq(ksl_irq_raise_on(a.thread, INBAND_LOW), 0);
        WAIT_UNTIL(count(INBAND_LOW) == i);
        ck_assert_ptr_eq(runs[INBAND_LOW].on, a.thread);
    }
    wait_asleep(a.thread); /* and sleeps on */
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1);
    actor_join(&a);
    ck_assert_int_eq(s.result, 0);
    ck_assert_int_eq(s.enabled_after, 0);
    ck_assert_int_eq(s.after_wait, 0);
    ck_assert_int_eq(s.after_open, 1);
}
END_TEST

struct masked {
    int in, out; /* atomic */
    int at_open;
    bool masks, goes_oob;
};

static void be_closed(void *arg)
{
    struct masked *m = arg;
    uint64_t state = 0;
    unsigned old = 0;
    if (m->goes_oob)
        (void)ksl_stage_switch(KSL_STAGE_OOB);
    if (m->masks)
        old = ksl_irq_save();
    STORE(&m->in, 1);
    while (!LOAD(&m->out) && support_keep_waiting(&state))
        ;
    if (m->masks)
        ksl_irq_restore(old);
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    m->at_open = count(INBAND_LOW);
}

/* Nobody may take it: the caller masks, the other thread masks (0) or is oob (1). */
START_TEST(a_floating_interrupt_waits_for_somebody)
{
    struct masked m = {.masks = _i == 0, .goes_oob = _i == 1};
    struct actor a;
    unsigned state = ksl_irq_save();
    actor_start(&a, be_closed, &m);
    WAIT_UNTIL(LOAD(&m.in));
    ck_assert_int_eq(ksl_irq_raise(INBAND_LOW), 0);
    ck_assert_int_eq(ksl_irq_raise(INBAND_LOW), 0);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(count(INBAND_LOW), 0);
    STORE(&m.out, 1);
    WAIT_UNTIL(count(INBAND_LOW) == 1); /* not on this thread, which still masks */
    ck_assert_ptr_eq(runs[INBAND_LOW].on, a.thread);
    actor_join(&a);
    ksl_irq_restore(state);
    ck_assert_int_eq(count(INBAND_LOW), 1);
}
END_TEST

START_TEST(a_floating_interrupt_finds_a_thread_that_is_born_later)
{
    struct masked m = {0};
    struct actor a;
    unsigned state = ksl_irq_save();
    ck_assert_int_eq(ksl_irq_raise(INBAND_LOW), 0);
    ck_assert_int_eq(count(INBAND_LOW), 0);
    actor_start(&a, be_closed, &m);
    WAIT_UNTIL(count(INBAND_LOW) == 1);
    ck_assert_ptr_eq(runs[INBAND_LOW].on, a.thread);
    STORE(&m.out, 1);
    actor_join(&a);
    ksl_irq_restore(state);
    ck_assert_int_eq(count(INBAND_LOW), 1);
}
END_TEST

START_TEST(a_floating_interrupt_takes_a_sleeper)
{
    struct sleeper s = {.masked = true};
    struct actor a;
    unsigned state = ksl_irq_save();
    actor_start(&a, sleeper, &s);
    wait_asleep(a.thread);
    ck_assert_int_eq(ksl_irq_raise(INBAND_LOW), 0);
    WAIT_UNTIL(count(INBAND_LOW) == 1);
    ck_assert_ptr_eq(runs[INBAND_LOW].on, a.thread);
    ksl_irq_restore(state);
    wait_asleep(a.thread);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1);
    actor_join(&a);
}
END_TEST

START_TEST(a_floating_interrupt_takes_the_caller)
{
    (void)ksl_thread_self();
    for (int i = 1; i <= 50; i++) {
        ck_assert_int_eq(ksl_irq_raise(INBAND_LOW), 0);
        WAIT_UNTIL(count(INBAND_LOW) == i);
        ck_assert_ptr_eq(runs[INBAND_LOW].on, ksl_thread_self());
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("irq_stage");
    TCase *tc = tcase_create("stage");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, stall_holds_inband_handlers_only);
    tcase_add_test(tc, stall_and_mask_are_independent);
    tcase_add_test(tc, a_full_mask_holds_both_stages);
    tcase_add_test(tc, an_oob_handler_preempts_an_inband_one);
    tcase_add_test(tc, what_an_oob_handler_raises_inband_runs_by_its_return);
    tcase_add_test(tc, inband_waits_for_an_oob_thread);
    tcase_add_test(tc, inband_waits_for_an_oob_thread_that_sleeps);
    tcase_add_test(tc, a_masked_sleeper_takes_interrupts);
    tcase_add_loop_test(tc, a_floating_interrupt_waits_for_somebody, 0, 2);
    tcase_add_test(tc, a_floating_interrupt_finds_a_thread_that_is_born_later);
    tcase_add_test(tc, a_floating_interrupt_takes_a_sleeper);
    tcase_add_test(tc, a_floating_interrupt_takes_the_caller);
    suite_add_tcase(s, tc);
    return support_run(s);
}
