/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: order of release, thread exit and system call return with locks held (T73, T74).
 */
#include "aix_test.h"

#include <stdio.h>
#include <string.h>

/* Static, because they may stay held by a thread that is gone: each test has its own. */
struct locks {
    Simple_lock s;
    Complex_lock read, write;
    lock_t w;
    int got; /* atomic */
};
static struct locks *locks;

static void setup(void)
{
    static struct locks all[16];
    static int used;
    locks = &all[used++];
    simple_lock_init(&locks->s);
    lock_init(&locks->read, TRUE);
    lock_init(&locks->write, TRUE);
    locks->w = LOCK_AVAIL;
    recorder_start();
}

static void run(void (*fn)(void *arg))
{
    struct actor a;
    actor_start(&a, fn, NULL);
    actor_join(&a);
}

static void check_silent(void)
{
    ck_assert_msg(recorder_count(NULL) == 0, "reported: %s", recorder_last().message);
}

static void check_reported(void)
{
    ASSERT_VIOLATED("exit-held");
    ck_assert_int_eq(recorder_last().severity, KSL_REPORT);
}

/* The message names the lock by its address, in hex. */
static void check_named(const void *lock)
{
    char text[32];
    struct recorded last = recorder_last();
    snprintf(text, sizeof text, "%lx", (unsigned long)(uintptr_t)lock);
    ck_assert_msg(strstr(last.message, text) != NULL, "no %s in: %s", text, last.message);
}

static void take_all(void)
{
    (void)lockl(&locks->w, LOCK_SHORT);
    lock_read(&locks->read);
    lock_write(&locks->write);
    simple_lock(&locks->s);
}

static void release_as_taken(void *arg)
{
    (void)arg;
    take_all();
    unlockl(&locks->w);
    lock_done(&locks->read);
    lock_done(&locks->write);
    simple_unlock(&locks->s);
}

static void release_in_reverse(void *arg)
{
    (void)arg;
    take_all();
    simple_unlock(&locks->s);
    lock_done(&locks->write);
    lock_done(&locks->read);
    unlockl(&locks->w);
}

static void release_crosswise(void *arg)
{
    (void)arg;
    take_all();
    lock_done(&locks->write);
    simple_unlock(&locks->s);
    unlockl(&locks->w);
    lock_done(&locks->read);
}

static void try_all(void *arg)
{
    (void)arg;
    int got = 0;
    if (lockl(&locks->w, LOCK_NDELAY) == LOCK_SUCC) {
        got += 1;
        unlockl(&locks->w);
    }
    if (simple_lock_try(&locks->s)) {
        got += 10;
        simple_unlock(&locks->s);
    }
    if (lock_try_write(&locks->write)) {
        got += 100;
        lock_done(&locks->write);
    }
    if (lock_try_write(&locks->read)) {
        got += 1000;
        lock_done(&locks->read);
    }
    if (lock_try_read(&locks->read)) {
        got += 10000;
        lock_done(&locks->read);
    }
    STORE(&locks->got, got);
}

START_TEST(aix_T73_locks_may_be_released_in_any_order)
{
    static void (*const release[])(void *) = {release_as_taken, release_in_reverse,
                                              release_crosswise};
    setup();
    for (int i = 0; i < 3; i++) {
        run(release[i]);
        check_silent(); /* at exit, too */
        run(try_all);
        ck_assert_int_eq(LOAD(&locks->got), 11111);
    }
}
END_TEST

static void take_w(void *arg)
{
    (void)arg;
    (void)lockl(&locks->w, LOCK_SHORT);
    (void)lockl(&locks->w, LOCK_SHORT);
}

static void take_s(void *arg)
{
    (void)arg;
    simple_lock(&locks->s);
}

static void take_s_disabled(void *arg)
{
    (void)arg;
    (void)disable_lock(INTMAX, &locks->s);
}

static void take_write(void *arg)
{
    (void)arg;
    lock_write(&locks->write);
}

static void take_read(void *arg)
{
    (void)arg;
    lock_read(&locks->read);
}

static void take_read_twice(void *arg)
{
    (void)arg;
    lock_read(&locks->read);
    lock_read(&locks->read);
}

/* It stays held by nobody alive, and no later thread inherits it. */
static void leave(void (*fn)(void *), const void *lock, int room)
{
    check_silent();
    run(fn);
    check_reported();
    check_named(lock);
    recorder_start();
    for (int i = 0; i < 5; i++) {
        run(try_all);
        ck_assert_int_eq(LOAD(&locks->got), room);
    }
    check_silent();
}

START_TEST(aix_T74_exit_with_a_lockl_lock_is_reported)
{
    setup();
    leave(take_w, &locks->w, 11110);
    unlockl(&locks->w);
    ASSERT_VIOLATED("not-owner");
}
END_TEST

START_TEST(aix_T74_exit_with_a_simple_lock_is_reported)
{
    setup();
    leave(take_s, &locks->s, 11101);
    simple_unlock(&locks->s);
    ASSERT_VIOLATED("not-owner");
}
END_TEST

START_TEST(aix_T74_exit_with_a_disabled_lock_is_reported)
{
    setup();
    leave(take_s_disabled, &locks->s, 11101);
}
END_TEST

START_TEST(aix_T74_exit_with_a_write_hold_is_reported)
{
    setup();
    leave(take_write, &locks->write, 11011);
    ck_assert_int_eq(lock_islocked(&locks->write), TRUE);
    ck_assert_int_eq(lock_mine(&locks->write), FALSE);
    lock_done(&locks->write);
    ASSERT_VIOLATED("not-owner");
}
END_TEST

START_TEST(aix_T74_exit_with_a_share_is_reported)
{
    setup();
    leave(take_read, &locks->read, 10111);
    ck_assert_int_eq(lock_islocked(&locks->read), TRUE);
    lock_done(&locks->read);
    ASSERT_VIOLATED("not-owner");
}
END_TEST

START_TEST(aix_T74_exit_with_a_share_taken_twice_is_one_report)
{
    setup();
    leave(take_read_twice, &locks->read, 10111);
}
END_TEST

static void take_several(void *arg)
{
    (void)arg;
    take_all();
}

START_TEST(aix_T74_one_report_lists_all_that_is_held)
{
    setup();
    run(take_several);
    check_reported();
    check_named(&locks->w);
    check_named(&locks->s);
    check_named(&locks->read);
    check_named(&locks->write);
}
END_TEST

/* A system call that forgets to give its lock back on an error path. */
static int faulty_call(bool fail)
{
    lock_write(&locks->write);
    if (fail)
        return -1;
    lock_done(&locks->write);
    return 0;
}

/*
 * "All locks must be released before", and nothing says what happens otherwise: it is
 * named, and the lock is still the caller's.
 */
START_TEST(aix_C13_a_lock_held_over_a_system_call_return_is_reported)
{
    setup();
    ksl_syscall_enter();
    ck_assert_int_eq(faulty_call(false), 0);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    check_silent();
    ksl_syscall_enter();
    ck_assert_int_eq(faulty_call(true), -1);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    check_reported();
    check_named(&locks->write);
    ck_assert_int_eq(lock_mine(&locks->write), TRUE);
    recorder_start();
    lock_done(&locks->write);
    check_silent();
}
END_TEST

START_TEST(aix_T74_a_system_call_return_lists_all_that_is_held)
{
    setup();
    ksl_syscall_enter();
    take_all();
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    check_reported();
    check_named(&locks->w);
    check_named(&locks->s);
    check_named(&locks->read);
    check_named(&locks->write);
    recorder_start();
    simple_unlock(&locks->s);
    lock_done(&locks->write);
    lock_done(&locks->read);
    unlockl(&locks->w);
    check_silent();
}
END_TEST

/* T66 at the boundary: what was deferred is delivered by the return of the call. */
START_TEST(aix_T74_the_return_delivers_what_was_deferred)
{
    setup();
    ksl_syscall_enter();
    lock_read(&locks->read);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 12), 0);
    ck_assert_int_eq(ksl_signal_take(), 0);
    lock_done(&locks->read);
    ck_assert_int_eq(ksl_syscall_exit(), 12);
    check_silent();
    ksl_syscall_enter();
    lock_read(&locks->read);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), 13), 0);
    ck_assert_int_eq(ksl_syscall_exit(), 0); /* a lock is held: deferred */
    check_reported();
    recorder_start();
    lock_done(&locks->read);
    ck_assert_int_eq(ksl_signal_take(), 13);
    check_silent();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix exit");
    TCase *tc = tcase_create("exit");
    tcase_add_test(tc, aix_T73_locks_may_be_released_in_any_order);
    tcase_add_test(tc, aix_T74_exit_with_a_lockl_lock_is_reported);
    tcase_add_test(tc, aix_T74_exit_with_a_simple_lock_is_reported);
    tcase_add_test(tc, aix_T74_exit_with_a_disabled_lock_is_reported);
    tcase_add_test(tc, aix_T74_exit_with_a_write_hold_is_reported);
    tcase_add_test(tc, aix_T74_exit_with_a_share_is_reported);
    tcase_add_test(tc, aix_T74_exit_with_a_share_taken_twice_is_one_report);
    tcase_add_test(tc, aix_T74_one_report_lists_all_that_is_held);
    tcase_add_test(tc, aix_C13_a_lock_held_over_a_system_call_return_is_reported);
    tcase_add_test(tc, aix_T74_a_system_call_return_lists_all_that_is_held);
    tcase_add_test(tc, aix_T74_the_return_delivers_what_was_deferred);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
