/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock report --html: bars, histograms and stacks. */

#include "kslock.h"

#include <stdlib.h>

enum { POWERS = 64 };

static double part_of(uint64_t value, uint64_t all)
{
    return all > 0 ? (double)value / (double)all : 0.0;
}

/* At most so many characters of it. */
static void put_cut(FILE *f, const char *text, unsigned most)
{
    char kept[NAME_TEXT];
    size_t n = 0;
    for (; text[n] != '\0' && n + 1 < sizeof kept; n++) {
        bool begins = ((unsigned char)text[n] & 0xc0) != 0x80;
        if (begins && most-- == 0)
            break;
        kept[n] = text[n];
    }
    kept[n] = '\0';
    html_text(f, kept);
    if (text[n] != '\0')
        fputs("\342\200\246", f); /* three dots */
}

/* --- contention --------------------------------------------------------------------- */

enum { NAMES_WIDE = 380, BARS_WIDE = 620, LINE = 24, SIDE = 90 };

static void bar(FILE *f, const char *class, unsigned y, unsigned height, double part)
{
    double wide = part * (BARS_WIDE - SIDE);
    fprintf(f, "<rect class=\"%s\" x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>",
            class, NAMES_WIDE, y, wide > 0 && wide < 1 ? 1.0 : wide, height);
}

void html_bars(FILE *f, const struct json *document, unsigned most)
{
    unsigned n;
    unsigned shown = 0;
    uint64_t longest = 0;
    char name[NAME_TEXT];
    char text[UNIT_TEXT];
    const struct json **rows =
        document_sorted(json_get(document, "locks"), "wait_total_ns", most, &n);
    while (shown < n && json_whole(rows[shown], "contended") > 0)
        shown++;
    for (unsigned i = 0; i < shown; i++) {
        uint64_t wait = json_whole(rows[i], "wait_total_ns");
        uint64_t hold = json_whole(rows[i], "hold_total_ns");
        longest = wait > longest ? wait : longest;
        longest = hold > longest ? hold : longest;
    }
    fputs("<h2>Contention</h2>\n", f);
    if (shown == 0) {
        fputs("<p>No lock was contended.</p>\n", f);
        free(rows);
        return;
    }
    fprintf(f,
            "<p class=\"key\">All threads together:"
            "<span style=\"background:var(--wait)\"></span>waited"
            "<span style=\"background:var(--hold)\"></span>held</p>\n"
            "<svg width=\"100%%\" viewBox=\"0 0 %d %u\" role=\"img\">\n",
            NAMES_WIDE + BARS_WIDE, shown * LINE + 4);
    for (unsigned i = 0; i < shown; i++) {
        unsigned y = i * LINE + 2;
        uint64_t wait = json_whole(rows[i], "wait_total_ns");
        double part = part_of(wait, longest);
        fprintf(f, "<g><title>");
        html_text(f, name_of(rows[i], name));
        fprintf(f,
                ": contended %llu times of %llu</title><text x=\"%d\" y=\"%u\" "
                "text-anchor=\"end\">",
                (unsigned long long)json_whole(rows[i], "contended"),
                (unsigned long long)json_whole(rows[i], "acquisitions"), NAMES_WIDE - 8,
                y + 13);
        put_cut(f, name_of(rows[i], name), 58);
        fputs("</text>", f);
        bar(f, "wait", y + 2, 9, part);
        bar(f, "hold", y + 12, 5, part_of(json_whole(rows[i], "hold_total_ns"), longest));
        fprintf(f, "<text class=\"dim\" x=\"%.1f\" y=\"%u\">%s</text></g>\n",
                NAMES_WIDE + 6 + part * (BARS_WIDE - SIDE), y + 10, ns_text(text, wait));
    }
    fputs("</svg>\n", f);
    free(rows);
}

/* --- histograms --------------------------------------------------------------------- */

struct histogram {
    uint64_t n[POWERS];
    uint64_t most;
    unsigned first;
    unsigned last;
};

static bool read_histogram(struct histogram *h, const struct json *row)
{
    *h = (struct histogram){.first = POWERS};
    JSON_EACH(bucket, json_get(row, "wait_log2_ns"))
    {
        const struct json *power = bucket->first;
        if (power == NULL || power->next == NULL || power->whole >= POWERS)
            continue;
        unsigned i = (unsigned)power->whole;
        h->n[i] += power->next->whole;
        h->most = h->n[i] > h->most ? h->n[i] : h->most;
        h->first = i < h->first ? i : h->first;
        h->last = i > h->last ? i : h->last;
    }
    return h->most > 0;
}

/* 2^i ns, in few characters. */
static void power_text(char *text, unsigned i)
{
    static const char *const units[] = {"ns", "us", "ms", "s"};
    double value = (double)((uint64_t)1 << i);
    unsigned unit = 0;
    for (; value >= 1000 && unit < 3; unit++)
        value /= 1000;
    snprintf(text, UNIT_TEXT, "%.0f %s", value, units[unit]);
}

static void put_histogram(FILE *f, const struct histogram *h)
{
    enum { WIDE = 340, HIGH = 110, BASE = 90 };
    unsigned bars = h->last - h->first + 1;
    double wide = (double)WIDE / (bars < 8 ? 8 : bars);
    char text[UNIT_TEXT];
    fprintf(f,
            "<svg width=\"100%%\" viewBox=\"0 0 %d %d\" role=\"img\">"
            "<line class=\"axis\" x1=\"0\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
            WIDE, HIGH, BASE, WIDE, BASE);
    for (unsigned i = h->first; i <= h->last; i++) {
        double x = (i - h->first) * wide;
        double high = part_of(h->n[i], h->most) * (BASE - 14);
        if (high > 0 && high < 1)
            high = 1;
        power_text(text, i);
        fprintf(f,
                "<rect class=\"wait\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
                "height=\"%.1f\"><title>%llu waits of at least %s</title></rect>",
                x + 1, BASE - high, wide - 2, high, (unsigned long long)h->n[i], text);
        if (h->n[i] > 0 && bars <= 12)
            fprintf(f,
                    "<text class=\"dim\" x=\"%.1f\" y=\"%.1f\" "
                    "text-anchor=\"middle\">%llu</text>",
                    x + wide / 2, BASE - high - 3, (unsigned long long)h->n[i]);
        if ((i - h->first) % (bars / 5 + 1) == 0)
            fprintf(f, "<text class=\"dim\" x=\"%.1f\" y=\"%d\">%s</text>", x, HIGH - 6,
                    text);
        fputs("\n", f);
    }
    fputs("</svg>", f);
}

void html_histograms(FILE *f, const struct json *document, unsigned most)
{
    unsigned n;
    char name[NAME_TEXT];
    bool began = false;
    struct histogram h;
    const struct json **rows =
        document_sorted(json_get(document, "classes"), "wait_total_ns", most, &n);
    for (unsigned i = 0; i < n; i++) {
        if (!read_histogram(&h, rows[i]))
            continue;
        if (!began)
            fputs("<h2>How long it was waited</h2>\n<p>Waits by class of locks; each bar "
                  "is for waits twice as long as those of the one before.</p>\n"
                  "<div class=\"grid\">\n",
                  f);
        began = true;
        fputs("<figure><figcaption>", f);
        html_text(f, name_of(rows[i], name));
        fputs("</figcaption>", f);
        put_histogram(f, &h);
        fputs("</figure>\n", f);
    }
    if (began)
        fputs("</div>\n", f);
    free(rows);
}

/* --- stacks ------------------------------------------------------------------------- */

void html_stacks(FILE *f, const struct json *document, unsigned most)
{
    unsigned n;
    char total[UNIT_TEXT];
    char longest[UNIT_TEXT];
    const struct json **rows =
        document_sorted(json_get(document, "stacks"), "wait_total_ns", most, &n);
    if (n > 0)
        fputs("<h2>Stacks that waited</h2>\n", f);
    for (unsigned i = 0; i < n; i++) {
        fprintf(f, "<div>%s in %llu waits, longest %s, for ",
                ns_text(total, json_whole(rows[i], "wait_total_ns")),
                (unsigned long long)json_whole(rows[i], "waits"),
                ns_text(longest, json_whole(rows[i], "wait_max_ns")));
        html_text(f, json_text(rows[i], "class"));
        fputs("</div><div class=\"frames\">", f);
        JSON_EACH(frame, json_get(rows[i], "frames"))
        {
            html_text(f, frame->string);
            fputs("\n", f);
        }
        fputs("</div>\n", f);
    }
    free(rows);
}
