/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ways through the library that programs seldom take: spinning locks that are watched,
 * waits that are prepared twice or belong to another kernel, signals opened by a handler.
 */

#include "puppet.h"

#include "lock/rw.h"
#include "thread/thread.h"

#include <kslock/cond.h>
#include <kslock/diag.h>
#include <kslock/irq.h>
#include <kslock/rwlock.h>
#include <kslock/signal.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>

#include <errno.h>
#include <string.h>
#include <time.h>

enum { IRQ = 12, LEVEL = 3, SIGNO = 9 };

static ksl_spinlock_t spin;
static ksl_rwlock_t rw;
static ksl_sleep_queue_t queue, other;

static int spin_take(void *l)
{
    ksl_spinlock_acquire(l);
    return 0;
}

static int spin_give(void *l)
{
    ksl_spinlock_release(l);
    return 0;
}

static int read_it(void *l)
{
    ksl_rwlock_acquire_read(l, NULL);
    return 0;
}

static int unread(void *l)
{
    ksl_rwlock_release_read(l, NULL);
    return 0;
}

static int write_it(void *l)
{
    ksl_rwlock_acquire_write(l, NULL);
    return 0;
}

static int unwrite(void *l)
{
    ksl_rwlock_release_write(l, NULL);
    return 0;
}

static bool naps(const struct puppet *p, const void *lock)
{
    return ksi_load_acq(&p->actor.thread->spins_on) == lock;
}

static void contend(struct puppet *p, void *lock, call_fn take, call_fn give,
                    call_fn other_take, call_fn other_give)
{
    ck_assert_int_eq(ask(&p[0], take, lock), 0);
    tell(&p[1], other_take, lock);
    WAIT_UNTIL(naps(&p[1], lock));
    ck_assert(!done(&p[1]));
    ck_assert_int_eq(ask(&p[0], give, lock), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], other_give, lock), 0);
}

/* Contended, with others watching, they still exclude and are told as held by nobody. */
START_TEST(watched_spinning_locks_exclude)
{
    static const char *const lists[] = {"stats=/dev/null", "order,stats=/dev/null",
                                        "order,hang=60"};
    struct puppet p[2];
    puppets_start(p, 2);
    recorder_start();
    ck_assert_int_eq(ksl_diag_enable(lists[_i]), 0);
    contend(p, &spin, spin_take, spin_give, spin_take, spin_give);
    contend(p, &rw, write_it, unwrite, read_it, unread);
    contend(p, &rw, write_it, unwrite, write_it, unwrite);
    contend(p, &rw, read_it, unread, write_it, unwrite);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_uint_eq(p[0].actor.thread->front.nholds, 0);
    ck_assert_uint_eq(p[1].actor.thread->front.nholds, 0);
    recorder_stop();
    puppets_end(p, 2);
}
END_TEST

/* With `hang`, who spins long shows since when. */
START_TEST(who_spins_long_shows_since_when)
{
    struct puppet p[2];
    puppets_start(p, 2);
    ck_assert_int_eq(ksl_diag_enable("hang=60"), 0);
    uint64_t before = support_now_ns();
    ck_assert_int_eq(ask(&p[0], spin_take, &spin), 0);
    tell(&p[1], spin_take, &spin);
    WAIT_UNTIL(naps(&p[1], &spin));
    uint64_t since = ksi_load(&p[1].actor.thread->spins_since);
    ck_assert_uint_ge(since, before);
    ck_assert_uint_le(since, support_now_ns());
    ck_assert_int_eq(ask(&p[0], spin_give, &spin), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], spin_give, &spin), 0);
    puppets_end(p, 2);
}
END_TEST

/* A thread that waits for itself is told, with `order`, in each combination of modes. */
static int write_over_read(void *l)
{
    ksl_rwlock_acquire_read(l, NULL);
    ksl_rwlock_acquire_write(l, NULL); /* refused */
    ksl_rwlock_release_read(l, NULL);
    return 0;
}

static int read_over_write(void *l)
{
    ksl_rwlock_acquire_write(l, NULL);
    ksl_rwlock_acquire_read(l, NULL); /* refused */
    ksl_rwlock_release_write(l, NULL);
    return 0;
}

START_TEST(with_order_a_rwlock_finds_who_waits_for_itself)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    recorder_start();
    ck_assert_int_eq(ask(&p, write_over_read, &rw), 0);
    ck_assert_uint_eq(recorder_count("recursion"), 1);
    ck_assert_int_eq(ask(&p, read_over_write, &rw), 0);
    ck_assert_uint_eq(recorder_count("recursion"), 2);
    ck_assert_uint_eq(rw.word, 0);
    recorder_stop();
    puppet_end(&p);
}
END_TEST

/* More than the record of holds has room for in the descriptor, by each pair of calls. */
enum { PAIRS = 5, DEEP = 20 };

static ksl_spinlock_t spins[DEEP];
static ksl_rwlock_t rws[DEEP];

static void take_by(int pair, int i, int *state)
{
    switch (pair) {
    case 0:
        ksl_spinlock_raw_acquire(&spins[i]);
        break;
    case 1:
        ksl_spinlock_acquire_preempt(&spins[i]);
        break;
    case 2:
        *state = ksl_spinlock_acquire_irq(&spins[i]);
        break;
    case 3:
        ksl_rwlock_acquire_read(&rws[i], state);
        break;
    default:
        ksl_rwlock_acquire_write(&rws[i], state);
        break;
    }
}

static void give_by(int pair, int i, int *state)
{
    switch (pair) {
    case 0:
        ksl_spinlock_raw_release(&spins[i]);
        break;
    case 1:
        ksl_spinlock_release_preempt(&spins[i]);
        break;
    case 2:
        ksl_spinlock_release_irq(&spins[i], *state);
        break;
    case 3:
        ksl_rwlock_release_read(&rws[i], state);
        break;
    default:
        ksl_rwlock_release_write(&rws[i], state);
        break;
    }
}

START_TEST(many_spinning_locks_are_held_at_a_time)
{
    const ksl_thread *t = ksl_thread_self();
    int states[DEEP] = {0};
    recorder_start();
    for (int i = 0; i < DEEP; i++)
        take_by(_i, i, &states[i]);
    ck_assert_uint_eq(t->front.nholds, DEEP);
    ck_assert_uint_eq(ksl_preempt_count(), _i == 1 ? DEEP : 0);
    ck_assert_int_eq(ksl_irq_enabled(), _i < 2);
    for (int i = DEEP - 1; i >= 0; i--)
        give_by(_i, i, &states[i]);
    ck_assert_uint_eq(t->front.nholds, 0);
    ck_assert_uint_eq(ksl_preempt_count(), 0);
    ck_assert(ksl_irq_enabled());
    for (int i = 0; i < DEEP; i++)
        ck_assert(spins[i].word == 0 && rws[i].word == 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

/* --- waits -------------------------------------------------------------------------- */

static int prepare_twice(void *unused)
{
    (void)unused;
    ksl_sleepq_prepare(&queue, 0);
    ksl_sleepq_prepare(&other, 0);
    return 0;
}

static int sleep_now(void *unused)
{
    (void)unused;
    return ksl_block();
}

/* The second one replaces the first: a wake-up of the first queue finds nobody. */
START_TEST(a_second_prepare_leaves_the_first_queue)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ask(&p, prepare_twice, NULL), 0);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0);
    tell_blocked(&p, sleep_now, NULL);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 0), 0);
    still_asleep(&p);
    ck_assert_uint_eq(ksl_sleepq_wake(&other, 0), 1);
    ck_assert_int_eq(answer(&p), 0);
    puppet_end(&p);
}
END_TEST

static int sleep_far(void *unused)
{
    (void)unused;
    struct timespec date = {.tv_sec = INT64_MAX};
    ksl_block_prepare(0);
    return ksl_block_until(&date);
}

START_TEST(a_date_past_the_end_of_the_clock_is_none)
{
    struct puppet p;
    puppet_start(&p);
    tell_blocked(&p, sleep_far, NULL);
    ck_assert_int_eq(ksl_block_wake(p.actor.thread), 1);
    ck_assert_int_eq(answer(&p), 0);
    puppet_end(&p);
}
END_TEST

static int in_handler_result;

static void calls_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ksl_block_unqueue(&queue); /* of the thread that it interrupts: refused in silence */
    ksl_block_cancel();
    STORE(&in_handler_result, 1);
}

/* What a handler must not undo is the wait of the thread that it has interrupted. */
START_TEST(a_handler_does_not_cancel_the_wait_of_its_thread)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, calls_in_handler, NULL), 0);
    ck_assert_int_eq(ask(&p, prepare_twice, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, IRQ), 0);
    WAIT_UNTIL(LOAD(&in_handler_result) == 1);
    tell_blocked(&p, sleep_now, NULL);
    ck_assert_uint_eq(ksl_sleepq_wake(&other, 1), 1);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    puppet_end(&p);
}
END_TEST

/* --- signals ------------------------------------------------------------------------ */

static int sleep_masking_signals(void *unused)
{
    (void)unused;
    (void)ksl_signal_mask(~(uint64_t)0);
    int result = ksl_sleepq_sleep(&queue, KSL_BLOCK_INTERRUPTIBLE);
    int signo = ksl_signal_take();
    return -result * 100 + signo;
}

static void open_signals(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    (void)ksl_signal_mask(0);
}

START_TEST(a_handler_that_opens_a_signal_ends_the_wait_of_its_thread)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, open_signals, NULL),
                     0);
    tell_blocked(&p, sleep_masking_signals, NULL);
    ck_assert_int_eq(ksl_signal_post(p.actor.thread, SIGNO), 0);
    still_asleep(&p);
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, IRQ), 0);
    ck_assert_int_eq(answer(&p), EINTR * 100 + SIGNO);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    puppet_end(&p);
}
END_TEST

static int ignored_is_pending(void *unused)
{
    (void)unused;
    return ksl_signal_pending() * 10 + (ksl_signal_take() != 0);
}

/* Posted first, ignored later: nothing is delivered, and the wait goes on. */
START_TEST(a_pending_signal_that_is_ignored_is_not_delivered)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ksl_signal_post(p.actor.thread, SIGNO), 0);
    ck_assert_int_eq(ksl_signal_action(SIGNO, KSL_SIGNAL_IGNORE), 0);
    ck_assert_int_eq(ask(&p, ignored_is_pending, NULL), 0);
    tell_blocked(&p, sleep_masking_signals, NULL);
    ck_assert_uint_eq(ksl_sleepq_wake(&queue, 1), 1);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(ksl_signal_action(SIGNO, 0), 0);
    puppet_end(&p);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rare_paths");
    TCase *c = tcase_create("rare_paths");
    tcase_add_loop_test(c, watched_spinning_locks_exclude, 0, 3);
    tcase_add_test(c, who_spins_long_shows_since_when);
    tcase_add_test(c, with_order_a_rwlock_finds_who_waits_for_itself);
    tcase_add_loop_test(c, many_spinning_locks_are_held_at_a_time, 0, PAIRS);
    tcase_add_test(c, a_second_prepare_leaves_the_first_queue);
    tcase_add_test(c, a_date_past_the_end_of_the_clock_is_none);
    tcase_add_test(c, a_handler_does_not_cancel_the_wait_of_its_thread);
    tcase_add_test(c, a_handler_that_opens_a_signal_ends_the_wait_of_its_thread);
    tcase_add_test(c, a_pending_signal_that_is_ignored_is_not_delivered);
    suite_add_tcase(s, c);
    return support_run(s);
}
