/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): sharing, exclusion and what can be asked of a lock (rules 1 to 7). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_scene.h"
#include "support.h"

static int is_xlocked(void *sx)
{
    return sx_xlocked(sx) != 0;
}

enum { SHARERS = 8 };

struct party {
    struct sx sx;
    int inside;
    int met;
};

static void share_and_meet(void *arg)
{
    struct party *p = arg;
    sx_slock(&p->sx);
    ADD(&p->inside, 1);
    uint64_t state = 0;
    while (LOAD(&p->inside) < SHARERS && support_keep_waiting(&state)) {
    }
    if (LOAD(&p->inside) == SHARERS)
        ADD(&p->met, 1);
    sx_sunlock(&p->sx);
}

START_TEST(sx_R1_sharers_are_inside_at_the_same_time)
{
    struct party p = {.inside = 0};
    struct actor a[SHARERS];
    recorder_start();
    sx_init(&p.sx, "party");
    for (int i = 0; i < SHARERS; i++)
        actor_start(&a[i], share_and_meet, &p);
    for (int i = 0; i < SHARERS; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(p.met, SHARERS);
    sx_destroy(&p.sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* Nothing of the library was called on this thread before. */
static void *newcomer(void *arg)
{
    struct sx *sx = arg;
    sx_slock(&sx[0]);
    sx_xlock(&sx[1]);
    bool right = sx_xholder(&sx[1]) == curthread && sx_xlocked(&sx[1]) != 0;
    sx_sunlock(&sx[0]);
    sx_xunlock(&sx[1]);
    return right ? arg : NULL;
}

START_TEST(sx_R1_the_first_call_of_a_thread_may_be_a_lock)
{
    struct sx sx[2];
    recorder_start();
    sx_init(&sx[0], "first");
    sx_init(&sx[1], "second");
    for (int i = 0; i < 4; i++) {
        pthread_t t;
        void *result = NULL;
        ck_assert_int_eq(pthread_create(&t, NULL, newcomer, sx), 0);
        ck_assert_int_eq(pthread_join(t, &result), 0);
        ck_assert_ptr_eq(result, sx);
    }
    sx_destroy(&sx[0]);
    sx_destroy(&sx[1]);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void check_waits_for_the_owner(struct puppet *p, call_fn call)
{
    struct sx sx;
    sx_init(&sx, "owned");
    sx_xlock(&sx);
    ck_assert_int_eq(ask(p, try_slock, &sx), 0);
    ck_assert_int_eq(ask(p, try_xlock, &sx), 0);
    tell_blocked(p, call, &sx);
    ck_assert(!done(p));
    ck_assert_int_ne(sx_has_waiters(&sx), 0);
    sx_xunlock(&sx);
    WAIT_UNTIL(done(p));
    ck_assert_int_eq(sx_try_xlock(&sx), 0);
    (void)ask(p, unlock, &sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    ck_assert_int_eq(sx_has_waiters(&sx), 0);
    sx_xunlock(&sx);
    sx_destroy(&sx);
}

START_TEST(sx_R2_the_owner_keeps_everybody_out)
{
    struct puppet p;
    recorder_start();
    puppet_start(&p);
    for (int i = 0; i < 20; i++) {
        check_waits_for_the_owner(&p, slock);
        check_waits_for_the_owner(&p, xlock);
    }
    puppet_end(&p);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_R3_a_share_keeps_writers_out_only)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "shared", 0, &p);
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    sx_slock(&sx);
    ck_assert_int_eq(ask(&p, try_xlock, &sx), 0);
    ck_assert_int_ne(ask(&p, try_slock, &sx), 0);
    (void)ask(&p, unlock, &sx);
    tell_blocked(&p, xlock, &sx);
    ck_assert(!done(&p));
    sx_sunlock(&sx);
    WAIT_UNTIL(done(&p));
    ck_assert_int_eq(sx_try_slock(&sx), 0);
    (void)ask(&p, unlock, &sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R5_a_share_may_be_taken_again)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "shared", 0, &p);
    sx_slock(&sx);
    sx_slock(&sx);
    ck_assert_int_eq(sx_slock_sig(&sx), 0);
    ck_assert_int_eq(sx_try_slock(&sx), 1);
    for (int left = 4; left > 0; left--) {
        ck_assert_int_eq(ask(&p, room, &sx), 1);
        sx_sunlock(&sx);
    }
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R5_a_writer_in_between_does_no_harm)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "shared", 0, &p);
    sx_slock(&sx);
    tell_blocked(&p, xlock, &sx);
    sx_slock(&sx);
    sx_sunlock(&sx);
    ck_assert(ksl_thread_asleep(p.actor.thread));
    ck_assert(!done(&p));
    sx_sunlock(&sx);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R6_holder_and_xlocked_in_every_state)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "asked", 0, &p);
    ck_assert_ptr_null(sx_xholder(&sx));
    ck_assert_int_eq(sx_xlocked(&sx), 0);
    sx_xlock(&sx);
    ck_assert_ptr_eq(sx_xholder(&sx), curthread);
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    ck_assert_int_eq(ask(&p, is_xlocked, &sx), 0);
    sx_xunlock(&sx);
    (void)ask(&p, xlock, &sx);
    ck_assert_ptr_eq((void *)sx_xholder(&sx), p.actor.thread);
    ck_assert_int_eq(sx_xlocked(&sx), 0);
    ck_assert_int_eq(ask(&p, is_xlocked, &sx), 1);
    (void)ask(&p, unlock, &sx);
    ck_assert_ptr_null(sx_xholder(&sx));
    sx_slock(&sx);
    ck_assert_int_eq(ask(&p, slock, &sx), 0);
    ck_assert_ptr_null(sx_xholder(&sx));
    ck_assert_int_eq(sx_xlocked(&sx), 0);
    ck_assert_int_eq(ask(&p, is_xlocked, &sx), 0);
    (void)ask(&p, unlock, &sx);
    sx_sunlock(&sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R6_waiters_do_not_hide_the_owner)
{
    struct puppet p;
    struct sx sx;
    puppet_start(&p);
    sx_init_flags(&sx, "asked", SX_RECURSE);
    sx_xlock(&sx);
    sx_xlock(&sx);
    tell_blocked(&p, xlock, &sx);
    ck_assert_ptr_eq(sx_xholder(&sx), curthread);
    ck_assert_int_ne(sx_xlocked(&sx), 0);
    sx_xunlock(&sx);
    ck_assert_ptr_eq(sx_xholder(&sx), curthread);
    sx_xunlock(&sx);
    WAIT_UNTIL(done(&p));
    (void)ask(&p, unlock, &sx);
    puppet_end(&p);
    sx_destroy(&sx);
}
END_TEST

START_TEST(sx_R7_unlock_gives_back_what_is_held)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "either", SX_RECURSE, &p);
    sx_slock(&sx);
    sx_unlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    sx_xlock(&sx);
    sx_unlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    sx_xlock(&sx);
    sx_xlock(&sx);
    sx_unlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 0);
    sx_unlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    end(&sx, &p);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx sharing");
    TCase *tc = tcase_create("share");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R1_sharers_are_inside_at_the_same_time);
    tcase_add_test(tc, sx_R1_the_first_call_of_a_thread_may_be_a_lock);
    tcase_add_test(tc, sx_R2_the_owner_keeps_everybody_out);
    tcase_add_test(tc, sx_R3_a_share_keeps_writers_out_only);
    tcase_add_test(tc, sx_R5_a_share_may_be_taken_again);
    tcase_add_test(tc, sx_R5_a_writer_in_between_does_no_harm);
    tcase_add_test(tc, sx_R6_holder_and_xlocked_in_every_state);
    tcase_add_test(tc, sx_R6_waiters_do_not_hide_the_owner);
    tcase_add_test(tc, sx_R7_unlock_gives_back_what_is_held);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
