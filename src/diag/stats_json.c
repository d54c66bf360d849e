/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics as JSON: one object. The names of fields stay as they are; new ones may
 * come. All numbers are integers, counts or ns, but `seconds`; all lists have those first
 * that waited longest.
 *
 *   version      1
 *   seconds      since `stats` was switched on, with three decimals
 *   pid
 *   hold_sample  N: of the holds of a thread, lock and call site the first 64 are timed,
 *                those that had to be waited for, and of the others one in N; 1: all
 *   hold_times   "all timed", or "estimated": hold_total_ns of what is not timed is
 *                estimated, hold_max_ns and masked_max_ns are of what is timed
 *   unrecorded   acquisitions, recursions and busy tries for which there was no room
 *   total        counters of all locks
 *   locks        [{"name", "class", "kind", "address", counters}]; address: "0x..."
 *   classes      [{"name", "kind", counters}]; `class` elsewhere is a `name` of these
 *   sites        [{"name", "class", "kind", counters}]: a call site of a class
 *   threads      [{"name", "tid", "alive", "threads", counters but waiting, holding and
 *                wait_log2_ns, "interrupts": {"raised", "run", "put_off",
 *                "put_off_max_ns"}}]; threads: more than 1 if these have exited and share
 *                a line
 *   stacks       [{"class", "kind", "waits", "wait_total_ns", "wait_max_ns", "frames":
 *                ["..."]}]: innermost first; none: stacks for which there was no room
 *   interrupts   {"raised", "run", "put_off", "put_off_max_ns", "masked_max_ns", "irqs":
 *                [{"irq", "raised", "run", "put_off", "put_off_max_ns", "run_total_ns",
 *                "run_max_ns"}]}; masked_max_ns: by one lock that raised the level from
 * 0, of the holds that were timed graph        only if `order` is on: {"classes",
 * "edges"}, see order_json.c
 *
 * Counters are those of stats.def, with its names, and
 *
 *   waiting, holding   threads that do so now
 *   wait_log2_ns       [[i, n]]: n waits of at least 2^i ns and less than 2^(i+1)
 */

#include "diag/hooks.h"
#include "diag/json.h"
#include "diag/stats_view.h"

#include <string.h>
#include <unistd.h>

static void put_string(struct ksi_out *out, const char *text)
{
    ksi_out(out, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            ksi_out(out, "\\%c", c);
        else if (c < ' ' || c > '~') /* what is no ASCII may be no UTF-8 either */
            ksi_out(out, "\\u00%c%c", "0123456789abcdef"[c >> 4],
                    "0123456789abcdef"[c & 15]);
        else
            ksi_out(out, "%c", c);
    }
    ksi_out(out, "\"");
}

static void put_field(struct ksi_out *out, const char *name, const char *text)
{
    ksi_out(out, "\"%s\":", name);
    put_string(out, text);
    ksi_out(out, ",");
}

static void put_number(struct ksi_out *out, const char *name, uint64_t n, char after)
{
    ksi_out(out, "\"%s\":%llu", name, (unsigned long long)n);
    if (after != '\0')
        ksi_out(out, "%c", after);
}

static void put_counters(struct ksi_out *out, const uint64_t c[KSI_STATS])
{
    for (unsigned k = 0; k < KSI_STATS; k++)
        put_number(out, ksi_stats_field(k), c[k], k + 1 < KSI_STATS ? ',' : '\0');
}

/* The end of an object. */
static void put_sum(struct ksi_out *out, const struct ksi_stats_sum *s)
{
    bool some = false;
    put_counters(out, s->c);
    ksi_out(out, ",\"waiting\":%u,\"holding\":%u,\"wait_log2_ns\":[", s->waiting,
            s->holding);
    for (unsigned k = 0; k < KSI_STATS_BUCKETS; k++) {
        if (s->waits[k] == 0)
            continue;
        ksi_out(out, "%s[%u,%llu]", some ? "," : "", k, (unsigned long long)s->waits[k]);
        some = true;
    }
    ksi_out(out, "]}");
}

static void begin_list(struct ksi_out *out, const char *name)
{
    ksi_out(out, ",\n\"%s\":[", name);
}

static void begin_item(struct ksi_out *out, uint32_t i)
{
    ksi_out(out, "%s\n{", i > 0 ? "," : "");
}

static void put_class(struct ksi_out *out, uint32_t class, uint32_t kind)
{
    char name[KSI_STATS_NAME];
    ksi_stats_name_class(name, class, kind);
    put_field(out, "class", name);
    put_field(out, "kind", ksi_kind_name(kind));
}

static void put_lists(struct ksi_out *out, const struct ksi_stats_view *v)
{
    char name[KSI_STATS_NAME];
    begin_list(out, "locks");
    for (uint32_t i = 0; i < v->locks.n; i++) {
        const struct ksi_stats_sum *s = v->locks.sum[i];
        begin_item(out, i);
        ksi_stats_name_lock(name, s);
        put_field(out, "name", name);
        put_class(out, s->class, s->kind);
        ksi_out(out, "\"address\":\"%p\",", s->lock);
        put_sum(out, s);
    }
    ksi_out(out, "]");
    begin_list(out, "classes");
    for (uint32_t i = 0; i < v->classes.n; i++) {
        const struct ksi_stats_sum *s = v->classes.sum[i];
        begin_item(out, i);
        ksi_stats_name_class(name, s->class, s->kind);
        put_field(out, "name", name);
        put_field(out, "kind", ksi_kind_name(s->kind));
        put_sum(out, s);
    }
    ksi_out(out, "]");
    begin_list(out, "sites");
    for (uint32_t i = 0; i < v->sites.n; i++) {
        const struct ksi_stats_sum *s = v->sites.sum[i];
        begin_item(out, i);
        ksi_stats_name_site(name, s->site);
        put_field(out, "name", name);
        put_class(out, s->class, s->kind);
        put_sum(out, s);
    }
    ksi_out(out, "]");
}

static void put_threads(struct ksi_out *out, const struct ksi_stats_view *v)
{
    char name[KSI_STATS_NAME];
    begin_list(out, "threads");
    for (uint32_t i = 0; i < v->lines; i++) {
        const struct ksi_stats_line *line = &v->line[i];
        begin_item(out, i);
        ksi_stats_name_thread(name, line);
        put_field(out, "name", name);
        ksi_out(out, "\"tid\":%d,\"alive\":%s,\"threads\":%u,", line->tid,
                line->alive ? "true" : "false", line->threads);
        put_counters(out, line->c);
        ksi_out(out, ",\"interrupts\":{");
        put_number(out, "raised", line->own[KSI_STATS_RAISED], ',');
        put_number(out, "run", line->own[KSI_STATS_RUN], ',');
        put_number(out, "put_off", line->own[KSI_STATS_PUT_OFF], ',');
        put_number(out, "put_off_max_ns", line->own[KSI_STATS_PUT_OFF_MAX], '}');
        ksi_out(out, "}");
    }
    ksi_out(out, "]");
}

static void put_stacks(struct ksi_out *out, const struct ksi_stats_view *v)
{
    char name[KSI_STATS_NAME];
    begin_list(out, "stacks");
    for (uint32_t i = 0; i < v->stacks; i++) {
        const struct ksi_stats_stack *s = &v->stack[i];
        begin_item(out, i);
        put_class(out, s->class, ksi_stats_class_at(s->class)->kind);
        put_number(out, "waits", s->waits, ',');
        put_number(out, "wait_total_ns", s->total, ',');
        put_number(out, "wait_max_ns", s->most, ',');
        ksi_out(out, "\"frames\":[");
        for (uint32_t k = 0; k < s->frames; k++) {
            ksi_stats_name_site(name, s->frame[k]);
            ksi_out(out, "%s", k > 0 ? "," : "");
            put_string(out, name);
        }
        ksi_out(out, "]}");
    }
    ksi_out(out, "]");
}

static void put_irq(struct ksi_out *out, const struct ksi_stats_irq *q)
{
    put_number(out, "raised", q->raised, ',');
    put_number(out, "run", q->run, ',');
    put_number(out, "put_off", q->put_off, ',');
    put_number(out, "put_off_max_ns", q->put_off_max, ',');
}

static void put_irqs(struct ksi_out *out, const struct ksi_stats_view *v)
{
    struct ksi_stats_irq all = {.raised = 0};
    uint32_t items = 0;
    for (unsigned i = 0; i < KSL_IRQ_COUNT; i++) {
        const struct ksi_stats_irq *q = &v->irq[i];
        all.raised += q->raised;
        all.run += q->run;
        all.put_off += q->put_off;
        if (q->put_off_max > all.put_off_max)
            all.put_off_max = q->put_off_max;
    }
    ksi_out(out, ",\n\"interrupts\":{");
    put_irq(out, &all);
    put_number(out, "masked_max_ns", v->total.c[KSI_STAT_MASKED_MAX], ',');
    ksi_out(out, "\"irqs\":[");
    for (unsigned i = 0; i < KSL_IRQ_COUNT; i++) {
        const struct ksi_stats_irq *q = &v->irq[i];
        if (q->raised == 0 && q->run == 0 && q->put_off == 0)
            continue;
        begin_item(out, items++);
        put_number(out, "irq", i, ',');
        put_irq(out, q);
        put_number(out, "run_total_ns", q->run_total, ',');
        put_number(out, "run_max_ns", q->run_max, '}');
    }
    ksi_out(out, "]}");
}

void ksi_stats_json(struct ksi_out *out, const struct ksi_stats_view *v)
{
    ksi_out(out, "{\"version\":1,\"seconds\":");
    ksi_out_seconds(out, v->ns);
    ksi_out(out, ",\"pid\":%d,", ksi_report_pid());
    put_number(out, "hold_sample", v->sample, ',');
    put_field(out, "hold_times", ksi_stats_all_timed(v) ? "all timed" : "estimated");
    put_number(out, "unrecorded", v->unrecorded, ',');
    ksi_out(out, "\n\"total\":{");
    put_sum(out, &v->total);
    put_lists(out, v);
    put_threads(out, v);
    put_stacks(out, v);
    put_irqs(out, v);
    if (ksi_order_on()) {
        ksi_out(out, ",\n\"graph\":");
        ksi_order_json(out);
    }
    ksi_out(out, "\n}\n");
}
