/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_SCHED_H
#define KSLOCK_EVL_SCHED_H

#include <kslock/irq.h>
#include <kslock/stage.h>

#include <errno.h>
#include <stdbool.h>

KSL_BEGIN_DECLS

/*
 * Moves the caller to the out-of-band stage (evl_stanix.md D11). Context: thread.
 * Returns 0; -EPERM in an interrupt handler; -ERESTARTSYS with a signal pending.
 */
static inline int evl_switch_oob(void)
{
    return ksl_stage_switch(KSL_STAGE_OOB);
}

/* Moves the caller in-band; cause is for the caller's own use. Context: thread. */
static inline void evl_switch_inband(int cause)
{
    (void)cause;
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
}

/* True in a handler of either stage, and on the stage that the name says (D8). Context:
 * any. */
static inline bool evl_in_irq(void)
{
    return ksl_irq_in_handler();
}

static inline bool running_oob(void)
{
    return ksl_stage_current() == KSL_STAGE_OOB;
}

static inline bool running_inband(void)
{
    return ksl_stage_current() == KSL_STAGE_INBAND;
}

/* True where a call that has to sleep is refused: in-band, and in handlers. Context: any.
 */
static inline bool evl_cannot_block(void)
{
    return evl_in_irq() || running_inband();
}

/* Lets other threads run; a woken thread needs no such call here. Context: any. */
KSL_API void evl_schedule(void) KSL_SYMBOL(ksl_evl_schedule);

KSL_END_DECLS

#endif
