/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/ticks.h"

#include "platform/testing.h"

#include <stddef.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

uint64_t ksi_ticks_scale;

#if defined(__x86_64__)

static bool counter_is_invariant(void)
{
    enum { POWER = 0x80000007, INVARIANT = 1 << 8 };
    unsigned a, b, c, d = 0;
    return __get_cpuid(POWER, &a, &b, &c, &d) != 0 && (d & INVARIANT) != 0;
}

/* Both clocks at one moment: of some readings the one that took least. */
struct moment {
    uint64_t ns;
    uint64_t ticks;
};

static struct moment look(void)
{
    enum { READINGS = 8 };
    struct moment best = {0, 0};
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < READINGS; i++) {
        uint64_t before = __builtin_ia32_rdtsc();
        uint64_t ns = ksi_now();
        uint64_t took = __builtin_ia32_rdtsc() - before;
        if (took < least) {
            least = took;
            best = (struct moment){ns, before + took / 2};
        }
    }
    return best;
}

void ksi_ticks_begin(void)
{
    enum { MEASURED_NS = 4000000 };
    if (ksi_load(&ksi_ticks_scale) != 0 || !counter_is_invariant())
        return;
#if defined(KSI_TESTING) && KSI_TESTING
    if (ksi_seam.now != NULL)
        return; /* the test's clock */
#endif
    struct moment from = look();
    while (ksi_now() - from.ns < MEASURED_NS)
        ksi_pause();
    struct moment to = look();
    uint64_t ticks = to.ticks - from.ticks;
    uint64_t ns = to.ns - from.ns;
    /* A counter that hardly moves, or faster than one can be, is none. */
    if (ticks > ns / 64 && ticks < ns * 64 && ns < (uint64_t)1 << 31)
        ksi_store(&ksi_ticks_scale, (ns << 32) / ticks);
}

#else

void ksi_ticks_begin(void)
{
}

#endif
