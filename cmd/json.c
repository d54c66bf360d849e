/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 200, CHUNK = 1 << 16 };

struct chunk {
    struct chunk *next;
    size_t used;
    size_t room;
    char memory[];
};

/* The document's value comes first, so that a pointer to it is one to this. */
struct document {
    struct json root;
    struct chunk *chunks;
};

struct reader {
    const char *text;
    const char *at;
    const char *end;
    struct document *document;
    struct json_error *error;
    unsigned depth;
};

static bool fail_at(struct reader *r, const char *at, const char *what)
{
    if (r->error->what != NULL)
        return false;
    r->error->what = what;
    r->error->line = 1;
    r->error->column = 1;
    for (const char *c = r->text; c < at; c++) {
        r->error->column++;
        if (*c == '\n') {
            r->error->line++;
            r->error->column = 1;
        }
    }
    return false;
}

static bool fail(struct reader *r, const char *what)
{
    return fail_at(r, r->at, what);
}

static void *take(struct reader *r, size_t n)
{
    struct chunk *c = r->document->chunks;
    n = (n + 15) & ~(size_t)15;
    if (c == NULL || c->room - c->used < n) {
        size_t room = n > CHUNK ? n : CHUNK;
        c = malloc(sizeof *c + room);
        if (c == NULL) {
            if (r->error->what == NULL)
                *r->error = (struct json_error){0, 0, "no memory"};
            return NULL;
        }
        c->next = r->document->chunks;
        c->used = 0;
        c->room = room;
        r->document->chunks = c;
    }
    void *p = c->memory + c->used;
    c->used += n;
    return p;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

static bool next_is(struct reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* --- strings ------------------------------------------------------------------------ */

static bool hex4(struct reader *r, unsigned *value)
{
    *value = 0;
    for (unsigned i = 0; i < 4; i++) {
        char c = r->at < r->end ? *r->at : '\0';
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = (unsigned)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F')
            digit = (unsigned)(c - 'A') + 10;
        else
            return fail(r, "\\u needs four hexadecimal digits");
        *value = *value * 16 + digit;
        r->at++;
    }
    return true;
}

static char *put_utf8(char *to, unsigned c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *to++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *to++ = (char)(0x80 | (c & 0x3f));
    return to;
}

static bool read_unicode(struct reader *r, char **to)
{
    unsigned c;
    unsigned low;
    if (!hex4(r, &c))
        return false;
    if (c >= 0xdc00 && c <= 0xdfff)
        return fail(r, "half of a surrogate pair");
    if (c >= 0xd800 && c <= 0xdbff) {
        if (!next_is(r, '\\') || !next_is(r, 'u') || !hex4(r, &low) || low < 0xdc00 ||
            low > 0xdfff)
            return fail(r, "half of a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = put_utf8(*to, c);
    return true;
}

static bool read_escape(struct reader *r, char **to)
{
    static const char from[] = "\"\\/bfnrt";
    static const char into[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->end ? *r->at : '\0';
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (c == 'u') {
        r->at++;
        return read_unicode(r, to);
    }
    if (found == NULL)
        return fail(r, "unknown escape");
    *(*to)++ = into[found - from];
    r->at++;
    return true;
}

/* Behind the quote that begins it. */
static const char *read_string(struct reader *r)
{
    const char *begin = r->at;
    const char *end = begin;
    while (end < r->end && *end != '"')
        end += *end == '\\' && end + 1 < r->end ? 2 : 1;
    char *string = take(r, (size_t)(end - begin) + 1); /* no escape is longer decoded */
    char *to = string;
    if (string == NULL)
        return NULL;
    while (r->at < r->end && *r->at != '"') {
        if ((unsigned char)*r->at < ' ') {
            fail(r, "a control character in a string");
            return NULL;
        }
        if (*r->at != '\\') {
            *to++ = *r->at++;
            continue;
        }
        r->at++;
        if (!read_escape(r, &to))
            return NULL;
    }
    if (!next_is(r, '"')) {
        fail_at(r, begin - 1, "a string without end");
        return NULL;
    }
    *to = '\0';
    return string;
}

/* --- numbers ------------------------------------------------------------------------ */

static bool skip_digits(struct reader *r)
{
    const char *begin = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > begin;
}

static bool read_number(struct reader *r, struct json *v)
{
    char copy[64];
    const char *begin = r->at;
    bool minus = next_is(r, '-');
    const char *digits = r->at;
    bool right = skip_digits(r) && (digits[0] != '0' || r->at == digits + 1);
    bool integer = true;
    if (right && next_is(r, '.')) {
        integer = false;
        right = skip_digits(r);
    }
    if (right && r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        integer = false;
        r->at++;
        if (!next_is(r, '+'))
            (void)next_is(r, '-');
        right = skip_digits(r);
    }
    size_t n = (size_t)(r->at - begin);
    if (!right || n >= sizeof copy)
        return fail_at(r, begin, right ? "a number that is too long" : "no number");
    memcpy(copy, begin, n);
    copy[n] = '\0';
    v->type = JSON_NUMBER;
    v->number = strtod(copy, NULL);
    if (integer && !minus) {
        errno = 0;
        v->whole = strtoull(copy, NULL, 10);
        if (errno != 0)
            v->whole = 0;
    }
    return true;
}

/* --- values ------------------------------------------------------------------------- */

static bool read_value(struct reader *r, struct json *v);

static bool read_members(struct reader *r, struct json *v, char close)
{
    struct json **last = &v->first;
    bool object = v->type == JSON_OBJECT;
    skip_space(r);
    if (next_is(r, close))
        return true;
    do {
        struct json *member = take(r, sizeof *member);
        if (member == NULL)
            return false;
        memset(member, 0, sizeof *member);
        skip_space(r);
        if (object) {
            if (!next_is(r, '"'))
                return fail(r, "a key in quotes was expected");
            member->key = read_string(r);
            if (member->key == NULL)
                return false;
            skip_space(r);
            if (!next_is(r, ':'))
                return fail(r, "':' was expected");
        }
        if (!read_value(r, member))
            return false;
        *last = member;
        last = &member->next;
        v->count++;
        skip_space(r);
    } while (next_is(r, ','));
    if (!next_is(r, close))
        return fail(r, object ? "',' or '}' was expected" : "',' or ']' was expected");
    return true;
}

static bool read_word(struct reader *r, struct json *v)
{
    static const struct {
        const char *word;
        enum json_type type;
    } words[] = {{"null", JSON_NULL}, {"false", JSON_FALSE}, {"true", JSON_TRUE}};
    for (unsigned i = 0; i < 3; i++) {
        size_t n = strlen(words[i].word);
        if ((size_t)(r->end - r->at) >= n && memcmp(r->at, words[i].word, n) == 0) {
            r->at += n;
            v->type = words[i].type;
            return true;
        }
    }
    return fail(r, "a value was expected");
}

static bool read_value(struct reader *r, struct json *v)
{
    bool right;
    v->string = "";
    skip_space(r);
    if (r->at == r->end)
        return fail(r, "the text ends here");
    if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
        return read_number(r, v);
    if (next_is(r, '"')) {
        v->type = JSON_STRING;
        v->string = read_string(r);
        return v->string != NULL;
    }
    if (*r->at != '{' && *r->at != '[')
        return read_word(r, v);
    if (++r->depth > DEEPEST)
        return fail(r, "nested too deep");
    v->type = *r->at == '{' ? JSON_OBJECT : JSON_ARRAY;
    r->at++;
    right = read_members(r, v, v->type == JSON_OBJECT ? '}' : ']');
    r->depth--;
    return right;
}

struct json *json_read(const char *text, size_t size, struct json_error *error)
{
    struct document *d = calloc(1, sizeof *d);
    struct reader r = {text, text, text + size, d, error, 0};
    *error = (struct json_error){0, 0, NULL};
    if (d == NULL) {
        error->what = "no memory";
        return NULL;
    }
    bool right = read_value(&r, &d->root);
    skip_space(&r);
    if (right && r.at != r.end)
        right = fail(&r, "more text behind the end");
    if (right)
        return &d->root;
    json_free(&d->root);
    return NULL;
}

void json_free(struct json *document)
{
    struct document *d = (struct document *)document;
    if (d == NULL)
        return;
    while (d->chunks != NULL) {
        struct chunk *next = d->chunks->next;
        free(d->chunks);
        d->chunks = next;
    }
    free(d);
}

const struct json *json_get(const struct json *object, const char *key)
{
    if (object == NULL || object->type != JSON_OBJECT)
        return NULL;
    JSON_EACH(member, object)
    {
        if (strcmp(member->key, key) == 0)
            return member;
    }
    return NULL;
}

const char *json_text(const struct json *object, const char *key)
{
    const struct json *v = json_get(object, key);
    return v != NULL ? v->string : "";
}

uint64_t json_whole(const struct json *object, const char *key)
{
    const struct json *v = json_get(object, key);
    return v != NULL ? v->whole : 0;
}
