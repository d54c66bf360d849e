/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Forks beside liburcu: while another thread has the lock that threads take when they
 * come or go, which nobody gives back in the child; in a section of readers; while
 * somebody waits for readers.
 */

#define _GNU_SOURCE 1 /* RTLD_NEXT */

#include "support.h"

#include "again.h"
#include "sanitized.h"

#include "platform/testing.h"
#include "thread/registry.h"
#include "thread/thread.h"

#include <kslock/kslock.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
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
static void leave_first(void)
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

/* As a handler does that interrupts it there; liburcu does not know the thread. */
static void *fork_in_section(void *arg)
{
    int status = -1;
    ksi_registry_read_lock();
    pid_t pid = fork();
    ksi_registry_read_unlock();
    if (pid == 0) {
        alarm(LIMIT_S);
        ksi_registry_wait_readers();
        _exit(0);
    }
    return waitpid(pid, &status, 0) == pid && status == 0 ? arg : NULL;
}

static void child_forks_in_section(void)
{
    pthread_t thread;
    void *went_well = NULL;
    alarm(2 * LIMIT_S);
    if (pthread_create(&thread, NULL, fork_in_section, &rwsem) != 0 ||
        pthread_join(thread, &went_well) != 0)
        _exit(7);
    _exit(went_well != NULL ? 0 : 8);
}

static void assert_forks(void (*child)(void))
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
    assert_forks(leave_first);
}
END_TEST

static void *come(void *arg)
{
    (void)ksl_thread_self();
    return arg;
}

START_TEST(a_child_that_was_forked_in_a_section_counts_its_own_reader)
{
    pthread_t thread;
    use_locks();
    ck_assert_int_eq(pthread_create(&thread, NULL, come, NULL), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    assert_forks(child_forks_in_section);
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
    assert_forks(leave_first);
    STORE(&may_go, 1);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST
#endif

/*
 * Three threads: a reader of the registry, one that waits for readers, one that forks,
 * which waits for that one. What the reader does meanwhile waits for none of them.
 */
enum { TIMER_IRQ = 20, FREED_IRQ = 21 };

static struct {
    struct actor reader, waiter, forker;
    int reading, go_on, freeing, forking; /* atomic */
    int armed, freed;
} three;
static __thread bool reads;

static void nothing(int irq, void *arg)
{
    (void)irq;
    (void)arg;
}

static void in_section(const char *where)
{
    if (!reads || strcmp(where, "irq: kick") != 0)
        return;
    reads = false;
    STORE(&three.reading, 1);
    WORKER_WAIT(LOAD(&three.go_on));
    three.armed = ksl_irq_timer(TIMER_IRQ, 1000000000u, 0); /* as a handler may */
}

static void read_registry(void *arg)
{
    reads = true;
    (void)ksl_irq_raise_on(arg, TIMER_IRQ);
}

static void free_interrupt(void *arg)
{
    (void)arg;
    STORE(&three.freeing, 1);
    three.freed = ksl_irq_free(FREED_IRQ);
}

static void fork_once(void *arg)
{
    int status;
    STORE(&three.forking, 1);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    *(bool *)arg = pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Whether the thread sleeps, as the kernel sees it. */
static bool sleeps(const ksl_thread *t)
{
    char name[64], state = '?';
    snprintf(name, sizeof name, "/proc/self/task/%d/stat", ksl_thread_id(t));
    FILE *f = fopen(name, "r");
    if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = '?';
    if (f != NULL)
        (void)fclose(f);
    return state == 'S';
}

START_TEST(fork_waits_for_readers_before_it_stops_anybody)
{
    bool forked = false;
    if (!support_fork_threads())
        return;
    ck_assert_int_eq(ksl_irq_request(TIMER_IRQ, KSL_STAGE_INBAND, 5, nothing, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(FREED_IRQ, KSL_STAGE_INBAND, 5, nothing, NULL), 0);
    __atomic_store_n(&ksi_point_hook, in_section, __ATOMIC_SEQ_CST);
    actor_start(&three.reader, read_registry, ksl_thread_self());
    WAIT_UNTIL(LOAD(&three.reading));
    actor_start(&three.waiter, free_interrupt, NULL);
    WAIT_UNTIL(LOAD(&three.freeing) && sleeps(three.waiter.thread));
    actor_start(&three.forker, fork_once, &forked);
    WAIT_UNTIL(LOAD(&three.forking) && sleeps(three.forker.thread));
    STORE(&three.go_on, 1);
    actor_join(&three.reader);
    actor_join(&three.waiter);
    actor_join(&three.forker);
    ck_assert_int_eq(three.armed, 0);
    ck_assert_int_eq(three.freed, 0);
    ck_assert(forked);
    __atomic_store_n(&ksi_point_hook, NULL, __ATOMIC_SEQ_CST);
    ck_assert_int_eq(ksl_irq_free(TIMER_IRQ), 0);
}
END_TEST

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
    tcase_add_test(tc, fork_waits_for_readers_before_it_stops_anybody);
    tcase_add_test(tc, a_child_that_was_forked_in_a_section_counts_its_own_reader);
#if !SANITIZED
    tcase_add_test(tc, it_may_end_although_another_one_was_just_coming);
#endif
    suite_add_tcase(s, tc);
    return support_run(s);
}
