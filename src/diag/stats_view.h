/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_STATS_VIEW_H
#define KSI_DIAG_STATS_VIEW_H

#include "diag/print.h"
#include "diag/stats.h"

/* What the reports of `stats` are made of: one look at all blocks, added up. */

/* Of a lock, a class, a call site of a class, or all. Times are ns. */
struct ksi_stats_sum {
    const void *lock; /* NULL: several */
    const void *site; /* likewise */
    uint32_t kind;
    uint32_t class;
    uint32_t waiting; /* now */
    uint32_t holding; /* now; of the newest holds of each thread */
    uint64_t c[KSI_STATS];
    uint64_t waits[KSI_STATS_BUCKETS];
};

struct ksi_stats_list {
    struct ksi_stats_sum **sum; /* those who waited longest first */
    uint32_t n;
    void *pages;
    size_t bytes;
};

struct ksi_stats_view {
    uint64_t ns; /* since it was switched on */
    uint64_t unrecorded;
    uint32_t sample;
    struct ksi_stats_sum total;
    struct ksi_stats_list rows; /* of each lock, class and call site */
    struct ksi_stats_list locks;
    struct ksi_stats_list classes;
    struct ksi_stats_list sites;
    struct ksi_stats_line *line; /* threads, those who waited longest first */
    uint32_t lines;
    size_t line_bytes;
    struct ksi_stats_irq irq[KSL_IRQ_COUNT];
    struct ksi_stats_stack *stack; /* likewise */
    uint32_t stacks;
    size_t stack_bytes;
};

/* False: no memory. */
bool ksi_stats_view_make(struct ksi_stats_view *v);
void ksi_stats_view_end(struct ksi_stats_view *v);

extern uint64_t ksi_stats_started; /* atomic: ticks */

const char *ksi_stats_field(unsigned stat);

/* No time of a hold is estimated. */
static inline bool ksi_stats_all_timed(const struct ksi_stats_view *v)
{
    return v->total.c[KSI_STAT_TIMED] == v->total.c[KSI_STAT_HELD];
}

/* --- names (stats_name.c): plain text, at most KSI_STATS_NAME with the end ------------
 */

enum { KSI_STATS_NAME = 512 };
void ksi_stats_name_lock(char *to, const struct ksi_stats_sum *s);
void ksi_stats_name_class(char *to, uint32_t class, uint32_t kind);
void ksi_stats_name_site(char *to, const void *site);
void ksi_stats_name_thread(char *to, const struct ksi_stats_line *line);
/* Called by, called by ..., at most that many frames. */
void ksi_stats_name_stack(char *to, const struct ksi_stats_stack *s, unsigned frames);

/* --- the reports ----------------------------------------------------------------------
 */

void ksi_stats_text(struct ksi_out *out, const struct ksi_stats_view *v);
void ksi_stats_csv(struct ksi_out *out, const struct ksi_stats_view *v);
void ksi_stats_json(struct ksi_out *out, const struct ksi_stats_view *v);

#endif
