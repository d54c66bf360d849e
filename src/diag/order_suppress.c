/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order checker: reports that nobody wants. Lines are read when they are switched on,
 * linked in front of a list that is read without a lock, and stay for ever.
 */

#include "diag/suppress.h"

#include "diag/classes.h"
#include "diag/named.h"
#include "diag/order.h"
#include "diag/print.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS = 3, LONGEST = 1024 };

struct ksi_suppressions {
    struct ksi_suppressions *next;
    uint64_t rules; /* by enum ksi_rule */
    const char *a;  /* patterns, in text */
    const char *b;  /* NULL: one will do */
    char text[];
};

static struct ksi_suppressions *all; /* atomic */

/* --- reading ------------------------------------------------------------------------ */

/* The rules of the order checker that a pattern names. */
static uint64_t rules_of(const char *pattern)
{
    static const char *const ids[] = {
#define RULE(name, id, severity) [KSI_##name##_RULE] = id,
#include "diag/rules.def"
#undef RULE
    };
    uint64_t rules = 0;
    for (unsigned i = 0; i < KSI_RULES; i++) {
        bool may = i >= KSI_ORDER_RULE || i == KSI_STAGE_RULE;
        if (may && fnmatch(pattern, ids[i], 0) == 0)
            rules |= (uint64_t)1 << i;
    }
    return rules;
}

_Static_assert(KSI_RULES <= 64, "a bit for each");

/*
 * Cuts a line into words, which blanks separate; "in quotes" they may have some. A word
 * that begins with # ends the line. Returns how many, WORDS + 1: too many, -1: a quote
 * has no end.
 */
static int cut(char *at, char *word[WORDS])
{
    int n = 0;
    for (;;) {
        at += strspn(at, " \t\r\n");
        if (*at == '\0' || *at == '#')
            return n;
        if (n == WORDS)
            return WORDS + 1;
        bool quoted = *at == '"';
        at += quoted;
        word[n++] = at;
        at += strcspn(at, quoted ? "\"" : " \t\r\n");
        if (*at == '\0')
            return quoted ? -1 : n;
        *at++ = '\0';
    }
}

static bool add_line(struct ksi_suppressions **to, uint64_t rules, const char *a,
                     const char *b)
{
    size_t first = strlen(a) + 1;
    size_t second = b != NULL ? strlen(b) + 1 : 0;
    struct ksi_suppressions *s = malloc(sizeof *s + first + second);
    if (s == NULL)
        return false;
    memcpy(s->text, a, first);
    if (b != NULL)
        memcpy(s->text + first, b, second);
    s->rules = rules;
    s->a = s->text;
    s->b = b != NULL ? s->text + first : NULL;
    s->next = *to;
    *to = s;
    return true;
}

/* NULL: it is right. */
static const char *read_line(struct ksi_suppressions **to, char *line)
{
    char *word[WORDS];
    if (strlen(line) == LONGEST - 1)
        return "is too long";
    int n = cut(line, word);
    if (n == 0)
        return NULL;
    if (n < 0)
        return "has a quote without its end";
    if (n == 1 || n > WORDS)
        return "is not RULE CLASS [CLASS]";
    uint64_t rules = rules_of(word[0]);
    if (rules == 0)
        return "names no rule of `order`";
    return add_line(to, rules, word[1], n == WORDS ? word[2] : NULL) ? NULL
                                                                     : "has no memory";
}

static void complain(const char *file, unsigned line, const char *what)
{
    struct ksi_out out;
    ksi_out_begin(&out, STDERR_FILENO);
    ksi_out(&out, "kslock: suppress: %s:%u: the line %s\n", file, line, what);
    ksi_out_end(&out);
}

bool ksi_suppress_read(struct ksi_suppressions **to, const char *file)
{
    char line[LONGEST];
    bool right = true;
    FILE *f = *file != '\0' ? fopen(file, "re") : NULL;
    if (f == NULL)
        return false;
    for (unsigned n = 1; fgets(line, sizeof line, f) != NULL; n++) {
        bool whole = strchr(line, '\n') != NULL; /* before it is cut */
        const char *wrong = read_line(to, line);
        if (wrong == NULL)
            continue;
        complain(file, n, wrong);
        right = false;
        while (!whole && fgets(line, sizeof line, f) != NULL)
            whole = strchr(line, '\n') != NULL; /* the rest of a long one */
    }
    if (ferror(f))
        right = false; /* a directory, say */
    (void)fclose(f);
    return right;
}

void ksi_suppress_free(struct ksi_suppressions *lines)
{
    while (lines != NULL) {
        struct ksi_suppressions *next = lines->next;
        free(lines);
        lines = next;
    }
}

void ksi_suppress_add(struct ksi_suppressions *lines)
{
    struct ksi_suppressions *last = lines;
    struct ksi_suppressions *seen = ksi_load(&all);
    while (last != NULL && last->next != NULL)
        last = last->next;
    do {
        if (last == NULL)
            return;
        last->next = seen;
    } while (!ksi_cas(&all, &seen, lines));
}

/* --- asking ------------------------------------------------------------------------- */

bool ksi_suppresses(void)
{
    return ksi_load_acq(&all) != NULL;
}

struct ksi_suspect ksi_suspect_of(enum ksi_kind kind, const void *lock)
{
    struct ksi_suspect s = {.kind = kind, .lock = lock};
    uint32_t node = ksi_node_of(kind, lock);
    struct ksi_node n = {.by = KSI_BY_NAME};
    if (node >= KSI_FIRST_NODE)
        ksi_node_copy(&n, node);
    if (n.by == KSI_BY_SITE)
        s.init = (const void *)(uintptr_t)n.key; // NOLINT: a place
    return s;
}

static bool fits(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

/* As a dump calls it, in each run: SYMBOL, or SYMBOL+0x40, or FILE+0x1240. */
static bool fits_symbol(const char *pattern, const void *lock)
{
    struct ksi_symbol s;
    char text[sizeof s.name + 32];
    if (!ksi_symbol_find(&s, lock))
        return false;
    if (s.name[0] != '\0' && s.offset == 0)
        return fits(pattern, s.name);
    (void)snprintf(text, sizeof text, "%s+0x%zx", s.name[0] != '\0' ? s.name : s.file,
                   s.offset);
    return fits(pattern, text);
}

static bool fits_number(const char *pattern, const void *lock)
{
    struct ksi_class c;
    char text[32];
    if (!ksi_class_find(lock, &c))
        return false;
    (void)snprintf(text, sizeof text, c.occurrence == -1 ? "%d" : "%d.%d", c.class,
                   c.occurrence);
    return fits(pattern, text);
}

static bool fits_name(const char *pattern, const struct ksi_suspect *s)
{
    char name[KSI_NODE_TEXT * 4];
    struct ksi_named l;
    if (s->name != NULL)
        return fits(pattern, s->name);
    return (s->kind == KSI_SX || s->kind == KSI_MTX || s->kind == KSI_MTX_SPIN) &&
           ksi_peek(&l, s->lock, offsetof(struct ksi_named, reserved)) &&
           ksi_peek_text(name, sizeof name, l.name) && fits(pattern, name);
}

static bool is_about(const char *pattern, const struct ksi_suspect *s)
{
    char text[160];
    struct ksi_text say = {text, sizeof text};
    if (s->lock == NULL)
        return false;
    ksi_say(&say, "<%s>", ksi_kind_name(s->kind));
    if (fits(pattern, text))
        return true;
    say = (struct ksi_text){text, sizeof text};
    ksi_say(&say, "%p", s->lock);
    if (fits(pattern, text))
        return true;
    /* A symbol takes longest, and each call may ask. */
    if (fits_name(pattern, s) || fits_number(pattern, s->lock) ||
        fits_symbol(pattern, s->lock))
        return true;
    say = (struct ksi_text){text, sizeof text};
    if (s->init != NULL)
        ksi_say_site(&say, s->init);
    return s->init != NULL && fits(pattern, text);
}

bool ksi_suppressed(enum ksi_rule rule, const struct ksi_suspect *a,
                    const struct ksi_suspect *b)
{
    int saved = errno;
    bool found = false;
    for (const struct ksi_suppressions *s = ksi_load_acq(&all); s != NULL && !found;
         s = s->next) {
        if ((s->rules >> rule & 1) == 0)
            continue;
        if (s->b == NULL)
            found = is_about(s->a, a) || is_about(s->a, b);
        else
            found = (is_about(s->a, a) && is_about(s->b, b)) ||
                    (is_about(s->a, b) && is_about(s->b, a));
    }
    errno = saved;
    return found;
}
