/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics: one look at all blocks, added up by lock, by class, by call site and by
 * thread. The threads go on meanwhile; each counter is read once, those that bound others
 * last, and all sums are made of that copy, so they agree.
 */

#include "diag/stats_sum.h"

#include "platform/host.h"
#include "platform/ticks.h"

#include <string.h>

uint64_t ksi_stats_started;

const char *ksi_stats_field(unsigned stat)
{
    static const char *const names[KSI_STATS] = {
#define STAT(name, text, how, unit) [KSI_STAT_##name] = text,
#include "diag/stats.def"
#undef STAT
    };
    return names[stat];
}

static bool counts_ticks(unsigned stat)
{
    static const bool ticks[KSI_STATS] = {
#define STAT(name, text, how, unit) [KSI_STAT_##name] = KSI_STATS_HAS_##unit,
#define KSI_STATS_HAS_COUNT false
#define KSI_STATS_HAS_NS false
#define KSI_STATS_HAS_TICKS true
#include "diag/stats.def"
#undef STAT
    };
    return ticks[stat];
}

static void to_ns(uint64_t c[KSI_STATS])
{
    for (unsigned k = 0; k < KSI_STATS; k++) {
        if (counts_ticks(k))
            c[k] = ksi_ticks_ns(c[k]);
    }
}

/* --- the copy ------------------------------------------------------------------------
 */

static bool is_of_this_life(const struct ksi_stats_block *b)
{
    return ksi_load_acq(&b->life) == ksi_load(&ksi_stats_life);
}

/* Backwards: see stats.def. */
static void copy_row(struct ksi_stats_sum *to, const struct ksi_stats_row *row)
{
    const uint64_t *waits = ksi_load_acq(&row->waits);
    for (unsigned k = 0; waits != NULL && k < KSI_STATS_BUCKETS; k++)
        to->waits[k] = ksi_load_acq(&waits[k]);
    for (unsigned k = KSI_STATS; k-- > 0;)
        to->c[k] = ksi_load_acq(&row->c[k]);
    to->lock = row->lock;
    to->site = row->site;
    to->kind = row->kind;
    to->class = row->class;
}

static struct ksi_stats_sum *sum_of_row(const struct ksi_stats_block *b,
                                        struct ksi_stats_sum *first, uint32_t n,
                                        const struct ksi_stats_row *row)
{
    for (uint32_t i = 0; row != NULL && i < n; i++) {
        if (ksi_stats_row_at(b, i) == row)
            return &first[i];
    }
    return NULL;
}

/* The block's rows, n of them, with who waits and holds now. */
static void copy_block(struct ksi_stats_sum *to, const struct ksi_stats_block *b,
                       uint32_t n)
{
    enum { LOOKED_AT = 16 };
    uint32_t held = ksi_load_acq(&b->nheld);
    for (uint32_t i = 0; i < n; i++)
        copy_row(&to[i], ksi_stats_row_at(b, i));
    if (!ksi_thread_alive(b->thread) || ksi_load(&b->tid) == 0)
        return;
    for (unsigned i = 0; i <= KSL_IRQ_LEVELS; i++) {
        struct ksi_stats_sum *s =
            sum_of_row(b, to, n, ksi_load_acq(&b->attempt[i].waiting));
        if (s != NULL)
            s->waiting++;
    }
    for (uint32_t i = held; i > 0 && i <= KSI_STATS_HELD && held - i < LOOKED_AT; i--) {
        const struct ksi_stats_hold *h = &b->held[i - 1];
        struct ksi_stats_sum *s =
            ksi_load_acq(&h->what) != 0 ? sum_of_row(b, to, n, ksi_load(&h->row)) : NULL;
        if (s != NULL)
            s->holding++;
    }
}

/* Blocks come in front, rows at the end, so a second walk finds at least those of the
 * first. */
static bool copy_rows(struct ksi_stats_list *all)
{
    const struct ksi_stats_block *first = ksi_load_acq(&ksi_stats_blocks);
    uint32_t room = 0;
    uint32_t n = 0;
    for (const struct ksi_stats_block *b = first; b != NULL; b = b->next)
        room += is_of_this_life(b) ? ksi_load_acq(&b->nrows) : 0;
    if (!ksi_stats_list_make(all, room))
        return false;
    for (const struct ksi_stats_block *b = first; b != NULL; b = b->next) {
        uint32_t rows = is_of_this_life(b) ? ksi_load_acq(&b->nrows) : 0;
        if (rows > room - n)
            rows = room - n;
        copy_block((struct ksi_stats_sum *)all->pages + n, b, rows);
        n += rows;
    }
    all->n = n;
    return true;
}

/* --- the view -------------------------------------------------------------------------
 */

static bool add_up(struct ksi_stats_view *v)
{
    struct ksi_stats_list all = {.pages = NULL};
    bool done = copy_rows(&all);
    for (uint32_t i = 0; done && i < all.n; i++) {
        to_ns(all.sum[i]->c);
        ksi_stats_add(&v->total, all.sum[i]);
    }
    done = done && ksi_stats_group(&v->rows, &all, KSI_STATS_BY_ROW) &&
           ksi_stats_group(&v->locks, &v->rows, KSI_STATS_BY_LOCK) &&
           ksi_stats_group(&v->classes, &v->rows, KSI_STATS_BY_CLASS) &&
           ksi_stats_group(&v->sites, &v->rows, KSI_STATS_BY_SITE);
    ksi_stats_list_end(&all);
    return done;
}

/* Few, or in the order in which they began. */
static void sort_lines(struct ksi_stats_view *v)
{
    for (uint32_t gap = v->lines / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < v->lines; i++) {
            struct ksi_stats_line line = v->line[i];
            uint32_t at = i;
            for (;
                 at >= gap && v->line[at - gap].c[KSI_STAT_WAIT] < line.c[KSI_STAT_WAIT];
                 at -= gap)
                v->line[at] = v->line[at - gap];
            v->line[at] = line;
        }
    }
}

static bool copy_threads(struct ksi_stats_view *v)
{
    const struct ksi_stats_block *first = ksi_load_acq(&ksi_stats_blocks);
    uint32_t room = KSI_STATS_PAST + 1;
    for (const struct ksi_stats_block *b = first; b != NULL; b = b->next)
        room++;
    v->line_bytes = room * sizeof *v->line;
    v->line = ksi_pages(v->line_bytes);
    if (v->line == NULL)
        return false;
    v->lines = ksi_stats_past_copy(v->line);
    for (const struct ksi_stats_block *b = first; b != NULL; b = b->next) {
        if (!is_of_this_life(b))
            continue;
        v->unrecorded += ksi_load(&b->unrecorded);
        if (ksi_load(&b->tid) != 0)
            ksi_stats_line_of(&v->line[v->lines++], b);
    }
    for (uint32_t i = 0; i < v->lines; i++) {
        to_ns(v->line[i].c);
        v->line[i].own[KSI_STATS_PUT_OFF_MAX] =
            ksi_ticks_ns(v->line[i].own[KSI_STATS_PUT_OFF_MAX]);
    }
    sort_lines(v);
    return true;
}

static void copy_irqs(struct ksi_stats_view *v)
{
    for (const struct ksi_stats_block *b = ksi_load_acq(&ksi_stats_blocks); b != NULL;
         b = b->next) {
        for (unsigned i = 0; i < KSL_IRQ_COUNT && is_of_this_life(b); i++) {
            const struct ksi_stats_irq *from = &b->irq[i];
            struct ksi_stats_irq *to = &v->irq[i];
            uint64_t late = ksi_ticks_ns(ksi_load_acq(&from->put_off_max));
            uint64_t longest = ksi_ticks_ns(ksi_load_acq(&from->run_max));
            to->raised += ksi_load(&from->raised);
            to->put_off += ksi_load(&from->put_off);
            to->run_total += ksi_ticks_ns(ksi_load(&from->run_total));
            to->run += ksi_load(&from->run);
            to->put_off_max = late > to->put_off_max ? late : to->put_off_max;
            to->run_max = longest > to->run_max ? longest : to->run_max;
        }
    }
}

static bool copy_stacks(struct ksi_stats_view *v)
{
    uint32_t n = ksi_stats_stack_count();
    v->stack_bytes = n * sizeof *v->stack;
    v->stack = ksi_pages(v->stack_bytes);
    if (v->stack == NULL)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct ksi_stats_stack *from = ksi_stats_stack_at(i);
        struct ksi_stats_stack s = {.frames = from->frames, .class = from->class};
        memcpy(s.frame, from->frame, sizeof s.frame);
        s.waits = ksi_load(&from->waits);
        s.total = ksi_ticks_ns(ksi_load(&from->total));
        s.most = ksi_ticks_ns(ksi_load(&from->most));
        uint32_t at = s.waits != 0 ? v->stacks++ : n;
        for (; at < n && at > 0 && v->stack[at - 1].total < s.total; at--)
            v->stack[at] = v->stack[at - 1];
        if (at < n)
            v->stack[at] = s;
    }
    return true;
}

bool ksi_stats_view_make(struct ksi_stats_view *v)
{
    memset(v, 0, sizeof *v);
    uint64_t now = ksi_ticks();
    uint64_t began = ksi_load(&ksi_stats_started);
    v->ns = ksi_ticks_ns(now > began ? now - began : 0);
    v->unrecorded = ksi_load(&ksi_stats_unrecorded);
    v->sample = ksi_load(&ksi_stats_sample);
    copy_irqs(v);
    if (add_up(v) && copy_threads(v) && copy_stacks(v))
        return true;
    ksi_stats_view_end(v);
    return false;
}

void ksi_stats_view_end(struct ksi_stats_view *v)
{
    ksi_stats_list_end(&v->rows);
    ksi_stats_list_end(&v->locks);
    ksi_stats_list_end(&v->classes);
    ksi_stats_list_end(&v->sites);
    ksi_pages_back(v->line, v->line_bytes);
    ksi_pages_back(v->stack, v->stack_bytes);
}
