/* SPDX-License-Identifier: BSD-2-Clause */
/* Rule 39: queued first, released second. Turns and tokens, many of them. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <sys/condvar.h>

#include <kslock/signal.h>
#include <kslock/violation.h>

#include "support.h"

#include <string.h>

enum { ROUNDS = 20000 / TEST_SHARE, STEP = 500, SIGNO = 5 };

/* The interlock, and where the wake-up happens. */
enum how { SX_EXCLUSIVE, SX_SHARED, BY_MTX, CV_SX, CV_SX_SHARED, CV_MTX, HOWS };

static struct sx sx;
static struct mtx mtx;
static struct cv cv;

static void setup(void)
{
    sx_init(&sx, "sx");
    mtx_init(&mtx, "mtx", NULL, MTX_DEF);
    cv_init(&cv, "cv");
    recorder_start();
}

static void teardown(void)
{
    cv_destroy(&cv);
    mtx_destroy(&mtx);
    sx_destroy(&sx);
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

struct player {
    enum how how;
    bool wake_late; /* after the lock was released */
    int *turn;
    int me, other;
    int *count;
    struct actor actor;
};

static void lock(enum how how)
{
    if (how == BY_MTX || how == CV_MTX)
        mtx_lock(&mtx);
    else
        sx_xlock(&sx);
}

static void unlock(enum how how)
{
    if (how == BY_MTX || how == CV_MTX)
        mtx_unlock(&mtx);
    else
        sx_xunlock(&sx);
}

static void sleep_for(const struct player *p)
{
    switch (p->how) {
    case BY_MTX:
        (void)msleep(p->turn, &mtx, 0, "turn", 0);
        break;
    case CV_SX:
    case CV_SX_SHARED:
        cv_wait(&cv, &sx);
        break;
    case CV_MTX:
        cv_wait(&cv, &mtx);
        break;
    default:
        (void)sx_sleep(p->turn, &sx, 0, "turn", 0);
        break;
    }
}

static void wake(const struct player *p)
{
    if (p->how < CV_SX)
        wakeup(p->turn);
    else
        cv_broadcast(&cv);
}

static void wait_for_turn(const struct player *p)
{
    bool shared = p->how == SX_SHARED || p->how == CV_SX_SHARED;
    if (shared)
        sx_slock(&sx);
    else
        lock(p->how);
    while (LOAD(p->turn) != p->me)
        sleep_for(p);
    if (shared) {
        sx_sunlock(&sx);
        lock(p->how);
    }
}

static void play(void *arg)
{
    struct player *p = arg;
    for (int i = 0; i < ROUNDS; i++) {
        wait_for_turn(p);
        STORE(p->turn, p->other);
        if (!p->wake_late)
            wake(p);
        unlock(p->how);
        if (p->wake_late)
            wake(p);
        ADD(p->count, 1);
    }
}

START_TEST(sleep_R39_turns)
{
    int turn = 0, count = 0;
    struct player p[2];
    memset(p, 0, sizeof p);
    for (int i = 0; i < 2; i++)
        p[i] = (struct player){.how = (enum how)(_i / 2),
                               .wake_late = _i % 2 != 0,
                               .turn = &turn,
                               .me = i,
                               .other = 1 - i,
                               .count = &count};
    for (int i = 0; i < 2; i++)
        actor_start(&p[i].actor, play, &p[i]);
    for (int i = STEP; i <= 2 * ROUNDS; i += STEP)
        WAIT_UNTIL(LOAD(&count) >= i);
    for (int i = 0; i < 2; i++)
        actor_join(&p[i].actor);
    ck_assert_int_eq(count, 2 * ROUNDS);
}
END_TEST

/* ---- several sleepers, one wake-up for each token ---- */

enum { SLEEPERS = 4, BATCHES = 1500 / TEST_SHARE };

struct tokens {
    int left;      /* written under the exclusive lock */
    int taken;     /* atomic */
    int interrupt; /* atomic: signals that ended a sleep */
    int done;      /* atomic */
    bool by_cv;
};

struct taker {
    struct tokens *tokens;
    int catches; /* PCATCH: signals are posted to it */
    int timo;
    struct actor actor;
};

static int sleep_for_token(const struct taker *t)
{
    if (!t->tokens->by_cv)
        return sx_sleep(t->tokens, &sx, t->catches ? PCATCH : 0, "token", t->timo);
    if (t->catches && t->timo)
        return cv_timedwait_sig(&cv, &sx, t->timo);
    if (t->catches)
        return cv_wait_sig(&cv, &sx);
    if (t->timo)
        return cv_timedwait(&cv, &sx, t->timo);
    cv_wait(&cv, &sx);
    return 0;
}

static void take_tokens(void *arg)
{
    struct taker *t = arg;
    sx_xlock(&sx);
    while (!LOAD(&t->tokens->done)) {
        if (t->tokens->left > 0) {
            t->tokens->left--;
            ADD(&t->tokens->taken, 1);
        } else if (sleep_for_token(t) == EINTR) {
            (void)ksl_signal_take();
            ADD(&t->tokens->interrupt, 1);
        }
    }
    sx_xunlock(&sx);
}

static void put_tokens(struct tokens *t, int n)
{
    for (int i = 0; i < n; i++) {
        sx_xlock(&sx);
        t->left++;
        if (t->by_cv)
            cv_signal(&cv);
        else
            wakeup_one(t);
        sx_xunlock(&sx);
    }
}

static void finish_takers(struct tokens *t, struct taker *taker)
{
    sx_xlock(&sx);
    STORE(&t->done, 1);
    sx_xunlock(&sx);
    wakeup(t);
    cv_broadcast(&cv);
    for (int i = 0; i < SLEEPERS; i++)
        actor_join(&taker[i].actor);
}

/* All tokens of a batch are taken: a wake-up that is lost leaves one. */
START_TEST(sleep_R39_R47_tokens)
{
    int total = 0;
    struct tokens t = {.by_cv = _i != 0};
    struct taker taker[SLEEPERS];
    memset(taker, 0, sizeof taker);
    for (int i = 0; i < SLEEPERS; i++) {
        taker[i].tokens = &t;
        actor_start(&taker[i].actor, take_tokens, &taker[i]);
    }
    for (int i = 0; i < BATCHES; i++) {
        put_tokens(&t, 1 + i % SLEEPERS);
        total += 1 + i % SLEEPERS;
        WAIT_UNTIL(LOAD(&t.taken) == total);
    }
    finish_takers(&t, taker);
    ck_assert_int_eq(t.taken, total);
}
END_TEST

/* The same with sleepers that time out or are interrupted all the time. */
START_TEST(sleep_R39_R44_tokens_with_signals_and_timeouts)
{
    int total = 0;
    struct tokens t = {.by_cv = _i != 0};
    struct taker taker[SLEEPERS];
    memset(taker, 0, sizeof taker);
    for (int i = 0; i < SLEEPERS; i++) {
        taker[i].tokens = &t;
        taker[i].catches = i % 2;
        taker[i].timo = i / 2;
        actor_start(&taker[i].actor, take_tokens, &taker[i]);
    }
    for (int i = 0; i < BATCHES; i++) {
        for (int k = 1; k < SLEEPERS; k += 2)
            (void)ksl_signal_post(taker[k].actor.thread, SIGNO);
        put_tokens(&t, 1 + i % SLEEPERS);
        total += 1 + i % SLEEPERS;
        WAIT_UNTIL(LOAD(&t.taken) == total);
    }
    WAIT_UNTIL(LOAD(&t.interrupt) > 0);
    finish_takers(&t, taker);
    ck_assert_int_eq(t.taken, total);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sleep stress");
    TCase *tc = tcase_create("stress");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, sleep_R39_turns, 0, 2 * HOWS);
    tcase_add_loop_test(tc, sleep_R39_R47_tokens, 0, 2);
    tcase_add_loop_test(tc, sleep_R39_R44_tokens_with_signals_and_timeouts, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
