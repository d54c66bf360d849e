/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_STATS_TEST_H
#define TESTS_DIAG_STATS_TEST_H

/* What `stats` has counted, for tests that look inside. */

#include "puppet.h"

#include "diag/slots.h"
#include "diag/stats_view.h"

#include <kslock/diag.h>

#include <string.h>

static inline void stats_on(void)
{
    ck_assert_int_eq(ksl_diag_enable("stats=/dev/null"), 0);
}

/* What is counted of one lock, in all its call sites. */
static inline struct ksi_stats_sum stats_of(const volatile void *lock)
{
    struct ksi_stats_view v;
    struct ksi_stats_sum found = {.lock = NULL};
    ck_assert(ksi_stats_view_make(&v));
    for (uint32_t i = 0; i < v.locks.n; i++) {
        if (v.locks.sum[i]->lock == (const void *)(uintptr_t)lock)
            found = *v.locks.sum[i];
    }
    ksi_stats_view_end(&v);
    return found;
}

static inline struct ksi_stats_sum stats_of_all(void)
{
    struct ksi_stats_view v;
    ck_assert(ksi_stats_view_make(&v));
    struct ksi_stats_sum total = v.total;
    ksi_stats_view_end(&v);
    return total;
}

/* Asserts one counter; name: as in stats.def. */
#define COUNTED(sum, name, n)                                                            \
    ck_assert_msg((sum).c[KSI_STAT_##name] == (uint64_t)(n), "%s: %llu, not %llu",       \
                  ksi_stats_field(KSI_STAT_##name),                                      \
                  (unsigned long long)(sum).c[KSI_STAT_##name], (unsigned long long)(n))

static inline uint64_t stats_waits(const struct ksi_stats_sum *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < KSI_STATS_BUCKETS; i++)
        n += s->waits[i];
    return n;
}

/* What holds of any sums at any time; NULL, or what does not. See diag/stats.h. */
static inline const char *stats_bounds(const uint64_t c[KSI_STATS])
{
    uint64_t attempts = c[KSI_STAT_TAKEN] + c[KSI_STAT_UP] + c[KSI_STAT_GAVE_UP];
    if (c[KSI_STAT_SHARED] > c[KSI_STAT_TAKEN] || c[KSI_STAT_TRIED] > c[KSI_STAT_TAKEN] ||
        c[KSI_STAT_HELD] > c[KSI_STAT_TAKEN] || c[KSI_STAT_TIMED] > c[KSI_STAT_HELD])
        return "N1: more of a part than of all";
    if (c[KSI_STAT_CONTENDED] > attempts)
        return "N2: more misses than attempts";
    if (c[KSI_STAT_SPUN] > c[KSI_STAT_CONTENDED])
        return "N4: more spun than contended";
    if (c[KSI_STAT_WAIT_MAX] > c[KSI_STAT_WAIT] ||
        c[KSI_STAT_HOLD_MAX] > c[KSI_STAT_HOLD] ||
        c[KSI_STAT_SLEEP_MAX] > c[KSI_STAT_SLEEP])
        return "N6: one longer than all";
    if (c[KSI_STAT_WOKEN] + c[KSI_STAT_LATE] + c[KSI_STAT_ENDED] + c[KSI_STAT_DESTROYED] >
        c[KSI_STAT_SLEEPS])
        return "N7: more sleeps ended than begun";
    return NULL;
}

/* What holds besides when nobody is using locks. */
static inline const char *stats_rest(const struct ksi_stats_sum *s)
{
    const uint64_t *c = s->c;
    if (stats_waits(s) != c[KSI_STAT_CONTENDED])
        return "N5: the histogram has not all waits";
    if (c[KSI_STAT_GAVE_UP] > c[KSI_STAT_CONTENDED])
        return "N3: gave up without a wait";
    if (c[KSI_STAT_WOKEN] + c[KSI_STAT_LATE] + c[KSI_STAT_ENDED] +
            c[KSI_STAT_DESTROYED] !=
        c[KSI_STAT_SLEEPS])
        return "N7: sleeps without an end";
    if (s->waiting != 0)
        return "somebody waits";
    return stats_bounds(c);
}

#endif
