/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow paths of AIX: a race for a marked word, the most urgent of several, nesting,
 * handlers of who waits.
 */

#include "bugs.h"
#include "complex_calls.h"

#include "diag/slots.h"
#include "lock/rw.h"

#include <string.h>
#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/sleep.h>

static const struct lock_kind *simple(void)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        if (strcmp(lock_kind(i)->name, "simple") == 0)
            return lock_kind(i);
    }
    return NULL;
}

/* Puppet 2 finds the lock free but marked, and loses it to the one that was woken. */
START_TEST(path_who_loses_the_race_for_a_marked_lock_has_no_entry)
{
    struct scene s;
    const struct lock_kind *k = simple();
    scene_begin(&s, k, 3);
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    waits(&s, 1, k->take);
    bug_stop(0, "lot: lock", &s.p[1]);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    bug_await_stop(0);
    bug_stop(1, "owner: marked", &s.p[2]);
    tell(&s.p[2], k->take, s.lock);
    bug_await_stop(1);
    bug_go(0);
    ck_assert_int_eq(answer(&s.p[1]), 0);
    bug_go(1);
    still_waits(&s, 2);
    ksl_thread *t = s.p[2].actor.thread;
    ck_assert_uint_eq(ksi_load(&ksi_near_slot(t, s.lock)->lock), 0);
    ck_assert_int_eq(says(&s, 1, k->give), 0);
    ck_assert_int_eq(answer(&s.p[2]), 0);
    ck_assert_int_eq(says(&s, 2, k->give), 0);
    ck_assert_uint_eq(ksi_load(&ksi_near_slot(t, s.lock)->lock), 0);
    scene_end(&s);
}
END_TEST

static int disable_and_enable(void *l)
{
    int level = disable_lock(INTMAX, (simple_lock_t)l);
    unlock_enable(level, (simple_lock_t)l);
    return 0;
}

/*
 * The lock is free, who was woken is on its way, and another one that waits takes it in a
 * handler. Its wait ends then, also if it has looked at it for the last time before.
 */
START_TEST(path_a_handler_ends_the_wait_of_its_thread)
{
    struct scene s;
    const struct lock_kind *k = simple();
    scene_begin(&s, k, 3);
    bug_handler(disable_and_enable, s.lock);
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    waits(&s, 1, k->take);
    bug_stop(1, "wait: park", &s.p[2]);
    tell(&s.p[2], k->take, s.lock);
    bug_await_stop(1);
    bug_stop(0, "rw: woken", &s.p[1]);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    bug_await_stop(0);
    bug_interrupt(&s.p[2]);
    WAIT_UNTIL(bug_handled() == 1);
    bug_go(0);
    ck_assert_int_eq(answer(&s.p[1]), 0);
    ck_assert_int_eq(says(&s, 1, k->give), 0);
    bug_go(1);
    ck_assert_int_eq(answer(&s.p[2]), 0);
    ck_assert_int_eq(says(&s, 2, k->give), 0);
    bug_no_handler();
    scene_end(&s);
}
END_TEST

static Complex_lock converted;

static int downgrade_it(void *l)
{
    lock_write_to_read((complex_lock_t)l);
    return 0;
}

static int try_write_it(void *l)
{
    return lock_try_write((complex_lock_t)l);
}

/* The writer's handler comes when it gives the lock back: too late to convert it. */
START_TEST(path_a_lock_is_given_back_as_it_was_found)
{
    struct puppet p[3];
    lock_init(&converted, TRUE);
    recorder_start();
    bug_handler(downgrade_it, &converted);
    puppets_start(p, 3);
    ck_assert_int_eq(ask(&p[0], write_it, &converted), 0);
    tell_blocked(&p[1], read_it, &converted);
    bug_act(0, "complex: done", &p[0], bug_interrupt, &p[0]);
    ck_assert_int_eq(ask(&p[0], done_it, &converted), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_uint_eq(bug_handled(), 1);
    ck_assert_uint_eq(recorder_count(NULL), 1); /* the handler has nothing to convert */
    ck_assert_int_eq(ask(&p[2], try_write_it, &converted), 0);
    ck_assert_int_eq(ask(&p[1], done_it, &converted), 0);
    ck_assert_int_eq(ask(&p[2], try_write_it, &converted), 1);
    ck_assert_int_eq(ask(&p[2], done_it, &converted), 0);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 3);
    bug_no_handler();
    recorder_stop();
}
END_TEST

static tid_t event = EVENT_NULL;

static int sleep_on_event(void *unused)
{
    (void)unused;
    return e_sleep_thread(&event, NULL, INTERRUPTIBLE);
}

START_TEST(path_one_wake_up_goes_to_the_most_urgent)
{
    static const int prios[] = {10, 50, 30};
    struct puppet p[3];
    puppets_start(p, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ksl_thread_set_priority(p[i].actor.thread, prios[i]), 0);
        tell_blocked(&p[i], sleep_on_event, NULL);
    }
    static const int order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) {
        e_wakeup_one(&event);
        ck_assert_int_eq(answer(&p[order[i]]), THREAD_AWAKENED);
        for (int j = i + 1; j < 3; j++)
            still_asleep(&p[order[j]]);
    }
    puppets_end(p, 3);
}
END_TEST

static Complex_lock complex;

static int nest(void *l)
{
    lock_write((complex_lock_t)l);
    lock_set_recursive((complex_lock_t)l);
    lock_write((complex_lock_t)l);
    lock_write((complex_lock_t)l);
    return 0;
}

static int unnest(void *l)
{
    lock_done((complex_lock_t)l);
    lock_done((complex_lock_t)l);
    lock_clear_recursive((complex_lock_t)l);
    return 0;
}

START_TEST(path_a_complex_lock_is_free_when_all_nested_holds_are)
{
    struct puppet p[2];
    lock_init(&complex, TRUE);
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], nest, &complex), 0);
    tell_blocked(&p[1], write_it, &complex);
    ck_assert_int_eq(ask(&p[0], unnest, &complex), 0);
    still_asleep(&p[1]);
    ck_assert_int_eq(ask(&p[0], done_it, &complex), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], done_it, &complex), 0);
    puppets_end(p, 2);
}
END_TEST

static int upgrade_it(void *l)
{
    return lock_read_to_write((complex_lock_t)l) == FALSE;
}

static int handled; /* atomic */

static void end_it(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    lock_done(&complex);
    STORE(&handled, 1);
}

static void share_it(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    lock_write_to_read(&complex);
    STORE(&handled, 1);
}

/*
 * Puppet 1 waits for its upgrade. The last reader makes it the writer, and before that is
 * known there a handler tries to give the lock back.
 */
static void handed_over(ksl_irq_handler handler)
{
    enum { IRQ = 5 };
    struct puppet p[2];
    lock_init(&complex, TRUE);
    STORE(&handled, 0);
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], read_it, &complex), 0);
    ck_assert_int_eq(ask(&p[1], read_it, &complex), 0);
    tell_blocked(&p[1], upgrade_it, &complex);
    bug_stop(0, "lot: wake", &p[0]);
    tell(&p[0], done_it, &complex);
    bug_await_stop(0);
    uintptr_t owner = (uintptr_t)p[1].actor.thread;
    ck_assert_uint_eq(ksi_rw_owner(ksi_load(&complex.ksl_word)), owner);
    ck_assert_int_eq(ksl_irq_raise_on(p[1].actor.thread, IRQ), 0);
    WAIT_UNTIL(LOAD(&handled));
    ck_assert_uint_eq(ksi_rw_owner(ksi_load(&complex.ksl_word)), owner);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    bug_go(0);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert_int_eq(answer(&p[1]), 1);
    ck_assert_int_eq(ask(&p[1], done_it, &complex), 0);
    ck_assert_int_eq(lock_islocked(&complex), FALSE);
    ck_assert_uint_eq(recorder_count(NULL), 1);
    puppets_end(p, 2);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

START_TEST(path_a_handler_leaves_the_upgrade_that_its_thread_has_just_got)
{
    handed_over(end_it);
    handed_over(share_it);
}
END_TEST

void add_paths_of_aix(void)
{
    BUG(path_a_handler_leaves_the_upgrade_that_its_thread_has_just_got);
    BUG(path_who_loses_the_race_for_a_marked_lock_has_no_entry);
    BUG(path_a_handler_ends_the_wait_of_its_thread);
    BUG(path_a_lock_is_given_back_as_it_was_found);
    BUG(path_one_wake_up_goes_to_the_most_urgent);
    BUG(path_a_complex_lock_is_free_when_all_nested_holds_are);
}
