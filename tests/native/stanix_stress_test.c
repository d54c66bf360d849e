/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix primitives under load; every oracle is an exact count. */
#include <kernel/asm.h>
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/signal.h>

#include "support.h"

enum { THREADS = 4, SIGNO = 5 };

static void start_all(struct actor *a, void (*fn)(void *arg), void *arg)
{
    for (int i = 0; i < THREADS; i++)
        actor_start(&a[i], fn, arg);
}

static void join_all(struct actor *a)
{
    for (int i = 0; i < THREADS; i++)
        actor_join(&a[i]);
}

/* Disturbs t with signals and forced unblocks while it works. */
static void disturb(const struct actor *a, int times)
{
    for (int i = 0; i < times && !actor_finished(a); i++) {
        (void)ksl_signal_post(a->thread, SIGNO);
        (void)ksl_thread_unblock(a->thread);
        ksl_task_yield();
    }
}

enum { SPIN_LOOPS = 10000 };

struct spin_stress {
    spinlock_t lock;
    int next;
    int bad;
    long counter; /* under lock */
};

static void spin_stress(void *arg)
{
    struct spin_stress *s = arg;
    bool open = ADD(&s->next, 1) % 2 == 0;
    if (!open)
        disable_interrupt();
    for (int i = 0; i < SPIN_LOOPS; i++) {
        spinlock_acquire(&s->lock);
        s->counter++;
        if (have_interrupt())
            ADD(&s->bad, 1);
        spinlock_release(&s->lock);
        if ((have_interrupt() != 0) != open)
            ADD(&s->bad, 1);
    }
    enable_interrupt();
}

START_TEST(S1_S3_T2_stress_each_holder_gets_its_own_state_back)
{
    struct spin_stress s = {.counter = 0};
    struct actor a[THREADS];
    start_all(a, spin_stress, &s);
    join_all(a);
    ck_assert_int_eq(s.counter, THREADS * SPIN_LOOPS);
    ck_assert_int_eq(s.bad, 0);
}
END_TEST

enum { MUTEX_LOOPS = 5000 };

struct mutex_stress {
    mutex_t mutex;
    long counter; /* under mutex */
    int bad;
};

static void mutex_stress(void *arg)
{
    struct mutex_stress *s = arg;
    for (int i = 0; i < MUTEX_LOOPS; i++) {
        if (mutex_acquire(&s->mutex) != 0)
            ADD(&s->bad, 1);
        if (i % 8 == 0 && mutex_try_acquire(&s->mutex) == 1) {
            ksl_task_yield();
            mutex_release(&s->mutex);
        }
        s->counter++;
        mutex_release(&s->mutex);
        (void)ksl_signal_take();
    }
}

START_TEST(M1_M3_T4_stress_under_signals_excludes)
{
    struct mutex_stress s = {.counter = 0};
    struct actor a[THREADS];
    start_all(a, mutex_stress, &s);
    disturb(&a[0], 2000);
    join_all(a);
    ck_assert_int_eq(s.counter, THREADS * MUTEX_LOOPS);
    ck_assert_int_eq(s.bad, 0);
    ck_assert_int_eq(mutex_try_acquire(&s.mutex), 1);
    mutex_release(&s.mutex);
}
END_TEST

enum { RWLOCK_LOOPS = 4000 };

struct rwlock_stress {
    rwlock_t lock;
    long first, second; /* equal whenever no writer is inside */
    int next;
    int bad;
};

static void rwlock_stress(void *arg)
{
    struct rwlock_stress *s = arg;
    int me = ADD(&s->next, 1), save;
    for (int i = 0; i < RWLOCK_LOOPS; i++) {
        if ((i + me) % 4 == 0) {
            rwlock_acquire_write(&s->lock, &save);
            s->first++;
            s->second++;
            rwlock_release_write(&s->lock, &save);
        } else {
            rwlock_acquire_read(&s->lock, &save);
            if (s->first != s->second)
                ADD(&s->bad, 1);
            rwlock_release_read(&s->lock, &save);
        }
        if (!have_interrupt())
            ADD(&s->bad, 1);
    }
}

START_TEST(W1_W2_stress)
{
    struct rwlock_stress s = {.next = 0};
    struct actor a[THREADS];
    start_all(a, rwlock_stress, &s);
    join_all(a);
    ck_assert_int_eq(s.first, THREADS * RWLOCK_LOOPS / 4);
    ck_assert_int_eq(s.second, s.first);
    ck_assert_int_eq(s.bad, 0);
}
END_TEST

enum { RWSEM_LOOPS = 2000 };

struct rwsem_stress {
    rwsem_t sem;
    long first, second; /* equal whenever no writer is inside */
    int next;
    int bad;
};

static void rwsem_write(struct rwsem_stress *s)
{
    if (rwsem_acquire_write(&s->sem) != 0)
        ADD(&s->bad, 1);
    s->first++;
    (void)rwsem_acquire_read(&s->sem);
    s->second++;
    (void)rwsem_release_write(&s->sem);
    (void)rwsem_release_read(&s->sem);
}

static void rwsem_read(struct rwsem_stress *s)
{
    if (rwsem_acquire_read(&s->sem) != 0)
        ADD(&s->bad, 1);
    long before = s->first;
    (void)rwsem_acquire_read(&s->sem);
    (void)rwsem_release_read(&s->sem);
    if (s->second != before)
        ADD(&s->bad, 1);
    (void)rwsem_release_read(&s->sem);
}

static void rwsem_stress(void *arg)
{
    struct rwsem_stress *s = arg;
    int me = ADD(&s->next, 1);
    for (int i = 0; i < RWSEM_LOOPS; i++) {
        if ((i + me) % 4 == 0)
            rwsem_write(s);
        else
            rwsem_read(s);
        (void)ksl_signal_take();
    }
}

START_TEST(R1_R5_R8_T5_stress_under_signals_excludes)
{
    struct rwsem_stress s = {.next = 0};
    struct actor a[THREADS];
    start_all(a, rwsem_stress, &s);
    disturb(&a[0], 1000);
    join_all(a);
    ck_assert_int_eq(s.first, THREADS * RWSEM_LOOPS / 4);
    ck_assert_int_eq(s.second, s.first);
    ck_assert_int_eq(s.bad, 0);
    ck_assert_int_eq(rwsem_acquire_write(&s.sem), 0);
    ck_assert_int_eq(rwsem_release_write(&s.sem), 0);
}
END_TEST

enum { COND_LOOPS = 2000 };

static void cond_pong(void *arg)
{
    cond_t *c = arg;
    for (int i = 0; i < COND_LOOPS; i++) {
        (void)cond_wait(c, 2 * i + 1);
        cond_set(c, 2 * i + 2);
        (void)ksl_signal_take();
    }
}

START_TEST(C1_C2_C4_ping_pong_loses_no_wake_up)
{
    cond_t c = {0};
    struct actor a;
    actor_start(&a, cond_pong, &c);
    for (int i = 0; i < COND_LOOPS; i++) {
        cond_set(&c, 2 * i + 1);
        if (i % 16 == 0)
            (void)ksl_signal_post(a.thread, SIGNO);
        ck_assert_int_eq(cond_wait(&c, 2 * i + 2), 0);
    }
    actor_join(&a);
}
END_TEST

enum { TOKENS = 10000 };

struct tokens {
    sleep_queue_t queue;
    spinlock_t lock;
    int available; /* under lock */
    int taken;     /* under lock */
    int stop;      /* under lock */
};

static void consume(void *arg)
{
    struct tokens *k = arg;
    bool stop = false;
    while (!stop) {
        spinlock_acquire(&k->lock);
        if (sleep_on_queue_lock(&k->queue, k->available > 0 || k->stop, &k->lock) == 0) {
            if (k->available > 0) {
                k->available--;
                k->taken++;
            } else {
                stop = true;
            }
        }
        spinlock_release(&k->lock);
        (void)ksl_signal_take();
    }
}

static int tokens_left(struct tokens *k)
{
    spinlock_acquire(&k->lock);
    int left = k->available;
    spinlock_release(&k->lock);
    return left;
}

START_TEST(Q3_Q4_Q9_T11_every_token_finds_a_taker_under_signals)
{
    struct tokens k = {.available = 0};
    struct actor a[THREADS];
    start_all(a, consume, &k);
    for (int i = 0; i < TOKENS; i++) {
        spinlock_acquire(&k.lock);
        k.available++;
        spinlock_release(&k.lock);
        wakeup_queue(&k.queue, 1);
        if (i % 4 == 0)
            (void)ksl_signal_post(a[i / 4 % THREADS].thread, SIGNO);
        if (i % 64 == 0)
            WAIT_UNTIL(tokens_left(&k) == 0); /* a lost wake-up ends here */
    }
    WAIT_UNTIL(tokens_left(&k) == 0);
    spinlock_acquire(&k.lock);
    k.stop = 1;
    spinlock_release(&k.lock);
    wakeup_queue(&k.queue, 0);
    join_all(a);
    ck_assert_int_eq(k.taken, TOKENS);
}
END_TEST

struct handshake {
    int posted; /* atomic */
    int seen;
};

static void block_for_each(void *arg)
{
    struct handshake *h = arg;
    while (h->seen < TOKENS) {
        block_prepare();
        if (LOAD(&h->posted) > h->seen) {
            block_cancel();
            STORE(&h->seen, h->seen + 1);
        } else {
            (void)block_task();
        }
    }
}

START_TEST(B1_B3_B4_handshake_loses_no_wake_up)
{
    struct handshake h = {.posted = 0};
    struct actor a;
    actor_start(&a, block_for_each, &h);
    for (int i = 1; i <= TOKENS; i++) {
        ADD(&h.posted, 1);
        (void)unblock_task(a.thread);
        if (i % 8 == 0)
            WAIT_UNTIL(LOAD(&h.seen) == i);
    }
    actor_join(&a);
    ck_assert_int_eq(h.seen, TOKENS);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix stress");
    TCase *tc = tcase_create("stress");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, S1_S3_T2_stress_each_holder_gets_its_own_state_back);
    tcase_add_test(tc, M1_M3_T4_stress_under_signals_excludes);
    tcase_add_test(tc, W1_W2_stress);
    tcase_add_test(tc, R1_R5_R8_T5_stress_under_signals_excludes);
    tcase_add_test(tc, C1_C2_C4_ping_pong_loses_no_wake_up);
    tcase_add_test(tc, Q3_Q4_Q9_T11_every_token_finds_a_taker_under_signals);
    tcase_add_test(tc, B1_B3_B4_handshake_loses_no_wake_up);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
