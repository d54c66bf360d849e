/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A program that exits and is ended by a signal at the same time: one thread writes what
 * is written at exit, and completes it. The file is a pipe, which is full until the test
 * goes on reading it; so the writer is where the test wants it.
 */

#define _GNU_SOURCE 1 /* F_SETPIPE_SZ */

#include "trace_read.h"

#include "again.h"
#include "sanitized.h"

#include <kslock/kslock.h>

#include <dirent.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { PAIRS = 1000, HEAD = 256, SIZE = 1 << 20 };

/* --- what is run -------------------------------------------------------------------- */

static void read_nothing(void)
{
    const volatile int *p =
        mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    (void)*p;
}

static void await_order(void)
{
    char byte;
    while (read(STDIN_FILENO, &byte, 1) != 1)
        ;
}

static void *crash_when_told(void *arg)
{
    await_order();
    STORE((int *)arg, 1);
    read_nothing();
    return arg;
}

static void say_that_it_leaves(void)
{
    if (write(STDOUT_FILENO, "x", 1) != 1)
        _exit(98);
}

/* The second thread crashes when told, the main one exits: at once, or when told. */
static void end_twice(bool at_once)
{
    static int told;
    pthread_t thread;
    if (pthread_create(&thread, NULL, crash_when_told, &told) != 0 ||
        atexit(say_that_it_leaves) != 0)
        _exit(98);
    if (!at_once) {
        while (!LOAD(&told))
            sched_yield();
        await_order();
    }
    exit(7);
}

static void leave_after_all(int signo)
{
    (void)signo;
    exit(8);
}

static int probe(const char *how)
{
    static ksl_mutex_t mutex;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    for (unsigned i = 0; i < PAIRS; i++) {
        (void)ksl_mutex_acquire(&mutex);
        ksl_mutex_release(&mutex);
    }
    if (strcmp(how, "quick") == 0 && signal(SIGTERM, leave_after_all) != SIG_ERR)
        quick_exit(7);
    if (strncmp(how, "twice", strlen("twice")) == 0)
        end_twice(strcmp(how, "twice") == 0);
    exit(7);
}

/* --- the other side ----------------------------------------------------------------- */

#if !SANITIZED
/* This program, which ends as the second word says. */
static const char program[] = "/proc/self/exe";

static struct report_file out;

static struct {
    pid_t pid;
    int from, both_ends, orders, answers;
    char text[SIZE];
    size_t size;
} slow;

static bool slow_read(size_t most)
{
    ck_assert_uint_lt(slow.size, sizeof slow.text - 1);
    if (most > sizeof slow.text - 1 - slow.size)
        most = sizeof slow.text - 1 - slow.size;
    ssize_t n = read(slow.from, slow.text + slow.size, most);
    ck_assert_int_ge(n, 0);
    slow.size += (size_t)n;
    return n > 0;
}

static void slow_order(void)
{
    ck_assert_int_eq(write(slow.orders, "x", 1), 1);
}

static void slow_answer(void)
{
    char byte;
    ck_assert_int_eq(read(slow.answers, &byte, 1), 1);
}

/* Somebody has begun to write. */
static void slow_head(void)
{
    while (slow.size < HEAD)
        ck_assert(slow_read(HEAD - slow.size));
    close(slow.both_ends);
}

/* Starts it with word=FILE. */
static pid_t start(const char *how, const char *word)
{
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char list[128];
        snprintf(list, sizeof list, "report=/dev/null,%s=%s", word, out.path);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){program, how, NULL});
        _exit(99);
    }
    return pid;
}

static int status_of(pid_t pid)
{
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

static void slow_start(const char *how)
{
    int in[2], back[2], saved[2] = {dup(STDIN_FILENO), dup(STDOUT_FILENO)};
    report_file_new(&out);
    ck_assert_int_eq(unlink(out.path), 0);
    ck_assert_int_eq(mkfifo(out.path, 0600), 0);
    slow.both_ends = open(out.path, O_RDWR | O_CLOEXEC); /* so nobody waits to open it */
    ck_assert_int_ge(slow.both_ends, 0);
    ck_assert_int_gt(fcntl(slow.both_ends, F_SETPIPE_SZ, 4096), 0);
    slow.from = open(out.path, O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(slow.from, 0);
    ck_assert_int_eq(pipe(in), 0);
    ck_assert_int_eq(pipe(back), 0);
    fflush(stdout);
    dup2(in[0], STDIN_FILENO);
    dup2(back[1], STDOUT_FILENO);
    slow.pid = start(how, "trace");
    dup2(saved[0], STDIN_FILENO);
    dup2(saved[1], STDOUT_FILENO);
    slow.orders = in[1];
    slow.answers = back[0];
    slow.size = 0;
}

/* Reads the rest; returns the status. */
static int slow_end(void)
{
    while (slow_read(sizeof slow.text))
        ;
    close(slow.from);
    int status = status_of(slow.pid);
    unlink(out.path);
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

static void assert_killed(const char *how, int status, int signo)
{
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == signo, "%s: status %x", how,
                  (unsigned)status);
}

/* What has been read, from there on, is the whole trace. */
static void slow_assert_trace(const char *from)
{
    size_t size = slow.size - (size_t)(from - slow.text);
    FILE *f = fopen(out.path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(from, 1, size, f), size);
    fclose(f);
    assert_trace(slow.pid, PAIRS);
    report_file_end(&out);
}

/* The number behind `key` in the status of a thread of the program; false: no such. */
static bool status_line(int tid, const char *key, uint64_t *value)
{
    char path[64], line[256];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/task/%d/status", (int)slow.pid, tid);
    FILE *f = fopen(path, "r");
    while (f != NULL && !found && fgets(line, sizeof line, f) != NULL) {
        found = strncmp(line, key, strlen(key)) == 0;
        if (found)
            *value = strtoull(line + strlen(key), NULL, 16);
    }
    if (f != NULL)
        fclose(f);
    return found;
}

static bool sleeps(int tid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/task/%d/stat", (int)slow.pid, tid);
    FILE *f = fopen(path, "r");
    size_t n = f != NULL ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    const char *name_end = n > 0 ? strrchr(text, ')') : NULL;
    return name_end != NULL && name_end[1] == ' ' && name_end[2] == 'S';
}

/* The second thread of the program. */
static int second(void)
{
    char path[64];
    int tid = 0;
    snprintf(path, sizeof path, "/proc/%d/task", (int)slow.pid);
    DIR *d = opendir(path);
    for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
        if (e->d_name[0] != '.' && atoi(e->d_name) != (int)slow.pid)
            tid = atoi(e->d_name);
    }
    if (d != NULL)
        closedir(d);
    return tid;
}

static bool has_sigterm_pending(void)
{
    uint64_t of_thread = 0, of_process = 0;
    return status_line((int)slow.pid, "SigPnd:", &of_thread) &&
           status_line((int)slow.pid, "ShdPnd:", &of_process) &&
           ((of_thread | of_process) >> (SIGTERM - 1) & 1) != 0;
}

/* All signals are blocked in the handler. */
static bool is_in_handler(int tid)
{
    uint64_t blocked = 0;
    return status_line(tid, "SigBlk:", &blocked) &&
           (blocked >> (SIGTERM - 1) & blocked >> (SIGUSR1 - 1) & 1) != 0 && sleeps(tid);
}

static void slow_request(void)
{
    ck_assert_int_eq(kill(slow.pid, SIGTERM), 0);
    WAIT_UNTIL(!has_sigterm_pending() && sleeps((int)slow.pid));
}

/* --- the cases ---------------------------------------------------------------------- */

START_TEST(a_request_to_end_lets_the_report_at_exit_be_completed)
{
    slow_start("exit");
    slow_head();
    slow_request();
    assert_killed("exit", slow_end(), SIGTERM);
    slow_assert_trace(slow.text);
}
END_TEST

/* What has been read begins anew somewhere, and is whole from there on. */
static void slow_assert_again(void)
{
    char head[16] = "";
    memcpy(head, slow.text, sizeof head - 1);
    const char *again = strstr(slow.text + 1, head);
    ck_assert_ptr_nonnull(again);
    slow_assert_trace(again);
}

START_TEST(a_second_request_writes_it_anew)
{
    slow_start("exit");
    slow_head();
    slow_request();
    slow_request();
    WAIT_UNTIL(is_in_handler((int)slow.pid));
    assert_killed("exit", slow_end(), SIGTERM);
    slow_assert_again();
}
END_TEST

START_TEST(exit_in_a_handler_that_interrupts_quick_exit_writes_it_anew)
{
    slow_start("quick");
    slow_head();
    slow_request();
    int status = slow_end();
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 8, "%x", (unsigned)status);
    slow_assert_again();
}
END_TEST

START_TEST(a_fault_beside_the_report_at_exit_lets_it_be_completed)
{
    slow_start("twice");
    slow_answer();
    slow_head();
    int tid = second();
    slow_order();
    WAIT_UNTIL(is_in_handler(tid));
    assert_killed("twice", slow_end(), SIGSEGV);
    slow_assert_trace(slow.text);
}
END_TEST

START_TEST(exit_beside_the_last_words_lets_them_be_completed)
{
    slow_start("twice, later");
    slow_order();
    slow_head();
    slow_order();
    slow_answer();
    WAIT_UNTIL(sleeps((int)slow.pid));
    assert_killed("twice", slow_end(), SIGSEGV);
    slow_assert_trace(slow.text);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    if (argc > 1)
        return probe(argv[1]);
    const char *emulator = getenv("KSLOCK_TEST_EMULATOR");
    if (SANITIZED || (emulator != NULL && *emulator != '\0')) {
        printf("skipped: no such handlers, or /proc tells of an emulator\n");
        return 77;
    }
    Suite *s = suite_create("last_words_twice");
    TCase *tc = tcase_create("ends");
#if !SANITIZED
    tcase_add_test(tc, a_request_to_end_lets_the_report_at_exit_be_completed);
    tcase_add_test(tc, a_second_request_writes_it_anew);
    tcase_add_test(tc, exit_in_a_handler_that_interrupts_quick_exit_writes_it_anew);
    tcase_add_test(tc, a_fault_beside_the_report_at_exit_lets_it_be_completed);
    tcase_add_test(tc, exit_beside_the_last_words_lets_them_be_completed);
#endif
    suite_add_tcase(s, tc);
    return support_run(s);
}
