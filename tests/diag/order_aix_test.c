/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of AIX: aix.md T18, T20, T25, T70 to T73, and the order of its locks. */

#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

#include <sys/intr.h>

#include "order_test.h"

static void nest_simple(simple_lock_t outer, simple_lock_t inner)
{
    simple_lock(outer);
    simple_lock(inner);
    simple_unlock(inner);
    simple_unlock(outer);
}

START_TEST(order_of_simple_and_complex_locks)
{
    static Simple_lock s;
    static Complex_lock c;
    simple_lock(&s);
    lock_read(&c);
    lock_done(&c);
    simple_unlock(&s);
    ASSERT_SILENT();
    lock_write(&c);
    simple_lock(&s);
    ASSERT_VIOLATED("order");
    ck_assert_ptr_eq(recorder_last().lock, &s);
    simple_unlock(&s);
    lock_done(&c);
}
END_TEST

START_TEST(order_of_lockl_and_a_chain)
{
    static lock_t words[3];
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(lockl(&words[i], LOCK_SHORT), LOCK_SUCC);
        if (i + 1 < 3)
            ck_assert_int_eq(lockl(&words[i + 1], LOCK_SHORT), LOCK_SUCC);
        if (i + 1 < 3)
            unlockl(&words[i + 1]);
        unlockl(&words[i]);
    }
    ck_assert_int_eq(lockl(&words[2], LOCK_SHORT), LOCK_SUCC);
    ck_assert_int_eq(lockl(&words[0], LOCK_NDELAY), LOCK_SUCC); /* waits for nobody */
    unlockl(&words[0]);
    ASSERT_SILENT();
    ck_assert_int_eq(lockl(&words[0], LOCK_SHORT), LOCK_SUCC);
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("a cycle of 3 classes");
    ck_assert_int_eq(lockl(&words[2], LOCK_SHORT), LOCK_NEST);
    unlockl(&words[0]);
    unlockl(&words[2]);
    ASSERT_VIOLATED("order");
}
END_TEST

START_TEST(class_and_occurrence)
{
    static Simple_lock a1, a2, b;
    lock_alloc(&a1, LOCK_ALLOC_PIN, 7, 1);
    lock_alloc(&a2, LOCK_ALLOC_PIN, 7, 1);
    lock_alloc(&b, LOCK_ALLOC_PIN, 8, -1);
    simple_lock_init(&a1);
    simple_lock_init(&a2);
    simple_lock_init(&b);
    nest_simple(&a1, &b);
    ASSERT_SILENT();
    nest_simple(&b, &a2);
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("of class 7, occurrence 1");
    nest_simple(&a1, &a2);
    ck_assert_uint_eq(recorder_count("duplicate"), 1);
    lock_free(&a1);
    lock_free(&a2);
    lock_free(&b);
}
END_TEST

START_TEST(classes_of_one_address_end_with_the_lock)
{
    static Simple_lock anchor, many[8];
    for (int i = 0; i < 200; i++) {
        simple_lock_t m = &many[i % 8];
        if (i / 8 % 2 == 0)
            nest_simple(&anchor, m);
        else
            nest_simple(m, &anchor);
        lock_free(m);
    }
    ASSERT_SILENT();
    nest_simple(&anchor, &many[0]);
    nest_simple(&many[0], &anchor);
    ASSERT_VIOLATED("order");
}
END_TEST

/* Their memory may be another one, without an init call. */
START_TEST(a_disabled_read_write_lock_ends_with_its_free_call)
{
    static Simple_lock s;
    static Drw_lock d;
    int before = i_disable(INTMAX);
    drw_lock_init(&d);
    drw_lock_write(&d);
    unlock_enable(disable_lock(INTMAX, &s), &s);
    drw_lock_done(&d);
    drw_lock_free(&d);
    int p = disable_lock(INTMAX, &s);
    drw_lock_write(&d);
    drw_lock_done(&d);
    unlock_enable(p, &s);
    ASSERT_SILENT();
    drw_lock_write(&d);
    unlock_enable(disable_lock(INTMAX, &s), &s);
    drw_lock_done(&d);
    ASSERT_VIOLATED("order");
    i_enable(before);
}
END_TEST

START_TEST(other_occurrences_are_other_classes)
{
    static Simple_lock a1, a2;
    lock_alloc(&a1, LOCK_ALLOC_PIN, 9, 1);
    lock_alloc(&a2, LOCK_ALLOC_PIN, 9, 2);
    nest_simple(&a1, &a2);
    ASSERT_SILENT();
    lock_free(&a1);
    lock_free(&a2);
}
END_TEST

START_TEST(t70_kernel_lock_under_another)
{
    static Simple_lock s;
    simple_lock(&s);
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_SUCC);
    ck_assert_uint_eq(recorder_count("kernel-lock"), 1);
    ck_assert_ptr_eq(recorder_last().lock, &kernel_lock);
    simple_unlock(&s);
    unlockl(&kernel_lock);
}
END_TEST

START_TEST(t70_kernel_lock_without_a_wait_under_another)
{
    static lock_t other;
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_NDELAY), LOCK_SUCC);
    ASSERT_SILENT();
    unlockl(&kernel_lock);
    ck_assert_int_eq(lockl(&other, LOCK_NDELAY), LOCK_SUCC);
    ASSERT_SILENT();
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_NDELAY), LOCK_SUCC);
    ck_assert_uint_eq(recorder_count("kernel-lock"), 1);
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_NDELAY), LOCK_NEST);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    unlockl(&kernel_lock);
    unlockl(&other);
}
END_TEST

START_TEST(t71_kernel_lock_first_and_nested)
{
    static Simple_lock s;
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_SUCC);
    simple_lock(&s);
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_NEST);
    simple_unlock(&s);
    unlockl(&kernel_lock);
    ASSERT_SILENT();
}
END_TEST

static Simple_lock levels[4];

static void give_levels(void)
{
    for (int i = 0; i < 4; i++)
        ksl_diag_level(&levels[i], i + 1);
}

START_TEST(t72_coarser_under_finer)
{
    give_levels();
    nest_simple(&levels[3], &levels[1]);
    ASSERT_VIOLATED("hierarchy");
    ck_assert_ptr_eq(recorder_last().lock, &levels[1]);
    ksl_diag_level(&levels[2], 0);
    nest_simple(&levels[2], &levels[0]);
    ASSERT_VIOLATED("hierarchy");
}
END_TEST

START_TEST(t72_finer_under_coarser_and_equal)
{
    static Simple_lock equal, none;
    give_levels();
    ksl_diag_level(&equal, 4);
    for (int i = 0; i < 4; i++)
        simple_lock(&levels[i]);
    simple_lock(&equal);
    simple_lock(&none);
    simple_unlock(&none);
    simple_unlock(&equal);
    for (int i = 0; i < 4; i++) /* T73 */
        simple_unlock(&levels[i]);
    ASSERT_SILENT();
}
END_TEST

START_TEST(t18_mixed_regimes)
{
    static Simple_lock one, two;
    simple_lock(&one);
    simple_unlock(&one);
    int before = disable_lock(INTMAX, &one);
    unlock_enable(before, &one);
    ASSERT_VIOLATED("regime");
    ck_assert_ptr_eq(recorder_last().lock, &one);
    before = disable_lock(INTCLASS2, &two);
    unlock_enable(before, &two);
    ck_assert(simple_lock_try(&two));
    simple_unlock(&two);
    ck_assert_uint_eq(recorder_count("regime"), 2);
}
END_TEST

START_TEST(t18_one_regime_each)
{
    static Simple_lock one, two;
    for (int i = 0; i < 3; i++) {
        simple_lock(&one);
        simple_unlock(&one);
        int before = disable_lock(i == 1 ? INTMAX : INTCLASS2, &two);
        unlock_enable(before, &two);
    }
    simple_lock_init(&one); /* begins anew */
    int before = disable_lock(INTMAX, &one);
    unlock_enable(before, &one);
    ASSERT_SILENT();
}
END_TEST

START_TEST(t20_first_in_first_out)
{
    static Simple_lock one, two;
    int p1 = disable_lock(INTCLASS2, &one);
    int p2 = disable_lock(INTMAX, &two);
    unlock_enable(p1, &one);
    ASSERT_VIOLATED("release-order");
    ck_assert_ptr_eq(recorder_last().lock, &one);
    unlock_enable(p2, &two);
    ck_assert_uint_eq(recorder_count("release-order"), 2);
    ck_assert_ptr_eq(recorder_last().lock, &two);
    i_enable(INTBASE);
}
END_TEST

START_TEST(t20_last_in_first_out)
{
    static Simple_lock one, two, plain1, plain2;
    int p1 = disable_lock(INTCLASS2, &one);
    int p2 = disable_lock(INTMAX, &two);
    unlock_enable(p2, &two);
    unlock_enable(p1, &one);
    simple_lock(&plain1);
    simple_lock(&plain2);
    simple_unlock(&plain1); /* T73 */
    simple_unlock(&plain2);
    ASSERT_SILENT();
}
END_TEST

START_TEST(t25_sleeping_locks_with_a_disabled_one)
{
    static Simple_lock s;
    static Complex_lock c;
    int before = disable_lock(INTMAX, &s);
    lock_read(&c);
    ASSERT_VIOLATED("sleepable");
    ck_assert_ptr_eq(recorder_last().lock, &c);
    lock_done(&c);
    unlock_enable(before, &s);
}
END_TEST

START_TEST(t25_lockl_with_a_disabled_one)
{
    static Simple_lock s, thread_lock;
    static lock_t word;
    static Complex_lock c;
    static Drw_lock d;
    int before = disable_lock(INTMAX, &s);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    unlockl(&word);
    unlock_enable(before, &s);
    before = i_disable(INTMAX);
    drw_lock_write(&d);
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    unlockl(&word);
    drw_lock_done(&d);
    i_enable(before);
    simple_lock(&thread_lock); /* T17 */
    lock_write(&c);
    lock_done(&c);
    simple_unlock(&thread_lock);
    ASSERT_SILENT();
}
END_TEST

START_TEST(order_of_spinning_locks)
{
    static Simple_lock s;
    static Drw_lock d;
    int before = i_disable(INTMAX);
    drw_lock_read(&d);
    int p = disable_lock(INTMAX, &s);
    unlock_enable(p, &s);
    drw_lock_done(&d);
    ASSERT_SILENT();
    p = disable_lock(INTMAX, &s);
    drw_lock_write(&d);
    ASSERT_VIOLATED("order");
    drw_lock_done(&d);
    unlock_enable(p, &s);
    i_enable(before);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_aix");
    TCase *t = order_case(s, "order");
    tcase_add_test(t, order_of_simple_and_complex_locks);
    tcase_add_test(t, order_of_lockl_and_a_chain);
    tcase_add_test(t, class_and_occurrence);
    tcase_add_test(t, classes_of_one_address_end_with_the_lock);
    tcase_add_test(t, a_disabled_read_write_lock_ends_with_its_free_call);
    tcase_add_test(t, other_occurrences_are_other_classes);
    tcase_add_test(t, order_of_spinning_locks);
    t = order_case(s, "kernel-lock and hierarchy");
    tcase_add_test(t, t70_kernel_lock_under_another);
    tcase_add_test(t, t70_kernel_lock_without_a_wait_under_another);
    tcase_add_test(t, t71_kernel_lock_first_and_nested);
    tcase_add_test(t, t72_coarser_under_finer);
    tcase_add_test(t, t72_finer_under_coarser_and_equal);
    t = order_case(s, "regime and release-order");
    tcase_add_test(t, t18_mixed_regimes);
    tcase_add_test(t, t18_one_regime_each);
    tcase_add_test(t, t20_first_in_first_out);
    tcase_add_test(t, t20_last_in_first_out);
    t = order_case(s, "sleepable");
    tcase_add_test(t, t25_sleeping_locks_with_a_disabled_one);
    tcase_add_test(t, t25_lockl_with_a_disabled_one);
    return s;
}

int main(void)
{
    return support_run(suite());
}
