/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_TICKS_H
#define KSI_PLATFORM_TICKS_H

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/park.h"

/*
 * The cheapest clock that runs at one rate: the processor's own counter if it says that
 * it never stops nor changes its rate, else ksi_now(). What it counts in is known from
 * ksi_ticks_begin on, before which it must not be read.
 */

/* Ticks to ns: times this, divided by 2^32; 0: ticks are ns. Constant once set. */
extern uint64_t ksi_ticks_scale __attribute__((visibility("hidden")));

/* Finds out how fast it runs, in some ms; once. */
void ksi_ticks_begin(void);

static inline uint64_t ksi_ticks(void)
{
#if defined(__x86_64__)
    if (KSI_LIKELY(ksi_load(&ksi_ticks_scale) != 0))
        return __builtin_ia32_rdtsc();
#endif
    return ksi_now();
}

static inline uint64_t ksi_ticks_ns(uint64_t ticks)
{
    uint64_t scale = ksi_load(&ksi_ticks_scale);
    if (scale == 0)
        return ticks;
    return (ticks >> 32) * scale + ((ticks & 0xffffffffu) * scale >> 32);
}

#endif
