/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX complex locks: misuse is named, refused and changes nothing (T34, T41, T45). */
#include "aix_complex.h"

/* One panic of this rule, about the lock, by thread t; the recorder starts anew. */
static void expect_of(const ksl_thread *t, const char *rule)
{
    ASSERT_VIOLATED(rule);
    struct recorded last = recorder_last();
    ck_assert_int_eq(last.severity, KSL_PANIC);
    ck_assert_ptr_eq(last.lock, &l);
    ck_assert_ptr_eq(last.thread, t);
    recorder_start();
}

static void expect(int i, const char *rule)
{
    expect_of(p[i].actor.thread, rule);
}

START_TEST(aix_T34_the_owner_that_takes_it_again_is_refused)
{
    static const call_fn again[] = {do_lock_write, do_lock_read};
    setup(2);
    says(0, do_lock_write);
    for (int i = 0; i < 2; i++) {
        says(0, again[i]);
        expect(0, "recursion");
        ck_assert_int_eq(says(0, do_lock_mine), TRUE);
        ck_assert_int_eq(room(1), 0);
    }
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2);
    finish();
}
END_TEST

/* Read holds are recorded per thread (a policy of DESIGN). */
START_TEST(aix_T34_a_writer_over_its_own_share_is_refused)
{
    setup(3);
    says(0, do_lock_read);
    says(1, do_lock_read);
    says(0, do_lock_write);
    expect(0, "recursion");
    says(1, do_lock_done);
    says(0, do_lock_write);
    expect(0, "recursion");
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    ck_assert_int_eq(room(2), 1);
    says(0, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T34_a_second_read_is_admitted_and_counts)
{
    setup(3);
    says(0, do_lock_read);
    blocks(1, do_lock_write);
    says(0, do_lock_read); /* past the writer that waits */
    ck_assert_int_eq(says(0, do_try_read), TRUE);
    for (int i = 0; i < 2; i++) {
        says(0, do_lock_done);
        ck_assert(!done(&p[1]));
        wait_asleep(p[1].actor.thread);
        ck_assert_int_eq(says(2, do_try_write), FALSE);
    }
    says(0, do_lock_done);
    passes(1);
    finish();
}
END_TEST

/* DESIGN: `not-locked` on a free lock, but also `not-owner` for who holds nothing. */
START_TEST(aix_T31_lock_done_of_a_free_lock_is_refused)
{
    setup(2);
    for (int i = 0; i < 2; i++) {
        says(0, do_lock_done);
        ck_assert_uint_eq(recorder_count(NULL), 1);
        ck_assert_uint_eq(recorder_count("not-locked") + recorder_count("not-owner"), 1);
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
        ck_assert_ptr_eq(recorder_last().lock, &l);
        recorder_start();
        ck_assert_int_eq(room(1), 2);
    }
    finish();
}
END_TEST

START_TEST(aix_T31_lock_done_by_a_stranger_is_refused)
{
    setup(3);
    says(0, do_lock_write);
    says(1, do_lock_done);
    expect(1, "not-owner");
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_downgrade);
    says(2, do_lock_read);
    says(1, do_lock_done);
    expect(1, "not-owner");
    says(0, do_lock_done);
    says(0, do_lock_done); /* once more than it has taken it */
    expect(0, "not-owner");
    ck_assert_int_eq(room(0), 1); /* the share of puppet 2 */
    says(2, do_lock_done);
    finish();
}
END_TEST

/* The two upgrades say "failed" when refused: TRUE and FALSE. */
START_TEST(aix_T41_an_upgrade_of_a_free_lock_is_refused)
{
    setup(2);
    ck_assert_int_eq(says(0, do_upgrade), TRUE);
    expect(0, "not-locked");
    ck_assert_int_eq(says(0, do_try_upgrade), FALSE);
    expect(0, "not-locked");
    ck_assert_int_eq(says(0, do_lock_mine), FALSE);
    ck_assert_int_eq(room(1), 2);
    finish();
}
END_TEST

START_TEST(aix_T41_an_upgrade_without_a_share_is_refused)
{
    setup(3);
    for (int writer = 0; writer < 2; writer++) {
        says(0, writer ? do_lock_write : do_lock_read);
        ck_assert_int_eq(says(1, do_upgrade), TRUE);
        expect(1, "not-owner");
        ck_assert_int_eq(says(1, do_try_upgrade), FALSE);
        expect(1, "not-owner");
        ck_assert_int_eq(says(0, do_lock_mine), writer);
        ck_assert_int_eq(room(2), 1 - writer);
        says(0, do_lock_done);
    }
    finish();
}
END_TEST

START_TEST(aix_T41_the_writer_has_no_share_to_upgrade)
{
    setup(2);
    says(0, do_lock_write);
    ck_assert_int_eq(says(0, do_upgrade), TRUE);
    expect(0, "not-owner");
    ck_assert_int_eq(says(0, do_try_upgrade), FALSE);
    expect(0, "not-owner");
    ck_assert_int_eq(says(0, do_lock_mine), TRUE); /* refused: nothing was dropped */
    ck_assert_int_eq(room(1), 0);
    says(0, do_lock_done);
    finish();
}
END_TEST

/* What only the writer may do: free lock, reader, stranger beside a writer. */
static void only_the_writer_may(call_fn call)
{
    says(0, call);
    expect(0, "not-locked");
    ck_assert_int_eq(room(1), 2);
    says(0, do_lock_read);
    says(0, call);
    expect(0, "not-owner");
    ck_assert_int_eq(room(1), 1);
    ck_assert_int_eq(says(0, do_try_write), FALSE);
    says(0, do_lock_done);
    says(0, do_lock_write);
    says(1, call);
    expect(1, "not-owner");
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    ck_assert_int_eq(says(0, do_try_write), FALSE); /* not recursive by that */
    ck_assert_int_eq(room(1), 0);
    says(0, do_lock_done);
    ck_assert_int_eq(room(1), 2);
}

START_TEST(aix_T42_only_the_writer_may_downgrade)
{
    setup(2);
    only_the_writer_may(do_downgrade);
    finish();
}
END_TEST

START_TEST(aix_T45_only_the_writer_may_set_recursive)
{
    setup(2);
    only_the_writer_may(do_set_recursive);
    finish();
}
END_TEST

START_TEST(aix_T49_only_the_writer_may_clear_recursive)
{
    setup(2);
    only_the_writer_may(do_clear_recursive);
    says(0, do_lock_write);
    says(0, do_set_recursive);
    says(1, do_clear_recursive);
    expect(1, "not-owner");
    ck_assert_int_eq(says(0, do_try_write), TRUE); /* still recursive */
    says(0, do_lock_done);
    says(0, do_clear_recursive);
    says(0, do_lock_done);
    finish();
}
END_TEST

/* T25: with interrupts masked no waiting. The priority is the raised one throughout. */
static int priority_after; /* of the call */

static int masked(call_fn call, void *lock)
{
    int before = i_disable(INTCLASS2);
    int result = call(lock);
    STORE(&priority_after, priority_now());
    i_enable(before);
    return result;
}

static int masked_read(void *lock)
{
    return masked(do_lock_read, lock);
}

static int masked_write(void *lock)
{
    return masked(do_lock_write, lock);
}

static int masked_upgrade(void *lock)
{
    return masked(do_upgrade, lock);
}

START_TEST(aix_T25_masked_waiting_is_refused)
{
    static const call_fn call[] = {masked_read, masked_write};
    setup(3);
    says(0, do_lock_write);
    for (int i = 0; i < 2; i++) {
        says(1, call[i]);
        expect(1, "masked-sleep");
        ck_assert_int_eq(LOAD(&priority_after), INTCLASS2);
        ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    }
    says(0, do_lock_done);
    ck_assert_int_eq(room(2), 2); /* puppet 1 got nothing */
    says(0, do_lock_read);
    says(1, do_lock_read);
    ck_assert_int_eq(says(1, masked_upgrade), TRUE);
    expect(1, "masked-sleep");
    says(0, do_lock_done);
    ck_assert_int_eq(room(2), 1); /* refused: the share was kept */
    says(1, do_lock_done);
    finish();
}
END_TEST

START_TEST(aix_T25_masked_without_waiting_is_legal)
{
    setup(2);
    says(0, masked_read);
    ck_assert_int_eq(room(1), 1);
    ck_assert_int_eq(says(0, masked_upgrade), FALSE);
    ck_assert_int_eq(LOAD(&priority_after), INTCLASS2);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    says(0, masked_write);
    ck_assert_int_eq(says(0, do_lock_mine), TRUE);
    says(0, do_lock_done);
    finish();
}
END_TEST

static struct irq_call irq;

/* Section 1.4: process environment only. */
START_TEST(aix_irq_sleep_what_may_wait_is_refused_in_a_handler)
{
    static const call_fn call[] = {do_lock_read, do_lock_write, do_upgrade};
    setup(2);
    irq_setup(&irq);
    for (int i = 0; i < 3; i++) {
        if (i == 2)
            lock_read(&l);
        int result = call_in_irq(&irq, call[i], &l);
        expect_of(ksl_thread_self(), "irq-sleep");
        ck_assert_int_eq(result, i == 2 ? TRUE : 0);
        ck_assert_int_eq(room(1), i == 2 ? 1 : 2); /* as it was */
    }
    lock_done(&l);
    irq_teardown();
    finish();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix complex lock misuse");
    TCase *tc = tcase_create("misuse");
    tcase_add_test(tc, aix_T34_the_owner_that_takes_it_again_is_refused);
    tcase_add_test(tc, aix_T34_a_writer_over_its_own_share_is_refused);
    tcase_add_test(tc, aix_T34_a_second_read_is_admitted_and_counts);
    tcase_add_test(tc, aix_T31_lock_done_of_a_free_lock_is_refused);
    tcase_add_test(tc, aix_T31_lock_done_by_a_stranger_is_refused);
    tcase_add_test(tc, aix_T41_an_upgrade_of_a_free_lock_is_refused);
    tcase_add_test(tc, aix_T41_an_upgrade_without_a_share_is_refused);
    tcase_add_test(tc, aix_T41_the_writer_has_no_share_to_upgrade);
    tcase_add_test(tc, aix_T42_only_the_writer_may_downgrade);
    tcase_add_test(tc, aix_T45_only_the_writer_may_set_recursive);
    tcase_add_test(tc, aix_T49_only_the_writer_may_clear_recursive);
    tcase_add_test(tc, aix_T25_masked_waiting_is_refused);
    tcase_add_test(tc, aix_T25_masked_without_waiting_is_legal);
    tcase_add_test(tc, aix_irq_sleep_what_may_wait_is_refused_in_a_handler);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
