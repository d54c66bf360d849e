/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: locks of SX_SYSINIT are destroyed when their object is
 * unloaded, and not when the process exits, whichever thread does that and whichever
 * loaded the library. This program does not refer to the library itself.
 * Arguments: a module, then a word for children.
 */
#include "again.h"
#include "outcome.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kslock/violation.h>

#include <check.h>

enum { CHILD_LIMIT_S = 60 };

static const char *module;
static void *handle;
static bool loaded_by_worker; /* which then has exited */

static void report(const ksl_violation *v, void *arg)
{
    (void)arg;
    dprintf(STDERR_FILENO, "violation %s\n", v->rule);
}

static void *load(void *arg)
{
    (void)arg;
    handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    return NULL;
}

static void *symbol(const char *name)
{
    void *p = dlsym(handle, name);
    if (p == NULL)
        _exit(3);
    return p;
}

/* Its lock is held from now on. */
static void load_and_hold(void)
{
    pthread_t p;
    void (*set_handler)(ksl_violation_handler fn, void *arg);
    void (*hold)(void);
    if (!loaded_by_worker)
        (void)load(NULL);
    else if (pthread_create(&p, NULL, load, NULL) != 0 || pthread_join(p, NULL) != 0)
        _exit(4);
    if (handle == NULL)
        _exit(5);
    *(void **)&set_handler = symbol("ksl_set_violation_handler");
    *(void **)&hold = symbol("freebsd_regress_module_hold");
    set_handler(report, NULL);
    hold();
}

static void *exit_here(void *arg)
{
    (void)arg;
    load_and_hold();
    exit(0);
}

/* The main thread has ended; the process goes on. */
static bool main_is_gone(void)
{
    char path[64], line[128];
    bool gone = false;
    snprintf(path, sizeof path, "/proc/self/task/%d/status", (int)getpid());
    FILE *f = fopen(path, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        gone = gone || strncmp(line, "State:\tZ", 8) == 0;
    if (f != NULL)
        fclose(f);
    return gone;
}

static void *close_here(void *arg)
{
    (void)arg;
    while (!main_is_gone())
        sched_yield();
    load_and_hold();
    dlclose(handle);
    _exit(0);
}

static int child_main(const char *how)
{
    pthread_t p;
    alarm(CHILD_LIMIT_S);
    loaded_by_worker = strncmp(how, "worker ", 7) == 0;
    const char *what = strchr(how, ' ') + 1;
    if (strcmp(what, "exits thread") == 0) {
        if (pthread_create(&p, NULL, exit_here, NULL) == 0)
            pthread_join(p, NULL);
        return 2;
    }
    if (strcmp(what, "closes after main") == 0) {
        if (pthread_create(&p, NULL, close_here, NULL) == 0)
            pthread_exit(NULL);
        return 2;
    }
    load_and_hold();
    if (strcmp(what, "closes") == 0) {
        dlclose(handle);
        _exit(0);
    }
    return 0; /* returns */
}

static void run_again(const void *how)
{
    support_exec((const char *const[]){"child", module, how, NULL});
    _exit(6);
}

static void run(const char *how, char *output, size_t size)
{
    int status = child_output(run_again, how, output, size);
    ck_assert_msg(ended_well(status), "%s: status %x: %s", how, (unsigned)status, output);
}

START_TEST(sysinit_exit_destroys_nothing)
{
    static const char *const how[] = {"main returns", "worker returns",
                                      "main exits thread", "worker exits thread"};
    char output[4096];
    run(how[_i], output, sizeof output);
    ck_assert_msg(strstr(output, "violation") == NULL, "%s: %s", how[_i], output);
}
END_TEST

START_TEST(sysinit_dlclose_destroys)
{
    static const char *const how[] = {"main closes", "worker closes",
                                      "main closes after main",
                                      "worker closes after main"};
    char output[4096];
    run(how[_i], output, sizeof output);
    ck_assert_msg(strcmp(output, "violation destroy-held\n") == 0, "%s: %s", how[_i],
                  output);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc < 2)
        return EXIT_FAILURE;
    module = argv[1];
    if (argc > 2)
        return child_main(argv[2]);
    Suite *s = suite_create("freebsd regress exit");
    TCase *tc = tcase_create("exit");
    tcase_add_loop_test(tc, sysinit_exit_destroys_nothing, 0, 4);
    tcase_add_loop_test(tc, sysinit_dlclose_destroys, 0, 4);
    suite_add_tcase(s, tc);
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
