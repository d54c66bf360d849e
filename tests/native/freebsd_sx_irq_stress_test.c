/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): a handler finds the lock held or not, never in between. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/irq.h>

#include "support.h"

#include <sched.h>

enum { IRQ = 7, IRQ_LEVEL = 5, RUNS = 1000, LOCKS = 24 };

static struct {
    struct sx sx[LOCKS];
    ksl_thread *target;
    int ran;     /* atomic: handlers */
    int bad;     /* atomic */
    int stop;    /* atomic */
    int held[3]; /* atomic: found free, shared, held */
} all;

static void expect(bool right)
{
    if (!right)
        ADD(&all.bad, 1);
}

/* Interrupts the target as often as it lets itself be interrupted. */
static void disturb(void *arg)
{
    (void)arg;
    while (!LOAD(&all.stop)) {
        int before = LOAD(&all.ran);
        expect(ksl_irq_raise_on(all.target, IRQ) == 0);
        uint64_t state = 0;
        while (LOAD(&all.ran) == before && !LOAD(&all.stop) &&
               support_keep_waiting(&state)) {
        }
    }
}

/*
 * Nobody else uses this lock: what the handler cannot take, its own thread
 * has. Leaves all as it was.
 */
static void probe_private(struct sx *sx)
{
    if (sx_xlocked(sx) != 0) {
        ADD(&all.held[2], 1);
        expect(sx_try_slock(sx) == 0);
        sx_downgrade(sx);
        sx_assert(sx, SA_SLOCKED);
        expect(sx_try_upgrade(sx) == 1);
    } else if (sx_try_xlock(sx) != 0) {
        ADD(&all.held[0], 1);
        sx_assert(sx, SA_XLOCKED | SA_NOTRECURSED);
        sx_xunlock(sx);
    } else {
        ADD(&all.held[1], 1);
        sx_assert(sx, SA_SLOCKED);
        expect(sx_try_slock(sx) == 1);
        sx_sunlock(sx);
        sx_assert(sx, SA_SLOCKED);
    }
}

static void on_private(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    int n = ADD(&all.ran, 1);
    probe_private(&all.sx[0]);
    probe_private(&all.sx[n % LOCKS]);
}

/* Others use the lock too: takes and gives back what can be had. */
static void on_contended(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    struct sx *sx = &all.sx[0];
    ADD(&all.ran, 1);
    if (sx_try_xlock(sx) != 0) {
        sx_assert(sx, SA_XLOCKED | SA_NOTRECURSED);
        sx_xunlock(sx);
    } else if (sx_try_slock(sx) != 0) {
        sx_assert(sx, SA_SLOCKED);
        sx_sunlock(sx);
    }
}

static void use_all(int i)
{
    struct sx *sx = &all.sx[i % LOCKS];
    sx_slock(&all.sx[0]);
    sx_slock(sx);
    sx_sunlock(&all.sx[0]);
    sx_unlock(sx);
    sx_xlock(&all.sx[0]);
    sx_downgrade(&all.sx[0]);
    (void)sx_try_upgrade(&all.sx[0]);
    sx_unlock(&all.sx[0]);
    sx_xlock(sx);
    sx_xunlock(sx);
    if (sx_try_slock(sx) != 0)
        sx_sunlock(sx);
    if (sx_try_xlock(sx) != 0)
        sx_xunlock(sx);
}

static void use_until_stopped(void *arg)
{
    (void)arg;
    for (int i = 0; !LOAD(&all.stop); i++) {
        if (i % 4 == 0) {
            sx_xlock(&all.sx[0]);
            sx_xunlock(&all.sx[0]);
        } else {
            sx_slock(&all.sx[0]);
            sx_sunlock(&all.sx[0]);
        }
        if (i % 32 == 0)
            sched_yield();
    }
}

static void setup(ksl_irq_handler handler)
{
    recorder_start();
    for (int i = 0; i < LOCKS; i++)
        sx_init(&all.sx[i], "interrupted");
    all.target = ksl_thread_self();
    all.ran = all.bad = all.stop = 0;
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, handler, NULL), 0);
}

static void run_and_check(void)
{
    struct actor a;
    uint64_t state = 0;
    actor_start(&a, disturb, NULL);
    for (int i = 0; LOAD(&all.ran) < RUNS; i++) {
        use_all(i);
        if (i % 256 == 0)
            ck_assert_msg(support_keep_waiting(&state), "%d handlers", LOAD(&all.ran));
    }
    STORE(&all.stop, 1);
    actor_join(&a);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

static void teardown(void)
{
    ck_assert_int_eq(all.bad, 0);
    ck_assert_msg(recorder_count(NULL) == 0, "%u violations, last %s",
                  recorder_count(NULL), recorder_last().message);
    for (int i = 0; i < LOCKS; i++) {
        ck_assert_int_eq(sx_try_xlock(&all.sx[i]), 1);
        sx_xunlock(&all.sx[i]);
        sx_destroy(&all.sx[i]);
    }
}

START_TEST(sx_handlers_meet_no_half_done_call)
{
    setup(on_private);
    run_and_check();
    ck_assert_int_gt(all.held[0] + all.held[1] + all.held[2], 0);
    teardown();
}
END_TEST

START_TEST(sx_handlers_and_other_threads_at_once)
{
    struct actor other;
    setup(on_contended);
    actor_start(&other, use_until_stopped, NULL);
    run_and_check();
    actor_join(&other);
    teardown();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx under interrupts");
    TCase *tc = tcase_create("irq");
    tcase_set_timeout(tc, 180);
    tcase_add_test(tc, sx_handlers_meet_no_half_done_call);
    tcase_add_test(tc, sx_handlers_and_other_threads_at_once);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
