/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace: how events are written. */

#include "diag/trace_json.h"

#include "diag/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Names take long to find, so each is found once. */
struct ksi_trace_text {
    struct ksi_trace_text *next;
    const void *address;
    uint32_t name;
    uint32_t kind; /* KSI_KINDS: a place */
    char text[];
};

bool ksi_trace_begin(struct ksi_trace_out *o, int fd, uint64_t origin)
{
    memset(o, 0, sizeof *o);
    int copy = dup(fd);
    o->file = copy >= 0 ? fdopen(copy, "w") : NULL;
    if (o->file == NULL && copy >= 0)
        close(copy);
    o->origin = origin;
    o->pid = (int)getpid();
    if (o->file != NULL)
        fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", o->file);
    return o->file != NULL;
}

int ksi_trace_end(struct ksi_trace_out *o, const struct ksi_trace_state *state,
                  uint64_t lost)
{
    int error = o->broken ? -ENOMEM : 0;
    fprintf(o->file,
            "\n],\"otherData\":{\"producer\":\"kslock\",\"version\":1,"
            "\"clock\":\"CLOCK_MONOTONIC\",\"origin_ns\":%llu,\"lost\":%llu,"
            "\"unnamed_locks\":%llu,\"ring_events\":%u}}\n",
            (unsigned long long)o->origin, (unsigned long long)lost,
            (unsigned long long)state->unnamed, state->size);
    if (fflush(o->file) != 0 || ferror(o->file) != 0)
        error = errno != 0 ? -errno : -EIO;
    fclose(o->file);
    for (unsigned i = 0; i < sizeof o->texts / sizeof o->texts[0]; i++) {
        while (o->texts[i] != NULL) {
            struct ksi_trace_text *next = o->texts[i]->next;
            free(o->texts[i]);
            o->texts[i] = next;
        }
    }
    return error;
}

/* Microseconds; the digits behind the point are ns. */
static void put_time(const struct ksi_trace_out *o, const char *key, uint64_t ns)
{
    fprintf(o->file, ",\"%s\":%llu.%03u", key, (unsigned long long)(ns / 1000),
            (unsigned)(ns % 1000));
}

void ksi_trace_put(struct ksi_trace_out *o, char ph, int pid, int tid, uint64_t when)
{
    fprintf(o->file, "%s\n{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d", o->began ? "," : "", ph,
            pid, tid);
    o->began = true;
    if (ph != 'M')
        put_time(o, "ts", when > o->origin ? when - o->origin : 0);
    if (ph == 'i')
        fputs(",\"s\":\"t\"", o->file);
}

static void put_key(struct ksi_trace_out *o, const char *key)
{
    fprintf(o->file, "%s\"%s\":", o->opened ? "" : ",", key);
    o->opened = false;
}

void ksi_trace_text(struct ksi_trace_out *o, const char *key, const char *text)
{
    struct ksi_out out;
    put_key(o, key);
    ksi_out_begin(&out, -1);
    ksi_json_text(&out, text);
    fputs(ksi_json_caught(&out), o->file);
}

void ksi_trace_number(struct ksi_trace_out *o, const char *key, uint64_t n)
{
    put_key(o, key);
    fprintf(o->file, "%llu", (unsigned long long)n);
}

void ksi_trace_address(struct ksi_trace_out *o, const char *key, const void *p)
{
    put_key(o, key);
    fprintf(o->file, "\"%p\"", p);
}

void ksi_trace_span(struct ksi_trace_out *o, uint64_t begin, uint64_t end)
{
    put_time(o, "dur", end > begin ? end - begin : 0);
}

void ksi_trace_args(struct ksi_trace_out *o)
{
    fputs(",\"args\":{", o->file);
    o->opened = true;
}

void ksi_trace_done(struct ksi_trace_out *o)
{
    fputs("}}", o->file);
    o->opened = false;
}

/* --- texts -------------------------------------------------------------------------- */

enum { LONGEST_TEXT = 240 }; /* escaped, it still fits into a ksi_out */

static struct ksi_trace_text **text_of(struct ksi_trace_out *o, uint32_t name,
                                       uint32_t kind, const void *address)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)address + name) * 0x9e3779b97f4a7c15u;
    struct ksi_trace_text **at = &o->texts[mixed >> 54];
    while (*at != NULL &&
           ((*at)->address != address || (*at)->name != name || (*at)->kind != kind))
        at = &(*at)->next;
    return at;
}

static const char *keep(struct ksi_trace_out *o, struct ksi_trace_text **at,
                        struct ksi_trace_text as, struct ksi_out *out)
{
    const char *text = ksi_json_caught(out);
    size_t n = strnlen(text, LONGEST_TEXT);
    struct ksi_trace_text *fresh = malloc(sizeof *fresh + n + 1);
    if (fresh == NULL) {
        o->broken = true;
        return "?";
    }
    fresh->next = NULL;
    fresh->address = as.address;
    fresh->name = as.name;
    fresh->kind = as.kind;
    memcpy(fresh->text, text, n);
    fresh->text[n] = '\0';
    *at = fresh;
    return fresh->text;
}

/* Symbols that say where a section begins say nothing of what lies in it. */
static void say_address(struct ksi_out *out, const void *lock)
{
    struct ksi_symbol s;
    if (!ksi_symbol_find(&s, lock)) {
        ksi_out(out, "%p", lock);
        return;
    }
    bool marker = s.name[0] == '\0' || (s.name[0] == '_' && s.offset != 0);
    ksi_out(out, "%s", marker ? s.file : s.name);
    if (marker)
        ksi_out(out, " %p", lock);
    else if (s.offset != 0)
        ksi_out(out, "+0x%x", (unsigned)s.offset);
}

const char *ksi_trace_lock_text(struct ksi_trace_out *o, uint32_t name,
                                enum ksi_kind kind, const void *lock)
{
    struct ksi_trace_text as = {.address = lock, .name = name, .kind = (uint32_t)kind};
    struct ksi_trace_text **at = text_of(o, name, (uint32_t)kind, lock);
    const struct ksi_trace_name *n = name != 0 ? ksi_trace_name(name) : NULL;
    struct ksi_out out;
    if (*at != NULL)
        return (*at)->text;
    ksi_out_begin(&out, -1);
    if (n != NULL && n->kind != 0)
        kind = (enum ksi_kind)n->kind;
    if (kind != KSI_NO_KIND)
        ksi_out(&out, "%s ", ksi_kind_name((unsigned)kind));
    if (n != NULL && n->text[0] != '\0')
        ksi_out(&out, "%s", n->text);
    else
        say_address(&out, lock);
    if (n != NULL && n->class != -1)
        ksi_out(&out, " of class %d", n->class);
    if (n != NULL && n->class != -1 && n->occurrence != -1)
        ksi_out(&out, ", occurrence %d", n->occurrence);
    return keep(o, at, as, &out);
}

const char *ksi_trace_site_text(struct ksi_trace_out *o, const void *site)
{
    struct ksi_trace_text as = {.address = site, .kind = KSI_KINDS};
    struct ksi_trace_text **at = text_of(o, 0, KSI_KINDS, site);
    struct ksi_out out;
    if (*at != NULL)
        return (*at)->text;
    ksi_out_begin(&out, -1);
    ksi_out_site(&out, site);
    return keep(o, at, as, &out);
}
