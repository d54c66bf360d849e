/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX priority promotion: waiters that leave or change (T60, T61). */
#include "aix_promotion_chain.h"

enum { SIGNO = 10 };

/* ---- waiters that leave ---- */

static int take_sigret(void *object)
{
    struct owned *l = object;
    return lockl(&l->u.word, LOCK_SIGRET) == LOCK_SIG ? 1 : 0;
}

static int take_sigwake(void *object)
{
    struct owned *l = object;
    label_t context;
    int jump = setjmpx(&context);
    if (jump != 0)
        return jump == EINTR ? 1 : -1;
    int result = lockl(&l->u.word, LOCK_SIGWAKE);
    clrjmpx(&context);
    return result == LOCK_SUCC ? 0 : -2;
}

/* The signal ends the wait of this puppet. */
static void leave(struct puppet *w)
{
    post_signal(w, SIGNO);
    ck_assert_int_eq(answer(w), 1);
}

static void took_signal(struct puppet *w)
{
    ck_assert_int_eq(ask(w, take_signal, NULL), SIGNO);
}

START_TEST(aix_T60_the_only_waiter_leaves)
{
    kinds_of(0);
    link_chain(1);
    set_urgency(&p[1], 50);
    for (int turn = 0; turn < 20; turn++) {
        tell_blocked(&p[1], _i == 0 ? take_sigret : take_sigwake, &lock[0]);
        CHECK(50, 50);
        leave(&p[1]);
        CHECK(10, 50);
        took_signal(&p[1]);
    }
    (void)ask(&p[0], drop, &lock[0]);
    CHECK(10, 50);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_T60_one_of_several_leaves)
{
    call_fn wait = _i == 0 ? take_sigret : take_sigwake;
    kinds_of(0);
    link_chain(1);
    set_urgency(&p[1], 50);
    set_urgency(&p[2], 70);
    set_urgency(&p[3], 30);
    for (int i = 1; i < 4; i++)
        tell_blocked(&p[i], wait, &lock[0]);
    CHECK(70, 50, 70, 30);
    leave(&p[3]);
    CHECK(70, 50, 70, 30);
    leave(&p[2]);
    CHECK(50, 50, 70, 30);
    still_asleep(&p[1]);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(10, 50, 70, 30);
    (void)ask(&p[1], drop, &lock[0]);
}
END_TEST

/* Down the whole chain, whatever kinds the other locks are. */
START_TEST(aix_T60_a_leaver_at_the_end_of_a_chain)
{
    kinds_of(_i / 2);
    owned_init(&lock[2], LOCKL);
    link_chain(3);
    set_urgency(&p[3], 60);
    set_urgency(&p[4], 40);
    tell_blocked(&p[4], take, &lock[1]);
    tell_blocked(&p[3], _i % 2 == 0 ? take_sigret : take_sigwake, &lock[2]);
    CHECK(60, 60, 60, 60, 40);
    leave(&p[3]);
    CHECK(40, 40, 12, 60, 40);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(10, 40, 12);
    (void)ask(&p[1], drop, &lock[0]);
    pass(&p[1], &lock[1], &p[4]);
    pass(&p[4], &lock[1], &p[2]);
    CHECK(10, 11, 12, 60, 40);
    (void)ask(&p[2], drop, &lock[1]);
    (void)ask(&p[2], drop, &lock[2]);
}
END_TEST

/* Locks whose wait no signal ends (T6, T12) keep what was lent. */
START_TEST(aix_T60_a_signal_that_ends_no_wait_changes_nothing)
{
    owned_init(&lock[0], _i);
    link_chain(1);
    set_urgency(&p[1], 50);
    tell_blocked(&p[1], take, &lock[0]);
    post_signal(&p[1], SIGNO);
    CHECK(50, 50);
    still_asleep(&p[1]);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(10, 50);
    (void)ask(&p[1], drop, &lock[0]);
    took_signal(&p[1]);
}
END_TEST

/* The signal is deferred by lock 1 (T68), which wins over LOCK_SIGRET. */
START_TEST(aix_T60_a_waiter_that_owns_a_lock_does_not_leave)
{
    owned_init(&lock[0], LOCKL);
    owned_init(&lock[1], _i);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(ask(&p[i], take, &lock[i]), 0);
    set_urgency(&p[1], 50);
    tell_blocked(&p[1], take_sigret, &lock[0]);
    post_signal(&p[1], SIGNO);
    CHECK(50, 50);
    still_asleep(&p[1]);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(0, 50);
    (void)ask(&p[1], drop, &lock[0]);
    (void)ask(&p[1], drop, &lock[1]);
    took_signal(&p[1]);
}
END_TEST

/* ---- changes of base priorities ---- */

START_TEST(aix_T61_the_owner_follows_its_waiter)
{
    static const int steps[] = {50, 90, 30, 11, 10, 0, 99, 40};
    kinds_of(_i);
    link_chain(1);
    tell_blocked(&p[1], take, &lock[0]);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        set_urgency(&p[1], steps[i]);
        CHECK(steps[i] > 10 ? steps[i] : 10, steps[i]);
    }
    tell_blocked(&p[2], take, &lock[0]);
    set_urgency(&p[2], 60);
    CHECK(60, 40, 60);
    set_urgency(&p[2], 20);
    CHECK(40, 40, 20);
    still_asleep(&p[1]);
    still_asleep(&p[2]);
    pass(&p[0], &lock[0], &p[1]);
    pass(&p[1], &lock[0], &p[2]);
    CHECK(10, 40, 20);
    (void)ask(&p[2], drop, &lock[0]);
}
END_TEST

START_TEST(aix_T61_a_chain_follows_the_waiter_at_its_end)
{
    kinds_of(_i);
    link_chain(3);
    tell_blocked(&p[3], take, &lock[2]);
    CHECK(13, 13, 13, 13);
    set_urgency(&p[3], 80);
    CHECK(80, 80, 80, 80);
    set_urgency(&p[3], 5);
    CHECK(12, 12, 12, 5);
    set_urgency(&p[2], 33);
    CHECK(33, 33, 33, 5);
    set_urgency(&p[1], 44);
    CHECK(44, 44, 33, 5);
    set_urgency(&p[2], 1);
    CHECK(44, 44, 5, 5);
    set_urgency(&p[1], 1);
    CHECK(10, 5, 5, 5);
    still_asleep(&p[3]);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(10, 5, 5, 5);
    (void)ask(&p[1], drop, &lock[0]);
    pass(&p[1], &lock[1], &p[2]);
    CHECK(10, 1, 5, 5);
    (void)ask(&p[2], drop, &lock[1]);
    pass(&p[2], &lock[2], &p[3]);
    CHECK(10, 1, 1, 5);
    (void)ask(&p[3], drop, &lock[2]);
}
END_TEST

/* The base priority of the owner itself. */
START_TEST(aix_T61_a_promoted_owner_gets_another_base_priority)
{
    kinds_of(_i);
    link_chain(1);
    set_urgency(&p[1], 50);
    tell_blocked(&p[1], take, &lock[0]);
    set_urgency(&p[0], 70);
    CHECK(70, 50);
    set_urgency(&p[0], 20);
    CHECK(50, 50);
    ck_assert_int_eq(ksl_thread_priority(p[0].actor.thread), 20);
    pass(&p[0], &lock[0], &p[1]);
    CHECK(20, 50);
    (void)ask(&p[1], drop, &lock[0]);
}
END_TEST

/* The waiter that became the most favoured one while it waited comes first. */
START_TEST(aix_T61_a_change_reorders_the_queue)
{
    kinds_of(_i);
    link_chain(1);
    for (int i = 1; i < 4; i++)
        tell_blocked(&p[i], take, &lock[0]);
    set_urgency(&p[1], 80);
    set_urgency(&p[3], 0);
    CHECK(80, 80, 12, 0);
    pass(&p[0], &lock[0], &p[1]);
    still_asleep(&p[2]);
    still_asleep(&p[3]);
    pass(&p[1], &lock[0], &p[2]);
    still_asleep(&p[3]);
    pass(&p[2], &lock[0], &p[3]);
    (void)ask(&p[3], drop, &lock[0]);
    CHECK(10, 80, 12, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("aix_promotion_change");
    TCase *tc = tcase_create("chains");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, aix_T60_the_only_waiter_leaves, 0, 2);
    tcase_add_loop_test(tc, aix_T60_one_of_several_leaves, 0, 2);
    tcase_add_loop_test(tc, aix_T60_a_leaver_at_the_end_of_a_chain, 0, 2 * KINDS * KINDS);
    tcase_add_loop_test(tc, aix_T60_a_signal_that_ends_no_wait_changes_nothing, 0, KINDS);
    tcase_add_loop_test(tc, aix_T60_a_waiter_that_owns_a_lock_does_not_leave, 0, KINDS);
    tcase_add_loop_test(tc, aix_T61_the_owner_follows_its_waiter, 0, KINDS);
    tcase_add_loop_test(tc, aix_T61_a_chain_follows_the_waiter_at_its_end, 0, TRIPLES);
    tcase_add_loop_test(tc, aix_T61_a_promoted_owner_gets_another_base_priority, 0,
                        KINDS);
    tcase_add_loop_test(tc, aix_T61_a_change_reorders_the_queue, 0, KINDS);
    suite_add_tcase(s, tc);
    return support_run(s);
}
