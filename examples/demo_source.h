/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_SOURCE_H
#define DEMO_SOURCE_H

/* Where the demo's bytes come from: one file, or the texts of this system. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct source {
    char **paths;
    size_t count;
    bool repeat; /* read the list again until the limit is reached */
};

struct bytes {
    uint8_t *data;
    size_t len;
};

/* The one file. Returns false, with a message, if memory is short. */
bool source_file(struct source *s, const char *path);

/* Licences, documentation and headers of this system, about limit bytes. */
bool source_system_text(struct source *s, size_t limit);

/* Reads up to limit bytes; prints a message and returns false on failure. */
bool source_read(const struct source *s, size_t limit, struct bytes *out);

void source_free(struct source *s);

/* 64-bit FNV-1a. */
uint64_t bytes_fnv1a(const struct bytes *b);

#endif
