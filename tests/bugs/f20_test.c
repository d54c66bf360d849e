/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F20: bugs of the detector itself: too many locks held, long cycles, memory that is
 * another lock by now, threads that teach it at the same time.
 */

#include "bugs.h"

#include <kslock/diag.h>

#include <sys/param.h>

#include <stdio.h>
#include <string.h>
#include <sys/sx.h>

enum { MANY = 200, HELD = 70 };

static struct sx many[MANY];
static char names[MANY][24];

static void begin(const char *prefix)
{
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "%s %d", prefix, i);
        sx_init(&many[i], names[i]);
    }
    recorder_start();
}

static void nest(struct sx *outer, struct sx *inner)
{
    sx_xlock(outer);
    sx_xlock(inner);
    sx_xunlock(inner);
    sx_xunlock(outer);
}

static void expect_silence(void)
{
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
}

START_TEST(f20_seventy_locks_held)
{
    begin("held");
    for (int i = 0; i < HELD; i++)
        sx_xlock(&many[i]);
    for (int i = HELD - 1; i >= 0; i--)
        sx_xunlock(&many[i]);
    expect_silence();
    nest(&many[HELD - 1], &many[0]);
    ASSERT_VIOLATED("order");
    recorder_start();
    nest(&many[HELD - 1], &many[40]);
    ASSERT_VIOLATED("order");
    recorder_stop();
}
END_TEST

static void leave_with_seventy(void *unused)
{
    (void)unused;
    for (int i = 0; i < HELD; i++)
        sx_xlock(&many[i]);
}

START_TEST(f20_seventy_locks_held_at_exit)
{
    struct actor a;
    begin("exit");
    actor_start(&a, leave_with_seventy, NULL);
    actor_join(&a);
    ASSERT_VIOLATED("exit-held");
    ck_assert_ptr_nonnull(strstr(recorder_last().message, "70 locks"));
    recorder_stop();
}
END_TEST

START_TEST(f20_a_cycle_of_two_hundred)
{
    begin("ring");
    for (int i = 0; i + 1 < MANY; i++)
        nest(&many[i], &many[i + 1]);
    expect_silence();
    nest(&many[MANY - 1], &many[0]);
    ASSERT_VIOLATED("order");
    ck_assert_ptr_nonnull(strstr(recorder_last().message, "a cycle of 200 classes"));
    recorder_stop();
}
END_TEST

/* The same memory, another lock; what was said of the first is not said of the second. */
START_TEST(f20_memory_that_is_another_lock)
{
    begin("memory");
    nest(&many[0], &many[1]);
    sx_destroy(&many[1]);
    sx_init(&many[1], "memory again");
    nest(&many[1], &many[0]);
    expect_silence();
    nest(&many[0], &many[1]);
    ASSERT_VIOLATED("order");
    recorder_stop();
}
END_TEST

/* Two threads teach opposite orders; one of them is told, once, and nobody hangs. */

static int nest_up(void *unused)
{
    (void)unused;
    for (int i = 0; i + 1 < MANY; i++)
        nest(&many[i], &many[i + 1]);
    return 0;
}

static int cross(void *unused)
{
    (void)unused;
    for (int i = 0; i + 2 < MANY; i += 2) {
        if (sx_try_xlock(&many[i + 2])) {
            if (sx_try_xlock(&many[i]))
                sx_xunlock(&many[i]);
            sx_xunlock(&many[i + 2]);
        }
    }
    return 0;
}

START_TEST(f20_threads_that_teach_at_the_same_time)
{
    struct puppet p[4];
    begin("race");
    puppets_start(p, 4);
    for (int i = 0; i < 4; i++)
        tell(&p[i], i % 2 == 0 ? nest_up : cross, NULL);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(answer(&p[i]), 0);
    expect_silence(); /* tries teach nothing, and the others agree */
    nest(&many[MANY - 1], &many[0]);
    ASSERT_VIOLATED("order");
    puppets_end(p, 4);
    recorder_stop();
}
END_TEST

static struct sx twins[2]; /* of the classes of many[0] and many[1] */

static int nest_one_way(void *unused)
{
    (void)unused;
    nest(&many[0], &many[1]);
    return 0;
}

static int nest_other_way(void *unused)
{
    (void)unused;
    nest(&twins[1], &twins[0]);
    return 0;
}

/*
 * The second one teaches its order while the first one has looked at the graph and not
 * yet put its own there, if there is such a moment. Either way one of them is told.
 */
START_TEST(f20_of_two_that_teach_opposite_orders_one_is_told)
{
    struct puppet p[2];
    begin("twin");
    for (int i = 0; i < 2; i++)
        sx_init(&twins[i], names[i]);
    puppets_start(p, 2);
    bug_stop(0, "order: looked", &p[0]);
    tell(&p[0], nest_one_way, NULL);
    WAIT_UNTIL(bug_reached(0) || done(&p[0]));
    ck_assert_int_eq(ask(&p[1], nest_other_way, NULL), 0);
    bug_go(0);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert_uint_eq(recorder_count("order"), 1);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 2);
    recorder_stop();
}
END_TEST

void add_f20(void)
{
    BUG(f20_seventy_locks_held);
    BUG(f20_seventy_locks_held_at_exit);
    BUG(f20_a_cycle_of_two_hundred);
    BUG(f20_memory_that_is_another_lock);
    BUG(f20_threads_that_teach_at_the_same_time);
    BUG(f20_of_two_that_teach_opposite_orders_one_is_told);
}
