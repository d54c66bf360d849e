/* SPDX-License-Identifier: BSD-2-Clause */

/* No lock operation allocates: tests/support/noalloc.c counts who tries. */

#include "support.h"

#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

void noalloc_arm(void);
unsigned noalloc_disarm(void);
const char *noalloc_last(void);

#define ASSERT_NO_ALLOCATION()                                                           \
    do {                                                                                 \
        unsigned calls_ = noalloc_disarm();                                              \
        ck_assert_msg(calls_ == 0, "%u allocations, last %s", calls_, noalloc_last());   \
    } while (0)

enum { THREADS = 4, TURNS = 300, IRQ = 2 };

static struct {
    spinlock_t spin;
    rwlock_t rw;
    mutex_t mutex;
    rwsem_t sem;
    cond_t cond;
    sleep_queue_t queue;
    int value;   /* under spin */
    int entered; /* atomic */
    int start;   /* atomic */
    int done;    /* atomic */
    int stop;    /* atomic */
    int bad;     /* atomic */
} s;

static void irq_handler(int irq, void *arg)
{
    int save;
    (void)irq;
    (void)arg;
    spinlock_acquire(&s.spin);
    s.value++;
    spinlock_release(&s.spin);
    if (rwlock_try_acquire_write(&s.rw, &save))
        rwlock_release_write(&s.rw, &save);
    cond_set(&s.cond, 1);
    wakeup_queue(&s.queue, 1);
}

/* The counter itself must see an allocation. */
START_TEST(the_counter_counts)
{
    noalloc_arm();
    void *volatile p = malloc(100);
    ck_assert_uint_eq(noalloc_disarm(), 1);
    free(p);
    if (strcmp(noalloc_last(), "malloc") == 0) { /* not by the hooks of a sanitizer */
        noalloc_arm();
        void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ck_assert_uint_eq(noalloc_disarm(), 1);
        ck_assert_ptr_ne(page, MAP_FAILED);
        munmap(page, 4096);
    }
}
END_TEST

static void sections_alone(void)
{
    int save;
    spinlock_acquire(&s.spin);
    spinlock_release(&s.spin);
    rwlock_acquire_read(&s.rw, &save);
    rwlock_release_read(&s.rw, &save);
    rwlock_acquire_write(&s.rw, &save);
    rwlock_release_write(&s.rw, &save);
    (void)mutex_acquire(&s.mutex);
    (void)mutex_try_acquire(&s.mutex);
    mutex_release(&s.mutex);
    mutex_release(&s.mutex);
    (void)rwsem_acquire_read(&s.sem);
    (void)rwsem_acquire_read(&s.sem);
    (void)rwsem_release_read(&s.sem);
    (void)rwsem_release_read(&s.sem);
    (void)rwsem_acquire_write(&s.sem);
    (void)rwsem_release_write(&s.sem);
    cond_set(&s.cond, 1);
    (void)cond_wait(&s.cond, 1);
    wakeup_queue(&s.queue, 0);
    (void)ksl_signal_post(ksl_thread_self(), 1);
    (void)sleep_on_queue(&s.queue);
    (void)ksl_signal_take();
    unsigned state = ksl_irq_save();
    (void)ksl_irq_raise_on(ksl_thread_self(), IRQ);
    (void)ksl_irq_raise(IRQ);
    ksl_irq_restore(state);
    cond_set(&s.cond, 0);
}

START_TEST(uncontended)
{
    memset(&s, 0, sizeof s);
    (void)ksl_thread_self();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, irq_handler, NULL), 0);
    noalloc_arm();
    for (int i = 0; i < TURNS; i++)
        sections_alone();
    ASSERT_NO_ALLOCATION();
    ck_assert_int_ge(s.value, TURNS);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* As many distinct read holds as the contract keeps in the thread itself. */
START_TEST(sixteen_read_holds)
{
    static rwsem_t sem[16];
    (void)ksl_thread_self();
    noalloc_arm();
    for (int turn = 0; turn < 3; turn++) {
        for (int i = 0; i < 16; i++)
            (void)rwsem_acquire_read(&sem[i]);
        for (int i = 0; i < 16; i++)
            (void)rwsem_release_read(&sem[i]);
    }
    ASSERT_NO_ALLOCATION();
}
END_TEST

static void contend(void *arg)
{
    uint64_t state = 0;
    int save;
    (void)arg;
    ADD(&s.entered, 1);
    while (!LOAD(&s.start) && support_keep_waiting(&state))
        ;
    for (int i = 0; i < TURNS; i++) {
        int bad = mutex_acquire(&s.mutex);
        yield(0);
        mutex_release(&s.mutex);
        bad |= rwsem_acquire_read(&s.sem);
        yield(0);
        bad |= rwsem_release_read(&s.sem);
        bad |= rwsem_acquire_write(&s.sem);
        yield(0);
        bad |= rwsem_release_write(&s.sem);
        spinlock_acquire(&s.spin);
        s.value++;
        spinlock_release(&s.spin);
        rwlock_acquire_read(&s.rw, &save);
        rwlock_release_read(&s.rw, &save);
        rwlock_acquire_write(&s.rw, &save);
        rwlock_release_write(&s.rw, &save);
        if (bad != 0)
            ADD(&s.bad, 1);
    }
    ADD(&s.done, 1);
    state = 0;
    while (!LOAD(&s.stop) && support_keep_waiting(&state))
        ; /* the end of a thread may free what it likes */
}

START_TEST(contended)
{
    struct actor a[THREADS];
    memset(&s, 0, sizeof s);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, irq_handler, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        actor_start(&a[i], contend, NULL);
    WAIT_UNTIL(LOAD(&s.entered) == THREADS);
    noalloc_arm();
    STORE(&s.start, 1);
    for (int i = 0; LOAD(&s.done) < THREADS; i = (i + 1) % THREADS) {
        (void)ksl_irq_raise_on(a[i].thread, IRQ);
        (void)ksl_irq_raise(IRQ);
        ksl_task_yield();
    }
    unsigned calls = noalloc_disarm();
    const char *last = noalloc_last();
    STORE(&s.stop, 1);
    for (int i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    ck_assert_msg(calls == 0, "%u allocations, last %s", calls, last);
    ck_assert_int_eq(s.bad, 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* ---- sleeping, woken by each means ---- */

struct sleeper {
    int turn; /* atomic: waits begun */
    int stop; /* atomic */
};

static void sleep_in_turn(void *arg)
{
    struct sleeper *p = arg;
    (void)mutex_acquire(&s.mutex); /* held by the main thread at first */
    mutex_release(&s.mutex);
    (void)rwsem_acquire_write(&s.sem);
    (void)rwsem_release_write(&s.sem);
    (void)cond_wait(&s.cond, 1);
    (void)ksl_cond_wait_interruptible(&s.cond, 2);
    (void)ksl_signal_take();
    (void)sleep_on_queue(&s.queue);
    (void)sleep_on_queue_condition(&s.queue, LOAD(&p->turn) == 1);
    spinlock_acquire(&s.spin);
    (void)sleep_on_queue_lock(&s.queue, LOAD(&p->turn) == 2, &s.spin);
    spinlock_release(&s.spin);
    block_prepare();
    (void)block_task();
    unsigned state = ksl_irq_save();
    (void)sleep_on_queue(&s.queue); /* ended by an interrupt handler */
    ksl_irq_restore(state);
    uint64_t waiting = 0;
    while (!LOAD(&p->stop) && support_keep_waiting(&waiting))
        ;
}

static void drive(struct actor *a, struct sleeper *p)
{
    wait_asleep(a->thread);
    mutex_release(&s.mutex);
    wait_asleep(a->thread);
    (void)rwsem_release_write(&s.sem);
    wait_asleep(a->thread);
    cond_set(&s.cond, 1);
    wait_asleep(a->thread);
    (void)ksl_signal_post(a->thread, 1);
    wait_asleep(a->thread);
    wakeup_queue(&s.queue, 1);
    wait_asleep(a->thread);
    STORE(&p->turn, 1);
    wakeup_queue(&s.queue, 0);
    wait_asleep(a->thread);
    spinlock_acquire(&s.spin);
    STORE(&p->turn, 2);
    wakeup_queue(&s.queue, 0);
    spinlock_release(&s.spin);
    wait_asleep(a->thread);
    (void)unblock_task(a->thread);
    wait_asleep(a->thread);
    (void)ksl_irq_raise_on(a->thread, IRQ);
}

START_TEST(sleeps_and_wakeups)
{
    struct sleeper p = {0};
    struct actor a;
    memset(&s, 0, sizeof s);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, irq_handler, NULL), 0);
    (void)mutex_acquire(&s.mutex);
    (void)rwsem_acquire_write(&s.sem);
    actor_start(&a, sleep_in_turn, &p);
    noalloc_arm();
    drive(&a, &p);
    unsigned calls = noalloc_disarm();
    STORE(&p.stop, 1);
    actor_join(&a);
    ck_assert_msg(calls == 0, "%u allocations, last %s", calls, noalloc_last());
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("noalloc");
    TCase *tc = tcase_create("noalloc");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_counter_counts);
    tcase_add_test(tc, uncontended);
    tcase_add_test(tc, sixteen_read_holds);
    tcase_add_test(tc, contended);
    tcase_add_test(tc, sleeps_and_wakeups);
    suite_add_tcase(suite, tc);
    return support_run(suite);
}
