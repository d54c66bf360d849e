/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "compare.h"
#include "json.h"
#include "stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const unsigned LEAST_ROUNDS = 6; /* with fewer the test cannot say so much */
static const double LEAST_CHANGE = 0.03;
static const double LIKELY = 0.01;

/* All rounds of one lock in one test. */
struct line {
    const char *name;
    size_t n;
    size_t ratios;
    double *ns;
    double *ratio;
};

struct lines {
    struct json *file; /* which the names are in */
    struct line *line;
    size_t n;
};

static void *larger(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size);
    if (p == NULL) {
        fprintf(stderr, "bench: out of memory\n");
        exit(1);
    }
    return p;
}

static double ns_of_unit(const char *unit)
{
    static const struct {
        const char *name;
        double ns;
    } units[] = {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].name, unit) == 0)
            return units[i].ns;
    }
    return 1;
}

/* Rounds of one line follow one another in most files: the last line is tried first. */
static struct line *line_named(struct lines *all, const char *name)
{
    for (size_t i = all->n; i-- > 0;) {
        if (strcmp(all->line[i].name, name) == 0)
            return &all->line[i];
    }
    return NULL;
}

static bool number_of(const struct json *object, const char *key, double *to)
{
    const struct json *v = json_get(object, key);
    if (v == NULL || v->type != JSON_NUMBER)
        return false;
    *to = v->number;
    return true;
}

static void add_entry(struct lines *all, const struct json *entry)
{
    const char *type = json_text(entry, "run_type");
    const char *name = json_text(entry, "run_name");
    double time;
    double ratio;
    if (name[0] == '\0')
        name = json_text(entry, "name");
    if (name[0] == '\0' || (type[0] != '\0' && strcmp(type, "iteration") != 0) ||
        !number_of(entry, "real_time", &time))
        return;
    struct line *line = line_named(all, name);
    if (line == NULL) {
        all->line = larger(all->line, all->n + 1, sizeof *all->line);
        line = &all->line[all->n++];
        *line = (struct line){.name = name};
    }
    line->ns = larger(line->ns, line->n + 1, sizeof(double));
    line->ratio = larger(line->ratio, line->n + 1, sizeof(double));
    line->ns[line->n++] = time * ns_of_unit(json_text(entry, "time_unit"));
    if (number_of(entry, "ratio", &ratio))
        line->ratio[line->ratios++] = ratio;
}

static bool read_lines(const char *name, struct lines *all)
{
    struct json_error error;
    all->file = json_read_file(name, &error);
    const struct json *list = json_get(all->file, "benchmarks");
    if (all->file == NULL && error.line == 0) {
        fprintf(stderr, "bench: %s: %s\n", name, error.what);
        return false;
    }
    if (all->file == NULL) {
        fprintf(stderr, "bench: %s: line %u: not JSON: %s\n", name, error.line,
                error.what);
        return false;
    }
    if (list == NULL || list->type != JSON_ARRAY) {
        fprintf(stderr, "bench: %s: no list of benchmarks\n", name);
        return false;
    }
    JSON_EACH(entry, list)
    add_entry(all, entry);
    return true;
}

static void drop_lines(struct lines *all)
{
    for (size_t i = 0; i < all->n; i++) {
        free(all->line[i].ns);
        free(all->line[i].ratio);
    }
    free(all->line);
    json_free(all->file);
}

/* Prints a line that has changed. */
static bool compare_line(const struct line *a, const struct line *b, bool absolute)
{
    bool relative = !absolute && a->ratios == a->n && b->ratios == b->n;
    const double *x = relative ? a->ratio : a->ns;
    const double *y = relative ? b->ratio : b->ns;
    struct spread before = spread_of(x, a->n);
    struct spread after = spread_of(y, b->n);
    double change = before.median > 0 ? after.median / before.median - 1 : 0;
    bool apart = before.q3 < after.q1 || after.q3 < before.q1;
    double p = rank_test(x, a->n, y, b->n);
    if (p >= LIKELY || !apart || (change < LEAST_CHANGE && change > -LEAST_CHANGE))
        return false;
    printf("%-64s %10.3f [%.3f %.3f]  %10.3f [%.3f %.3f]  %-5s %+6.0f%%  p=%.1g\n",
           a->name, before.median, before.q1, before.q3, after.median, after.q1, after.q3,
           relative ? "ratio" : "ns", change * 100, p);
    return true;
}

static void print_rule(bool absolute)
{
    printf(
        "A line has changed if the medians differ by %.0f%% or more, the quartiles do\n"
        "not overlap, and a two-sided Mann-Whitney rank test of the rounds gives\n"
        "p < %g. %s; larger is slower.\n",
        LEAST_CHANGE * 100, LIKELY,
        absolute ? "Times are compared as they are"
                 : "What has a baseline is compared by its ratio to that");
}

static void compare_lines(struct lines *before, struct lines *after, bool absolute)
{
    size_t compared = 0;
    size_t changed = 0;
    size_t few = 0;
    print_rule(absolute);
    for (size_t i = 0; i < before->n; i++) {
        const struct line *a = &before->line[i];
        const struct line *b = line_named(after, a->name);
        if (b == NULL)
            continue;
        if (a->n < LEAST_ROUNDS || b->n < LEAST_ROUNDS) {
            few++;
            continue;
        }
        compared++;
        changed += compare_line(a, b, absolute);
    }
    printf("%zu lines compared, %zu changed", compared, changed);
    if (few > 0)
        printf(", %zu with fewer than %u rounds left out", few, LEAST_ROUNDS);
    size_t both = compared + few;
    if (before->n > both || after->n > both)
        printf(", %zu only in the first file, %zu only in the second", before->n - both,
               after->n - both);
    printf("\n");
}

int compare_files(const char *old_name, const char *new_name, bool absolute)
{
    struct lines before = {NULL, NULL, 0};
    struct lines after = {NULL, NULL, 0};
    bool good = read_lines(old_name, &before) && read_lines(new_name, &after);
    if (good)
        compare_lines(&before, &after, absolute);
    drop_lines(&before);
    drop_lines(&after);
    return good ? 0 : 2;
}
