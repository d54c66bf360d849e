/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_CMD_JSON_H
#define KSLOCK_CMD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A reader of JSON (RFC 8259) that keeps the whole document. */
enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json {
    enum json_type type;
    const char *key;    /* of a member of an object, else NULL */
    const char *string; /* "" for what is no string; \u0000 ends it */
    double number;      /* 0 for what is no number */
    uint64_t whole;     /* the same if it is one from 0 to 2^64 - 1, else 0 */
    unsigned count;     /* elements, members */
    struct json *first;
    struct json *next;
};

struct json_error {
    unsigned line; /* from 1; 0: no memory, or a file that cannot be read */
    unsigned column;
    const char *what;
};

/* NULL: *error says what is wrong and where. */
struct json *json_read(const char *text, size_t size, struct json_error *error);
/* The same of a file; "-" is standard input. `what` is good until the next error. */
struct json *json_read_file(const char *file, struct json_error *error);
void json_free(struct json *document);

/* NULL for a NULL object, one that has no such member, and what is no object. */
const struct json *json_get(const struct json *object, const char *key);
/* Of a member: "" or 0 if there is none or it is something else. */
const char *json_text(const struct json *object, const char *key);
uint64_t json_whole(const struct json *object, const char *key);

/* The elements of an array, of NULL none. */
#define JSON_EACH(item, array)                                                           \
    for (const struct json *item = (array) != NULL ? (array)->first : NULL;              \
         item != NULL; item = item->next)

#endif
