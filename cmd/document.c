/* SPDX-License-Identifier: BSD-2-Clause */
#include "kslock.h"

#include <stdlib.h>
#include <string.h>

struct json *document_read(const char *file)
{
    struct json_error error;
    struct json *document = json_read_file(file, &error);
    if (document == NULL && error.line == 0)
        complain(0, "%s: %s", file, error.what);
    else if (document == NULL)
        complain(0, "%s:%u:%u: this is no JSON: %s", file, error.line, error.column,
                 error.what);
    return document;
}

const struct json *document_graph(const struct json *document)
{
    const struct json *graph = json_get(document, "graph");
    if (graph == NULL)
        graph = document;
    const struct json *classes = json_get(graph, "classes");
    const struct json *edges = json_get(graph, "edges");
    return classes != NULL && classes->type == JSON_ARRAY && edges != NULL &&
                   edges->type == JSON_ARRAY
               ? graph
               : NULL;
}

bool document_is_stats(const struct json *document, const char *file)
{
    enum { VERSION = 1 };
    const struct json *version = json_get(document, "version");
    const struct json *locks = json_get(document, "locks");
    if (version == NULL || version->type != JSON_NUMBER || locks == NULL ||
        locks->type != JSON_ARRAY)
        return complain(false,
                        "%s: this is no JSON of --stats: \"version\" or \"locks\" is "
                        "missing",
                        file);
    if (version->whole != VERSION)
        return complain(false, "%s: version %g; this command reads version %d", file,
                        version->number, VERSION);
    return true;
}

/* --- sorting ------------------------------------------------------------------------ */

struct ranked {
    const struct json *row;
    uint64_t value;
    unsigned place;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a;
    const struct ranked *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

const struct json **document_sorted(const struct json *array, const char *key,
                                    unsigned most, unsigned *n)
{
    unsigned count = array != NULL && array->type == JSON_ARRAY ? array->count : 0;
    struct ranked *ranked = calloc(count + 1, sizeof *ranked);
    const struct json **sorted = calloc(count + 1, sizeof(const struct json *));
    unsigned i = 0;
    *n = 0;
    if (ranked == NULL || sorted == NULL) {
        complain(0, "no memory");
        exit(KSLOCK_FAILED);
    }
    JSON_EACH(row, count > 0 ? array : NULL)
    {
        ranked[i] = (struct ranked){row, json_whole(row, key), i};
        i++;
    }
    qsort(ranked, count, sizeof *ranked, by_value);
    *n = most != 0 && most < count ? most : count;
    for (i = 0; i < *n; i++)
        sorted[i] = ranked[i].row;
    free(ranked);
    return sorted;
}

const char *ns_text(char *text, uint64_t ns)
{
    static const char *const units[] = {"us", "ms", "s"};
    double value = (double)ns / 1000;
    unsigned unit = 0;
    if (ns < 1000) {
        snprintf(text, UNIT_TEXT, "%u ns", (unsigned)ns);
        return text;
    }
    for (; value >= 999.995 && unit < 2; unit++)
        value /= 1000;
    snprintf(text, UNIT_TEXT, "%.*f %s", value >= 99.995 ? 1 : 2, value, units[unit]);
    return text;
}
