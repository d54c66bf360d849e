/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sx(9): every call in every state of the lock: what is a violation of which
 * rule, what a refused call returns, and that it changes nothing (rules 9, 10,
 * 12, 16, 18, 21, 53 to 57, 61 to 65).
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_scene.h"
#include "freebsd_sx_states.h"
#include "support.h"

#include <string.h>

/* The call, its macro form, its function form. */
#define FORMS(name)                                                                      \
    static int macro_##name(void *sx)                                                    \
    {                                                                                    \
        name(sx);                                                                        \
        return 0;                                                                        \
    }                                                                                    \
    static int function_##name(void *sx)                                                 \
    {                                                                                    \
        (name)(sx);                                                                      \
        return 0;                                                                        \
    }
#define INT_FORMS(name)                                                                  \
    static int macro_##name(void *sx)                                                    \
    {                                                                                    \
        return name(sx);                                                                 \
    }                                                                                    \
    static int function_##name(void *sx)                                                 \
    {                                                                                    \
        return (name)(sx);                                                               \
    }

FORMS(sx_slock)
FORMS(sx_xlock)
FORMS(sx_sunlock)
FORMS(sx_xunlock)
FORMS(sx_unlock)
FORMS(sx_downgrade)
FORMS(sx_destroy)
INT_FORMS(sx_slock_sig)
INT_FORMS(sx_xlock_sig)
INT_FORMS(sx_try_slock)
INT_FORMS(sx_try_xlock)
INT_FORMS(sx_try_upgrade)

static const char *const state_name[STATES] = {"free",           "shared",
                                               "shared twice",   "held",
                                               "held twice",     "shared by another",
                                               "shared by both", "held by another"};

/* Rules of which a call is a violation; "" if it is legal; NULL if it would wait. */
struct row {
    const char *name;
    call_fn call[2];
    int refused;    /* what it returns then */
    int returns[2]; /* what it returns if legal: does not get the lock, gets it */
    const char *rule[STATES];
    const char *gets; /* a character a state: '1' if a legal call succeeds */
};

#define ROW(name)                                                                        \
#name,                                                                               \
    {                                                                                    \
        macro_##name, function_##name                                                    \
    }
#define NL "not-locked"
#define NO "not-owner"
#define RE "recursion"
#define DH "destroy-held"

/* The rule in MINE is that of a lock without SX_RECURSE, MINE_TWICE one with. */
static const struct row rows[] = {
    {ROW(sx_sunlock), 0, {0, 0}, {NL, "", "", NO, NO, NO, "", NO}, "01100010"},
    {ROW(sx_xunlock), 0, {0, 0}, {NL, NO, NO, "", "", NO, NO, NO}, "00011000"},
    {ROW(sx_unlock), 0, {0, 0}, {NL, "", "", "", "", NO, "", NO}, "01111010"},
    {ROW(sx_downgrade), 0, {0, 0}, {NL, NO, NO, "", RE, NO, NO, NO}, "00010000"},
    {ROW(sx_try_upgrade), 0, {0, 1}, {NL, "", "", NO, NO, NO, "", NO}, "01000000"},
    {ROW(sx_slock), 0, {0, 0}, {"", "", "", RE, RE, "", "", NULL}, "11100110"},
    {ROW(sx_slock_sig), EDEADLK, {0, 0}, {"", "", "", RE, RE, "", "", NULL}, "11100110"},
    {ROW(sx_try_slock), 0, {0, 1}, {"", "", "", "", "", "", "", ""}, "11100110"},
    {ROW(sx_xlock), 0, {0, 0}, {"", RE, RE, RE, "", NULL, RE, NULL}, "10001000"},
    {ROW(sx_xlock_sig),
     EDEADLK,
     {0, 0},
     {"", RE, RE, RE, "", NULL, RE, NULL},
     "10001000"},
    {ROW(sx_try_xlock), 0, {0, 1}, {"", "", "", "", "", "", "", ""}, "10001000"},
    {ROW(sx_destroy), 0, {0, 0}, {"", DH, DH, DH, DH, DH, DH, DH}, "10000000"},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

static struct puppet other, third;

/* Gives back what the state says, no more and no less, and finds the lock free. */
static void leave(struct sx *sx, enum state state, const char *name)
{
    static const int expected[STATES] = {2, 1, 1, 0, 0, 1, 1, 0};
    int seen = ask(&third, room, sx);
    ck_assert_msg(seen == expected[state], "after %s, %s: a third thread finds %d", name,
                  state_name[state], seen);
    if (state == MY_SHARE || state == MY_SHARES || state == BOTH_SHARE)
        sx_sunlock(sx);
    if (state == MY_SHARES) {
        ck_assert_int_eq(ask(&third, room, sx), 1);
        sx_sunlock(sx);
    }
    if (state == MINE || state == MINE_TWICE)
        sx_xunlock(sx);
    if (state == MINE_TWICE) {
        ck_assert_int_eq(ask(&third, room, sx), 0);
        sx_xunlock(sx);
    }
    if (state == BOTH_SHARE)
        ck_assert_int_eq(ask(&third, room, sx), 1);
    if (state >= OTHERS_SHARE)
        (void)ask(&other, macro_sx_unlock, sx);
    seen = ask(&third, room, sx);
    ck_assert_msg(seen == 2, "after %s, %s: not free in the end", name,
                  state_name[state]);
    ck_assert_msg(recorder_count(NULL) == 0, "after %s, %s: %s", name, state_name[state],
                  recorder_last().message);
    sx_destroy(sx);
}

static void check_refused(const struct row *r, int form, enum state state)
{
    struct sx sx;
    enter(&sx, "the lock", &other, state);
    recorder_start();
    int result = r->call[form](&sx);
    struct recorded last = recorder_last();
    ck_assert_msg(recorder_count(NULL) == 1 && strcmp(last.rule, r->rule[state]) == 0,
                  "%s (form %d), %s: expected one %s, got %u, last %s", r->name, form,
                  state_name[state], r->rule[state], recorder_count(NULL), last.rule);
    ck_assert_int_eq(last.severity, KSL_PANIC);
    ck_assert_ptr_eq(last.lock, &sx);
    ck_assert_ptr_eq(last.thread, ksl_thread_self());
    ck_assert_msg(result == r->refused, "%s, %s: %d", r->name, state_name[state], result);
    recorder_start();
    leave(&sx, state, r->name);
}

/* The state after a legal call that succeeded. */
static enum state next(const char *name, enum state state)
{
    static const struct {
        const char *name;
        enum state from, to;
    } steps[] = {
        {"sx_sunlock", MY_SHARE, FREE},
        {"sx_sunlock", MY_SHARES, MY_SHARE},
        {"sx_sunlock", BOTH_SHARE, OTHERS_SHARE},
        {"sx_unlock", MY_SHARE, FREE},
        {"sx_unlock", MY_SHARES, MY_SHARE},
        {"sx_unlock", BOTH_SHARE, OTHERS_SHARE},
        {"sx_unlock", MINE, FREE},
        {"sx_unlock", MINE_TWICE, MINE},
        {"sx_xunlock", MINE, FREE},
        {"sx_xunlock", MINE_TWICE, MINE},
        {"sx_downgrade", MINE, MY_SHARE},
        {"sx_try_upgrade", MY_SHARE, MINE},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (strcmp(steps[i].name, name) == 0 && steps[i].from == state)
            return steps[i].to;
    }
    return STATES;
}

/* A legal call that took a hold is undone by one unlock. */
static void check_legal(const struct row *r, int form, enum state state)
{
    struct sx sx;
    bool gets = r->gets[state] == '1';
    enter(&sx, "the lock", &other, state);
    recorder_start();
    int result = r->call[form](&sx);
    ck_assert_msg(recorder_count(NULL) == 0, "%s (form %d), %s: %s", r->name, form,
                  state_name[state], recorder_last().message);
    ck_assert_msg(result == r->returns[gets], "%s (form %d), %s: %d", r->name, form,
                  state_name[state], result);
    if (strcmp(r->name, "sx_destroy") == 0)
        return;
    enum state after = gets ? next(r->name, state) : state;
    if (after == STATES) {
        sx_unlock(&sx);
        after = state;
    }
    leave(&sx, after, r->name);
}

START_TEST(sx_every_call_in_every_state)
{
    const struct row *r = &rows[_i];
    puppet_start(&other);
    puppet_start(&third);
    for (enum state state = 0; state < STATES; state++) {
        for (int form = 0; form < 2; form++) {
            if (r->rule[state] == NULL)
                continue;
            if (r->rule[state][0] != '\0')
                check_refused(r, form, state);
            else
                check_legal(r, form, state);
        }
    }
    puppet_end(&other);
    puppet_end(&third);
}
END_TEST

START_TEST(sx_R65_a_share_is_given_back_by_its_thread_only)
{
    struct sx sx;
    puppet_start(&other);
    puppet_start(&third);
    sx_init(&sx, "handed over");
    (void)ask(&other, macro_sx_slock, &sx);
    recorder_start();
    (void)ask(&third, macro_sx_sunlock, &sx);
    ASSERT_VIOLATED("not-owner");
    ck_assert_ptr_eq(recorder_last().thread, third.actor.thread);
    ck_assert_int_eq(sx_try_xlock(&sx), 0);
    recorder_start();
    (void)ask(&other, macro_sx_sunlock, &sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
    puppet_end(&third);
    end(&sx, &other);
}
END_TEST

START_TEST(sx_R54_a_sharer_asking_for_more_disturbs_no_writer)
{
    struct sx sx;
    puppet_start(&other);
    sx_init(&sx, "the lock");
    sx_slock(&sx);
    tell(&other, macro_sx_xlock, &sx);
    wait_asleep(other.actor.thread);
    recorder_start();
    sx_xlock(&sx);
    ASSERT_VIOLATED("recursion");
    ck_assert(!done(&other));
    sx_sunlock(&sx);
    WAIT_UNTIL(done(&other));
    (void)ask(&other, macro_sx_xunlock, &sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
    puppet_end(&other);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx misuse");
    TCase *tc = tcase_create("misuse");
    tcase_set_timeout(tc, 80);
    tcase_add_loop_test(tc, sx_every_call_in_every_state, 0, ROWS);
    tcase_add_test(tc, sx_R65_a_share_is_given_back_by_its_thread_only);
    tcase_add_test(tc, sx_R54_a_sharer_asking_for_more_disturbs_no_writer);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
