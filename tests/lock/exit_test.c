/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The end of a process and of a thread with locks held. Run with a word, the
 * program is one of its own children: see child_main.
 */

#include "outcome.h"
#include "support.h"

#include <kslock/kslock.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    ksl_mutex_t mutex;
    ksl_rwsem_t write, read;
    ksl_spinlock_t spin;
} held;

static void take_all(void)
{
    (void)ksl_mutex_acquire(&held.mutex);
    (void)ksl_rwsem_acquire_write(&held.write);
    (void)ksl_rwsem_acquire_read(&held.read);
}

/* ---- children ---- */

static void *thread_exits(void *arg)
{
    take_all();
    pthread_exit(arg);
}

static void *thread_calls_exit(void *arg)
{
    (void)arg;
    take_all();
    exit(0);
}

static void *thread_holds(void *arg)
{
    take_all();
    STORE((int *)arg, 1);
    for (;;)
        pause();
    return NULL;
}

static int child_main(const char *how)
{
    pthread_t thread;
    static int holding;
    if (strcmp(how, "return") == 0) {
        take_all();
        return 0;
    }
    if (strcmp(how, "exit") == 0) {
        take_all();
        exit(0);
    }
    if (strcmp(how, "return-masked") == 0) {
        ksl_spinlock_acquire(&held.spin);
        return 0;
    }
    if (strcmp(how, "main-pthread-exit") == 0) {
        take_all();
        pthread_exit(NULL);
    }
    if (strcmp(how, "thread-calls-exit") == 0) {
        if (pthread_create(&thread, NULL, thread_calls_exit, NULL) == 0)
            pthread_join(thread, NULL);
        return 4;
    }
    if (strcmp(how, "return-while-thread-holds") == 0) {
        if (pthread_create(&thread, NULL, thread_holds, &holding) != 0)
            return 4;
        WAIT_UNTIL(LOAD(&holding));
        return 0;
    }
    if (strcmp(how, "thread-exits") == 0) {
        if (pthread_create(&thread, NULL, thread_exits, NULL) != 0)
            return 4;
        pthread_join(thread, NULL);
        return 0;
    }
    return 5;
}

/* ---- the parent ---- */

static const char *program;
static char output[65536];

static void run_again(const void *how)
{
    alarm(SUPPORT_DEADLINE_S);
    support_exec((const char *const[]){program, how, NULL});
    _exit(6);
}

/* Runs this program as a child; its stderr is in `output`. */
static int run(const char *how)
{
    return child_output(run_again, how, output, sizeof output);
}

START_TEST(the_end_of_a_process_is_silent)
{
    static const char *const how[] = {"return", "exit", "return-masked",
                                      "thread-calls-exit", "return-while-thread-holds"};
    int status = run(how[_i]);
    ck_assert_msg(ended_well(status), "%s: status %x: %s", how[_i], (unsigned)status,
                  output);
    ck_assert_msg(strstr(output, "kslock:") == NULL, "%s: %s", how[_i], output);
}
END_TEST

START_TEST(pthread_exit_is_the_end_of_a_thread)
{
    static const char *const how[] = {"thread-exits", "main-pthread-exit"};
    int status = run(how[_i]);
    ck_assert_msg(ended_well(status), "%s: status %x: %s", how[_i], (unsigned)status,
                  output);
    const char *report = strstr(output, "kslock: report: exit-held: ");
    ck_assert_msg(report != NULL, "%s: no report: %s", how[_i], output);
    ck_assert_msg(strstr(report + 1, "kslock: ") == NULL, "%s: more than one: %s",
                  how[_i], output);
}
END_TEST

static void *cancelled(void *arg)
{
    take_all();
    STORE((int *)arg, 1);
    for (;;)
        pause();
    return NULL;
}

START_TEST(a_cancelled_thread_is_reported)
{
    pthread_t thread;
    int holding = 0;
    memset(&held, 0, sizeof held);
    recorder_start();
    ck_assert_int_eq(pthread_create(&thread, NULL, cancelled, &holding), 0);
    WAIT_UNTIL(LOAD(&holding));
    ck_assert_int_eq(pthread_cancel(thread), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(ksl_mutex_try_acquire(&held.mutex), 0);
    recorder_stop();
}
END_TEST

/* ---- nobody inherits ---- */

struct heir {
    int mutex, spin, waits; /* what a later thread gets */
    int stop;               /* atomic */
    int tried;              /* atomic */
};

static void try_to_inherit(void *arg)
{
    struct heir *h = arg;
    uint64_t state = 0;
    h->mutex = ksl_mutex_try_acquire(&held.mutex);
    h->spin = ksl_spinlock_try_acquire(&held.spin) || ksl_spinlock_held(&held.spin);
    STORE(&h->tried, 1);
    while (!LOAD(&h->stop) && support_keep_waiting(&state))
        ;
}

static void leave_held(void *arg)
{
    (void)arg;
    take_all();
    ksl_spinlock_acquire(&held.spin);
}

static void start_dead_owner(void)
{
    struct actor a;
    memset(&held, 0, sizeof held);
    actor_start(&a, leave_held, NULL);
    actor_join(&a);
}

START_TEST(no_later_thread_inherits)
{
    enum { AT_ONCE = 20, GENERATIONS = 25 };
    recorder_start();
    start_dead_owner();
    ASSERT_VIOLATED("exit-held");
    for (int g = 0; g < GENERATIONS; g++) {
        struct actor a[AT_ONCE];
        struct heir h[AT_ONCE];
        memset(h, 0, sizeof h);
        for (int i = 0; i < AT_ONCE; i++)
            actor_start(&a[i], try_to_inherit, &h[i]);
        for (int i = 0; i < AT_ONCE; i++)
            WAIT_UNTIL(LOAD(&h[i].tried));
        for (int i = 0; i < AT_ONCE; i++) {
            STORE(&h[i].stop, 1);
            actor_join(&a[i]);
            ck_assert_int_eq(h[i].mutex, 0);
            ck_assert_int_eq(h[i].spin, 0);
        }
    }
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_stop();
}
END_TEST

static void misuse(void *arg)
{
    int *result = arg;
    ksl_mutex_release(&held.mutex);
    *result = ksl_rwsem_release_write(&held.write);
    if (*result == -EPERM)
        *result = ksl_rwsem_release_read(&held.read);
}

START_TEST(a_later_thread_may_not_release)
{
    recorder_start();
    start_dead_owner();
    recorder_start();
    for (int i = 1; i <= 50; i++) {
        struct actor a;
        int result = 0;
        actor_start(&a, misuse, &result);
        actor_join(&a);
        ck_assert_int_eq(result, -EPERM);
        ck_assert_uint_eq(recorder_count("not-owner"), 3u * (unsigned)i);
        ck_assert_uint_eq(recorder_count(NULL), 3u * (unsigned)i);
    }
    ck_assert_int_eq(ksl_mutex_try_acquire(&held.mutex), 0);
    recorder_stop();
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        return child_main(argv[1]);
    program = argv[0];
    Suite *s = suite_create("exit");
    TCase *tc = tcase_create("exit");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, the_end_of_a_process_is_silent, 0, 5);
    tcase_add_loop_test(tc, pthread_exit_is_the_end_of_a_thread, 0, 2);
    tcase_add_test(tc, a_cancelled_thread_is_reported);
    tcase_add_test(tc, no_later_thread_inherits);
    tcase_add_test(tc, a_later_thread_may_not_release);
    suite_add_tcase(s, tc);
    return support_run(s);
}
