/* SPDX-License-Identifier: BSD-2-Clause */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* asprintf */
#endif

#include "demo_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_DEPTH = 6 };

static bool out_of_memory(void)
{
    fprintf(stderr, "demo: out of memory\n");
    return false;
}

static bool failed(const char *path, const char *why)
{
    fprintf(stderr, "demo: %s: %s\n", path, why);
    return false;
}

static bool add_path(struct source *s, const char *path)
{
    char **paths = realloc(s->paths, (s->count + 1) * sizeof(*paths));
    if (paths == NULL)
        return out_of_memory();
    s->paths = paths;
    paths[s->count] = strdup(path);
    if (paths[s->count] == NULL)
        return out_of_memory();
    s->count++;
    return true;
}

bool source_file(struct source *s, const char *path)
{
    *s = (struct source){0};
    return add_path(s, path);
}

/* Adds the files below dir that match pattern until *size reaches limit. */
static bool collect(struct source *s, const char *dir, const char *pattern, int depth,
                    size_t limit, size_t *size)
{
    struct dirent **entries;
    int count = scandir(dir, &entries, NULL, alphasort);
    bool ok = true;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        char *path = NULL;
        struct stat st;
        if (name[0] != '.' && *size < limit && ok) {
            if (asprintf(&path, "%s/%s", dir, name) < 0)
                ok = out_of_memory();
            else if (lstat(path, &st) != 0)
                ; /* gone meanwhile */
            else if (S_ISDIR(st.st_mode) && depth < MAX_DEPTH)
                ok = collect(s, path, pattern, depth + 1, limit, size);
            else if (S_ISREG(st.st_mode) && st.st_size > 0 &&
                     fnmatch(pattern, name, 0) == 0 && access(path, R_OK) == 0) {
                ok = add_path(s, path);
                *size += (size_t)st.st_size;
            }
            free(path);
        }
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return ok;
}

bool source_system_text(struct source *s, size_t limit)
{
    size_t size = 0;
    *s = (struct source){.repeat = true};
    bool ok = collect(s, "/usr/share/common-licenses", "*", 0, limit, &size) &&
              collect(s, "/usr/share/doc", "copyright", 0, limit, &size) &&
              collect(s, "/usr/include", "*.h", 0, limit, &size);
    if (ok && s->count == 0)
        ok = add_path(s, "/proc/self/exe"); /* a system without a single text */
    if (!ok)
        source_free(s);
    return ok;
}

/* Makes room for more bytes and returns the new capacity, 0 on failure. */
static size_t grow(struct bytes *out, size_t capacity)
{
    size_t wanted = capacity < 65536 ? 65536 : capacity * 2;
    uint8_t *data = wanted > capacity ? realloc(out->data, wanted) : NULL;
    if (data == NULL)
        return 0;
    out->data = data;
    return wanted;
}

/* Appends one file, up to limit bytes in all. */
static bool append_file(const char *path, size_t limit, struct bytes *out,
                        size_t *capacity)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return failed(path, strerror(errno));
    struct stat st;
    bool ok = true;
    if (fstat(fd, &st) != 0)
        ok = failed(path, strerror(errno));
    else if (S_ISDIR(st.st_mode))
        ok = failed(path, strerror(EISDIR));
    else if (!S_ISREG(st.st_mode))
        ok = failed(path, "not a regular file, it could not be read twice");
    while (ok && out->len < limit) {
        if (out->len == *capacity && (*capacity = grow(out, *capacity)) == 0) {
            ok = out_of_memory();
            break;
        }
        size_t room = *capacity - out->len;
        size_t want = limit - out->len < room ? limit - out->len : room;
        ssize_t got = read(fd, out->data + out->len, want);
        if (got == 0)
            break;
        if (got > 0)
            out->len += (size_t)got;
        else if (errno != EINTR)
            ok = failed(path, strerror(errno));
    }
    close(fd);
    return ok;
}

bool source_read(const struct source *s, size_t limit, struct bytes *out)
{
    size_t capacity = 0;
    size_t before;
    bool ok = true;
    *out = (struct bytes){0};
    do {
        before = out->len;
        for (size_t i = 0; i < s->count && ok && out->len < limit; i++)
            ok = append_file(s->paths[i], limit, out, &capacity);
    } while (ok && s->repeat && out->len < limit && out->len > before);
    if (ok)
        return true;
    free(out->data);
    *out = (struct bytes){0};
    return false;
}

void source_free(struct source *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->paths[i]);
    free(s->paths);
    *s = (struct source){0};
}

uint64_t bytes_fnv1a(const struct bytes *b)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < b->len; i++)
        hash = (hash ^ b->data[i]) * UINT64_C(0x100000001b3);
    return hash;
}
