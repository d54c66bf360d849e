/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): what an interrupted waiter leaves behind (rules 36, 38). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/signal.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_signal.h"
#include "support.h"

START_TEST(sx_R36_a_reader_gets_in_after_an_interrupted_writer)
{
    setup();
    sx_xlock(&sx);
    tell_blocked(&p, xlock_sig, &sx);
    tell_blocked(&q, slock, &sx);
    post(&p, STOPS);
    WAIT_UNTIL(done(&p));
    ck_assert_int_eq(p.result, EINTR);
    ck_assert(!done(&q));
    sx_xunlock(&sx);
    WAIT_UNTIL(done(&q));
    (void)ask(&q, unlock, &sx);
    (void)ask(&p, take, &sx);
    teardown();
}
END_TEST

START_TEST(sx_R36_readers_behind_an_interrupted_writer_enter_at_once)
{
    setup();
    for (int i = 0; i < 20; i++) {
        sx_slock(&sx);
        tell_blocked(&p, xlock_sig, &sx);
        tell_blocked(&q, i % 2 == 0 ? slock : slock_sig, &sx);
        post(&p, STOPS);
        WAIT_UNTIL(done(&p));
        ck_assert_int_eq(p.result, EINTR);
        WAIT_UNTIL(done(&q)); /* my share is still there */
        (void)ask(&q, unlock, &sx);
        (void)ask(&p, take, &sx);
        sx_sunlock(&sx);
    }
    teardown();
}
END_TEST

START_TEST(sx_R36_a_second_writer_still_keeps_readers_back)
{
    struct puppet second;
    setup();
    puppet_start(&second);
    sx_slock(&sx);
    tell_blocked(&p, xlock_sig, &sx);
    tell_blocked(&second, xlock, &sx);
    tell_blocked(&q, slock, &sx);
    post(&p, STOPS);
    WAIT_UNTIL(done(&p));
    ck_assert(!done(&q));
    sx_sunlock(&sx);
    WAIT_UNTIL(done(&second));
    ck_assert(!done(&q));
    (void)ask(&second, unlock, &sx);
    WAIT_UNTIL(done(&q));
    (void)ask(&q, unlock, &sx);
    (void)ask(&p, take, &sx);
    puppet_end(&second);
    teardown();
}
END_TEST

START_TEST(sx_R38_an_interrupted_reader_leaves_no_share_behind)
{
    struct sx other;
    setup();
    sx_init(&other, "other");
    sx_xlock(&sx);
    check_interrupted(slock_sig, STOPS, EINTR);
    sx_xunlock(&sx);
    /* A share would let it pass the queued writer. */
    sx_slock(&other);
    tell_blocked(&q, xlock, &other);
    tell_blocked(&p, slock, &other);
    sx_sunlock(&other);
    WAIT_UNTIL(done(&q));
    ck_assert(!done(&p));
    (void)ask(&q, unlock, &other);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &other);
    sx_destroy(&other);
    teardown(); /* and no report at its exit */
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx signals and other waiters");
    TCase *tc = tcase_create("queue");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R36_a_reader_gets_in_after_an_interrupted_writer);
    tcase_add_test(tc, sx_R36_readers_behind_an_interrupted_writer_enter_at_once);
    tcase_add_test(tc, sx_R36_a_second_writer_still_keeps_readers_back);
    tcase_add_test(tc, sx_R38_an_interrupted_reader_leaves_no_share_behind);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
