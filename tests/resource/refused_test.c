/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host may refuse: memory, system calls, real-time signals, processors. Either
 * the library does without, or says what is missing and ends the process; it
 * never hangs. Each scene is a child, which has not used the library before.
 *
 * resource_refused_test           scenes that every host can play
 * resource_refused_test filters   those that need filters of system calls
 * resource_refused_test plain     those that moreover take away what a sanitizer needs
 * resource_refused_test futex     likewise, where sleeping is a futex
 *
 * 77, with what is missing, if they cannot be played here.
 */
#define _GNU_SOURCE 1

#include "child.h"
#include "kinds.h"
#include "refuse.h"
#include "sanitized.h"

#include <kslock/irq.h>
#include <kslock/stage.h>

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { IRQ = 5, ENDED = 3 /* there are no filters: main has looked */ };

static char said[4096]; /* what the last child wrote to stderr */

/* The status of a child that runs fn. */
static int status_of(void (*fn)(void))
{
    int fds[2], status;
    size_t size = 0;
    ck_assert_int_eq(pipe(fds), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        dup2(fds[1], STDERR_FILENO);
        alarm(2 * SUPPORT_DEADLINE_S);
        fn();
        _exit(0);
    }
    close(fds[1]);
    ssize_t n;
    while ((n = read(fds[0], said + size, sizeof said - 1 - size)) > 0)
        size += (size_t)n;
    said[size] = '\0';
    close(fds[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void must_end_well(void (*fn)(void))
{
    int status = status_of(fn);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: %s",
                  (unsigned)status, said);
}

/* It says what is missing, and aborts. */
static void must_give_up(void (*fn)(void), const char *text)
{
    int status = status_of(fn);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %x: %s",
                  (unsigned)status, said);
    ck_assert_msg(strstr(said, text) != NULL, "no \"%s\" in: %s", text, said);
}

static void refuse(int call, int also, int error)
{
    const int calls[] = {call, also};
    if (!refuse_calls(calls, 2, error))
        _exit(ENDED);
}

/* ---- two threads and each kind of lock ---- */

static int inside[MAX_KINDS], both, rounds_done; /* atomic */

static void hammer(void *arg)
{
    const struct lock_kind *k;
    (void)arg;
    for (int round = 0; round < 200; round++) {
        for (EACH_KIND(k, i)) {
            k->take();
            if (ADD(&inside[i], 1) != 1 && !k->shared)
                ADD(&both, 1);
            ADD(&inside[i], -1);
            k->give();
        }
        ADD(&rounds_done, 1);
    }
}

static void renew_all(void)
{
    const struct lock_kind *k;
    for (EACH_KIND(k, i))
        k->renew();
}

static void use_all_contended(void)
{
    struct actor a[2];
    renew_all();
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], hammer, NULL);
    for (int i = 0; i < 2; i++)
        actor_join(&a[i]);
    CHILD_CHECK(LOAD(&rounds_done) == 400);
    CHILD_CHECK(LOAD(&both) == 0);
}

/* ---- memory ---- */

static void no_pages_at_registration(void)
{
    refuse(SYS_mmap, SYS_mmap, ENOMEM);
    (void)ksl_thread_self();
}

START_TEST(registration_without_memory_says_so)
{
    must_give_up(no_pages_at_registration, "no memory for thread descriptors");
}
END_TEST

/* The first descriptors are there; locks need no more. */
static void no_pages_later(void)
{
    renew_all();
    use_each_kind();
    refuse(SYS_mmap, SYS_brk, ENOMEM);
    use_each_kind();
    CHILD_CHECK(ksl_violation_count() == 0);
}

START_TEST(locks_need_no_memory)
{
    must_end_well(no_pages_later);
}
END_TEST

/* ---- system calls ---- */

static void without_membarrier(void)
{
    refuse(SYS_membarrier, SYS_membarrier, ENOSYS);
    use_all_contended();
}

START_TEST(membarrier_refused)
{
    must_end_well(without_membarrier);
}
END_TEST

static void free_locks_without_futex(void)
{
    renew_all();
    use_each_kind();
    refuse(SYS_futex, SYS_futex, EPERM);
    use_each_kind();
}

START_TEST(free_locks_need_no_futex)
{
    must_end_well(free_locks_without_futex);
}
END_TEST

static void take_first(void *arg)
{
    (void)arg;
    const int calls[] = {SYS_futex};
    if (!refuse_calls(calls, 1, EPERM))
        _exit(ENDED);
    lock_kind(0)->take();
}

static void wait_without_futex(void)
{
    struct actor a;
    renew_all();
    lock_kind(0)->take();
    actor_start(&a, take_first, NULL);
    for (;;)
        sched_yield();
}

/* Only where sleeping is a futex; the portable parker's host says it in its own words. */
START_TEST(waiting_without_futex_says_so)
{
    must_give_up(wait_without_futex, "futex wait");
}
END_TEST

/* ---- timers ---- */

static int ticks; /* atomic */

static void tick(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&ticks, 1);
}

static void no_thread_for_timers(void)
{
    CHILD_CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, tick, NULL) == 0);
    refuse(SYS_clone, SYS_clone3, EAGAIN);
    errno = EXDEV;
    CHILD_CHECK(ksl_irq_timer(IRQ, 1000, 0) == -EAGAIN);
    CHILD_CHECK(ksl_irq_timer(IRQ, 0, 0) == 0);
    CHILD_CHECK(errno == EXDEV);
    CHILD_CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    CHILD_CHECK(LOAD(&ticks) == 1);
    CHILD_CHECK(ksl_irq_free(IRQ) == 0);
}

START_TEST(timers_without_a_thread_are_refused)
{
    must_end_well(no_thread_for_timers);
}
END_TEST

static void no_host_timers(void)
{
    const int calls[] = {SYS_timer_create, SYS_setitimer, SYS_timerfd_create};
    if (!refuse_calls(calls, 3, EPERM))
        _exit(ENDED);
    CHILD_CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, tick, NULL) == 0);
    CHILD_CHECK(ksl_irq_timer(IRQ, 1000, 1000) == 0);
    CHILD_WAIT(LOAD(&ticks) >= 3);
    CHILD_CHECK(ksl_irq_timer(IRQ, 0, 0) == 0);
    CHILD_CHECK(ksl_irq_free(IRQ) == 0);
}

START_TEST(timers_need_no_timer_of_the_host)
{
    must_end_well(no_host_timers);
}
END_TEST

/* ---- real-time signals ---- */

static void others(int signo)
{
    (void)signo;
}

/* The program has taken them all but one; 0: that one, too. */
static void take_signals(int but)
{
    const struct sigaction action = {.sa_handler = others};
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++) {
        if (signo != but)
            CHILD_CHECK(sigaction(signo, &action, NULL) == 0);
    }
}

static void no_signal(void)
{
    take_signals(0);
    CHILD_CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, tick, NULL) == 0);
}

START_TEST(no_free_signal_says_so)
{
    must_give_up(no_signal, "no real-time signal is free");
}
END_TEST

static void last_signal(void)
{
    take_signals(SIGRTMIN + 3);
    CHILD_CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, tick, NULL) == 0);
    CHILD_CHECK(ksl_irq_raise(IRQ) == 0);
    CHILD_WAIT(LOAD(&ticks) == 1);
    use_all_contended();
}

START_TEST(one_free_signal_is_enough)
{
    must_end_well(last_signal);
}
END_TEST

/* ---- processors ---- */

/* Bound after the start: the library believes that there are more. */
static void on_one_processor(void)
{
    cpu_set_t all, one;
    CHILD_CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    CPU_ZERO(&one);
    for (size_t cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
        if (CPU_ISSET(cpu, &all))
            CPU_SET(cpu, &one);
    }
    CHILD_CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    use_all_contended();
}

START_TEST(all_threads_on_one_processor)
{
    must_end_well(on_one_processor);
}
END_TEST

/* ---- which of them ---- */

#if defined(PARKER_IS_FUTEX)
enum { FUTEX = 1 };
#else
enum { FUTEX = 0 };
#endif

static bool has_filters(void)
{
    const int calls[] = {SYS_acct};
    int status = 1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(refuse_calls(calls, 1, EPERM) ? 0 : 1);
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

/* What the host lacks for that group of scenes; NULL: nothing. */
static const char *lacks(const char *group)
{
    if (*group == '\0')
        return NULL;
    if (!has_filters())
        return "no filters of system calls";
    if (strcmp(group, "filters") == 0)
        return NULL;
    if (SANITIZED)
        return "a sanitizer needs memory and these calls itself";
    if (strcmp(group, "futex") == 0 && !FUTEX)
        return "sleeping is no futex here";
    return NULL;
}

static bool add_group(TCase *tc, const char *group)
{
    if (*group == '\0') {
        tcase_add_test(tc, no_free_signal_says_so);
        tcase_add_test(tc, one_free_signal_is_enough);
        tcase_add_test(tc, all_threads_on_one_processor);
    } else if (strcmp(group, "filters") == 0) {
        tcase_add_test(tc, membarrier_refused);
        tcase_add_test(tc, timers_need_no_timer_of_the_host);
    } else if (strcmp(group, "plain") == 0) {
        tcase_add_test(tc, registration_without_memory_says_so);
        tcase_add_test(tc, locks_need_no_memory);
        tcase_add_test(tc, free_locks_need_no_futex);
        tcase_add_test(tc, timers_without_a_thread_are_refused);
    } else if (strcmp(group, "futex") == 0) {
        tcase_add_test(tc, waiting_without_futex_says_so);
    } else {
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    const char *group = argc > 1 ? argv[1] : "";
    const char *what = lacks(group);
    if (what != NULL) {
        printf("refused_test: skipped, %s\n", what);
        return 77;
    }
    Suite *s = suite_create("refused");
    TCase *tc = tcase_create("refused");
    suite_add_tcase(s, tc);
    if (argc > 2 || !add_group(tc, group)) {
        fprintf(stderr, "usage: %s [filters | plain | futex]\n", argv[0]);
        return 2;
    }
    return support_run(s);
}
