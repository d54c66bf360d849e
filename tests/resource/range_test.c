/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Counters past 16 bits and at their ends, and a clock that jumps: there are no sequence
 * numbers in the library whose wrap-around could be seen but these.
 */
#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "support.h"

#include "lock/ksem.h"
#include "platform/park.h"

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>
#include <kslock/sleepq.h>
#include <kslock/stage.h>

#include <errno.h>
#include <limits.h>
#include <time.h>

enum { DEEP = 70000, IRQ = 7 };

static struct sx sx;
static ksl_mutex_t mutex;
static ksl_rwsem_t sem;

static void try_all(void *arg)
{
    int *got = arg;
    *got = sx_try_xlock(&sx);
    if (*got)
        sx_xunlock(&sx);
    int m = ksl_mutex_try_acquire(&mutex);
    if (m)
        ksl_mutex_release(&mutex);
    *got += m;
}

/* How many of them another thread can have. */
static int free_for_others(void)
{
    struct actor a;
    int got = -1;
    actor_start(&a, try_all, &got);
    actor_join(&a);
    return got;
}

START_TEST(exclusive_holds_nest_past_16_bits)
{
    recorder_start();
    sx_init_flags(&sx, "deep", SX_RECURSE);
    for (int i = 0; i < DEEP; i++) {
        sx_xlock(&sx);
        ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
        ck_assert_int_eq(ksl_rwsem_acquire_write(&sem), 0);
    }
    ck_assert_int_eq(free_for_others(), 0);
    for (int i = 0; i < DEEP - 1; i++) {
        sx_xunlock(&sx);
        ksl_mutex_release(&mutex);
        ck_assert_int_eq(ksl_rwsem_release_write(&sem), 0);
    }
    ck_assert_int_eq(free_for_others(), 0);
    sx_xunlock(&sx);
    ksl_mutex_release(&mutex);
    ck_assert_int_eq(ksl_rwsem_release_write(&sem), 0);
    ck_assert_int_eq(free_for_others(), 2);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(shares_nest_past_16_bits)
{
    recorder_start();
    sx_init(&sx, "deep");
    for (int i = 0; i < DEEP; i++) {
        sx_slock(&sx);
        ck_assert_int_eq(ksl_rwsem_acquire_read(&sem), 0);
    }
    ck_assert_int_eq(free_for_others(), 1); /* the mutex */
    for (int i = 0; i < DEEP - 1; i++) {
        sx_sunlock(&sx);
        ck_assert_int_eq(ksl_rwsem_release_read(&sem), 0);
    }
    ck_assert_int_eq(free_for_others(), 1);
    sx_sunlock(&sx);
    ck_assert_int_eq(ksl_rwsem_release_read(&sem), 0);
    ck_assert_int_eq(free_for_others(), 2);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* ---- the clock ---- */

static const uint64_t SECOND = 1000000000u;
static uint64_t now;   /* atomic; of the made-up clock */
static unsigned parks; /* atomic */

static uint64_t fake_now(void)
{
    return LOAD(&now);
}

/* The first sleeps see the clock go back; then the date comes. */
static enum ksi_park_result back_and_on(struct ksi_parker *p, uint64_t deadline)
{
    (void)p;
    STORE(&now, ADD(&parks, 1) <= 3 ? LOAD(&now) - 100 * SECOND : deadline);
    return parks <= 3 ? KSI_PARK_RETRY : KSI_PARK_TIMEOUT;
}

/* Waits with a date, which ends them; each says that its time was over. */
static bool block_ends(void)
{
    struct timespec ts = {1000, 1};
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    return ksl_block_until(&ts) == -ETIMEDOUT;
}

static bool tsleep_ends(void)
{
    return tsleep(&sx, 0, "date", 100 * hz) == EWOULDBLOCK;
}

static bool cv_ends(void)
{
    static struct cv cv;
    static struct mtx mtx;
    cv_init(&cv, "date");
    mtx_init(&mtx, "date", NULL, MTX_DEF | MTX_NEW);
    mtx_lock(&mtx);
    bool ended = cv_timedwait(&cv, &mtx, 100 * hz) == EWOULDBLOCK && mtx_owned(&mtx);
    mtx_unlock(&mtx);
    return ended;
}

static bool semaphore_ends(void)
{
    static uint64_t word;
    ksi_ksem_init(&word, 0, KSI_SITE());
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    int error = ksi_ksem_down(&word, 1000 * SECOND, false, KSI_SITE());
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    return error == -ETIMEDOUT;
}

static bool (*const dated[])(void) = {block_ends, tsleep_ends, cv_ends, semaphore_ends};
enum { DATED = sizeof dated / sizeof *dated };

START_TEST(a_clock_that_goes_back_ends_no_wait)
{
    STORE(&now, 900 * SECOND);
    parks = 0;
    (void)ksl_thread_self();
    ksi_seam = (struct ksi_seam){.park = back_and_on, .now = fake_now};
    bool ended = dated[_i]();
    ksi_seam = (struct ksi_seam){NULL, NULL, NULL};
    ck_assert(ended);
    ck_assert_uint_eq(parks, 4);
    ck_assert_uint_ge(now, 1000 * SECOND);
}
END_TEST

/* A jump by 200 years, to after all dates: the waits end, late and once. */
static enum ksi_park_result far_ahead(struct ksi_parker *p, uint64_t deadline)
{
    (void)p;
    (void)deadline;
    ADD(&parks, 1);
    STORE(&now, 200ull * 365 * 86400 * SECOND);
    return KSI_PARK_RETRY;
}

START_TEST(a_clock_that_jumps_ahead_ends_a_wait_once)
{
    parks = 0;
    STORE(&now, 900 * SECOND);
    (void)ksl_thread_self();
    ksi_seam = (struct ksi_seam){.park = far_ahead, .now = fake_now};
    bool ended = dated[_i]();
    ksi_seam = (struct ksi_seam){NULL, NULL, NULL};
    ck_assert(ended);
    ck_assert_uint_eq(parks, 1);
}
END_TEST

static void sleep_long(void *arg)
{
    *(int *)arg = tsleep(&sx, 0, "long", INT_MAX);
}

/* Dates beyond the end of the clock are no dates in the past. */
START_TEST(the_longest_times_do_not_wrap)
{
    struct actor a;
    int result = -1;
    hz = 1; /* 68 years */
    actor_start(&a, sleep_long, &result);
    wait_asleep(a.thread);
    wakeup(&sx);
    actor_join(&a);
    ck_assert_int_eq(result, 0);
    hz = 1000;
    struct timespec ts = {(time_t)(INT64_MAX / 1000000000), 999999999};
    ksl_block_prepare(KSL_BLOCK_UNINTERRUPTIBLE);
    ck_assert_int_eq(ksl_block_wake(ksl_thread_self()), 1);
    ck_assert_int_eq(ksl_block_until(&ts), 0);
}
END_TEST

static int handled; /* atomic */

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&handled, 1);
}

START_TEST(timer_dates_do_not_wrap)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, handler, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(IRQ + 1, KSL_STAGE_INBAND, 3, handler, NULL), 0);
    ck_assert_int_eq(ksl_irq_timer(IRQ, UINT64_MAX, UINT64_MAX), 0);
    ck_assert_int_eq(ksl_irq_timer(IRQ + 1, 1000, 0),
                     0); /* comes after that was looked at */
    WAIT_UNTIL(LOAD(&handled) > 0);
    ck_assert_int_eq(LOAD(&handled), 1);
    ck_assert_int_eq(ksl_irq_timer(IRQ, 1, UINT64_MAX), 0);
    WAIT_UNTIL(LOAD(&handled) > 1);
    ck_assert_int_eq(LOAD(&handled), 2);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ + 1), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("range");
    TCase *tc = tcase_create("range");
    tcase_add_test(tc, exclusive_holds_nest_past_16_bits);
    tcase_add_test(tc, shares_nest_past_16_bits);
    tcase_add_loop_test(tc, a_clock_that_goes_back_ends_no_wait, 0, DATED);
    tcase_add_loop_test(tc, a_clock_that_jumps_ahead_ends_a_wait_once, 0, DATED);
    tcase_add_test(tc, the_longest_times_do_not_wrap);
    tcase_add_test(tc, timer_dates_do_not_wrap);
    suite_add_tcase(s, tc);
    return support_run(s);
}
