/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_READBACK_H
#define TESTS_READBACK_H

/* A file that the library writes a report to, and what it has written. */

#include "support.h"

#include <kslock/diag.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct report_file {
    char path[64];
    char text[1 << 16];
};

/* An empty file of this test's own. */
static inline void report_file_new(struct report_file *r)
{
    snprintf(r->path, sizeof r->path, "kslock-report-XXXXXX");
    int fd = mkstemp(r->path);
    ck_assert_int_ge(fd, 0);
    close(fd);
}

/* Reads it; returns the text. */
static inline const char *report_file_read(struct report_file *r)
{
    int fd = open(r->path, O_RDONLY);
    size_t size = 0;
    ssize_t n;
    ck_assert_int_ge(fd, 0);
    while ((n = read(fd, r->text + size, sizeof r->text - 1 - size)) > 0)
        size += (size_t)n;
    r->text[size] = '\0';
    close(fd);
    return r->text;
}

static inline bool report_file_has(struct report_file *r, const char *text)
{
    return strstr(report_file_read(r), text) != NULL;
}

static inline void report_file_end(struct report_file *r)
{
    unlink(r->path);
}

/* The file, which is gone again, with a dump in it. */
static inline const char *report_file_dump(struct report_file *r)
{
    report_file_new(r);
    int fd = open(r->path, O_WRONLY);
    ksl_diag_dump(fd);
    close(fd);
    report_file_read(r);
    report_file_end(r);
    return r->text;
}

/* Likewise with the counts of `stats`. */
static inline const char *report_file_stats(struct report_file *r, int format)
{
    report_file_new(r);
    int fd = open(r->path, O_WRONLY);
    ck_assert_int_eq(ksl_diag_stats(fd, format), 0);
    close(fd);
    report_file_read(r);
    report_file_end(r);
    return r->text;
}

/* Of a dump the lines of one thread; "" if it has none. */
static inline const char *report_file_lines(const struct report_file *r,
                                            const ksl_thread *t)
{
    static char text[8192];
    char head[64];
    snprintf(head, sizeof head, "\nthread %d", ksl_thread_id(t));
    const char *begin = strstr(r->text, head);
    text[0] = '\0';
    if (begin == NULL)
        return text;
    const char *end = begin + 1;
    do
        end = strchr(end, '\n') + 1;
    while (*end == ' ');
    snprintf(text, sizeof text, "%.*s", (int)(end - begin), begin);
    return text;
}

/* Asserts that the text, made as by printf, stands in another one. */
#define HAS(text, ...)                                                                   \
    do {                                                                                 \
        char wanted_[256];                                                               \
        snprintf(wanted_, sizeof wanted_, __VA_ARGS__);                                  \
        const char *text_ = text;                                                        \
        ck_assert_msg(strstr(text_, wanted_) != NULL, "no \"%s\" in:\n%s", wanted_,      \
                      text_);                                                            \
    } while (0)

/* How often text stands in it. */
static inline unsigned report_file_count(struct report_file *r, const char *text)
{
    unsigned n = 0;
    for (const char *p = report_file_read(r); (p = strstr(p, text)) != NULL; p++)
        n++;
    return n;
}

#endif
