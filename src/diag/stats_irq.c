/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: interrupts, as their threads saw them. */

#include "diag/stats_count.h"

#include "platform/ticks.h"

static void more(uint64_t *counter, uint64_t n)
{
    ksi_store_rel(counter, ksi_load(counter) + n);
}

static void greatest(uint64_t *counter, uint64_t n)
{
    if (n > ksi_load(counter))
        ksi_store_rel(counter, n);
}

/* The set is all that waits for this thread now; one may have gone to another thread. */
static void put_off(struct ksi_stats_block *b, uint64_t set)
{
    uint64_t now = ksi_ticks();
    for (uint64_t fresh = set & ~b->put_off; fresh != 0; fresh &= fresh - 1) {
        struct ksi_stats_irq *q = &b->irq[__builtin_ctzll(fresh)];
        q->since = now;
        more(&q->put_off, 1);
        more(&b->own[KSI_STATS_PUT_OFF], 1);
    }
    b->put_off = set;
}

static void runs(struct ksi_stats_block *b, struct ksi_stats_irq *q, uint64_t bit)
{
    q->began = ksi_ticks();
    more(&q->run, 1);
    more(&b->own[KSI_STATS_RUN], 1);
    if ((b->put_off & bit) == 0)
        return;
    b->put_off &= ~bit;
    uint64_t late = ksi_since(q->began, q->since);
    greatest(&q->put_off_max, late);
    greatest(&b->own[KSI_STATS_PUT_OFF_MAX], late);
}

void ksi_stats_irq_event(struct ksi_stats_block *b, const struct ksi_event *e)
{
    struct ksi_stats_irq *q = &b->irq[e->arg % KSL_IRQ_COUNT];
    uint64_t ran;
    switch (e->type) {
    case KSI_EV_RAISED:
        more(&q->raised, 1);
        more(&b->own[KSI_STATS_RAISED], 1);
        break;
    case KSI_EV_PUT_OFF:
        put_off(b, e->arg);
        break;
    case KSI_EV_RUNS:
        runs(b, q, (uint64_t)1 << e->arg % KSL_IRQ_COUNT);
        break;
    case KSI_EV_RAN:
        if (q->began == 0)
            break; /* it was running when `stats` was switched on */
        ran = ksi_since(ksi_ticks(), q->began);
        q->began = 0;
        more(&q->run_total, ran);
        greatest(&q->run_max, ran);
        break;
    default:
        break;
    }
}
