/* SPDX-License-Identifier: BSD-2-Clause */
/* F15: a timed wait returns without its interlock. F3 with channels. */

#include "bugs.h"

#include "diag/slots.h"

#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

static struct sx sx;
static struct mtx mtx;
static struct mtx spin;
static struct cv cv;
static int channel;
static int ready; /* under its interlock */

/* Each takes its interlock, sleeps a tick, and says whether it has the interlock. */

static int by_sx(void *timo)
{
    sx_xlock(&sx);
    int error = sx_sleep(&channel, &sx, 0, "f15", (int)(intptr_t)timo);
    int held = sx_xholder(&sx) == curthread;
    if (held)
        sx_xunlock(&sx);
    return held ? error : -1;
}

static int by_shared_sx(void *timo)
{
    sx_slock(&sx);
    int error = sx_sleep(&channel, &sx, 0, "f15", (int)(intptr_t)timo);
    int held = ksi_share_find(ksl_thread_self(), &sx.sx_lock) != NULL;
    if (held)
        sx_sunlock(&sx);
    return held ? error : -1;
}

static int by_mtx(void *timo)
{
    mtx_lock(&mtx);
    int error = msleep(&channel, &mtx, 0, "f15", (int)(intptr_t)timo);
    int held = mtx_owned(&mtx);
    if (held)
        mtx_unlock(&mtx);
    return held ? error : -1;
}

static int by_spin(void *timo)
{
    mtx_lock_spin(&spin);
    int error = msleep_spin(&channel, &spin, "f15", (int)(intptr_t)timo);
    int held = mtx_owned(&spin);
    if (held)
        mtx_unlock_spin(&spin);
    return held ? error : -1;
}

static int by_cv(void *timo)
{
    mtx_lock(&mtx);
    int error = cv_timedwait(&cv, &mtx, (int)(intptr_t)timo);
    int held = mtx_owned(&mtx);
    if (held)
        mtx_unlock(&mtx);
    return held ? error : -1;
}

static const call_fn ways[] = {by_sx, by_shared_sx, by_mtx, by_spin, by_cv};
enum { WAYS = sizeof ways / sizeof *ways };

static void setup(void)
{
    sx_init(&sx, "f15");
    mtx_init(&mtx, "f15", NULL, MTX_DEF);
    mtx_init(&spin, "f15 spin", NULL, MTX_SPIN);
    cv_init(&cv, "f15");
}

START_TEST(f15_a_wait_that_times_out_has_its_interlock)
{
    struct puppet p;
    setup();
    puppet_start(&p);
    for (int i = 0; i < WAYS; i++) {
        mark_point();
        ck_assert_int_eq(ask(&p, ways[i], (void *)(intptr_t)1), EWOULDBLOCK);
    }
    puppet_end(&p);
}
END_TEST

static int hold_mtx(void *unused)
{
    (void)unused;
    mtx_lock(&mtx);
    return 0;
}

static int give_mtx(void *unused)
{
    (void)unused;
    mtx_unlock(&mtx);
    return 0;
}

/* Somebody else has the interlock when the time is over. */
START_TEST(f15_a_wait_that_times_out_waits_for_its_interlock)
{
    struct puppet p[2];
    setup();
    puppets_start(p, 2);
    bug_stop(0, "wait: give up", &p[0]);
    tell(&p[0], by_cv, (void *)(intptr_t)1);
    bug_await_stop(0);
    ck_assert_int_eq(ask(&p[1], hold_mtx, NULL), 0);
    bug_go(0);
    wait_asleep(p[0].actor.thread);
    ck_assert(!done(&p[0]));
    ck_assert_int_eq(ask(&p[1], give_mtx, NULL), 0);
    ck_assert_int_eq(answer(&p[0]), EWOULDBLOCK);
    puppets_end(p, 2);
}
END_TEST

static int sleep_until_ready(void *unused)
{
    (void)unused;
    sx_xlock(&sx);
    int error = 0;
    while (ready == 0 && error == 0)
        error = sx_sleep(&channel, &sx, 0, "f03", 0);
    sx_xunlock(&sx);
    return error;
}

static int make_ready(void *unused)
{
    (void)unused;
    sx_xlock(&sx);
    ready = 1;
    wakeup(&channel);
    sx_xunlock(&sx);
    return 0;
}

/* Before it is queued, its interlock keeps those out who would wake it. */
START_TEST(f03_no_wake_up_between_the_interlock_and_the_queue)
{
    static const char *const where[] = {"channel: sleep", "channel: unlocked"};
    struct puppet p[2];
    setup();
    puppets_start(p, 2);
    for (int i = 0; i < 2; i++) {
        ready = 0;
        bug_stop(0, where[i], &p[0]);
        tell(&p[0], sleep_until_ready, NULL);
        bug_await_stop(0);
        tell(&p[1], make_ready, NULL);
        WAIT_UNTIL(done(&p[1]) || ksl_thread_asleep(p[1].actor.thread));
        bug_go(0);
        ck_assert_int_eq(answer(&p[0]), 0);
        ck_assert_int_eq(answer(&p[1]), 0);
    }
    puppets_end(p, 2);
}
END_TEST

void add_f15(void)
{
    BUG(f15_a_wait_that_times_out_has_its_interlock);
    BUG(f15_a_wait_that_times_out_waits_for_its_interlock);
    BUG(f03_no_wake_up_between_the_interlock_and_the_queue);
}
