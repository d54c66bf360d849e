/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TRACE_READ_H
#define TESTS_TRACE_READ_H

/* A trace that the library has written: read, checked, and searched. */

#include "json.h"
#include "readback.h"

/* Reads a whole file of JSON; fails the test if it is none. */
static inline struct json *json_of_file(const char *path)
{
    struct json_error error;
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "no file %s", path);
    ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
    size_t size = (size_t)ftell(f);
    char *text = malloc(size + 1);
    ck_assert_ptr_nonnull(text);
    rewind(f);
    ck_assert_uint_eq(fread(text, 1, size, f), size);
    fclose(f);
    struct json *document = json_read(text, size, &error);
    ck_assert_msg(document != NULL, "%s:%u:%u: %s", path, error.line, error.column,
                  error.what);
    free(text);
    return document;
}

/* --- slices ------------------------------------------------------------------------- */

struct slice {
    uint64_t pid;
    uint64_t tid;
    uint64_t begin; /* ns */
    uint64_t end;
};

static inline uint64_t ns_of(const struct json *e, const char *key)
{
    const struct json *v = json_get(e, key);
    ck_assert_msg(v != NULL && v->type == JSON_NUMBER, "an event without %s", key);
    return (uint64_t)(v->number * 1000 + 0.5);
}

static inline struct slice slice_of(const struct json *e)
{
    uint64_t begin = ns_of(e, "ts");
    uint64_t length = json_get(e, "dur") != NULL ? ns_of(e, "dur") : 0;
    return (struct slice){json_whole(e, "pid"), json_whole(e, "tid"), begin,
                          begin + length};
}

static inline bool is_ph(const struct json *e, const char *ph)
{
    return strcmp(json_text(e, "ph"), ph) == 0;
}

static inline int by_track(const void *a, const void *b)
{
    const struct slice *x = a;
    const struct slice *y = b;
    if (x->pid != y->pid)
        return x->pid < y->pid ? -1 : 1;
    if (x->tid != y->tid)
        return x->tid < y->tid ? -1 : 1;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end == y->end ? 0 : x->end > y->end ? -1 : 1; /* the outer one first */
}

/* On a track each slice lies in another one, or beside it. */
static inline void check_slices(struct slice *s, unsigned n)
{
    unsigned open[64];
    unsigned depth = 0;
    qsort(s, n, sizeof *s, by_track);
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_gt(s[i].end, s[i].begin);
        if (i > 0 && (s[i].pid != s[i - 1].pid || s[i].tid != s[i - 1].tid))
            depth = 0;
        while (depth > 0 && s[open[depth - 1]].end <= s[i].begin)
            depth--;
        if (depth > 0)
            ck_assert_msg(s[i].end <= s[open[depth - 1]].end,
                          "slices of track %llu overlap: %llu-%llu, %llu-%llu",
                          (unsigned long long)s[i].tid,
                          (unsigned long long)s[open[depth - 1]].begin,
                          (unsigned long long)s[open[depth - 1]].end,
                          (unsigned long long)s[i].begin, (unsigned long long)s[i].end);
        ck_assert_uint_lt(depth, 64);
        open[depth++] = i;
    }
}

/* Whether a slice of its track encloses the moment. */
static inline bool enclosed(const struct slice *s, unsigned n, const struct slice *moment)
{
    for (unsigned i = 0; i < n; i++) {
        if (s[i].pid == moment->pid && s[i].tid == moment->tid &&
            s[i].begin <= moment->begin && moment->begin < s[i].end)
            return true;
    }
    return false;
}

/* --- flows -------------------------------------------------------------------------- */

struct flow {
    uint64_t id;
    bool ends;
    struct slice at;
};

static inline int by_id(const void *a, const void *b)
{
    const struct flow *x = a;
    const struct flow *y = b;
    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (int)x->ends - (int)y->ends;
}

static inline void check_flows(struct flow *f, unsigned nflows, const struct slice *s,
                               unsigned n)
{
    enum { LOOKED_AT = 2000 }; /* each is a search */
    qsort(f, nflows, sizeof *f, by_id);
    ck_assert_uint_eq(nflows % 2, 0);
    for (unsigned i = 0; i < nflows; i += 2) {
        ck_assert(!f[i].ends && f[i + 1].ends);
        ck_assert_uint_eq(f[i].id, f[i + 1].id);
        ck_assert(i == 0 || f[i - 1].id != f[i].id);
        ck_assert_uint_lt(f[i].at.begin, f[i + 1].at.begin);
        if (i < LOOKED_AT) {
            ck_assert(enclosed(s, n, &f[i].at));
            ck_assert(enclosed(s, n, &f[i + 1].at));
        }
    }
}

/* --- the trace ---------------------------------------------------------------------- */

struct trace {
    struct json *document;
    const struct json *events;
    unsigned slices;
    unsigned flows; /* pairs */
    uint64_t lost;
};

static inline void check_event(const struct json *e, struct slice *s, unsigned *n,
                               struct flow *f, unsigned *nflows)
{
    ck_assert_int_eq(e->type, JSON_OBJECT);
    ck_assert_uint_ne(json_whole(e, "pid"), 0);
    ck_assert(json_text(e, "name")[0] != '\0');
    if (is_ph(e, "M"))
        return;
    if (is_ph(e, "X")) {
        ck_assert_ptr_nonnull(json_get(e, "dur"));
        s[(*n)++] = slice_of(e);
    } else if (is_ph(e, "s") || is_ph(e, "f")) {
        f[(*nflows)++] = (struct flow){json_whole(e, "id"), is_ph(e, "f"), slice_of(e)};
        ck_assert(is_ph(e, "s") || strcmp(json_text(e, "bp"), "e") == 0);
    } else {
        ck_assert_str_eq(json_text(e, "ph"), "i");
        ck_assert_str_eq(json_text(e, "s"), "t");
        (void)ns_of(e, "ts");
    }
}

/* Reads it and checks all that holds for every trace. */
static inline void trace_read(struct trace *t, const char *path)
{
    t->document = json_of_file(path);
    t->events = json_get(t->document, "traceEvents");
    ck_assert(t->events != NULL && t->events->type == JSON_ARRAY);
    struct slice *s = calloc(t->events->count + 1, sizeof *s);
    struct flow *f = calloc(t->events->count + 1, sizeof *f);
    unsigned n = 0;
    unsigned nflows = 0;
    ck_assert(s != NULL && f != NULL);
    JSON_EACH(e, t->events)
    {
        check_event(e, s, &n, f, &nflows);
    }
    check_slices(s, n);
    check_flows(f, nflows, s, n);
    free(s);
    free(f);
    t->slices = n;
    t->flows = nflows / 2;
    t->lost = json_whole(json_get(t->document, "otherData"), "lost");
}

static inline void trace_end(struct trace *t)
{
    json_free(t->document);
}

/* Writes what there is now, and reads that. */
static inline void trace_now(struct trace *t)
{
    struct report_file file;
    report_file_new(&file);
    int fd = open(file.path, O_WRONLY | O_TRUNC);
    ck_assert_int_eq(ksl_diag_trace(fd), 0);
    close(fd);
    trace_read(t, file.path);
    report_file_end(&file);
}

/* Switches the trace on, with a file that is gone at once. */
static inline void trace_on(void)
{
    struct report_file file;
    char list[128];
    report_file_new(&file);
    snprintf(list, sizeof list, "trace=%s", file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
    report_file_end(&file);
}

/* The first event from `after` on (NULL: of all) of that ph and beginning of its name; of
 * that thread, 0: of any. */
static inline const struct json *trace_find(const struct trace *t,
                                            const struct json *after, const char *ph,
                                            int tid, const char *name)
{
    const struct json *e = after != NULL ? after->next : t->events->first;
    for (; e != NULL; e = e->next) {
        if (is_ph(e, ph) && strncmp(json_text(e, "name"), name, strlen(name)) == 0 &&
            (tid == 0 || json_whole(e, "tid") == (uint64_t)tid))
            return e;
    }
    return NULL;
}

static inline unsigned trace_count(const struct trace *t, const char *ph, int tid,
                                   const char *name)
{
    unsigned n = 0;
    const struct json *e = NULL;
    while ((e = trace_find(t, e, ph, tid, name)) != NULL)
        n++;
    return n;
}

static inline const char *arg_text(const struct json *e, const char *key)
{
    return json_text(json_get(e, "args"), key);
}

static inline uint64_t arg_whole(const struct json *e, const char *key)
{
    return json_whole(json_get(e, "args"), key);
}

/* The row of the lock whose text ends so, that is number n of those; 0: none. */
static inline int trace_row(const struct trace *t, const char *lock, unsigned n)
{
    const struct json *e = NULL;
    while ((e = trace_find(t, e, "M", 0, "thread_name")) != NULL) {
        const char *name = arg_text(e, "name");
        size_t length = strlen(name);
        if (length < strlen(lock) || json_whole(e, "pid") <= 4194304)
            continue;
        if (strcmp(name + length - strlen(lock), lock) == 0 && n-- == 0)
            return (int)json_whole(e, "tid");
    }
    return 0;
}

#endif
