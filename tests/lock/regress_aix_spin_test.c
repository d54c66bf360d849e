/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * disable_lock in a handler, whose thread has queued itself for the same lock and has
 * not yet looked again: the release overwrote its mark and did not see its claim.
 */
#include "../native/aix_test.h"

#include "platform/testing.h"

#include <string.h>

static Simple_lock lock;
static struct puppet owner, waiter;
static struct irq_call irq;
static int at_release, release_may_go, raised; /* atomic */
static __thread int stops_at_release, stops_at_claim, raises;

static void wait_for(const int *flag)
{
    uint64_t state = 0;
    while (!LOAD(flag) && support_keep_waiting(&state))
        ;
}

static void hook(const char *where)
{
    if (stops_at_release && strcmp(where, "rw: plain release") == 0) {
        stops_at_release = 0;
        STORE(&at_release, 1);
        wait_for(&release_may_go);
    } else if (stops_at_claim && strcmp(where, "rw: claim") == 0) {
        /* With the bucket locked, which the owner does not need: only waits here. */
        stops_at_claim = 0;
        STORE(&release_may_go, 1);
        wait_for(&owner.done);
    } else if (raises && strcmp(where, "rw: queued") == 0) {
        raises = 0;
        STORE(&raised, 1);
        (void)ksl_irq_raise_on(ksl_thread_self(), TEST_IRQ);
    }
}

static int unlock_slowly(void *l)
{
    stops_at_release = 1;
    (simple_unlock)((simple_lock_t)l);
    return 0;
}

static int wait_to_lock(void *l)
{
    stops_at_claim = 1;
    raises = 1;
    (simple_lock)((simple_lock_t)l);
    return lock_mine(l);
}

static int disable_and_enable(void *l)
{
    int before = disable_lock(INTMAX, (simple_lock_t)l);
    int mine = lock_mine(l);
    unlock_enable(before, (simple_lock_t)l);
    return mine;
}

START_TEST(aix_T15_handler_takes_a_free_lock_that_its_thread_is_queued_for)
{
    STORE(&ksi_spin_cap, 0);
    STORE(&ksi_point_hook, hook);
    irq_setup(&irq);
    irq.call = disable_and_enable;
    irq.object = &lock;
    puppet_start(&owner);
    puppet_start(&waiter);
    ask(&owner, do_simple_lock, &lock);
    tell(&owner, unlock_slowly, &lock);
    WAIT_UNTIL(LOAD(&at_release));
    tell(&waiter, wait_to_lock, &lock);
    WAIT_UNTIL(LOAD(&raised));
    WAIT_UNTIL(LOAD(&irq.runs) == 1);
    ck_assert_int_eq(irq.result, 1);
    ck_assert_int_eq(answer(&waiter), 1);
    ask(&waiter, do_simple_unlock, &lock);
    STORE(&ksi_point_hook, NULL);
    puppet_end(&waiter);
    puppet_end(&owner);
    irq_teardown();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_spin");
    TCase *tc = tcase_create("spin");
    tcase_add_test(tc, aix_T15_handler_takes_a_free_lock_that_its_thread_is_queued_for);
    suite_add_tcase(s, tc);
    return support_run(s);
}
