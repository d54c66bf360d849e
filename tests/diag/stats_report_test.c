/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: the reports as text, CSV and JSON; at exit, on demand, after fork, when full.
 */

#include "child.h"
#include "json_check.h"
#include "readback.h"
#include "stats_test.h"

#include "diag/switch.h"

#include <kslock/mutex.h>

#include <errno.h>
#include <sys/lock.h>
#include <sys/param.h>
#include <sys/sx.h>
#include <sys/wait.h>

static const char probe[] = "--probe";

static ksl_mutex_t mutex;
static struct sx sx;
static struct report_file file;

static int take_mutex(void *m)
{
    return ksl_mutex_acquire(m);
}

static int give_mutex(void *m)
{
    ksl_mutex_release(m);
    return 0;
}

/* Something of everything. */
static void scene(void)
{
    struct puppet p;
    puppet_start(&p);
    (void)ksl_thread_set_name(p.actor.thread, "a \"pup\\pet\"");
    sx_init_flags(&sx, "a, \"quoted\" \\ name\n", 0);
    sx_slock(&sx);
    sx_sunlock(&sx);
    (void)ksl_mutex_acquire(&mutex);
    tell_blocked(&p, take_mutex, &mutex);
    ksl_mutex_release(&mutex);
    (void)answer(&p);
    (void)ask(&p, give_mutex, &mutex);
    puppet_end(&p);
}

/* The report on demand, in the file's text. */
static const char *report(int format)
{
    return report_file_stats(&file, format);
}

START_TEST(text_has_all_sections)
{
    stats_on();
    scene();
    const char *text = report(KSL_STATS_TEXT);
    HAS(text, "kslock: stats: ");
    HAS(text, "3 acquisitions, 1 contended, 2 locks, 2 classes");
    HAS(text, "Locks, the longest waits first");
    HAS(text, "(a, \"quoted\" \\ name?)");
    HAS(text, "Waits, in powers of two");
    HAS(text, "Classes");
    HAS(text, "Call sites");
    HAS(text, "stats_report_test.c:");
    HAS(text, "Threads");
    HAS(text, "Stacks that slept for a lock");
    ck_assert_ptr_null(strstr(text, "had no room"));
}
END_TEST

START_TEST(json_is_well_formed)
{
    stats_on();
    scene();
    const char *text = report(KSL_STATS_JSON);
    const char *wrong = json_check(text);
    ck_assert_msg(wrong == NULL, "%s:\n%s", wrong, text);
    HAS(text, "{\"version\":1,\"seconds\":");
    HAS(text, "\"unrecorded\":0,");
    HAS(text, "\"total\":{\"acquisitions\":3,\"shared\":1,");
    HAS(text, "\"a, \\\"quoted\\\" \\\\ name?");
    HAS(text, "\"locks\":[");
    HAS(text, "\"classes\":[");
    HAS(text, "\"sites\":[");
    HAS(text, "\"threads\":[");
    HAS(text, "\"stacks\":[\n{");
    HAS(text, "\"interrupts\":{");
    HAS(text, "\"wait_log2_ns\":[[");
    for (unsigned k = 0; k < KSI_STATS; k++)
        HAS(text, "\"%s\":", ksi_stats_field(k));
}
END_TEST

/* The checker finds what is wrong. */
START_TEST(json_check_finds_faults)
{
    static const char *const wrong[] = {
        "",          "{",     "{}x",   "[1,]",     "{\"a\":1,}",  "{\"a\" 1}",
        "{a:1}",     "[01]",  "[1 2]", "\"a\nb\"", "\"\\x\"",     "[\"a]",
        "{\"a\":1]", "[tru]", "[1.]",  "[-]",      "\"\\u00g0\"", "[,1]",
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ck_assert_msg(json_check(wrong[i]) != NULL, "%s", wrong[i]);
    ck_assert_ptr_null(
        json_check("{\"a\":[1,-2.5,true,null,\"\\u00e9\\\"\"],\"b\":{}}\n"));
}
END_TEST

/* Columns of a line; quotes are understood. *end: behind the line. */
static unsigned columns(const char *line, const char **end)
{
    unsigned n = 1;
    bool quoted = false;
    for (; *line != '\0' && (quoted || *line != '\n'); line++) {
        if (*line == '"')
            quoted = !quoted;
        else if (*line == ',' && !quoted)
            n++;
    }
    *end = *line == '\n' ? line + 1 : line;
    return n;
}

START_TEST(csv_lines_have_the_same_columns)
{
    static const char *const scopes[] = {"\ntotal,", "\nlock,",   "\nclass,",
                                         "\nsite,",  "\nthread,", "\nstack,"};
    stats_on();
    scene();
    const char *text = report(KSL_STATS_CSV);
    for (unsigned i = 0; i < sizeof scopes / sizeof scopes[0]; i++)
        HAS(text, "%s", scopes[i]);
    const char *at = text;
    unsigned want = columns(text, &at);
    unsigned lines = 1;
    ck_assert_uint_eq(want, 8 + KSI_STATS + 6);
    while (*at != '\0') {
        const char *line = at;
        ck_assert_msg(columns(line, &at) == want, "%.200s", line);
        lines++;
    }
    ck_assert_uint_ge(lines, 10);
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    ck_assert_int_eq(ksl_diag_stats(STDOUT_FILENO, KSL_STATS_TEXT), -EINVAL);
    stats_on();
    ck_assert_int_eq(ksl_diag_stats(STDOUT_FILENO, -1), -EINVAL);
    ck_assert_int_eq(ksl_diag_stats(STDOUT_FILENO, KSL_STATS_JSON + 1), -EINVAL);
    errno = 77;
    ck_assert_int_eq(ksl_diag_stats(-1, KSL_STATS_TEXT), 0); /* nobody reads it */
    ck_assert_int_eq(errno, 77);
    ck_assert_int_eq(ksl_diag_enable("stats=no-such-folder/x"), -EINVAL);
    ck_assert_int_eq(ksl_diag_enable("stats="), -EINVAL);
}
END_TEST

/* --- full -----------------------------------------------------------------------------
 */

START_TEST(what_has_no_room_is_told)
{
    enum { MANY = 100 };
    static ksl_mutex_t many[MANY];
    char list[128];
    struct report_file told;
    report_file_new(&told);
    snprintf(list, sizeof list, "stats=/dev/null,report=%s", told.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
    (void)ksl_mutex_acquire(&mutex); /* this thread has rows now, for some dozen locks */
    ksl_mutex_release(&mutex);
    STORE(&ksi_stats_room, (int64_t)0);
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < MANY; i++) {
            (void)ksl_mutex_acquire(&many[i]);
            ksl_mutex_release(&many[i]);
        }
    }
    struct ksi_stats_view v;
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_gt(v.locks.n, 1);
    ck_assert_uint_lt(v.locks.n, MANY);
    ck_assert_uint_gt(v.unrecorded, 0);
    ck_assert_uint_eq(v.total.c[KSI_STAT_TAKEN] + v.unrecorded, 2 * MANY + 1);
    ksi_stats_view_end(&v);
    ck_assert_uint_eq(report_file_count(&told, "kslock: stats: no room"), 1);
    HAS(report(KSL_STATS_TEXT), "acquisitions, recursions and busy tries had no room");
    report_file_end(&told);
}
END_TEST

/* A thread without a block is not counted either. */
START_TEST(threads_without_room_are_told)
{
    struct puppet p;
    stats_on();
    puppet_start(&p);
    STORE(&ksi_stats_room, (int64_t)100);
    (void)ask(&p, take_mutex, &mutex);
    (void)ask(&p, give_mutex, &mutex);
    ck_assert_uint_eq(LOAD(&ksi_stats_unrecorded), 1);
    COUNTED(stats_of_all(), TAKEN, 0);
    puppet_end(&p);
}
END_TEST

/* --- with order, after fork -----------------------------------------------------------
 */

START_TEST(order_and_stats_go_together)
{
    static ksl_mutex_t other;
    recorder_start();
    ck_assert_int_eq(ksl_diag_enable("order,stats=/dev/null"), 0);
    (void)ksl_mutex_acquire(&mutex);
    (void)ksl_mutex_acquire(&other);
    ksl_mutex_release(&other);
    ksl_mutex_release(&mutex);
    (void)ksl_mutex_acquire(&other);
    (void)ksl_mutex_acquire(&mutex);
    ksl_mutex_release(&mutex);
    ksl_mutex_release(&other);
    ck_assert_uint_eq(recorder_count("order"), 1);
    COUNTED(stats_of(&mutex), TAKEN, 2);
    COUNTED(stats_of(&mutex), HELD, 2);
    const char *text = report(KSL_STATS_JSON);
    ck_assert_msg(json_check(text) == NULL, "%s:\n%s", json_check(text), text);
    HAS(text, "\"graph\":{");
    recorder_stop();
}
END_TEST

static void child_counts_anew(void)
{
    struct ksi_stats_view v;
    ksl_mutex_release(&mutex); /* taken before the fork */
    (void)ksl_mutex_acquire(&mutex);
    ksl_mutex_release(&mutex);
    CHILD_CHECK(ksi_stats_view_make(&v));
    CHILD_CHECK(v.total.c[KSI_STAT_TAKEN] == 1);
    CHILD_CHECK(v.total.c[KSI_STAT_HELD] == 2);
    CHILD_CHECK(v.total.c[KSI_STAT_CONTENDED] == 0);
    CHILD_CHECK(v.stacks == 0);
    CHILD_CHECK(v.lines == 1);
    CHILD_CHECK(v.line[0].tid == ksl_thread_id(ksl_thread_self()));
    CHILD_CHECK(v.line[0].c[KSI_STAT_TAKEN] == 1);
    ksi_stats_view_end(&v);
}

START_TEST(a_child_counts_anew)
{
    stats_on();
    scene();
    (void)ksl_mutex_acquire(&mutex);
    in_child(child_counts_anew);
    ksl_mutex_release(&mutex);
    COUNTED(stats_of(&mutex), TAKEN, 3);
    COUNTED(stats_of(&mutex), HELD, 3);
}
END_TEST

/* --- at exit: this program again, with KSLOCK ------------------------------------------
 */

static int probe_main(const char *how)
{
    (void)ksl_mutex_acquire(&mutex);
    ksl_mutex_release(&mutex);
    if (strcmp(how, "fork") == 0 || strcmp(how, "ask") == 0) {
        pid_t pid = fork();
        if (pid == 0) {
            for (int i = 0; i < 4; i++) {
                (void)ksl_mutex_acquire(&mutex);
                ksl_mutex_release(&mutex);
            }
            return strcmp(how, "ask") == 0 ? ksl_diag_enable("stats") : 0;
        }
        int status;
        return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
    }
    return 0;
}

/* Runs the probe; what it says on stderr is in the file's text. */
static const char *probe_with(const char *list, const char *how)
{
    report_file_new(&file);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int fd = open(file.path, O_WRONLY | O_APPEND);
        dup2(fd, STDERR_FILENO);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){"stats_report_test", probe, how, NULL});
        _exit(126);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    report_file_read(&file);
    report_file_end(&file);
    ck_assert_msg(status == 0, "status 0x%x: %s", (unsigned)status, file.text);
    return file.text;
}

START_TEST(exit_reports_to_stderr)
{
    const char *text = probe_with("stats", "plain");
    HAS(text, "1 acquisitions, 0 contended, 1 locks");
    ck_assert_ptr_null(strstr(probe_with("", "plain"), "stats"));
}
END_TEST

START_TEST(exit_reports_to_a_file)
{
    static const struct {
        const char *suffix;
        const char *begins;
    } forms[] = {{"", "kslock: stats: "},
                 {".txt", "kslock: stats: "},
                 {".json", "{\"version\":1,"},
                 {".csv", "scope,name,"}};
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        static struct report_file to;
        char list[200];
        report_file_new(&to);
        unlink(to.path);
        strcat(to.path, forms[i].suffix);
        FILE *f =
            fopen(to.path, "w"); /* what was there is replaced, if it was longer too */
        ck_assert_ptr_nonnull(f);
        for (int k = 0; k < 9000; k++)
            fputs("old\n", f);
        fclose(f);
        snprintf(list, sizeof list, "stats=%s", to.path);
        ck_assert_str_eq(probe_with(list, "plain"), "");
        const char *text = report_file_read(&to);
        ck_assert_msg(strncmp(text, forms[i].begins, strlen(forms[i].begins)) == 0, "%s",
                      text);
        ck_assert_ptr_null(strstr(text, "old\n"));
        if (strcmp(forms[i].suffix, ".json") == 0)
            ck_assert_ptr_null(json_check(text));
        report_file_end(&to);
    }
}
END_TEST

START_TEST(children_of_fork_report_if_they_ask)
{
    const char *text = probe_with("stats", "fork");
    HAS(text, "kslock: stats: ");
    HAS(text, "1 acquisitions, 0 contended");
    ck_assert_ptr_null(strstr(text, "4 acquisitions"));
    text = probe_with("stats", "ask");
    HAS(text, "1 acquisitions, 0 contended");
    HAS(text, "4 acquisitions, 0 contended");
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], probe) == 0)
        return probe_main(argv[2]);
    Suite *s = suite_create("stats reports");
    TCase *tc = tcase_create("reports");
    tcase_add_test(tc, text_has_all_sections);
    tcase_add_test(tc, json_is_well_formed);
    tcase_add_test(tc, json_check_finds_faults);
    tcase_add_test(tc, csv_lines_have_the_same_columns);
    tcase_add_test(tc, wrong_calls_are_refused);
    tcase_add_test(tc, what_has_no_room_is_told);
    tcase_add_test(tc, threads_without_room_are_told);
    tcase_add_test(tc, order_and_stats_go_together);
    tcase_add_test(tc, a_child_counts_anew);
    tcase_add_test(tc, exit_reports_to_stderr);
    tcase_add_test(tc, exit_reports_to_a_file);
    tcase_add_test(tc, children_of_fork_report_if_they_ask);
    suite_add_tcase(s, tc);
    return support_run(s);
}
