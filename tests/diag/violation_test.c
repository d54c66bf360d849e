/* SPDX-License-Identifier: BSD-2-Clause */

/* <kslock/violation.h>: what is printed, what a handler gets, what is refused. */

#include "outcome.h"
#include "readback.h"
#include "support.h"

#include <kslock/kslock.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- the default, in a child ---- */

static char output[65536];

static void call(const void *fn)
{
    alarm(SUPPORT_DEADLINE_S);
    (*(void (*const *)(void))fn)();
}

/* Runs fn in a child with stderr in `output`; returns the wait status. */
static int run_child(void (*fn)(void))
{
    return child_output(call, &fn, output, sizeof output);
}

static unsigned occurrences(const char *text)
{
    unsigned n = 0;
    for (const char *p = output; (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

static unsigned lines(void)
{
    return occurrences("\n");
}

static void release_free_mutex(void)
{
    ksl_mutex_t m = KSL_MUTEX_INIT;
    ksl_mutex_release(&m);
}

static void take_spinlock_twice(void)
{
    ksl_spinlock_t l = KSL_SPINLOCK_INIT;
    ksl_spinlock_acquire(&l);
    ksl_spinlock_acquire(&l);
}

static void bad_level(void)
{
    (void)ksl_irq_set_level(12);
}

START_TEST(a_panic_prints_and_aborts)
{
    static void (*const fn[])(void) = {release_free_mutex, take_spinlock_twice,
                                       bad_level};
    static const char *const rule[] = {"not-locked", "recursion", "bad-argument"};
    char begin[64];
    int status = run_child(fn[_i]);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x: %s",
                  (unsigned)status, output);
    snprintf(begin, sizeof begin, "kslock: panic: %s: ", rule[_i]);
    ck_assert_msg(strstr(output, begin) != NULL, "no '%s': %s", begin, output);
    ck_assert_uint_eq(occurrences("kslock: panic: "), 1);
    ck_assert_msg(lines() >= 2, "no backtrace: %s", output);
}
END_TEST

static volatile int site;

/* Two places that differ in more than their addresses. */
static __attribute__((noinline)) void report_here(ksl_mutex_t *m)
{
    site = 1;
    ksl_syscall_enter();
    (void)ksl_mutex_acquire(m);
    (void)ksl_syscall_exit();
    site += 2;
    ksl_mutex_release(m);
}

static __attribute__((noinline)) void report_there(ksl_mutex_t *m)
{
    site = 7;
    ksl_syscall_enter();
    (void)ksl_mutex_acquire(m);
    site -= 3;
    (void)ksl_syscall_exit();
    ksl_mutex_release(m);
}

static void report_often(void)
{
    static ksl_mutex_t m;
    unsigned long before = ksl_violation_count();
    for (int i = 0; i < 5; i++)
        report_here(&m);
    for (int i = 0; i < 5; i++)
        report_there(&m);
    if (ksl_violation_count() - before != 10)
        _exit(3);
}

START_TEST(a_report_is_printed_once_per_place_and_counted_each_time)
{
    int status = run_child(report_often);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: %s",
                  (unsigned)status, output);
    ck_assert_msg(occurrences("kslock: report: exit-held: ") == 2, "not two reports: %s",
                  output);
    ck_assert_uint_eq(occurrences("kslock: panic: "), 0);
}
END_TEST

/* The place is that of all locks, the other one of a pair is the lock. */
START_TEST(so_are_many_reports)
{
    enum { MANY = 300 };
    static ksl_mutex_t locks[MANY];
    static struct report_file file;
    char list[128], line[4096];
    unsigned long before = ksl_violation_count();
    unsigned printed = 0;
    report_file_new(&file);
    snprintf(list, sizeof list, "order,report=%s", file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    for (unsigned i = 0; i < 2 * MANY; i++) {
        (void)ksl_mutex_acquire(&locks[i % MANY]); /* not there */
        ksl_mutex_release(&locks[i % MANY]);
    }
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    FILE *f = fopen(file.path, "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f) != NULL)
        printed += strncmp(line, "kslock: report: stage: ", 23) == 0;
    fclose(f);
    report_file_end(&file);
    ck_assert_uint_eq(ksl_violation_count() - before, 2 * MANY);
    ck_assert_uint_eq(printed, MANY);
}
END_TEST

static void swallow(const ksl_violation *v, void *arg)
{
    (void)v;
    ++*(int *)arg;
}

static void handler_then_default(void)
{
    int calls = 0;
    ksl_set_violation_handler(swallow, &calls);
    release_free_mutex();
    if (calls != 1)
        _exit(3);
    ksl_set_violation_handler(NULL, NULL);
    release_free_mutex();
}

START_TEST(null_brings_the_default_back)
{
    int status = run_child(handler_then_default);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x: %s",
                  (unsigned)status, output);
    ck_assert_uint_eq(occurrences("kslock: panic: not-locked: "), 1);
}
END_TEST

/* ---- a handler ---- */

struct seen {
    int calls;
    ksl_violation last;
    char rule[32], message[1024];
};

static void see(const ksl_violation *v, void *arg)
{
    struct seen *s = arg;
    s->calls++;
    s->last = *v;
    snprintf(s->rule, sizeof s->rule, "%s", v->rule);
    snprintf(s->message, sizeof s->message, "%s", v->message);
}

START_TEST(the_handler_gets_every_occurrence)
{
    struct seen s = {0};
    ksl_mutex_t m = KSL_MUTEX_INIT;
    ksl_set_violation_handler(see, &s);
    unsigned long before = ksl_violation_count();
    for (int i = 0; i < 5; i++) {
        report_here(&m);
        ksl_mutex_release(&m);
    }
    ck_assert_int_eq(s.calls, 10);
    ck_assert_uint_eq(ksl_violation_count() - before, 10);
    ksl_set_violation_handler(NULL, NULL);
}
END_TEST

START_TEST(fields_are_filled)
{
    struct seen s = {0};
    ksl_mutex_t m = KSL_MUTEX_INIT;
    ksl_set_violation_handler(see, &s);
    ksl_mutex_release(&m);
    ck_assert_int_eq(s.calls, 1);
    ck_assert_int_eq(s.last.severity, KSL_PANIC);
    ck_assert_str_eq(s.rule, "not-locked");
    ck_assert_str_ne(s.message, "");
    ck_assert_ptr_null(strchr(s.message, '\n'));
    ck_assert_ptr_eq(s.last.lock, &m);
    ck_assert_ptr_eq(s.last.thread, ksl_thread_self());
    ck_assert((s.last.file == NULL) == (s.last.line == 0));

    (void)ksl_irq_set_level(99);
    ck_assert_str_eq(s.rule, "bad-argument");
    ck_assert_ptr_null(s.last.lock);

    report_here(&m);
    ck_assert_int_eq(s.last.severity, KSL_REPORT);
    ck_assert_str_eq(s.rule, "exit-held");
    ck_assert_int_eq(s.calls, 3);
    ksl_set_violation_handler(NULL, NULL);
}
END_TEST

/* ---- refused operations change nothing ---- */

struct holder {
    ksl_mutex_t *m;
    int held, go; /* atomic */
};

static void hold(void *arg)
{
    struct holder *h = arg;
    uint64_t state = 0;
    (void)ksl_mutex_acquire(h->m);
    STORE(&h->held, 1);
    while (!LOAD(&h->go) && support_keep_waiting(&state))
        ;
    ksl_mutex_release(h->m);
}

START_TEST(release_by_another_thread)
{
    ksl_mutex_t m = KSL_MUTEX_INIT;
    struct holder h = {.m = &m};
    struct actor a;
    actor_start(&a, hold, &h);
    WAIT_UNTIL(LOAD(&h.held));
    recorder_start();
    ksl_mutex_release(&m);
    ASSERT_VIOLATED("not-owner");
    ck_assert_ptr_eq(recorder_last().lock, &m);
    ck_assert_ptr_eq(recorder_last().thread, ksl_thread_self());
    ck_assert_int_eq(ksl_mutex_try_acquire(&m), 0);
    STORE(&h.go, 1);
    actor_join(&a);
    ck_assert_uint_eq(recorder_count(NULL), 1); /* the owner's release was legal */
    ck_assert_int_eq(ksl_mutex_try_acquire(&m), 1);
    ksl_mutex_release(&m);
    recorder_stop();
}
END_TEST

START_TEST(spinlock_recursion)
{
    ksl_spinlock_t l = KSL_SPINLOCK_INIT;
    recorder_start();
    ksl_spinlock_acquire(&l);
    ksl_spinlock_acquire(&l);
    ASSERT_VIOLATED("recursion");
    ck_assert(ksl_spinlock_held(&l));
    ck_assert(!ksl_irq_enabled());
    ksl_spinlock_release(&l);
    ck_assert(!ksl_spinlock_held(&l));
    ck_assert(ksl_irq_enabled()); /* the refused call saved nothing */
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_start();
    ksl_spinlock_assert_held(&l);
    ASSERT_VIOLATED("assertion");
    recorder_start();
    ksl_spinlock_release(&l);
    ASSERT_VIOLATED("not-locked");
    recorder_stop();
}
END_TEST

START_TEST(rwsem_read_to_write)
{
    ksl_rwsem_t s = KSL_RWSEM_INIT;
    recorder_start();
    ck_assert_int_eq(ksl_rwsem_acquire_read(&s), 0);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&s), -EPERM);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(ksl_rwsem_release_read(&s), 0);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_start();
    ck_assert_int_eq(ksl_rwsem_release_read(&s), -EPERM);
    ASSERT_VIOLATED("not-locked");
    recorder_start();
    ck_assert_int_eq(ksl_rwsem_release_write(&s), -EPERM);
    ASSERT_VIOLATED("not-locked");
    recorder_start();
    ck_assert_int_eq(ksl_rwsem_acquire_write(&s), 0);
    ck_assert_int_eq(ksl_rwsem_release_write(&s), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

static struct {
    ksl_mutex_t m;
    ksl_rwsem_t s;
    ksl_cond_t c;
    ksl_sleep_queue_t q;
    int result[8];
    unsigned n;
} in_irq;

static void block_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    in_irq.n = 0;
    in_irq.result[in_irq.n++] = ksl_mutex_acquire(&in_irq.m);
    in_irq.result[in_irq.n++] = ksl_rwsem_acquire_read(&in_irq.s);
    in_irq.result[in_irq.n++] = ksl_rwsem_acquire_write(&in_irq.s);
    in_irq.result[in_irq.n++] = ksl_cond_wait(&in_irq.c, 0); /* contended or not */
    in_irq.result[in_irq.n++] = ksl_cond_wait_interruptible(&in_irq.c, 1);
    in_irq.result[in_irq.n++] = ksl_sleepq_sleep(&in_irq.q, 0);
    in_irq.result[in_irq.n++] = ksl_block_check();
    in_irq.result[in_irq.n++] = ksl_block();
}

START_TEST(blocking_calls_in_a_handler)
{
    memset(&in_irq, 0, sizeof in_irq);
    ck_assert_int_eq(ksl_irq_request(4, KSL_STAGE_INBAND, 2, block_in_handler, NULL), 0);
    recorder_start();
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 4), 0);
    ck_assert_uint_eq(in_irq.n, 8);
    for (unsigned i = 0; i < in_irq.n; i++)
        ck_assert_msg(in_irq.result[i] == -EPERM, "call %u gave %d", i, in_irq.result[i]);
    ck_assert_uint_eq(recorder_count("irq-sleep"), 8);
    ck_assert_uint_eq(recorder_count(NULL), 8);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&in_irq.s), 0); /* all is free */
    ck_assert_int_eq(ksl_rwsem_release_write(&in_irq.s), 0);
    recorder_stop();
    ck_assert_int_eq(ksl_irq_free(4), 0);
}
END_TEST

static void wait_for_one(void *arg)
{
    (void)ksl_cond_wait(arg, 1);
}

START_TEST(destroy_with_a_waiter)
{
    ksl_cond_t c = KSL_COND_INIT;
    struct actor a;
    actor_start(&a, wait_for_one, &c);
    wait_asleep(a.thread);
    recorder_start();
    ksl_cond_destroy(&c);
    ASSERT_VIOLATED("destroy-held");
    ck_assert_ptr_eq(recorder_last().lock, &c);
    ck_assert(ksl_thread_asleep(a.thread));
    ksl_cond_set(&c, 1);
    actor_join(&a);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("violation");
    TCase *tc = tcase_create("violation");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_panic_prints_and_aborts, 0, 3);
    tcase_add_test(tc, a_report_is_printed_once_per_place_and_counted_each_time);
    tcase_add_test(tc, so_are_many_reports);
    tcase_add_test(tc, null_brings_the_default_back);
    tcase_add_test(tc, the_handler_gets_every_occurrence);
    tcase_add_test(tc, fields_are_filled);
    tcase_add_test(tc, release_by_another_thread);
    tcase_add_test(tc, spinlock_recursion);
    tcase_add_test(tc, rwsem_read_to_write);
    tcase_add_test(tc, blocking_calls_in_a_handler);
    tcase_add_test(tc, destroy_with_a_waiter);
    suite_add_tcase(s, tc);
    return support_run(s);
}
