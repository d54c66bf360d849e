/* SPDX-License-Identifier: BSD-2-Clause */

/* Faults of earlier versions: sx_init of memory that holds a lock in use. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/thread.h>

#include "support.h"

static struct sx sx;
static int got; /* atomic */

static void bias(struct sx *lock)
{
    for (int i = 0; i < 2000; i++) {
        sx_slock(lock);
        sx_sunlock(lock);
    }
}

static void try_exclusive(void *arg)
{
    (void)arg;
    STORE(&got, sx_try_xlock(&sx));
    if (LOAD(&got))
        sx_xunlock(&sx);
}

static void take_exclusive(void *arg)
{
    (void)arg;
    sx_xlock(&sx);
    sx_xunlock(&sx);
    STORE(&got, 1);
}

static void in_thread(void (*fn)(void *arg))
{
    struct actor a;
    STORE(&got, 0);
    actor_start(&a, fn, NULL);
    actor_join(&a);
}

/* Free for all, and the caller's record is empty. */
static void check_new(void)
{
    sx_assert(&sx, SA_UNLOCKED);
    ck_assert_int_eq(ksl_syscall_exit(), 0);
    sx_xlock(&sx);
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    sx_xunlock(&sx);
    in_thread(try_exclusive);
    ck_assert_int_eq(LOAD(&got), 1);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

static void hold_exclusive(void)
{
    sx_xlock(&sx);
}

static void hold_share(void)
{
    sx_slock(&sx);
}

static void hold_share_in_slot(void)
{
    bias(&sx);
    sx_slock(&sx);
}

static void hold_two_shares(void)
{
    hold_share_in_slot();
    sx_slock(&sx);
}

static void (*const holds[])(void) = {hold_exclusive, hold_share, hold_share_in_slot,
                                      hold_two_shares};
enum { HOLDS = sizeof holds / sizeof *holds };

START_TEST(sx_init_of_live_memory_drops_holds_of_the_caller)
{
    recorder_start();
    sx_init(&sx, "first");
    holds[_i]();
    sx_init(&sx, "second");
    check_new();
    recorder_stop();
}
END_TEST

static int which;

static void hold_and_exit(void *arg)
{
    (void)arg;
    holds[which]();
}

START_TEST(sx_init_of_live_memory_drops_holds_of_exited_threads)
{
    which = _i;
    recorder_start();
    sx_init(&sx, "first");
    in_thread(hold_and_exit);
    ASSERT_VIOLATED("exit-held");
    recorder_start();
    sx_init(&sx, "second");
    check_new();
    bias(&sx);
    in_thread(take_exclusive);
    ck_assert_int_eq(LOAD(&got), 1);
    check_new();
    recorder_stop();
}
END_TEST

static int holding, may_go; /* atomic */

static void hold_until_new(void *arg)
{
    (void)arg;
    uint64_t state = 0;
    hold_share_in_slot();
    STORE(&holding, 1);
    while (!LOAD(&may_go) && support_keep_waiting(&state))
        ;
}

/* Its share in a slot is gone, too: the thread has nothing at its exit. */
START_TEST(sx_init_of_live_memory_drops_a_share_of_another_thread)
{
    struct actor a;
    recorder_start();
    sx_init(&sx, "first");
    actor_start(&a, hold_until_new, NULL);
    WAIT_UNTIL(LOAD(&holding));
    sx_init(&sx, "second");
    check_new();
    STORE(&may_go, 1);
    actor_join(&a);
    check_new();
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd regress init");
    TCase *tc = tcase_create("init");
    tcase_add_loop_test(tc, sx_init_of_live_memory_drops_holds_of_the_caller, 0, HOLDS);
    /* Counted far shares of other threads stay theirs: not the last one. */
    tcase_add_loop_test(tc, sx_init_of_live_memory_drops_holds_of_exited_threads, 0,
                        HOLDS - 1);
    tcase_add_test(tc, sx_init_of_live_memory_drops_a_share_of_another_thread);
    suite_add_tcase(s, tc);
    return support_run(s);
}
