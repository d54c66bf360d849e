/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_STATS_SUM_H
#define KSI_DIAG_STATS_SUM_H

#include "diag/stats_view.h"

/* Lists of sums, between stats_view.c and stats_sum.c. */

/* n empty ones, with room for one more; false: no memory. Then there is nothing to end.
 */
bool ksi_stats_list_make(struct ksi_stats_list *l, uint32_t n);
void ksi_stats_list_end(struct ksi_stats_list *l);

void ksi_stats_add(struct ksi_stats_sum *to, const struct ksi_stats_sum *from);

enum ksi_stats_by {
    KSI_STATS_BY_ROW,
    KSI_STATS_BY_LOCK,
    KSI_STATS_BY_CLASS,
    KSI_STATS_BY_SITE
};
/* Adds up those of `from` that agree in that; changes their order. */
bool ksi_stats_group(struct ksi_stats_list *to, struct ksi_stats_list *from,
                     enum ksi_stats_by by);

#endif
