/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A fault of earlier versions: the host refuses membarrier after locks have been
 * used under bias. Nothing ends, and locks go on.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "regress_rw_sandbox.h"
#include "shared_sx.h"
#include "support.h"

#include <kslock/irq.h>

#include <stdio.h>
#include <sys/wait.h>

enum { IRQ = 9, SHORT_LIVES = 1000, ROUNDS = 3000, WORKERS = 3 };

static int first_value, second_value; /* under sx */
static int torn;                      /* atomic */

static void use_under_bias(void)
{
    sx_init(&sx, "sandboxed");
    for (int i = 0; i < 20; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    ck_assert_uint_ne(LOAD(&sx.sx_lock) & KSL_WORD_SLOTS, 0);
}

static void share_once(void *arg)
{
    (void)arg;
    sx_slock(&sx);
    sx_sunlock(&sx);
}

START_TEST(threads_come_and_go)
{
    struct actor a;
    use_under_bias();
    ck_assert(refuse_membarrier());
    sx_xlock(&sx);
    sx_xunlock(&sx);
    for (int i = 0; i < SHORT_LIVES; i++) {
        actor_start(&a, share_once, NULL);
        actor_join(&a);
    }
    ck_assert(sx_try_xlock(&sx));
    sx_xunlock(&sx);
}
END_TEST

/* The share was taken by the inlined path, before. */
START_TEST(writer_waits_for_a_share_from_before)
{
    struct actor reader;
    use_under_bias();
    start_sharer(&reader);
    ck_assert(refuse_membarrier());
    ck_assert_int_eq(sx_try_xlock(&sx), 0);
    check_writer_waits(&reader);
}
END_TEST

static void read_and_write(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (i % 16 == 0) {
            sx_xlock(&sx);
            first_value++;
            second_value++;
            sx_xunlock(&sx);
            continue;
        }
        sx_slock(&sx);
        if (first_value != second_value)
            ADD(&torn, 1);
        sx_sunlock(&sx);
    }
}

START_TEST(locks_go_on_while_it_is_taken_away)
{
    struct actor a[WORKERS];
    use_under_bias();
    for (int i = 0; i < WORKERS; i++)
        actor_start(&a[i], read_and_write, NULL);
    ck_assert(refuse_membarrier());
    for (int i = 0; i < WORKERS; i++)
        actor_join(&a[i]);
    for (int i = 0; i < WORKERS; i++)
        actor_start(&a[i], read_and_write, NULL);
    for (int i = 0; i < WORKERS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(torn, 0);
    ck_assert_int_eq(first_value, 2 * WORKERS * ((ROUNDS + 15) / 16));
    ck_assert_int_eq(first_value, second_value);
}
END_TEST

static int handled; /* atomic */

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&handled, 1);
}

START_TEST(irq_free_goes_on)
{
    use_under_bias();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
    ck_assert(refuse_membarrier());
    for (int i = 0; i < 20; i++) {
        ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
        ck_assert_int_eq(ksl_irq_free(IRQ), 0);
        ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
    }
    ck_assert_int_eq(LOAD(&handled), 20);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

START_TEST(fork_goes_on)
{
    int status = -1;
    use_under_bias();
    ck_assert(refuse_membarrier());
    pid_t pid = fork();
    if (pid == 0) {
        share_once(NULL);
        sx_xlock(&sx);
        _exit(sx_xlocked(&sx) ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    share_once(NULL);
}
END_TEST

static bool possible(void)
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0)
        _exit(refuse_membarrier() ? 0 : 1);
    return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
    if (!possible()) {
        fprintf(stderr, "system calls cannot be refused here\n");
        return 77;
    }
    Suite *s = suite_create("regress_rw_sandbox");
    TCase *tc = tcase_create("no membarrier any more");
    tcase_add_test(tc, threads_come_and_go);
    tcase_add_test(tc, writer_waits_for_a_share_from_before);
    tcase_add_test(tc, locks_go_on_while_it_is_taken_away);
    tcase_add_test(tc, irq_free_goes_on);
    tcase_add_test(tc, fork_goes_on);
    suite_add_tcase(s, tc);
    return support_run(s);
}
