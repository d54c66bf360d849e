/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>

enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

/* A value; those of an array or object hang together by next. */
struct json {
    enum json_kind kind;
    char *key; /* of a member of an object */
    char *string;
    double number;
    struct json *first;
    struct json *next;
};

/*
 * The value in a file, which must be well-formed JSON to its end; kept until the program
 * ends. NULL if it is not or cannot be read: then a message with its name and line is on
 * stderr.
 */
struct json *json_read(const char *name);

/* The member of an object, NULL if there is none. */
const struct json *json_member(const struct json *object, const char *key);
const char *json_text(const struct json *object, const char *key); /* or NULL */
bool json_number(const struct json *object, const char *key, double *value);

#endif
