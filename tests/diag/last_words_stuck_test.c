/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A signal ends the program while something is locked that a report wants: the registry
 * of threads, and the thread that it comes to is not known to the library, so who writes
 * the report does not register; or what the report reads, by a thread that never goes on,
 * or by the thread that the signal comes to. Or nobody takes what a report writes.
 */

#include "support.h"

#include "../resource/refuse.h"
#include "again.h"
#include "readback.h"
#include "sanitized.h"

#include "diag/last_words.h"
#include "platform/rawlock.h"
#include "thread/readers.h"
#include "thread/thread.h"

#include <kslock/kslock.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* This program, which ends so if there is a second word. */
static const char program[] = "/proc/self/exe";

enum { PAIRS = 100 };

static struct ksi_rawlock *what; /* is locked */
static int locked;               /* atomic */
static ksl_mutex_t mutex;

static void *lock_and_stay(void *arg)
{
    ksi_raw_lock(what);
    STORE(&locked, 1);
    for (;;)
        pause();
    return arg;
}

static void pairs(void)
{
    for (unsigned i = 0; i < PAIRS; i++) {
        (void)ksl_mutex_acquire(&mutex);
        ksl_mutex_release(&mutex);
    }
}

/* Another thread has it, and does not go on. */
static int end_beside_lock(struct ksi_rawlock *l)
{
    sigset_t request;
    pthread_t thread;
    sigemptyset(&request);
    sigaddset(&request, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &request, NULL); /* of the new thread, too */
    what = l;
    if (pthread_create(&thread, NULL, lock_and_stay, NULL) != 0)
        return 98;
    while (!LOAD(&locked))
        sched_yield();
    pthread_sigmask(SIG_UNBLOCK, &request, NULL);
    raise(SIGTERM);
    return 96;
}

/* The calling thread has it, goes on, and gives it back. */
static int end_with_lock(struct ksi_rawlock *l)
{
    ksi_report_lock(l);
    raise(SIGTERM);
    raise(SIGHUP);
    pairs();
    ksi_report_unlock(l);
    return 96;
}

/* There is no timer of the host but alarm, whose signal the program does not want. */
static int end_without_timers(void)
{
    const int calls[] = {SYS_timer_create};
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    signal(SIGALRM, SIG_IGN);
    if (!refuse_calls(calls, 1, EPERM))
        _exit(95); /* the report at exit would hang without a limit */
    raise(SIGTERM);
    return 96;
}

static struct ksi_rawlock *lock_of(const char *name)
{
    return strcmp(name, "trace") == 0   ? &ksi_trace_lock
           : strcmp(name, "graph") == 0 ? &ksi_nodes_lock
                                        : &ksi_stats_past_lock;
}

static int probe(const char *how, const char *name)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    if (strcmp(how, "unknown") == 0)
        return ksl_tls.self == NULL ? end_beside_lock(&ksi_registry_lock) : 97;
    pairs();
    if (strcmp(how, "timers") == 0)
        return end_without_timers();
    return strcmp(how, "beside") == 0 ? end_beside_lock(lock_of(name))
                                      : end_with_lock(lock_of(name));
}

static struct report_file out;

/* Runs it with name=FILE, which is there: the status. */
static int run_with_file(const char *how, const char *name)
{
    int status = -1;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char list[128];
        snprintf(list, sizeof list, "report=/dev/null,%s=%s", name, out.path);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){program, how, name, NULL});
        _exit(99);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static int run(const char *how, const char *name)
{
    report_file_new(&out);
    return run_with_file(how, name);
}

static const struct {
    const char *name, *begins, *ends;
} reports[] = {{"trace", "{", "}}\n"},
               {"graph", "{\"classes\":[", "]}\n"},
               {"stats", "kslock", "\n"}};
enum { REPORTS = sizeof reports / sizeof *reports };

static void assert_report(int i)
{
    const char *text = report_file_read(&out);
    size_t size = strlen(text), tail = strlen(reports[i].ends);
    ck_assert_msg(strncmp(text, reports[i].begins, strlen(reports[i].begins)) == 0,
                  "%s begins: %.40s", reports[i].name, text);
    ck_assert(size > tail && strcmp(text + size - tail, reports[i].ends) == 0);
    report_file_end(&out);
}

START_TEST(a_report_needs_no_registered_thread)
{
    int status = run("unknown", "stats");
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x",
                  (unsigned)status);
    ck_assert_ptr_nonnull(strstr(report_file_read(&out), "kslock"));
    report_file_end(&out);
}
END_TEST

START_TEST(a_report_does_without_a_lock_that_is_never_given_back)
{
    int status = run("beside", reports[_i].name);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x",
                  (unsigned)status);
    assert_report(_i);
}
END_TEST

/* What the thread has done afterwards is in the trace. */
START_TEST(a_request_waits_for_the_lock_that_its_thread_has)
{
    int status = run("with", reports[_i].name);
    ck_assert_msg(WIFSIGNALED(status) &&
                      (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGHUP),
                  "%x", (unsigned)status);
    if (_i == 0) {
        unsigned slices = 0;
        const char *at = report_file_read(&out);
        while ((at = strstr(at, "\"ph\":\"X\"")) != NULL) {
            slices++;
            at++;
        }
        ck_assert_uint_eq(slices, 2 * PAIRS);
    }
    assert_report(_i);
}
END_TEST

/* A pipe that is full and stays so: its end; its size is what is inside. */
static int full_pipe(void)
{
    report_file_new(&out);
    ck_assert_int_eq(unlink(out.path), 0);
    ck_assert_int_eq(mkfifo(out.path, 0600), 0);
    int end = open(out.path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_ge(end, 0);
    while (write(end, "x", 1) == 1)
        ;
    ck_assert_int_eq(errno, EAGAIN);
    return end;
}

/* A report that hangs ends by its limit, which then is alarm; or this would never end. */
START_TEST(a_report_that_hangs_is_ended_without_timers_of_the_host)
{
    char byte;
    int end = full_pipe();
    int status = run_with_file("timers", "trace");
    while (read(end, &byte, 1) == 1)
        ck_assert_int_eq(byte, 'x'); /* nothing of it was written: it did hang */
    close(end);
    report_file_end(&out);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 95) {
        support_skip("no filters of system calls");
        return;
    }
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x",
                  (unsigned)status);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 2)
        return probe(argv[1], argv[2]);
    if (SANITIZED) {
        printf("skipped: no such handlers\n");
        return 77;
    }
    Suite *s = suite_create("last_words_stuck");
    TCase *tc = tcase_create("ends");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_report_needs_no_registered_thread);
    tcase_add_loop_test(tc, a_report_does_without_a_lock_that_is_never_given_back, 0,
                        REPORTS);
    tcase_add_loop_test(tc, a_request_waits_for_the_lock_that_its_thread_has, 0, REPORTS);
    tcase_add_test(tc, a_report_that_hangs_is_ended_without_timers_of_the_host);
    suite_add_tcase(s, tc);
    return support_run(s);
}
