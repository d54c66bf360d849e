/* SPDX-License-Identifier: BSD-2-Clause */
/* Slow paths of AIX's events (T80 to T85), and of its saved contexts (T27, trap 18). */

#include "bugs.h"

#include <errno.h>
#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>
#include <sys/types.h>

enum { SIGNO = 5 };

static tid_t event = EVENT_NULL;
static lock_t word = LOCK_AVAIL;

static void post(unsigned long events, const struct puppet *p)
{
    et_post(events, (tid_t)ksl_thread_id(p->actor.thread));
}

struct wait {
    unsigned long mask;
    int flags;
};

/* What it gets of them, at most 16 events. */
static int wait_posts(void *arg)
{
    const struct wait *w = arg;
    return (int)et_wait(w->mask, w->mask, w->flags);
}

START_TEST(path_posts_before_the_wait_add_up)
{
    struct wait both = {6, EVENT_SHORT};
    struct puppet p;
    puppet_start(&p);
    post(2, &p);
    post(4, &p);
    ck_assert_int_eq(ask(&p, wait_posts, &both), 6);
    tell_blocked(&p, wait_posts, &both);
    post(2, &p);
    ck_assert_int_eq(answer(&p), 2);
    puppet_end(&p);
}
END_TEST

START_TEST(path_a_wait_that_a_signal_ends_clears_the_posts)
{
    struct wait other = {1, EVENT_SIGRET}, both = {6, EVENT_SHORT};
    struct puppet p;
    puppet_start(&p);
    post(6, &p);
    tell_blocked(&p, wait_posts, &other);
    ck_assert_int_eq(ksl_signal_post(p.actor.thread, SIGNO), 0);
    ck_assert_int_eq(answer(&p), EVENT_SIG);
    ck_assert_int_eq(ask(&p, take_signals, NULL), 1);
    tell_blocked(&p, wait_posts, &both);
    post(2, &p);
    ck_assert_int_eq(answer(&p), 2);
    puppet_end(&p);
}
END_TEST

static int assert_wait(void *unused)
{
    (void)unused;
    e_assert_wait(&event, FALSE);
    return 0;
}

static int block(void *unused)
{
    (void)unused;
    return e_block_thread();
}

/* Between the queue and the sleep, and during it. */
START_TEST(path_e_clear_wait_ends_the_wait_with_its_result)
{
    struct puppet p;
    puppet_start(&p);
    for (int early = 0; early < 2; early++) {
        ck_assert_int_eq(ask(&p, assert_wait, NULL), 0);
        if (!early)
            tell_blocked(&p, block, NULL);
        e_clear_wait((tid_t)ksl_thread_id(p.actor.thread), THREAD_TIMED_OUT);
        if (early)
            tell(&p, block, NULL);
        ck_assert_int_eq(answer(&p), THREAD_TIMED_OUT);
    }
    puppet_end(&p);
}
END_TEST

static int sleep_locked(void *unused)
{
    (void)unused;
    if (lockl(&word, LOCK_SHORT) != LOCK_SUCC)
        return -1;
    return e_sleepl(&word, &event, EVENT_SIGRET);
}

static int try_word(void *unused)
{
    (void)unused;
    return lockl(&word, LOCK_NDELAY);
}

static int give_word(void *unused)
{
    (void)unused;
    unlockl(&word);
    return 0;
}

START_TEST(path_e_sleepl_that_a_signal_ends_has_its_lock)
{
    struct puppet p[2];
    puppets_start(p, 2);
    tell_blocked(&p[0], sleep_locked, NULL);
    ck_assert_int_eq(ask(&p[1], try_word, NULL), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[1], give_word, NULL), 0);
    ck_assert_int_eq(ksl_signal_post(p[0].actor.thread, SIGNO), 0);
    ck_assert_int_eq(answer(&p[0]), EVENT_SIG);
    ck_assert_int_eq(ask(&p[1], try_word, NULL), LOCK_FAIL);
    ck_assert_int_eq(ask(&p[0], give_word, NULL), 0);
    ck_assert_int_eq(ask(&p[1], try_word, NULL), LOCK_SUCC);
    ck_assert_int_eq(ask(&p[1], give_word, NULL), 0);
    puppets_end(p, 2);
}
END_TEST

enum { JUMPED = 1000 };

static int sleep_in_context(void *unused)
{
    (void)unused;
    label_t context;
    int jumped = setjmpx(&context);
    if (jumped != 0)
        return JUMPED + jumped;
    int result = e_sleep(&event, EVENT_SIGRET | EVENT_SIGWAKE);
    clrjmpx(&context);
    return result;
}

START_TEST(path_a_signal_returns_where_it_may_also_jump)
{
    struct puppet p;
    puppet_start(&p);
    tell_blocked(&p, sleep_in_context, NULL);
    ck_assert_int_eq(ksl_signal_post(p.actor.thread, SIGNO), 0);
    ck_assert_int_eq(answer(&p), EVENT_SIG);
    puppet_end(&p);
}
END_TEST

/* The interrupt priority afterwards. */
static int jump_out_of_disabled(void *unused)
{
    (void)unused;
    label_t context;
    if (setjmpx(&context) == 0) {
        (void)i_disable(INTMAX);
        (void)longjmpx(1);
    }
    int now = i_disable(INTMAX);
    i_enable(now);
    return now;
}

START_TEST(path_a_jump_brings_the_priority_back)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ask(&p, jump_out_of_disabled, NULL), INTBASE);
    puppet_end(&p);
}
END_TEST

static int jump_without_kernel_lock(void *unused)
{
    (void)unused;
    label_t context;
    (void)lockl(&kernel_lock, LOCK_SHORT);
    if (setjmpx(&context) == 0) {
        unlockl(&kernel_lock);
        (void)longjmpx(1);
    }
    return 0;
}

static int try_kernel_lock(void *unused)
{
    (void)unused;
    return lockl(&kernel_lock, LOCK_NDELAY);
}

static int give_kernel_lock(void *unused)
{
    (void)unused;
    unlockl(&kernel_lock);
    return 0;
}

START_TEST(path_a_jump_takes_kernel_lock_again)
{
    struct puppet p[2];
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], jump_without_kernel_lock, NULL), 0);
    ck_assert_int_eq(ask(&p[1], try_kernel_lock, NULL), LOCK_FAIL);
    ck_assert_int_eq(ask(&p[0], try_kernel_lock, NULL), LOCK_NEST);
    ck_assert_int_eq(ask(&p[0], give_kernel_lock, NULL), 0);
    puppets_end(p, 2);
}
END_TEST

/* 10 times the jumps out of the inner context, and what the outer one has got. */
static int jump_twice(void *unused)
{
    (void)unused;
    label_t outer, inner;
    volatile int inside = 0;
    int result = setjmpx(&outer);
    if (result == 0) {
        if (setjmpx(&inner) == 0)
            (void)longjmpx(1);
        inside = inside + 1;
        if (inside == 1)
            (void)longjmpx(2);
    }
    return 10 * inside + result;
}

START_TEST(path_a_context_serves_one_jump)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ask(&p, jump_twice, NULL), 12);
    puppet_end(&p);
}
END_TEST

void add_paths_of_events(void)
{
    BUG(path_posts_before_the_wait_add_up);
    BUG(path_a_wait_that_a_signal_ends_clears_the_posts);
    BUG(path_e_clear_wait_ends_the_wait_with_its_result);
    BUG(path_e_sleepl_that_a_signal_ends_has_its_lock);
    BUG(path_a_signal_returns_where_it_may_also_jump);
    BUG(path_a_jump_brings_the_priority_back);
    BUG(path_a_jump_takes_kernel_lock_again);
    BUG(path_a_context_serves_one_jump);
}
