/* SPDX-License-Identifier: BSD-2-Clause */

/* The end of a thread: descriptors, held locks, calls from TLS destructors. */

#include "sanitized.h"
#include "support.h"

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>
#include <kslock/signal.h>
#include <kslock/spinlock.h>
#include <kslock/thread.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static void nothing(void *arg)
{
    (void)arg;
}

static void ignore_irq(int irq, void *arg)
{
    (void)irq;
    (void)arg;
}

START_TEST(calls_on_an_exited_thread)
{
    struct actor a;
    ck_assert_int_eq(ksl_irq_request(5, KSL_STAGE_INBAND, 3, ignore_irq, NULL), 0);
    for (int round = 0; round < 100; round++) {
        actor_start(&a, nothing, NULL);
        actor_join(&a);
        ck_assert_int_eq(ksl_signal_post(a.thread, 1), -ESRCH);
        ck_assert_int_eq(ksl_irq_raise_on(a.thread, 5), -ESRCH);
        ck_assert_int_eq(ksl_thread_unblock(a.thread), 0);
    }
    ck_assert_int_eq(ksl_irq_free(5), 0);
}
END_TEST

/* A signal or mask of the old thread must not meet the next one. */
static void leave_traces(void *arg)
{
    (void)arg;
    (void)ksl_signal_mask(~(uint64_t)0);
    (void)ksl_signal_post(ksl_thread_self(), 7);
    (void)ksl_irq_save();
    (void)ksl_irq_stall_inband();
    (void)ksl_stage_switch(KSL_STAGE_OOB);
}

struct look {
    bool pending, enabled;
    uint64_t mask;
    ksl_stage stage;
};

static void look_for_traces(void *arg)
{
    struct look *l = arg;
    l->pending = ksl_signal_pending();
    l->enabled = ksl_irq_enabled();
    l->mask = ksl_signal_mask(0);
    l->stage = ksl_stage_current();
}

START_TEST(a_new_thread_starts_clean)
{
    for (int round = 0; round < 20; round++) {
        struct actor a;
        struct look l = {.pending = true, .mask = 1, .stage = KSL_STAGE_OOB};
        actor_start(&a, leave_traces, NULL);
        actor_join(&a);
        actor_start(&a, look_for_traces, &l);
        actor_join(&a);
        ck_assert(!l.pending);
        ck_assert(l.enabled);
        ck_assert_uint_eq(l.mask, 0);
        ck_assert_int_eq(l.stage, KSL_STAGE_INBAND);
    }
}
END_TEST

/* ---- exit with locks held ---- */

static struct {
    ksl_mutex_t m1, m2;
    ksl_rwsem_t write, read;
    ksl_spinlock_t spin;
} held;

static void leave_held(void *arg)
{
    (void)arg;
    (void)ksl_mutex_acquire(&held.m1);
    (void)ksl_mutex_acquire(&held.m2);
    (void)ksl_rwsem_acquire_write(&held.write);
    (void)ksl_rwsem_acquire_read(&held.read);
}

static bool names_lock(const char *message, const void *lock)
{
    char hex[32];
    snprintf(hex, sizeof hex, "%llx", (unsigned long long)(uintptr_t)lock);
    return strstr(message, hex) != NULL;
}

static void take_mutex(void *arg)
{
    (void)ksl_mutex_acquire(arg);
    ksl_mutex_release(arg);
}

START_TEST(one_report_lists_all_holds)
{
    struct actor a;
    memset(&held, 0, sizeof held);
    recorder_start();
    actor_start(&a, leave_held, NULL);
    actor_join(&a);
    ASSERT_VIOLATED("exit-held");
    struct recorded r = recorder_last();
    ck_assert_int_eq(r.severity, KSL_REPORT);
    ck_assert_ptr_eq(r.thread, a.thread);
    ck_assert_msg(names_lock(r.message, &held.m1), "no first mutex: %s", r.message);
    ck_assert_msg(names_lock(r.message, &held.m2), "no second mutex: %s", r.message);
    ck_assert_msg(names_lock(r.message, &held.write), "no writer: %s", r.message);
    ck_assert_msg(names_lock(r.message, &held.read), "no reader: %s", r.message);

    /* They stay held. */
    ck_assert_int_eq(ksl_mutex_try_acquire(&held.m1), 0);
    ck_assert_int_eq(ksl_mutex_try_acquire(&held.m2), 0);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_stop();
}
END_TEST

static void leave_spinlock(void *arg)
{
    (void)arg;
    ksl_spinlock_acquire(&held.spin);
}

START_TEST(a_spinlock_left_held_is_reported)
{
    struct actor a;
    memset(&held, 0, sizeof held);
    recorder_start();
    actor_start(&a, leave_spinlock, NULL);
    actor_join(&a);
    ASSERT_VIOLATED("exit-held");
    ck_assert(!ksl_spinlock_try_acquire(&held.spin));
    recorder_stop();
}
END_TEST

START_TEST(exit_without_holds_is_silent)
{
    struct actor a;
    memset(&held, 0, sizeof held);
    recorder_start();
    for (int i = 0; i < 50; i++) {
        actor_start(&a, take_mutex, &held.m1);
        actor_join(&a);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

/* ---- TLS destructors ---- */

enum { KEYS = 3 };
static pthread_key_t keys[KEYS];
static ksl_mutex_t destructor_mutex;
static int destructor_calls; /* atomic */
static int destructor_bad;   /* atomic */

struct in_tls {
    pthread_key_t key;
    int rounds; /* how often the destructor asks to be called again */
};

static void destructor(void *arg)
{
    struct in_tls *t = arg;
    ksl_mutex_t local = KSL_MUTEX_INIT;
    if (ksl_thread_self() == NULL || ksl_thread_self() != ksl_thread_self())
        ADD(&destructor_bad, 1);
    if (ksl_mutex_acquire(&destructor_mutex) != 0 || ksl_mutex_try_acquire(&local) != 1)
        ADD(&destructor_bad, 1);
    ksl_mutex_release(&local);
    ksl_mutex_release(&destructor_mutex);
    ADD(&destructor_calls, 1);
    if (t->rounds-- > 0)
        pthread_setspecific(t->key, t);
}

/* Several keys: their destructors run before and after those of the library. */
static void set_keys(struct in_tls *t, int rounds)
{
    for (int i = 0; i < KEYS; i++) {
        t[i] = (struct in_tls){.key = keys[i], .rounds = rounds};
        pthread_setspecific(keys[i], &t[i]);
    }
}

static void *unregistered_until_exit(void *arg)
{
    set_keys(arg, 0);
    return NULL;
}

static void *registered_first(void *arg)
{
    (void)ksl_thread_self();
    set_keys(arg, 0);
    return NULL;
}

static void *every_round(void *arg)
{
    (void)ksl_thread_self();
    set_keys(arg, PTHREAD_DESTRUCTOR_ITERATIONS);
    return NULL;
}

/*
 * ThreadSanitizer ends its own state of a thread in the last round of
 * destructors; no instrumented program may run code there.
 */
enum { FIRST_WAY = RACE_DETECTOR ? 1 : 0, LAST_WAY = RACE_DETECTOR ? 2 : 3 };

START_TEST(tls_destructors_may_lock)
{
    static void *(*const fns[])(void *) = {unregistered_until_exit, registered_first,
                                           every_round};
    enum { N = 8 };
    recorder_start();
    for (int i = 0; i < KEYS; i++)
        ck_assert_int_eq(pthread_key_create(&keys[i], destructor), 0);
    for (int round = 0; round < 40; round++) {
        pthread_t thread[N];
        struct in_tls t[N][KEYS];
        for (int i = 0; i < N; i++)
            ck_assert_int_eq(pthread_create(&thread[i], NULL, fns[_i], t[i]), 0);
        for (int i = 0; i < N; i++)
            ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
    }
    ck_assert_int_ge(LOAD(&destructor_calls), 40 * N * KEYS);
    ck_assert_int_eq(LOAD(&destructor_bad), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
    for (int i = 0; i < KEYS; i++)
        pthread_key_delete(keys[i]);
    ck_assert_int_eq(ksl_mutex_try_acquire(&destructor_mutex), 1);
    ksl_mutex_release(&destructor_mutex);
}
END_TEST

static void release_in_destructor(void *arg)
{
    ksl_mutex_release(arg);
}

static void *hold_until_destructor(void *arg)
{
    (void)ksl_mutex_acquire(arg);
    pthread_setspecific(keys[0], arg);
    return NULL;
}

START_TEST(a_lock_released_in_a_destructor_is_not_reported)
{
    ksl_mutex_t m = KSL_MUTEX_INIT;
    pthread_t thread;
    recorder_start();
    (void)ksl_thread_self();
    ck_assert_int_eq(pthread_key_create(&keys[0], release_in_destructor), 0);
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(pthread_create(&thread, NULL, hold_until_destructor, &m), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(ksl_mutex_try_acquire(&m), 1);
        ksl_mutex_release(&m);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
    pthread_key_delete(keys[0]);
}
END_TEST

/* ---- exit storm ---- */

enum { STORM_THREADS = 16, STORM_ROUNDS = 60 };

static void *storm(void *arg)
{
    ksl_mutex_t *m = arg;
    for (int i = 0; i < 3; i++) {
        (void)ksl_mutex_acquire(m);
        ksl_mutex_release(m);
    }
    return NULL; /* while others are being woken by this release */
}

START_TEST(exit_storm)
{
    ksl_mutex_t m = KSL_MUTEX_INIT;
    recorder_start();
    for (int round = 0; round < STORM_ROUNDS; round++) {
        pthread_t thread[STORM_THREADS];
        (void)ksl_mutex_acquire(&m);
        for (int i = 0; i < STORM_THREADS; i++)
            ck_assert_int_eq(pthread_create(&thread[i], NULL, storm, &m), 0);
        ksl_mutex_release(&m);
        for (int i = 0; i < STORM_THREADS; i++)
            ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(ksl_mutex_try_acquire(&m), 1);
    ksl_mutex_release(&m);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("thread_exit");
    TCase *tc = tcase_create("exit");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, calls_on_an_exited_thread);
    tcase_add_test(tc, a_new_thread_starts_clean);
    tcase_add_test(tc, one_report_lists_all_holds);
    tcase_add_test(tc, a_spinlock_left_held_is_reported);
    tcase_add_test(tc, exit_without_holds_is_silent);
    tcase_add_loop_test(tc, tls_destructors_may_lock, FIRST_WAY, LAST_WAY);
    tcase_add_test(tc, a_lock_released_in_a_destructor_is_not_reported);
    tcase_add_test(tc, exit_storm);
    suite_add_tcase(s, tc);
    return support_run(s);
}
