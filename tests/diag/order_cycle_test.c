/* SPDX-License-Identifier: BSD-2-Clause */
/* Order of classes of locks: what freebsd.md says in section 3 (W), with sx. */

#include "../native/freebsd_sx_puppet.h"

#include <sys/mutex.h>

#include "order_test.h"

#include <stdio.h>

enum { MANY = 200 };

static struct sx a, b, c;
static struct sx many[MANY];
static char names[MANY][32];

static void make(const char *first, const char *second, const char *third)
{
    sx_init(&a, first);
    sx_init(&b, second);
    sx_init(&c, third);
}

static void nest(struct sx *outer, struct sx *inner)
{
    sx_xlock(outer);
    sx_xlock(inner);
    sx_xunlock(inner);
    sx_xunlock(outer);
}

START_TEST(w1_abba_is_reported_although_nobody_waits)
{
    make("w1 a", "w1 b", "w1 c");
    nest(&a, &b);
    ASSERT_SILENT();
    nest(&b, &a);
    ASSERT_VIOLATED("order");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    ck_assert_ptr_eq(recorder_last().lock, &a);
    ASSERT_SAYS("a cycle of 2 classes");
    ASSERT_SAYS("\"w1 a\"");
    ASSERT_SAYS("\"w1 b\"");
    ASSERT_SAYS("order_cycle_test.c:");
    nest(&b, &a);
    nest(&a, &b);
    ASSERT_VIOLATED("order"); /* once */
}
END_TEST

START_TEST(w1_one_order_is_silent)
{
    make("w1s a", "w1s b", "w1s c");
    for (int i = 0; i < 3; i++) {
        nest(&a, &b);
        nest(&b, &c);
        nest(&a, &c);
    }
    ASSERT_SILENT();
}
END_TEST

static int line_of_second;

START_TEST(w1_both_sites_of_each_edge_are_named)
{
    char text[64];
    make("w1p a", "w1p b", "w1p c");
    sx_xlock(&a);
    const int first = __LINE__ - 1;
    sx_slock(&b);
    line_of_second = __LINE__ - 1;
    sx_sunlock(&b);
    sx_xunlock(&a);
    sx_slock(&b);
    const int third = __LINE__ - 1;
    sx_xlock(&a);
    const int fourth = __LINE__ - 1;
    sx_xunlock(&a);
    sx_sunlock(&b);
    ASSERT_VIOLATED("order");
    const int lines[] = {first, line_of_second, third, fourth};
    for (unsigned i = 0; i < 4; i++) {
        (void)snprintf(text, sizeof text, "order_cycle_test.c:%d", lines[i]);
        ASSERT_SAYS(text);
    }
}
END_TEST

START_TEST(w1_report_comes_before_the_wait)
{
    struct puppet one, two;
    make("w1w a", "w1w b", "w1w c");
    nest(&a, &b);
    puppet_start(&one);
    puppet_start(&two);
    ask(&one, xlock, &a);
    ask(&two, xlock, &b);
    tell_blocked(&two, xlock, &a);
    ASSERT_VIOLATED("order");
    ck_assert_ptr_eq(recorder_last().thread, two.actor.thread);
    ask(&one, xunlock, &a);
    WAIT_UNTIL(done(&two));
    ask(&two, xunlock, &a);
    ask(&two, xunlock, &b);
    puppet_end(&one);
    puppet_end(&two);
    ASSERT_VIOLATED("order");
}
END_TEST

START_TEST(w1_abbcca)
{
    make("w1t a", "w1t b", "w1t c");
    nest(&a, &b);
    nest(&b, &c);
    ASSERT_SILENT();
    nest(&c, &a);
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("a cycle of 3 classes");
}
END_TEST

START_TEST(w1_edges_come_from_all_held_locks)
{
    make("w1h a", "w1h b", "w1h c");
    sx_xlock(&a);
    sx_xlock(&b);
    sx_xlock(&c);
    sx_xunlock(&c);
    sx_xunlock(&b);
    sx_xunlock(&a);
    nest(&c, &a); /* shorter than by way of b */
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("a cycle of 2 classes");
}
END_TEST

START_TEST(w1_other_locks_of_the_classes)
{
    struct sx a2, b2;
    make("w1i a", "w1i b", "w1i c");
    char same[] = "w1i a"; /* equal text, another pointer */
    sx_init(&a2, same);
    sx_init(&b2, "w1i b");
    nest(&a, &b);
    nest(&b2, &a2);
    ASSERT_VIOLATED("order");
    sx_destroy(&a2);
    sx_destroy(&b2);
}
END_TEST

static void make_many(const char *prefix)
{
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s %d", prefix, i);
        sx_init(&many[i], names[i]);
    }
}

START_TEST(w1_cycle_of_200_classes)
{
    make_many("ring");
    for (int i = 0; i + 1 < MANY; i++)
        nest(&many[i], &many[i + 1]);
    ASSERT_SILENT();
    nest(&many[MANY - 1], &many[0]);
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("a cycle of 200 classes");
    ASSERT_SAYS("\"ring 0\"");
    ASSERT_SAYS("\"ring 199\"");
}
END_TEST

START_TEST(w1_200_locks_held)
{
    make_many("heap");
    for (int i = 0; i < MANY; i++)
        sx_xlock(&many[i]);
    for (int i = MANY - 1; i >= 0; i--)
        sx_xunlock(&many[i]);
    ASSERT_SILENT();
    nest(&many[150], &many[3]);
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("a cycle of 2 classes");
}
END_TEST

START_TEST(rule67_try_teaches_no_order)
{
    make("67 a", "67 b", "67 c");
    sx_xlock(&a);
    ck_assert_int_eq(sx_try_xlock(&b), 1);
    ck_assert_int_eq(sx_try_slock(&c), 1);
    sx_sunlock(&c);
    sx_xunlock(&b);
    sx_xunlock(&a);
    nest(&b, &a);
    nest(&c, &a);
    ASSERT_SILENT();
}
END_TEST

START_TEST(rule67_what_a_try_took_is_held)
{
    make("67h a", "67h b", "67h c");
    ck_assert_int_eq(sx_try_xlock(&a), 1);
    sx_xlock(&b);
    sx_xunlock(&b);
    sx_xunlock(&a);
    nest(&b, &a);
    ASSERT_VIOLATED("order");
}
END_TEST

START_TEST(w6_recursion_and_nested_shares_teach_nothing)
{
    sx_init_flags(&a, "w6 a", SX_RECURSE);
    sx_init(&b, "w6 b");
    nest(&a, &b);
    sx_xlock(&a);
    sx_xlock(&b);
    sx_xlock(&a);
    sx_xunlock(&a);
    sx_xunlock(&b);
    sx_xunlock(&a);
    sx_slock(&a);
    sx_slock(&b);
    sx_slock(&a);
    sx_sunlock(&a);
    sx_sunlock(&b);
    sx_sunlock(&a);
    ASSERT_SILENT();
}
END_TEST

START_TEST(w1_nowitness_is_ignored)
{
    sx_init_flags(&a, "nowitness a", SX_NOWITNESS);
    sx_init(&b, "nowitness b");
    nest(&a, &b);
    nest(&b, &a);
    ASSERT_SILENT();
    sx_init(&a, "nowitness a"); /* the same memory, and it counts now */
    nest(&a, &b);
    nest(&b, &a);
    ASSERT_VIOLATED("order");
}
END_TEST

START_TEST(w1_memory_used_again_has_the_new_class)
{
    sx_init(&a, "reuse a");
    sx_init(&b, "reuse b");
    nest(&a, &b);
    sx_destroy(&b);
    sx_init(&b, "reuse other");
    nest(&b, &a);
    ASSERT_SILENT();
    nest(&a, &b);
    ASSERT_VIOLATED("order");
    sx_destroy(&b);
}
END_TEST

START_TEST(w4_two_of_one_class)
{
    make("w4", "w4", "w4 c");
    nest(&a, &b);
    ASSERT_VIOLATED("duplicate");
    ck_assert_ptr_eq(recorder_last().lock, &b);
    ASSERT_SAYS("order_cycle_test.c:");
    nest(&b, &a);
    ASSERT_VIOLATED("duplicate"); /* once for the class */
}
END_TEST

START_TEST(w4_dupok_and_one_after_the_other)
{
    sx_init_flags(&a, "w4 ok", SX_DUPOK);
    sx_init_flags(&b, "w4 ok", SX_DUPOK);
    nest(&a, &b);
    make("w4 s", "w4 s", "w4 s c");
    sx_xlock(&a);
    sx_xunlock(&a);
    sx_xlock(&b);
    ck_assert_int_eq(sx_try_xlock(&a), 1);
    sx_xunlock(&a);
    sx_xunlock(&b);
    ASSERT_SILENT();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_cycle");
    TCase *t = order_case(s, "order");
    tcase_add_test(t, w1_abba_is_reported_although_nobody_waits);
    tcase_add_test(t, w1_one_order_is_silent);
    tcase_add_test(t, w1_both_sites_of_each_edge_are_named);
    tcase_add_test(t, w1_report_comes_before_the_wait);
    tcase_add_test(t, w1_abbcca);
    tcase_add_test(t, w1_edges_come_from_all_held_locks);
    tcase_add_test(t, w1_other_locks_of_the_classes);
    tcase_add_test(t, w1_cycle_of_200_classes);
    tcase_add_test(t, w1_200_locks_held);
    tcase_add_test(t, rule67_try_teaches_no_order);
    tcase_add_test(t, rule67_what_a_try_took_is_held);
    tcase_add_test(t, w6_recursion_and_nested_shares_teach_nothing);
    tcase_add_test(t, w1_nowitness_is_ignored);
    tcase_add_test(t, w1_memory_used_again_has_the_new_class);
    t = order_case(s, "duplicate");
    tcase_add_test(t, w4_two_of_one_class);
    tcase_add_test(t, w4_dupok_and_one_after_the_other);
    return s;
}

int main(void)
{
    return support_run(suite());
}
