/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Odd places in the life of a thread and of a process: a child of fork while other
 * threads hold and wait for locks of every kind, a stack of 16 KiB, destructors of
 * thread-specific data, atexit.
 */
#define _GNU_SOURCE 1

#include "child.h"
#include "kinds.h"
#include "puppet.h"
#include "sanitized.h"

#include <kslock/irq.h>

#include <limits.h>
#include <sys/wait.h>

enum { IRQ = 6, SMALL = 16 * 1024 };

#if defined(__OPTIMIZE__)
enum { SMALL_FRAMES = !SANITIZED };
#else
enum { SMALL_FRAMES = 0 };
#endif

static void renew_all(void)
{
    const struct lock_kind *k;
    for (EACH_KIND(k, i))
        k->renew();
}

/* ---- fork ---- */

static struct puppet holder, waiters[MAX_KINDS];

static int take_one(void *object)
{
    ((const struct lock_kind *)object)->take();
    return 0;
}

static int give_one(void *object)
{
    ((const struct lock_kind *)object)->give();
    return 0;
}

/* ThreadSanitizer ends a child of a process with threads that starts one itself. */
extern void __tsan_init(void) __attribute__((weak));

/* What others held stays held; new locks of every kind can be used and waited for. */
static void child_uses_all(void)
{
    const struct lock_kind *k;
    struct actor a;
    for (EACH_KIND(k, i)) {
        if (k->try_take != NULL)
            CHILD_CHECK(!k->try_take());
        k->renew();
    }
    use_each_kind();
    for (EACH_KIND(k, i)) {
        if (k->shared || __tsan_init != NULL)
            continue;
        k->take();
        actor_start(&a, (void (*)(void *))k->take, NULL);
        CHILD_WAIT(ksl_thread_asleep(a.thread));
        k->give();
        actor_join(&a);
    }
}

START_TEST(fork_while_others_hold_and_wait_for_each_kind)
{
    const struct lock_kind *k;
    if (!support_fork_threads())
        return;
    recorder_start();
    renew_all();
    puppet_start(&holder);
    puppets_start(waiters, MAX_KINDS);
    for (EACH_KIND(k, i)) {
        if (k->shared)
            continue;
        (void)ask(&holder, take_one, (void *)(uintptr_t)k);
        tell_blocked(&waiters[i], take_one, (void *)(uintptr_t)k);
    }
    in_child(child_uses_all);
    for (EACH_KIND(k, i)) {
        if (k->shared)
            continue;
        (void)ask(&holder, give_one, (void *)(uintptr_t)k);
        (void)answer(&waiters[i]);
        (void)ask(&waiters[i], give_one, (void *)(uintptr_t)k);
    }
    puppet_end(&holder);
    puppets_end(waiters, MAX_KINDS);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

/* ---- a small stack ---- */

static int handled; /* atomic */
static int asked;
static ksl_thread *small; /* atomic */

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&handled, 1);
}

/* Where the host's own minimum is larger, that. */
static void start_small(pthread_t *pthread, size_t size, void *(*fn)(void *))
{
    pthread_attr_t attr;
    long least = sysconf(_SC_THREAD_STACK_MIN);
    if (least > 0 && (size_t)least > size)
        size = (size_t)least;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, size), 0);
    ck_assert_int_eq(pthread_create(pthread, &attr, fn, NULL), 0);
    pthread_attr_destroy(&attr);
}

/* Locks to wait for, then free ones. */
static void *live_on_a_small_stack(void *arg)
{
    STORE(&small, ksl_thread_self());
    use_each_kind();
    use_each_kind();
    return arg;
}

START_TEST(a_stack_of_16_kib_is_enough)
{
    const struct lock_kind *k;
    pthread_t pthread;
    recorder_start();
    renew_all();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_OOB, 4, handler, NULL), 0);
    for (EACH_KIND(k, i)) {
        if (!k->shared)
            k->take();
    }
    start_small(&pthread, SMALL, live_on_a_small_stack);
    WAIT_UNTIL(LOAD(&small) != NULL);
    for (EACH_KIND(k, i)) { /* it meets them in this order, and is interrupted asleep */
        if (k->shared)
            continue;
        wait_asleep(LOAD(&small));
        ck_assert_int_eq(ksl_irq_raise_on(LOAD(&small), IRQ), 0);
        asked++;
        WAIT_UNTIL(LOAD(&handled) == asked);
        k->give();
    }
    pthread_join(pthread, NULL);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

static void *break_a_rule(void *arg)
{
    lock_kind(0)->give();
    return arg;
}

/* The text of a report is made on the stack of the thread: not in 16 KiB. */
START_TEST(misuse_is_reported_on_a_stack_of_32_kib)
{
    pthread_t pthread;
    recorder_start();
    renew_all();
    start_small(&pthread, (size_t)2 * SMALL, break_a_rule);
    pthread_join(pthread, NULL);
    ASSERT_VIOLATED("not-locked");
    recorder_stop();
}
END_TEST

/* ---- destructors ---- */

static pthread_key_t early, late; /* created before and after the library's own */
static int destroyed;             /* atomic */

static void destructor(void *arg)
{
    (void)arg;
    use_each_kind();
    if (use_each_spinning())
        ADD(&destroyed, 1);
}

static void *set_both(void *arg)
{
    pthread_setspecific(early, arg);
    pthread_setspecific(late, arg);
    return NULL; /* has not used the library yet */
}

START_TEST(destructors_use_each_kind)
{
    pthread_t pthread;
    recorder_start();
    renew_all();
    ck_assert_int_eq(pthread_key_create(&early, destructor), 0);
    use_each_kind();
    ck_assert_int_eq(pthread_key_create(&late, destructor), 0);
    ck_assert_int_eq(pthread_create(&pthread, NULL, set_both, &destroyed), 0);
    pthread_join(pthread, NULL);
    ck_assert_int_eq(LOAD(&destroyed), 2);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    pthread_key_delete(early);
    pthread_key_delete(late);
    recorder_stop();
}
END_TEST

/* ---- atexit ---- */

static void at_exit(void)
{
    use_each_kind();
    if (!use_each_spinning() || ksl_violation_count() != 0)
        _exit(3);
    (void)!write(STDERR_FILENO, "used at exit\n", 13);
}

START_TEST(atexit_uses_each_kind)
{
    int fds[2], status;
    char text[64] = "";
    ck_assert_int_eq(pipe(fds), 0);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fds[1], STDERR_FILENO);
        renew_all();
        if (atexit(at_exit) != 0)
            _exit(4);
        use_each_kind();
        exit(0);
    }
    close(fds[1]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    (void)!read(fds[0], text, sizeof text - 1);
    close(fds[0]);
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(text, "used at exit\n");
}
END_TEST

/*
 * resource_life_test         all but the next ones
 * resource_life_test stack   threads with small stacks; 77 where frames are large
 */
int main(int argc, char **argv)
{
    bool stack = argc == 2 && strcmp(argv[1], "stack") == 0;
    if (stack && !SMALL_FRAMES) {
        printf("life_test: skipped, frames are large without optimisation and with "
               "sanitizers\n");
        return 77;
    }
    Suite *s = suite_create("life");
    TCase *tc = tcase_create("life");
    suite_add_tcase(s, tc);
    if (stack) {
        tcase_add_test(tc, a_stack_of_16_kib_is_enough);
        tcase_add_test(tc, misuse_is_reported_on_a_stack_of_32_kib);
    } else if (argc == 1) {
        tcase_add_test(tc, fork_while_others_hold_and_wait_for_each_kind);
        tcase_add_test(tc, destructors_use_each_kind);
        tcase_add_test(tc, atexit_uses_each_kind);
    } else {
        fprintf(stderr, "usage: %s [stack]\n", argv[0]);
        return 2;
    }
    return support_run(s);
}
