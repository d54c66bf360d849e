/* SPDX-License-Identifier: BSD-2-Clause */
#include "thread/irq.h"
#include "thread/upcalls.h"
#include "thread/watch.h"

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
    if ((uint32_t)to != t->stage) {
        ksi_up_stage_changes(t, KSI_SITE());
        ksi_up_leave_stage(t);
    }
    ksi_barrier();
    ksi_store(&t->front.stage, to == KSL_STAGE_OOB ? (uint32_t)KSL_GATE_OOB : 0u);
    ksi_store(&t->stage, (uint32_t)to);
    ksi_barrier();
    if (KSI_UNLIKELY(ksi_load(&ksi_watched) != 0))
        ksi_up_irq_event(t, KSI_IRQ_STAGE, (uint64_t)to, 0);
    if (ksi_load(&t->front.attention) != 0)
        ksi_irq_play(t); /* in-band interrupts that waited */
    return 0;
}
