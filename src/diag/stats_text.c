/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics as text. The columns are those of splat and lockstat: acquisitions, those
 * that missed (had to wait) and their share, spins, sleeps (waits of AIX), tries refused
 * (busy), recursion; times in ms; how much of the time the lock was held by somebody
 * (shares add up, so it may exceed 100).
 */

#include "diag/stats_view.h"

#include <stdio.h>
#include <string.h>

enum { SHOWN = 40, SHOWN_WAITS = 10, SHOWN_STACKS = 10, SHOWN_FRAMES = 8 };

/* Values that need padding go through here: ksi_out has none. */
static void put_count(struct ksi_out *out, int width, uint64_t n)
{
    char text[32];
    snprintf(text, sizeof text, "%*llu ", width, (unsigned long long)n);
    ksi_out(out, "%s", text);
}

static void put_ms(struct ksi_out *out, int width, uint64_t ns)
{
    char text[40];
    unsigned long long us = (ns + 500) / 1000;
    snprintf(text, sizeof text, "%*llu.%03llu ", width - 4, us / 1000, us % 1000);
    ksi_out(out, "%s", text);
}

static void put_percent(struct ksi_out *out, int width, uint64_t part, uint64_t whole)
{
    char text[32];
    double percent = whole != 0 ? 100.0 * (double)part / (double)whole : 0.0;
    snprintf(text, sizeof text, "%*.1f ", width, percent);
    ksi_out(out, "%s", text);
}

static uint64_t attempts(const uint64_t c[KSI_STATS])
{
    return c[KSI_STAT_TAKEN] + c[KSI_STAT_UP] + c[KSI_STAT_GAVE_UP];
}

static void put_head(struct ksi_out *out, const char *title, const char *last)
{
    ksi_out(out,
            "\n%s\n"
            "   Acquis  Contend %%Miss    Spins  Sleeps   Busy  Recur    Wait ms   Max ms"
            "    Hold ms   Max ms %%Held Read %s\n",
            title, last);
}

static void put_counters(struct ksi_out *out, const uint64_t c[KSI_STATS], uint64_t ns)
{
    put_count(out, 9, c[KSI_STAT_TAKEN]);
    put_count(out, 8, c[KSI_STAT_CONTENDED]);
    put_percent(out, 5, c[KSI_STAT_CONTENDED], attempts(c));
    put_count(out, 8, c[KSI_STAT_SPINS]);
    put_count(out, 7, c[KSI_STAT_SLEEPS]);
    put_count(out, 6, c[KSI_STAT_BUSY]);
    put_count(out, 6, c[KSI_STAT_AGAIN]);
    put_ms(out, 10, c[KSI_STAT_WAIT]);
    put_ms(out, 8, c[KSI_STAT_WAIT_MAX]);
    put_ms(out, 10, c[KSI_STAT_HOLD]);
    put_ms(out, 8, c[KSI_STAT_HOLD_MAX]);
    put_percent(out, 5, c[KSI_STAT_HOLD], ns);
    put_count(out, 4, c[KSI_STAT_READERS]);
}

static void put_more(struct ksi_out *out, uint32_t n, uint32_t shown)
{
    if (n > shown)
        ksi_out(out, "   ... and %u more; CSV and JSON have all\n", n - shown);
}

/* What happens seldom stands below, with its name. */
static void put_rare(struct ksi_out *out, const struct ksi_stats_sum *s)
{
    static const enum ksi_stat rare[] = {
        KSI_STAT_GAVE_UP,   KSI_STAT_LATE,      KSI_STAT_ENDED,
        KSI_STAT_DESTROYED, KSI_STAT_UP,        KSI_STAT_DOWN,
        KSI_STAT_LENT,      KSI_STAT_WITHDRAWN, KSI_STAT_FOREIGN,
    };
    bool first = true;
    for (unsigned i = 0; i < sizeof rare / sizeof rare[0]; i++) {
        uint64_t n = s->c[rare[i]];
        if (n == 0)
            continue;
        ksi_out(out, "%s%llu %s", first ? "             " : ", ", (unsigned long long)n,
                ksi_stats_field(rare[i]));
        first = false;
    }
    if (s->c[KSI_STAT_WITHDRAWN] != 0) {
        ksi_out(out, " in ");
        put_ms(out, 5, s->c[KSI_STAT_WITHDRAWAL]);
        ksi_out(out, "ms");
    }
    if (s->waiting != 0 || s->holding != 0) {
        ksi_out(out, "%snow %u waiting, %u holding", first ? "             " : ", ",
                s->waiting, s->holding);
        first = false;
    }
    if (!first)
        ksi_out(out, "\n");
}

enum what { LOCKS, CLASSES, SITES };

static void put_list(struct ksi_out *out, const struct ksi_stats_list *l, enum what what,
                     uint64_t ns)
{
    for (uint32_t i = 0; i < l->n && i < SHOWN; i++) {
        const struct ksi_stats_sum *s = l->sum[i];
        char name[KSI_STATS_NAME];
        put_counters(out, s->c, ns);
        if (what == LOCKS) {
            ksi_stats_name_lock(name, s);
        } else if (what == CLASSES) {
            ksi_stats_name_class(name, s->class, s->kind);
        } else {
            ksi_stats_name_site(name, s->site);
            ksi_out(out, "%s: ", name);
            ksi_stats_name_class(name, s->class, s->kind);
        }
        ksi_out(out, "%s\n", name);
        if (what == LOCKS)
            put_rare(out, s);
    }
    put_more(out, l->n, SHOWN);
}

static void put_threads(struct ksi_out *out, const struct ksi_stats_view *v)
{
    for (uint32_t i = 0; i < v->lines && i < SHOWN; i++) {
        const struct ksi_stats_line *line = &v->line[i];
        char name[KSI_STATS_NAME];
        put_counters(out, line->c, v->ns);
        ksi_stats_name_thread(name, line);
        ksi_out(out, "%s%s", name, line->alive || line->threads > 1 ? "" : ", exited");
        if (line->own[KSI_STATS_RUN] != 0 || line->own[KSI_STATS_PUT_OFF] != 0) {
            ksi_out(out, "; interrupts: %llu run, %llu put off, at most ",
                    (unsigned long long)line->own[KSI_STATS_RUN],
                    (unsigned long long)line->own[KSI_STATS_PUT_OFF]);
            put_ms(out, 5, line->own[KSI_STATS_PUT_OFF_MAX]);
            ksi_out(out, "ms");
        }
        ksi_out(out, "\n");
    }
    put_more(out, v->lines, SHOWN);
}

/* 1us, 128ns, 2ms, 1s: of 2^i ns. */
static void put_power(struct ksi_out *out, unsigned i)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    ksi_out(out, "%u%s", 1u << i % 10, units[i / 10]);
}

static void put_waits(struct ksi_out *out, const struct ksi_stats_list *l)
{
    bool first = true;
    for (uint32_t i = 0; i < l->n && i < SHOWN_WAITS; i++) {
        char name[KSI_STATS_NAME];
        if (l->sum[i]->c[KSI_STAT_CONTENDED] == 0)
            break;
        if (first)
            ksi_out(out, "\nWaits, in powers of two (of 1024 ns, us, ms): how many were "
                         "at least so long\n");
        first = false;
        ksi_stats_name_lock(name, l->sum[i]);
        ksi_out(out, "   %s:", name);
        for (unsigned k = 0; k < KSI_STATS_BUCKETS; k++) {
            if (l->sum[i]->waits[k] == 0)
                continue;
            ksi_out(out, " ");
            put_power(out, k);
            ksi_out(out, " %llu", (unsigned long long)l->sum[i]->waits[k]);
        }
        ksi_out(out, "\n");
    }
}

static void put_stacks(struct ksi_out *out, const struct ksi_stats_view *v)
{
    if (v->stacks != 0)
        ksi_out(out, "\nStacks that slept for a lock, the longest waits first\n"
                     "    Waits    Wait ms   Max ms Lock, and where\n");
    for (uint32_t i = 0; i < v->stacks && i < SHOWN_STACKS; i++) {
        const struct ksi_stats_stack *s = &v->stack[i];
        char name[KSI_STATS_NAME];
        put_count(out, 9, s->waits);
        put_ms(out, 10, s->total);
        put_ms(out, 8, s->most);
        ksi_stats_name_class(name, s->class, ksi_stats_class_at(s->class)->kind);
        ksi_out(out, "%s\n", s->frames != 0 ? name : "other stacks");
        for (unsigned k = 0; k < s->frames && k < SHOWN_FRAMES; k++) {
            ksi_stats_name_site(name, s->frame[k]);
            ksi_out(out, "                 %s\n", name);
        }
    }
    put_more(out, v->stacks, SHOWN_STACKS);
}

static void put_irqs(struct ksi_out *out, const struct ksi_stats_view *v)
{
    bool first = true;
    for (unsigned i = 0; i < KSL_IRQ_COUNT; i++) {
        const struct ksi_stats_irq *q = &v->irq[i];
        if (q->raised == 0 && q->run == 0 && q->put_off == 0)
            continue;
        if (first)
            ksi_out(out, "\nInterrupts\n  No   Raised      Run  Put off    Max ms     "
                         "Run ms   Max ms\n");
        first = false;
        put_count(out, 4, i);
        put_count(out, 8, q->raised);
        put_count(out, 8, q->run);
        put_count(out, 8, q->put_off);
        put_ms(out, 9, q->put_off_max);
        put_ms(out, 10, q->run_total);
        put_ms(out, 8, q->run_max);
        ksi_out(out, "\n");
    }
    if (v->total.c[KSI_STAT_MASKED_MAX] != 0) {
        ksi_out(out, "\nInterrupts were masked by one lock for at most ");
        put_ms(out, 5, v->total.c[KSI_STAT_MASKED_MAX]);
        ksi_out(out, "ms%s\n",
                ksi_stats_all_timed(v) ? "" : ", as far as holds were timed");
    }
}

static void put_how_timed(struct ksi_out *out, const struct ksi_stats_view *v)
{
    if (ksi_stats_all_timed(v)) {
        ksi_out(out, "hold times: all timed\n");
        return;
    }
    ksi_out(out,
            "hold times: 1 hold in %u timed after the first %u of each thread, lock and "
            "call site, totals estimated, maxima of those timed: %llu of %llu holds\n",
            v->sample, (unsigned)KSI_STATS_EARLY,
            (unsigned long long)v->total.c[KSI_STAT_TIMED],
            (unsigned long long)v->total.c[KSI_STAT_HELD]);
}

void ksi_stats_text(struct ksi_out *out, const struct ksi_stats_view *v)
{
    ksi_out(out, "kslock: stats: ");
    ksi_out_seconds(out, v->ns);
    ksi_out(out,
            " s, %llu acquisitions, %llu contended, %u locks, %u classes, %u call sites, "
            "%u threads\n",
            (unsigned long long)v->total.c[KSI_STAT_TAKEN],
            (unsigned long long)v->total.c[KSI_STAT_CONTENDED], v->locks.n, v->classes.n,
            v->sites.n, v->lines);
    if (v->unrecorded != 0)
        ksi_out(out, "%llu acquisitions, recursions and busy tries had no room\n",
                (unsigned long long)v->unrecorded);
    put_how_timed(out, v);
    put_head(out, "Locks, the longest waits first", "Lock");
    put_list(out, &v->locks, LOCKS, v->ns);
    put_waits(out, &v->locks);
    put_head(out, "Classes", "Class");
    put_list(out, &v->classes, CLASSES, v->ns);
    put_head(out, "Call sites", "Place: class");
    put_list(out, &v->sites, SITES, v->ns);
    put_head(out, "Threads", "Thread");
    put_threads(out, v);
    put_stacks(out, v);
    put_irqs(out, v);
}
