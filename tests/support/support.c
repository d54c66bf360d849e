/* SPDX-License-Identifier: BSD-2-Clause */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

uint64_t support_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

bool support_keep_waiting(uint64_t *state)
{
    uint64_t now = support_now_ns();
    if (*state == 0)
        *state = now + SUPPORT_DEADLINE_S * 1000000000ull;
    sched_yield();
    return now < *state;
}

static void *actor_main(void *arg)
{
    struct actor *a = arg;
    a->thread = ksl_thread_self();
    STORE(&a->started, 1);
    a->fn(a->arg);
    STORE(&a->finished, 1);
    return NULL;
}

void actor_start(struct actor *a, void (*fn)(void *arg), void *arg)
{
    memset(a, 0, sizeof *a);
    a->fn = fn;
    a->arg = arg;
    if (pthread_create(&a->pthread, NULL, actor_main, a) != 0) {
        fprintf(stderr, "cannot start a thread\n");
        abort();
    }
    WAIT_UNTIL(LOAD(&a->started));
}

bool actor_finished(const struct actor *a)
{
    return LOAD(&a->finished) != 0;
}

void actor_join(struct actor *a)
{
    WAIT_UNTIL(actor_finished(a));
    pthread_join(a->pthread, NULL);
}

void actor_run(void (*fn)(void *arg), void *arg)
{
    struct actor a;
    actor_start(&a, fn, arg);
    actor_join(&a);
}

void wait_asleep(const ksl_thread *t)
{
    WAIT_UNTIL(ksl_thread_asleep(t));
}

/*
 * Violations may come from handlers that interrupt the very thread that reads
 * the record, so the record takes no lock: slots are claimed by a counter.
 */
enum { RECORDER_MAX = 1024 };
static struct {
    struct recorded v;
    int ready;
} recorder[RECORDER_MAX];
static unsigned recorder_n;

static void record(const ksl_violation *v, void *arg)
{
    (void)arg;
    unsigned i = ADD(&recorder_n, 1u) - 1;
    if (i >= RECORDER_MAX)
        return;
    struct recorded *r = &recorder[i].v;
    r->severity = v->severity;
    snprintf(r->rule, sizeof r->rule, "%s", v->rule);
    snprintf(r->message, sizeof r->message, "%s", v->message);
    r->lock = v->lock;
    r->thread = v->thread;
    STORE(&recorder[i].ready, 1);
}

void recorder_start(void)
{
    ksl_set_violation_handler(NULL, NULL);
    memset(recorder, 0, sizeof recorder);
    STORE(&recorder_n, 0u);
    ksl_set_violation_handler(record, NULL);
}

void recorder_stop(void)
{
    ksl_set_violation_handler(NULL, NULL);
}

static unsigned recorder_size(void)
{
    unsigned n = LOAD(&recorder_n);
    return n < RECORDER_MAX ? n : RECORDER_MAX;
}

unsigned recorder_count(const char *rule)
{
    if (rule == NULL)
        return LOAD(&recorder_n);
    unsigned count = 0;
    for (unsigned i = 0; i < recorder_size(); i++) {
        if (LOAD(&recorder[i].ready) && strcmp(recorder[i].v.rule, rule) == 0)
            count++;
    }
    return count;
}

struct recorded recorder_last(void)
{
    struct recorded none = {0};
    unsigned n = recorder_size();
    return n > 0 && LOAD(&recorder[n - 1].ready) ? recorder[n - 1].v : none;
}

void in_child(void (*fn)(void))
{
    int status = -1;
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        alarm(2 * SUPPORT_DEADLINE_S);
        fn();
        _exit(0);
    }
    pid_t ended;
    do {
        ended = waitpid(pid, &status, 0);
    } while (ended < 0 && errno == EINTR);
    ck_assert_int_eq(ended, pid);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child ended with %x",
                  (unsigned)status);
}

static void *stay(void *arg)
{
    while (!LOAD((int *)arg))
        sched_yield();
    return NULL;
}

static void *come(void *arg)
{
    return arg;
}

static bool child_ends_well(pid_t pid)
{
    uint64_t state = 0;
    int status = -1;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 && support_keep_waiting(&state))
        ;
    if (ended == 0) { /* it hangs in the emulator */
        kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    return ended == pid && status == 0;
}

bool support_fork_threads(void)
{
    const char *emulator = getenv("KSLOCK_TEST_EMULATOR");
    if (emulator == NULL || *emulator == '\0')
        return true;
    int stop = 0;
    pthread_t other;
    ck_assert_int_eq(pthread_create(&other, NULL, stay, &stop), 0);
    pid_t pid = fork();
    if (pid == 0) {
        pthread_t own;
        (void)dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        _exit(pthread_create(&own, NULL, come, NULL) == 0 && pthread_join(own, NULL) == 0
                  ? 0
                  : 1);
    }
    bool works = pid > 0 && child_ends_well(pid);
    STORE(&stop, 1);
    ck_assert_int_eq(pthread_join(other, NULL), 0);
    if (!works)
        support_skip("the emulator ends a child of fork that starts a thread");
    return works;
}

static int *skips; /* shared with the processes of the cases */

void support_skip(const char *why)
{
    printf("a case is skipped: %s\n", why);
    fflush(stdout);
    ADD(skips, 1);
}

int support_run(Suite *s)
{
    skips = mmap(NULL, sizeof *skips, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    if (skips == MAP_FAILED)
        return EXIT_FAILURE;
    SRunner *runner = srunner_create(s);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (failed == 0 && LOAD(skips) > 0)
        return 77;
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
