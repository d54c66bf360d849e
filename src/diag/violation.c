/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "diag/violation.h"

#include "diag/classes.h"
#include "diag/hooks.h"
#include "diag/named.h"
#include "diag/print.h"
#include "diag/stats.h"
#include "diag/switch.h"
#include "diag/symbols.h"
#include "platform/host.h"
#include "platform/probe.h"
#include "platform/rawlock.h"
#include "thread/irq.h"
#include "thread/upcalls.h"

#include <errno.h>
#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *id;
    ksl_severity severity;
} rules[] = {
#define RULE(name, id, severity) {id, severity},
#include "diag/rules.def"
#undef RULE
};

static struct ksi_rawlock handler_lock; /* held with interrupts masked */
static ksl_violation_handler handler_fn;
static void *handler_arg;
static unsigned long violations; /* atomic */

static void say_list(struct ksi_text *text, const char *fmt, va_list args)
{
    int n = vsnprintf(text->at, text->left, fmt, args);
    if (n < 0)
        return;
    size_t len = (size_t)n < text->left ? (size_t)n : text->left - 1;
    text->at += len;
    text->left -= len;
}

void ksi_say(struct ksi_text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_list(text, fmt, args);
    va_end(args);
}

void ksi_say_thread(struct ksi_text *text, const ksl_thread *t)
{
    ksi_say(text, "thread %d", ksi_load(&t->tid));
    if (t->name[0] != '\0')
        ksi_say(text, " (%s)", t->name);
    if (!ksi_thread_alive(t))
        ksi_say(text, ", which has exited");
}

/*
 * What is read for a message may be gone: the memory of a lock, the name of one that
 * was destroyed, a place in an object that was unloaded. A host that does not let
 * us try is trusted with those that ought to be there.
 */
static bool copy(void *to, const void *from, size_t n, bool trust)
{
    int error = ksi_host_copy(to, from, n);
    if (error != 0 && error != -EFAULT && trust) {
        memcpy(to, from, n);
        error = 0;
    }
    return error == 0;
}

/* The caller's room has KSI_NAME_ROOM bytes. */
enum { KSI_NAME_ROOM = 512 };

static bool copy_text(char *room, const char *from, bool trust)
{
    int error = from == NULL ? -EFAULT : ksi_host_copy_text(room, from, KSI_NAME_ROOM);
    if (error != 0 && error != -EFAULT && trust) {
        snprintf(room, KSI_NAME_ROOM, "%s", from);
        error = 0;
    }
    if (error != 0)
        return false;
    for (char *c = room; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = '?'; /* a message is one line */
    }
    return true;
}

/* The symbol that starts at p; NULL: there is none. Not by the loader, see symbols.h. */
static const char *symbol_at(const void *p, char *room)
{
    struct ksi_symbol s;
    if (p == NULL || !ksi_symbol_find(&s, p) || s.offset != 0 || s.name[0] == '\0')
        return NULL;
    _Static_assert(sizeof s.name <= KSI_NAME_ROOM, "room for it");
    memcpy(room, s.name, sizeof s.name);
    return room;
}

/* What the lock is called: its own name, else its symbol. */
static const char *name_of(enum ksi_kind kind, const void *lock, char *room)
{
    struct ksi_named named;
    if (kind == KSI_CV && copy_text(room, *(const char *const *)lock, true))
        return room;
    if ((kind == KSI_SX || kind == KSI_MTX || kind == KSI_MTX_SPIN) &&
        copy(&named, lock, offsetof(struct ksi_named, reserved), true) &&
        (named.flags & (KSI_NAMED_ALIVE | KSI_NAMED_ENDED)) != 0 &&
        copy_text(room, named.name, (named.flags & KSI_NAMED_ALIVE) != 0))
        return room;
    return symbol_at(lock, room);
}

/* A held lock of FreeBSD is a mutex; its memory may be gone. */
static bool is_mutex(const struct ksi_named *lock)
{
    struct ksi_named named;
    return copy(&named, lock, offsetof(struct ksi_named, reserved), true) &&
           (named.flags & KSI_NAMED_CLASS) == KSI_NAMED_MTX;
}

enum ksi_kind ksi_entry_kind(uintptr_t entry)
{
    static const enum ksi_kind kinds[] = {
        [KSI_FAMILY_RWSEM] = KSI_RWSEM,     [KSI_FAMILY_SIMPLE] = KSI_SIMPLE,
        [KSI_FAMILY_COMPLEX] = KSI_COMPLEX, [KSI_FAMILY_LOCKL] = KSI_LOCKL,
        [KSI_FAMILY_DRW] = KSI_DRW,         [KSI_FAMILY_EVL_MUTEX] = KSI_EVL_MUTEX,
        [KSI_FAMILY_STAX] = KSI_STAX,       [KSI_FAMILY_MUTEX] = KSI_MUTEX,
    };
    enum ksi_family family = ksi_family_of(entry);
    if (family == KSI_FAMILY_NAMED)
        return is_mutex(ksi_entry_lock(entry)) ? KSI_MTX : KSI_SX;
    return family < KSI_FAMILIES ? kinds[family] : KSI_NO_KIND;
}

void ksi_say_lock(struct ksi_text *text, enum ksi_kind kind, const void *lock)
{
    char room[KSI_NAME_ROOM];
    const char *name = name_of(kind, lock, room);
    ksi_say(text, "%s %p", ksi_kind_name(kind), lock);
    if (name != NULL)
        ksi_say(text, " (%s)", name);
    struct ksi_class c;
    if (kind < KSI_SIMPLE || kind > KSI_DRW || !ksi_class_find(lock, &c))
        return;
    ksi_say(text, " of class %d", c.class);
    if (c.occurrence != -1)
        ksi_say(text, ", occurrence %d", c.occurrence);
}

/* file has KSI_NAME_ROOM bytes. False if the site is no place, or that is gone. */
static bool read_place(struct ksl_place *place, char *file, const void *site)
{
    const struct ksl_place *from = ksi_site_place(site);
    return from != NULL && copy(place, from, sizeof *place, true) &&
           copy_text(file, place->file, true);
}

void ksi_say_site(struct ksi_text *text, const void *site)
{
    struct ksi_symbol s;
    struct ksl_place place;
    char source[KSI_NAME_ROOM];
    if (ksi_site_place(site) != NULL) {
        if (!read_place(&place, source, site)) {
            ksi_say(text, "a place that was unloaded");
            return;
        }
        const char *name = strrchr(source, '/');
        ksi_say(text, "%s:%d", name != NULL ? name + 1 : source, place.line);
        return;
    }
    if (site == NULL)
        ksi_say(text, "an unknown place");
    else if (!ksi_symbol_find(&s, site))
        ksi_say(text, "%p", site);
    else
        ksi_say(text, "%s(%s+0x%zx)", s.file, s.name, s.offset);
}

void ksl_set_violation_handler(ksl_violation_handler fn, void *arg)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_irq_mask(t);
    ksi_raw_lock(&handler_lock);
    handler_fn = fn;
    handler_arg = arg;
    ksi_raw_unlock(&handler_lock);
    ksi_irq_unmask(t, level);
}

/*
 * The first backtrace loads a library. A handler that interrupted the loader or malloc
 * must not do that, nor a thread beside one that is stuck in the loader; so it is done
 * while the loader is at work for us.
 */
__attribute__((constructor)) void ksi_up_expect_handlers(void)
{
    static int done; /* atomic */
    void *frame[1];
    if (ksi_xchg(&done, 1) == 0)
        (void)backtrace(frame, 1);
}

void ksi_up_diag_before_fork(void)
{
    ksi_raw_lock(&handler_lock);
    ksi_class_before_fork();
    ksi_order_before_fork();
    ksi_stats_before_fork();
}

void ksi_up_diag_after_fork(bool child)
{
    ksi_stats_after_fork(child);
    ksi_order_after_fork(child);
    ksi_class_after_fork(child);
    if (child)
        ksi_raw_reset(&handler_lock);
    else
        ksi_raw_unlock(&handler_lock);
}

unsigned long ksl_violation_count(void)
{
    return ksi_load(&violations);
}

/* Pairs of places that have been told of; the newest piece first, the others are full. */
struct told {
    struct told *next;
    unsigned used;
    const void *pair[255][2];
};
enum { PAIRS = sizeof((struct told *)0)->pair / sizeof((struct told *)0)->pair[0] };
static struct told *told; /* with the lock of the handler */

static bool is_told(const void *site, const void *other)
{
    bool found = false;
    for (const struct told *p = told; p != NULL && !found; p = p->next) {
        for (unsigned i = 0; i < p->used && !found; i++)
            found = p->pair[i][0] == site && p->pair[i][1] == other;
    }
    return found;
}

/* Without memory for it the pair is told of again. */
static void add_told(const void *site, const void *other)
{
    if (told == NULL || told->used == PAIRS) {
        struct told *fresh = ksi_pages(sizeof *fresh);
        if (fresh == NULL)
            return;
        fresh->next = told;
        told = fresh;
    }
    told->pair[told->used][0] = site;
    told->pair[told->used][1] = other;
    told->used++;
}

/* Reports are printed once per distinct pair of places. */
static bool seen_before(ksl_thread *t, const void *site, const void *other)
{
    uint32_t level = ksi_irq_mask(t);
    ksi_raw_lock(&handler_lock);
    bool found = is_told(site, other);
    if (!found)
        add_told(site, other);
    ksi_raw_unlock(&handler_lock);
    ksi_irq_unmask(t, level);
    return found;
}

static void print(const ksl_violation *v)
{
    char line[KSI_MESSAGE + 64];
    int n = snprintf(line, sizeof line, "kslock: %s: %s: %s\n",
                     v->severity == KSL_PANIC ? "panic" : "report", v->rule, v->message);
    size_t len = n > 0 && (size_t)n < sizeof line ? (size_t)n : sizeof line - 1;
    int fd = ksi_diag_fd();
    int cancel = ksi_cancel_off();
    ssize_t written = write(fd, line, len);
    (void)written; /* closed: the abort still tells */
    ksi_out_backtrace(fd);
    ksi_cancel_back(cancel);
}

static void deliver(const ksl_violation *v, const void *site, const void *other)
{
    ksl_thread *t = v->thread;
    __atomic_add_fetch(&violations, 1, __ATOMIC_SEQ_CST);
    uint32_t level = ksi_irq_mask(t);
    ksi_raw_lock(&handler_lock);
    ksl_violation_handler fn = handler_fn;
    void *arg = handler_arg;
    ksi_raw_unlock(&handler_lock);
    ksi_irq_unmask(t, level);
    if (fn != NULL) {
        fn(v, arg);
        return;
    }
    if (v->severity == KSL_PANIC) {
        print(v);
        abort();
    }
    if (!seen_before(t, site, other))
        print(v);
}

/* Where the owner took the lock; NULL if its record does not say. */
static const void *held_since(const struct ksi_misuse *m)
{
    const struct ksl_hold *h = ksi_held_find(m->owner, m->lock, KSI_EXCLUSIVE);
    if (h == NULL)
        h = ksi_held_find(m->owner, m->lock, KSI_SHARED);
    if (h != NULL)
        return ksi_load(&h->site);
    const struct ksi_named *named = m->lock;
    if (m->kind == KSI_SX || m->kind == KSI_MTX)
        return ksi_slot_site(m->owner, &named->word);
    return m->lock != NULL ? ksi_slot_site(m->owner, m->lock) : NULL;
}

static const void *say_owner(struct ksi_text *text, const struct ksi_misuse *m,
                             const ksl_thread *t)
{
    const void *since = held_since(m);
    ksi_say(text, "; held by ");
    if (m->owner == t)
        ksi_say(text, "itself");
    else
        ksi_say_thread(text, m->owner);
    if (since != NULL) {
        ksi_say(text, " since ");
        ksi_say_site(text, since);
    }
    return since;
}

static void violate(const struct ksi_misuse *m, const void *other, const char *what,
                    va_list args)
{
    int saved = errno;
    ksl_thread *t = ksi_self();
    char message[KSI_MESSAGE];
    struct ksi_text text = {message, sizeof message};
    struct ksi_symbols symbols;
    bool junk = m->owner != NULL && ksi_thread_at((uintptr_t)m->owner) == NULL;
    enum ksi_rule rule = junk ? KSI_DESTROYED_RULE : m->rule; /* that one comes first */
    KSI_PROBE2(violation, rules[rule].id, m->lock);
    struct ksi_symbols *before = ksi_symbols_begin(&symbols);
    message[0] = '\0';
    say_list(&text, what, args);
    if (m->lock != NULL && !m->named) {
        ksi_say(&text, ": ");
        ksi_say_lock(&text, m->kind, m->lock);
    }
    ksi_say(&text, ", by ");
    ksi_say_thread(&text, t);
    ksi_say(&text, " at ");
    ksi_say_site(&text, m->site);
    if (junk)
        ksi_say(&text, "; " KSI_NO_LOCK_WORD);
    else if (m->owner != NULL)
        other = say_owner(&text, m, t);
    struct ksl_place place = {NULL, 0};
    char room[KSI_NAME_ROOM];
    char file[KSI_NAME_ROOM];
    bool placed = read_place(&place, file, m->site);
    ksl_violation v = {
        .severity = rules[rule].severity,
        .rule = rules[rule].id,
        .message = message,
        .lock = m->lock,
        .lock_name = m->lock != NULL ? name_of(m->kind, m->lock, room) : NULL,
        .thread = t,
        .file = placed ? file : NULL,
        .line = placed ? place.line : 0,
    };
    ksi_symbols_end(before); /* who is called now may never return here */
    deliver(&v, m->site, other);
    errno = saved;
}

void ksi_violate(const struct ksi_misuse *m, const char *what, ...)
{
    va_list args;
    va_start(args, what);
    violate(m, NULL, what, args);
    va_end(args);
}

void ksi_violate_beside(const struct ksi_misuse *m, const void *other, const char *what,
                        ...)
{
    va_list args;
    va_start(args, what);
    violate(m, other, what, args);
    va_end(args);
}
