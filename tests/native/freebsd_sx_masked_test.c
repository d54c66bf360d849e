/* SPDX-License-Identifier: BSD-2-Clause */
/* sx(9) with interrupts masked: what has to wait is refused. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

#include <kslock/irq.h>

#include "freebsd_sx_puppet.h"
#include "support.h"

static const struct {
    call_fn call;
    int refused;
} blocking[] = {{slock, 0}, {xlock, 0}, {slock_sig, EDEADLK}, {xlock_sig, EDEADLK}};

static void with_interrupts_masked(struct sx *sx)
{
    sx_slock(sx);
    sx_slock(sx);
    sx_sunlock(sx);
    sx_sunlock(sx);
    sx_xlock(sx);
    sx_downgrade(sx);
    ck_assert_int_eq(sx_try_upgrade(sx), 1);
    sx_xunlock(sx);
    ck_assert_int_eq(sx_slock_sig(sx), 0);
    sx_unlock(sx);
    ck_assert_int_eq(sx_xlock_sig(sx), 0);
    sx_unlock(sx);
}

START_TEST(sx_masked_interrupts_do_not_matter_without_a_wait)
{
    struct sx sx;
    recorder_start();
    sx_init(&sx, "masked");
    unsigned state = ksl_irq_save();
    with_interrupts_masked(&sx);
    ksl_irq_restore(state);
    ck_assert_uint_eq(ksl_irq_set_level(1), 0);
    with_interrupts_masked(&sx);
    ck_assert_uint_eq(ksl_irq_set_level(0), 1);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void check_under(struct sx *sx, void (*take)(struct mtx *m),
                        void (*give)(struct mtx *m), int kind)
{
    struct mtx m;
    mtx_init(&m, "outer", NULL, kind);
    take(&m);
    ck_assert_int_eq(sx_try_slock(sx), 1);
    ck_assert_int_eq(sx_try_upgrade(sx), 1);
    sx_downgrade(sx);
    sx_sunlock(sx);
    ck_assert_int_eq(sx_try_xlock(sx), 1);
    sx_xunlock(sx);
    give(&m);
    mtx_destroy(&m);
}

START_TEST(sx_R67_try_calls_under_a_mutex_are_silent)
{
    struct sx sx;
    recorder_start();
    sx_init(&sx, "inner");
    check_under(&sx, mtx_lock, mtx_unlock, MTX_DEF);
    check_under(&sx, mtx_lock_spin, mtx_unlock_spin, MTX_SPIN);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* The calls would have to wait: refused at any level above 0. */
static void check_masked_sleep(struct sx *sx, call_fn only)
{
    static const unsigned levels[] = {1, 5, 11};
    for (int i = 0; i < 4; i++) {
        if (only != NULL && blocking[i].call != only)
            continue;
        for (int l = 0; l < 3; l++) {
            recorder_start();
            ck_assert_uint_eq(ksl_irq_set_level(levels[l]), 0);
            int result = blocking[i].call(sx);
            ck_assert_uint_eq(ksl_irq_set_level(0), levels[l]);
            ASSERT_VIOLATED("masked-sleep");
            ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
            ck_assert_int_eq(result, blocking[i].refused);
            sx_assert(sx, SA_UNLOCKED);
            ASSERT_VIOLATED("masked-sleep"); /* and no second one */
        }
    }
    recorder_start();
}

START_TEST(sx_a_wait_with_interrupts_masked_is_masked_sleep)
{
    struct puppet p, q;
    struct sx sx, other;
    puppet_start(&p);
    puppet_start(&q);
    sx_init(&sx, "masked");
    sx_init(&other, "other");
    (void)ask(&p, xlock, &sx);
    check_masked_sleep(&sx, NULL);
    (void)ask(&p, downgrade, &sx);
    check_masked_sleep(&sx, xlock);
    check_masked_sleep(&sx, xlock_sig);
    tell_blocked(&q, xlock, &sx);
    check_masked_sleep(&sx, slock); /* behind the writer */
    sx_slock(&other);
    unsigned state = ksl_irq_save();
    sx_slock(&sx); /* past the writer: no wait */
    sx_sunlock(&sx);
    ksl_irq_restore(state);
    sx_sunlock(&other);
    (void)ask(&p, unlock, &sx);
    WAIT_UNTIL(done(&q));
    (void)ask(&q, unlock, &sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1); /* the refused left nothing behind */
    sx_xunlock(&sx);
    puppet_end(&p);
    puppet_end(&q);
    sx_destroy(&sx);
    sx_destroy(&other);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sx and masked interrupts");
    TCase *tc = tcase_create("masked");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_masked_interrupts_do_not_matter_without_a_wait);
    tcase_add_test(tc, sx_R67_try_calls_under_a_mutex_are_silent);
    tcase_add_test(tc, sx_a_wait_with_interrupts_masked_is_masked_sleep);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
