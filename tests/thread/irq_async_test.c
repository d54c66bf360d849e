/* SPDX-License-Identifier: BSD-2-Clause */

/* Interrupts that come from other threads: errno, irq_free, where they run. */

#include "support.h"

#include <kslock/irq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <sched.h>
#include <string.h>

static int ran; /* atomic */

static void spoil_errno(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    errno = EMLINK;
    ADD(&ran, 1);
}

struct watcher {
    int stop; /* atomic */
    int bad;  /* atomic */
};

static void watch_errno(void *arg)
{
    struct watcher *w = arg;
    uint64_t state = 0;
    while (!LOAD(&w->stop) && support_keep_waiting(&state)) {
        errno = EPIPE;
        for (int i = 0; i < 1000; i++) {
            if (*(volatile int *)&errno != EPIPE)
                ADD(&w->bad, 1);
        }
    }
}

START_TEST(handlers_leave_errno_alone)
{
    struct watcher w = {0};
    struct actor a;
    STORE(&ran, 0);
    ck_assert_int_eq(ksl_irq_request(1, KSL_STAGE_INBAND, 1, spoil_errno, NULL), 0);
    actor_start(&a, watch_errno, &w);
    for (int i = 1; i <= 2000; i++) {
        ck_assert_int_eq(ksl_irq_raise_on(a.thread, 1), 0);
        WAIT_UNTIL(LOAD(&ran) == i);
    }
    STORE(&w.stop, 1);
    actor_join(&a);
    ck_assert_int_eq(w.bad, 0);
    ck_assert_int_eq(ksl_irq_free(1), 0);
}
END_TEST

/* No call of the library changes errno. */
START_TEST(irq_calls_leave_errno_alone)
{
    ck_assert_int_eq(ksl_irq_request(1, KSL_STAGE_INBAND, 1, spoil_errno, NULL), 0);
    errno = EDOM;
    (void)ksl_irq_request(1, KSL_STAGE_INBAND, 1, spoil_errno, NULL);
    (void)ksl_irq_raise(1);
    (void)ksl_irq_raise_on(ksl_thread_self(), 1);
    (void)ksl_irq_raise(63);
    (void)ksl_irq_timer(1, 1000000000000u, 0);
    (void)ksl_irq_timer(1, 0, 0);
    ksl_irq_restore(ksl_irq_save());
    (void)ksl_irq_free(1);
    (void)ksl_irq_free(1);
    ck_assert_int_eq(errno, EDOM);
}
END_TEST

/* ---- free waits for a running handler ---- */

static struct {
    int running, release, finished;  /* atomic */
    int freeing, freed, seen_at_end; /* atomic */
    int stop;                        /* atomic */
} f;

static void long_handler(int irq, void *arg)
{
    uint64_t state = 0;
    (void)irq;
    (void)arg;
    STORE(&f.running, 1);
    while (!LOAD(&f.release) && support_keep_waiting(&state))
        ;
    STORE(&f.finished, 1);
}

static void host(void *arg)
{
    uint64_t state = 0;
    (void)arg;
    while (!LOAD(&f.stop) && support_keep_waiting(&state))
        ;
}

static void free_it(void *arg)
{
    int *result = arg;
    STORE(&f.freeing, 1);
    *result = ksl_irq_free(2);
    STORE(&f.seen_at_end, LOAD(&f.finished));
    STORE(&f.freed, 1);
}

START_TEST(free_waits_for_the_handler)
{
    for (int round = 0; round < 20; round++) {
        struct actor target, freer;
        int result = 1;
        memset(&f, 0, sizeof f);
        ck_assert_int_eq(ksl_irq_request(2, KSL_STAGE_INBAND, 1, long_handler, NULL), 0);
        actor_start(&target, host, NULL);
        ck_assert_int_eq(ksl_irq_raise_on(target.thread, 2), 0);
        WAIT_UNTIL(LOAD(&f.running));
        actor_start(&freer, free_it, &result);
        WAIT_UNTIL(LOAD(&f.freeing));
        for (int i = 0; i < 200; i++)
            sched_yield(); /* a chance to return too early */
        ck_assert_int_eq(LOAD(&f.freed), 0);
        STORE(&f.release, 1);
        actor_join(&freer);
        ck_assert_int_eq(result, 0);
        ck_assert_int_eq(LOAD(&f.seen_at_end), 1);
        STORE(&f.stop, 1);
        actor_join(&target);
    }
}
END_TEST

/* ---- request, raise and free race ---- */

static struct {
    int stop;  /* atomic */
    int alive; /* atomic: a handler is installed */
    int bad;   /* atomic */
    int runs;  /* atomic */
} race;

static void must_be_alive(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (!LOAD(&race.alive))
        ADD(&race.bad, 1);
    ADD(&race.runs, 1);
}

static void raise_for_ever(void *arg)
{
    uint64_t state = 0;
    (void)arg;
    while (!LOAD(&race.stop) && support_keep_waiting(&state)) {
        int result = ksl_irq_raise(3);
        if (result != 0 && result != -ENOENT)
            ADD(&race.bad, 1);
    }
}

START_TEST(no_handler_runs_after_free)
{
    struct actor a;
    memset(&race, 0, sizeof race);
    actor_start(&a, raise_for_ever, NULL);
    for (int i = 0; i < 2000; i++) {
        STORE(&race.alive, 1);
        ck_assert_int_eq(ksl_irq_request(3, KSL_STAGE_INBAND, 1, must_be_alive, NULL), 0);
        if (i % 50 == 0) {
            int before = LOAD(&race.runs);
            WAIT_UNTIL(LOAD(&race.runs) != before);
        }
        ck_assert_int_eq(ksl_irq_free(3), 0);
        STORE(&race.alive, 0);
    }
    STORE(&race.stop, 1);
    actor_join(&a);
    ck_assert_int_eq(race.bad, 0);
}
END_TEST

/* ---- every thread is a CPU ---- */

enum { CPUS = 6 };
static ksl_thread *ran_on[CPUS];
static int ran_times[CPUS]; /* atomic */

static void note_thread(int irq, void *arg)
{
    (void)arg;
    ran_on[irq - 10] = ksl_thread_self();
    ADD(&ran_times[irq - 10], 1);
}

START_TEST(raise_on_reaches_its_thread_and_no_other)
{
    struct actor a[CPUS];
    memset(&f, 0, sizeof f);
    memset(ran_times, 0, sizeof ran_times);
    for (int i = 0; i < CPUS; i++) {
        actor_start(&a[i], host, NULL);
        ck_assert_int_eq(ksl_irq_request(10 + i, KSL_STAGE_INBAND, 1, note_thread, NULL),
                         0);
    }
    for (int i = 0; i < CPUS; i++)
        ck_assert_int_eq(ksl_irq_raise_on(a[i].thread, 10 + i), 0);
    for (int i = 0; i < CPUS; i++) {
        WAIT_UNTIL(LOAD(&ran_times[i]) == 1);
        ck_assert_ptr_eq(ran_on[i], a[i].thread);
    }
    STORE(&f.stop, 1);
    for (int i = 0; i < CPUS; i++) {
        actor_join(&a[i]);
        ck_assert_int_eq(ksl_irq_free(10 + i), 0);
        ck_assert_int_eq(LOAD(&ran_times[i]), 1);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("irq_async");
    TCase *tc = tcase_create("async");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, handlers_leave_errno_alone);
    tcase_add_test(tc, irq_calls_leave_errno_alone);
    tcase_add_test(tc, free_waits_for_the_handler);
    tcase_add_test(tc, no_handler_runs_after_free);
    tcase_add_test(tc, raise_on_reaches_its_thread_and_no_other);
    suite_add_tcase(s, tc);
    return support_run(s);
}
