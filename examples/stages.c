/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Stages: a thread runs in-band or out-of-band (oob). In-band interrupts wait
 * while a thread is oob; oob interrupts do not wait for the in-band stall bit.
 */

#include "example.h"

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/stage.h>

#include <errno.h>

enum { INBAND_IRQ = 1, OOB_IRQ = 2 };

static int runs[2]; /* of the in-band and of the oob handler */

static void handler(int irq, void *arg)
{
    ksl_stage *expected = arg;
    CHECK(ksl_stage_current() == *expected);
    CHECK(ksl_stage_switch(KSL_STAGE_INBAND) == -EPERM); /* not from a handler */
    runs[irq == OOB_IRQ]++;
}

static void raise_both(void)
{
    runs[0] = runs[1] = 0;
    CHECK(ksl_irq_raise_on(ksl_thread_self(), INBAND_IRQ) == 0);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), OOB_IRQ) == 0);
}

int main(void)
{
    ksl_stage inband = KSL_STAGE_INBAND;
    ksl_stage oob = KSL_STAGE_OOB;
    CHECK(ksl_irq_request(INBAND_IRQ, inband, 3, handler, &inband) == 0);
    CHECK(ksl_irq_request(OOB_IRQ, oob, 6, handler, &oob) == 0);

    /* Threads start in-band: both are taken at once. */
    CHECK(ksl_stage_current() == KSL_STAGE_INBAND);
    raise_both();
    CHECK(runs[0] == 1 && runs[1] == 1);

    /* On the oob stage the in-band one waits until we are back. */
    CHECK(ksl_stage_switch(KSL_STAGE_OOB) == 0);
    raise_both();
    CHECK(runs[0] == 0 && runs[1] == 1);
    CHECK(ksl_stage_switch(KSL_STAGE_INBAND) == 0);
    CHECK(runs[0] == 1);

    /* The virtual disable holds back in-band handlers only. */
    unsigned state = ksl_irq_stall_inband();
    raise_both();
    CHECK(runs[0] == 0 && runs[1] == 1);
    ksl_irq_restore_inband(state);
    CHECK(runs[0] == 1);

    /* A pending signal has to be handled in-band first. */
    CHECK(ksl_signal_post(ksl_thread_self(), 10) == 0);
    CHECK(ksl_stage_switch(KSL_STAGE_OOB) == -ERESTARTSYS);
    CHECK(ksl_signal_take() == 10);
    CHECK(ksl_stage_switch(KSL_STAGE_OOB) == 0);
    CHECK(ksl_stage_switch(KSL_STAGE_INBAND) == 0);

    CHECK(ksl_irq_free(INBAND_IRQ) == 0 && ksl_irq_free(OOB_IRQ) == 0);
    printf("stages: in-band work waits for the oob stage, never the other way round\n");
    return 0;
}
