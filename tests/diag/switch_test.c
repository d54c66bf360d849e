/* SPDX-License-Identifier: BSD-2-Clause */

/* <kslock/diag.h>: the words of the list, from the program and from the environment. */

#include "readback.h"

#include "diag/classes.h"
#include "diag/switch.h"
#include "thread/thread.h"

#include <kslock/kslock.h>

#include <errno.h>
#include <sys/wait.h>

/* The word with which this program reports on itself. */
static const char probe[] = "--probe";

static uint32_t bits(void)
{
    return LOAD(&ksi_diag);
}

/* --- ksl_diag_enable --- */

static void only_come(void *arg)
{
    (void)arg;
}

/*
 * Loop: how many threads came and went before. Now and then who comes looks who has gone
 * without a word; the one that calls here has not.
 */
START_TEST(part2_the_caller_is_not_taken_for_gone)
{
    static ksl_rwsem_t rwsem;
    ksl_thread *self = ksl_thread_self();
    for (int i = 0; i < _i; i++)
        actor_run(only_come, NULL);
    ck_assert_int_eq(ksl_diag_enable("stats=/dev/null"), 0);
    ck_assert_int_eq(ksl_signal_post(self, 1), 0);
    ck_assert_int_eq(ksl_signal_take(), 1);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&rwsem), 0);
    ksl_rwsem_release_write(&rwsem);
}
END_TEST

START_TEST(part2_wrong_lists_change_nothing)
{
    static const char *const wrong[] = {
        "nonsense", "order,nonsense", "Order",        "order,",
        ",order",   "order,,order",   "stats=",       "order,Stats",
        "trace=",   "trace",          "hang",         "hang=",
        "hang=0",   "hang=0.0",       "hang=-1",      "hang=1x",
        "hang=x",   "hang=99999999",  "hang=1.2.3",   "order=1",
        "report",   "report=",        "order,hang=0", "report=no-such-folder/x",
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(ksl_diag_enable(wrong[i]) == -EINVAL, "%s", wrong[i]);
        ck_assert_msg(bits() == 0, "%s", wrong[i]);
    }
    ck_assert_int_eq(ksl_diag_enable(NULL), -EINVAL);
    ck_assert_uint_eq(bits(), 0);
    ck_assert_uint_ne(ksl_tls.owner, 0);
    ck_assert_int_eq(ksi_diag_fd(), STDERR_FILENO);
}
END_TEST

START_TEST(part2_right_lists)
{
    ck_assert_int_eq(ksl_diag_enable(""), 0);
    ck_assert_uint_eq(bits(), 0);
    ck_assert_int_eq(ksl_diag_enable("hang=1000"), 0);
    ck_assert_uint_eq(bits(), KSI_DIAG_HANG);
    ck_assert_uint_eq(ksi_diag_hang_limit(), 1000000000000u);
    ck_assert_int_eq(ksl_diag_enable("order,hang=0.25"), 0);
    ck_assert_uint_eq(bits(), KSI_DIAG_HANG | KSI_DIAG_ORDER);
    ck_assert_uint_eq(ksi_diag_hang_limit(), 250000000u);
    ck_assert_int_eq(ksl_diag_enable("stats=/dev/null"), 0);
    ck_assert_uint_eq(bits(), KSI_DIAG_HANG | KSI_DIAG_ORDER | KSI_DIAG_STATS);
}
END_TEST

START_TEST(part2_a_long_word_is_refused)
{
    static char list[20000];
    memset(list, 'a', sizeof list - 1);
    memcpy(list, "report=", 7);
    ck_assert_int_eq(ksl_diag_enable(list), -EINVAL);
    ck_assert_int_eq(ksi_diag_fd(), STDERR_FILENO);
}
END_TEST

/* No detector is here, or it watches the library itself and must not be told, too. */
START_TEST(part2_annotate_is_refused_without_a_detector_outside)
{
    ck_assert_int_eq(ksl_diag_enable("annotate"), -EINVAL);
    ck_assert_uint_eq(bits(), 0);
}
END_TEST

START_TEST(part2_errno_is_kept)
{
    errno = 77;
    ck_assert_int_eq(ksl_diag_enable("report=no-such-folder/x"), -EINVAL);
    ck_assert_int_eq(errno, 77);
}
END_TEST

static int handler_result;

static void enable_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    STORE(&handler_result, ksl_diag_enable("order"));
}

START_TEST(part2_refused_in_a_handler)
{
    ck_assert_int_eq(ksl_irq_request(3, KSL_STAGE_INBAND, 5, enable_in_handler, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 3), 0);
    ck_assert_int_eq(LOAD(&handler_result), -EINVAL);
    ck_assert_uint_eq(bits(), 0);
}
END_TEST

/* --- threads are watched --- */

/* A thread that takes and gives back until it is told to stop. */
struct busy {
    struct actor actor;
    ksl_mutex_t *mutex;
    ksl_rwsem_t *rwsem;
    int stop;       /* atomic */
    int turns;      /* atomic */
    int failed;     /* atomic */
    uintptr_t last; /* atomic: its owner word */
};

static void work(void *arg)
{
    struct busy *b = arg;
    while (!LOAD(&b->stop)) {
        int bad = ksl_mutex_acquire(b->mutex) != 0;
        bad |= ksl_rwsem_acquire_read(b->rwsem) != 0;
        bad |= ksl_rwsem_release_read(b->rwsem) != 0;
        ksl_mutex_release(b->mutex);
        bad |= ksl_rwsem_acquire_write(b->rwsem) != 0;
        bad |= ksl_rwsem_release_write(b->rwsem) != 0;
        if (bad)
            STORE(&b->failed, 1);
        STORE(&b->last, ksl_owner_word());
        ADD(&b->turns, 1);
    }
}

START_TEST(part4_existing_threads_are_watched)
{
    enum { THREADS = 3 };
    static struct busy busy[THREADS];
    static ksl_mutex_t mutex;
    static ksl_rwsem_t rwsem;
    recorder_start();
    for (unsigned i = 0; i < THREADS; i++) {
        busy[i].mutex = &mutex;
        busy[i].rwsem = &rwsem;
        actor_start(&busy[i].actor, work, &busy[i]);
        WAIT_UNTIL(LOAD(&busy[i].turns) > 0);
        ck_assert_uint_eq(LOAD(&busy[i].last), (uintptr_t)busy[i].actor.thread);
    }
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    ck_assert_uint_eq(ksl_owner_word(), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        int turns = LOAD(&busy[i].turns);
        WAIT_UNTIL(LOAD(&busy[i].turns) > turns + 2);
        ck_assert_uint_eq(LOAD(&busy[i].last), 0);
        STORE(&busy[i].stop, 1);
        actor_join(&busy[i].actor);
        ck_assert_int_eq(LOAD(&busy[i].failed), 0);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

static uintptr_t seen_owner;

static void look_at_owner(void *arg)
{
    (void)arg;
    STORE(&seen_owner, ksl_owner_word());
}

START_TEST(part4_new_threads_are_watched)
{
    struct actor a;
    STORE(&seen_owner, (uintptr_t)1);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    actor_start(&a, look_at_owner, NULL);
    actor_join(&a);
    ck_assert_uint_eq(LOAD(&seen_owner), 0);
}
END_TEST

static void nothing(int irq, void *arg)
{
    (void)irq;
    (void)arg;
}

/* The word comes back after a handler, and not while threads are watched. */
START_TEST(part4_handlers_restore_the_word)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_irq_request(3, KSL_STAGE_INBAND, 5, nothing, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(self, 3), 0);
    ck_assert_uint_eq(ksl_owner_word(), (uintptr_t)self);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    ck_assert_int_eq(ksl_irq_raise_on(self, 3), 0);
    ck_assert_uint_eq(ksl_owner_word(), 0);
}
END_TEST

/* What was taken by a fast path is given back by the slow one. */
START_TEST(part4_enabled_while_locks_are_held)
{
    static ksl_mutex_t mutex;
    static ksl_rwsem_t read_sem;
    static ksl_rwsem_t write_sem;
    recorder_start();
    ck_assert_int_eq(ksl_mutex_acquire(&mutex), 0);
    ck_assert_int_eq(ksl_rwsem_acquire_read(&read_sem), 0);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&write_sem), 0);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    ck_assert_int_eq(ksl_rwsem_release_write(&write_sem), 0);
    ck_assert_int_eq(ksl_rwsem_release_read(&read_sem), 0);
    ksl_mutex_release(&mutex);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
    ck_assert_uint_eq(mutex.word, 0);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&read_sem), 0);
    ck_assert_int_eq(ksl_rwsem_release_write(&read_sem), 0);
}
END_TEST

/* --- report=FILE --- */

static struct report_file file;

static void enable_report(void)
{
    char list[128];
    snprintf(list, sizeof list, "report=%s", file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
}

START_TEST(part2_reports_are_appended_to_the_file)
{
    report_file_new(&file);
    FILE *f = fopen(file.path, "w");
    ck_assert_ptr_nonnull(f);
    fputs("before\n", f);
    fclose(f);
    enable_report();
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        ksl_syscall_enter();
        static ksl_mutex_t m;
        (void)ksl_mutex_acquire(&m);
        (void)ksl_syscall_exit(); /* a report: it returns */
        _exit(0);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_ptr_eq(strstr(report_file_read(&file), "before\n"), file.text);
    ck_assert(report_file_has(&file, "\nkslock: report: exit-held: "));
    report_file_end(&file);
}
END_TEST

START_TEST(part2_the_file_can_change)
{
    struct report_file second;
    report_file_new(&file);
    enable_report();
    int fd = ksi_diag_fd();
    ck_assert_int_ne(fd, STDERR_FILENO);
    second = file;
    report_file_new(&file);
    enable_report();
    ck_assert_int_eq(ksi_diag_fd(), fd);
    ck_assert_int_eq(write(fd, "here\n", 5), 5);
    ck_assert_str_eq(report_file_read(&file), "here\n");
    ck_assert_str_eq(report_file_read(&second), "");
    report_file_end(&file);
    report_file_end(&second);
}
END_TEST

/* --- KSLOCK --- */

/* Runs this program with KSLOCK=list; what it says on both outputs goes to the file. */
static void probe_with(const char *list)
{
    report_file_new(&file);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        int fd = open(file.path, O_WRONLY | O_APPEND);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){"switch_test", probe, NULL});
        _exit(99);
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    report_file_read(&file);
    report_file_end(&file);
}

START_TEST(part2_environment)
{
    probe_with("order,hang=2.5");
    ck_assert_str_eq(file.text, "bits 9 limit 2500000000 owner 0\n");
    probe_with("");
    ck_assert_str_eq(file.text, "bits 0 limit 0 owner 1\n");
}
END_TEST

START_TEST(part2_environment_honours_the_rest)
{
    probe_with("nonsense,order,trace=no-such-folder/x,hang=0,stats=");
    ck_assert_ptr_nonnull(strstr(file.text, "kslock: KSLOCK: \"nonsense\" is unknown"));
    ck_assert_ptr_nonnull(strstr(file.text, "\"trace=no-such-folder/x\" names no file"));
    ck_assert_ptr_nonnull(strstr(file.text, "\"stats=\" names no file"));
    ck_assert_ptr_nonnull(strstr(file.text, "\"hang=0\" needs a number of seconds"));
    ck_assert_ptr_nonnull(strstr(file.text, "bits 1 limit 0 owner 0\n"));
    unsigned lines = 0;
    for (const char *p = file.text; *p != '\0'; p++)
        lines += *p == '\n';
    ck_assert_uint_eq(lines, 5);
}
END_TEST

static int probe_main(void)
{
    ksl_thread *self = ksl_thread_self();
    printf("bits %u limit %llu owner %d\n", bits(),
           (unsigned long long)ksi_diag_hang_limit(),
           ksl_owner_word() == (uintptr_t)self);
    return 0;
}

/* --- ksl_diag_level --- */

START_TEST(part2_levels)
{
    static ksl_mutex_t a;
    static ksl_mutex_t b;
    struct ksi_class c;
    recorder_start();
    ck_assert_int_eq(ksi_level_of(&a), 0);
    for (int level = 1; level <= 4; level++) {
        ksl_diag_level(&a, level);
        ck_assert_int_eq(ksi_level_of(&a), level);
    }
    ck_assert_int_eq(ksi_level_of(&b), 0);
    ck_assert(!ksi_class_find(&a, &c));
    ksl_diag_level(&a, 0);
    ck_assert_int_eq(ksi_level_of(&a), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ksl_diag_level(&b, 2);
    ksi_class_set(&b, (struct ksi_class){7, 3});
    ck_assert_int_eq(ksi_level_of(&b), 2);
    ksi_class_drop(&b);
    ck_assert_int_eq(ksi_level_of(&b), 0);
    recorder_stop();
}
END_TEST

START_TEST(part2_bad_levels)
{
    static ksl_mutex_t a;
    static const int bad[] = {-1, 5, 100};
    for (unsigned i = 0; i < 3; i++) {
        recorder_start();
        ksl_diag_level(&a, bad[i]);
        ASSERT_VIOLATED("bad-argument");
        ck_assert_ptr_eq(recorder_last().lock, &a);
        ck_assert_int_eq(ksi_level_of(&a), 0);
    }
    recorder_start();
    ksl_diag_level(NULL, 1);
    ASSERT_VIOLATED("bad-argument");
    recorder_stop();
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], probe) == 0)
        return probe_main();
    if (getenv("KSLOCK") != NULL) { /* the cases begin with everything off */
        unsetenv("KSLOCK");
        support_exec((const char *const *)(uintptr_t)argv);
        return EXIT_FAILURE;
    }
    Suite *s = suite_create("diag/switch");
    TCase *c = tcase_create("switch");
    tcase_add_test(c, part2_wrong_lists_change_nothing);
    tcase_add_test(c, part2_right_lists);
    tcase_add_loop_test(c, part2_the_caller_is_not_taken_for_gone, 0, 64);
    tcase_add_test(c, part2_a_long_word_is_refused);
    tcase_add_test(c, part2_annotate_is_refused_without_a_detector_outside);
    tcase_add_test(c, part2_errno_is_kept);
    tcase_add_test(c, part2_refused_in_a_handler);
    tcase_add_test(c, part4_existing_threads_are_watched);
    tcase_add_test(c, part4_new_threads_are_watched);
    tcase_add_test(c, part4_handlers_restore_the_word);
    tcase_add_test(c, part4_enabled_while_locks_are_held);
    tcase_add_test(c, part2_reports_are_appended_to_the_file);
    tcase_add_test(c, part2_the_file_can_change);
    tcase_add_test(c, part2_environment);
    tcase_add_test(c, part2_environment_honours_the_rest);
    tcase_add_test(c, part2_levels);
    tcase_add_test(c, part2_bad_levels);
    suite_add_tcase(s, c);
    return support_run(s);
}
