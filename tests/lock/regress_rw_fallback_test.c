/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The main paths of sx(9) where the host has no membarrier. The testing library is
 * told so before it asks; with the argument `sandbox` the program runs itself anew in
 * a sandbox that refuses the system call from the beginning.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "child.h"
#include "regress_rw_sandbox.h"
#include "shared_sx.h"

#include "platform/host.h"
#include "platform/testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORKERS = 3, ROUNDS = 3000, SLEEPS = 300 };

#define INSIDE "KSLOCK_TEST_INSIDE" /* in the environment of the second run */

/* The library's own constructors come after those of the program. */
__attribute__((constructor(101))) static void tell_library(void)
{
    ksi_lacks_membarrier = getenv(INSIDE) == NULL;
}

static int first_value, second_value; /* under sx */
static int torn, upgrades, refusals;  /* atomic */
static int channel, turn;             /* turn: under sx */

static void prepare(void)
{
    sx_init(&sx, "sx");
    for (int i = 0; i < 50; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
}

/* True if a bias can never be. */
START_TEST(membarrier_is_missing)
{
    prepare();
    ck_assert(ksi_heavy_missing());
    ck_assert_uint_eq(LOAD(&sx.sx_lock) & KSL_WORD_BIAS, 0);
    ck_assert_uint_ne(LOAD(&sx.sx_lock) & KSL_WORD_SLOTS, 0);
}
END_TEST

static void check_pair(void)
{
    if (first_value != second_value)
        ADD(&torn, 1);
}

static void change_pair(void)
{
    check_pair();
    first_value++;
    second_value++;
}

static void read_and_write(void *arg)
{
    unsigned every = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % every == 0) {
            sx_xlock(&sx);
            change_pair();
            sx_xunlock(&sx);
        } else {
            sx_slock(&sx);
            check_pair();
            sx_sunlock(&sx);
        }
    }
}

START_TEST(readers_and_writers)
{
    static const unsigned writes_every[] = {2, 8, 64};
    struct actor a[WORKERS];
    unsigned every = writes_every[_i];
    prepare();
    for (int i = 0; i < WORKERS; i++)
        actor_start(&a[i], read_and_write, (void *)(uintptr_t)every);
    for (int i = 0; i < WORKERS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(torn, 0);
    ck_assert_int_eq(first_value, WORKERS * (int)((ROUNDS + every - 1) / every));
}
END_TEST

static void convert(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        sx_slock(&sx);
        check_pair();
        if (sx_try_upgrade(&sx)) {
            change_pair();
            ADD(&upgrades, 1);
            sx_downgrade(&sx);
            check_pair();
        }
        sx_sunlock(&sx);
        if (sx_try_xlock(&sx)) {
            change_pair();
            ADD(&upgrades, 1);
            sx_downgrade(&sx);
            sx_unlock(&sx);
        }
    }
}

START_TEST(upgrades_and_downgrades)
{
    struct actor a[WORKERS];
    prepare();
    sx_slock(&sx);
    ck_assert_int_eq(sx_try_upgrade(&sx), 1);
    sx_downgrade(&sx);
    sx_sunlock(&sx);
    for (int i = 0; i < WORKERS; i++)
        actor_start(&a[i], convert, NULL);
    for (int i = 0; i < WORKERS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(torn, 0);
    ck_assert_int_gt(upgrades, 0);
    ck_assert_int_eq(first_value, upgrades);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
}
END_TEST

START_TEST(writer_waits_for_the_share_in_a_slot)
{
    struct actor reader;
    prepare();
    start_sharer(&reader);
    check_writer_waits(&reader);
}
END_TEST

/* Takes turns with another; player 1 holds it shared while it sleeps. */
static void play(void *arg)
{
    int player = (int)(intptr_t)arg;
    for (int i = 0; i < SLEEPS; i++) {
        sx_xlock(&sx);
        while (turn != player) {
            if (player == 1)
                sx_downgrade(&sx);
            if (sx_sleep(&channel, &sx, 0, "turn", 0) != 0)
                ADD(&refusals, 1);
            if (player == 0)
                continue;
            sx_sunlock(&sx);
            sx_xlock(&sx);
        }
        turn = 1 - player;
        wakeup(&channel);
        sx_xunlock(&sx);
    }
}

START_TEST(sleep_and_wakeup)
{
    struct actor a[2];
    prepare();
    for (intptr_t i = 0; i < 2; i++)
        actor_start(&a[i], play, (void *)i);
    actor_join(&a[0]);
    actor_join(&a[1]);
    ck_assert_int_eq(refusals, 0);
    ck_assert_int_eq(turn, 0);
}
END_TEST

static void use_in_child(void)
{
    CHILD_CHECK(sx_try_slock(&sx));
    sx_sunlock(&sx);
    CHILD_CHECK(!sx_try_xlock(&sx)); /* the other thread's share stays */
    static struct sx fresh;
    sx_init(&fresh, "fresh");
    sx_xlock(&fresh);
    sx_downgrade(&fresh);
    CHILD_CHECK(sx_try_upgrade(&fresh));
    sx_xunlock(&fresh);
}

START_TEST(child_of_fork)
{
    struct actor reader;
    prepare();
    start_sharer(&reader);
    in_child(use_in_child);
    STORE(&may_go, 1);
    actor_join(&reader);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
}
END_TEST

static int run_inside(char **argv)
{
    setenv(INSIDE, "1", 1);
    if (!refuse_membarrier()) {
        fprintf(stderr, "system calls cannot be refused here\n");
        return 77;
    }
    support_exec((const char *const *)(uintptr_t)argv);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "sandbox") == 0 && getenv(INSIDE) == NULL)
        return run_inside(argv);
    Suite *s = suite_create("regress_rw_fallback");
    TCase *tc = tcase_create("no membarrier");
    tcase_add_test(tc, membarrier_is_missing);
    tcase_add_loop_test(tc, readers_and_writers, 0, 3);
    tcase_add_test(tc, upgrades_and_downgrades);
    tcase_add_test(tc, writer_waits_for_the_share_in_a_slot);
    tcase_add_test(tc, sleep_and_wakeup);
    tcase_add_test(tc, child_of_fork);
    suite_add_tcase(s, tc);
    return support_run(s);
}
