/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stanix objects and their memory: valid when zero-filled, copied or moved while
 * free, and gone as soon as the thread that was let in has returned (T10, C7).
 */
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include "support.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 400 };

union object {
    spinlock_t spin;
    mutex_t mutex;
    rwlock_t rwlock;
    rwsem_t rwsem;
    cond_t cond;
    sleep_queue_t queue;
};

/*
 * A round: the partner enters; the main thread waits for it, sleeping in the
 * lock or not, is let in, leaves, and takes the page away at once, while the
 * partner may still be on its way out.
 */
struct page {
    union object *object;
    size_t size;
    ksl_thread *main;
    void (*enter)(union object *o);
    void (*leave)(union object *o);
    bool sleeps; /* the main thread sleeps while it waits */
    int turn;
    int inside;
    int done;
};

static void partner(void *arg)
{
    struct page *p = arg;
    for (int r = 1; r <= ROUNDS; r++) {
        WORKER_WAIT(LOAD(&p->turn) == r);
        p->enter(p->object);
        STORE(&p->inside, r);
        if (p->sleeps && r % 2 == 0)
            WORKER_WAIT(ksl_thread_asleep(p->main));
        else
            for (int i = 0; i < r % 3; i++)
                sched_yield();
        p->leave(p->object);
        STORE(&p->done, r);
    }
}

static void run_rounds(struct page *p, void (*enter)(union object *),
                       void (*leave)(union object *))
{
    struct actor a;
    p->size = (size_t)sysconf(_SC_PAGESIZE);
    p->object =
        mmap(NULL, p->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p->object, MAP_FAILED);
    p->main = ksl_thread_self();
    actor_start(&a, partner, p);
    for (int r = 1; r <= ROUNDS; r++) {
        STORE(&p->turn, r);
        WAIT_UNTIL(LOAD(&p->inside) == r);
        enter(p->object);
        leave(p->object);
        ck_assert_int_eq(mprotect(p->object, p->size, PROT_NONE), 0);
        WAIT_UNTIL(LOAD(&p->done) == r);
        ck_assert_int_eq(mprotect(p->object, p->size, PROT_READ | PROT_WRITE), 0);
        memset(p->object, 0, sizeof *p->object);
    }
    actor_join(&a);
    munmap(p->object, p->size);
}

static void nothing(union object *o)
{
    (void)o;
}

static void spin_in(union object *o)
{
    spinlock_acquire(&o->spin);
}

static void spin_out(union object *o)
{
    spinlock_release(&o->spin);
}

START_TEST(S1_spinlock_memory_may_go)
{
    struct page p = {.enter = spin_in, .leave = spin_out};
    run_rounds(&p, spin_in, spin_out);
}
END_TEST

static void mutex_in(union object *o)
{
    mutex_acquire(&o->mutex);
}

static void mutex_out(union object *o)
{
    mutex_release(&o->mutex);
}

START_TEST(M6_T10_mutex_memory_may_go)
{
    struct page p = {.enter = mutex_in, .leave = mutex_out, .sleeps = true};
    run_rounds(&p, mutex_in, mutex_out);
}
END_TEST

static void rwlock_read_in(union object *o)
{
    rwlock_raw_acquire_read(&o->rwlock);
}

static void rwlock_read_out(union object *o)
{
    rwlock_raw_release_read(&o->rwlock);
}

static void rwlock_write_in(union object *o)
{
    rwlock_raw_acquire_write(&o->rwlock);
}

static void rwlock_write_out(union object *o)
{
    rwlock_raw_release_write(&o->rwlock);
}

START_TEST(W1_rwlock_memory_may_go)
{
    struct page reader = {.enter = rwlock_read_in, .leave = rwlock_read_out};
    struct page writer = {.enter = rwlock_write_in, .leave = rwlock_write_out};
    struct page both = {.enter = rwlock_write_in, .leave = rwlock_write_out};
    run_rounds(&reader, rwlock_write_in, rwlock_write_out);
    run_rounds(&writer, rwlock_read_in, rwlock_read_out);
    run_rounds(&both, rwlock_write_in, rwlock_write_out);
}
END_TEST

static void rwsem_read_in(union object *o)
{
    (void)rwsem_acquire_read(&o->rwsem);
}

static void rwsem_read_out(union object *o)
{
    (void)rwsem_release_read(&o->rwsem);
}

static void rwsem_write_in(union object *o)
{
    (void)rwsem_acquire_write(&o->rwsem);
}

static void rwsem_write_out(union object *o)
{
    (void)rwsem_release_write(&o->rwsem);
}

START_TEST(R3_T10_rwsem_memory_may_go)
{
    struct page reader = {.enter = rwsem_read_in, .leave = rwsem_read_out};
    struct page writer = {.enter = rwsem_write_in, .leave = rwsem_write_out};
    reader.sleeps = writer.sleeps = true;
    struct page both = writer;
    run_rounds(&reader, rwsem_write_in, rwsem_write_out);
    run_rounds(&writer, rwsem_read_in, rwsem_read_out);
    run_rounds(&both, rwsem_write_in, rwsem_write_out);
}
END_TEST

static void cond_set_one(union object *o)
{
    cond_set(&o->cond, 1);
}

static void cond_wait_one(union object *o)
{
    (void)cond_wait(&o->cond, 1);
}

static void cond_wait_one_and_destroy(union object *o)
{
    (void)cond_wait_interruptible(&o->cond, 1);
    cond_destroy(&o->cond);
}

START_TEST(C7_T10_cond_memory_may_go)
{
    struct page p = {.enter = nothing, .leave = cond_set_one, .sleeps = true};
    struct page q = p;
    run_rounds(&p, cond_wait_one, nothing);
    run_rounds(&q, cond_wait_one_and_destroy, nothing);
}
END_TEST

static void set_it(void *arg)
{
    cond_set(arg, 1);
}

/* The waiter's frame is overwritten as soon as it returns. */
static __attribute__((noinline)) void wait_on_own_stack(struct actor *a)
{
    cond_t c;
    cond_init(&c);
    actor_start(a, set_it, &c);
    ck_assert_int_eq(cond_wait(&c, 1), 0);
}

static __attribute__((noinline)) int overwrite_stack(int seed)
{
    volatile int area[256];
    for (int i = 0; i < 256; i++)
        area[i] = seed;
    for (int i = 0; i < 256; i++) {
        if (area[i] != seed)
            return 0;
    }
    return 1;
}

START_TEST(C7_cond_on_the_stack_of_the_waiter)
{
    for (int i = 0; i < 200; i++) {
        struct actor a;
        wait_on_own_stack(&a);
        ck_assert(overwrite_stack(i));
        actor_join(&a);
    }
}
END_TEST

static void queue_wake(union object *o)
{
    wakeup_queue(&o->queue, 0);
}

static void queue_sleep(union object *o)
{
    (void)sleep_on_queue(&o->queue);
}

static void partner_wakes(void *arg)
{
    struct page *p = arg;
    for (int r = 1; r <= ROUNDS; r++) {
        WORKER_WAIT(LOAD(&p->turn) == r && ksl_thread_asleep(p->main));
        queue_wake(p->object);
        STORE(&p->done, r);
    }
}

START_TEST(Q1_sleep_queue_memory_may_go)
{
    struct page p = {.main = ksl_thread_self()};
    struct actor a;
    p.size = (size_t)sysconf(_SC_PAGESIZE);
    p.object =
        mmap(NULL, p.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(p.object, MAP_FAILED);
    actor_start(&a, partner_wakes, &p);
    for (int r = 1; r <= ROUNDS; r++) {
        STORE(&p.turn, r);
        queue_sleep(p.object);
        ck_assert_int_eq(mprotect(p.object, p.size, PROT_NONE), 0);
        WAIT_UNTIL(LOAD(&p.done) == r);
        ck_assert_int_eq(mprotect(p.object, p.size, PROT_READ | PROT_WRITE), 0);
    }
    actor_join(&a);
    munmap(p.object, p.size);
}
END_TEST

START_TEST(zero_filled_objects_are_free_and_free_ones_can_be_copied)
{
    union object o, copy;
    memset(&o, 0, sizeof o);
    spin_in(&o);
    spin_out(&o);
    memset(&o, 0, sizeof o);
    mutex_in(&o);
    mutex_out(&o);
    copy.mutex = o.mutex;
    mutex_in(&copy);
    mutex_out(&copy);
    memset(&o, 0, sizeof o);
    rwlock_write_in(&o);
    rwlock_write_out(&o);
    rwlock_read_in(&o);
    rwlock_read_out(&o);
    memset(&o, 0, sizeof o);
    rwsem_read_in(&o);
    rwsem_read_out(&o);
    copy.rwsem = o.rwsem;
    ck_assert_int_eq(rwsem_acquire_write(&copy.rwsem), 0);
    ck_assert_int_eq(rwsem_release_write(&copy.rwsem), 0);
    memset(&o, 0, sizeof o);
    ck_assert_int_eq(cond_wait(&o.cond, 0), 0);
    memset(&o, 0, sizeof o);
    wakeup_queue(&o.queue, 0);
    ck_assert_int_eq(sleep_on_queue_condition(&o.queue, true), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix memory");
    TCase *tc = tcase_create("memory");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, S1_spinlock_memory_may_go);
    tcase_add_test(tc, M6_T10_mutex_memory_may_go);
    tcase_add_test(tc, W1_rwlock_memory_may_go);
    tcase_add_test(tc, R3_T10_rwsem_memory_may_go);
    tcase_add_test(tc, C7_T10_cond_memory_may_go);
    tcase_add_test(tc, C7_cond_on_the_stack_of_the_waiter);
    tcase_add_test(tc, Q1_sleep_queue_memory_may_go);
    tcase_add_test(tc, zero_filled_objects_are_free_and_free_ones_can_be_copied);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
