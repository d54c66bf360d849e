/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many threads: 500 at once, thousands one after the other. First argument: how many
 * come and go.
 */
#include "kinds.h"
#include "sanitized.h"
#include "support.h"

#include <stdlib.h>

enum { CROWD = SANITIZED ? 100 : 500, TOGETHER = 8, STACK = 256 * 1024 };

static long churn = 10000;

static struct member {
    pthread_t pthread;
    ksl_thread *thread;
    int ready; /* atomic */
} members[CROWD];
static const struct lock_kind *kind;
static long counter; /* under the lock of the kind */

static void start(struct member *m, void *(*fn)(void *))
{
    pthread_attr_t attr;
    m->ready = 0;
    ck_assert_int_eq(pthread_attr_init(&attr), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&attr, SANITIZED ? 4 * STACK : STACK), 0);
    ck_assert_int_eq(pthread_create(&m->pthread, &attr, fn, m), 0);
    pthread_attr_destroy(&attr);
}

static void *wait_and_count(void *arg)
{
    struct member *m = arg;
    m->thread = ksl_thread_self();
    STORE(&m->ready, 1);
    kind->take();
    counter++;
    kind->give();
    return NULL;
}

/* All are seen asleep in one queue, and each gets the lock. */
static void crowd_waits(void)
{
    counter = 0;
    kind->renew();
    kind->take();
    for (int i = 0; i < CROWD; i++)
        start(&members[i], wait_and_count);
    for (int i = 0; i < CROWD; i++) {
        WAIT_UNTIL(LOAD(&members[i].ready));
        wait_asleep(members[i].thread);
    }
    ck_assert_int_eq(counter, 0);
    kind->give();
    for (int i = 0; i < CROWD; i++)
        pthread_join(members[i].pthread, NULL);
    ck_assert_int_eq(counter, CROWD);
}

START_TEST(five_hundred_wait_for_one_lock)
{
    recorder_start();
    for (EACH_KIND(kind, i)) {
        if (!kind->shared)
            crowd_waits();
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static long counters[MAX_KINDS]; /* each under its lock */

static void *use_all(void *arg)
{
    const struct lock_kind *k;
    (void)arg;
    for (int round = 0; round < 3; round++) {
        for (EACH_KIND(k, i)) {
            k->take();
            if (!k->shared)
                counters[i]++;
            k->give();
        }
    }
    return NULL;
}

static void renew_all(void)
{
    const struct lock_kind *k;
    for (EACH_KIND(k, i)) {
        k->renew();
        counters[i] = 0;
    }
}

static void all_counted(long expected)
{
    const struct lock_kind *k;
    for (EACH_KIND(k, i)) {
        if (!k->shared)
            ck_assert_msg(counters[i] == expected, "%s: %ld of %ld", k->name, counters[i],
                          expected);
    }
}

START_TEST(five_hundred_use_all_locks)
{
    recorder_start();
    renew_all();
    for (int i = 0; i < CROWD; i++)
        start(&members[i], use_all);
    for (int i = 0; i < CROWD; i++)
        pthread_join(members[i].pthread, NULL);
    all_counted(3l * CROWD);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(threads_come_and_go)
{
    recorder_start();
    renew_all();
    for (long n = 0; n < churn; n += TOGETHER) {
        for (int i = 0; i < TOGETHER; i++)
            start(&members[i], use_all);
        for (int i = 0; i < TOGETHER; i++)
            pthread_join(members[i].pthread, NULL);
    }
    all_counted((churn + TOGETHER - 1) / TOGETHER * TOGETHER * 3);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

int main(int argc, char **argv)
{
    Suite *s = suite_create("crowd");
    TCase *tc = tcase_create("crowd");
    if (argc > 1)
        churn = atol(argv[1]);
    else if (SANITIZED)
        churn /= 10;
    tcase_add_test(tc, five_hundred_wait_for_one_lock);
    tcase_add_test(tc, five_hundred_use_all_locks);
    tcase_add_test(tc, threads_come_and_go);
    suite_add_tcase(s, tc);
    return support_run(s);
}
