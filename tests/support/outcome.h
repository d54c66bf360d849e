/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_OUTCOME_H
#define TESTS_SUPPORT_OUTCOME_H

/* How a child process ends, and what it prints. Needs nothing of the library. */

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Keeps what fd gives in text, of size bytes, and drops what has no room there. */
static inline void keep_output(int fd, char *text, size_t size)
{
    size_t n = 0;
    char some[256];
    ssize_t got;
    while ((got = read(fd, some, sizeof some)) > 0) {
        for (ssize_t i = 0; i < got && n + 1 < size; i++)
            text[n++] = some[i];
    }
    text[n] = '\0';
}

/*
 * Runs fn(arg) in a child of fork, with its standard error in text and without a core
 * file. Returns the status of waitpid: that of exit status 0 if fn returned.
 */
static inline int child_output(void (*fn)(const void *arg), const void *arg, char *text,
                               size_t size)
{
    int fd[2], status = -1;
    ck_assert_int_eq(pipe(fd), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(fd[1], STDERR_FILENO);
        close(fd[0]);
        close(fd[1]);
        fn(arg);
        _exit(0);
    }
    close(fd[1]);
    keep_output(fd[0], text, size);
    close(fd[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    return status;
}

/* A child that ended with exit status 0. */
static inline bool ended_well(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

#endif
