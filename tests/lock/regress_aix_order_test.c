/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A waiter that is as urgent as another one, because priority was lent to it, and came
 * first, is woken first.
 */
#include "../native/aix_test.h"

static lock_t wanted = LOCK_AVAIL, other = LOCK_AVAIL;
static struct puppet early, late, lender;

START_TEST(aix_T59_lent_priority_keeps_the_order_of_arrival)
{
    ck_assert_int_eq(lockl(&wanted, LOCK_SHORT), LOCK_SUCC);
    puppet_start(&early);
    puppet_start(&late);
    puppet_start(&lender);
    set_urgency(&early, 10);
    set_urgency(&late, 50);
    set_urgency(&lender, 50);
    ask(&early, do_lockl, &other);
    tell_blocked(&early, do_lockl, &wanted);
    tell_blocked(&lender, do_lockl, &other);
    ck_assert_int_eq(ksl_thread_effective_priority(early.actor.thread), 50);
    tell_blocked(&late, do_lockl, &wanted);
    unlockl(&wanted);
    WAIT_UNTIL(done(&early) || done(&late));
    ck_assert(done(&early));
    ask(&early, do_unlockl, &wanted);
    ask(&early, do_unlockl, &other);
    ck_assert_int_eq(answer(&late), LOCK_SUCC);
    ck_assert_int_eq(answer(&lender), LOCK_SUCC);
    ask(&late, do_unlockl, &wanted);
    ask(&lender, do_unlockl, &other);
    puppet_end(&lender);
    puppet_end(&late);
    puppet_end(&early);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_order");
    TCase *tc = tcase_create("order");
    tcase_add_test(tc, aix_T59_lent_priority_keeps_the_order_of_arrival);
    suite_add_tcase(s, tc);
    return support_run(s);
}
