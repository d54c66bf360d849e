/* SPDX-License-Identifier: BSD-2-Clause */

/* trace=FILE and graph=FILE: what is written at exit, and by whom. */

#include "trace_read.h"

#include "diag/json.h"

#include <kslock/kslock.h>
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <sys/wait.h>

static struct trace trace;
static struct report_file out; /* of the trace */
static struct report_file err;
static ksl_mutex_t mutex;

/* --- what is run -------------------------------------------------------------------- */

static void pairs(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        (void)ksl_mutex_acquire(&mutex);
        ksl_mutex_release(&mutex);
    }
}

enum { RUNNING = 3 };
static int turns[RUNNING]; /* atomic */

static void *for_ever(void *arg)
{
    for (;;) {
        pairs(1);
        ADD((int *)arg, 1);
    }
    return NULL;
}

/* Calls exit with threads running. */
static int run_threads(void)
{
    pairs(1); /* a track of its own, however fast the others are */
    for (unsigned i = 0; i < RUNNING; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, for_ever, &turns[i]) != 0)
            return 98;
    }
    for (unsigned i = 0; i < RUNNING; i++) {
        while (LOAD(&turns[i]) < 100)
            pairs(1);
    }
    exit(7);
}

static int run_fork(const char *own)
{
    pairs(5);
    for (unsigned i = 0; i < 2; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0) {
            char list[128];
            pairs(100);
            snprintf(list, sizeof list, "trace=%s", own);
            if (ksl_diag_trace(STDERR_FILENO) == 0 ||
                (i == 1 && ksl_diag_enable(list) != 0))
                _exit(98);
            pairs(20);
            exit(0);
        }
        if (waitpid(pid, &status, 0) != pid || status != 0)
            return 97;
    }
    pairs(5);
    return 7;
}

static int run_graph(void)
{
    static struct sx a, b;
    static ksl_mutex_t c;
    sx_init(&a, "name with \"quotes\\\" and \t \xff\xc3\xa4");
    sx_init(&b, "plain");
    sx_xlock(&a);
    sx_xlock(&b);
    (void)ksl_mutex_acquire(&c);
    ksl_mutex_release(&c);
    sx_xunlock(&b);
    sx_xunlock(&a);
    return 7;
}

static int probe(char **argv)
{
    if (strcmp(argv[1], "threads") == 0)
        return run_threads();
    if (strcmp(argv[1], "fork") == 0)
        return run_fork(argv[2]);
    if (strcmp(argv[1], "graph") == 0)
        return run_graph();
    pairs(1000);
    return 7;
}

/* Runs it; word: trace or graph. */
static void run(const char *what, const char *word, const char *file, const char *arg)
{
    report_file_new(&err);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char list[128];
        dup2(open(err.path, O_WRONLY | O_APPEND), STDERR_FILENO);
        snprintf(list, sizeof list, "%s=%s", word, file);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){"trace_exit_test", what, arg, NULL});
        _exit(99);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%s: %d: %s", what,
                  status, report_file_read(&err));
    report_file_read(&err);
    report_file_end(&err);
}

/* --- the cases ---------------------------------------------------------------------- */

START_TEST(written_at_exit)
{
    setenv("KSLOCK_TRACE_EVENTS", "4096", 1);
    report_file_new(&out);
    run("pairs", "trace", out.path, NULL);
    ck_assert_str_eq(err.text, "");
    trace_read(&trace, out.path);
    ck_assert_uint_eq(trace.lost, 0);
    ck_assert_uint_eq(trace.slices, 1000);
    trace_end(&trace);
    report_file_end(&out);
}
END_TEST

START_TEST(a_loss_is_told_on_stderr)
{
    setenv("KSLOCK_TRACE_EVENTS", "100", 1);
    report_file_new(&out);
    run("pairs", "trace", out.path, NULL);
    trace_read(&trace, out.path);
    ck_assert_uint_gt(trace.lost, 1000);
    HAS(err.text, "kslock: trace: %llu events are not in the trace",
        (unsigned long long)trace.lost);
    HAS(err.text, "keeps its last 128, see KSLOCK_TRACE_EVENTS");
    trace_end(&trace);
    report_file_end(&out);
}
END_TEST

START_TEST(written_with_threads_running)
{
    report_file_new(&out);
    run("threads", "trace", out.path, NULL);
    trace_read(&trace, out.path);
    ck_assert_uint_ge(trace_count(&trace, "M", 0, "thread_name"),
                      RUNNING + 2); /* a row */
    ck_assert_uint_gt(trace.slices, 100 * RUNNING);
    trace_end(&trace);
    report_file_end(&out);
}
END_TEST

/* The child of fork has the rings in its memory, and leaves the parent's file alone. */
START_TEST(a_child_of_fork_has_its_own_trace_or_none)
{
    struct report_file own;
    report_file_new(&out);
    report_file_new(&own);
    run("fork", "trace", out.path, own.path);
    trace_read(&trace, out.path);
    ck_assert_uint_eq(trace.slices, 10);
    uint64_t parent = json_whole(trace_find(&trace, NULL, "M", 0, "process_name"), "pid");
    trace_end(&trace);
    trace_read(&trace, own.path);
    ck_assert_uint_eq(trace.slices, 20);
    ck_assert_uint_ne(json_whole(trace_find(&trace, NULL, "M", 0, "process_name"), "pid"),
                      parent);
    ck_assert_uint_eq(trace.lost, 0);
    trace_end(&trace);
    report_file_end(&out);
    report_file_end(&own);
}
END_TEST

START_TEST(the_name_of_the_file_has_the_number_of_the_process)
{
    char pattern[128];
    char path[128];
    int status = -1;
    report_file_new(&out);
    snprintf(pattern, sizeof pattern, "trace=%s.%%p", out.path);
    pid_t pid = fork();
    if (pid == 0)
        _exit(ksl_diag_enable(pattern) == 0 ? 0 : 1);
    snprintf(path, sizeof path, "%s.%d", out.path, (int)pid);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(unlink(path), 0);
    report_file_end(&out);
}
END_TEST

static uint64_t class_named(const struct json *graph, const char *name)
{
    JSON_EACH(c, json_get(graph, "classes"))
    {
        if (strncmp(json_text(c, "name"), name, strlen(name)) == 0)
            return json_whole(c, "id");
    }
    return 0;
}

static const struct json *edge(const struct json *graph, uint64_t from, uint64_t to)
{
    JSON_EACH(e, json_get(graph, "edges"))
    {
        if (json_whole(e, "from") == from && json_whole(e, "to") == to)
            return e;
    }
    return NULL;
}

START_TEST(the_graph_is_written_at_exit)
{
    report_file_new(&out);
    run("graph", "graph", out.path, NULL);
    ck_assert_str_eq(err.text, "");
    struct json *graph = json_of_file(out.path);
    uint64_t a = class_named(graph, "sx name with \"quotes\\\" and ? ?\xc3\xa4");
    uint64_t b = class_named(graph, "sx plain");
    uint64_t c = class_named(graph, "mutex 0x");
    ck_assert(a != 0 && b != 0 && c != 0);
    ck_assert(edge(graph, a, b) != NULL && edge(graph, b, c) != NULL &&
              edge(graph, a, c) != NULL && edge(graph, b, a) == NULL);
    ck_assert_uint_eq(json_get(graph, "edges")->count, 3);
    ck_assert_ptr_nonnull(
        strstr(json_text(edge(graph, a, b), "to_site"), "trace_exit_test.c:"));
    json_free(graph);
    report_file_end(&out);
}
END_TEST

/* Without `order` there is none. */
START_TEST(the_graph_of_nothing)
{
    struct ksi_out o;
    report_file_new(&out);
    int fd = open(out.path, O_WRONLY);
    ksi_out_begin(&o, fd);
    ksi_order_json(&o);
    ksi_out_end(&o);
    close(fd);
    struct json *graph = json_of_file(out.path);
    ck_assert_uint_eq(json_get(graph, "classes")->count, 0);
    ck_assert_uint_eq(json_get(graph, "edges")->count, 0);
    json_free(graph);
    report_file_end(&out);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        return probe(argv);
    unsetenv("KSLOCK");
    Suite *s = suite_create("diag/trace_exit");
    TCase *c = tcase_create("trace_exit");
    tcase_add_test(c, written_at_exit);
    tcase_add_test(c, a_loss_is_told_on_stderr);
    tcase_add_test(c, written_with_threads_running);
    tcase_add_test(c, a_child_of_fork_has_its_own_trace_or_none);
    tcase_add_test(c, the_name_of_the_file_has_the_number_of_the_process);
    tcase_add_test(c, the_graph_is_written_at_exit);
    tcase_add_test(c, the_graph_of_nothing);
    suite_add_tcase(s, c);
    return support_run(s);
}
