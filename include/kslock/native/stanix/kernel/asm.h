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

#if defined(KSL_INLINES)
KSL_API int ksl_stanix_have_interrupt_called(void) KSL_CALLED(ksl_stanix_have_interrupt);

KSL_INLINE int have_interrupt(void)
{
    const struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0))
        return ksl_stanix_have_interrupt_called();
    return ksl_level_of(f) == 0 ? 0x200 : 0;
}
#endif

KSL_END_DECLS

#endif
