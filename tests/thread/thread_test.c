/* SPDX-License-Identifier: BSD-2-Clause */

/* <kslock/thread.h>: identity, names, priorities, waits and the end of a thread. */

#include "support.h"

#include <kslock/cond.h>
#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>
#include <kslock/signal.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int own_tid(void)
{
    return (int)syscall(SYS_gettid);
}

/* ---- identity ---- */

START_TEST(self_is_stable_and_aligned)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_ptr_nonnull(self);
    ck_assert_ptr_eq(self, ksl_thread_self());
    ck_assert_uint_eq((uintptr_t)self % 64, 0);
    ck_assert_int_eq(ksl_thread_id(self), own_tid());
    ck_assert_int_eq(ksl_thread_id(NULL), -EINVAL);
    ck_assert(!ksl_thread_asleep(self));
}
END_TEST

struct identity {
    ksl_thread *first, *second;
    int id, tid;
    int seen; /* atomic */
    int go;   /* atomic */
};

static void identify(void *arg)
{
    struct identity *i = arg;
    i->first = ksl_thread_self();
    i->id = ksl_thread_id(i->first);
    i->tid = own_tid();
    STORE(&i->seen, 1);
    uint64_t state = 0;
    while (!LOAD(&i->go) && support_keep_waiting(&state))
        ;
    i->second = ksl_thread_self();
}

START_TEST(sixty_four_at_once)
{
    enum { N = 64 };
    static struct identity id[N];
    static struct actor actor[N];
    memset(id, 0, sizeof id);
    for (int i = 0; i < N; i++)
        actor_start(&actor[i], identify, &id[i]);
    for (int i = 0; i < N; i++)
        WAIT_UNTIL(LOAD(&id[i].seen));
    for (int i = 0; i < N; i++) {
        ck_assert_int_eq(ksl_thread_id(actor[i].thread), id[i].tid);
        for (int k = 0; k < i; k++)
            ck_assert_ptr_ne(actor[i].thread, actor[k].thread);
        STORE(&id[i].go, 1);
    }
    for (int i = 0; i < N; i++) {
        actor_join(&actor[i]);
        ck_assert_ptr_eq(id[i].first, actor[i].thread);
        ck_assert_ptr_eq(id[i].first, id[i].second);
        ck_assert_int_eq(id[i].id, id[i].tid);
        ck_assert_uint_eq((uintptr_t)id[i].first % 64, 0);
    }
}
END_TEST

static void *register_by_lock(void *arg)
{
    struct identity *i = arg;
    ksl_mutex_t m = KSL_MUTEX_INIT; /* the first call of this thread is a lock */
    i->go = ksl_mutex_acquire(&m);
    ksl_mutex_release(&m);
    i->first = ksl_thread_self();
    i->id = ksl_thread_id(i->first);
    i->tid = own_tid();
    return NULL;
}

START_TEST(two_thousand_in_sequence)
{
    unsigned long before = ksl_violation_count();
    for (int n = 0; n < 2000; n++) {
        struct identity i = {0};
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, register_by_lock, &i), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        ck_assert_int_eq(i.go, 0);
        ck_assert_ptr_nonnull(i.first);
        ck_assert_ptr_ne(i.first, ksl_thread_self());
        ck_assert_int_eq(i.id, i.tid);
    }
    ck_assert_uint_eq(ksl_violation_count(), before);
}
END_TEST

/* ---- names and priorities ---- */

START_TEST(names)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_str_eq(ksl_thread_name(NULL), "");
    ck_assert_int_eq(ksl_thread_set_name(self, "worker"), 0);
    ck_assert_str_eq(ksl_thread_name(self), "worker");
    ck_assert_int_eq(ksl_thread_set_name(NULL, "x"), -EINVAL);
    ck_assert_int_eq(ksl_thread_set_name(self, NULL), -EINVAL);
    ck_assert_str_eq(ksl_thread_name(self), "worker");
    const char *longer = "0123456789012345678901234567890123456789";
    ck_assert_int_eq(ksl_thread_set_name(self, longer), 0);
    ck_assert_uint_eq(strlen(ksl_thread_name(self)), 31);
    ck_assert_int_eq(strncmp(ksl_thread_name(self), longer, 31), 0);
    ck_assert_int_eq(ksl_thread_set_name(self, ""), 0);
    ck_assert_str_eq(ksl_thread_name(self), "");
}
END_TEST

START_TEST(new_thread_has_no_name_and_priority_zero)
{
    for (int round = 0; round < 3; round++) { /* a descriptor that is used again, too */
        struct identity i = {0};
        struct actor a;
        actor_start(&a, identify, &i);
        ck_assert_str_eq(ksl_thread_name(a.thread), "");
        ck_assert_int_eq(ksl_thread_priority(a.thread), 0);
        ck_assert_int_eq(ksl_thread_effective_priority(a.thread), 0);
        ck_assert_int_eq(ksl_thread_set_name(a.thread, "dirty"), 0);
        ck_assert_int_eq(ksl_thread_set_priority(a.thread, 42), 0);
        ck_assert_int_eq(ksl_thread_priority(a.thread), 42);
        STORE(&i.go, 1);
        actor_join(&a);
    }
}
END_TEST

START_TEST(priorities)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_thread_priority(self), 0);
    ck_assert_int_eq(ksl_thread_set_priority(self, 99), 0);
    ck_assert_int_eq(ksl_thread_priority(self), 99);
    ck_assert_int_eq(ksl_thread_effective_priority(self), 99);
    ck_assert_int_eq(ksl_thread_set_priority(self, 100), -EINVAL);
    ck_assert_int_eq(ksl_thread_set_priority(self, -1), -EINVAL);
    ck_assert_int_eq(ksl_thread_set_priority(NULL, 1), -EINVAL);
    ck_assert_int_eq(ksl_thread_priority(self), 99);
    ck_assert_int_eq(ksl_thread_priority(NULL), -EINVAL);
    ck_assert_int_eq(ksl_thread_effective_priority(NULL), -EINVAL);
    ck_assert_int_eq(ksl_thread_set_priority(self, 0), 0);
    ck_assert_int_eq(ksl_thread_effective_priority(self), 0);
}
END_TEST

/* ---- waits ---- */

enum wait_kind { W_MUTEX, W_RWSEM, W_COND, W_COND_INTR, W_QUEUE, W_QUEUE_INTR, W_KINDS };

static struct {
    ksl_mutex_t mutex;
    ksl_rwsem_t rwsem;
    ksl_cond_t cond;
    ksl_sleep_queue_t queue;
    ksl_spinlock_t spin;
} shared;

struct waiter {
    enum wait_kind kind;
    int result;
};

static void wait_one(void *arg)
{
    struct waiter *w = arg;
    switch (w->kind) {
    case W_MUTEX:
        w->result = ksl_mutex_acquire(&shared.mutex);
        ksl_mutex_release(&shared.mutex);
        break;
    case W_RWSEM:
        w->result = ksl_rwsem_acquire_read(&shared.rwsem);
        (void)ksl_rwsem_release_read(&shared.rwsem);
        break;
    case W_COND:
        w->result = ksl_cond_wait(&shared.cond, 1);
        break;
    case W_COND_INTR:
        w->result = ksl_cond_wait_interruptible(&shared.cond, 1);
        break;
    case W_QUEUE:
        w->result = ksl_sleepq_sleep(&shared.queue, KSL_BLOCK_UNINTERRUPTIBLE);
        break;
    default:
        w->result = ksl_sleepq_sleep(&shared.queue, KSL_BLOCK_INTERRUPTIBLE);
        break;
    }
}

static void end_wait(enum wait_kind kind)
{
    if (kind == W_MUTEX)
        ksl_mutex_release(&shared.mutex);
    else if (kind == W_RWSEM)
        (void)ksl_rwsem_release_write(&shared.rwsem);
    else if (kind == W_COND || kind == W_COND_INTR)
        ksl_cond_set(&shared.cond, 1);
    else
        ck_assert_uint_eq(ksl_sleepq_wake(&shared.queue, 1), 1);
}

static void start_wait(struct actor *a, struct waiter *w, enum wait_kind kind)
{
    memset(&shared, 0, sizeof shared);
    *w = (struct waiter){.kind = kind, .result = 1};
    if (kind == W_MUTEX)
        ck_assert_int_eq(ksl_mutex_acquire(&shared.mutex), 0);
    if (kind == W_RWSEM)
        ck_assert_int_eq(ksl_rwsem_acquire_write(&shared.rwsem), 0);
    actor_start(a, wait_one, w);
    wait_asleep(a->thread);
}

START_TEST(unblock_ends_interruptible_waits_only)
{
    enum wait_kind kind = (enum wait_kind)_i;
    bool interruptible = kind == W_COND_INTR || kind == W_QUEUE_INTR;
    struct actor a;
    struct waiter w;
    start_wait(&a, &w, kind);
    ck_assert_int_eq(ksl_thread_unblock(a.thread), interruptible ? 1 : 0);
    if (interruptible) {
        actor_join(&a);
        ck_assert_int_eq(w.result, -EINTR);
        ck_assert_uint_eq(ksl_sleepq_wake(&shared.queue, 0), 0);
    } else {
        wait_asleep(a.thread);
        ck_assert(!actor_finished(&a));
        end_wait(kind);
        actor_join(&a);
        ck_assert_int_eq(w.result, 0);
    }
}
END_TEST

START_TEST(waits_end_regularly)
{
    struct actor a;
    struct waiter w;
    start_wait(&a, &w, (enum wait_kind)_i);
    end_wait((enum wait_kind)_i);
    actor_join(&a);
    ck_assert_int_eq(w.result, 0);
}
END_TEST

START_TEST(unblock_of_a_running_thread_leaves_no_trace)
{
    ksl_cond_t c = KSL_COND_INIT;
    ck_assert_int_eq(ksl_thread_unblock(ksl_thread_self()), 0);
    ck_assert_int_eq(ksl_thread_unblock(NULL), 0);
    ck_assert_int_eq(ksl_cond_wait_interruptible(&c, 0), 0);

    struct identity i = {0};
    struct actor a;
    actor_start(&a, identify, &i);
    WAIT_UNTIL(LOAD(&i.seen));
    ck_assert(!ksl_thread_asleep(a.thread));
    ck_assert_int_eq(ksl_thread_unblock(a.thread), 0);
    STORE(&i.go, 1);
    actor_join(&a);

    /* An unblock before the wait begins is not remembered. */
    struct waiter w;
    start_wait(&a, &w, W_QUEUE_INTR);
    end_wait(W_QUEUE_INTR);
    actor_join(&a);
    ck_assert_int_eq(w.result, 0);
}
END_TEST

static void spin_once(void *arg)
{
    int *about = arg;
    STORE(about, 1);
    ksl_spinlock_acquire(&shared.spin);
    ksl_spinlock_release(&shared.spin);
}

START_TEST(a_spinning_thread_is_not_asleep)
{
    int about = 0;
    struct actor a;
    memset(&shared, 0, sizeof shared);
    ksl_spinlock_acquire(&shared.spin);
    actor_start(&a, spin_once, &about);
    WAIT_UNTIL(LOAD(&about));
    for (int i = 0; i < 20000; i++)
        ck_assert(!ksl_thread_asleep(a.thread));
    ck_assert(!actor_finished(&a));
    ck_assert_int_eq(ksl_thread_unblock(a.thread), 0);
    ksl_spinlock_release(&shared.spin);
    actor_join(&a);
}
END_TEST

/* ---- simulated system calls ---- */

START_TEST(syscall_frame)
{
    ksl_mutex_t m = KSL_MUTEX_INIT;
    recorder_start();
    ksl_syscall_enter();
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 9), 0);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 4), 0);
    ksl_syscall_enter();
    ck_assert_int_eq(ksl_syscall_exit(), 4);
    ksl_syscall_enter();
    ck_assert_int_eq(ksl_syscall_exit(), 9);
    ck_assert_uint_eq(recorder_count(NULL), 0);

    ksl_syscall_enter();
    ck_assert_int_eq(ksl_mutex_acquire(&m), 0);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    ck_assert_ptr_eq(recorder_last().thread, ksl_thread_self());
    ksl_mutex_release(&m); /* it is still held */
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("thread");
    TCase *tc = tcase_create("thread");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, self_is_stable_and_aligned);
    tcase_add_test(tc, sixty_four_at_once);
    tcase_add_test(tc, two_thousand_in_sequence);
    tcase_add_test(tc, names);
    tcase_add_test(tc, new_thread_has_no_name_and_priority_zero);
    tcase_add_test(tc, priorities);
    tcase_add_loop_test(tc, unblock_ends_interruptible_waits_only, 0, W_KINDS);
    tcase_add_loop_test(tc, waits_end_regularly, 0, W_KINDS);
    tcase_add_test(tc, unblock_of_a_running_thread_leaves_no_trace);
    tcase_add_test(tc, a_spinning_thread_is_not_asleep);
    tcase_add_test(tc, syscall_frame);
    suite_add_tcase(s, tc);
    return support_run(s);
}
