/* SPDX-License-Identifier: BSD-2-Clause */
/* F21: two copies of the library's state in one process. */

#define _GNU_SOURCE 1

#include "bugs.h"

#include "../support/sanitized.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What this process writes to stderr, from begin to end. */
static int kept = -1, from = -1;

static void begin_stderr(void)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    kept = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    from = ends[0];
}

static const char *end_stderr(void)
{
    static char text[4096];
    dup2(kept, STDERR_FILENO); /* the last one that can write */
    close(kept);
    ssize_t n = read(from, text, sizeof text - 1);
    close(from);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

/* The first call of a thread in the copy that the handle stands for. */
static void first_call(void *handle)
{
    void *(*self)(void);
    *(void **)&self = dlsym(handle, "ksl_thread_self");
    ck_assert_msg(self != NULL, "%s", dlerror());
    (void)self();
}

static void expect_report(const char *text)
{
    ck_assert_msg(strstr(text, "kslock: report: ") != NULL &&
                      strstr(text, "two copies of the library") != NULL,
                  "stderr: \"%s\"", text);
}

static const char *lacks_shared(void)
{
    if (SANITIZED)
        return "a sanitizer stops two copies in its own way";
    return bug_shared_library == NULL ? "no --shared" : NULL;
}

/* The host may have no room for the thread-local memory of a second C library. */
static const char *lacks_namespace(void)
{
    const char *what = lacks_shared();
    int status = 0;
    if (what != NULL)
        return what;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(dlmopen(LM_ID_NEWLM, bug_shared_library, RTLD_NOW) != NULL ? 0 : 1);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return "no child can be made";
    return status == 0 ? NULL
                       : "the library cannot be loaded into a namespace of its own";
}

/* This program has the library linked statically; here comes the shared one. */
START_TEST(f21_a_shared_copy_beside_a_static_one_is_reported)
{
    (void)ksl_thread_self();
    begin_stderr();
    void *shared = dlopen(bug_shared_library, RTLD_NOW | RTLD_LOCAL);
    if (shared != NULL)
        first_call(shared);
    const char *text = end_stderr();
    ck_assert_msg(shared != NULL, "%s", dlerror());
    expect_report(text);
}
END_TEST

/* The other way round: the copy that comes second looks. */
START_TEST(f21_a_second_copy_is_reported)
{
    void *shared = dlopen(bug_shared_library, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(shared != NULL, "%s", dlerror());
    first_call(shared);
    begin_stderr();
    (void)ksl_thread_self();
    expect_report(end_stderr());
}
END_TEST

/* In a link namespace of its own, with a C library of its own. */
START_TEST(f21_a_copy_by_dlmopen_is_reported)
{
    (void)ksl_thread_self();
    begin_stderr();
    void *other = dlmopen(LM_ID_NEWLM, bug_shared_library, RTLD_NOW);
    if (other != NULL)
        first_call(other);
    const char *text = end_stderr();
    ck_assert_msg(other != NULL, "%s", dlerror());
    expect_report(text);
}
END_TEST

/* One copy is silent, also if the program uses real-time signals itself. */

static void nothing(int signo)
{
    (void)signo;
}

START_TEST(f21_one_copy_is_silent)
{
    struct sigaction action = {.sa_handler = nothing};
    sigemptyset(&action.sa_mask);
    ck_assert_int_eq(sigaction(SIGRTMIN + 3, &action, NULL), 0);
    begin_stderr();
    (void)ksl_thread_self();
    const char *text = end_stderr();
    ck_assert_msg(text[0] == '\0', "stderr: \"%s\"", text);
}
END_TEST

void add_f21(void)
{
    BUG_UNLESS(lacks_shared, f21_a_shared_copy_beside_a_static_one_is_reported);
    BUG_UNLESS(lacks_shared, f21_a_second_copy_is_reported);
    BUG_UNLESS(lacks_namespace, f21_a_copy_by_dlmopen_is_reported);
    BUG(f21_one_copy_is_silent);
}
