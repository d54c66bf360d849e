/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: how many share a lock at once. */

#include "diag/stats_count.h"

static struct ksi_rawlock readers_lock;

/* The share of lock that b's thread has; NULL: none. */
static const struct ksi_stats_hold *share_of(const struct ksi_stats_block *b,
                                             uintptr_t what)
{
    uint32_t n = ksi_load_acq(&b->nheld);
    for (uint32_t i = n < KSI_STATS_HELD ? n : KSI_STATS_HELD; i > 0; i--) {
        if (ksi_load_acq(&b->held[i - 1].what) == what)
            return &b->held[i - 1];
    }
    return NULL;
}

/*
 * Looks for the shares of all threads, and then, whether each of them still is the same:
 * those were there at one moment between the two. Only now and then, because that is what
 * a counter in the lock would cost.
 */
void ksi_stats_count_readers(struct ksi_stats_block *mine, struct ksi_stats_row *row,
                             uintptr_t what)
{
    enum { SEEN = 256 };
    static struct {
        const struct ksi_stats_hold *hold;
        const struct ksi_stats_row *row;
        uint32_t turn;
    } seen[SEEN];
    unsigned n = 0;
    unsigned there = 0;
    uint32_t life = ksi_load(&ksi_stats_life);
    if (!ksi_raw_try(&readers_lock))
        return;
    const struct ksi_stats_block *b = ksi_load_acq(&ksi_stats_blocks);
    for (; b != NULL && n < SEEN; b = b->next) {
        const struct ksi_stats_hold *h =
            ksi_load(&b->life) == life ? share_of(b, what) : NULL;
        if (h == NULL)
            continue;
        seen[n].hold = h;
        seen[n].row = ksi_load_acq(&h->row);
        seen[n++].turn = ksi_load_acq(&h->turn);
    }
    for (unsigned i = 0; i < n; i++)
        there += ksi_load_acq(&seen[i].hold->what) == what &&
                 ksi_load_acq(&seen[i].hold->row) == seen[i].row &&
                 ksi_load_acq(&seen[i].hold->turn) == seen[i].turn;
    ksi_raw_unlock(&readers_lock);
    ksi_most(mine, row, KSI_STAT_READERS, there);
}

void ksi_stats_readers_before_fork(void)
{
    ksi_raw_lock(&readers_lock);
}

void ksi_stats_readers_after_fork(bool child)
{
    if (child)
        ksi_raw_reset(&readers_lock);
    else
        ksi_raw_unlock(&readers_lock);
}
