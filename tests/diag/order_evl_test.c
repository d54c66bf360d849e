/* SPDX-License-Identifier: BSD-2-Clause */
/* The order checker with stax and semaphores: what closes a circle, and what does not. */

#include <evl/flag.h>
#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>

#include <kslock/irq.h>
#include <kslock/spinlock.h>

#include "order_test.h"

#include <stdio.h>

static struct evl_stax gate, gate2;
static struct evl_ksem sem, sem2;
static DEFINE_EVL_KMUTEX(kmutex);
static ksl_spinlock_t spinlock;

enum { IRQ = 9 };

static void fresh(void)
{
    ck_assert_int_eq(evl_init_stax(&gate), 0);
    ck_assert_int_eq(evl_init_stax(&gate2), 0);
    evl_init_ksem(&sem, 1);
    __asm__ volatile("# the first" ::: "memory"); /* another place, another class */
    evl_init_ksem(&sem2, 1);
    evl_init_kmutex(&kmutex);
}

static void go(ksl_stage stage)
{
    ck_assert_int_eq(ksl_stage_switch(stage), 0);
}

/* --- stax --------------------------------------------------------------------------- */

static void kmutex_in_gate(void)
{
    ck_assert_int_eq(evl_lock_stax(&gate), 0);
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    evl_unlock_kmutex(&kmutex);
    evl_unlock_stax(&gate);
}

static void gate_in_kmutex(void)
{
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    ck_assert_int_eq(evl_lock_stax(&gate), 0);
    evl_unlock_stax(&gate);
    evl_unlock_kmutex(&kmutex);
}

/* Inside on one stage, waiting for a lock that the other stage has while it waits. */
START_TEST(x1_two_stages_two_orders)
{
    char address[64];
    fresh();
    go(_i == 0 ? KSL_STAGE_OOB : KSL_STAGE_INBAND);
    kmutex_in_gate();
    ASSERT_SILENT();
    go(_i == 0 ? KSL_STAGE_INBAND : KSL_STAGE_OOB);
    gate_in_kmutex();
    go(KSL_STAGE_INBAND);
    ck_assert_uint_eq(recorder_count("order"), 1);
    ck_assert_ptr_eq(recorder_last().lock, &gate);
    ASSERT_SAYS(_i == 0 ? "with the out-of-band stage inside"
                        : "with the in-band stage inside");
    (void)snprintf(address, sizeof address, "stax %p", (void *)&gate);
    ASSERT_SAYS(address);
    ASSERT_SAYS("kernel mutex");
}
END_TEST

/* Threads of one stage do not keep each other out. */
START_TEST(x1_one_stage_two_orders)
{
    fresh();
    go(KSL_STAGE_OOB);
    kmutex_in_gate();
    gate_in_kmutex();
    go(KSL_STAGE_INBAND);
    ASSERT_SILENT();
}
END_TEST

START_TEST(x1_two_gates)
{
    fresh();
    ck_assert_int_eq(evl_lock_stax(&gate), 0);
    ck_assert_int_eq(evl_lock_stax(&gate2), 0);
    evl_unlock_stax(&gate2);
    evl_unlock_stax(&gate);
    go(KSL_STAGE_OOB);
    ck_assert_int_eq(evl_lock_stax(&gate), 0);
    ck_assert_int_eq(evl_lock_stax(&gate2), 0); /* the same order */
    evl_unlock_stax(&gate2);
    evl_unlock_stax(&gate);
    ASSERT_SILENT();
    ck_assert_int_eq(evl_lock_stax(&gate2), 0);
    ck_assert_int_eq(evl_lock_stax(&gate), 0);
    evl_unlock_stax(&gate);
    evl_unlock_stax(&gate2);
    go(KSL_STAGE_INBAND);
    ASSERT_VIOLATED("order");
}
END_TEST

START_TEST(x5_a_try_teaches_nothing)
{
    fresh();
    go(KSL_STAGE_OOB);
    kmutex_in_gate();
    go(KSL_STAGE_INBAND);
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    ck_assert_int_eq(evl_trylock_stax(&gate), 0);
    evl_unlock_stax(&gate);
    evl_unlock_kmutex(&kmutex);
    ASSERT_SILENT();
}
END_TEST

START_TEST(x17_another_stax_at_the_address)
{
    fresh();
    go(KSL_STAGE_OOB);
    kmutex_in_gate();
    ck_assert_int_eq(evl_destroy_stax(&gate), 0);
    ck_assert_int_eq(evl_init_stax(&gate), 0);
    go(KSL_STAGE_INBAND);
    gate_in_kmutex();
    ASSERT_SILENT();
}
END_TEST

/* --- semaphores --------------------------------------------------------------------- */

static void two(struct evl_ksem *outer, struct evl_ksem *inner)
{
    ck_assert_int_eq(evl_down(outer), 0);
    ck_assert_int_eq(evl_down(inner), 0);
    evl_up(inner);
    evl_up(outer);
}

static void kmutex_in_sem(void)
{
    ck_assert_int_eq(evl_down(&sem), 0);
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    evl_unlock_kmutex(&kmutex);
    evl_up(&sem);
}

static void sem_in_kmutex(void)
{
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    ck_assert_int_eq(evl_down(&sem), 0);
    evl_up(&sem);
    evl_unlock_kmutex(&kmutex);
}

START_TEST(k1_semaphores_as_locks)
{
    fresh();
    go(KSL_STAGE_OOB);
    two(&sem, &sem2);
    ASSERT_SILENT();
    two(&sem2, &sem);
    go(KSL_STAGE_INBAND);
    ASSERT_VIOLATED("order");
    ck_assert_ptr_eq(recorder_last().lock, &sem);
}
END_TEST

/* Who began without the library is a lock as soon as somebody gives back what he took. */
START_TEST(k1_a_static_one_as_a_lock)
{
    static DEFINE_EVL_KSEM(still, 1);
    fresh();
    go(KSL_STAGE_OOB);
    ck_assert_int_eq(evl_down_timeout(&still, 1), 0); /* no inlined path */
    evl_up(&still);
    two(&still, &sem);
    ASSERT_SILENT();
    two(&sem, &still);
    go(KSL_STAGE_INBAND);
    ASSERT_VIOLATED("order");
    ck_assert_ptr_eq(recorder_last().lock, &still);
}
END_TEST

static void give(void *arg)
{
    evl_up(arg);
}

static void give_in_handler(int irq, void *arg)
{
    (void)irq;
    evl_up(arg);
}

static void from_thread(struct evl_ksem *s)
{
    struct actor other;
    actor_start(&other, give, s);
    actor_join(&other);
}

static void from_handler(struct evl_ksem *s)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_OOB, 5, give_in_handler, s), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

static void from_itself_twice(struct evl_ksem *s)
{
    evl_up(s);
    evl_up(s);
    ck_assert_int_eq(evl_trydown(s), 0);
}

static void by_broadcast(struct evl_ksem *s)
{
    evl_broadcast(s);
    evl_up(s);
}

static void (*const gives[])(struct evl_ksem *s) = {from_thread, from_handler,
                                                    from_itself_twice, by_broadcast};
enum { GIVES = sizeof gives / sizeof gives[0] };

static int wrong; /* atomic */

static void both_orders(void *arg)
{
    (void)arg;
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    for (int i = 0; i < 2; i++) {
        ADD(&wrong, evl_lock_kmutex(&kmutex) != 0);
        ADD(&wrong, evl_down(&sem) != 0);
        evl_up(&sem);
        evl_unlock_kmutex(&kmutex);
        ADD(&wrong, evl_down(&sem) != 0);
        ADD(&wrong, evl_lock_kmutex(&kmutex) != 0);
        evl_unlock_kmutex(&kmutex);
        evl_up(&sem);
    }
}

/* An event has no order, whatever was taken for one before. */
START_TEST(k6_an_event_is_no_lock)
{
    fresh();
    go(KSL_STAGE_OOB);
    ck_assert_int_eq(evl_down(&sem), 0);
    ck_assert_int_eq(evl_lock_kmutex(&kmutex), 0);
    evl_unlock_kmutex(&kmutex);
    gives[_i](&sem);
    struct actor other; /* who has taken nothing before */
    actor_start(&other, both_orders, NULL);
    actor_join(&other);
    sem_in_kmutex();
    go(KSL_STAGE_INBAND);
    ck_assert_int_eq(LOAD(&wrong), 0);
    ASSERT_SILENT();
}
END_TEST

/* The same without the proof. */
START_TEST(k6_the_same_as_a_lock)
{
    fresh();
    go(KSL_STAGE_OOB);
    kmutex_in_sem();
    sem_in_kmutex();
    go(KSL_STAGE_INBAND);
    ASSERT_VIOLATED("order");
}
END_TEST

START_TEST(k1_units_from_nowhere)
{
    fresh();
    evl_init_ksem(&sem, _i == 0 ? 0 : 2);
    evl_up(&sem);
    go(KSL_STAGE_OOB);
    kmutex_in_sem();
    sem_in_kmutex();
    go(KSL_STAGE_INBAND);
    ASSERT_SILENT();
    ck_assert_int_eq(evl_trydown(&sem), 0);
    for (int i = 0; _i != 0 && i < 2; i++)
        ck_assert_int_eq(evl_trydown(&sem), 0);
    ck_assert_int_eq(evl_trydown(&sem), -EAGAIN);
}
END_TEST

/* The value is what it would be without the checker. */
START_TEST(k1_the_value_stays)
{
    fresh();
    for (int i = 0; i < 3; i++)
        evl_up(&sem);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(evl_trydown(&sem), 0);
    ck_assert_int_eq(evl_trydown(&sem), -EAGAIN);
    ASSERT_SILENT();
}
END_TEST

/* --- sleepable ---------------------------------------------------------------------- */

static int by_down(void)
{
    return evl_down(&sem);
}

static int by_date(void)
{
    return evl_down_timeout(&sem, 1);
}

static int by_flag(void)
{
    static DEFINE_EVL_FLAG(flag);
    return evl_wait_flag_timeout(&flag, 1, EVL_ABS);
}

static int by_sleep(void)
{
    return evl_sleep(1);
}

static int by_stax(void)
{
    return evl_lock_stax(&gate);
}

static int by_kmutex(void)
{
    return evl_lock_kmutex(&kmutex);
}

static int (*const waits[])(void) = {by_down,  by_date, by_flag,
                                     by_sleep, by_stax, by_kmutex};
enum { WAITS = sizeof waits / sizeof waits[0] };

START_TEST(evl_waits_under_a_spinlock)
{
    char address[64];
    fresh();
    go(KSL_STAGE_OOB);
    ksl_spinlock_raw_acquire(&spinlock);
    (void)waits[_i]();
    ksl_spinlock_raw_release(&spinlock);
    ASSERT_VIOLATED("sleepable");
    (void)snprintf(address, sizeof address, "spinlock %p", (void *)&spinlock);
    ASSERT_SAYS(address);
}
END_TEST

START_TEST(evl_waits_without)
{
    fresh();
    go(KSL_STAGE_OOB);
    ksl_spinlock_raw_acquire(&spinlock);
    ksl_spinlock_raw_release(&spinlock);
    (void)waits[_i]();
    ASSERT_SILENT();
}
END_TEST

/* In-band a unit is taken or not; nothing waits. */
START_TEST(k13_a_down_that_cannot_wait)
{
    fresh();
    ksl_spinlock_raw_acquire(&spinlock);
    ck_assert_int_eq(evl_down(&sem), 0);
    evl_up(&sem);
    ck_assert_int_eq(evl_trydown(&sem), 0);
    evl_up(&sem);
    ksl_spinlock_raw_release(&spinlock);
    ASSERT_SILENT();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_evl");
    TCase *t = order_case(s, "stax");
    tcase_add_loop_test(t, x1_two_stages_two_orders, 0, 2);
    tcase_add_test(t, x1_one_stage_two_orders);
    tcase_add_test(t, x1_two_gates);
    tcase_add_test(t, x5_a_try_teaches_nothing);
    tcase_add_test(t, x17_another_stax_at_the_address);
    t = order_case(s, "semaphore");
    tcase_add_test(t, k1_semaphores_as_locks);
    tcase_add_test(t, k1_a_static_one_as_a_lock);
    tcase_add_loop_test(t, k6_an_event_is_no_lock, 0, GIVES);
    tcase_add_test(t, k6_the_same_as_a_lock);
    tcase_add_loop_test(t, k1_units_from_nowhere, 0, 2);
    tcase_add_test(t, k1_the_value_stays);
    t = order_case(s, "sleepable");
    tcase_add_loop_test(t, evl_waits_under_a_spinlock, 0, WAITS);
    tcase_add_loop_test(t, evl_waits_without, 0, WAITS);
    tcase_add_test(t, k13_a_down_that_cannot_wait);
    return s;
}

int main(void)
{
    return support_run(suite());
}
