/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Violations are told, and printed, while the loader's locks are held: by another thread
 * that is stuck in a constructor, or by the code that a handler has interrupted.
 * Argument: the module whose constructor stays.
 */

#define _GNU_SOURCE 1

#include "support.h"

#include <kslock/kslock.h>

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { IRQ = 5 };

static const char *module;
static ksl_mutex_t mutex; /* free */

/* --- what is printed
 * -------------------------------------------------------------------- */

static char report[] = "/tmp/violation_loader_XXXXXX";

static void report_to_file(void)
{
    char list[64];
    int fd = mkstemp(report);
    ck_assert_int_ge(fd, 0);
    close(fd);
    snprintf(list, sizeof list, "report=%s", report);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
}

static void assert_reported(const char *rule)
{
    char text[16384];
    FILE *f = fopen(report, "r");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    unlink(report);
    const char *line = strstr(text, "kslock: report: ");
    ck_assert_msg(line != NULL && strstr(line, rule) != NULL, "%s", text);
    /* A backtrace that names this program. */
    const char *frames = strchr(line, '\n');
    ck_assert_msg(frames != NULL && strstr(frames, "violation_loader_test(") != NULL,
                  "%s", text);
}

/* A report, which the default handler prints. */
static void leave_with_lock(void)
{
    ksl_syscall_enter();
    (void)ksl_mutex_acquire(&mutex);
    (void)ksl_syscall_exit();
    ksl_mutex_release(&mutex);
}

/* --- a constructor that stays
 * ------------------------------------------------------------ */

static int told[2], let_go[2];
static void *handle;

static void load(void *arg)
{
    (void)arg;
    handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
}

static void get_stuck(struct actor *a)
{
    char names[32], c;
    ck_assert_int_eq(pipe(told), 0);
    ck_assert_int_eq(pipe(let_go), 0);
    snprintf(names, sizeof names, "%d %d", told[1], let_go[0]);
    ck_assert_int_eq(setenv("LOADER_PIPES", names, 1), 0);
    actor_start(a, load, NULL);
    ck_assert_int_eq(read(told[0], &c, 1), 1);
}

static void get_unstuck(struct actor *a)
{
    ck_assert_int_eq(write(let_go[1], "", 1), 1);
    actor_join(a);
    ck_assert_ptr_nonnull(handle);
    dlclose(handle);
}

START_TEST(a_violation_is_told_beside_a_stuck_constructor)
{
    struct actor a;
    recorder_start();
    get_stuck(&a);
    ksl_mutex_release(&mutex);
    get_unstuck(&a);
    ck_assert_uint_eq(recorder_count("not-locked"), 1);
    ck_assert_msg(strstr(recorder_last().message, "violation_loader_test(") != NULL, "%s",
                  recorder_last().message);
    recorder_stop();
}
END_TEST

START_TEST(a_report_is_printed_beside_a_stuck_constructor)
{
    struct actor a;
    report_to_file();
    get_stuck(&a);
    leave_with_lock();
    get_unstuck(&a);
    assert_reported("exit-held");
}
END_TEST

/* --- a handler
 * ---------------------------------------------------------------------------- */

static int ran;

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ran++;
    (void)ksl_mutex_acquire(&mutex); /* irq-sleep */
}

static int interrupt_once(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)info;
    (void)size;
    (void)arg;
    return ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0 ? 1 : -1;
}

START_TEST(a_violation_is_told_in_a_handler_that_interrupted_the_loader)
{
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
    ck_assert_int_eq(dl_iterate_phdr(interrupt_once, NULL), 1);
    ck_assert_int_eq(ran, 1);
    ck_assert_uint_eq(recorder_count("irq-sleep"), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    recorder_stop();
}
END_TEST

int main(int argc, char **argv)
{
    if (argc != 2)
        return EXIT_FAILURE;
    module = argv[1];
    Suite *s = suite_create("violation_loader");
    TCase *tc = tcase_create("loader");
    tcase_add_test(tc, a_violation_is_told_beside_a_stuck_constructor);
    tcase_add_test(tc, a_report_is_printed_beside_a_stuck_constructor);
    tcase_add_test(tc, a_violation_is_told_in_a_handler_that_interrupted_the_loader);
    suite_add_tcase(s, tc);
    return support_run(s);
}
