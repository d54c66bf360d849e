/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix locks left held at thread exit and at system call return (T21). */
#include <kernel/mutex.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/spinlock.h>

#include <kslock/thread.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Static, because they stay held by a thread that is gone. */
static struct room {
    mutex_t mutex;
    rwsem_t read;
    rwsem_t write;
    spinlock_t spin;
    int tries;
} room;

static void run(void (*fn)(void *arg))
{
    struct actor a;
    actor_start(&a, fn, &room);
    actor_join(&a);
}

static void take_mutex(void *arg)
{
    struct room *r = arg;
    mutex_acquire(&r->mutex);
    mutex_acquire(&r->mutex);
}

static void try_mutex(void *arg)
{
    struct room *r = arg;
    if (mutex_try_acquire(&r->mutex) == 1)
        ADD(&r->tries, 1);
}

START_TEST(T21_exit_with_a_mutex_is_exit_held)
{
    memset(&room, 0, sizeof room);
    recorder_start();
    run(take_mutex);
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    /* It stays held, and no later thread inherits it. */
    for (int i = 0; i < 5; i++)
        run(try_mutex);
    ck_assert_int_eq(mutex_try_acquire(&room.mutex), 0);
    ck_assert_int_eq(room.tries, 0);
    mutex_release(&room.mutex);
    ck_assert_uint_eq(recorder_count("not-owner"), 1);
    ck_assert_uint_eq(recorder_count(NULL), 2);
}
END_TEST

static void take_read(void *arg)
{
    rwsem_acquire_read(&((struct room *)arg)->read);
}

static void take_write(void *arg)
{
    rwsem_acquire_write(&((struct room *)arg)->write);
}

static void read_read(void *arg)
{
    struct room *r = arg;
    rwsem_acquire_read(&r->read);
    ADD(&r->tries, 1);
    rwsem_release_read(&r->read);
}

START_TEST(T21_exit_with_a_share_is_exit_held)
{
    memset(&room, 0, sizeof room);
    recorder_start();
    run(take_read);
    ASSERT_VIOLATED("exit-held");
    run(read_read); /* still open to readers */
    ck_assert_int_eq(room.tries, 1);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(T21_exit_with_a_write_hold_is_exit_held)
{
    memset(&room, 0, sizeof room);
    recorder_start();
    run(take_write);
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(rwsem_release_write(&room.write), -EPERM);
    ck_assert_uint_eq(recorder_count("not-owner"), 1);
}
END_TEST

static void take_spinlock(void *arg)
{
    spinlock_acquire(&((struct room *)arg)->spin);
}

START_TEST(T21_exit_with_a_spinlock_is_exit_held)
{
    memset(&room, 0, sizeof room);
    recorder_start();
    run(take_spinlock);
    ASSERT_VIOLATED("exit-held");
    ck_assert(!ksl_spinlock_try_acquire(&room.spin));
}
END_TEST

static void take_several(void *arg)
{
    struct room *r = arg;
    rwsem_acquire_read(&r->read);
    mutex_acquire(&r->mutex);
    rwsem_acquire_write(&r->write);
}

/* The message names the lock by its address, in hex. */
static bool names(const char *message, const void *lock)
{
    char text[32];
    snprintf(text, sizeof text, "%lx", (unsigned long)(uintptr_t)lock);
    return strstr(message, text) != NULL;
}

START_TEST(T21_one_report_lists_all_holds)
{
    memset(&room, 0, sizeof room);
    recorder_start();
    run(take_several);
    ASSERT_VIOLATED("exit-held");
    struct recorded last = recorder_last();
    ck_assert_msg(names(last.message, &room.mutex), "no mutex in: %s", last.message);
    ck_assert_msg(names(last.message, &room.read), "no share in: %s", last.message);
    ck_assert_msg(names(last.message, &room.write), "no write hold in: %s", last.message);
}
END_TEST

static void take_and_give_back(void *arg)
{
    struct room *r = arg;
    take_several(r);
    rwsem_release_read(&r->read);
    rwsem_release_write(&r->write);
    mutex_release(&r->mutex);
    spinlock_acquire(&r->spin);
    spinlock_release(&r->spin);
}

START_TEST(T21_exit_with_nothing_held_is_silent)
{
    memset(&room, 0, sizeof room);
    recorder_start();
    run(take_and_give_back);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(mutex_try_acquire(&room.mutex), 1);
    mutex_release(&room.mutex);
}
END_TEST

/* A system call that forgets to give its lock back on an error path. */
static int faulty_call(rwsem_t *sem, bool fail)
{
    rwsem_acquire_write(sem);
    if (fail)
        return -ENXIO;
    rwsem_release_write(sem);
    return 0;
}

START_TEST(T21_a_lock_leaked_by_a_system_call_is_exit_held)
{
    rwsem_t sem = {0};
    mutex_t mutex = {0};
    recorder_start();
    ksl_syscall_enter();
    ck_assert_int_eq(faulty_call(&sem, false), 0);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ksl_syscall_enter();
    ck_assert_int_eq(faulty_call(&sem, true), -ENXIO);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
    ck_assert_int_eq(rwsem_release_write(&sem), 0); /* it was still ours */
    recorder_start();
    ksl_syscall_enter();
    rwsem_acquire_read(&sem);
    mutex_acquire(&mutex);
    (void)ksl_syscall_exit();
    ASSERT_VIOLATED("exit-held");
    mutex_release(&mutex);
    ck_assert_int_eq(rwsem_release_read(&sem), 0);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(violation_count_counts_every_occurrence)
{
    mutex_t mutex = {0};
    recorder_start();
    unsigned long before = ksl_violation_count();
    for (int i = 0; i < 3; i++)
        mutex_release(&mutex);
    ck_assert_uint_eq(ksl_violation_count() - before, 3);
    ck_assert_uint_eq(recorder_count("not-locked"), 3);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix exit");
    TCase *tc = tcase_create("exit");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, T21_exit_with_a_mutex_is_exit_held);
    tcase_add_test(tc, T21_exit_with_a_share_is_exit_held);
    tcase_add_test(tc, T21_exit_with_a_write_hold_is_exit_held);
    tcase_add_test(tc, T21_exit_with_a_spinlock_is_exit_held);
    tcase_add_test(tc, T21_one_report_lists_all_holds);
    tcase_add_test(tc, T21_exit_with_nothing_held_is_silent);
    tcase_add_test(tc, T21_a_lock_leaked_by_a_system_call_is_exit_held);
    tcase_add_test(tc, violation_count_counts_every_occurrence);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
