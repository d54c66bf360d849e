/* SPDX-License-Identifier: BSD-2-Clause */
#include "json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* To be freed; NULL: no memory. */
static char *read_all(FILE *f, size_t *size)
{
    size_t room = 1 << 16;
    char *text = malloc(room);
    size_t n;
    *size = 0;
    while (text != NULL && (n = fread(text + *size, 1, room - *size, f)) > 0) {
        *size += n;
        if (*size < room)
            continue;
        char *more = realloc(text, room *= 2);
        if (more == NULL)
            free(text);
        text = more;
    }
    return text;
}

struct json *json_read_file(const char *file, struct json_error *error)
{
    bool from_stdin = strcmp(file, "-") == 0;
    struct json *document = NULL;
    size_t size;
    FILE *f = from_stdin ? stdin : fopen(file, "r");
    *error = (struct json_error){0, 0, "no memory"};
    if (f == NULL) {
        error->what = strerror(errno);
        return NULL;
    }
    errno = 0;
    char *text = read_all(f, &size);
    if (ferror(f) != 0)
        error->what = strerror(errno);
    else if (text != NULL)
        document = json_read(text, size, error);
    if (!from_stdin)
        fclose(f);
    free(text);
    return document;
}
