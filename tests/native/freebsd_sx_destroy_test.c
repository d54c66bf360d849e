/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9): init, destroy, and the use of what is no lock (rules 56 to 60, 77). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_scene.h"
#include "support.h"

#include <string.h>

static int destroy(void *sx)
{
    sx_destroy(sx);
    return 0;
}

static int assert_locked(void *sx)
{
    sx_assert(sx, SA_LOCKED);
    return 0;
}

static int assert_unlocked(void *sx)
{
    sx_assert(sx, SA_UNLOCKED);
    return 0;
}

static const struct {
    const char *name;
    call_fn call;
    int refused;
} calls[] = {
    {"sx_slock", slock, 0},
    {"sx_xlock", xlock, 0},
    {"sx_slock_sig", slock_sig, EDEADLK},
    {"sx_xlock_sig", xlock_sig, EDEADLK},
    {"sx_try_slock", try_slock, 0},
    {"sx_try_xlock", try_xlock, 0},
    {"sx_sunlock", sunlock, 0},
    {"sx_xunlock", xunlock, 0},
    {"sx_unlock", unlock, 0},
    {"sx_try_upgrade", try_upgrade, 0},
    {"sx_downgrade", downgrade, 0},
    {"sx_assert SA_LOCKED", assert_locked, 0},
    {"sx_assert SA_UNLOCKED", assert_unlocked, 0},
    {"sx_destroy", destroy, 0},
};

enum { CALLS = sizeof calls / sizeof calls[0] };

/* Every call is refused, and leaves no hold behind. */
static void check_destroyed(struct sx *sx)
{
    for (int i = 0; i < CALLS; i++) {
        recorder_start();
        int result = calls[i].call(sx);
        struct recorded last = recorder_last();
        ck_assert_msg(recorder_count(NULL) == 1 && strcmp(last.rule, "destroyed") == 0,
                      "%s: %u violations, last %s: %s", calls[i].name,
                      recorder_count(NULL), last.rule, last.message);
        ck_assert_int_eq(last.severity, KSL_PANIC);
        ck_assert_ptr_eq(last.lock, sx);
        ck_assert_msg(result == calls[i].refused, "%s: %d", calls[i].name, result);
    }
}

START_TEST(sx_R58_R59_a_destroyed_lock_refuses_every_call)
{
    struct sx sx;
    sx_init(&sx, "gone");
    sx_destroy(&sx);
    check_destroyed(&sx);
    sx_init_flags(&sx, "gone", SX_RECURSE);
    sx_xlock(&sx);
    sx_xunlock(&sx);
    sx_slock(&sx);
    sx_sunlock(&sx);
    sx_destroy(&sx);
    check_destroyed(&sx);
}
END_TEST

START_TEST(sx_R59_zero_filled_memory_is_no_lock)
{
    struct sx sx;
    memset(&sx, 0, sizeof sx);
    check_destroyed(&sx);
    recorder_start();
    sx_init(&sx, "now it is");
    sx_slock(&sx);
    sx_sunlock(&sx);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void leave_destroyed(void *arg)
{
    struct sx *sx = arg;
    for (int i = 0; i < CALLS; i++)
        (void)calls[i].call(sx);
}

START_TEST(sx_R58_refused_calls_leave_no_hold_at_thread_exit)
{
    struct sx sx;
    struct actor a;
    sx_init(&sx, "gone");
    sx_destroy(&sx);
    recorder_start();
    actor_start(&a, leave_destroyed, &sx);
    actor_join(&a);
    ck_assert_uint_eq(recorder_count("destroyed"), CALLS);
    ck_assert_uint_eq(recorder_count(NULL), CALLS);
}
END_TEST

static void check_destroy_is_refused(struct sx *sx)
{
    recorder_start();
    sx_destroy(sx);
    ASSERT_VIOLATED("destroy-held");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert_ptr_eq(recorder_last().lock, sx);
    recorder_start();
}

START_TEST(sx_R56_destroy_with_waiters_is_refused)
{
    struct puppet writer, reader;
    struct sx sx;
    puppet_start(&writer);
    puppet_start(&reader);
    sx_init(&sx, "awaited");
    sx_xlock(&sx);
    tell_blocked(&reader, slock, &sx);
    check_destroy_is_refused(&sx);
    tell_blocked(&writer, xlock, &sx);
    check_destroy_is_refused(&sx);
    sx_xunlock(&sx);
    WAIT_UNTIL(done(&writer));
    check_destroy_is_refused(&sx); /* held by another, a reader waits */
    (void)ask(&writer, unlock, &sx);
    WAIT_UNTIL(done(&reader));
    tell_blocked(&writer, xlock, &sx);
    check_destroy_is_refused(&sx); /* shared by another, a writer waits */
    (void)ask(&reader, unlock, &sx);
    WAIT_UNTIL(done(&writer));
    (void)ask(&writer, unlock, &sx);
    puppet_end(&reader);
    end(&sx, &writer);
}
END_TEST

START_TEST(sx_R56_destroy_sees_a_single_share_of_another_thread)
{
    struct puppet p;
    struct sx sx;
    puppet_start(&p);
    for (int i = 0; i < 100; i++) {
        sx_init(&sx, "read mostly");
        if (i % 2 == 0) {
            sx_xlock(&sx);
            sx_xunlock(&sx);
        }
        (void)ask(&p, slock, &sx);
        check_destroy_is_refused(&sx);
        (void)ask(&p, sunlock, &sx);
        sx_destroy(&sx);
        ck_assert_uint_eq(recorder_count(NULL), 0);
    }
    puppet_end(&p);
}
END_TEST

START_TEST(sx_R60_live_memory_is_initialised_anew_without_a_word)
{
    struct puppet p;
    struct sx sx;
    puppet_start(&p);
    memset(&sx, 0xa5, sizeof sx);
    recorder_start();
    sx_init(&sx, "first");
    sx_init_flags(&sx, "second", SX_RECURSE);
    ck_assert_str_eq(sx.lock_object.lo_name, "second");
    sx_xlock(&sx);
    sx_xlock(&sx);
    sx_xunlock(&sx);
    sx_xunlock(&sx);
    sx_init_flags(&sx, "third", SX_NEW);
    ck_assert_int_eq(ask(&p, try_xlock, &sx), 1);
    ck_assert_int_eq(ask(&p, try_xlock, &sx), 0); /* no longer recursive */
    (void)ask(&p, unlock, &sx);
    sx_destroy(&sx);
    sx_init(&sx, "fourth");
    ck_assert_int_eq(ask(&p, try_slock, &sx), 1);
    (void)ask(&p, unlock, &sx);
    end(&sx, &p);
}
END_TEST

START_TEST(sx_R77_every_known_flag_is_accepted)
{
    static const int flags[] = {0,
                                SX_DUPOK,
                                SX_NOPROFILE,
                                SX_NOWITNESS,
                                SX_QUIET,
                                SX_ADAPTIVESPIN,
                                SX_NOADAPTIVE,
                                SX_RECURSE,
                                SX_NEW,
                                0x7f};
    recorder_start();
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct sx sx;
        sx_init_flags(&sx, "flags", flags[i]);
        sx_xlock(&sx);
        ck_assert_int_eq(sx_try_xlock(&sx), (flags[i] & SX_RECURSE) != 0);
        if ((flags[i] & SX_RECURSE) != 0)
            sx_xunlock(&sx);
        sx_downgrade(&sx);
        ck_assert_int_eq(sx_try_upgrade(&sx), 1);
        sx_xunlock(&sx);
        sx_destroy(&sx);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_R77_an_unknown_flag_is_a_bad_argument)
{
    static const int flags[] = {0x80, 0x100, 0x80 | SX_RECURSE, 1 << 30, -1};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        struct sx sx;
        memset(&sx, 0, sizeof sx);
        recorder_start();
        sx_init_flags(&sx, "flags", flags[i]);
        ASSERT_VIOLATED("bad-argument");
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
        recorder_start();
        ck_assert_int_eq(sx_try_slock(&sx), 0);
        ASSERT_VIOLATED("destroyed"); /* still no lock */
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx init and destroy");
    TCase *tc = tcase_create("destroy");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_R58_R59_a_destroyed_lock_refuses_every_call);
    tcase_add_test(tc, sx_R59_zero_filled_memory_is_no_lock);
    tcase_add_test(tc, sx_R58_refused_calls_leave_no_hold_at_thread_exit);
    tcase_add_test(tc, sx_R56_destroy_with_waiters_is_refused);
    tcase_add_test(tc, sx_R56_destroy_sees_a_single_share_of_another_thread);
    tcase_add_test(tc, sx_R60_live_memory_is_initialised_anew_without_a_word);
    tcase_add_test(tc, sx_R77_every_known_flag_is_accepted);
    tcase_add_test(tc, sx_R77_an_unknown_flag_is_a_bad_argument);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
