/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics as CSV: one header, then lines that all have the same columns; what does not
 * apply is empty. `scope` says what a line is about: total, lock, class, site, thread,
 * stack or interrupt. Text is quoted. Then the counters of stats.def; `wait_log2_ns` has
 * the histogram as "10:3 11:1": 3 waits of at least 2^10 ns and less than 2^11.
 */

#include "diag/stats_view.h"

static void put_quoted(struct ksi_out *out, const char *text)
{
    ksi_out(out, "\"");
    for (; *text != '\0'; text++)
        ksi_out(out, *text == '"' ? "\"\"" : "%c", *text);
    ksi_out(out, "\"");
}

enum { IRQ_COLUMNS = 6 };

static void put_header(struct ksi_out *out)
{
    ksi_out(out, "scope,name,class,kind,address,waiting,holding,wait_log2_ns");
    for (unsigned k = 0; k < KSI_STATS; k++)
        ksi_out(out, ",%s", ksi_stats_field(k));
    ksi_out(out, ",raised,run,put_off,put_off_max_ns,run_total_ns,run_max_ns\n");
}

static void put_names(struct ksi_out *out, const char *scope, const char *name,
                      const char *class, const char *kind)
{
    ksi_out(out, "%s,", scope);
    put_quoted(out, name);
    ksi_out(out, ",");
    put_quoted(out, class);
    ksi_out(out, ",");
    put_quoted(out, kind);
    ksi_out(out, ",");
}

static void put_empty(struct ksi_out *out, unsigned columns)
{
    for (unsigned i = 0; i < columns; i++)
        ksi_out(out, ",");
}

static void put_counters(struct ksi_out *out, const uint64_t c[KSI_STATS])
{
    for (unsigned k = 0; k < KSI_STATS; k++)
        ksi_out(out, ",%llu", (unsigned long long)c[k]);
}

static void put_sum(struct ksi_out *out, const char *scope, const char *name,
                    const struct ksi_stats_sum *s)
{
    char class[KSI_STATS_NAME];
    bool some = false;
    ksi_stats_name_class(class, s->class, s->kind);
    put_names(out, scope, name, s->kind != 0 ? class : "",
              s->kind != 0 ? ksi_kind_name(s->kind) : "");
    if (s->lock != NULL)
        ksi_out(out, "%p", s->lock);
    ksi_out(out, ",%u,%u,", s->waiting, s->holding);
    for (unsigned k = 0; k < KSI_STATS_BUCKETS; k++) {
        if (s->waits[k] == 0)
            continue;
        ksi_out(out, "%s%u:%llu", some ? " " : "", k, (unsigned long long)s->waits[k]);
        some = true;
    }
    put_counters(out, s->c);
    put_empty(out, IRQ_COLUMNS);
    ksi_out(out, "\n");
}

static void put_thread(struct ksi_out *out, const struct ksi_stats_line *line)
{
    char name[KSI_STATS_NAME];
    ksi_stats_name_thread(name, line);
    put_names(out, "thread", name, "", "");
    ksi_out(out, ",,,");
    put_counters(out, line->c);
    ksi_out(out, ",%llu,%llu,%llu,%llu,,\n",
            (unsigned long long)line->own[KSI_STATS_RAISED],
            (unsigned long long)line->own[KSI_STATS_RUN],
            (unsigned long long)line->own[KSI_STATS_PUT_OFF],
            (unsigned long long)line->own[KSI_STATS_PUT_OFF_MAX]);
}

static void put_stack(struct ksi_out *out, const struct ksi_stats_stack *s)
{
    char name[KSI_STATS_NAME];
    char class[KSI_STATS_NAME];
    uint32_t kind = ksi_stats_class_at(s->class)->kind;
    ksi_stats_name_stack(name, s, KSI_STATS_FRAMES);
    ksi_stats_name_class(class, s->class, kind);
    put_names(out, "stack", name, class, ksi_kind_name(kind));
    ksi_out(out, ",,,");
    for (unsigned k = 0; k < KSI_STATS; k++) {
        ksi_out(out, ",");
        if (k == KSI_STAT_CONTENDED)
            ksi_out(out, "%llu", (unsigned long long)s->waits);
        else if (k == KSI_STAT_WAIT || k == KSI_STAT_WAIT_MAX)
            ksi_out(out, "%llu",
                    (unsigned long long)(k == KSI_STAT_WAIT ? s->total : s->most));
    }
    put_empty(out, IRQ_COLUMNS);
    ksi_out(out, "\n");
}

static void put_irq(struct ksi_out *out, unsigned irq, const struct ksi_stats_irq *q)
{
    char name[] = {(char)('0' + irq / 10), (char)('0' + irq % 10), '\0'};
    put_names(out, "interrupt", irq < 10 ? name + 1 : name, "", "");
    ksi_out(out, ",,,");
    put_empty(out, KSI_STATS);
    ksi_out(out, ",%llu,%llu,%llu,%llu,%llu,%llu\n", (unsigned long long)q->raised,
            (unsigned long long)q->run, (unsigned long long)q->put_off,
            (unsigned long long)q->put_off_max, (unsigned long long)q->run_total,
            (unsigned long long)q->run_max);
}

void ksi_stats_csv(struct ksi_out *out, const struct ksi_stats_view *v)
{
    char name[KSI_STATS_NAME];
    put_header(out);
    put_sum(out, "total", "", &v->total);
    for (uint32_t i = 0; i < v->locks.n; i++) {
        ksi_stats_name_lock(name, v->locks.sum[i]);
        put_sum(out, "lock", name, v->locks.sum[i]);
    }
    for (uint32_t i = 0; i < v->classes.n; i++) {
        ksi_stats_name_class(name, v->classes.sum[i]->class, v->classes.sum[i]->kind);
        put_sum(out, "class", name, v->classes.sum[i]);
    }
    for (uint32_t i = 0; i < v->sites.n; i++) {
        ksi_stats_name_site(name, v->sites.sum[i]->site);
        put_sum(out, "site", name, v->sites.sum[i]);
    }
    for (uint32_t i = 0; i < v->lines; i++)
        put_thread(out, &v->line[i]);
    for (uint32_t i = 0; i < v->stacks; i++)
        put_stack(out, &v->stack[i]);
    for (unsigned i = 0; i < KSL_IRQ_COUNT; i++) {
        const struct ksi_stats_irq *q = &v->irq[i];
        if (q->raised != 0 || q->run != 0 || q->put_off != 0)
            put_irq(out, i, q);
    }
}
