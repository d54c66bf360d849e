/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A process forks while another thread has the lock that liburcu takes when a thread
 * comes or goes. In the child nobody gives it back.
 */

#define _GNU_SOURCE 1 /* RTLD_NEXT */

#include "support.h"

#include "again.h"
#include "sanitized.h"

#include "thread/thread.h"

#include <kslock/kslock.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LIMIT_S = 20 };

static ksl_rwsem_t rwsem;

#if !SANITIZED
static __thread bool stops_with_mutex;
static int has_mutex, may_go; /* atomic */

/* liburcu's calls come here. */
int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    static int (*real)(pthread_mutex_t *); /* atomic */
    int (*lock)(pthread_mutex_t *) = LOAD(&real);
    if (lock == NULL) {
        *(void **)&lock = dlsym(RTLD_NEXT, "pthread_mutex_lock");
        STORE(&real, lock);
    }
    int error = lock(mutex);
    if (stops_with_mutex) {
        uint64_t state = 0;
        stops_with_mutex = false;
        STORE(&has_mutex, 1);
        while (!LOAD(&may_go) && support_keep_waiting(&state))
            ;
    }
    return error;
}

/* The first mutex that it takes is the one at which threads come. */
static void *come_and_stay(void *arg)
{
    stops_with_mutex = true;
    (void)ksl_thread_self();
    return arg;
}
#endif

static void use_locks(void)
{
    if (ksl_rwsem_acquire_write(&rwsem) != 0)
        _exit(2);
    ksl_rwsem_release_write(&rwsem);
    if (ksl_rwsem_acquire_read(&rwsem) != 0)
        _exit(3);
    ksl_rwsem_release_read(&rwsem);
}

static void *come_and_go(void *arg)
{
    use_locks();
    return arg;
}

static void *end_of_process(void *arg)
{
    use_locks();
    if (pthread_join(*(pthread_t *)arg, NULL) != 0)
        _exit(4);
    _exit(0);
    return NULL;
}

/* Threads come and go in the child, then the one that has forked goes. */
static void child(void)
{
    static pthread_t self;
    pthread_t thread;
    alarm(LIMIT_S);
    use_locks();
    for (int i = 0; i < 3; i++) {
        if (pthread_create(&thread, NULL, come_and_go, NULL) != 0 ||
            pthread_join(thread, NULL) != 0)
            _exit(5);
    }
    self = pthread_self();
    if (pthread_create(&thread, NULL, end_of_process, &self) != 0)
        _exit(6);
    pthread_exit(NULL);
}

static void assert_forks(void)
{
    int status = -1;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        child();
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}

START_TEST(the_thread_that_has_forked_may_end_in_the_child)
{
    use_locks();
    assert_forks();
}
END_TEST

#if !SANITIZED
START_TEST(it_may_end_although_another_one_was_just_coming)
{
    pthread_t thread;
    if (!support_fork_threads())
        return;
    use_locks();
    ck_assert_int_eq(pthread_create(&thread, NULL, come_and_stay, NULL), 0);
    WAIT_UNTIL(LOAD(&has_mutex));
    assert_forks();
    STORE(&may_go, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST
#endif

int main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (RACE_DETECTOR) {
        printf("skipped: a race detector ends a child of fork that has threads\n");
        return 77;
    }
    Suite *s = suite_create("readers_fork");
    TCase *tc = tcase_create("fork");
    tcase_add_test(tc, the_thread_that_has_forked_may_end_in_the_child);
#if !SANITIZED
    tcase_add_test(tc, it_may_end_although_another_one_was_just_coming);
#endif
    suite_add_tcase(s, tc);
    return support_run(s);
}
