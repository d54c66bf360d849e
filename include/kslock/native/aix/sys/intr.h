/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_INTR_H
#define KSLOCK_AIX_SYS_INTR_H

#include <sys/types.h>

#include <kslock/base.h>
#include <kslock/inline_irq.h>

#include <stddef.h>

KSL_BEGIN_DECLS

/*
 * Interrupt priorities: 11 minus the level of <kslock/irq.h>. Smaller is more favoured;
 * interrupts of the present priority and of less favoured ones wait.
 */
#define INTMAX 0 /* all wait */
#define INTTIMER 1
#define INTCLASS0 3
#define INTCLASS1 4
#define INTCLASS2 5
#define INTCLASS3 6
#define INTBASE 11 /* none wait */

#define PL_IMP INTCLASS2

/*
 * Moves the caller to the interrupt priority new_pri, as favoured as the present one or
 * more. Context: any. Returns the priority before, for i_enable (T23).
 * Violations: `bad-argument` for a less favoured one (T28) or a value outside
 * INTMAX..INTBASE; then nothing changes and the present priority is returned.
 */
KSL_API int i_disable(int new_pri) KSL_SYMBOL(ksl_aix_i_disable);

/*
 * Goes back to the priority that i_disable returned; interrupts that became open have
 * run on return (T19). Context: any.
 * Violations: `bad-argument` for a value outside INTMAX..INTBASE.
 */
KSL_API void i_enable(int old_pri) KSL_SYMBOL(ksl_aix_i_enable);

#if defined(KSL_INLINES)
KSL_API int ksl_aix_i_disable_called(int new_pri) KSL_CALLED(ksl_aix_i_disable);
KSL_API void ksl_aix_i_enable_called(int old_pri) KSL_CALLED(ksl_aix_i_enable);

KSL_INLINE int i_disable(int new_pri)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0))
        return ksl_aix_i_disable_called(new_pri);
    int before = INTBASE - KSL_CAST(int, ksl_level_of(f));
    if (__builtin_expect(new_pri < INTMAX || new_pri > before, 0))
        return ksl_aix_i_disable_called(new_pri);
    if (__builtin_constant_p(new_pri) && new_pri == INTMAX)
        ksl_level_set(f, KSL_MASK_ALL); /* nothing is open then */
    else
        ksl_unmask_fast(f, KSL_CAST(uint32_t, INTBASE - new_pri));
    return before;
}

KSL_INLINE void i_enable(int old_pri)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f != KSL_NULL && old_pri >= INTMAX && old_pri <= INTBASE, 1))
        ksl_unmask_fast(f, KSL_CAST(uint32_t, INTBASE - old_pri));
    else
        ksl_aix_i_enable_called(old_pri);
}
#endif

KSL_END_DECLS

#endif
