/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): upgrade and downgrade (rules 14 to 20). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_scene.h"
#include "support.h"

START_TEST(sx_R14_the_only_sharer_upgrades)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "upgraded", 0, &p);
    for (int i = 0; i < 50; i++) {
        sx_slock(&sx);
        ck_assert_int_ne(sx_try_upgrade(&sx), 0);
        ck_assert_int_ne(sx_xlocked(&sx), 0);
        ck_assert_ptr_eq(sx_xholder(&sx), curthread);
        ck_assert_int_eq(ask(&p, room, &sx), 0);
        sx_xunlock(&sx);
        ck_assert_int_eq(ask(&p, room, &sx), 2);
    }
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R15_with_two_sharers_no_one_upgrades)
{
    struct puppet p, q;
    struct sx sx;
    begin(&sx, "shared", 0, &p);
    puppet_start(&q);
    sx_slock(&sx);
    (void)ask(&p, slock, &sx);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(sx_try_upgrade(&sx), 0);
        ck_assert_int_eq(ask(&p, try_upgrade, &sx), 0);
    }
    (void)ask(&p, unlock, &sx);
    ck_assert_int_eq(ask(&q, room, &sx), 1); /* mine is still there */
    (void)ask(&p, slock, &sx);
    sx_sunlock(&sx);
    ck_assert_int_eq(ask(&q, room, &sx), 1);
    ck_assert_int_ne(ask(&p, try_upgrade, &sx), 0);
    (void)ask(&p, unlock, &sx);
    puppet_end(&q);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R16_two_shares_of_one_thread_do_not_upgrade)
{
    struct puppet p;
    struct sx sx;
    begin(&sx, "shared", 0, &p);
    sx_slock(&sx);
    sx_slock(&sx);
    ck_assert_int_eq(sx_try_upgrade(&sx), 0);
    sx_sunlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 1);
    ck_assert_int_ne(sx_try_upgrade(&sx), 0);
    sx_xunlock(&sx);
    ck_assert_int_eq(ask(&p, room, &sx), 2);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R17_upgrade_overtakes_all_who_wait)
{
    struct puppet writer, reader;
    struct sx sx;
    begin(&sx, "upgraded", 0, &writer);
    puppet_start(&reader);
    sx_slock(&sx);
    tell_blocked(&writer, xlock, &sx);
    tell_blocked(&reader, slock, &sx);
    ck_assert_int_ne(sx_try_upgrade(&sx), 0);
    ck_assert_ptr_eq(sx_xholder(&sx), curthread);
    ck_assert_int_ne(sx_has_waiters(&sx), 0);
    ck_assert(!done(&writer) && !done(&reader));
    sx_xunlock(&sx);
    WAIT_UNTIL(done(&writer));
    (void)ask(&writer, unlock, &sx);
    WAIT_UNTIL(done(&reader));
    (void)ask(&reader, unlock, &sx);
    puppet_end(&reader);
    end(&sx, &writer);
}
END_TEST

/* Adds to what the lock protects, in rounds, until told to stop. */
struct contest {
    struct sx sx;
    long value; /* under sx */
    int stop;
};

static void write_on(void *arg)
{
    struct contest *c = arg;
    while (!LOAD(&c->stop)) {
        sx_xlock(&c->sx);
        c->value++;
        sx_xunlock(&c->sx);
    }
}

START_TEST(sx_R17_R20_no_writer_slips_into_a_conversion)
{
    struct contest c = {.value = 0};
    struct actor a;
    int upgraded = 0;
    recorder_start();
    sx_init(&c.sx, "converted");
    actor_start(&a, write_on, &c);
    for (int i = 0; i < 2000; i++) {
        sx_xlock(&c.sx);
        long seen = ++c.value;
        sx_downgrade(&c.sx);
        ck_assert_int_eq(c.value, seen);
        if (sx_try_upgrade(&c.sx) != 0) {
            ck_assert_int_eq(c.value, seen);
            c.value++;
            upgraded++;
        }
        sx_unlock(&c.sx);
    }
    STORE(&c.stop, 1);
    actor_join(&a);
    ck_assert_int_eq(upgraded, 2000); /* nobody else shares it */
    sx_destroy(&c.sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_R20_downgrade_lets_readers_in_and_no_writer)
{
    struct puppet writer, reader;
    struct sx sx;
    begin(&sx, "downgraded", 0, &writer);
    puppet_start(&reader);
    sx_xlock(&sx);
    tell_blocked(&reader, slock, &sx);
    sx_downgrade(&sx);
    WAIT_UNTIL(done(&reader));
    ck_assert_ptr_null(sx_xholder(&sx));
    tell_blocked(&writer, xlock, &sx);
    (void)ask(&reader, unlock, &sx);
    ck_assert_int_eq(ask(&reader, room, &sx), 1);
    ck_assert(!done(&writer));
    sx_sunlock(&sx); /* exactly one share */
    WAIT_UNTIL(done(&writer));
    (void)ask(&writer, unlock, &sx);
    puppet_end(&reader);
    end(&sx, &writer);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx conversion");
    TCase *tc = tcase_create("convert");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R14_the_only_sharer_upgrades);
    tcase_add_test(tc, sx_R15_with_two_sharers_no_one_upgrades);
    tcase_add_test(tc, sx_R16_two_shares_of_one_thread_do_not_upgrade);
    tcase_add_test(tc, sx_R17_upgrade_overtakes_all_who_wait);
    tcase_add_test(tc, sx_R17_R20_no_writer_slips_into_a_conversion);
    tcase_add_test(tc, sx_R20_downgrade_lets_readers_in_and_no_writer);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
