/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AIX priority promotion with real scheduling (KSL_RT=1), all threads on one processor.
 * Low owns the lock when High asks for it; then Middle becomes runnable and does not
 * yield until its work is done. With promotion Low goes on, so that High gets the lock
 * before Middle has run; with a mutex of the host Middle comes first. Low wakes the other
 * two, and the scheduler decides at once who goes on: only the order is looked at.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "aix_promotion.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOST = KINDS, LOW_WORK = 2000000, MIDDLE_WORK = 40000000 };
enum { LOW = 10, LINK = 15, MIDDLE = 20, HIGH = 30 };

struct runner {
    struct actor actor;
    int priority;
    sem_t go;
    int ready;             /* atomic */
    int mirrored;          /* its real priority when it started */
    int locked_at, end_at; /* places in the order of events */
};

static struct runner low, between, middle, high;
static struct owned x, y;
static pthread_mutex_t host = PTHREAD_MUTEX_INITIALIZER;
static int kind, chained;
static int events; /* atomic */
static bool high_was_asleep, between_was_asleep;
static int promoted; /* real priority of Low, after High asked */

static int happens(void)
{
    return ADD(&events, 1);
}

static void work(int amount)
{
    for (volatile int i = 0; i < amount; i = i + 1) {
    }
}

/* 0 unless the calling thread has a real-time priority. */
static int real_priority(void)
{
    struct sched_param param;
    int policy = sched_getscheduler(0);
    (void)sched_getparam(0, &param);
    return (policy & ~SCHED_RESET_ON_FORK) == SCHED_FIFO ? param.sched_priority : 0;
}

static void begin(struct runner *r)
{
    (void)ksl_thread_set_priority(ksl_thread_self(), r->priority);
    r->mirrored = real_priority();
    STORE(&r->ready, 1);
    while (sem_wait(&r->go) != 0) {
    }
}

static void lock_it(struct owned *l)
{
    if (kind == HOST)
        (void)pthread_mutex_lock(&host);
    else
        (void)take(l);
}

static void unlock_it(struct owned *l)
{
    if (kind == HOST)
        (void)pthread_mutex_unlock(&host);
    else
        (void)drop(l);
}

static void run_low(void *arg)
{
    struct runner *r = arg;
    begin(r);
    lock_it(&x);
    r->locked_at = happens();
    if (chained) {
        (void)sem_post(&between.go);
        between_was_asleep = ksl_thread_asleep(between.actor.thread);
    }
    (void)sem_post(&high.go);
    high_was_asleep = ksl_thread_asleep(high.actor.thread);
    promoted = real_priority();
    (void)sem_post(&middle.go);
    work(LOW_WORK);
    unlock_it(&x);
    r->end_at = happens();
}

/* The owner of y, which waits for x. */
static void run_between(void *arg)
{
    struct runner *r = arg;
    begin(r);
    lock_it(&y);
    lock_it(&x);
    r->locked_at = happens();
    unlock_it(&x);
    unlock_it(&y);
    r->end_at = happens();
}

static void run_middle(void *arg)
{
    struct runner *r = arg;
    begin(r);
    r->locked_at = happens();
    work(MIDDLE_WORK);
    r->end_at = happens();
}

static void run_high(void *arg)
{
    struct runner *r = arg;
    begin(r);
    lock_it(chained ? &y : &x);
    r->locked_at = happens();
    unlock_it(chained ? &y : &x);
    r->end_at = happens();
}

static void start(struct runner *r, int priority, void (*fn)(void *arg))
{
    r->priority = priority;
    STORE(&r->ready, 0);
    ck_assert_int_eq(sem_init(&r->go, 0, 0), 0);
    actor_start(&r->actor, fn, r);
    WAIT_UNTIL(LOAD(&r->ready)); /* from then on it is more urgent than this thread */
}

static void join(struct runner *r)
{
    actor_join(&r->actor);
    (void)sem_destroy(&r->go);
    ck_assert_int_eq(r->mirrored, r->priority);
}

static void inversion(int which, int chain)
{
    kind = which;
    chained = chain;
    STORE(&events, 0);
    if (which != HOST) {
        owned_init(&x, which);
        owned_init(&y, (which + 1) % KINDS);
    }
    start(&high, HIGH, run_high);
    start(&middle, MIDDLE, run_middle);
    if (chain)
        start(&between, LINK, run_between);
    start(&low, LOW, run_low);
    ck_assert_int_eq(sem_post(&low.go), 0);
    join(&low);
    join(&middle);
    join(&high);
    if (chain)
        join(&between);
    ck_assert_int_eq(low.locked_at, 1);
}

static void high_came_first(void)
{
    ck_assert(high_was_asleep);
    ck_assert_int_eq(promoted, HIGH);
    ck_assert_int_lt(high.locked_at, middle.end_at);
    ck_assert_int_lt(high.end_at, middle.locked_at);
    ck_assert_int_gt(low.end_at, middle.end_at); /* promoted no longer */
}

START_TEST(aix_T53_the_middle_thread_does_not_delay_the_high_one)
{
    for (int turn = 0; turn < 10; turn++) {
        inversion(_i, 0);
        high_came_first();
    }
}
END_TEST

START_TEST(aix_T59_the_same_through_a_chain)
{
    for (int turn = 0; turn < 10; turn++) {
        inversion(_i, 1);
        ck_assert(between_was_asleep);
        high_came_first();
        ck_assert_int_lt(between.locked_at, high.locked_at);
    }
}
END_TEST

START_TEST(control_with_a_host_mutex_the_middle_thread_comes_first)
{
    for (int turn = 0; turn < 3; turn++) {
        inversion(HOST, 0);
        ck_assert_int_eq(promoted, LOW);
        ck_assert_int_lt(middle.end_at, high.locked_at);
    }
}
END_TEST

/* All threads to come run on one processor. False where SCHED_FIFO is refused. */
static bool prepare(void)
{
    cpu_set_t allowed, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return false;
    size_t cpu = 0;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &allowed))
        cpu++;
    CPU_SET(cpu, &one);
    struct sched_param fifo = {.sched_priority = HIGH}, other = {.sched_priority = 0};
    if (sched_setscheduler(0, SCHED_FIFO, &fifo) != 0)
        return false;
    (void)sched_setscheduler(0, SCHED_OTHER, &other);
    return sched_setaffinity(0, sizeof one, &one) == 0;
}

int main(int argc, char **argv)
{
    (void)argc;
    const char *set = getenv("KSL_RT");
    if (set == NULL || strcmp(set, "1") != 0) {
        /* it is read when the library is loaded */
        (void)setenv("KSL_RT", "1", 1);
        support_exec((const char *const *)(uintptr_t)argv);
        perror("execv");
        return EXIT_FAILURE;
    }
    if (!prepare()) {
        printf("skipped: this process may not use SCHED_FIFO, or not choose its "
               "processor\n");
        return 77;
    }
    Suite *s = suite_create("aix_rt");
    TCase *tc = tcase_create("inversion");
    tcase_add_loop_test(tc, aix_T53_the_middle_thread_does_not_delay_the_high_one, 0,
                        KINDS);
    tcase_add_loop_test(tc, aix_T59_the_same_through_a_chain, 0, KINDS);
    tcase_add_test(tc, control_with_a_host_mutex_the_middle_thread_comes_first);
    suite_add_tcase(s, tc);
    return support_run(s);
}
