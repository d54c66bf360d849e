/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix rwsem: operations that are refused (R6, R7, T8). */
#include <kernel/rwsem.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5 };

typedef int rwsem_call(rwsem_t *);

struct attempt {
    rwsem_t *sem;
    rwsem_call *call;
    int result;
};

static void make_call(void *arg)
{
    struct attempt *t = arg;
    t->result = t->call(t->sem);
}

static int call_from_another_thread(rwsem_call *call, rwsem_t *sem)
{
    struct attempt t = {sem, call, 1};
    struct actor a;
    actor_start(&a, make_call, &t);
    actor_join(&a);
    return t.result;
}

static void call_in_handler(int irq, void *arg)
{
    (void)irq;
    make_call(arg);
}

static int call_from_a_handler(rwsem_call *call, rwsem_t *sem)
{
    struct attempt t = {sem, call, 1};
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, call_in_handler, &t), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    return t.result;
}

static int read_and_release(rwsem_t *sem)
{
    int result = rwsem_acquire_read(sem);
    return result != 0 ? result : rwsem_release_read(sem);
}

static int write_and_release(rwsem_t *sem)
{
    int result = rwsem_acquire_write(sem);
    return result != 0 ? result : rwsem_release_write(sem);
}

/* Nobody holds the lock: another thread gets it to write. */
static void check_free(rwsem_t *sem)
{
    ck_assert_int_eq(call_from_another_thread(write_and_release, sem), 0);
}

/* A writer that starts now has to wait, and enters after fn(sem). */
static void check_held_until(rwsem_call *release, rwsem_t *sem)
{
    struct attempt t = {sem, write_and_release, 1};
    struct actor a;
    actor_start(&a, make_call, &t);
    wait_asleep(a.thread);
    ck_assert_int_eq(release(sem), 0);
    actor_join(&a);
    ck_assert_int_eq(t.result, 0);
}

START_TEST(R6_reader_asking_for_write_is_recursion)
{
    rwsem_t sem = {0};
    rwsem_acquire_read(&sem);
    recorder_start();
    ck_assert_int_eq(rwsem_acquire_write(&sem), -EPERM);
    ASSERT_VIOLATED("recursion");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, &sem);
    /* Still a reader beside others, and only one hold. */
    ck_assert_int_eq(call_from_another_thread(read_and_release, &sem), 0);
    check_held_until(rwsem_release_read, &sem);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(R7_release_of_a_free_lock_is_not_locked)
{
    rwsem_t sem = {0};
    recorder_start();
    ck_assert_int_eq(rwsem_release_write(&sem), -EPERM);
    ASSERT_VIOLATED("not-locked");
    recorder_start();
    ck_assert_int_eq(rwsem_release_read(&sem), -EPERM);
    ASSERT_VIOLATED("not-locked");
    check_free(&sem);
    ck_assert_int_eq(rwsem_acquire_read(&sem), 0);
    check_held_until(rwsem_release_read, &sem);
}
END_TEST

START_TEST(R7_T8_one_read_release_too_many)
{
    rwsem_t sem = {0};
    rwsem_acquire_read(&sem);
    rwsem_acquire_read(&sem);
    rwsem_release_read(&sem);
    rwsem_release_read(&sem);
    recorder_start();
    ck_assert_int_eq(rwsem_release_read(&sem), -EPERM);
    ASSERT_VIOLATED("not-locked");
    rwsem_acquire_write(&sem);
    check_held_until(rwsem_release_write, &sem);
}
END_TEST

START_TEST(R7_release_write_by_another_thread_is_not_owner)
{
    rwsem_t sem = {0};
    rwsem_acquire_write(&sem);
    recorder_start();
    ck_assert_int_eq(call_from_another_thread(rwsem_release_write, &sem), -EPERM);
    ASSERT_VIOLATED("not-owner");
    recorder_start();
    ck_assert_int_eq(call_from_another_thread(rwsem_release_read, &sem), -EPERM);
    ASSERT_VIOLATED("not-owner");
    check_held_until(rwsem_release_write, &sem);
}
END_TEST

START_TEST(R7_T8_release_read_by_a_thread_without_a_share_is_not_owner)
{
    rwsem_t sem = {0};
    rwsem_acquire_read(&sem);
    recorder_start();
    ck_assert_int_eq(call_from_another_thread(rwsem_release_read, &sem), -EPERM);
    ASSERT_VIOLATED("not-owner");
    recorder_start();
    ck_assert_int_eq(call_from_another_thread(rwsem_release_write, &sem), -EPERM);
    ASSERT_VIOLATED("not-owner");
    check_held_until(rwsem_release_read, &sem);
}
END_TEST

START_TEST(R7_release_write_by_a_mere_reader_is_refused)
{
    rwsem_t sem = {0};
    rwsem_acquire_read(&sem);
    recorder_start();
    ck_assert_int_eq(rwsem_release_write(&sem), -EPERM);
    ASSERT_VIOLATED("not-owner");
    check_held_until(rwsem_release_read, &sem);
}
END_TEST

START_TEST(R7_release_read_by_a_writer_without_reads_is_refused)
{
    rwsem_t sem = {0};
    rwsem_acquire_write(&sem);
    recorder_start();
    ck_assert_int_eq(rwsem_release_read(&sem), -EPERM);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    check_held_until(rwsem_release_write, &sem);
}
END_TEST

START_TEST(R7_acquires_in_a_handler_are_irq_sleep)
{
    rwsem_t sem = {0};
    rwsem_call *const call[] = {rwsem_acquire_read, rwsem_acquire_write};
    for (int i = 0; i < 2; i++) {
        recorder_start();
        ck_assert_int_eq(call_from_a_handler(call[i], &sem), -EPERM);
        ASSERT_VIOLATED("irq-sleep");
        check_free(&sem);
        /* Also over a hold of the interrupted thread. */
        rwsem_acquire_write(&sem);
        recorder_start();
        ck_assert_int_eq(call_from_a_handler(call[i], &sem), -EPERM);
        ASSERT_VIOLATED("irq-sleep");
        check_held_until(rwsem_release_write, &sem);
    }
}
END_TEST

START_TEST(R7_releases_in_a_handler_are_refused)
{
    rwsem_t sem = {0};
    rwsem_acquire_read(&sem);
    recorder_start();
    ck_assert_int_eq(call_from_a_handler(rwsem_release_read, &sem), -EPERM);
    ASSERT_VIOLATED("irq-sleep");
    check_held_until(rwsem_release_read, &sem);
    rwsem_acquire_write(&sem);
    recorder_start();
    ck_assert_int_eq(call_from_a_handler(rwsem_release_write, &sem), -EPERM);
    ASSERT_VIOLATED("irq-sleep");
    check_held_until(rwsem_release_write, &sem);
}
END_TEST

/* One after the other: of those who meet in one near slot, then one for each other slot.
 */
static unsigned take_apart(rwsem_t *sem, unsigned n, unsigned together, rwsem_t **taken)
{
    unsigned held = 0;
    for (unsigned i = 0; i < n && held < together; i++) {
        if (ksl_slot_of(0, &sem[i].word) == ksl_slot_of(0, &sem[0].word))
            taken[held++] = &sem[i];
    }
    for (unsigned i = 0; i < n; i++) {
        unsigned j = 0;
        while (j < held &&
               ksl_slot_of(0, &sem[i].word) != ksl_slot_of(0, &taken[j]->word))
            j++;
        if (j == held)
            taken[held++] = &sem[i];
    }
    return held;
}

START_TEST(limit_of_read_holds_with_slots_left)
{
    enum { SEMS = 4096, TOGETHER = 34, ALL = TOGETHER + KSL_SLOTS - 1, WARM = 2000 };
    static rwsem_t sem[SEMS];
    rwsem_t *taken[ALL] = {NULL};
    memset(sem, 0, sizeof sem);
    ck_assert_uint_eq(take_apart(sem, SEMS, TOGETHER, taken), ALL);
    ck_assert_int_gt(ALL, KSL_RWSEM_READ_HOLDS);
    recorder_start();
    for (unsigned i = 0; i < ALL; i++) {
        unsigned refused = 0;               /* each assertion writes a file */
        for (unsigned n = 0; n < WARM; n++) /* until its readers have a bias */
            refused += read_and_release(taken[i]) != 0;
        ck_assert_uint_eq(refused, 0);
    }
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < KSL_RWSEM_READ_HOLDS; i++)
            ck_assert_int_eq(rwsem_acquire_read(taken[i]), 0);
        ck_assert_uint_eq(recorder_count(NULL), round);
        ck_assert_int_eq(rwsem_acquire_read(taken[KSL_RWSEM_READ_HOLDS]), -EPERM);
        ck_assert_uint_eq(recorder_count("bad-argument"), round + 1);
        for (unsigned i = 0; i < KSL_RWSEM_READ_HOLDS; i++)
            ck_assert_int_eq(rwsem_release_read(taken[i]), 0);
    }
    ck_assert_int_eq(rwsem_acquire_read(taken[KSL_RWSEM_READ_HOLDS]), 0);
    ck_assert_int_eq(rwsem_release_read(taken[KSL_RWSEM_READ_HOLDS]), 0);
    ck_assert_uint_eq(recorder_count(NULL), 2);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix rwsem misuse");
    TCase *tc = tcase_create("misuse");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, R6_reader_asking_for_write_is_recursion);
    tcase_add_test(tc, R7_release_of_a_free_lock_is_not_locked);
    tcase_add_test(tc, R7_T8_one_read_release_too_many);
    tcase_add_test(tc, R7_release_write_by_another_thread_is_not_owner);
    tcase_add_test(tc, R7_T8_release_read_by_a_thread_without_a_share_is_not_owner);
    tcase_add_test(tc, R7_release_write_by_a_mere_reader_is_refused);
    tcase_add_test(tc, R7_release_read_by_a_writer_without_reads_is_refused);
    tcase_add_test(tc, R7_acquires_in_a_handler_are_irq_sleep);
    tcase_add_test(tc, R7_releases_in_a_handler_are_refused);
    tcase_add_test(tc, limit_of_read_holds_with_slots_left);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
