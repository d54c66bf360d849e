/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: which holds are timed. See stats.h. */

#include "diag/stats_count.h"

uint32_t ksi_stats_sample = KSI_STATS_SAMPLE;

/* 1 to 2 * N - 1: no loop of the program is in step with it (xorshift of Marsaglia). */
static uint32_t draw(struct ksi_stats_block *b)
{
    uint32_t n = ksi_load(&ksi_stats_sample);
    uint32_t x = b->random;
    if (n == 1)
        return 1;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    b->random = x;
    return 1 + (uint32_t)((uint64_t)x * (2 * n - 1) >> 32);
}

uint32_t ksi_stats_due(struct ksi_stats_block *b, struct ksi_stats_row *row)
{
    uint32_t weight = row->distance;
    if (row->early > 0)
        row->early--;
    row->distance = row->early > 0 ? 1 : draw(b);
    row->left = row->distance;
    return weight;
}
