/* SPDX-License-Identifier: BSD-2-Clause */

/* A refused e_sleep_thread changes nothing, and takes no wake-up from others. */
#include "../native/aix_test.h"

#include "platform/testing.h"

#include <string.h>

static Simple_lock lock;
static tid_t first = EVENT_NULL, second = EVENT_NULL;
static struct puppet sleeper, refused;
static int queued, woken; /* atomic */
static __thread int stops;

START_TEST(aix_T81_refused_sleep_keeps_the_assertion_before)
{
    recorder_start();
    e_assert_wait(&first, FALSE);
    ck_assert_int_eq(e_sleep_thread(&second, &lock, LOCK_SIMPLE), -EPERM);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_eq(first, 1);
    e_wakeup(&first);
    ck_assert_int_eq(e_block_thread(), THREAD_AWAKENED);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_stop();
}
END_TEST

static void hook(const char *where)
{
    uint64_t state = 0;
    if (!stops || strcmp(where, "lot: unlocked") != 0)
        return;
    stops = 0;
    STORE(&queued, 1);
    while (!LOAD(&woken) && support_keep_waiting(&state))
        ;
}

static int sleep_first(void *object)
{
    (void)object;
    return e_sleep_thread(&first, NULL, 0);
}

static int sleep_refused(void *object)
{
    (void)object;
    stops = 1;
    int result = e_sleep_thread(&first, &lock, LOCK_SIMPLE);
    stops = 0;
    return result;
}

START_TEST(aix_T78_refused_sleep_takes_no_wake_up)
{
    recorder_start();
    puppet_start(&sleeper);
    puppet_start(&refused);
    set_urgency(&refused, 50);
    tell_blocked(&sleeper, sleep_first, NULL);
    STORE(&ksi_point_hook, hook);
    tell(&refused, sleep_refused, NULL);
    WAIT_UNTIL(LOAD(&queued) || done(&refused));
    e_wakeup_one(&first);
    STORE(&woken, 1);
    ck_assert_int_eq(answer(&refused), -EPERM);
    ck_assert_int_eq(answer(&sleeper), THREAD_AWAKENED);
    ASSERT_VIOLATED("not-locked");
    STORE(&ksi_point_hook, NULL);
    puppet_end(&refused);
    puppet_end(&sleeper);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_sleep");
    TCase *tc = tcase_create("sleep");
    tcase_add_test(tc, aix_T81_refused_sleep_keeps_the_assertion_before);
    tcase_add_test(tc, aix_T78_refused_sleep_takes_no_wake_up);
    suite_add_tcase(s, tc);
    return support_run(s);
}
