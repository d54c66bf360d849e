/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STAGE_H
#define KSLOCK_STAGE_H

#include <kslock/base.h>

/* Kernel-only code of an interrupted call; no user-space header has it. */
#ifndef ERESTARTSYS
#define ERESTARTSYS 512
#endif

KSL_BEGIN_DECLS

/* Every thread carries the tag of the stage that runs it (evl_stanix.md 5). */
typedef enum { KSL_STAGE_INBAND = 0, KSL_STAGE_OOB = 1 } ksl_stage;

/*
 * Stage of the caller; in an interrupt handler that of the handler (D8).
 * Context: any.
 */
KSL_API ksl_stage ksl_stage_current(void);

/*
 * Moves the calling thread to a stage (D11). Going in-band plays the in-band
 * interrupts that waited.
 * Context: thread.
 * Returns 0; -EPERM in an interrupt handler; -ERESTARTSYS on the way to
 * oob while ksl_signal_pending(); -EINVAL for an unknown stage.
 */
KSL_API int ksl_stage_switch(ksl_stage to);

KSL_END_DECLS

#endif
