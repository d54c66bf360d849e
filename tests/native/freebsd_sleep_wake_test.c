/* SPDX-License-Identifier: BSD-2-Clause */
/* Who is woken, by whom, through which channel: rules 32, 47 to 50. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "support.h"

#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5 };

typedef void wake_call(const void *);

struct sleeper {
    const void *chan;
    struct sx *sx; /* NULL: no interlock */
    int priority;
    struct actor actor;
    int result;
};

static void sleep_once(void *arg)
{
    struct sleeper *s = arg;
    if (s->sx != NULL) {
        sx_xlock(s->sx);
        s->result = sx_sleep(s->chan, s->sx, s->priority, "wake", 0);
        sx_xunlock(s->sx);
    } else {
        s->result = tsleep(s->chan, s->priority | PNOLOCK, "wake", 0);
    }
}

static void start_asleep(struct sleeper *s, const void *chan)
{
    s->chan = chan;
    s->result = -1;
    actor_start(&s->actor, sleep_once, s);
    wait_asleep(s->actor.thread);
}

static void check_no_violation(void)
{
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", recorder_last().rule,
                  recorder_last().message);
    recorder_stop();
}

START_TEST(wakeup_R47_wakes_all_of_its_channel_and_no_others)
{
    int chan[2];
    struct sleeper s[8];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 8; i++)
        start_asleep(&s[i], &chan[i % 2]);
    wakeup(&chan[0]);
    for (int i = 0; i < 8; i += 2)
        CHECK_RESULT(&s[i], 0);
    for (int i = 1; i < 8; i += 2)
        CHECK_ASLEEP(&s[i]);
    wakeup(&chan[1]);
    for (int i = 1; i < 8; i += 2)
        CHECK_RESULT(&s[i], 0);
}
END_TEST

START_TEST(wakeup_one_R47_first_in_first_out_among_equals)
{
    int chan;
    struct sleeper s[5];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 5; i++) {
        /* The priority argument changes nothing. */
        s[i].priority = i % 2 ? PSWP : PPAUSE;
        start_asleep(&s[i], &chan);
    }
    for (int i = 0; i < 5; i++) {
        wakeup_one(&chan);
        CHECK_RESULT(&s[i], 0);
        for (int k = i + 1; k < 5; k++)
            CHECK_ASLEEP(&s[k]);
    }
}
END_TEST

START_TEST(wakeup_one_R47_most_urgent_first_as_of_now)
{
    static const int at_sleep[5] = {50, 0, 99, 7, 50};
    static const int at_wake[5] = {0, 50, 7, 99, 50};
    static const int order[5] = {3, 1, 4, 2, 0};
    int chan;
    struct sleeper s[5];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 5; i++) {
        start_asleep(&s[i], &chan);
        ck_assert_int_eq(ksl_thread_set_priority(s[i].actor.thread, at_sleep[i]), 0);
    }
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(ksl_thread_set_priority(s[i].actor.thread, at_wake[i]), 0);
    for (int i = 0; i < 5; i++) {
        wakeup_one(&chan);
        CHECK_RESULT(&s[order[i]], 0);
        for (int k = i + 1; k < 5; k++)
            CHECK_ASLEEP(&s[order[k]]);
    }
}
END_TEST

struct urgent {
    struct sleeper sleeper;
    int prio;
};

static void sleep_urgently(void *arg)
{
    struct urgent *u = arg;
    (void)ksl_thread_set_priority(ksl_thread_self(), u->prio);
    sleep_once(&u->sleeper);
}

START_TEST(wakeup_one_R47_most_urgent_first_by_priority_at_the_sleep)
{
    static const int prio[4] = {3, 9, 3, 40};
    static const int order[4] = {3, 1, 0, 2};
    int chan;
    struct urgent u[4];
    memset(u, 0, sizeof u);
    for (int i = 0; i < 4; i++) {
        u[i].prio = prio[i];
        u[i].sleeper.chan = &chan;
        actor_start(&u[i].sleeper.actor, sleep_urgently, &u[i]);
        wait_asleep(u[i].sleeper.actor.thread);
    }
    for (int i = 0; i < 4; i++) {
        wakeup_one(&chan);
        CHECK_RESULT(&u[order[i]].sleeper, 0);
        for (int k = i + 1; k < 4; k++)
            CHECK_ASLEEP(&u[order[k]].sleeper);
    }
}
END_TEST

START_TEST(wakeup_any_R47_wakes_one_the_latest)
{
    int chan;
    struct sleeper s[4];
    memset(s, 0, sizeof s);
    for (int i = 0; i < 4; i++)
        start_asleep(&s[i], &chan);
    for (int i = 3; i >= 0; i--) {
        wakeup_any(&chan);
        CHECK_RESULT(&s[i], 0);
        for (int k = i - 1; k >= 0; k--)
            CHECK_ASLEEP(&s[k]);
    }
}
END_TEST

static void a_function(void)
{
}

START_TEST(sleep_R49_any_address_is_a_channel)
{
    static const char text[] = "channel";
    struct sx sx;
    sx_init(&sx, "interlock");
    recorder_start();
    const void *const chan[] = {&sx,
                                (char *)&sx + 1,
                                (const void *)(uintptr_t)&sx.sx_lock,
                                (void *)(uintptr_t)1,
                                (void *)UINTPTR_MAX,
                                (void *)(uintptr_t)a_function,
                                text,
                                text + 3};
    enum { CHANNELS = sizeof chan / sizeof chan[0] };
    struct sleeper s[CHANNELS];
    memset(s, 0, sizeof s);
    for (int i = 0; i < CHANNELS; i++) {
        s[i].sx = &sx;
        start_asleep(&s[i], chan[i]);
    }
    for (int i = 0; i < CHANNELS; i++) {
        wakeup(chan[i]);
        CHECK_RESULT(&s[i], 0);
        for (int k = i + 1; k < CHANNELS; k++)
            CHECK_ASLEEP(&s[k]);
    }
    sx_destroy(&sx);
    check_no_violation();
}
END_TEST

struct contender {
    struct sx *sx;
    struct mtx *mtx;
    struct actor actor;
    int got;
};

static void contend(void *arg)
{
    struct contender *c = arg;
    if (c->sx != NULL) {
        sx_xlock(c->sx);
        STORE(&c->got, 1);
        sx_xunlock(c->sx);
    } else {
        mtx_lock(c->mtx);
        STORE(&c->got, 1);
        mtx_unlock(c->mtx);
    }
}

/* A wake-up through a lock's address concerns sleepers, the unlock waiters. */
static void check_both_queues(struct contender *c, const void *chan)
{
    struct sleeper s = {0};
    actor_start(&c->actor, contend, c);
    wait_asleep(c->actor.thread);
    start_asleep(&s, chan);
    wakeup(chan);
    CHECK_RESULT(&s, 0);
    wakeup(chan);
    wait_asleep(c->actor.thread);
    ck_assert_int_eq(LOAD(&c->got), 0);
    memset(&s, 0, sizeof s);
    start_asleep(&s, chan);
    if (c->sx != NULL)
        sx_xunlock(c->sx);
    else
        mtx_unlock(c->mtx);
    actor_join(&c->actor);
    ck_assert_int_eq(c->got, 1);
    CHECK_ASLEEP(&s);
    wakeup_one(chan);
    CHECK_RESULT(&s, 0);
}

START_TEST(sleep_R32_lock_queues_and_channels_are_separate)
{
    struct sx sx;
    struct mtx mtx;
    sx_init(&sx, "sx");
    mtx_init(&mtx, "mtx", NULL, MTX_DEF);
    recorder_start();
    for (int i = 0; i < 2; i++) {
        struct contender c = {.sx = &sx}, d = {.mtx = &mtx};
        sx_xlock(&sx);
        check_both_queues(&c, i ? (const void *)(uintptr_t)&sx.sx_lock : &sx);
        mtx_lock(&mtx);
        check_both_queues(&d, i ? (const void *)(uintptr_t)&mtx.mtx_lock : &mtx);
    }
    mtx_destroy(&mtx);
    sx_destroy(&sx);
    check_no_violation();
}
END_TEST

START_TEST(wakeup_R48_with_and_without_locks_held)
{
    struct sx sx;
    struct mtx mtx, spin;
    int chan;
    sx_init(&sx, "sx");
    mtx_init(&mtx, "mtx", NULL, MTX_DEF);
    mtx_init(&spin, "spin", NULL, MTX_SPIN);
    recorder_start();
    for (int i = 0; i < 3; i++) {
        struct sleeper s = {.sx = &sx};
        start_asleep(&s, &chan);
        if (i == 1)
            mtx_lock(&mtx);
        if (i == 2)
            mtx_lock_spin(&spin);
        wakeup(&chan);
        if (i == 2)
            mtx_unlock_spin(&spin);
        if (i == 1)
            mtx_unlock(&mtx);
        CHECK_RESULT(&s, 0);
    }
    check_no_violation();
}
END_TEST

static wake_call *const wake_calls[] = {wakeup, wakeup_one, wakeup_any};

struct waker {
    wake_call *call;
    const void *chan;
    int ran;
};

static void wake_in_handler(int irq, void *arg)
{
    struct waker *w = arg;
    (void)irq;
    if (w->chan != NULL)
        w->call(w->chan);
    ADD(&w->ran, 1);
}

static void request(struct waker *w)
{
    recorder_start();
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, wake_in_handler, w), 0);
}

static void free_irq(void)
{
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    check_no_violation();
}

START_TEST(wakeup_R48_in_a_handler)
{
    int chan;
    struct sleeper s = {0};
    struct waker w = {.call = wake_calls[_i], .chan = &chan};
    request(&w);
    start_asleep(&s, &chan);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&w.ran), 1);
    CHECK_RESULT(&s, 0);
    free_irq();
}
END_TEST

START_TEST(wakeup_R48_in_a_handler_on_the_sleeper_itself)
{
    int chan;
    struct sx sx;
    sx_init(&sx, "interlock");
    for (int locking = 0; locking < 2; locking++) {
        struct sleeper s = {.sx = locking ? &sx : NULL};
        struct waker w = {.call = wake_calls[_i], .chan = &chan};
        request(&w);
        start_asleep(&s, &chan);
        ck_assert_int_eq(ksl_irq_raise_on(s.actor.thread, IRQ), 0);
        CHECK_RESULT(&s, 0);
        ck_assert_int_eq(LOAD(&w.ran), 1);
        free_irq();
    }
    sx_destroy(&sx);
}
END_TEST

START_TEST(sleep_R48_an_interrupt_alone_does_not_end_it)
{
    int chan;
    struct sleeper s = {0};
    struct waker w = {.call = wakeup, .chan = NULL};
    request(&w);
    start_asleep(&s, &chan);
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(ksl_irq_raise_on(s.actor.thread, IRQ), 0);
        WAIT_UNTIL(LOAD(&w.ran) == i);
        CHECK_ASLEEP(&s);
    }
    wakeup(&chan);
    CHECK_RESULT(&s, 0);
    free_irq();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd wakeup");
    TCase *tc = tcase_create("rules");
    tcase_add_test(tc, wakeup_R47_wakes_all_of_its_channel_and_no_others);
    tcase_add_test(tc, wakeup_one_R47_first_in_first_out_among_equals);
    tcase_add_test(tc, wakeup_one_R47_most_urgent_first_as_of_now);
    tcase_add_test(tc, wakeup_one_R47_most_urgent_first_by_priority_at_the_sleep);
    tcase_add_test(tc, wakeup_any_R47_wakes_one_the_latest);
    tcase_add_test(tc, sleep_R49_any_address_is_a_channel);
    tcase_add_test(tc, sleep_R32_lock_queues_and_channels_are_separate);
    tcase_add_test(tc, wakeup_R48_with_and_without_locks_held);
    tcase_add_loop_test(tc, wakeup_R48_in_a_handler, 0, 3);
    tcase_add_loop_test(tc, wakeup_R48_in_a_handler_on_the_sleeper_itself, 0, 3);
    tcase_add_test(tc, sleep_R48_an_interrupt_alone_does_not_end_it);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
