/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * No call of the library is a cancellation point: a thread that has been cancelled, with
 * the type of cancellation that all threads begin with, goes on until it comes to a call
 * of its own that is one. So no lock is left half taken, and none of the library's own.
 */

#include "any_lock.h"
#include "outcome.h"
#include "puppet.h"

#include <kslock/kslock.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct call {
    void (*fn)(void *arg);
    void *arg;
    ksl_thread *thread; /* atomic */
    int went_on;
    void *end;
};

static void *cancelled(void *arg)
{
    struct call *c = arg;
    STORE(&c->thread, ksl_thread_self());
    (void)pthread_cancel(pthread_self());
    c->fn(c->arg);
    c->went_on = 1;
    pthread_testcancel();
    return NULL;
}

static pthread_t begin(struct call *c)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancelled, c), 0);
    WAIT_UNTIL(LOAD(&c->thread) != NULL);
    return thread;
}

static void end(const struct call *c, pthread_t thread)
{
    void *result = NULL;
    ck_assert_int_eq(pthread_join(thread, &result), 0);
    ck_assert_msg(c->went_on == 1, "it ended in the call");
    ck_assert_ptr_eq(result, PTHREAD_CANCELED);
}

static void run(void (*fn)(void *arg), void *arg)
{
    struct call c = {.fn = fn, .arg = arg};
    end(&c, begin(&c));
}

static void take_and_give(void *arg)
{
    const struct any_lock *l = arg;
    l->take(0);
    l->give(0);
}

static int take(void *arg)
{
    ((const struct any_lock *)arg)->take(0);
    return 0;
}

static int give(void *arg)
{
    ((const struct any_lock *)arg)->give(0);
    return 0;
}

static void wait_a_moment(void)
{
    uint64_t turn = 0;
    for (int i = 0; i < 1000; i++) /* some naps, maybe */
        (void)support_keep_waiting(&turn);
}

START_TEST(who_waits_for_a_lock_gets_it)
{
    struct any_lock lock = *any_lock_at((unsigned)_i);
    struct call c = {.fn = take_and_give, .arg = &lock};
    struct puppet holder;
    bool waits = (lock.can & ANY_SHARED) == 0;
    puppet_start(&holder);
    lock.fresh(0, "it");
    if (waits)
        ask(&holder, take, &lock);
    pthread_t thread = begin(&c);
    if (waits && (lock.can & ANY_SLEEPS) != 0 && (lock.can & ANY_NO_ORDER) == 0)
        wait_asleep(c.thread);
    else
        wait_a_moment();
    if (waits)
        ask(&holder, give, &lock);
    end(&c, thread);
    ask(&holder, take, &lock);
    ask(&holder, give, &lock);
    puppet_end(&holder);
}
END_TEST

static ksl_mutex_t a, b;

static void take_two(ksl_mutex_t *first, ksl_mutex_t *second)
{
    ksl_mutex_acquire(first);
    ksl_mutex_acquire(second);
    ksl_mutex_release(second);
    ksl_mutex_release(first);
}

static void reverse(void *arg)
{
    (void)arg;
    take_two(&a, &b);
    take_two(&b, &a);
}

START_TEST(who_is_reported_goes_on)
{
    unsigned long before = ksl_violation_count();
    ck_assert_int_eq(ksl_diag_enable("order,report=/dev/null"), 0);
    run(reverse, NULL);
    ck_assert_uint_eq(ksl_violation_count(), before + 1);
    ck_assert_int_eq(ksl_mutex_try_acquire(&a), 1);
    ck_assert_int_eq(ksl_mutex_try_acquire(&b), 1);
    ksl_mutex_release(&b);
    ksl_mutex_release(&a);
}
END_TEST

static void enable(void *arg)
{
    *(int *)arg = ksl_diag_enable("order,stats,report=/dev/null,suppress=/dev/null");
}

START_TEST(who_switches_on_goes_on)
{
    int error = -1;
    run(enable, &error);
    ck_assert_int_eq(error, 0);
    ck_assert_int_eq(ksl_diag_enable("report=/dev/null"), 0);
}
END_TEST

static void show(void *arg)
{
    (void)ksl_diag_stats(*(int *)arg, 0);
    (void)ksl_diag_trace(*(int *)arg);
    ksl_diag_dump(*(int *)arg);
}

START_TEST(who_asks_for_a_report_goes_on)
{
    int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ksl_diag_enable("stats=/dev/null,trace=/dev/null"), 0);
    run(show, &fd);
    (void)close(fd);
}
END_TEST

static void misuse(const void *arg)
{
    (void)arg;
    (void)pthread_cancel(pthread_self());
    ksl_mutex_release(&a);
}

START_TEST(who_is_to_abort_aborts)
{
    char text[4096];
    int status = child_output(misuse, NULL, text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%x: %s",
                  (unsigned)status, text);
    ck_assert_ptr_nonnull(strstr(text, "not-locked"));
}
END_TEST

static void end_by_signal(const void *signo)
{
    (void)signal(*(const int *)signo, SIG_DFL); /* Check has handlers */
    (void)ksl_diag_enable("stats=/dev/null");
    (void)pthread_cancel(pthread_self());
    (void)raise(*(const int *)signo);
}

START_TEST(who_ends_by_a_signal_ends_the_program)
{
    static const int signals[] = {SIGTERM, SIGABRT};
    char text[4096];
    int status = child_output(end_by_signal, &signals[_i], text, sizeof text);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == signals[_i], "%x: %s",
                  (unsigned)status, text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cancel");
    TCase *tc = tcase_create("goes on");
    tcase_add_loop_test(tc, who_waits_for_a_lock_gets_it, 0, (int)any_locks());
    tcase_add_test(tc, who_is_reported_goes_on);
    tcase_add_test(tc, who_is_to_abort_aborts);
    tcase_add_loop_test(tc, who_ends_by_a_signal_ends_the_program, 0, 2);
    tcase_add_test(tc, who_switches_on_goes_on);
    tcase_add_test(tc, who_asks_for_a_report_goes_on);
    suite_add_tcase(s, tc);
    return support_run(s);
}
