/* SPDX-License-Identifier: BSD-2-Clause */

/* cmd/json.c: what is read, what is refused, and where. */

#include "json.h"
#include "support.h"

#include <stdio.h>
#include <string.h>

static struct json_error error;

static struct json *read_text(const char *text)
{
    return json_read(text, strlen(text), &error);
}

START_TEST(values)
{
    struct json *d =
        read_text(" { \"a\" : [ 1 , -2.5e2, true ,false,null , \"x\" ],\n"
                  "\"b\":{\"c\":18446744073709551615}, \"e\":{}, \"f\":[]}\t\n");
    ck_assert_ptr_nonnull(d);
    const struct json *a = json_get(d, "a");
    ck_assert_uint_eq(a->count, 6);
    const struct json *v = a->first;
    ck_assert(v->type == JSON_NUMBER && v->whole == 1 && v->number == 1.0);
    v = v->next;
    ck_assert(v->type == JSON_NUMBER && v->whole == 0 && v->number == -250.0);
    v = v->next;
    ck_assert_int_eq(v->type, JSON_TRUE);
    v = v->next;
    ck_assert_int_eq(v->type, JSON_FALSE);
    v = v->next;
    ck_assert_int_eq(v->type, JSON_NULL);
    v = v->next;
    ck_assert(v->type == JSON_STRING && strcmp(v->string, "x") == 0 && v->next == NULL);
    ck_assert(json_whole(json_get(d, "b"), "c") == UINT64_MAX);
    ck_assert_uint_eq(json_get(d, "e")->count, 0);
    ck_assert_int_eq(json_get(d, "f")->type, JSON_ARRAY);
    ck_assert_str_eq(json_text(d, "b"), "");
    ck_assert_uint_eq(json_whole(d, "nothing"), 0);
    ck_assert_ptr_null(json_get(a, "x"));
    ck_assert_ptr_null(json_get(NULL, "x"));
    json_free(d);
}
END_TEST

START_TEST(strings)
{
    struct json *d = read_text("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\","
                               "\"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\", \"\xc3\xa4\"]");
    ck_assert_ptr_nonnull(d);
    ck_assert_str_eq(d->first->string, "\"\\/\b\f\n\r\t");
    ck_assert_str_eq(d->first->next->string, "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
    ck_assert_str_eq(d->first->next->next->string, "\xc3\xa4");
    json_free(d);
}
END_TEST

START_TEST(what_is_no_json)
{
    static const struct {
        const char *text;
        unsigned line;
        unsigned column;
    } wrong[] = {
        {"", 1, 1},
        {"  \n ", 2, 2},
        {"{", 1, 2},
        {"[1,]", 1, 4},
        {"[1 2]", 1, 4},
        {"{\"a\":1,}", 1, 8},
        {"{\"a\" 1}", 1, 6},
        {"{a:1}", 1, 2},
        {"[1]\n x", 2, 2},
        {"[01]", 1, 2},
        {"[1.]", 1, 2},
        {"[1e]", 1, 2},
        {"[-]", 1, 2},
        {"[+1]", 1, 2},
        {"[nul]", 1, 2},
        {"\"abc", 1, 1},
        {"\"a\\", 1, 4},
        {"\"a\nb\"", 1, 3},
        {"\"\\x\"", 1, 3},
        {"\"\\u12g4\"", 1, 6},
        {"\"\\ude00\"", 1, 8},
        {"\"\\ud83dx\"", 1, 8},
        {"'a'", 1, 1},
    };
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct json *d = read_text(wrong[i].text);
        ck_assert_msg(d == NULL, "%s", wrong[i].text);
        ck_assert_msg(error.line == wrong[i].line && error.column == wrong[i].column,
                      "%s: %u:%u %s", wrong[i].text, error.line, error.column,
                      error.what);
        ck_assert_ptr_nonnull(error.what);
    }
}
END_TEST

START_TEST(nesting_is_bounded)
{
    enum { DEEP = 100000 };
    static char text[DEEP + 1];
    memset(text, '[', DEEP);
    ck_assert_ptr_null(read_text(text));
    ck_assert_str_eq(error.what, "nested too deep");
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    text[200] = '\0';
    struct json *d = read_text(text);
    ck_assert_ptr_nonnull(d);
    json_free(d);
}
END_TEST

/* Every beginning of a document is refused, and nothing is read behind its end. */
START_TEST(cut_short)
{
    static const char text[] = "{\"a\":[1,2.5,\"x\\u00e4\",{\"b\":null}],\"c\":true}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        char *copy = malloc(n > 0 ? n : 1);
        ck_assert_ptr_nonnull(copy);
        memcpy(copy, text, n);
        ck_assert_ptr_null(json_read(copy, n, &error));
        free(copy);
    }
    struct json *d = json_read(text, sizeof text - 1, &error);
    ck_assert_ptr_nonnull(d);
    json_free(d);
}
END_TEST

START_TEST(many_values)
{
    enum { MANY = 50000 };
    char *text = malloc(MANY * 16 + 3);
    ck_assert_ptr_nonnull(text);
    char *at = text;
    *at++ = '[';
    for (unsigned i = 0; i < MANY; i++)
        at += sprintf(at, "%s{\"n\":%u}", i > 0 ? "," : "", i);
    *at++ = ']';
    struct json *d = json_read(text, (size_t)(at - text), &error);
    ck_assert_ptr_nonnull(d);
    ck_assert_uint_eq(d->count, MANY);
    unsigned i = 0;
    JSON_EACH(v, d)
    {
        ck_assert_uint_eq(json_whole(v, "n"), i++);
    }
    json_free(d);
    free(text);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("cmd/json");
    TCase *c = tcase_create("json");
    tcase_add_test(c, values);
    tcase_add_test(c, strings);
    tcase_add_test(c, what_is_no_json);
    tcase_add_test(c, nesting_is_bounded);
    tcase_add_test(c, cut_short);
    tcase_add_test(c, many_values);
    suite_add_tcase(s, c);
    return support_run(s);
}
