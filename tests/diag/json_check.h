/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_JSON_CHECK_H
#define TESTS_DIAG_JSON_CHECK_H

/* Whether a text is JSON (RFC 8259). */

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct json {
    const char *at;
    const char *wrong; /* NULL: nothing yet */
    unsigned depth;
};

static inline bool json_bad(struct json *j, const char *what)
{
    if (j->wrong == NULL)
        j->wrong = what;
    return false;
}

static inline void json_space(struct json *j)
{
    while (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r')
        j->at++;
}

static inline bool json_is(struct json *j, char c)
{
    json_space(j);
    if (*j->at != c)
        return false;
    j->at++;
    return true;
}

static inline bool json_string(struct json *j)
{
    if (!json_is(j, '"'))
        return json_bad(j, "a string is missing");
    for (; *j->at != '"'; j->at++) {
        if ((unsigned char)*j->at < ' ')
            return json_bad(j, "a string has no end or a control character");
        if (*j->at != '\\')
            continue;
        if (*++j->at == 'u') {
            for (int i = 0; i < 4; i++) {
                if (!isxdigit((unsigned char)*++j->at))
                    return json_bad(j, "four digits are missing");
            }
        } else if (*j->at == '\0' || strchr("\"\\/bfnrt", *j->at) == NULL) {
            return json_bad(j, "an unknown escape");
        }
    }
    j->at++;
    return true;
}

static inline bool json_digits(struct json *j)
{
    if (!isdigit((unsigned char)*j->at))
        return json_bad(j, "a digit is missing");
    while (isdigit((unsigned char)*j->at))
        j->at++;
    return true;
}

static inline bool json_number(struct json *j)
{
    if (*j->at == '-')
        j->at++;
    if (*j->at == '0' && isdigit((unsigned char)j->at[1]))
        return json_bad(j, "a number begins with 0");
    if (!json_digits(j))
        return false;
    if (*j->at == '.') {
        j->at++;
        if (!json_digits(j))
            return false;
    }
    if (*j->at == 'e' || *j->at == 'E') {
        j->at++;
        if (*j->at == '+' || *j->at == '-')
            j->at++;
        return json_digits(j);
    }
    return true;
}

static inline bool json_value(struct json *j);

/* Behind its first character; keys: an object. */
static inline bool json_list(struct json *j, char end, bool keys)
{
    if (json_is(j, end))
        return true;
    if (++j->depth > 64)
        return json_bad(j, "too deep");
    do {
        if (keys && (!json_string(j) || (!json_is(j, ':') && !json_bad(j, "no colon"))))
            return false;
        if (!json_value(j))
            return false;
    } while (json_is(j, ','));
    j->depth--;
    return json_is(j, end) || json_bad(j, "a list has no end");
}

static inline bool json_value(struct json *j)
{
    static const char *const words[] = {"true", "false", "null"};
    if (json_is(j, '{'))
        return json_list(j, '}', true);
    if (json_is(j, '['))
        return json_list(j, ']', false);
    if (*j->at == '"')
        return json_string(j);
    for (unsigned i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if (strncmp(j->at, words[i], n) == 0) {
            j->at += n;
            return true;
        }
    }
    return json_number(j);
}

/* NULL, or what is wrong. */
static inline const char *json_check(const char *text)
{
    struct json j = {.at = text};
    if (json_value(&j)) {
        json_space(&j);
        if (*j.at != '\0')
            (void)json_bad(&j, "something follows");
    }
    return j.wrong;
}

#endif
