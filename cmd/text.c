/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock report: tables as text. */

#include "kslock.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_COLUMNS = 16 };

static void cell_text(char *text, const struct json *row, const struct column *c)
{
    uint64_t value = json_whole(row, c->key);
    if (c->ns)
        ns_text(text, value);
    else
        snprintf(text, UNIT_TEXT, "%llu", (unsigned long long)value);
}

static void put_table(FILE *f, const struct table *t, const struct json *document,
                      unsigned most)
{
    int width[MOST_COLUMNS];
    char text[UNIT_TEXT];
    char name[NAME_TEXT];
    unsigned n;
    unsigned all;
    const struct json **rows = table_rows(document, t, most, &n, &all);
    for (unsigned c = 0; c < t->ncolumns; c++) {
        width[c] = (int)strlen(t->columns[c].title);
        for (unsigned i = 0; i < n; i++) {
            cell_text(text, rows[i], &t->columns[c]);
            if ((int)strlen(text) > width[c])
                width[c] = (int)strlen(text);
        }
    }
    if (n == 0) {
        free(rows);
        return;
    }
    fprintf(f, "\n%s", t->title);
    if (n < all)
        fprintf(f, ", %u of %u", n, all);
    fputs("\n", f);
    for (unsigned c = 0; c < t->ncolumns; c++)
        fprintf(f, "%*s  ", width[c], t->columns[c].title);
    fprintf(f, "%s\n", t->what);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned c = 0; c < t->ncolumns; c++) {
            cell_text(text, rows[i], &t->columns[c]);
            fprintf(f, "%*s  ", width[c], text);
        }
        fprintf(f, "%s\n", name_of(rows[i], name));
    }
    free(rows);
}

static void put_histograms(FILE *f, const struct json *classes, unsigned most)
{
    unsigned n;
    char name[NAME_TEXT];
    char from[UNIT_TEXT];
    const struct json **rows = document_sorted(classes, "wait_total_ns", most, &n);
    bool began = false;
    for (unsigned i = 0; i < n; i++) {
        const struct json *waits = json_get(rows[i], "wait_log2_ns");
        if (waits == NULL || waits->count == 0)
            continue;
        if (!began)
            fputs("\nHow long it was waited\n", f);
        began = true;
        fprintf(f, "%s:", name_of(rows[i], name));
        JSON_EACH(bucket, waits)
        {
            const struct json *power = bucket->first;
            if (power == NULL || power->next == NULL || power->whole > 62)
                continue;
            fprintf(f, "  from %s: %llu", ns_text(from, (uint64_t)1 << power->whole),
                    (unsigned long long)power->next->whole);
        }
        fputs("\n", f);
    }
    free(rows);
}

static void put_stacks(FILE *f, const struct json *stacks, unsigned most)
{
    unsigned n;
    char total[UNIT_TEXT];
    char longest[UNIT_TEXT];
    const struct json **rows = document_sorted(stacks, "wait_total_ns", most, &n);
    if (n > 0)
        fputs("\nStacks that waited\n", f);
    for (unsigned i = 0; i < n; i++) {
        fprintf(f, "%s in %llu waits, longest %s, for %s\n",
                ns_text(total, json_whole(rows[i], "wait_total_ns")),
                (unsigned long long)json_whole(rows[i], "waits"),
                ns_text(longest, json_whole(rows[i], "wait_max_ns")),
                json_text(rows[i], "class"));
        JSON_EACH(frame, json_get(rows[i], "frames"))
        {
            fprintf(f, "    %s\n", frame->string);
        }
    }
    free(rows);
}

void report_text(FILE *f, const struct json *document, unsigned most)
{
    char text[UNIT_TEXT];
    char holds[HOLD_TEXT];
    const struct json *seconds = json_get(document, "seconds");
    const struct json *total = json_get(document, "total");
    const struct json *graph = json_get(document, "graph");
    uint64_t unrecorded = json_whole(document, "unrecorded");
    fprintf(f, "%.3f s: %llu locks taken, %llu times contended, waited %s\n",
            seconds != NULL ? seconds->number : 0.0,
            (unsigned long long)json_whole(total, "acquisitions"),
            (unsigned long long)json_whole(total, "contended"),
            ns_text(text, json_whole(total, "wait_total_ns")));
    if (unrecorded > 0)
        fprintf(f, "%llu more had no room and are not in here\n",
                (unsigned long long)unrecorded);
    if (hold_times(holds, document))
        fprintf(f, "%s\n", holds);
    for (unsigned i = 0; i < ntables; i++)
        put_table(f, &tables[i], document, most);
    put_histograms(f, json_get(document, "classes"), most);
    put_stacks(f, json_get(document, "stacks"), most);
    if (graph != NULL)
        fprintf(f, "\nLock order: %u classes, %u pairs; see kslock graph\n",
                json_get(graph, "classes") != NULL ? json_get(graph, "classes")->count
                                                   : 0,
                json_get(graph, "edges") != NULL ? json_get(graph, "edges")->count : 0);
}
