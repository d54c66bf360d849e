/* SPDX-License-Identifier: BSD-2-Clause */
#include "thread/irq.h"

#include <kslock/signal.h>
#include <kslock/stage.h>

#include <errno.h>

ksl_stage ksl_stage_current(void)
{
    return (ksl_stage)ksi_load(&ksi_self()->stage);
}

int ksl_stage_switch(ksl_stage to)
{
    ksl_thread *t = ksi_self();
    if (to != KSL_STAGE_INBAND && to != KSL_STAGE_OOB)
        return -EINVAL;
    if (t->handlers > 0)
        return -EPERM;
    if (to == KSL_STAGE_OOB && ksl_signal_pending())
        return -ERESTARTSYS;
    ksi_barrier();
    ksi_store(&t->stage, (uint32_t)to);
    ksi_barrier();
    if (ksi_load(&t->attention) != 0)
        ksi_irq_play(t); /* in-band interrupts that waited */
    return 0;
}
