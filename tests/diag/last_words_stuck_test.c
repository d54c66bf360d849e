/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A signal ends the program while the registry of threads is locked, and comes to a
 * thread that the library does not know: who writes the report does not register.
 */

#include "support.h"

#include "again.h"
#include "readback.h"
#include "sanitized.h"

#include "platform/rawlock.h"
#include "thread/readers.h"
#include "thread/thread.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* This program, which ends so if there is a second word. */
static const char program[] = "/proc/self/exe";

static int locked;

static void *lock_and_stay(void *arg)
{
    ksi_raw_lock(&ksi_registry_lock);
    STORE(&locked, 1);
    for (;;)
        pause();
    return arg;
}

static int probe(void)
{
    struct rlimit none = {0, 0};
    sigset_t request;
    pthread_t thread;
    setrlimit(RLIMIT_CORE, &none);
    sigemptyset(&request);
    sigaddset(&request, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &request, NULL); /* of the new thread, too */
    if (pthread_create(&thread, NULL, lock_and_stay, NULL) != 0)
        return 98;
    while (!LOAD(&locked))
        sched_yield();
    if (ksl_tls.self != NULL) /* it is known */
        return 97;
    pthread_sigmask(SIG_UNBLOCK, &request, NULL);
    raise(SIGTERM);
    return 96;
}

START_TEST(a_report_needs_no_registered_thread)
{
    struct report_file out;
    int status = -1;
    report_file_new(&out);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        char list[128];
        snprintf(list, sizeof list, "report=/dev/null,stats=%s", out.path);
        setenv("KSLOCK", list, 1);
        support_exec((const char *const[]){program, "stuck", NULL});
        _exit(99);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM, "%x",
                  (unsigned)status);
    ck_assert_ptr_nonnull(strstr(report_file_read(&out), "kslock"));
    report_file_end(&out);
}
END_TEST

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return probe();
    if (SANITIZED) {
        printf("skipped: no such handlers\n");
        return 77;
    }
    Suite *s = suite_create("last_words_stuck");
    TCase *tc = tcase_create("ends");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_report_needs_no_registered_thread);
    suite_add_tcase(s, tc);
    return support_run(s);
}
