/* SPDX-License-Identifier: BSD-2-Clause */
/* kslock run: the environment, and the program. */

#include "kslock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST = 16384, SAMPLE_MOST = 65536 };

/* Options and the words of KSLOCK that they are. */
static const struct option {
    const char *name;
    enum { ALONE, VALUE, VALUE_OR_NOT } takes;
} options[] = {
    {"order", ALONE},    {"stats", VALUE_OR_NOT}, {"hang", VALUE},
    {"trace", VALUE},    {"graph", VALUE},        {"report", VALUE},
    {"suppress", VALUE}, {"trace-events", VALUE}, {"sample", VALUE},
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static const struct option *find_option(const char *word, const char **value)
{
    size_t n = strcspn(word, "=");
    *value = word[n] == '=' ? word + n + 1 : NULL;
    for (unsigned i = 0; i < OPTIONS; i++) {
        if (strlen(options[i].name) == n && memcmp(options[i].name, word, n) == 0)
            return &options[i];
    }
    return NULL;
}

/* A number above 0, with a fraction if there may be one. */
static bool is_number(const char *text, bool fraction)
{
    char *end;
    bool right = text[0] != '\0' &&
                 strspn(text, fraction ? "0123456789." : "0123456789") == strlen(text);
    return right && strtod(text, &end) > 0 && *end == '\0';
}

static bool is_right(const struct option *o, const char *value)
{
    bool hang = strcmp(o->name, "hang") == 0;
    bool events = strcmp(o->name, "trace-events") == 0;
    bool sample = strcmp(o->name, "sample") == 0;
    if (value == NULL)
        return true;
    if (value[0] == '\0')
        return complain(false, "--%s: the value is empty", o->name);
    if (strchr(value, ',') != NULL)
        return complain(false, "--%s: \"%s\" has a comma in it", o->name, value);
    if ((hang && !is_number(value, true)) || (events && !is_number(value, false)))
        return complain(false, "--%s: \"%s\" is no number above 0", o->name, value);
    if (sample && (!is_number(value, false) || strtod(value, NULL) > SAMPLE_MOST))
        return complain(false, "--sample: \"%s\" is no number from 1 to %d", value,
                        (int)SAMPLE_MOST);
    return true;
}

static bool add_word(char *list, const char *name, const char *value)
{
    size_t used = strlen(list);
    int n = snprintf(list + used, LONGEST - used, "%s%s%s%s", used > 0 ? "," : "", name,
                     value != NULL ? "=" : "", value != NULL ? value : "");
    if (n < 0 || (size_t)n >= LONGEST - used)
        return complain(false, "the options are too long");
    return true;
}

/* One option; *used: how many words it takes. */
static bool read_option(int argc, char **argv, char *list, int *used)
{
    const char *value;
    const struct option *o = find_option(argv[0] + 2, &value);
    *used = 1;
    if (o == NULL)
        return complain(false, "run: unknown option \"%s\"", argv[0]);
    if (o->takes == ALONE && value != NULL)
        return complain(false, "--%s takes no value", o->name);
    if (o->takes == VALUE && value == NULL) {
        if (argc < 2)
            return complain(false, "--%s needs a value", o->name);
        value = argv[1];
        *used = 2;
    }
    if (!is_right(o, value))
        return false;
    if (strcmp(o->name, "trace-events") == 0)
        return setenv("KSLOCK_TRACE_EVENTS", value, 1) == 0;
    return add_word(list, o->name, value);
}

int run_main(int argc, char **argv)
{
    static char list[LONGEST];
    int used;
    while (argc > 0 && strncmp(argv[0], "--", 2) == 0) {
        bool end = argv[0][2] == '\0';
        if (end)
            used = 1;
        else if (!read_option(argc, argv, list, &used))
            return KSLOCK_USAGE;
        argc -= used;
        argv += used;
        if (end)
            break;
    }
    if (argc == 0)
        return complain(KSLOCK_USAGE, "run: which program?");
    if (list[0] != '\0' && setenv("KSLOCK", list, 1) != 0)
        return complain(KSLOCK_FAILED, "no memory");
    execvp(argv[0], argv);
    int error = errno;
    return complain(error == ENOENT ? KSLOCK_NOT_FOUND : KSLOCK_NOT_RUN, "%s: %s",
                    argv[0], strerror(error));
}
