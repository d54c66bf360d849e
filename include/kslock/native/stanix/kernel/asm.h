/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_ASM_H
#define KSLOCK_STANIX_ASM_H

/* Stanix <kernel/asm.h>: the interrupt flag of the calling thread. */

#include <kslock/irq.h>

KSL_BEGIN_DECLS

/* Masks all interrupts of the caller. Context: any. */
#define disable_interrupt() ((void)ksl_irq_set_level(KSL_IRQ_LEVELS - 1))

/* Opens all interrupts of the caller and plays what waited. Context: any. */
#define enable_interrupt() ((void)ksl_irq_set_level(0))

/* Nonzero (0x200) if interrupts are open, that is at level 0. Context: any. */
int have_interrupt(void) KSL_SYMBOL(ksl_stanix_have_interrupt);

KSL_END_DECLS

#endif
