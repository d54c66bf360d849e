/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting with a clock and a kernel that the test makes up: it wakes early,
 * late, for nothing or never, and an hour passes at once.
 */

#include "support.h"

#include "platform/park.h"

#include <kslock/sleepq.h>

#include <errno.h>
#include <time.h>

static const uint64_t SECOND = 1000000000u;
static const uint64_t START = 5000 * 1000000000ull;

static struct {
    uint64_t now;
    uint64_t deadline; /* of the last park */
    unsigned parks;
    unsigned unparks;
    ksl_thread *thread;
    enum ksi_park_result (*kernel)(void);
} fake;

static uint64_t fake_now(void)
{
    return fake.now;
}

static enum ksi_park_result fake_park(struct ksi_parker *p, uint64_t deadline)
{
    (void)p;
    fake.parks++;
    fake.deadline = deadline;
    return fake.kernel();
}

static void fake_unpark(struct ksi_parker *p)
{
    (void)p;
    fake.unparks++; /* and nobody is woken, ever */
}

static void replace(void)
{
    fake.thread = ksl_thread_self();
    fake.now = START;
    fake.parks = 0;
    fake.unparks = 0;
    ksi_seam = (struct ksi_seam){fake_park, fake_unpark, fake_now};
}

static void bring_back(void)
{
    ksi_seam = (struct ksi_seam){NULL, NULL, NULL};
}

/* Blocks until an hour from now with this kernel. */
static int block_an_hour(enum ksi_park_result (*kernel)(void))
{
    uint64_t date = START + 3600 * SECOND;
    struct timespec ts = {(time_t)(date / SECOND), (long)(date % SECOND)};
    fake.kernel = kernel;
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    return ksl_block_until(&ts);
}

static enum ksi_park_result sleeps_to_the_end(void)
{
    fake.now = fake.deadline;
    return KSI_PARK_TIMEOUT;
}

START_TEST(b7_an_hour_passes_at_once)
{
    ck_assert_int_eq(block_an_hour(sleeps_to_the_end), -ETIMEDOUT);
    ck_assert_uint_eq(fake.parks, 1);
    ck_assert_uint_eq(fake.deadline, START + 3600 * SECOND);
}
END_TEST

static enum ksi_park_result wakes_early(void)
{
    if (fake.parks < 6) {
        fake.now += 600 * SECOND - 1;
        return KSI_PARK_RETRY;
    }
    return sleeps_to_the_end();
}

START_TEST(b7_early_wake_up_is_not_a_time_out)
{
    ck_assert_int_eq(block_an_hour(wakes_early), -ETIMEDOUT);
    ck_assert_uint_eq(fake.parks, 6);
    ck_assert_uint_ge(fake.now, START + 3600 * SECOND);
}
END_TEST

static enum ksi_park_result leaves_stray_tokens(void)
{
    fake.now += SECOND;
    return fake.parks < 10 ? KSI_PARK_TOKEN : sleeps_to_the_end();
}

START_TEST(stray_token_is_not_a_wake_up)
{
    ck_assert_int_eq(block_an_hour(leaves_stray_tokens), -ETIMEDOUT);
    ck_assert_uint_eq(fake.parks, 10);
}
END_TEST

static enum ksi_park_result wakes_late(void)
{
    fake.now += 100 * 3600 * SECOND;
    return KSI_PARK_RETRY;
}

START_TEST(late_spurious_wake_up_times_out)
{
    ck_assert_int_eq(block_an_hour(wakes_late), -ETIMEDOUT);
    ck_assert_uint_eq(fake.parks, 1);
}
END_TEST

static enum ksi_park_result never_tells(void)
{
    ck_assert_uint_le(fake.parks, 3);
    if (fake.parks == 3)
        ck_assert_int_eq(ksl_block_wake(fake.thread), 1);
    return KSI_PARK_RETRY;
}

START_TEST(outcome_is_believed_and_not_the_token)
{
    ck_assert_int_eq(block_an_hour(never_tells), 0);
    ck_assert_uint_eq(fake.parks, 3);
    ck_assert_uint_eq(fake.unparks, 1);
}
END_TEST

static enum ksi_park_result woken_and_late(void)
{
    ck_assert_int_eq(ksl_block_wake(fake.thread), 1);
    return sleeps_to_the_end();
}

START_TEST(wake_up_wins_over_the_date)
{
    ck_assert_int_eq(block_an_hour(woken_and_late), 0);
    ck_assert_uint_eq(fake.parks, 1);
}
END_TEST

static enum ksi_park_result late_after_time_out(void)
{
    fake.now = fake.deadline;
    return KSI_PARK_TIMEOUT;
}

START_TEST(wake_up_after_the_date_is_not_remembered)
{
    ck_assert_int_eq(block_an_hour(late_after_time_out), -ETIMEDOUT);
    ck_assert_int_eq(ksl_block_wake(fake.thread), 0);
    ck_assert_int_eq(block_an_hour(late_after_time_out), -ETIMEDOUT);
}
END_TEST

static enum ksi_park_result woken_in_the_end(void)
{
    fake.now += 1000 * 3600 * SECOND;
    if (fake.parks == 5)
        ksl_block_wake(fake.thread);
    return KSI_PARK_RETRY;
}

START_TEST(no_date_never_times_out)
{
    fake.kernel = woken_in_the_end;
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ck_assert_int_eq(ksl_block_until(NULL), 0);
    ck_assert_uint_eq(fake.deadline, KSI_FOREVER);
    ck_assert_uint_eq(fake.parks, 5);
}
END_TEST

static enum ksi_park_result no_sleep_expected(void)
{
    return KSI_PARK_TOKEN;
}

START_TEST(b1_wake_up_before_the_block_needs_no_park)
{
    fake.kernel = no_sleep_expected;
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ck_assert_int_eq(ksl_block_wake(fake.thread), 1);
    ck_assert_int_eq(ksl_block(), 0);
    ck_assert_uint_eq(fake.parks, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("seam");
    TCase *c = tcase_create("fake kernel");
    tcase_add_checked_fixture(c, replace, bring_back);
    tcase_add_test(c, b7_an_hour_passes_at_once);
    tcase_add_test(c, b7_early_wake_up_is_not_a_time_out);
    tcase_add_test(c, stray_token_is_not_a_wake_up);
    tcase_add_test(c, late_spurious_wake_up_times_out);
    tcase_add_test(c, outcome_is_believed_and_not_the_token);
    tcase_add_test(c, wake_up_wins_over_the_date);
    tcase_add_test(c, wake_up_after_the_date_is_not_remembered);
    tcase_add_test(c, no_date_never_times_out);
    tcase_add_test(c, b1_wake_up_before_the_block_needs_no_park);
    suite_add_tcase(s, c);
    return support_run(s);
}
