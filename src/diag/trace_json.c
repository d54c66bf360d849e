/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace: how events are written. */

#include "diag/trace_json.h"

#include "diag/json.h"
#include "diag/switch.h"
#include "platform/host.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
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

/* --- memory and the file --------------------------------------------------------------
 */

struct ksi_trace_pages {
    struct ksi_trace_pages *before;
    size_t used;
    size_t size;
};

enum { PAGES = 1 << 20, ROOM = 1 << 16, LONGEST = 2048 };

void *ksi_trace_take(struct ksi_trace_out *o, size_t n)
{
    struct ksi_trace_pages *p = o->pages;
    n = (n + 15) & ~(size_t)15;
    if (p == NULL || p->size - p->used < n) {
        size_t head = (sizeof *p + 15) & ~(size_t)15;
        size_t size = n + head > PAGES ? (n + head + 4095) & ~(size_t)4095 : PAGES;
        p = ksi_pages(size);
        if (p == NULL) {
            o->broken = true;
            return NULL;
        }
        p->before = o->pages;
        p->used = head;
        p->size = size;
        o->pages = p;
    }
    p->used += n;
    return (char *)p + p->used - n;
}

static void flush(struct ksi_trace_out *o)
{
    size_t done = 0;
    while (done < o->used && o->error == 0) {
        ssize_t n = write(o->fd, o->room + done, o->used - done);
        if (n < 0 && errno != EINTR)
            o->error = -errno;
        else if (n == 0)
            o->error = -EIO;
        else if (n > 0)
            done += (size_t)n;
    }
    o->used = 0;
}

/* Not more than LONGEST at once. */
KSI_PRINTF(2, 3) static void put(struct ksi_trace_out *o, const char *fmt, ...)
{
    va_list args;
    if (ROOM - o->used < LONGEST)
        flush(o);
    va_start(args, fmt);
    int n = vsnprintf(o->room + o->used, LONGEST, fmt, args);
    va_end(args);
    o->used += n < 0 ? 0 : n < LONGEST ? (size_t)n : LONGEST - 1;
}

bool ksi_trace_begin(struct ksi_trace_out *o, int fd, uint64_t origin)
{
    o->fd = fd;
    o->room = ksi_trace_take(o, ROOM);
    o->origin = origin;
    o->pid = ksi_report_pid();
    if (o->room != NULL)
        put(o, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    return o->room != NULL;
}

int ksi_trace_end(struct ksi_trace_out *o, const struct ksi_trace_state *state,
                  uint64_t lost)
{
    put(o,
        "\n],\"otherData\":{\"producer\":\"kslock\",\"version\":1,"
        "\"clock\":\"CLOCK_MONOTONIC\",\"origin_ns\":%llu,\"lost\":%llu,"
        "\"unnamed_locks\":%llu,\"ring_events\":%u}}\n",
        (unsigned long long)o->origin, (unsigned long long)lost,
        (unsigned long long)state->unnamed, state->size);
    flush(o);
    return o->error != 0 ? o->error : o->broken ? -ENOMEM : 0;
}

void ksi_trace_free(struct ksi_trace_out *o)
{
    while (o->pages != NULL) {
        struct ksi_trace_pages *before = o->pages->before;
        ksi_pages_back(o->pages, o->pages->size);
        o->pages = before;
    }
}

/* Microseconds; the digits behind the point are ns. */
static void put_time(struct ksi_trace_out *o, const char *key, uint64_t ns)
{
    put(o, ",\"%s\":%llu.%03u", key, (unsigned long long)(ns / 1000),
        (unsigned)(ns % 1000));
}

void ksi_trace_put(struct ksi_trace_out *o, char ph, int pid, int tid, uint64_t when)
{
    put(o, "%s\n{\"ph\":\"%c\",\"pid\":%d,\"tid\":%d", o->began ? "," : "", ph, pid, tid);
    o->began = true;
    if (ph != 'M')
        put_time(o, "ts", when > o->origin ? when - o->origin : 0);
    if (ph == 'i')
        put(o, ",\"s\":\"t\"");
}

static void put_key(struct ksi_trace_out *o, const char *key)
{
    put(o, "%s\"%s\":", o->opened ? "" : ",", key);
    o->opened = false;
}

void ksi_trace_text(struct ksi_trace_out *o, const char *key, const char *text)
{
    struct ksi_out out;
    put_key(o, key);
    ksi_out_begin(&out, -1);
    ksi_json_text(&out, text);
    put(o, "%s", ksi_json_caught(&out));
}

void ksi_trace_number(struct ksi_trace_out *o, const char *key, uint64_t n)
{
    put_key(o, key);
    put(o, "%llu", (unsigned long long)n);
}

void ksi_trace_address(struct ksi_trace_out *o, const char *key, const void *p)
{
    put_key(o, key);
    put(o, "\"%p\"", p);
}

void ksi_trace_span(struct ksi_trace_out *o, uint64_t begin, uint64_t end)
{
    put_time(o, "dur", end > begin ? end - begin : 0);
}

void ksi_trace_args(struct ksi_trace_out *o)
{
    put(o, ",\"args\":{");
    o->opened = true;
}

void ksi_trace_done(struct ksi_trace_out *o)
{
    put(o, "}}");
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
    struct ksi_trace_text *fresh = ksi_trace_take(o, sizeof *fresh + n + 1);
    if (fresh == NULL)
        return "?";
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
