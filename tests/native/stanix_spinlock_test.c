/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix spinlock: statements S1 to S7; S8 is in stanix_profile3_test.c. */
#include <kernel/asm.h>
#include <kernel/spinlock.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5 };

struct probe {
    spinlock_t *lock;
    int got;
};

static void probe_try(void *arg)
{
    struct probe *p = arg;
    p->got = ksl_spinlock_try_acquire(p->lock);
    if (p->got)
        spinlock_release(p->lock);
}

static int others_may_enter(spinlock_t *lock)
{
    struct probe p = {.lock = lock};
    actor_run(probe_try, &p);
    return p.got;
}

static void count_irq(int irq, void *arg)
{
    (void)irq;
    ADD((int *)arg, 1);
}

static void request(ksl_irq_handler fn, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, fn, arg), 0);
}

/* It is held and interrupts are masked, until it is released. */
static void check_held_once(spinlock_t *lock)
{
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert(!others_may_enter(lock));
    spinlock_release(lock);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert(others_may_enter(lock));
}

START_TEST(S1_acquire_masks_and_release_restores_open)
{
    spinlock_t lock;
    memset(&lock, 0, sizeof lock);
    ck_assert_int_ne(have_interrupt(), 0);
    spinlock_acquire(&lock);
    check_held_once(&lock);
}
END_TEST

START_TEST(S1_release_restores_masked)
{
    spinlock_t lock = {0};
    disable_interrupt();
    spinlock_acquire(&lock);
    ck_assert_int_eq(have_interrupt(), 0);
    spinlock_release(&lock);
    ck_assert_int_eq(have_interrupt(), 0);
    enable_interrupt();
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(S1_release_restores_the_level)
{
    spinlock_t lock = {0};
    ksl_irq_set_level(4);
    spinlock_acquire(&lock);
    spinlock_release(&lock);
    ck_assert_uint_eq(ksl_irq_set_level(0), 4);
}
END_TEST

START_TEST(S2_raw_release_frees_and_leaves_interrupts_masked)
{
    spinlock_t lock = {0};
    spinlock_acquire(&lock);
    spinlock_raw_release(&lock);
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert(others_may_enter(&lock));
    enable_interrupt();
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

struct contest {
    spinlock_t lock;
    int rounds;
    bool contender_open;
    int held;
    int coming;
    int done;
    int bad;
};

static void contend(void *arg)
{
    struct contest *c = arg;
    if (!c->contender_open)
        disable_interrupt();
    for (int r = 1; r <= c->rounds; r++) {
        WORKER_WAIT(LOAD(&c->held) == r);
        STORE(&c->coming, r);
        spinlock_acquire(&c->lock);
        if (have_interrupt())
            ADD(&c->bad, 1);
        spinlock_release(&c->lock);
        if ((have_interrupt() != 0) != c->contender_open)
            ADD(&c->bad, 1);
        STORE(&c->done, r);
    }
    enable_interrupt();
}

static void run_contest(bool holder_open)
{
    struct contest c = {.rounds = 200, .contender_open = !holder_open};
    struct actor a;
    actor_start(&a, contend, &c);
    if (!holder_open)
        disable_interrupt();
    for (int r = 1; r <= c.rounds; r++) {
        spinlock_acquire(&c.lock);
        STORE(&c.held, r);
        WAIT_UNTIL(LOAD(&c.coming) == r);
        for (int i = 0; i < 20; i++)
            sched_yield();
        spinlock_release(&c.lock);
        ck_assert_int_eq(have_interrupt() != 0, holder_open);
        WAIT_UNTIL(LOAD(&c.done) == r);
    }
    enable_interrupt();
    actor_join(&a);
    ck_assert_int_eq(LOAD(&c.bad), 0);
}

START_TEST(S3_T1_contender_with_open_interrupts_does_not_open_the_holder)
{
    run_contest(false);
}
END_TEST

START_TEST(S3_T1_masked_contender_does_not_mask_the_holder)
{
    run_contest(true);
}
END_TEST

START_TEST(S4_nested_reverse_order_restores_at_the_end)
{
    spinlock_t outer = {0}, inner = {0};
    spinlock_acquire(&outer);
    spinlock_acquire(&inner);
    spinlock_release(&inner);
    ck_assert_int_eq(have_interrupt(), 0);
    spinlock_release(&outer);
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(S4_forward_order_opens_interrupts_while_the_inner_is_held)
{
    spinlock_t outer = {0}, inner = {0};
    spinlock_acquire(&outer);
    spinlock_acquire(&inner);
    spinlock_release(&outer);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert(ksl_spinlock_held(&inner));
    spinlock_release(&inner);
    ck_assert_int_eq(have_interrupt(), 0); /* what the inner acquire found */
    enable_interrupt();
}
END_TEST

START_TEST(S5_interrupt_of_the_holder_waits_for_the_restoring_release)
{
    spinlock_t outer = {0}, inner = {0};
    int ran = 0;
    request(count_irq, &ran);
    spinlock_acquire(&outer);
    spinlock_acquire(&inner);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&ran), 0);
    spinlock_release(&inner);
    ck_assert_int_eq(LOAD(&ran), 0);
    spinlock_release(&outer);
    ck_assert_int_eq(LOAD(&ran), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(LOAD(&ran), 1);
}
END_TEST

static void raise_on(void *arg)
{
    (void)ksl_irq_raise_on(arg, IRQ);
}

START_TEST(S2_S5_raw_release_keeps_the_interrupt_waiting)
{
    spinlock_t lock = {0};
    int ran = 0;
    request(count_irq, &ran);
    spinlock_acquire(&lock);
    actor_run(raise_on, ksl_thread_self());
    spinlock_raw_release(&lock);
    ck_assert_int_eq(LOAD(&ran), 0);
    enable_interrupt();
    WAIT_UNTIL(LOAD(&ran) == 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(LOAD(&ran), 1);
}
END_TEST

struct handler_use {
    spinlock_t lock;
    int entered;
    int inside;
    int held_here;
    int freed;
};

static void take_in_handler(int irq, void *arg)
{
    struct handler_use *u = arg;
    (void)irq;
    STORE(&u->entered, 1);
    spinlock_acquire(&u->lock);
    STORE(&u->held_here, ksl_spinlock_held(&u->lock) && LOAD(&u->freed));
    spinlock_release(&u->lock);
    STORE(&u->inside, ksl_irq_in_handler());
}

static void hold_until_handler_waits(void *arg)
{
    struct handler_use *u = arg;
    spinlock_acquire(&u->lock);
    STORE(&u->inside, 2);
    WORKER_WAIT(LOAD(&u->entered));
    STORE(&u->freed, 1);
    spinlock_release(&u->lock);
}

START_TEST(S6_a_handler_may_take_the_lock_and_waits_for_another_thread)
{
    struct handler_use u = {.inside = 0};
    struct actor a;
    recorder_start();
    request(take_in_handler, &u);
    actor_start(&a, hold_until_handler_waits, &u);
    WAIT_UNTIL(LOAD(&u.inside) == 2);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&u.inside), 1);
    ck_assert_int_eq(LOAD(&u.held_here), 1);
    ck_assert_int_ne(have_interrupt(), 0);
    actor_join(&a);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(S7_second_acquire_by_the_holder_is_recursion)
{
    spinlock_t lock = {0};
    recorder_start();
    spinlock_acquire(&lock);
    spinlock_acquire(&lock);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &lock);
    ck_assert_ptr_eq(recorder_last().thread, ksl_thread_self());
    check_held_once(&lock);
}
END_TEST

START_TEST(release_of_a_free_spinlock_is_not_locked)
{
    spinlock_t lock = {0};
    recorder_start();
    disable_interrupt();
    spinlock_release(&lock);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_eq(have_interrupt(), 0);
    enable_interrupt();
    recorder_start();
    spinlock_raw_release(&lock);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert(others_may_enter(&lock));
}
END_TEST

static void release_it(void *arg)
{
    spinlock_release(arg);
}

static void raw_release_it(void *arg)
{
    spinlock_raw_release(arg);
}

START_TEST(release_by_another_thread_is_not_owner)
{
    spinlock_t lock = {0};
    spinlock_acquire(&lock);
    recorder_start();
    actor_run(release_it, &lock);
    ASSERT_VIOLATED("not-owner");
    recorder_start();
    actor_run(raw_release_it, &lock);
    ASSERT_VIOLATED("not-owner");
    ck_assert(ksl_spinlock_held(&lock));
    ck_assert(!others_may_enter(&lock));
    spinlock_release(&lock);
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(errno_is_preserved)
{
    spinlock_t lock = {0};
    errno = 77;
    spinlock_acquire(&lock);
    spinlock_release(&lock);
    spinlock_acquire(&lock);
    spinlock_raw_release(&lock);
    enable_interrupt();
    ck_assert_int_eq(errno, 77);
    recorder_start();
    errno = 78;
    spinlock_release(&lock);
    ck_assert_int_eq(errno, 78);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix spinlock");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, S1_acquire_masks_and_release_restores_open);
    tcase_add_test(tc, S1_release_restores_masked);
    tcase_add_test(tc, S1_release_restores_the_level);
    tcase_add_test(tc, S2_raw_release_frees_and_leaves_interrupts_masked);
    tcase_add_test(tc, S3_T1_contender_with_open_interrupts_does_not_open_the_holder);
    tcase_add_test(tc, S3_T1_masked_contender_does_not_mask_the_holder);
    tcase_add_test(tc, S4_nested_reverse_order_restores_at_the_end);
    tcase_add_test(tc, S4_forward_order_opens_interrupts_while_the_inner_is_held);
    tcase_add_test(tc, S5_interrupt_of_the_holder_waits_for_the_restoring_release);
    tcase_add_test(tc, S2_S5_raw_release_keeps_the_interrupt_waiting);
    tcase_add_test(tc, S6_a_handler_may_take_the_lock_and_waits_for_another_thread);
    suite_add_tcase(s, tc);
    tc = tcase_create("misuse");
    tcase_add_test(tc, S7_second_acquire_by_the_holder_is_recursion);
    tcase_add_test(tc, release_of_a_free_spinlock_is_not_locked);
    tcase_add_test(tc, release_by_another_thread_is_not_owner);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
