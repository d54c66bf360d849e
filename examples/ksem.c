/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Ksem: a semaphore on which only out-of-band threads may sleep, and to which anybody
 * may post. A post is given to the most urgent waiter and cannot be lost.
 */

#include "example.h"

#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/thread.h>
#include <kslock/irq.h>

#include <errno.h>
#include <time.h>

enum { IRQ = 4, WAITERS = 3 };

static DEFINE_EVL_KSEM(units, 1);
static struct evl_ksem doomed;

static ksl_thread *thread_of[WAITERS];
static int order[WAITERS]; /* who came out, the first one first */
static int out;            /* atomic */

static ktime_t now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (ktime_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void *waiter(void *arg)
{
    int me = *(int *)arg;
    CHECK(evl_switch_oob() == 0);
    CHECK(ksl_thread_set_priority(ksl_thread_self(), me) == 0);
    make_known(&thread_of[me]);
    CHECK(evl_down(&units) == 0);
    order[__atomic_fetch_add(&out, 1, __ATOMIC_SEQ_CST)] = me;
    return NULL;
}

static void post(int irq, void *ksem)
{
    (void)irq;
    CHECK(evl_in_irq());
    evl_up(ksem);
}

/* Each post, from a handler, is for the most urgent one of those who wait. */
static void wake_in_order(void)
{
    pthread_t thread[WAITERS];
    int id[WAITERS];
    for (int i = 0; i < WAITERS; i++) {
        id[i] = i;
        thread[i] = start(waiter, &id[i]);
        wait_asleep(&thread_of[i]);
    }
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_OOB, 6, post, &units) == 0);
    for (int i = 1; i <= WAITERS; i++) {
        CHECK(evl_trydown(&units) == -EAGAIN);
        CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
        while (__atomic_load_n(&out, __ATOMIC_SEQ_CST) != i)
            sched_yield();
    }
    CHECK(ksl_irq_free(IRQ) == 0);
    for (int i = 0; i < WAITERS; i++) {
        join(thread[i]);
        CHECK(order[i] == WAITERS - 1 - i);
    }
}

static void *last_waiter(void *arg)
{
    CHECK(evl_switch_oob() == 0);
    make_known(arg);
    CHECK(evl_down(&doomed) == -EIDRM);
    return NULL;
}

int main(void)
{
    /* A unit that is there is taken in-band, too; a wait would be refused there. */
    CHECK(evl_down(&units) == 0);
    CHECK(evl_trydown(&units) == -EAGAIN);

    /* Dates are of CLOCK_MONOTONIC. */
    CHECK(evl_switch_oob() == 0);
    ktime_t date = now() + 2000000;
    CHECK(evl_down_timeout(&units, date) == -ETIMEDOUT && now() >= date);
    CHECK(evl_down_timeout(&units, EVL_NONBLOCK) == -EAGAIN);
    evl_switch_inband(0);

    wake_in_order();
    printf("ksem: %d posts from a handler, the most urgent waiter first\n", WAITERS);

    static ksl_thread *t;
    evl_init_ksem(&doomed, 0);
    pthread_t thread = start(last_waiter, &t);
    wait_asleep(&t);
    evl_destroy_ksem(&doomed);
    join(thread);
    printf("ksem: the wait for a destroyed semaphore ended with EIDRM\n");
    evl_destroy_ksem(&units);
    return 0;
}
