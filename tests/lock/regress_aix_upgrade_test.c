/* SPDX-License-Identifier: BSD-2-Clause */

/* lock_done in a handler, whose thread waits with its share for an upgrade (T31, T36). */
#include "../native/aix_test.h"

#include "lock/rw.h"

static Complex_lock lock;
static struct puppet reader, upgrader;
static struct irq_call irq;

START_TEST(aix_T36_handler_cannot_give_the_share_of_an_upgrader_back)
{
    recorder_start();
    irq_setup(&irq);
    irq.call = do_lock_done;
    irq.object = &lock;
    puppet_start(&reader);
    puppet_start(&upgrader);
    ask(&reader, do_lock_read, &lock);
    ask(&upgrader, do_lock_read, &lock);
    tell_blocked(&upgrader, do_upgrade, &lock);
    ck_assert_int_eq(ksl_irq_raise_on(upgrader.actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&irq.runs) == 1);
    /* The reader is still in: nobody is the writer. */
    ck_assert_uint_eq(ksi_rw_owner(LOAD(&lock.ksl_word)), 0);
    ask(&reader, do_lock_done, &lock);
    (void)answer(&upgrader);
    irq_teardown();
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_upgrade");
    TCase *tc = tcase_create("upgrade");
    tcase_add_test(tc, aix_T36_handler_cannot_give_the_share_of_an_upgrader_back);
    suite_add_tcase(s, tc);
    return support_run(s);
}
