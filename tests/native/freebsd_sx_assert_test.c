/* SPDX-License-Identifier: BSD-2-Clause */
/* sx_assert: every value in every state of the lock (rules 73 to 76). */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "freebsd_sx_puppet.h"
#include "freebsd_sx_states.h"
#include "support.h"

#include <string.h>

/* Who has the lock when the main thread asserts. */
/*
 * A character a state, in that order: '1' true, '0' `assertion`. '.' is not
 * asked: whether a second share counts as recursion is settled nowhere.
 */
static const struct {
    int what;
    const char *truth;
} values[] = {
    {SA_UNLOCKED, "10000101"},
    {SA_LOCKED, "01111010"},
    {SA_SLOCKED, "01100010"},
    {SA_XLOCKED, "00011000"},
    {SA_LOCKED | SA_RECURSED, "0..010.0"},
    {SA_LOCKED | SA_NOTRECURSED, "01.10010"},
    {SA_SLOCKED | SA_RECURSED, "0..000.0"},
    {SA_SLOCKED | SA_NOTRECURSED, "01.00010"},
    {SA_XLOCKED | SA_RECURSED, "00001000"},
    {SA_XLOCKED | SA_NOTRECURSED, "00010000"},
};

enum { VALUES = sizeof values / sizeof values[0] };

static struct puppet other;

static void leave(struct sx *sx, enum state state)
{
    if (state >= MY_SHARE && state <= MINE_TWICE)
        sx_unlock(sx);
    if (state == MY_SHARES || state == MINE_TWICE || state == BOTH_SHARE)
        sx_unlock(sx);
    if (state >= OTHERS_SHARE)
        (void)ask(&other, unlock, sx);
    sx_destroy(sx);
}

typedef void assert_form(const struct sx *sx, int what);

static void macro_form(const struct sx *sx, int what)
{
    sx_assert(sx, what);
}

static void check_value(struct sx *sx, int what, char truth, enum state state,
                        assert_form *form)
{
    const char *rule = truth == '1' ? "" : "assertion";
    recorder_start();
    form(sx, what);
    ck_assert_msg(strcmp(recorder_last().rule, rule) == 0 &&
                      recorder_count(NULL) == (truth == '1' ? 0u : 1u),
                  "what %#x in state %d: expected '%s', got '%s'", (unsigned)what,
                  (int)state, rule, recorder_last().rule);
    if (truth == '0') {
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
        ck_assert_ptr_eq(recorder_last().lock, sx);
    }
}

START_TEST(sx_R73_R74_R75_every_assertion_in_every_state)
{
    enum state state = (enum state)_i;
    puppet_start(&other);
    for (int v = 0; v < VALUES; v++) {
        struct sx sx;
        char truth = values[v].truth[state];
        if (truth == '.')
            continue;
        enter(&sx, "asserted", &other, state);
        check_value(&sx, values[v].what, truth, state, macro_form);
        check_value(&sx, values[v].what, truth, state, sx_assert);
        recorder_start();
        leave(&sx, state);
        ck_assert_uint_eq(recorder_count(NULL), 0);
    }
    puppet_end(&other);
}
END_TEST

static bool is_legal(int what)
{
    for (int v = 0; v < VALUES; v++) {
        if (values[v].what == what)
            return true;
    }
    return false;
}

static void check_unknown(struct sx *sx)
{
    static const int wide[] = {0x20, 0x40, 0x80, 0x100, 0x101, 0xff, 1 << 30, -1};
    for (int what = 0; what < 0x20; what++) {
        if (is_legal(what))
            continue;
        recorder_start();
        sx_assert(sx, what);
        ck_assert_msg(recorder_count(NULL) == 1 && recorder_count("bad-argument") == 1,
                      "what %#x: %u violations, last %s", (unsigned)what,
                      recorder_count(NULL), recorder_last().rule);
    }
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        recorder_start();
        sx_assert(sx, wide[i]);
        ASSERT_VIOLATED("bad-argument");
        ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    }
}

START_TEST(sx_R76_any_other_value_is_a_bad_argument)
{
    struct sx sx;
    sx_init_flags(&sx, "asserted", SX_RECURSE);
    check_unknown(&sx);
    sx_slock(&sx);
    check_unknown(&sx);
    sx_sunlock(&sx);
    sx_xlock(&sx);
    check_unknown(&sx);
    sx_xlock(&sx);
    check_unknown(&sx);
    sx_xunlock(&sx);
    sx_xunlock(&sx);
    recorder_start();
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_R75_conversion_changes_the_answer)
{
    struct sx sx;
    recorder_start();
    sx_init(&sx, "asserted");
    sx_slock(&sx);
    sx_assert(&sx, SX_SLOCKED);
    ck_assert_int_eq(sx_try_upgrade(&sx), 1);
    sx_assert(&sx, SX_XLOCKED | SX_NOTRECURSED);
    sx_downgrade(&sx);
    sx_assert(&sx, SX_LOCKED);
    sx_assert(&sx, SX_SLOCKED);
    sx_sunlock(&sx);
    sx_assert(&sx, SX_UNLOCKED);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    sx_assert(&sx, SX_LOCKED);
    ASSERT_VIOLATED("assertion");
    sx_destroy(&sx);
}
END_TEST

START_TEST(sx_R73_only_the_sharer_itself_passes)
{
    struct sx sx[3];
    puppet_start(&other);
    recorder_start();
    for (int i = 0; i < 3; i++)
        sx_init(&sx[i], "asserted");
    sx_slock(&sx[0]);
    (void)ask(&other, slock, &sx[1]);
    sx_slock(&sx[2]);
    (void)ask(&other, slock, &sx[2]);
    sx_sunlock(&sx[2]); /* now the other's only */
    sx_assert(&sx[0], SA_SLOCKED);
    sx_assert(&sx[1], SA_UNLOCKED);
    sx_assert(&sx[2], SA_UNLOCKED);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    sx_assert(&sx[2], SA_SLOCKED);
    ASSERT_VIOLATED("assertion");
    sx_sunlock(&sx[0]);
    (void)ask(&other, unlock, &sx[1]);
    (void)ask(&other, unlock, &sx[2]);
    puppet_end(&other);
    for (int i = 0; i < 3; i++)
        sx_destroy(&sx[i]);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx_assert");
    TCase *tc = tcase_create("assert");
    tcase_set_timeout(tc, 80);
    tcase_add_loop_test(tc, sx_R73_R74_R75_every_assertion_in_every_state, 0, STATES);
    tcase_add_test(tc, sx_R76_any_other_value_is_a_bad_argument);
    tcase_add_test(tc, sx_R75_conversion_changes_the_answer);
    tcase_add_test(tc, sx_R73_only_the_sharer_itself_passes);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
