/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: threads, also those that have exited. */

#include "diag/stats.h"

#include "diag/last_words.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/irq.h"

#include <string.h>

/* A ring of lines; what it drops is added to `folded`. All under the lock. */
static struct ksi_stats_line *past;
static uint64_t added;
static struct ksi_stats_line folded;
struct ksi_rawlock ksi_stats_past_lock;

/*
 * The lock outside of the sink: as long as it is held the thread tells nothing. The
 * dispatcher tells what it puts off, and the sink of a thread that has told nothing yet
 * may want the lock, too (renew).
 */
static uint32_t lock_past(ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    t->telling++;
    ksi_barrier();
    ksi_report_lock(&ksi_stats_past_lock);
    KSI_POINT("stats: past");
    return level;
}

static void unlock_past(ksl_thread *t, uint32_t level)
{
    ksi_report_unlock(&ksi_stats_past_lock);
    ksi_barrier();
    t->telling--;
    ksi_irq_unmask(t, level);
}

static const bool is_maximum[KSI_STATS] = {
#define STAT(name, text, how, unit) [KSI_STAT_##name] = KSI_STATS_IS_##how,
#define KSI_STATS_IS_SUM false
#define KSI_STATS_IS_MAX true
#include "diag/stats.def"
#undef STAT
};

bool ksi_stats_is_maximum(unsigned stat)
{
    return is_maximum[stat];
}

bool ksi_stats_past_make(void)
{
    if (past == NULL)
        past = ksi_pages(KSI_STATS_PAST * sizeof *past);
    return past != NULL;
}

void ksi_stats_line_of(struct ksi_stats_line *line, const struct ksi_stats_block *b)
{
    const ksl_thread *t = b->thread;
    uint32_t rows = ksi_load_acq(&b->nrows);
    memset(line, 0, sizeof *line);
    line->tid = ksi_load_acq(&b->tid);
    line->threads = 1;
    line->alive = ksi_thread_alive(t) && ksi_load(&t->tid) == line->tid;
    for (unsigned i = 0; i < KSI_NAME_MAX - 1; i++)
        line->name[i] = ksi_load(&t->name[i]);
    for (unsigned k = 0; k < KSI_STATS_IRQ; k++)
        line->own[k] = ksi_load(&b->own[k]);
    for (uint32_t i = 0; i < rows; i++) {
        const struct ksi_stats_row *row = ksi_stats_row_at(b, i);
        for (unsigned k = KSI_STATS; k-- > 0;)
            line->c[k] += ksi_load_acq(&row->c[k]);
    }
    for (unsigned k = 0; k < KSI_STATS; k++)
        line->c[k] = is_maximum[k] ? ksi_load_acq(&b->most[k])
                                   : line->c[k] - ksi_load(&b->base[k]);
}

static void greatest(uint64_t *of, uint64_t n)
{
    if (n > *of)
        *of = n;
}

static void fold(const struct ksi_stats_line *line)
{
    folded.threads += line->threads;
    for (unsigned k = 0; k < KSI_STATS; k++) {
        if (is_maximum[k])
            greatest(&folded.c[k], line->c[k]);
        else
            folded.c[k] += line->c[k];
    }
    for (unsigned k = 0; k < KSI_STATS_PUT_OFF_MAX; k++)
        folded.own[k] += line->own[k];
    greatest(&folded.own[KSI_STATS_PUT_OFF_MAX], line->own[KSI_STATS_PUT_OFF_MAX]);
}

/* Under the lock. */
static void add(const struct ksi_stats_line *line)
{
    struct ksi_stats_line *to = &past[added++ % KSI_STATS_PAST];
    if (added > KSI_STATS_PAST)
        fold(to);
    *to = *line;
}

void ksi_stats_past_add(const struct ksi_stats_line *line)
{
    ksi_report_lock(&ksi_stats_past_lock);
    add(line);
    ksi_report_unlock(&ksi_stats_past_lock);
}

uint32_t ksi_stats_past_copy(struct ksi_stats_line *to)
{
    ksl_thread *self = ksi_self();
    uint32_t level = lock_past(self);
    uint32_t n = added < KSI_STATS_PAST ? (uint32_t)added : KSI_STATS_PAST;
    memcpy(to, past, n * sizeof *to);
    if (folded.threads != 0)
        to[n++] = folded;
    unlock_past(self, level);
    return n;
}

void ksi_stats_leave(ksl_thread *t)
{
    struct ksi_stats_block *b = t->stats;
    struct ksi_stats_line line;
    uint32_t level = ksi_irq_mask(t);
    if (b != NULL && ksi_load(&b->tid) == ksi_load(&t->tid) &&
        ksi_load(&b->life) == ksi_load(&ksi_stats_life)) {
        ksi_stats_line_of(&line, b);
        line.alive = false;
        uint32_t masked = lock_past(t);
        add(&line);
        unlock_past(t, masked);
        for (unsigned k = 0; k < KSI_STATS; k++) /* what follows is another thread's */
            ksi_store(&b->base[k], ksi_load(&b->base[k]) + line.c[k]);
        ksi_store_rel(&b->tid, 0);
    }
    ksi_irq_unmask(t, level);
}

void ksi_stats_past_before_fork(void)
{
    ksi_raw_lock(&ksi_stats_past_lock);
}

void ksi_stats_past_after_fork(bool child)
{
    if (!child) {
        ksi_raw_unlock(&ksi_stats_past_lock);
        return;
    }
    added = 0;
    memset(&folded, 0, sizeof folded);
    ksi_raw_reset(&ksi_stats_past_lock);
}
