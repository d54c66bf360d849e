/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock report: the command line, and what the tables show. */

#include "kslock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct column use[] = {
    {"taken", "acquisitions", false},  {"contended", "contended", false},
    {"busy", "busy", false},           {"again", "recursed", false},
    {"spun", "spun", false},           {"slept", "sleeps", false},
    {"waited", "wait_total_ns", true}, {"longest", "wait_max_ns", true},
    {"held", "hold_total_ns", true},   {"longest", "hold_max_ns", true},
    {"timed", "holds_timed", false},   {"readers", "readers_max", false},
};
static const struct column of_threads[] = {
    {"taken", "acquisitions", false}, {"contended", "contended", false},
    {"busy", "busy", false},          {"slept", "sleeps", false},
    {"wakes", "wakes", false},        {"waited", "wait_total_ns", true},
    {"longest", "wait_max_ns", true}, {"held", "hold_total_ns", true},
    {"longest", "hold_max_ns", true}, {"promotions", "promotions", false},
};
static const struct column of_readers[] = {
    {"shares", "shared", false},           {"at once", "readers_max", false},
    {"upgrades", "upgrades", false},       {"downgrades", "downgrades", false},
    {"withdrawals", "withdrawals", false}, {"which took", "withdrawal_total_ns", true},
};
static const struct column of_irqs[] = {
    {"raised", "raised", false},       {"run", "run", false},
    {"put off", "put_off", false},     {"longest", "put_off_max_ns", true},
    {"ran for", "run_total_ns", true}, {"longest", "run_max_ns", true},
};

#define COLUMNS(c) c, sizeof c / sizeof c[0]
const struct table tables[] = {
    {"Locks", "locks", "lock", "wait_total_ns", false, COLUMNS(use)},
    {"Classes of locks", "classes", "class", "wait_total_ns", false, COLUMNS(use)},
    {"Call sites", "sites", "call site, class", "wait_total_ns", false, COLUMNS(use)},
    {"Shared locks", "classes", "class", "shared", true, COLUMNS(of_readers)},
    {"Threads", "threads", "thread", "wait_total_ns", false, COLUMNS(of_threads)},
    {"Interrupts", "irqs", "interrupt", "raised", false, COLUMNS(of_irqs)},
};
const unsigned ntables = sizeof tables / sizeof tables[0];

bool hold_times(char *text, const struct json *document)
{
    const struct json *total = json_get(document, "total");
    uint64_t timed = json_whole(total, "holds_timed");
    uint64_t holds = json_whole(total, "holds");
    const struct json *sample = json_get(document, "hold_sample");
    if (sample == NULL) /* of before there was such a choice */
        return false;
    if (timed == holds)
        snprintf(text, HOLD_TEXT, "hold times: all timed");
    else
        snprintf(text, HOLD_TEXT,
                 "hold times: 1 hold in %llu timed after the first 64 of each thread, "
                 "lock and call site, totals estimated, maxima of those timed: %llu of "
                 "%llu holds",
                 (unsigned long long)sample->whole, (unsigned long long)timed,
                 (unsigned long long)holds);
    return true;
}

const struct json **table_rows(const struct json *document, const struct table *t,
                               unsigned most, unsigned *n, unsigned *all)
{
    const struct json *rows = json_get(document, t->array);
    if (rows == NULL)
        rows = json_get(json_get(document, "interrupts"), t->array);
    const struct json **sorted = document_sorted(rows, t->by, 0, all);
    while (t->used && *all > 0 && json_whole(sorted[*all - 1], t->by) == 0)
        --*all;
    *n = most != 0 && most < *all ? most : *all;
    return sorted;
}

const char *name_of(const struct json *row, char *room)
{
    const char *name = json_text(row, "name");
    const char *class = json_text(row, "class");
    const struct json *irq = json_get(row, "irq");
    if (irq != NULL)
        snprintf(room, NAME_TEXT, "%llu", (unsigned long long)irq->whole);
    else if (class[0] != '\0' && strcmp(class, name) != 0 &&
             json_get(row, "address") == NULL)
        snprintf(room, NAME_TEXT, "%.120s, %.120s", name, class);
    else
        return name;
    return room;
}

static bool is_count(const char *text)
{
    return text[0] != '\0' && strlen(text) < 9 &&
           strspn(text, "0123456789") == strlen(text);
}

static int write_page(const char *to, const struct json *document, unsigned most)
{
    bool to_stdout = strcmp(to, "-") == 0;
    FILE *f = to_stdout ? stdout : fopen(to, "w");
    if (f == NULL)
        return complain(KSLOCK_FAILED, "%s: %s", to, strerror(errno));
    report_html(f, document, most);
    if (to_stdout)
        return KSLOCK_DONE;
    errno = 0;
    bool failed = fflush(f) != 0 || ferror(f) != 0;
    int why = errno;
    if ((fclose(f) != 0 || failed))
        return complain(KSLOCK_FAILED, "%s: %s", to, strerror(why != 0 ? why : errno));
    return KSLOCK_DONE;
}

static int show(const char *file, const char *html, unsigned most)
{
    int status = KSLOCK_FAILED;
    struct json *document = document_read(file);
    if (document == NULL)
        return status;
    if (document_is_stats(document, file)) {
        status = KSLOCK_DONE;
        if (html != NULL)
            status = write_page(html, document, most);
        else
            report_text(stdout, document, most);
    }
    json_free(document);
    return status;
}

/* The value of an option that may stand in the same word; *i: which one it is. */
static const char *value_of(int argc, char **argv, int *i)
{
    const char *in = strchr(argv[*i], '=');
    if (in != NULL)
        return in + 1;
    if (*i + 1 < argc)
        return argv[++*i];
    return "";
}

static bool is_option(const char *word, const char *name)
{
    size_t n = strlen(name);
    return strncmp(word, name, n) == 0 && (word[n] == '\0' || word[n] == '=');
}

int report_main(int argc, char **argv)
{
    enum { ROWS = 20 };
    const char *file = NULL;
    const char *html = NULL;
    const char *top = NULL;
    for (int i = 0; i < argc; i++) {
        if (is_option(argv[i], "--html"))
            html = value_of(argc, argv, &i);
        else if (is_option(argv[i], "--top"))
            top = value_of(argc, argv, &i);
        else if (argv[i][0] == '-' && argv[i][1] != '\0')
            return complain(KSLOCK_USAGE, "report: unknown option \"%s\"", argv[i]);
        else if (file != NULL)
            return complain(KSLOCK_USAGE, "report: one FILE, not \"%s\" too", argv[i]);
        else
            file = argv[i];
    }
    if (file == NULL)
        return complain(KSLOCK_USAGE, "report: which FILE?");
    if (html != NULL && html[0] == '\0')
        return complain(KSLOCK_USAGE, "--html needs a value");
    if (top != NULL && !is_count(top))
        return complain(KSLOCK_USAGE, "--top: \"%s\" is no number of rows", top);
    return show(file, html, top != NULL ? (unsigned)atoi(top) : ROWS);
}
