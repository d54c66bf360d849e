/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The stax where the host has no membarrier from the beginning (the testing library is
 * told so), where it takes it away while slots show entries (argument `sandbox`), and in
 * a child of fork (argument `fork`).
 */
#include "child.h"
#include "regress_rw_sandbox.h"

#include "platform/host.h"
#include "platform/testing.h"

#include <evl/sched.h>
#include <evl/stax.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum { WORKERS = 4, ROUNDS = 2000, PATIENCE = 20000 };

#define WITH "KSLOCK_TEST_WITH_BARRIER" /* in the environment of the second run */

/* The library's own constructors come after those of the program. */
__attribute__((constructor(101))) static void tell_library(void)
{
    ksi_lacks_membarrier = getenv(WITH) == NULL;
}

static struct evl_stax stax;
static int inside[2];        /* atomic */
static int mixed, errors;    /* atomic */
static int holding, go, out; /* atomic */

static bool biased(void)
{
    return (LOAD(&stax.ksl_gate) & KSL_GATE_BIAS) != 0;
}

static void warm(void)
{
    for (int i = 0; i < PATIENCE && !biased(); i++) {
        ck_assert_int_eq(evl_lock_stax(&stax), 0);
        evl_unlock_stax(&stax);
    }
}

static void visit(bool oob)
{
    ADD(&inside[oob], 1);
    if (LOAD(&inside[!oob]) != 0)
        ADD(&mixed, 1);
    ADD(&inside[oob], -1);
}

static void work(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool oob = (i / 64 + me) % 2 != 0;
        if (ksl_stage_switch(oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND) != 0)
            ADD(&errors, 1);
        bool tries = i % 4 == me;
        int error = tries ? evl_trylock_stax(&stax) : evl_lock_stax(&stax);
        if (error == 0) {
            visit(oob);
            evl_unlock_stax(&stax);
        } else if (!tries || error != -EAGAIN) {
            ADD(&errors, 1);
        }
    }
}

static void check_both_stages(void)
{
    struct actor a[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        actor_start(&a[i], work, (void *)(intptr_t)i);
    for (int i = 0; i < WORKERS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(mixed, 0);
    ck_assert_int_eq(errors, 0);
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(evl_trylock_stax(&stax), 0);
    evl_unlock_stax(&stax);
    evl_switch_inband(0);
}

static void hold(void *arg)
{
    (void)arg;
    uint64_t state = 0;
    if (evl_lock_stax(&stax) != 0)
        ADD(&errors, 1);
    STORE(&holding, 1);
    while (!LOAD(&go) && support_keep_waiting(&state))
        ;
    evl_unlock_stax(&stax);
    STORE(&out, 1);
}

/* On the out-of-band stage: waits for the holder. */
static void lock_oob(void *arg)
{
    (void)arg;
    if (evl_switch_oob() != 0 || evl_lock_stax(&stax) != 0)
        ADD(&errors, 1);
    visit(true);
    evl_unlock_stax(&stax);
}

static void check_waiter(struct actor *holder)
{
    struct actor waiter;
    ck_assert_int_eq(evl_switch_oob(), 0);
    ck_assert_int_eq(evl_trylock_stax(&stax), -EAGAIN);
    actor_start(&waiter, lock_oob, NULL);
    wait_asleep(waiter.thread);
    STORE(&go, 1);
    actor_join(&waiter);
    actor_join(holder);
    ck_assert_int_eq(errors, 0);
    ck_assert_int_eq(evl_trylock_stax(&stax), 0);
    evl_unlock_stax(&stax);
    evl_switch_inband(0);
}

static void start_biased(struct actor *holder)
{
    (void)evl_init_stax(&stax);
    warm();
    ck_assert(biased());
    actor_start(holder, hold, NULL);
    WAIT_UNTIL(LOAD(&holding));
}

START_TEST(stages_without_membarrier)
{
    struct actor holder;
    (void)evl_init_stax(&stax);
    warm();
    ck_assert(ksi_heavy_missing());
    ck_assert(!biased());
    check_both_stages();
    actor_start(&holder, hold, NULL);
    WAIT_UNTIL(LOAD(&holding));
    check_waiter(&holder);
    ck_assert(!biased());
}
END_TEST

START_TEST(membarrier_goes_while_a_slot_shows_an_entry)
{
    struct actor holder;
    start_biased(&holder);
    ck_assert(biased());
    ck_assert(refuse_membarrier());
    check_waiter(&holder);
    ck_assert(ksi_heavy_missing());
    check_both_stages();
    ck_assert(!biased());
}
END_TEST

/* The entry of a thread that the child does not have stays, for any to take off. */
static void in_the_child(void)
{
    CHILD_CHECK(evl_switch_oob() == 0);
    CHILD_CHECK(evl_trylock_stax(&stax) == -EAGAIN);
    evl_switch_inband(0);
    CHILD_CHECK(evl_lock_stax(&stax) == 0);
    evl_unlock_stax(&stax);
    evl_unlock_stax(&stax);
    CHILD_CHECK(evl_switch_oob() == 0);
    CHILD_CHECK(evl_trylock_stax(&stax) == 0);
    evl_unlock_stax(&stax);
}

START_TEST(child_of_fork)
{
    struct actor holder;
    start_biased(&holder);
    in_child(in_the_child);
    ck_assert(biased());
    check_waiter(&holder);
}
END_TEST

/* Forks while the bias is given and taken off. */
static void try_in_the_child(void)
{
    (void)evl_trylock_stax(&stax);
    CHILD_CHECK(evl_switch_oob() == 0);
    (void)evl_trylock_stax(&stax); /* returns */
}

static void come_and_go(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    while (!LOAD(&go)) {
        for (int i = 0; i < 100; i++) {
            if (evl_trylock_stax(&stax) == 0)
                evl_unlock_stax(&stax);
        }
        if (ksl_stage_switch(me++ % 4 == 0 ? KSL_STAGE_OOB : KSL_STAGE_INBAND) != 0)
            ADD(&errors, 1);
    }
}

START_TEST(forks_while_the_bias_comes_and_goes)
{
    enum { FORKS = 60 };
    struct actor a[2];
    (void)evl_init_stax(&stax);
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], come_and_go, (void *)(intptr_t)i);
    for (int i = 0; i < FORKS; i++)
        in_child(try_in_the_child);
    STORE(&go, 1);
    for (int i = 0; i < 2; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(errors, 0);
}
END_TEST

static bool can_refuse(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(refuse_membarrier() ? 0 : 1);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
    bool sandbox = argc > 1 && strcmp(argv[1], "sandbox") == 0;
    if (argc > 1 && getenv(WITH) == NULL) {
        setenv(WITH, "1", 1);
        support_exec((const char *const *)(uintptr_t)argv);
        return 1;
    }
    if (argc > 1 && (!ksi_heavy_works() || (sandbox && !can_refuse()))) {
        printf("skipped: no membarrier, or it cannot be refused here\n");
        return 77;
    }
    Suite *s = suite_create("regress_stax");
    TCase *tc = tcase_create("stax");
    if (argc == 1) {
        tcase_add_test(tc, stages_without_membarrier);
    } else if (sandbox) {
        tcase_add_test(tc, membarrier_goes_while_a_slot_shows_an_entry);
    } else {
        tcase_add_test(tc, child_of_fork);
        tcase_add_test(tc, forks_while_the_bias_comes_and_goes);
    }
    suite_add_tcase(s, tc);
    return support_run(s);
}
