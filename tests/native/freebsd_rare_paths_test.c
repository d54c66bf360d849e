/* SPDX-License-Identifier: BSD-2-Clause */
/* Sleeps with locks that are held in a way that cannot be given back for the sleep. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/sleepq.h>

#include "puppet.h"

#include <errno.h>

static struct sx sx;
static struct mtx spin, outer, sleeping;
static int chan;

static void begin(void)
{
    sx_init_flags(&sx, "rare", SX_RECURSE);
    mtx_init(&spin, "spin", NULL, MTX_SPIN | MTX_RECURSE);
    mtx_init(&outer, "outer", NULL, MTX_SPIN);
    mtx_init(&sleeping, "sleeping", NULL, MTX_DEF);
    recorder_start();
}

static void end(void)
{
    recorder_stop();
    mtx_destroy(&sleeping);
    mtx_destroy(&outer);
    mtx_destroy(&spin);
    sx_destroy(&sx);
}

/* Refused at once, and what is held stays held. */
START_TEST(sleep_refuses_two_shares_of_its_lock)
{
    begin();
    sx_slock(&sx);
    sx_slock(&sx);
    ck_assert_int_eq(sx_sleep(&chan, &sx, 0, "two", 1), EINVAL);
    ck_assert_uint_eq(recorder_count("recursion"), 1);
    sx_assert(&sx, SA_SLOCKED);
    sx_sunlock(&sx);
    sx_sunlock(&sx);
    sx_assert(&sx, SA_UNLOCKED);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    end();
}
END_TEST

START_TEST(sleep_refuses_a_recursed_spin_mutex)
{
    begin();
    mtx_lock_spin(&spin);
    mtx_lock_spin(&spin);
    ck_assert_int_eq(msleep_spin(&chan, &spin, "recursed", 1), EINVAL);
    ck_assert_uint_eq(recorder_count("recursion"), 1);
    ck_assert(mtx_recursed(&spin));
    ck_assert(!ksl_irq_enabled());
    mtx_unlock_spin(&spin);
    mtx_unlock_spin(&spin);
    ck_assert(ksl_irq_enabled());
    ck_assert_uint_eq(recorder_count(NULL), 1);
    end();
}
END_TEST

START_TEST(sleep_refuses_a_spin_mutex_that_is_none)
{
    struct mtx dead;
    begin();
    mtx_init(&dead, "dead", NULL, MTX_SPIN);
    mtx_destroy(&dead);
    ck_assert_int_eq(msleep_spin(&chan, &dead, "dead", 1), EINVAL);
    ck_assert_uint_eq(recorder_count("destroyed"), 1);
    ck_assert_int_eq(msleep_spin(&chan, &sleeping, "sleeping", 1), EINVAL);
    ck_assert_uint_eq(recorder_count("bad-argument"), 1);
    ck_assert_uint_eq(recorder_count(NULL), 2);
    end();
}
END_TEST

/* The second spin mutex would stay, and with it the mask. */
START_TEST(sleep_refuses_what_another_spin_mutex_masks)
{
    begin();
    mtx_lock_spin(&outer);
    mtx_lock_spin(&spin);
    ck_assert_int_eq(msleep_spin(&chan, &spin, "two", 1), EINVAL);
    ck_assert_uint_eq(recorder_count("masked-sleep"), 1);
    ck_assert(mtx_owned(&spin));
    ck_assert(mtx_owned(&outer));
    ck_assert(!ksl_irq_enabled());
    mtx_unlock_spin(&spin);
    ck_assert(!ksl_irq_enabled());
    mtx_unlock_spin(&outer);
    ck_assert(ksl_irq_enabled());
    end();
}
END_TEST

/* A wait that was prepared and not begun ends with the next sleep. */
static int prepare_and_sleep(void *queue)
{
    ksl_sleepq_prepare(queue, 0);
    return tsleep(&chan, 0, NULL, 1000000);
}

START_TEST(sleep_ends_a_wait_that_was_prepared)
{
    static ksl_sleep_queue_t queue;
    struct puppet p;
    begin();
    puppet_start(&p);
    tell_blocked(&p, prepare_and_sleep, &queue);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0);
    still_asleep(&p);
    wakeup(&chan);
    ck_assert_int_eq(answer(&p), 0);
    puppet_end(&p);
    end();
}
END_TEST

/* Without a name, too, a refusal is a message. */
START_TEST(init_refuses_unknown_flags_of_a_lock_without_a_name)
{
    struct mtx m = {0};
    struct sx s = {0};
    recorder_start();
    mtx_init(&m, NULL, NULL, 0x02000000);
    ck_assert_uint_eq(recorder_count("bad-argument"), 1);
    sx_init_flags(&s, NULL, 0x02000000);
    ck_assert_uint_eq(recorder_count("bad-argument"), 2);
    ck_assert(!mtx_initialized(&m));
    recorder_stop();
}
END_TEST

/* The options that change no semantics here may be given together with those that do. */
START_TEST(init_takes_all_options_of_a_mutex)
{
    struct mtx m = {0};
    recorder_start();
    mtx_init(&m, "all", NULL,
             MTX_DEF | MTX_RECURSE | MTX_NOWITNESS | MTX_NOPROFILE | MTX_NEW | MTX_QUIET |
                 MTX_DUPOK);
    mtx_lock(&m);
    mtx_lock(&m);
    ck_assert(mtx_recursed(&m));
    mtx_unlock(&m);
    mtx_unlock(&m);
    ck_assert(!mtx_owned(&m));
    mtx_destroy(&m);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd_rare_paths");
    TCase *c = tcase_create("freebsd_rare_paths");
    tcase_add_test(c, sleep_refuses_two_shares_of_its_lock);
    tcase_add_test(c, sleep_refuses_a_recursed_spin_mutex);
    tcase_add_test(c, sleep_refuses_a_spin_mutex_that_is_none);
    tcase_add_test(c, sleep_refuses_what_another_spin_mutex_masks);
    tcase_add_test(c, sleep_ends_a_wait_that_was_prepared);
    tcase_add_test(c, init_refuses_unknown_flags_of_a_lock_without_a_name);
    tcase_add_test(c, init_takes_all_options_of_a_mutex);
    suite_add_tcase(s, c);
    return support_run(s);
}
