/* SPDX-License-Identifier: BSD-2-Clause */

/* Faults of earlier versions: blocking, tasks, cancellation, panics. */

#include "sanitized.h"
#include "support.h"

#include <kslock/kslock.h>

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PREPARES = 4000000, PREPARES_SLOW = 30000 };

enum { IRQ = 4, QUEUES = 64 };

static ksl_sleep_queue_t queues[QUEUES];

static void prepare_everywhere(void *arg)
{
    (void)arg;
    unsigned n = SANITIZED || ON_VALGRIND ? PREPARES_SLOW : PREPARES;
    for (unsigned i = 0; i < n; i++) {
        ksl_sleepq_prepare(&queues[i * 7 % QUEUES], KSL_BLOCK_UNINTERRUPTIBLE);
        ksl_block_cancel();
    }
}

START_TEST(B4_unblock_races_with_queueing_elsewhere)
{
    struct actor a;
    actor_start(&a, prepare_everywhere, NULL);
    while (!actor_finished(&a))
        (void)ksl_block_wake(a.thread);
    actor_join(&a);
    for (int i = 0; i < QUEUES; i++) {
        ck_assert_uint_eq(queues[i].waiters, 0);
        ck_assert_uint_eq(ksl_sleepq_wake(&queues[i], 0), 0);
    }
}
END_TEST

static void only_prepare(void *arg)
{
    ksl_sleepq_prepare(arg, KSL_BLOCK_UNINTERRUPTIBLE);
}

static void sleep_on(void *arg)
{
    (void)ksl_sleepq_sleep(arg, KSL_BLOCK_UNINTERRUPTIBLE);
}

START_TEST(Q9_a_thread_that_exits_prepared_leaves_the_queue)
{
    static ksl_sleep_queue_t q;
    struct actor a;
    actor_start(&a, only_prepare, &q);
    actor_join(&a);
    ck_assert_uint_eq(q.waiters, 0);
    actor_start(&a, sleep_on, &q);
    wait_asleep(a.thread);
    ck_assert_uint_eq(ksl_sleepq_wake(&q, 1), 1);
    actor_join(&a);
}
END_TEST

static int task_ran, refused_ran; /* atomic */
static ksl_thread *task;

static void task_main(void *arg)
{
    ADD((int *)arg, 1);
}

static void start_task(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    task = ksl_task_new(task_main, &refused_ran);
}

START_TEST(a_handler_starts_no_task)
{
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, start_task, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ASSERT_VIOLATED("irq-sleep");
    ck_assert_ptr_null(task);
    recorder_stop();
    ck_assert_ptr_nonnull(ksl_task_new(task_main, &task_ran));
    WAIT_UNTIL(LOAD(&task_ran));
    for (int i = 0; i < 2000; i++)
        sched_yield(); /* one that was started all the same would run by now */
    ck_assert_int_eq(LOAD(&refused_ran), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

static ksl_spinlock_t spin;
static int in_handler, handled; /* atomic */

static void spin_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    STORE(&in_handler, 1);
    ksl_spinlock_acquire(&spin);
    ksl_spinlock_release(&spin);
    STORE(&handled, 1);
}

static ksl_thread *cancelled; /* atomic */

static void *wait_for_handler(void *arg)
{
    (void)arg;
    STORE(&cancelled, ksl_thread_self());
    uint64_t state = 0;
    while (!LOAD(&handled) && support_keep_waiting(&state))
        ;
    return NULL;
}

/* Cancelled while it naps in the handler, the thread still leaves it. */
START_TEST(a_cancelled_thread_ends_its_handler)
{
    pthread_t p;
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, spin_in_handler, NULL), 0);
    ksl_spinlock_acquire(&spin);
    ck_assert_int_eq(pthread_create(&p, NULL, wait_for_handler, NULL), 0);
    WAIT_UNTIL(LOAD(&cancelled) != NULL);
    ck_assert_int_eq(ksl_irq_raise_on(LOAD(&cancelled), IRQ), 0);
    WAIT_UNTIL(LOAD(&in_handler));
    ck_assert_int_eq(pthread_cancel(p), 0);
    for (int i = 0; i < 2000; i++)
        sched_yield(); /* the nap begins */
    usleep(20000);
    ksl_spinlock_release(&spin);
    pthread_join(p, NULL);
    ck_assert_int_eq(LOAD(&handled), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0); /* nobody is in a handler */
}
END_TEST

#if !SANITIZED

static ksl_mutex_t mutex;

static void misuse(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    (void)ksl_mutex_acquire(&mutex);
}

static void *allocate(void *arg)
{
    void *blocks[64] = {NULL};
    STORE((ksl_thread **)arg, ksl_thread_self());
    for (unsigned x = 1;; x = x * 1664525u + 1013904223u) {
        free(blocks[x >> 26]);
        blocks[x >> 26] = malloc(2000 + (x >> 10) % 60000);
    }
    return NULL;
}

static void panic_in_malloc(int turn)
{
    static ksl_thread *victim;
    pthread_t p;
    (void)!freopen("/dev/null", "w", stderr);
    ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, misuse, NULL);
    alarm(SUPPORT_DEADLINE_S);
    if (pthread_create(&p, NULL, allocate, &victim) != 0)
        _exit(1);
    while (LOAD(&victim) == NULL)
        ;
    usleep((useconds_t)(1000 + turn * 37)); /* somewhere in malloc */
    ksl_irq_raise_on(victim, IRQ);
    pthread_join(p, NULL);
    _exit(1);
}

/* The panic does not wait for what the interrupted thread holds. */
START_TEST(a_panic_may_interrupt_malloc)
{
    for (int turn = 0; turn < 30; turn++) {
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0)
            panic_in_malloc(turn);
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "turn %d: %x",
                      turn, (unsigned)status);
    }
}
END_TEST

#endif

int main(void)
{
    Suite *s = suite_create("regress_lock");
    TCase *tc = tcase_create("lock");
    tcase_add_test(tc, B4_unblock_races_with_queueing_elsewhere);
    tcase_add_test(tc, Q9_a_thread_that_exits_prepared_leaves_the_queue);
    tcase_add_test(tc, a_handler_starts_no_task);
    tcase_add_test(tc, a_cancelled_thread_ends_its_handler);
#if !SANITIZED
    tcase_add_test(tc, a_panic_may_interrupt_malloc);
#endif
    suite_add_tcase(s, tc);
    return support_run(s);
}
