/* SPDX-License-Identifier: BSD-2-Clause */
/* A lock that a handler takes, and a thread with that interrupt open: no interrupt ever
 * comes while the lock is held. */

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/spinlock.h>

#include "order_test.h"

enum { IRQ = 5, LEVEL = 4 };

static void take_spinlock(int irq, void *arg)
{
    (void)irq;
    ksl_spinlock_acquire(arg);
    ksl_spinlock_release(arg);
}

static void try_spinlock(int irq, void *arg)
{
    (void)irq;
    if (ksl_spinlock_try_acquire(arg))
        ksl_spinlock_release(arg);
}

static void read_rwlock(int irq, void *arg)
{
    int saved;
    (void)irq;
    ksl_rwlock_acquire_read(arg, &saved);
    ksl_rwlock_release_read(arg, &saved);
}

static void interrupt(ksl_irq_handler fn, void *arg, ksl_stage stage)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, stage, LEVEL, fn, arg), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

static void hold_open(ksl_spinlock_t *l)
{
    ksl_spinlock_raw_acquire(l);
    ksl_spinlock_raw_release(l);
}

static void hold_masked(ksl_spinlock_t *l)
{
    ksl_spinlock_acquire(l);
    ksl_spinlock_release(l);
}

START_TEST(s1_thread_first)
{
    static ksl_spinlock_t l;
    hold_open(&l);
    ASSERT_SILENT();
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    ASSERT_VIOLATED("irq-unsafe");
    ck_assert_ptr_eq(recorder_last().lock, &l);
    ASSERT_SAYS("handler of level 4");
    ASSERT_SAYS("held at level 0");
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    hold_open(&l);
    ASSERT_VIOLATED("irq-unsafe"); /* once */
}
END_TEST

START_TEST(s1_handler_first)
{
    static ksl_spinlock_t l;
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    ASSERT_SILENT();
    hold_open(&l);
    ASSERT_VIOLATED("irq-unsafe");
}
END_TEST

START_TEST(s1_taken_by_a_try_in_the_thread)
{
    static ksl_rwlock_t l;
    interrupt(read_rwlock, &l, KSL_STAGE_INBAND);
    ck_assert_int_eq(ksl_rwlock_try_acquire_write(&l, NULL), 1);
    ksl_rwlock_release_write(&l, NULL);
    ASSERT_VIOLATED("irq-unsafe");
}
END_TEST

START_TEST(s1_masked_is_silent)
{
    static ksl_spinlock_t l;
    static ksl_rwlock_t rw;
    int saved;
    hold_masked(&l);
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    hold_masked(&l);
    interrupt(read_rwlock, &rw, KSL_STAGE_INBAND);
    ksl_rwlock_acquire_write(&rw, &saved);
    ksl_rwlock_release_write(&rw, &saved);
    ASSERT_SILENT();
}
END_TEST

START_TEST(s1_a_try_in_the_handler_waits_for_nobody)
{
    static ksl_spinlock_t l;
    hold_open(&l);
    interrupt(try_spinlock, &l, KSL_STAGE_INBAND);
    ASSERT_SILENT();
}
END_TEST

static void hold_at(ksl_spinlock_t *l, unsigned level)
{
    unsigned before = ksl_irq_set_level(level);
    hold_open(l);
    (void)ksl_irq_set_level(before);
}

START_TEST(s1_level_of_the_handler_is_enough)
{
    static ksl_spinlock_t l;
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    hold_at(&l, LEVEL);
    ASSERT_SILENT();
    hold_at(&l, LEVEL - 1);
    ASSERT_VIOLATED("irq-unsafe");
    ASSERT_SAYS("held at level 3");
}
END_TEST

START_TEST(s1_opened_while_held)
{
    static ksl_spinlock_t l;
    static ksl_mutex_t later;
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    ksl_spinlock_acquire(&l);
    (void)ksl_irq_set_level(0);
    (void)ksl_mutex_try_acquire(&later); /* the next lock looks at what is held */
    ksl_mutex_release(&later);
    ksl_spinlock_raw_release(&l);
    ASSERT_VIOLATED("irq-unsafe");
}
END_TEST

START_TEST(s1_through_another_lock)
{
    static ksl_spinlock_t safe, between, unsafe;
    interrupt(take_spinlock, &safe, KSL_STAGE_INBAND);
    ksl_spinlock_acquire(&safe);
    ksl_spinlock_raw_acquire(&between);
    ksl_spinlock_raw_release(&between);
    ksl_spinlock_release(&safe);
    ksl_spinlock_acquire(&between);
    ksl_spinlock_raw_acquire(&unsafe);
    ksl_spinlock_raw_release(&unsafe);
    ksl_spinlock_release(&between);
    ASSERT_SILENT();
    hold_open(&unsafe);
    ASSERT_VIOLATED("irq-unsafe");
    ck_assert_ptr_eq(recorder_last().lock, &unsafe);
    ASSERT_SAYS("held when others wait for");
}
END_TEST

START_TEST(s1_the_edge_comes_last)
{
    static ksl_spinlock_t safe, unsafe;
    interrupt(take_spinlock, &safe, KSL_STAGE_INBAND);
    hold_open(&unsafe);
    ASSERT_SILENT();
    ksl_spinlock_acquire(&safe);
    ksl_spinlock_raw_acquire(&unsafe);
    ksl_spinlock_raw_release(&unsafe);
    ksl_spinlock_release(&safe);
    ASSERT_VIOLATED("irq-unsafe");
}
END_TEST

START_TEST(s1_the_other_way_round_is_silent)
{
    static ksl_spinlock_t safe, unsafe;
    interrupt(take_spinlock, &safe, KSL_STAGE_INBAND);
    ksl_spinlock_raw_acquire(&unsafe);
    ksl_spinlock_acquire(&safe);
    ksl_spinlock_release(&safe);
    ksl_spinlock_raw_release(&unsafe);
    ASSERT_SILENT();
}
END_TEST

START_TEST(d5_stalled_in_band)
{
    static ksl_spinlock_t l;
    interrupt(take_spinlock, &l, KSL_STAGE_INBAND);
    unsigned before = ksl_irq_stall_inband();
    hold_open(&l);
    ksl_irq_restore_inband(before);
    ASSERT_SILENT();
    interrupt(take_spinlock, &l, KSL_STAGE_OOB);
    ASSERT_VIOLATED("irq-unsafe"); /* the stall does not hold that one off */
    ASSERT_SAYS("out-of-band handler");
}
END_TEST

/* The class of a zero-filled lock ends; what comes next gets its number. */
START_TEST(s1_told_again_of_another_class)
{
    static union {
        ksl_spinlock_t spin;
        ksl_rwlock_t rw;
    } place;
    hold_open(&place.spin);
    interrupt(take_spinlock, &place.spin, KSL_STAGE_INBAND);
    ck_assert_uint_eq(recorder_count("irq-unsafe"), 1);
    ksl_rwlock_init(&place.rw);
    interrupt(read_rwlock, &place.rw, KSL_STAGE_INBAND);
    ksl_rwlock_acquire_write(&place.rw, NULL);
    ksl_rwlock_release_write(&place.rw, NULL);
    ck_assert_uint_eq(recorder_count("irq-unsafe"), 2);
    ASSERT_SAYS("rwlock");
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_irq");
    TCase *t = order_case(s, "irq-unsafe");
    tcase_add_test(t, s1_thread_first);
    tcase_add_test(t, s1_handler_first);
    tcase_add_test(t, s1_taken_by_a_try_in_the_thread);
    tcase_add_test(t, s1_masked_is_silent);
    tcase_add_test(t, s1_a_try_in_the_handler_waits_for_nobody);
    tcase_add_test(t, s1_level_of_the_handler_is_enough);
    tcase_add_test(t, s1_opened_while_held);
    tcase_add_test(t, s1_through_another_lock);
    tcase_add_test(t, s1_the_edge_comes_last);
    tcase_add_test(t, s1_the_other_way_round_is_silent);
    tcase_add_test(t, d5_stalled_in_band);
    tcase_add_test(t, s1_told_again_of_another_class);
    return s;
}

int main(void)
{
    return support_run(suite());
}
