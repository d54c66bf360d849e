/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 64, BLOCK = 1 << 20 };

/* Memory that is given back when the program ends. */
static struct block {
    struct block *before;
    size_t used;
    size_t size;
    char bytes[] __attribute__((aligned(16)));
} * blocks;

static void *get(size_t size)
{
    size = (size + 15) / 16 * 16;
    if (blocks == NULL || blocks->size - blocks->used < size) {
        size_t room = size > BLOCK ? size : BLOCK;
        struct block *b = calloc(1, sizeof *b + room);
        if (b == NULL) {
            fprintf(stderr, "bench: out of memory\n");
            exit(1);
        }
        b->before = blocks;
        b->size = room;
        blocks = b;
    }
    void *p = blocks->bytes + blocks->used;
    blocks->used += size;
    return p;
}

struct reader {
    const char *at;
    const char *wrong; /* what is, NULL: nothing so far */
    unsigned line;
};

static struct json *value(struct reader *r, unsigned depth);

static struct json *fail(struct reader *r, const char *what)
{
    if (r->wrong == NULL)
        r->wrong = what;
    return NULL;
}

static void skip(struct reader *r)
{
    for (; *r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'; r->at++)
        r->line += *r->at == '\n';
}

static struct json *fresh(enum json_kind kind)
{
    struct json *j = get(sizeof *j);
    j->kind = kind;
    return j;
}

/* One character after a backslash; \u is only read as far as Latin-1 goes. */
static bool escaped(struct reader *r, char *to)
{
    static const char from[] = "\"\\/bfnrt";
    static const char becomes[] = "\"\\/\b\f\n\r\t";
    const char *found = *r->at != '\0' ? strchr(from, *r->at) : NULL;
    unsigned code;
    if (found != NULL) {
        *to = becomes[found - from];
        r->at++;
        return true;
    }
    if (*r->at != 'u' || strspn(r->at + 1, "0123456789abcdefABCDEF") < 4 ||
        sscanf(r->at + 1, "%4x", &code) != 1)
        return false;
    *to = code < 256 ? (char)code : '?';
    r->at += 5;
    return true;
}

static char *string(struct reader *r)
{
    if (*r->at != '"')
        return (char *)fail(r, "a string is missing");
    const char *begin = ++r->at;
    const char *last = begin;
    while (*last != '\0' && *last != '"')
        last += last[0] == '\\' && last[1] != '\0' ? 2 : 1;
    char *text = get((size_t)(last - begin) + 1);
    char *to = text;
    while (*r->at != '"') {
        if ((unsigned char)*r->at < ' ')
            return (char *)fail(r, "a string does not end");
        *to = *r->at++;
        if (*to == '\\' && !escaped(r, to))
            return (char *)fail(r, "unknown escape");
        to++;
    }
    r->at++;
    *to = '\0';
    return text;
}

static struct json *number(struct reader *r)
{
    char *end;
    double n = strtod(r->at, &end);
    if (end == r->at || strchr("-0123456789", *r->at) == NULL)
        return fail(r, "a value is missing");
    struct json *j = fresh(JSON_NUMBER);
    j->number = n;
    r->at = end;
    return j;
}

static struct json *word(struct reader *r, const char *text, enum json_kind kind)
{
    if (strncmp(r->at, text, strlen(text)) != 0)
        return fail(r, "unknown word");
    r->at += strlen(text);
    return fresh(kind);
}

/* The members of an array, or of an object with their keys. */
static struct json *many(struct reader *r, enum json_kind kind, char close,
                         unsigned depth)
{
    struct json *all = fresh(kind);
    struct json **last = &all->first;
    r->at++;
    skip(r);
    while (*r->at != close) {
        char *key = NULL;
        if (all->first != NULL && *r->at++ != ',')
            return fail(r, "a comma is missing");
        skip(r);
        if (kind == JSON_OBJECT) {
            if ((key = string(r)) == NULL)
                return NULL;
            skip(r);
            if (*r->at++ != ':')
                return fail(r, "a colon is missing");
        }
        if ((*last = value(r, depth + 1)) == NULL)
            return NULL;
        (*last)->key = key;
        last = &(*last)->next;
        skip(r);
    }
    r->at++;
    return all;
}

static struct json *value(struct reader *r, unsigned depth)
{
    if (depth > DEEPEST)
        return fail(r, "too deep");
    skip(r);
    switch (*r->at) {
    case '{':
        return many(r, JSON_OBJECT, '}', depth);
    case '[':
        return many(r, JSON_ARRAY, ']', depth);
    case 't':
        return word(r, "true", JSON_TRUE);
    case 'f':
        return word(r, "false", JSON_FALSE);
    case 'n':
        return word(r, "null", JSON_NULL);
    case '"': {
        char *text = string(r);
        struct json *j = text != NULL ? fresh(JSON_STRING) : NULL;
        if (j != NULL)
            j->string = text;
        return j;
    }
    default:
        return number(r);
    }
}

/* The text of a file, to be freed. */
static char *whole(const char *name)
{
    FILE *f = fopen(name, "r");
    char *text = NULL;
    size_t size = 0;
    if (f == NULL || (getdelim(&text, &size, '\0', f) < 0 && ferror(f) != 0)) {
        fprintf(stderr, "bench: %s: %s\n", name, strerror(errno));
        free(text);
        text = NULL;
    } else if (text == NULL) {
        text = calloc(1, 1);
    }
    if (f != NULL)
        fclose(f);
    return text;
}

struct json *json_read(const char *name)
{
    char *text = whole(name);
    struct reader r = {.at = text, .line = 1};
    if (text == NULL)
        return NULL;
    struct json *j = value(&r, 0);
    if (j != NULL) {
        skip(&r);
        if (*r.at != '\0')
            j = fail(&r, "something follows the value");
    }
    if (j == NULL)
        fprintf(stderr, "bench: %s: line %u: not JSON: %s\n", name, r.line, r.wrong);
    free(text);
    return j;
}

const struct json *json_member(const struct json *object, const char *key)
{
    const struct json *j = object != NULL ? object->first : NULL;
    while (j != NULL && (j->key == NULL || strcmp(j->key, key) != 0))
        j = j->next;
    return j;
}

const char *json_text(const struct json *object, const char *key)
{
    const struct json *j = json_member(object, key);
    return j != NULL ? j->string : NULL;
}

bool json_number(const struct json *object, const char *key, double *to)
{
    const struct json *j = json_member(object, key);
    if (j == NULL || j->kind != JSON_NUMBER)
        return false;
    *to = j->number;
    return true;
}
