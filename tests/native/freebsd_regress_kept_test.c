/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: the interlock of a sleep, which a handler has taken for the
 * sleeper and kept, was not taken again without a word, or waited for without end.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>

#include "support.h"

enum { IRQ = 7, IRQ_LEVEL = 5 };

enum way { SHARE, EXCLUSIVE, MUTEX, SPIN };

struct scene {
    enum way sleeper, handler;
    bool recursive;
    bool refused; /* the sleeper's own hold */
    int holds;    /* that it has to give back */
};

static const struct scene scenes[] = {
    {EXCLUSIVE, EXCLUSIVE, false, true, 1}, {EXCLUSIVE, EXCLUSIVE, true, false, 2},
    {EXCLUSIVE, SHARE, false, true, 1},     {EXCLUSIVE, SHARE, true, true, 1},
    {SHARE, EXCLUSIVE, false, true, 1},     {SHARE, EXCLUSIVE, true, true, 1},
    {SHARE, SHARE, false, false, 2},        {MUTEX, MUTEX, false, true, 1},
    {MUTEX, MUTEX, true, false, 2},         {SPIN, SPIN, false, true, 1},
    {SPIN, SPIN, true, false, 2},
};
enum { SCENES = sizeof scenes / sizeof *scenes };

static const struct scene *scene;
static struct sx sx;
static struct mtx mtx;
static int chan;
static int taken; /* atomic */

static void take(enum way way)
{
    switch (way) {
    case SHARE:
        STORE(&taken, sx_try_slock(&sx));
        break;
    case EXCLUSIVE:
        STORE(&taken, sx_try_xlock(&sx));
        break;
    case MUTEX:
        STORE(&taken, mtx_trylock(&mtx));
        break;
    default:
        STORE(&taken, mtx_trylock_spin(&mtx));
        break;
    }
}

static void give(enum way way)
{
    if (way == MUTEX)
        mtx_unlock(&mtx);
    else if (way == SPIN)
        mtx_unlock_spin(&mtx);
    else if (way == SHARE)
        sx_sunlock(&sx);
    else
        sx_xunlock(&sx);
}

static void take_and_keep(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    take(scene->handler);
}

/* The rest of what it holds is told when it exits. */
static void sleep_and_give(void *arg)
{
    int *result = arg;
    take(scene->sleeper);
    if (scene->sleeper == SPIN)
        *result = msleep_spin(&chan, &mtx, "kept", 0);
    else if (scene->sleeper == MUTEX)
        *result = mtx_sleep(&chan, &mtx, 0, "kept", 0);
    else
        *result = sx_sleep(&chan, &sx, 0, "kept", 0);
    for (int i = 0; i < scene->holds; i++)
        give(scene->handler);
    ksl_irq_restore(0);
}

START_TEST(sleep_R40_a_handler_has_taken_the_interlock_and_kept_it)
{
    struct actor a;
    int result = -1;
    scene = &scenes[_i];
    sx_init_flags(&sx, "interlock", scene->recursive ? SX_RECURSE : 0);
    mtx_init(&mtx, "interlock", NULL,
             (scene->sleeper == SPIN ? MTX_SPIN : MTX_DEF) |
                 (scene->recursive ? MTX_RECURSE : 0));
    recorder_start();
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, take_and_keep, NULL), 0);
    actor_start(&a, sleep_and_give, &result);
    wait_asleep(a.thread);
    STORE(&taken, 0);
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, IRQ), 0);
    WAIT_UNTIL(LOAD(&taken) != 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0); /* the handler has returned */
    wakeup(&chan);
    actor_join(&a);
    ck_assert_int_eq(result, 0); /* it has been woken, whatever came then */
    ck_assert_uint_eq(recorder_count("recursion"), scene->refused);
    ck_assert_msg(recorder_count(NULL) == scene->refused, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    sx_destroy(&sx);
    mtx_destroy(&mtx);
    ck_assert_uint_eq(recorder_count(NULL), scene->refused);
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd regress kept");
    TCase *tc = tcase_create("kept");
    tcase_add_loop_test(tc, sleep_R40_a_handler_has_taken_the_interlock_and_kept_it, 0,
                        SCENES);
    suite_add_tcase(s, tc);
    return support_run(s);
}
