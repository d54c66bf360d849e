/* SPDX-License-Identifier: BSD-2-Clause */

/* <kslock/stage.h>: the stage tag of a thread. */

#include "support.h"

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/stage.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>

START_TEST(threads_start_in_band)
{
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_INBAND);
}
END_TEST

START_TEST(switch_to_and_fro)
{
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
        ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_OOB);
        ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0); /* already there */
        ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
        ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_INBAND);
        ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    }
    ck_assert_int_eq(ksl_stage_switch((ksl_stage)2), -EINVAL);
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_INBAND);
}
END_TEST

struct other {
    ksl_stage seen;
    int go;   /* atomic */
    int done; /* atomic */
};

static void look_later(void *arg)
{
    struct other *o = arg;
    uint64_t state = 0;
    STORE(&o->done, 1);
    while (!LOAD(&o->go) && support_keep_waiting(&state))
        ;
    o->seen = ksl_stage_current();
}

START_TEST(the_tag_belongs_to_the_thread)
{
    struct other o = {.seen = KSL_STAGE_OOB};
    struct actor a;
    actor_start(&a, look_later, &o);
    WAIT_UNTIL(LOAD(&o.done));
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    STORE(&o.go, 1);
    actor_join(&a);
    ck_assert_int_eq(o.seen, KSL_STAGE_INBAND);
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_OOB);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
}
END_TEST

START_TEST(a_pending_signal_keeps_the_caller_in_band)
{
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_signal_post(self, 12), 0);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), -ERESTARTSYS);
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_INBAND);
    ck_assert(ksl_signal_pending());

    uint64_t old = ksl_signal_mask((uint64_t)1 << 11);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    (void)ksl_signal_mask(old);
    ck_assert(ksl_signal_pending());
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0); /* the way back is open */

    ck_assert_int_eq(ksl_signal_take(), 12);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
}
END_TEST

struct in_handler {
    int runs;
    ksl_stage stage, after;
    int to_oob, to_inband;
};

static void try_to_switch(int irq, void *arg)
{
    struct in_handler *h = arg;
    (void)irq;
    h->stage = ksl_stage_current();
    h->to_oob = ksl_stage_switch(KSL_STAGE_OOB);
    h->to_inband = ksl_stage_switch(KSL_STAGE_INBAND);
    h->after = ksl_stage_current();
    h->runs++;
}

/* _i: bit 0 is the stage of the handler, bit 1 that of the thread. */
START_TEST(handlers_have_their_own_stage_and_keep_it)
{
    ksl_stage of_handler = (_i & 1) != 0 ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
    ksl_stage of_thread = (_i & 2) != 0 ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
    bool at_once = of_handler == KSL_STAGE_OOB || of_thread == KSL_STAGE_INBAND;
    struct in_handler h;
    memset(&h, 0, sizeof h);
    ck_assert_int_eq(ksl_irq_request(3, of_handler, 4, try_to_switch, &h), 0);
    ck_assert_int_eq(ksl_stage_switch(of_thread), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 3), 0);
    ck_assert_int_eq(h.runs, at_once ? 1 : 0);
    ck_assert_int_eq(ksl_stage_current(), of_thread);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    ck_assert_int_eq(h.runs, 1);
    ck_assert_int_eq(h.stage, of_handler);
    ck_assert_int_eq(h.after, of_handler);
    ck_assert_int_eq(h.to_oob, -EPERM);
    ck_assert_int_eq(h.to_inband, -EPERM);
    ck_assert_int_eq(ksl_stage_current(), KSL_STAGE_INBAND);
    ck_assert_int_eq(ksl_irq_free(3), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stage");
    TCase *tc = tcase_create("stage");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, threads_start_in_band);
    tcase_add_test(tc, switch_to_and_fro);
    tcase_add_test(tc, the_tag_belongs_to_the_thread);
    tcase_add_test(tc, a_pending_signal_keeps_the_caller_in_band);
    tcase_add_loop_test(tc, handlers_have_their_own_stage_and_keep_it, 0, 4);
    suite_add_tcase(s, tc);
    return support_run(s);
}
