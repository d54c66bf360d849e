/* SPDX-License-Identifier: BSD-2-Clause */
/* The words of KSLOCK and ksl_diag_enable. */

#include "diag/wanted.h"

#include "diag/annotate.h"
#include "diag/print.h"
#include "diag/stats.h"
#include "diag/trace.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { LONGEST_WORD = 4096 };

/* Seconds with a decimal fraction, in ns; 0: no such number. */
static uint64_t seconds(const char *text)
{
    static const uint64_t billion = 1000000000;
    enum { LONGEST = 1000000 };
    uint64_t whole = 0;
    uint64_t part = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && whole <= LONGEST; at++)
        whole = whole * 10 + (uint64_t)(*at - '0');
    if (at == text)
        return 0;
    if (*at == '.') {
        uint64_t unit = billion / 10;
        for (at++; *at >= '0' && *at <= '9'; at++, unit /= 10)
            part += unit * (uint64_t)(*at - '0');
    }
    return *at == '\0' && whole <= LONGEST ? whole * billion + part : 0;
}

bool ksi_wanted_complain(const struct ksi_wanted *w, const char *word, const char *what)
{
    struct ksi_out out;
    if (w->complain == NULL)
        return false;
    ksi_out_begin(&out, STDERR_FILENO);
    ksi_out(&out, "kslock: %s: \"%s\" %s\n", w->complain, word, what);
    ksi_out_end(&out);
    return false;
}

/* The rest of word after name and '='; NULL if it does not begin so. */
static const char *value_of(const char *word, const char *name)
{
    size_t n = strlen(name);
    return strncmp(word, name, n) == 0 && word[n] == '=' ? word + n + 1 : NULL;
}

/* A file of one's own: of two the last one counts. */
static bool open_own(struct ksi_wanted *w, const char *word, const char *name,
                     uint32_t bit, int *fd)
{
    if (ksi_trace_events_wanted() == 0)
        return ksi_wanted_complain(w, "KSLOCK_TRACE_EVENTS",
                                   "is no number from 1 to 16777216");
    int fresh = ksi_trace_open(name);
    if (fresh < 0)
        return ksi_wanted_complain(w, word, "names no file that can be written");
    if (*fd >= 0)
        close(*fd);
    *fd = fresh;
    w->bits |= bit;
    return true;
}

static bool open_file(int *to, int flags, const struct ksi_wanted *w, const char *word,
                      const char *file)
{
    int fd = *file == '\0'
                 ? -1
                 : open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0666);
    if (fd < 0)
        return ksi_wanted_complain(w, word, "names no file that can be written");
    if (*to >= 0)
        close(*to);
    *to = fd;
    return true;
}

static bool want_order(struct ksi_wanted *w, const char *word, const char *value)
{
    (void)word;
    (void)value;
    w->bits |= KSI_DIAG_ORDER;
    return true;
}

static bool want_suppress(struct ksi_wanted *w, const char *word, const char *value)
{
    return ksi_suppress_read(&w->lines, value) ||
           ksi_wanted_complain(w, word, "is not a file of lines RULE CLASS [CLASS]");
}

static bool want_graph(struct ksi_wanted *w, const char *word, const char *value)
{
    return open_own(w, word, value, KSI_DIAG_ORDER, &w->graph);
}

static bool want_stats(struct ksi_wanted *w, const char *word, const char *value)
{
    if (value != NULL && !open_file(&w->stats, 0, w, word, value))
        return false;
    if (value != NULL)
        w->stats_format = ksi_stats_format_of(value);
    w->bits |= KSI_DIAG_STATS;
    return true;
}

static bool want_sample(struct ksi_wanted *w, const char *word, const char *value)
{
    uint32_t n = 0;
    const char *at = value;
    for (; *at >= '0' && *at <= '9' && n <= KSI_STATS_SAMPLE_MOST; at++)
        n = n * 10 + (uint32_t)(*at - '0');
    if (*at != '\0' || n == 0 || n > KSI_STATS_SAMPLE_MOST)
        return ksi_wanted_complain(w, word, "needs a number from 1 to 65536");
    w->sample = n;
    return true;
}

static bool want_trace(struct ksi_wanted *w, const char *word, const char *value)
{
    return open_own(w, word, value, KSI_DIAG_TRACE, &w->trace);
}

static bool want_hang(struct ksi_wanted *w, const char *word, const char *value)
{
    uint64_t limit = seconds(value);
    if (limit == 0)
        return ksi_wanted_complain(w, word, "needs a number of seconds above 0");
    w->bits |= KSI_DIAG_HANG;
    w->limit = limit;
    return true;
}

static bool want_annotate(struct ksi_wanted *w, const char *word, const char *value)
{
    (void)value;
    if (!ksi_annotate_enable())
        return ksi_wanted_complain(w, word, "finds no race detector that it could tell");
    w->bits |= KSI_DIAG_ANNOTATE;
    return true;
}

static bool want_report(struct ksi_wanted *w, const char *word, const char *value)
{
    return open_file(&w->report, O_APPEND, w, word, value);
}

/* A word, and whether "=VALUE" must, may or must not follow. */
static const struct {
    const char *name;
    enum { NEVER, ALWAYS, MAYBE } value;
    bool (*want)(struct ksi_wanted *w, const char *word, const char *value);
} words[] = {
    {"order", NEVER, want_order},       {"suppress", ALWAYS, want_suppress},
    {"graph", ALWAYS, want_graph},      {"stats", MAYBE, want_stats},
    {"trace", ALWAYS, want_trace},      {"hang", ALWAYS, want_hang},
    {"annotate", NEVER, want_annotate}, {"report", ALWAYS, want_report},
    {"sample", ALWAYS, want_sample},
};

/* True if word is known and right. */
static bool understand(struct ksi_wanted *w, const char *word)
{
    for (unsigned i = 0; i < sizeof words / sizeof words[0]; i++) {
        const char *value = value_of(word, words[i].name);
        bool bare = strcmp(word, words[i].name) == 0;
        if ((bare && words[i].value != ALWAYS) ||
            (value != NULL && words[i].value != NEVER))
            return words[i].want(w, word, value);
    }
    return ksi_wanted_complain(
        w, word,
        "is unknown; known are order, suppress=FILE, graph=FILE, stats, stats=FILE, "
        "sample=N, trace=FILE, hang=SECONDS, annotate, report=FILE");
}

/* False: some word is wrong. */
bool ksi_wanted_read(struct ksi_wanted *w, const char *list)
{
    bool right = true;
    while (*list != '\0') {
        char word[LONGEST_WORD];
        size_t n = strcspn(list, ",");
        bool fits = n < sizeof word;
        size_t kept = fits ? n : 20;
        memcpy(word, list, kept);
        word[kept] = '\0';
        if (!(fits ? understand(w, word)
                   : ksi_wanted_complain(w, word, "... is too long")))
            right = false;
        if (!right && w->complain == NULL)
            return false;
        list += n;
        if (*list == ',' && *++list == '\0' && !ksi_wanted_complain(w, "", "is no word"))
            right = false; /* ends with a comma */
    }
    return right;
}

void ksi_wanted_drop(struct ksi_wanted *w)
{
    const int fds[] = {w->report, w->stats, w->trace, w->graph};
    for (unsigned i = 0; i < sizeof fds / sizeof fds[0]; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    ksi_suppress_free(w->lines);
}
