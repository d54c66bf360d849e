/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_CMD_KSLOCK_H
#define KSLOCK_CMD_KSLOCK_H

#include "json.h"

#include <stdio.h>

/* Exit statuses of the command; those of `run` and `torture` are those of the
 * program that is executed. */
enum {
    KSLOCK_DONE = 0,
    KSLOCK_FAILED = 1, /* a file cannot be read or written, or is not what it should be */
    KSLOCK_USAGE = 2,
    KSLOCK_NOT_RUN = 126,
    KSLOCK_NOT_FOUND = 127
};

/* "kslock: ..." on stderr; returns status. */
__attribute__((format(printf, 2, 3))) int complain(int status, const char *fmt, ...);

/* --- run.c, report.c, dot.c, torture.c: the words of the command line behind the name of
 * the command ----- */

int run_main(int argc, char **argv);
int report_main(int argc, char **argv);
int graph_main(int argc, char **argv);
int torture_main(char **argv); /* argv[0] is its own word */

/* --- document.c --------------------------------------------------------------------- */

/* Reads FILE, "-": stdin. NULL: it has complained. */
struct json *document_read(const char *file);
/* The order graph of a document, NULL: it has none. */
const struct json *document_graph(const struct json *document);
/* False: it has complained that this is no file of `stats` that this version reads. */
bool document_is_stats(const struct json *document, const char *file);

/*
 * The elements of an array of objects, those with more under `key` first; free them. At
 * most `most`, 0: all. *n: how many.
 */
const struct json **document_sorted(const struct json *array, const char *key,
                                    unsigned most, unsigned *n);

/* "1.23 ms" in room for UNIT_TEXT characters; returns text. */
enum { UNIT_TEXT = 32 };
const char *ns_text(char *text, uint64_t ns);

/* --- what a table shows of locks, classes, ... ----------------------------------------
 */

struct column {
    const char *title;
    const char *key;
    bool ns;
};
struct table {
    const char *title;
    const char *array; /* member of the document */
    const char *what;  /* title of the column with names */
    const char *by;    /* key that rows are sorted by */
    bool used;         /* those with 0 there are left out */
    const struct column *columns;
    unsigned ncolumns;
};
extern const struct table tables[];
extern const unsigned ntables;
/* Its rows as document_sorted; *all: how many there are. */
const struct json **table_rows(const struct json *document, const struct table *t,
                               unsigned most, unsigned *n, unsigned *all);

/* How holds were timed, in room for HOLD_TEXT characters; false: the file is too old. */
enum { HOLD_TEXT = 256 };
bool hold_times(char *text, const struct json *document);

/* What a row is about; in room for NAME_TEXT characters if it has to be made up. */
enum { NAME_TEXT = 256 };
const char *name_of(const struct json *row, char *room);

/* --- text.c, html.c, html_charts.c, dot.c
 * ----------------------------------------------------------- */

void report_text(FILE *f, const struct json *document, unsigned most);
void report_html(FILE *f, const struct json *document, unsigned most);

void html_text(FILE *f, const char *text); /* with & < > " escaped */
void html_bars(FILE *f, const struct json *document, unsigned most);
void html_histograms(FILE *f, const struct json *document, unsigned most);
void html_stacks(FILE *f, const struct json *document, unsigned most);
void html_graph(FILE *f, const struct json *graph);

void graph_dot(FILE *f, const struct json *graph);

#endif
