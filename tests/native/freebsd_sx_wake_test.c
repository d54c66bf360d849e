/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): who is let in by a release, and by nothing else (rules 20, 25 to 32). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_writer.h"
#include "support.h"

/* The main thread has the lock alone; a reader waits, and a writer came later. */
static void turn_exclusive(void)
{
    let_the_writer_in();
    sx_xlock(&scene.sx);
    tell_blocked(&scene.reader, slock, &scene.sx);
    tell_blocked(&scene.writer, xlock, &scene.sx);
}

START_TEST(sx_R25_writers_come_first_readers_when_none_is_left)
{
    setup();
    turn_exclusive();
    sx_xunlock(&scene.sx);
    WAIT_UNTIL(done(&scene.writer) || done(&scene.reader));
    ck_assert(done(&scene.writer));
    ck_assert(!done(&scene.reader));
    (void)ask(&scene.writer, unlock, &scene.sx);
    WAIT_UNTIL(done(&scene.reader));
    (void)ask(&scene.reader, unlock, &scene.sx);
    teardown();
}
END_TEST

START_TEST(sx_R20_after_a_downgrade_readers_still_wait_for_a_queued_writer)
{
    setup();
    turn_exclusive();
    sx_downgrade(&scene.sx);
    wait_asleep(scene.reader.actor.thread);
    ck_assert(!done(&scene.reader));
    ck_assert(!done(&scene.writer));
    let_the_writer_in();
    WAIT_UNTIL(done(&scene.reader));
    (void)ask(&scene.reader, unlock, &scene.sx);
    teardown();
}
END_TEST

START_TEST(sx_R20_R22_after_a_downgrade_a_sharer_passes_the_writer)
{
    setup();
    (void)ask(&scene.reader, slock, &scene.other);
    turn_exclusive();
    sx_downgrade(&scene.sx);
    WAIT_UNTIL(done(&scene.reader));
    ck_assert(!done(&scene.writer));
    (void)ask(&scene.reader, unlock, &scene.sx);
    (void)ask(&scene.reader, unlock, &scene.other);
    let_the_writer_in();
    teardown();
}
END_TEST

START_TEST(sx_R26_the_last_share_lets_a_writer_in_not_the_others)
{
    setup();
    ck_assert_int_eq(ask(&scene.reader, try_slock, &scene.sx), 1);
    (void)ask(&scene.reader, unlock, &scene.sx);
    ck_assert(ksl_thread_asleep(scene.writer.actor.thread));
    ck_assert_int_eq(ask(&scene.reader, try_slock, &scene.sx), 1);
    sx_sunlock(&scene.sx);
    ck_assert(ksl_thread_asleep(scene.writer.actor.thread));
    ck_assert(!done(&scene.writer));
    (void)ask(&scene.reader, unlock, &scene.sx);
    WAIT_UNTIL(done(&scene.writer));
    (void)ask(&scene.writer, unlock, &scene.sx);
    teardown();
}
END_TEST

enum { CROWD = 6 };

/* Every second one is a writer; each gets in once and leaves. */
static void crowd(void)
{
    static struct puppet p[CROWD];
    bool gone[CROWD] = {false};
    for (int i = 0; i < CROWD; i++) {
        puppet_start(&p[i]);
        tell_blocked(&p[i], i % 2 == 0 ? slock : xlock, &scene.sx);
    }
    sx_xunlock(&scene.sx);
    uint64_t state = 0;
    for (int left = CROWD; left > 0;) {
        for (int i = 0; i < CROWD; i++) {
            if (gone[i] || !done(&p[i]))
                continue;
            (void)ask(&p[i], unlock, &scene.sx);
            gone[i] = true;
            left--;
            state = 0;
        }
        ck_assert_msg(support_keep_waiting(&state), "%d never got in", left);
    }
    for (int i = 0; i < CROWD; i++)
        puppet_end(&p[i]);
}

START_TEST(sx_R27_all_who_wait_get_in_at_last)
{
    setup();
    let_the_writer_in();
    for (int i = 0; i < 20; i++) {
        sx_xlock(&scene.sx);
        crowd();
    }
    ck_assert_int_eq(sx_try_xlock(&scene.sx), 1);
    sx_xunlock(&scene.sx);
    teardown();
}
END_TEST

START_TEST(sx_R28_all_readers_enter_when_the_last_writer_leaves)
{
    static struct puppet p[CROWD];
    setup();
    for (int i = 0; i < CROWD; i++) {
        puppet_start(&p[i]);
        tell_blocked(&p[i], slock, &scene.sx);
    }
    sx_sunlock(&scene.sx);
    WAIT_UNTIL(done(&scene.writer));
    for (int i = 0; i < CROWD; i++)
        ck_assert(!done(&p[i]));
    (void)ask(&scene.writer, unlock, &scene.sx);
    for (int i = 0; i < CROWD; i++)
        WAIT_UNTIL(done(&p[i])); /* nobody left meanwhile */
    for (int i = 0; i < CROWD; i++) {
        (void)ask(&p[i], unlock, &scene.sx);
        puppet_end(&p[i]);
    }
    teardown();
}
END_TEST

START_TEST(sx_R31_a_waiter_lends_no_priority)
{
    ksl_thread *me = ksl_thread_self();
    setup();
    ck_assert_int_eq(ksl_thread_set_priority(me, 10), 0);
    ck_assert_int_eq(ksl_thread_set_priority(scene.writer.actor.thread, 50), 0);
    ck_assert_int_eq(ksl_thread_effective_priority(me), 10);
    let_the_writer_in();
    sx_xlock(&scene.sx);
    tell_blocked(&scene.writer, xlock, &scene.sx);
    ck_assert_int_eq(ksl_thread_effective_priority(me), 10);
    sx_xunlock(&scene.sx);
    WAIT_UNTIL(done(&scene.writer));
    (void)ask(&scene.writer, unlock, &scene.sx);
    ck_assert_int_eq(ksl_thread_set_priority(me, 0), 0);
    teardown();
}
END_TEST

START_TEST(sx_R32_a_wakeup_of_the_address_concerns_no_waiter_of_the_lock)
{
    setup();
    wakeup(&scene.sx);
    wakeup_one(&scene.sx);
    ck_assert(ksl_thread_asleep(scene.writer.actor.thread));
    ck_assert(!done(&scene.writer));
    let_the_writer_in();
    teardown();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx waking");
    TCase *tc = tcase_create("wake");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R25_writers_come_first_readers_when_none_is_left);
    tcase_add_test(tc, sx_R20_after_a_downgrade_readers_still_wait_for_a_queued_writer);
    tcase_add_test(tc, sx_R20_R22_after_a_downgrade_a_sharer_passes_the_writer);
    tcase_add_test(tc, sx_R26_the_last_share_lets_a_writer_in_not_the_others);
    tcase_add_test(tc, sx_R27_all_who_wait_get_in_at_last);
    tcase_add_test(tc, sx_R28_all_readers_enter_when_the_last_writer_leaves);
    tcase_add_test(tc, sx_R31_a_waiter_lends_no_priority);
    tcase_add_test(tc, sx_R32_a_wakeup_of_the_address_concerns_no_waiter_of_the_lock);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
