/* SPDX-License-Identifier: BSD-2-Clause */

/* Interrupts and timers in a forked child. */

#include "child.h"
#include "sanitized.h"
#include "support.h"

#include <kslock/irq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#if RACE_DETECTOR
/* The child starts threads, which this sanitizer forbids by default. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "die_after_fork=0";
}
#endif

enum { TIMED = 1, REFERENCE = 2, MS = 1000000 };

static int ticks[3]; /* atomic, by irq */

static void tick(int irq, void *arg)
{
    (void)arg;
    ADD(&ticks[irq], 1);
}

static void idle(void *arg)
{
    uint64_t state = 0;
    while (!LOAD((int *)arg) && support_keep_waiting(&state))
        ;
}

static void reference_ticks(int n)
{
    int from = LOAD(&ticks[REFERENCE]);
    CHILD_CHECK(ksl_irq_timer(REFERENCE, 2 * MS, 2 * MS) == 0);
    CHILD_WAIT(LOAD(&ticks[REFERENCE]) >= from + n);
    CHILD_CHECK(ksl_irq_timer(REFERENCE, 0, 0) == 0);
}

static void child_interrupts(void)
{
    struct actor a;
    int stop = 0, before = LOAD(&ticks[TIMED]);
    CHILD_CHECK(ksl_irq_raise_on(ksl_thread_self(), TIMED) == 0);
    CHILD_CHECK(LOAD(&ticks[TIMED]) > before);
    reference_ticks(2);
    before = LOAD(&ticks[TIMED]); /* the parent's timer does not run here */
    reference_ticks(5);
    CHILD_CHECK(LOAD(&ticks[TIMED]) == before);

    actor_start(&a, idle, &stop);
    CHILD_CHECK(ksl_irq_raise_on(a.thread, TIMED) == 0);
    CHILD_WAIT(LOAD(&ticks[TIMED]) == before + 1);
    STORE(&stop, 1);
    actor_join(&a);
    CHILD_CHECK(ksl_irq_free(TIMED) == 0);
    CHILD_CHECK(ksl_irq_request(TIMED, KSL_STAGE_OOB, 2, tick, NULL) == 0);
}

START_TEST(interrupts_and_timers_in_the_child)
{
    if (!support_fork_threads())
        return;
    ck_assert_int_eq(ksl_irq_request(TIMED, KSL_STAGE_INBAND, 3, tick, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(REFERENCE, KSL_STAGE_INBAND, 3, tick, NULL), 0);
    ck_assert_int_eq(ksl_irq_timer(TIMED, MS, MS), 0);
    /* A sanitizer's allocator may be locked while the timer's thread starts. */
    WAIT_UNTIL(LOAD(&ticks[TIMED]) > 0);
    in_child(child_interrupts);
    int from = LOAD(&ticks[TIMED]);
    WAIT_UNTIL(LOAD(&ticks[TIMED]) > from); /* still running in the parent */
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
    ck_assert_int_eq(ksl_irq_free(REFERENCE), 0);
}
END_TEST

static void child_pending(void)
{
    CHILD_CHECK(!ksl_irq_enabled());
    ksl_irq_restore(0);
    CHILD_CHECK(ksl_irq_enabled());
    CHILD_CHECK(ksl_irq_raise_on(ksl_thread_self(), TIMED) == 0);
    CHILD_CHECK(LOAD(&ticks[TIMED]) >= 1);
}

/* The mask is kept over fork; opening it works in the child and in the parent. */
START_TEST(fork_with_interrupts_masked)
{
    STORE(&ticks[TIMED], 0);
    ck_assert_int_eq(ksl_irq_request(TIMED, KSL_STAGE_INBAND, 3, tick, NULL), 0);
    unsigned state = ksl_irq_save();
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), TIMED), 0);
    in_child(child_pending);
    ck_assert_int_eq(LOAD(&ticks[TIMED]), 0);
    ksl_irq_restore(state);
    ck_assert_int_eq(LOAD(&ticks[TIMED]), 1);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
}
END_TEST

enum { LIMIT_S = 20 };

static pid_t forked = -1; /* 0: this is the child */

/* The handler of an interrupt opens it, and is interrupted by the same one, which forks.
 */
static void nest_and_fork(int irq, void *arg)
{
    int *depth = arg;
    if (++*depth == 2) {
        forked = fork();
    } else {
        (void)ksl_irq_set_level(0);
        (void)ksl_irq_raise_on(ksl_thread_self(), irq);
    }
    --*depth;
}

START_TEST(fork_in_a_handler_that_is_nested_in_itself)
{
    int depth = 0, status = -1;
    ck_assert_int_eq(ksl_irq_request(TIMED, KSL_STAGE_INBAND, 3, nest_and_fork, &depth),
                     0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), TIMED), 0);
    if (forked == 0) {
        alarm(LIMIT_S);
        _exit(ksl_irq_free(TIMED) == 0 ? 0 : 1);
    }
    ck_assert_int_gt(forked, 0);
    ck_assert_int_eq(waitpid(forked, &status, 0), forked);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
    ck_assert_int_eq(ksl_irq_free(TIMED), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("irq_fork");
    TCase *tc = tcase_create("fork");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, interrupts_and_timers_in_the_child);
    tcase_add_test(tc, fork_with_interrupts_masked);
    tcase_add_test(tc, fork_in_a_handler_that_is_nested_in_itself);
    suite_add_tcase(s, tc);
    return support_run(s);
}
