/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): which readers wait behind a queued writer (rules 22 to 24). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_writer.h"
#include "support.h"

/* The reader, which shares something, need not wait. */
static void reader_passes(void)
{
    (void)ask(&scene.reader, slock, &scene.sx);
    (void)ask(&scene.reader, unlock, &scene.sx);
}

/* The reader, which has to wait, gets its share after the writer only. */
static void check_reader_waits(void)
{
    tell_blocked(&scene.reader, slock, &scene.sx);
    sx_sunlock(&scene.sx);
    WAIT_UNTIL(done(&scene.writer));
    ck_assert(!done(&scene.reader));
    (void)ask(&scene.writer, unlock, &scene.sx);
    WAIT_UNTIL(done(&scene.reader));
    (void)ask(&scene.reader, unlock, &scene.sx);
}

START_TEST(sx_R22_a_sharer_takes_another_share_past_a_writer)
{
    setup();
    for (int i = 0; i < 40; i++)
        sx_slock(&scene.sx);
    for (int i = 0; i < 40; i++)
        sx_sunlock(&scene.sx);
    let_the_writer_in();
    teardown();
}
END_TEST

START_TEST(sx_R22_a_sharer_of_any_lock_passes_a_writer)
{
    setup();
    (void)ask(&scene.reader, slock, &scene.other);
    reader_passes();
    (void)ask(&scene.reader, unlock, &scene.other);
    let_the_writer_in();
    teardown();
}
END_TEST

START_TEST(sx_R22_it_still_waits_for_an_exclusive_owner)
{
    setup();
    (void)ask(&scene.reader, slock, &scene.other);
    sx_sunlock(&scene.sx);
    WAIT_UNTIL(done(&scene.writer));
    tell_blocked(&scene.reader, slock, &scene.sx);
    ck_assert(!done(&scene.reader));
    (void)ask(&scene.writer, unlock, &scene.sx);
    WAIT_UNTIL(done(&scene.reader));
    (void)ask(&scene.reader, unlock, &scene.sx);
    (void)ask(&scene.reader, unlock, &scene.other);
    teardown();
}
END_TEST

START_TEST(sx_R22_an_upgraded_share_exempts_no_longer)
{
    setup();
    (void)ask(&scene.reader, slock, &scene.other);
    ck_assert_int_eq(ask(&scene.reader, try_upgrade, &scene.other), 1);
    check_reader_waits();
    (void)ask(&scene.reader, unlock, &scene.other);
    teardown();
}
END_TEST

START_TEST(sx_R22_a_downgraded_lock_exempts)
{
    setup();
    (void)ask(&scene.reader, xlock, &scene.other);
    (void)ask(&scene.reader, downgrade, &scene.other);
    reader_passes();
    (void)ask(&scene.reader, unlock, &scene.other);
    let_the_writer_in();
    teardown();
}
END_TEST

START_TEST(sx_R22_a_failed_upgrade_keeps_the_exemption)
{
    setup();
    sx_slock(&scene.other);
    (void)ask(&scene.reader, slock, &scene.other);
    ck_assert_int_eq(ask(&scene.reader, try_upgrade, &scene.other), 0);
    sx_sunlock(&scene.other);
    reader_passes();
    (void)ask(&scene.reader, unlock, &scene.other);
    let_the_writer_in();
    teardown();
}
END_TEST

START_TEST(sx_R22_an_exclusive_hold_exempts_nobody)
{
    setup();
    (void)ask(&scene.reader, xlock, &scene.other);
    check_reader_waits();
    (void)ask(&scene.reader, unlock, &scene.other);
    teardown();
}
END_TEST

START_TEST(sx_R23_a_reader_waits_behind_a_queued_writer)
{
    setup();
    check_reader_waits();
    teardown();
}
END_TEST

START_TEST(sx_R23_a_share_given_back_exempts_no_longer)
{
    setup();
    (void)ask(&scene.reader, slock, &scene.other);
    (void)ask(&scene.reader, slock, &scene.other);
    (void)ask(&scene.reader, unlock, &scene.other);
    (void)ask(&scene.reader, unlock, &scene.other);
    check_reader_waits();
    teardown();
}
END_TEST

START_TEST(sx_R24_try_does_not_mind_a_queued_writer)
{
    setup();
    ck_assert_int_eq(ask(&scene.reader, try_slock, &scene.sx), 1);
    (void)ask(&scene.reader, slock, &scene.sx); /* holds a share now */
    (void)ask(&scene.reader, unlock, &scene.sx);
    (void)ask(&scene.reader, unlock, &scene.sx);
    check_reader_waits();
    teardown();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx waiting readers");
    TCase *tc = tcase_create("policy");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R22_a_sharer_takes_another_share_past_a_writer);
    tcase_add_test(tc, sx_R22_a_sharer_of_any_lock_passes_a_writer);
    tcase_add_test(tc, sx_R22_it_still_waits_for_an_exclusive_owner);
    tcase_add_test(tc, sx_R22_an_upgraded_share_exempts_no_longer);
    tcase_add_test(tc, sx_R22_a_downgraded_lock_exempts);
    tcase_add_test(tc, sx_R22_a_failed_upgrade_keeps_the_exemption);
    tcase_add_test(tc, sx_R22_an_exclusive_hold_exempts_nobody);
    tcase_add_test(tc, sx_R23_a_reader_waits_behind_a_queued_writer);
    tcase_add_test(tc, sx_R23_a_share_given_back_exempts_no_longer);
    tcase_add_test(tc, sx_R24_try_does_not_mind_a_queued_writer);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
