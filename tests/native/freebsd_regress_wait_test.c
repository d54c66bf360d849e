/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: waits that nobody but a thread trying to upgrade stood
 * in the way of, and a lock destroyed while somebody sleeps with it.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/signal.h>

#include "shared_sx.h"
#include "support.h"

enum { ROUNDS = 20000, SIGNO = 5 };

static int channel;
static int stop, spoiled; /* atomic */

static void bias(void)
{
    for (int i = 0; i < 2000; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
}

/* In vain: another thread has a share. */
static void try_to_upgrade(void *arg)
{
    (void)arg;
    sx_slock(&sx);
    while (!LOAD(&stop)) {
        if (!sx_try_upgrade(&sx))
            continue;
        ADD(&spoiled, 1);
        sx_downgrade(&sx);
    }
    sx_sunlock(&sx);
}

static void try_to_own(void *arg)
{
    (void)arg;
    while (!LOAD(&stop)) {
        if (!sx_try_xlock(&sx))
            continue;
        ADD(&spoiled, 1);
        sx_xunlock(&sx);
    }
}

static void try_to_destroy(void *arg)
{
    (void)arg;
    while (!LOAD(&stop))
        sx_destroy(&sx);
}

static void (*const tries[])(void *arg) = {try_to_upgrade, try_to_own, try_to_destroy};
enum { TRIES = sizeof tries / sizeof *tries };

static struct actor sharer, trier;

static void start(int how)
{
    recorder_start();
    sx_init(&sx, "shared");
    bias();
    start_sharer(&sharer);
    actor_start(&trier, tries[how], NULL);
}

static void finish(void)
{
    STORE(&stop, 1);
    actor_join(&trier);
    STORE(&may_go, 1);
    actor_join(&sharer);
    ck_assert_int_eq(LOAD(&spoiled), 0);
    ck_assert_uint_eq(recorder_count("masked-sleep"), 0);
    recorder_stop();
}

/* Nobody holds it alone and no writer waits: a share needs no wait. */
START_TEST(sx_R23_share_beside_tries_is_no_masked_sleep)
{
    start(_i);
    unsigned state = ksl_irq_save();
    for (int i = 0; i < ROUNDS; i++) {
        sx_slock(&sx);
        if (recorder_count("masked-sleep") > 0)
            break;
        sx_sunlock(&sx);
    }
    ksl_irq_restore(state);
    finish();
}
END_TEST

START_TEST(sx_R33_share_beside_tries_is_not_interrupted)
{
    int interrupted = 0;
    start(_i);
    ck_assert_int_eq(ksl_signal_post(ksl_thread_self(), SIGNO), 0);
    for (int i = 0; i < ROUNDS; i++) {
        if (sx_slock_sig(&sx) == 0)
            sx_sunlock(&sx);
        else
            interrupted++;
    }
    ck_assert_int_eq(ksl_signal_take(), SIGNO);
    finish();
    ck_assert_int_eq(interrupted, 0);
}
END_TEST

/* ---- the only sharer ---- */

static int failures; /* atomic */

/* A writer that gives up again and again: a forced unblock ends its waits. */
static void come_and_go(void *arg)
{
    (void)arg;
    while (!LOAD(&stop)) {
        if (sx_xlock_sig(&sx) == 0)
            sx_xunlock(&sx);
    }
}

START_TEST(sx_R14_only_sharer_upgrades_beside_writers_that_come_and_go)
{
    struct actor writers[2];
    sx_init(&sx, "upgraded");
    bias();
    for (int i = 0; i < 2; i++)
        actor_start(&writers[i], come_and_go, NULL);
    for (int i = 0; i < ROUNDS / 4; i++) {
        sx_slock(&sx);
        (void)ksl_thread_unblock(writers[i % 2].thread);
        if (sx_try_upgrade(&sx)) {
            sx_xunlock(&sx);
        } else {
            failures++;
            sx_sunlock(&sx);
        }
    }
    STORE(&stop, 1);
    for (int i = 0; i < 2; i++)
        actor_join(&writers[i]);
    ck_assert_int_eq(failures, 0);
}
END_TEST

/* ---- the interlock is destroyed ---- */

static bool shared;
static int result = -1, held_after = -1; /* atomic */

static void sleep_with_lock(void *arg)
{
    (void)arg;
    if (shared)
        sx_slock(&sx);
    else
        sx_xlock(&sx);
    STORE(&result, sx_sleep(&channel, &sx, 0, "sleep", 0));
    STORE(&held_after, ksl_syscall_exit());
}

START_TEST(sx_R40_interlock_destroyed_during_the_sleep)
{
    struct actor a;
    shared = _i == 1;
    recorder_start();
    sx_init(&sx, "interlock");
    bias();
    actor_start(&a, sleep_with_lock, NULL);
    wait_asleep(a.thread);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    wakeup(&channel);
    actor_join(&a);
    ASSERT_VIOLATED("destroyed"); /* and no exit-held */
    ck_assert_ptr_eq(recorder_last().lock, &sx);
    ck_assert_int_eq(LOAD(&result), 0);
    ck_assert_int_eq(LOAD(&held_after), 0);
    recorder_start();
    sx_init(&sx, "anew");
    sx_xlock(&sx);
    sx_xunlock(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd regress wait");
    TCase *tc = tcase_create("wait");
    tcase_add_loop_test(tc, sx_R23_share_beside_tries_is_no_masked_sleep, 0, TRIES);
    tcase_add_loop_test(tc, sx_R33_share_beside_tries_is_not_interrupted, 0, TRIES);
    tcase_add_test(tc, sx_R14_only_sharer_upgrades_beside_writers_that_come_and_go);
    tcase_add_loop_test(tc, sx_R40_interlock_destroyed_during_the_sleep, 0, 2);
    suite_add_tcase(s, tc);
    return support_run(s);
}
