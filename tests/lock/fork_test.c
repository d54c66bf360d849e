/* SPDX-License-Identifier: BSD-2-Clause */

/* fork while other threads hold and wait: the child goes on with every lock. */

#include "child.h"
#include "sanitized.h"
#include "support.h"

#include <kslock/kslock.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * ThreadSanitizer forbids threads in the child of a process with threads: "dup
 * thread with used id". Under it only the children without threads are tried.
 */
enum { CHILDREN_TRIED = RACE_DETECTOR ? 2 : 5 };

/* ---- the locks ---- */

static struct locks {
    ksl_spinlock_t spin;
    ksl_rwlock_t rw;
    ksl_mutex_t mutex;
    ksl_rwsem_t sem;
    ksl_cond_t cond;
    ksl_sleep_queue_t queue;
} mine, theirs, fresh;

static ksl_rwsem_t their_read;

static void use_every_kind(struct locks *l)
{
    int save;
    ksl_spinlock_acquire(&l->spin);
    CHILD_CHECK(ksl_spinlock_held(&l->spin));
    ksl_spinlock_release(&l->spin);
    ksl_rwlock_acquire_read(&l->rw, &save);
    ksl_rwlock_release_read(&l->rw, &save);
    ksl_rwlock_acquire_write(&l->rw, &save);
    ksl_rwlock_release_write(&l->rw, &save);
    CHILD_CHECK(ksl_mutex_acquire(&l->mutex) == 0);
    CHILD_CHECK(ksl_mutex_try_acquire(&l->mutex) == 1);
    ksl_mutex_release(&l->mutex);
    ksl_mutex_release(&l->mutex);
    CHILD_CHECK(ksl_rwsem_acquire_read(&l->sem) == 0);
    CHILD_CHECK(ksl_rwsem_release_read(&l->sem) == 0);
    CHILD_CHECK(ksl_rwsem_acquire_write(&l->sem) == 0);
    CHILD_CHECK(ksl_rwsem_release_write(&l->sem) == 0);
    ksl_cond_set(&l->cond, 3);
    CHILD_CHECK(ksl_cond_wait(&l->cond, 3) == 0);
    CHILD_CHECK(ksl_signal_post(ksl_thread_self(), 2) == 0);
    CHILD_CHECK(ksl_sleepq_sleep(&l->queue, KSL_BLOCK_INTERRUPTIBLE) == -EINTR);
    CHILD_CHECK(ksl_signal_take() == 2);
    (void)ksl_sleepq_wake(&l->queue, 0);
}

/* ---- other threads ---- */

static int holding; /* atomic */
static int let_go;  /* atomic */

static void hold_theirs(void *arg)
{
    (void)arg;
    uint64_t state = 0;
    (void)ksl_mutex_acquire(&theirs.mutex);
    (void)ksl_rwsem_acquire_write(&theirs.sem);
    (void)ksl_rwsem_acquire_read(&their_read);
    ksl_spinlock_acquire(&theirs.spin);
    ksl_rwlock_acquire_write(&theirs.rw, NULL);
    STORE(&holding, 1);
    while (!LOAD(&let_go) && support_keep_waiting(&state))
        ;
    ksl_rwlock_release_write(&theirs.rw, NULL);
    ksl_spinlock_release(&theirs.spin);
    (void)ksl_rwsem_release_read(&their_read);
    (void)ksl_rwsem_release_write(&theirs.sem);
    ksl_mutex_release(&theirs.mutex);
}

static void take_my_mutex(void *arg)
{
    (void)arg;
    (void)ksl_mutex_acquire(&mine.mutex);
    ksl_mutex_release(&mine.mutex);
}

static void take_my_sem(void *arg)
{
    (void)arg;
    (void)ksl_rwsem_acquire_read(&mine.sem);
    (void)ksl_rwsem_release_read(&mine.sem);
}

static void wait_for_cond(void *arg)
{
    (void)arg;
    (void)ksl_cond_wait(&mine.cond, 1);
}

static void sleep_on_mine(void *arg)
{
    (void)arg;
    (void)ksl_sleepq_sleep(&mine.queue, KSL_BLOCK_UNINTERRUPTIBLE);
}

enum { HOLDER, MUTEX_WAITER, SEM_WAITER, COND_WAITER, QUEUE_WAITER, OTHERS };
static struct actor others[OTHERS];

static void start_others(void)
{
    static void (*const fn[OTHERS])(void *) = {hold_theirs, take_my_mutex, take_my_sem,
                                               wait_for_cond, sleep_on_mine};
    ck_assert_int_eq(ksl_mutex_acquire(&mine.mutex), 0);
    ck_assert_int_eq(ksl_rwsem_acquire_write(&mine.sem), 0);
    for (int i = 0; i < OTHERS; i++)
        actor_start(&others[i], fn[i], NULL);
    WAIT_UNTIL(LOAD(&holding));
    for (int i = MUTEX_WAITER; i < OTHERS; i++)
        wait_asleep(others[i].thread);
}

static void end_others(void)
{
    STORE(&let_go, 1);
    ksl_mutex_release(&mine.mutex);
    ck_assert_int_eq(ksl_rwsem_release_write(&mine.sem), 0);
    ksl_cond_set(&mine.cond, 1);
    ck_assert_uint_eq(ksl_sleepq_wake(&mine.queue, 0), 1);
    for (int i = 0; i < OTHERS; i++)
        actor_join(&others[i]);
}

/* ---- what the child sees ---- */

static int shared_result; /* atomic */

static void try_mine(void *arg)
{
    (void)arg;
    STORE(&shared_result, ksl_mutex_try_acquire(&mine.mutex));
    if (LOAD(&shared_result))
        ksl_mutex_release(&mine.mutex);
}

static void child_identity_and_fresh_locks(void)
{
    CHILD_CHECK(ksl_thread_self() != NULL);
    CHILD_CHECK(ksl_thread_id(ksl_thread_self()) == (int)getpid());
    CHILD_CHECK((uintptr_t)ksl_thread_self() % 64 == 0);
    CHILD_CHECK(!ksl_thread_asleep(ksl_thread_self()));
    use_every_kind(&fresh);
}

static void child_locks_of_others_stay_held(void)
{
    int save;
    CHILD_CHECK(ksl_mutex_try_acquire(&theirs.mutex) == 0);
    CHILD_CHECK(!ksl_spinlock_try_acquire(&theirs.spin));
    CHILD_CHECK(ksl_rwlock_try_acquire_read(&theirs.rw, &save) == 0);
    CHILD_CHECK(ksl_irq_enabled());
    CHILD_CHECK(ksl_rwsem_acquire_read(&their_read) == 0); /* a reader beside theirs */
    CHILD_CHECK(ksl_rwsem_release_read(&their_read) == 0);
}

static void want_their_sem(void *arg)
{
    (void)ksl_rwsem_acquire_write(arg);
}

static void child_sems_of_others_stay_held(void)
{
    struct actor a, b;
    actor_start(&a, want_their_sem, &theirs.sem);
    actor_start(&b, want_their_sem, &their_read);
    CHILD_WAIT(ksl_thread_asleep(a.thread));
    CHILD_WAIT(ksl_thread_asleep(b.thread));
    CHILD_CHECK(!actor_finished(&a) && !actor_finished(&b));
}

static void child_own_locks_stay_held(void)
{
    struct actor a;
    unsigned long before = ksl_violation_count();
    actor_start(&a, try_mine, NULL);
    actor_join(&a);
    CHILD_CHECK(LOAD(&shared_result) == 0);
    /* Nobody of those who waited is here any more; the releases find nobody. */
    ksl_mutex_release(&mine.mutex);
    CHILD_CHECK(ksl_rwsem_release_write(&mine.sem) == 0);
    CHILD_CHECK(ksl_violation_count() == before);
    actor_start(&a, try_mine, NULL);
    actor_join(&a);
    CHILD_CHECK(LOAD(&shared_result) == 1);
    CHILD_CHECK(ksl_rwsem_acquire_write(&mine.sem) == 0);
    CHILD_CHECK(ksl_rwsem_release_write(&mine.sem) == 0);
}

static void child_queues_hold_its_own_waiters_only(void)
{
    struct actor a, b;
    actor_start(&a, sleep_on_mine, NULL);
    CHILD_WAIT(ksl_thread_asleep(a.thread));
    CHILD_CHECK(ksl_sleepq_wake(&mine.queue, 1) == 1); /* not spent on a ghost */
    actor_join(&a);
    CHILD_CHECK(ksl_sleepq_wake(&mine.queue, 0) == 0);
    actor_start(&b, wait_for_cond, NULL);
    CHILD_WAIT(ksl_thread_asleep(b.thread));
    ksl_cond_set(&mine.cond, 1);
    actor_join(&b);
}

START_TEST(fork_while_others_hold_and_wait)
{
    static void (*const fn[])(void) = {
        child_identity_and_fresh_locks, child_locks_of_others_stay_held,
        child_sems_of_others_stay_held, child_own_locks_stay_held,
        child_queues_hold_its_own_waiters_only};
    if (_i >= 2 && !support_fork_threads()) /* these start threads */
        return;
    start_others();
    in_child(fn[_i]);
    in_child(fn[_i]); /* the parent was not disturbed */
    end_others();
}
END_TEST

static void child_own_spinlock(void)
{
    unsigned long before = ksl_violation_count();
    CHILD_CHECK(ksl_spinlock_held(&fresh.spin));
    CHILD_CHECK(!ksl_irq_enabled());
    ksl_spinlock_release(&fresh.spin);
    CHILD_CHECK(!ksl_spinlock_held(&fresh.spin));
    CHILD_CHECK(ksl_irq_enabled());
    CHILD_CHECK(ksl_violation_count() == before);
}

/* The word of a spinlock names its holder, whose id is new in the child. */
START_TEST(a_spinlock_held_over_fork)
{
    ksl_spinlock_acquire(&fresh.spin);
    in_child(child_own_spinlock);
    ck_assert(ksl_spinlock_held(&fresh.spin));
    ksl_spinlock_release(&fresh.spin);
}
END_TEST

/* ---- fork at any moment ---- */

static int stop_hammers; /* atomic */

static void hammer_once(struct locks *l)
{
    int save;
    (void)ksl_mutex_acquire(&l->mutex);
    (void)ksl_rwsem_acquire_read(&l->sem);
    (void)ksl_rwsem_release_read(&l->sem);
    ksl_mutex_release(&l->mutex);
    (void)ksl_rwsem_acquire_write(&l->sem);
    (void)ksl_rwsem_release_write(&l->sem);
    ksl_rwlock_acquire_write(&l->rw, &save);
    ksl_rwlock_release_write(&l->rw, &save);
    ksl_cond_set(&l->cond, 0);
    ksl_cond_set(&l->cond, 1);
    (void)ksl_sleepq_wake(&l->queue, 0);
    (void)ksl_signal_post(ksl_thread_self(), 1);
    (void)ksl_sleepq_sleep(&l->queue, KSL_BLOCK_INTERRUPTIBLE);
    (void)ksl_signal_take();
}

static void hammer(void *arg)
{
    uint64_t state = 0;
    while (!LOAD(&stop_hammers) && support_keep_waiting(&state))
        hammer_once(arg);
}

static void hammer_a_while(void *arg)
{
    for (int i = 0; i < 50; i++)
        hammer_once(arg);
}

static void child_after_hammering(void)
{
    struct actor a[2];
    memset(&fresh, 0, sizeof fresh); /* at the addresses that the others queued on */
    use_every_kind(&fresh);
    for (int i = 0; i < 2 && CHILDREN_TRIED > 2; i++)
        actor_start(&a[i], hammer_a_while, &fresh);
    for (int i = 0; i < 2 && CHILDREN_TRIED > 2; i++)
        actor_join(&a[i]);
    use_every_kind(&fresh);
}

START_TEST(fork_while_others_hammer)
{
    if (!support_fork_threads())
        return;
    struct actor a[3];
    for (int i = 0; i < 3; i++)
        actor_start(&a[i], hammer, &fresh);
    for (int i = 0; i < 60; i++)
        in_child(child_after_hammering);
    STORE(&stop_hammers, 1);
    for (int i = 0; i < 3; i++)
        actor_join(&a[i]);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("fork");
    TCase *tc = tcase_create("fork");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, fork_while_others_hold_and_wait, 0, CHILDREN_TRIED);
    tcase_add_test(tc, a_spinlock_held_over_fork);
    tcase_add_test(tc, fork_while_others_hammer);
    suite_add_tcase(s, tc);
    return support_run(s);
}
