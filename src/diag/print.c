/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/print.h"

#include "diag/classes.h"
#include "diag/named.h"
#include "diag/symbols.h"
#include "platform/host.h"

#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

void ksi_out_begin(struct ksi_out *out, int fd)
{
    out->fd = fd;
    out->used = 0;
}

void ksi_out_end(struct ksi_out *out)
{
    size_t done = 0;
    while (done < out->used) {
        ssize_t n = write(out->fd, out->room + done, out->used - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break; /* nobody reads it */
        done += (size_t)n;
    }
    out->used = 0;
}

static void put(struct ksi_out *out, char c)
{
    if (out->used == sizeof out->room)
        ksi_out_end(out);
    out->room[out->used++] = c;
}

static void put_text(struct ksi_out *out, const char *text)
{
    for (; *text != '\0'; text++)
        put(out, *text);
}

static void put_number(struct ksi_out *out, unsigned long long value, unsigned base)
{
    char digits[24];
    unsigned n = 0;
    do
        digits[n++] = "0123456789abcdef"[value % base];
    while ((value /= base) != 0);
    while (n > 0)
        put(out, digits[--n]);
}

static void put_int(struct ksi_out *out, int value)
{
    if (value < 0)
        put(out, '-');
    put_number(out, value < 0 ? 0ull - (unsigned long long)value : (unsigned)value, 10);
}

/* One conversion; returns its last letter's place. */
static const char *convert(struct ksi_out *out, const char *fmt, va_list *args)
{
    switch (*fmt) {
    case 's':
        put_text(out, va_arg(*args, const char *));
        break;
    case 'c':
        put(out, (char)va_arg(*args, int));
        break;
    case 'd':
        put_int(out, va_arg(*args, int));
        break;
    case 'u':
    case 'x':
        put_number(out, va_arg(*args, unsigned), *fmt == 'x' ? 16 : 10);
        break;
    case 'p':
        put_text(out, "0x");
        put_number(out, (uintptr_t)va_arg(*args, const void *), 16);
        break;
    case 'l': /* llu */
        put_number(out, va_arg(*args, unsigned long long), 10);
        return fmt + 2;
    default:
        put(out, *fmt);
    }
    return fmt;
}

void ksi_out(struct ksi_out *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    for (; *fmt != '\0'; fmt++) {
        if (*fmt == '%')
            fmt = convert(out, fmt + 1, &args);
        else
            put(out, *fmt);
    }
    va_end(args);
}

void ksi_out_seconds(struct ksi_out *out, uint64_t ns)
{
    unsigned ms = (unsigned)(ns / 1000000 % 1000);
    ksi_out(out, "%llu.%u%u%u", (unsigned long long)(ns / 1000000000), ms / 100,
            ms / 10 % 10, ms % 10);
}

bool ksi_peek(void *to, const void *from, size_t n)
{
    int error = ksi_host_copy(to, from, n);
    if (error != 0 && error != -EFAULT) { /* the host does not let us try */
        memcpy(to, from, n);
        error = 0;
    }
    return error == 0;
}

bool ksi_peek_text(char *to, size_t room, const char *from)
{
    int error = from != NULL ? ksi_host_copy_text(to, from, room) : -EFAULT;
    size_t n = 0;
    if (error != 0 && error != -EFAULT) {
        n = strnlen(from, room - 1);
        memcpy(to, from, n);
        to[n] = '\0';
        error = 0;
    }
    for (char *c = to; error == 0 && *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = '?'; /* a line is a line */
    }
    return error == 0;
}

void ksi_out_thread(struct ksi_out *out, const ksl_thread *t)
{
    ksi_out(out, "thread %d", ksi_load(&t->tid));
    if (ksi_load(&t->name[0]) != '\0') {
        put_text(out, " (");
        char c;
        for (unsigned i = 0; i < KSI_NAME_MAX && (c = ksi_load(&t->name[i])) != '\0'; i++)
            put(out, (unsigned char)c < ' ' ? '?' : c);
        put(out, ')');
    }
    if (!ksi_thread_alive(t) || ksi_host_kick(ksi_load(&t->tid), 0) != 0)
        put_text(out, ", which has exited");
}

static bool own_name(char *name, size_t room, enum ksi_kind kind, const void *lock)
{
    struct ksi_named named;
    const char *text = NULL;
    if (kind == KSI_CV)
        return ksi_peek(&text, lock, sizeof text) && ksi_peek_text(name, room, text);
    return (kind == KSI_SX || kind == KSI_MTX || kind == KSI_MTX_SPIN) &&
           ksi_peek(&named, lock, offsetof(struct ksi_named, reserved)) &&
           (named.flags & KSI_NAMED_ALIVE) != 0 && ksi_peek_text(name, room, named.name);
}

static void put_symbol(struct ksi_out *out, const void *lock)
{
    struct ksi_symbol s;
    if (!ksi_symbol_find(&s, lock))
        return;
    if (s.name[0] != '\0')
        ksi_out(out, " (%s", s.name);
    else
        ksi_out(out, " (in %s", s.file);
    if (s.offset != 0 || s.name[0] == '\0')
        ksi_out(out, "+0x%x", (unsigned)s.offset);
    put(out, ')');
}

void ksi_out_lock(struct ksi_out *out, enum ksi_kind kind, const void *lock)
{
    char name[128];
    ksi_out(out, "%s %p", ksi_kind_name(kind), lock);
    if (own_name(name, sizeof name, kind, lock))
        ksi_out(out, " (%s)", name);
    else
        put_symbol(out, lock);
    struct ksi_class c;
    if (kind < KSI_SIMPLE || kind > KSI_DRW)
        return;
    switch (ksi_class_try(lock, &c)) {
    case KSI_CLASS_NONE:
        break;
    case KSI_CLASS_BUSY:
        put_text(out, " of a class that could not be read");
        break;
    case KSI_CLASS_FOUND:
        ksi_out(out, " of class %d", c.class);
        if (c.occurrence != -1)
            ksi_out(out, ", occurrence %d", c.occurrence);
    }
}

void ksi_out_site(struct ksi_out *out, const void *site)
{
    struct ksl_place place;
    char file[256];
    const struct ksl_place *from = ksi_site_place(site);
    if (from != NULL) {
        if (!ksi_peek(&place, from, sizeof place) ||
            !ksi_peek_text(file, sizeof file, place.file)) {
            put_text(out, "a place that was unloaded");
            return;
        }
        const char *name = strrchr(file, '/');
        ksi_out(out, "%s:%d", name != NULL ? name + 1 : file, place.line);
        return;
    }
    struct ksi_symbol s;
    if (site == NULL)
        put_text(out, "an unknown place");
    else if (!ksi_symbol_find(&s, site))
        ksi_out(out, "%p", site);
    else
        ksi_out(out, "%s(%s+0x%x)", s.file, s.name, (unsigned)s.offset);
}

void ksi_out_backtrace(int fd)
{
    enum { FRAMES = 32 };
    void *frame[FRAMES];
    struct ksi_out out;
    struct ksi_symbol s;
    struct ksi_symbols symbols;
    int n = backtrace(frame, FRAMES);
    struct ksi_symbols *before = ksi_symbols_begin(&symbols);
    ksi_out_begin(&out, fd);
    for (int i = 0; i < n; i++) {
        if (ksi_symbol_find(&s, frame[i]))
            ksi_out(&out, "%s(%s+0x%x) ", s.file, s.name, (unsigned)s.offset);
        ksi_out(&out, "[%p]\n", frame[i]);
    }
    ksi_out_end(&out);
    ksi_symbols_end(before);
}
