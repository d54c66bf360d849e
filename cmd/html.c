/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock report --html: one page that needs nothing else. */

#include "kslock.h"

#include <stdlib.h>

static const char style[] =
    ":root{--ink:#1d2330;--dim:#667085;--line:#d7dce5;--wait:#c2410c;--hold:#2563a8;"
    "--paper:#fff;--band:#f5f7fa}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e5e8ee;--dim:#98a2b3;--line:#38404e;"
    "--wait:#fb923c;--hold:#60a5fa;--paper:#14181f;--band:#1c222c}"
    ".graph svg{filter:invert(.88) hue-rotate(180deg)}}\n"
    "body{font:14px/1.45 system-ui,'DejaVu Sans',sans-serif;color:var(--ink);"
    "background:var(--paper);max-width:1200px;margin:2em auto;padding:0 1.5em}\n"
    "h1{font-size:1.5em}h2{font-size:1.15em;margin:2em 0 .5em}p{color:var(--dim)}\n"
    "table{border-collapse:collapse;font-size:13px;display:block;overflow-x:auto}\n"
    "th,td{padding:.25em .7em;text-align:right;white-space:nowrap;"
    "border-bottom:1px solid var(--line)}\n"
    "th{color:var(--dim);font-weight:600}tr:nth-child(even) td{background:var(--band)}\n"
    "td.name,th.name{text-align:left}td.place,.frames{text-align:left;"
    "font-family:ui-monospace,'DejaVu Sans Mono',monospace;font-size:12px}\n"
    ".frames{margin:.2em 0 1em 1.5em;color:var(--dim);white-space:pre-wrap}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(340px,1fr));"
    "gap:1.2em}\n"
    ".grid figure{margin:0}figcaption{overflow:hidden;text-overflow:ellipsis;"
    "white-space:nowrap}\n"
    "svg text{fill:var(--ink);font:11px system-ui,'DejaVu Sans',sans-serif}"
    "svg text.dim{fill:var(--dim)}\n"
    "svg .wait{fill:var(--wait)}svg .hold{fill:var(--hold)}"
    "svg .axis{stroke:var(--line)}\n"
    ".graph{overflow:auto;border:1px solid var(--line);padding:1em}"
    ".graph svg{max-width:100%;height:auto}.graph svg text{fill:#000}\n"
    ".key span{display:inline-block;width:.8em;height:.8em;margin:0 .4em 0 1em}\n"
    "details{margin-top:.5em}summary{cursor:pointer;color:var(--dim)}\n";

void html_text(FILE *f, const char *text)
{
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '&':
            fputs("&amp;", f);
            break;
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc((unsigned char)*text < ' ' ? ' ' : *text, f);
        }
    }
}

static void put_row(FILE *f, const struct table *t, const struct json *row)
{
    char text[UNIT_TEXT];
    char name[NAME_TEXT];
    fputs("<tr><td class=\"name\">", f);
    html_text(f, name_of(row, name));
    fputs("</td>", f);
    for (unsigned c = 0; c < t->ncolumns; c++) {
        uint64_t value = json_whole(row, t->columns[c].key);
        if (t->columns[c].ns)
            fprintf(f, "<td>%s</td>", ns_text(text, value));
        else
            fprintf(f, "<td>%llu</td>", (unsigned long long)value);
    }
    fputs("</tr>\n", f);
}

static void put_table(FILE *f, const struct table *t, const struct json *document,
                      unsigned most)
{
    unsigned n;
    unsigned all;
    const struct json **rows = table_rows(document, t, most, &n, &all);
    if (n == 0) {
        free(rows);
        return;
    }
    fprintf(f, "<h2>%s</h2>\n", t->title);
    if (n < all)
        fprintf(f, "<p>%u of %u</p>\n", n, all);
    fprintf(f, "<table><tr><th class=\"name\">%s</th>", t->what);
    for (unsigned c = 0; c < t->ncolumns; c++)
        fprintf(f, "<th>%s</th>", t->columns[c].title);
    fputs("</tr>\n", f);
    for (unsigned i = 0; i < n; i++)
        put_row(f, t, rows[i]);
    fputs("</table>\n", f);
    free(rows);
}

static void put_head(FILE *f, const struct json *document)
{
    char text[UNIT_TEXT];
    char holds[HOLD_TEXT];
    const struct json *seconds = json_get(document, "seconds");
    const struct json *total = json_get(document, "total");
    uint64_t unrecorded = json_whole(document, "unrecorded");
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width\">\n"
          "<title>kslock: statistics of locks</title>\n<style>\n",
          f);
    fputs(style, f);
    fputs("</style></head>\n<body>\n<h1>Statistics of locks</h1>\n", f);
    fprintf(f,
            "<p>%.3f s, process %llu: %llu locks taken, %llu times contended, waited %s",
            seconds != NULL ? seconds->number : 0.0,
            (unsigned long long)json_whole(document, "pid"),
            (unsigned long long)json_whole(total, "acquisitions"),
            (unsigned long long)json_whole(total, "contended"),
            ns_text(text, json_whole(total, "wait_total_ns")));
    if (unrecorded > 0)
        fprintf(f, "; %llu more had no room and are not in here",
                (unsigned long long)unrecorded);
    fputs(".</p>\n", f);
    if (hold_times(holds, document))
        fprintf(f, "<p>%s</p>\n", holds);
}

void report_html(FILE *f, const struct json *document, unsigned most)
{
    const struct json *graph = json_get(document, "graph");
    put_head(f, document);
    html_bars(f, document, most);
    html_histograms(f, document, most);
    html_stacks(f, document, most);
    if (graph != NULL && document_graph(document) == graph)
        html_graph(f, graph);
    for (unsigned i = 0; i < ntables; i++)
        put_table(f, &tables[i], document, most);
    fputs("</body></html>\n", f);
}
