/* SPDX-License-Identifier: BSD-2-Clause */
/* Without a violation handler a panic is printed and aborts; a report goes on. */
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/spinlock.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "outcome.h"
#include "support.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IRQ = 7, IRQ_LEVEL = 5 };

struct outcome {
    int status;
    char text[4096];
};

static void call(const void *misuse)
{
    ksl_set_violation_handler(NULL, NULL);
    (*(void (*const *)(void))misuse)();
}

/* Runs misuse() in a child process; keeps its end and what it printed. */
static void run(void (*misuse)(void), struct outcome *out)
{
    out->status = child_output(call, &misuse, out->text, sizeof out->text);
}

static void check_panic(void (*misuse)(void), const char *rule)
{
    struct outcome out;
    char start[64];
    run(misuse, &out);
    snprintf(start, sizeof start, "kslock: panic: %s: ", rule);
    ck_assert_msg(strncmp(out.text, start, strlen(start)) == 0, "printed: %s", out.text);
    ck_assert_msg(WIFSIGNALED(out.status) && WTERMSIG(out.status) == SIGABRT,
                  "ended with status %#x after: %s", (unsigned)out.status, out.text);
}

static void spinlock_not_locked(void)
{
    static spinlock_t lock;
    spinlock_release(&lock);
}

static void spinlock_recursion(void)
{
    static spinlock_t lock;
    spinlock_acquire(&lock);
    spinlock_acquire(&lock);
}

static void mutex_not_locked(void)
{
    static mutex_t mutex;
    mutex_release(&mutex);
}

static void rwlock_not_locked(void)
{
    static rwlock_t lock;
    rwlock_raw_release_write(&lock);
}

static void rwsem_recursion(void)
{
    static rwsem_t sem;
    rwsem_acquire_read(&sem);
    rwsem_acquire_write(&sem);
}

static void rwsem_too_many(void)
{
    static rwsem_t sem[65];
    for (int i = 0; i < 65; i++)
        rwsem_acquire_read(&sem[i]);
}

static void acquire_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)mutex_acquire(arg);
}

static void mutex_irq_sleep(void)
{
    static mutex_t mutex;
    (void)ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, acquire_in_handler, &mutex);
    (void)ksl_irq_raise_on(ksl_thread_self(), IRQ);
}

static mutex_t others;

static void *take_others(void *arg)
{
    mutex_acquire(&others);
    STORE((int *)arg, 1);
    for (;;)
        pause();
    return NULL;
}

static void mutex_not_owner(void)
{
    pthread_t t;
    int taken = 0;
    if (pthread_create(&t, NULL, take_others, &taken) != 0)
        return;
    uint64_t state = 0;
    while (!LOAD(&taken) && support_keep_waiting(&state)) {
    }
    mutex_release(&others);
}

START_TEST(S7_M4_R6_panics_print_their_rule_and_abort)
{
    check_panic(spinlock_not_locked, "not-locked");
    check_panic(spinlock_recursion, "recursion");
    check_panic(mutex_not_locked, "not-locked");
    check_panic(mutex_not_owner, "not-owner");
    check_panic(mutex_irq_sleep, "irq-sleep");
    check_panic(rwlock_not_locked, "not-locked");
    check_panic(rwsem_recursion, "recursion");
    check_panic(rwsem_too_many, "bad-argument");
}
END_TEST

static void *leave_with_mutex(void *arg)
{
    mutex_acquire(arg);
    return NULL;
}

static void exit_held(void)
{
    static mutex_t mutex;
    pthread_t t;
    if (pthread_create(&t, NULL, leave_with_mutex, &mutex) != 0)
        return;
    pthread_join(t, NULL);
    _exit(ksl_violation_count() == 1 ? 42 : 1);
}

START_TEST(T21_a_report_is_printed_and_the_process_goes_on)
{
    static const char start[] = "kslock: report: exit-held: ";
    struct outcome out;
    run(exit_held, &out);
    ck_assert_msg(strncmp(out.text, start, strlen(start)) == 0, "printed: %s", out.text);
    ck_assert(WIFEXITED(out.status));
    ck_assert_int_eq(WEXITSTATUS(out.status), 42);
}
END_TEST

START_TEST(M4_default_panic_raises_sigabrt)
{
    mutex_not_locked();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix panic");
    TCase *tc = tcase_create("panic");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, S7_M4_R6_panics_print_their_rule_and_abort);
    tcase_add_test(tc, T21_a_report_is_printed_and_the_process_goes_on);
    const char *fork_mode = getenv("CK_FORK");
    if (fork_mode == NULL || strcmp(fork_mode, "no") != 0)
        tcase_add_test_raise_signal(tc, M4_default_panic_raises_sigabrt, SIGABRT);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
