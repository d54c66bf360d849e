/* SPDX-License-Identifier: BSD-2-Clause */

/* What is written at exit when the program ends by a signal or by quick_exit. */

#define _GNU_SOURCE 1 /* unshare */

#include "trace_read.h"

#include "again.h"
#include "sanitized.h"

#include <kslock/kslock.h>

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* This program, which ends as the second word says. */
static const char program[] = "/proc/self/exe";

enum { PAIRS = 1000, RUNNING = 2 };

static struct report_file out;
static ksl_mutex_t mutex;

/* --- what is run -------------------------------------------------------------------- */

static void pairs(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        (void)ksl_mutex_acquire(&mutex);
        ksl_mutex_release(&mutex);
    }
}

static void own_handler(int signo)
{
    (void)signo;
    _exit(7);
}

static void read_nothing(void)
{
    const volatile int *p =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)*p;
}

static void panic_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    (void)ksl_mutex_acquire(&mutex); /* irq-sleep */
}

static void *use_memory(void *arg)
{
    for (;;) {
        free(malloc(5000));
        ADD((int *)arg, 1);
    }
    return NULL;
}

/* Ends with threads inside malloc. */
static void end_beside_threads(void)
{
    static int turns[RUNNING];
    for (unsigned i = 0; i < RUNNING; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, use_memory, &turns[i]) != 0)
            _exit(98);
    }
    for (unsigned i = 0; i < RUNNING; i++) {
        while (LOAD(&turns[i]) < 100)
            sched_yield();
    }
    abort();
}

static void leave_at_once(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    _exit(7);
}

static void *raise_on(void *main_thread)
{
    return ksl_irq_raise_on(main_thread, 1) == 0 ? main_thread : NULL;
}

/* With an interrupt that this thread would take if it called the library once more. */
static void end_with_interrupt(void)
{
    pthread_t thread;
    void *raised = NULL;
    sigset_t kicks;
    sigemptyset(&kicks);
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++)
        sigaddset(&kicks, signo);
    pthread_sigmask(SIG_BLOCK, &kicks, NULL);
    if (ksl_irq_request(1, KSL_STAGE_INBAND, 5, leave_at_once, NULL) != 0 ||
        pthread_create(&thread, NULL, raise_on, ksl_thread_self()) != 0 ||
        pthread_join(thread, &raised) != 0 || raised == NULL)
        _exit(98);
    raise(SIGTERM);
}

/* SIGTERM goes on coming to all of the process group, until this process is gone. */
static void end_with_group(void)
{
    pid_t self = getpid();
    if (setpgid(0, 0) != 0)
        _exit(98);
    if (fork() != 0)
        return;
    signal(SIGTERM, SIG_IGN);
    while (getppid() == self) {
        kill(0, SIGTERM);
        sched_yield();
    }
    _exit(0);
}

/* For process 1 of a name space. */
static void outlive_request(void)
{
    if (getpid() != 1 || kill(getpid(), SIGTERM) != 0 || kill(getpid(), SIGHUP) != 0)
        _exit(98);
    pairs(PAIRS);
    exit(7);
}

static int probe(const char *how)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    pairs(PAIRS);
    if (strcmp(how, "read") == 0)
        read_nothing();
    else if (strcmp(how, "abort") == 0)
        abort();
    else if (strcmp(how, "term") == 0)
        kill(getpid(), SIGTERM);
    else if (strcmp(how, "group") == 0)
        end_with_group();
    else if (strcmp(how, "raised") == 0)
        end_with_interrupt();
    else if (strcmp(how, "threads") == 0)
        end_beside_threads();
    else if (strcmp(how, "panic") == 0 &&
             ksl_irq_request(1, KSL_STAGE_INBAND, 5, panic_in_handler, NULL) == 0)
        (void)ksl_irq_raise_on(ksl_thread_self(), 1);
    else if (strcmp(how, "quick") == 0)
        quick_exit(7);
    else if (strcmp(how, "first") == 0)
        outlive_request();
    else if (strcmp(how, "own") == 0 && signal(SIGTERM, own_handler) != SIG_ERR)
        kill(getpid(), SIGTERM);
    else if (strcmp(how, "fork") == 0 && fork() == 0)
        abort();
    for (;;) /* the signal is on its way */
        if (strcmp(how, "fork") == 0 && wait(NULL) > 0)
            exit(7);
}

enum { REFUSED = 97 };

/* The rest runs in a child, which is process 1 of a name space; or there can be none. */
static void become_first(void)
{
    int status;
    pid_t pid = unshare(CLONE_NEWPID) == 0 ? fork() : -1;
    if (pid < 0)
        _exit(REFUSED);
    if (pid == 0)
        return;
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        _exit(99);
    _exit(WEXITSTATUS(status));
}

/* Runs it with word=FILE; returns its status. */
static int run(const char *how, const char *word, pid_t *child)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char list[128];
        if (strcmp(how, "first") == 0)
            become_first();
        snprintf(list, sizeof list, "report=/dev/null,%s=%s", word, out.path);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){program, how, NULL});
        _exit(99);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    *child = pid;
    return status;
}

static void assert_trace(pid_t pid, unsigned slices)
{
    struct trace trace;
    trace_read(&trace, out.path);
    ck_assert_uint_eq(trace.lost, 0);
    ck_assert_uint_eq(trace.slices, slices);
    ck_assert_uint_eq(json_whole(trace_find(&trace, NULL, "M", 0, "process_name"), "pid"),
                      (uint64_t)pid);
    trace_end(&trace);
}

/* --- the cases ---------------------------------------------------------------------- */

START_TEST(a_trace_is_written_by_quick_exit)
{
    pid_t pid;
    report_file_new(&out);
    int status = run("quick", "trace", &pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
    assert_trace(pid, PAIRS);
    report_file_end(&out);
}
END_TEST

#if !SANITIZED
static void assert_killed(const char *how, int status, int signo)
{
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == signo, "%s: status %x", how,
                  (unsigned)status);
}

static const struct {
    const char *how;
    int signo;
    unsigned slices;
} ends[] = {
    {"read", SIGSEGV, PAIRS},    {"abort", SIGABRT, PAIRS},
    {"term", SIGTERM, PAIRS},    {"group", SIGTERM, PAIRS},
    {"threads", SIGABRT, PAIRS}, {"panic", SIGABRT, PAIRS + 1}}; /* and the handler's */
enum { ENDS = sizeof ends / sizeof *ends };

START_TEST(a_trace_is_written_when_a_signal_ends_the_program)
{
    pid_t pid;
    report_file_new(&out);
    assert_killed(ends[_i].how, run(ends[_i].how, "trace", &pid), ends[_i].signo);
    assert_trace(pid, ends[_i].slices);
    report_file_end(&out);
}
END_TEST

START_TEST(so_are_statistics)
{
    pid_t pid;
    report_file_new(&out);
    assert_killed("abort", run("abort", "stats", &pid), SIGABRT);
    ck_assert_ptr_nonnull(strstr(report_file_read(&out), "1000"));
    report_file_end(&out);
}
END_TEST

/* Or it would do there again what it does, or wait for a thread that is not there. */
START_TEST(no_handler_runs_where_a_report_is_written)
{
    static const struct {
        const char *word, *text;
    } reports[] = {{"stats", "1000"}, {"graph", "]}\n"}, {"trace", "process_name"}};
    pid_t pid;
    report_file_new(&out);
    assert_killed("raised", run("raised", reports[_i].word, &pid), SIGTERM);
    ck_assert_ptr_nonnull(strstr(report_file_read(&out), reports[_i].text));
    report_file_end(&out);
}
END_TEST

START_TEST(so_is_the_graph)
{
    pid_t pid;
    report_file_new(&out);
    assert_killed("read", run("read", "graph", &pid), SIGSEGV);
    struct json *graph = json_of_file(out.path);
    ck_assert_ptr_nonnull(json_get(graph, "classes"));
    json_free(graph);
    report_file_end(&out);
}
END_TEST

START_TEST(a_handler_of_the_program_is_what_counts)
{
    pid_t pid;
    report_file_new(&out);
    int status = run("own", "trace", &pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
    ck_assert_str_eq(report_file_read(&out), "");
    report_file_end(&out);
}
END_TEST

START_TEST(process_1_outlives_requests_and_writes_the_trace_when_it_exits)
{
    pid_t pid;
    report_file_new(&out);
    int status = run("first", "trace", &pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == REFUSED) {
        support_skip("no name space for processes");
    } else {
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x",
                      (unsigned)status);
        assert_trace(1, 2 * PAIRS);
    }
    report_file_end(&out);
}
END_TEST

START_TEST(a_child_of_fork_leaves_the_file_alone)
{
    pid_t pid;
    report_file_new(&out);
    int status = run("fork", "trace", &pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
    assert_trace(pid, PAIRS);
    report_file_end(&out);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    if (argc > 1)
        return probe(argv[1]);
    Suite *s = suite_create("last_words");
    TCase *tc = tcase_create("ends");
    tcase_add_test(tc, a_trace_is_written_by_quick_exit);
#if !SANITIZED
    tcase_add_loop_test(tc, a_trace_is_written_when_a_signal_ends_the_program, 0, ENDS);
    tcase_add_test(tc, so_are_statistics);
    tcase_add_loop_test(tc, no_handler_runs_where_a_report_is_written, 0, 3);
    tcase_add_test(tc, so_is_the_graph);
    tcase_add_test(tc, a_handler_of_the_program_is_what_counts);
    tcase_add_test(tc, process_1_outlives_requests_and_writes_the_trace_when_it_exits);
    tcase_add_test(tc, a_child_of_fork_leaves_the_file_alone);
#endif
    suite_add_tcase(s, tc);
    return support_run(s);
}
