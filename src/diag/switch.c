/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: what KSLOCK and ksl_diag_enable say. */

#define _GNU_SOURCE 1

#include "diag/switch.h"

#include "diag/annotate.h"
#include "diag/hang.h"
#include "diag/hooks.h"
#include "diag/print.h"
#include "diag/stats.h"
#include "diag/suppress.h"
#include "platform/rawlock.h"
#include "thread/irq.h"
#include "thread/watch.h"

#include <kslock/diag.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

uint32_t ksi_diag;

static int report_fd = STDERR_FILENO; /* atomic */
static uint64_t hang_limit;           /* atomic */

int ksi_diag_fd(void)
{
    return ksi_load(&report_fd);
}

uint64_t ksi_diag_hang_limit(void)
{
    return ksi_load(&hang_limit);
}

/* What a list asks for. */
struct wanted {
    uint32_t bits;
    uint64_t limit; /* of hang, ns */
    int fd;         /* of report, -1: none */
    struct ksi_suppressions *lines;
    int stats_fd; /* of stats, -1: none */
    int stats_format;
    const char *complain; /* NULL: say nothing and stop at the first word that is wrong */
};

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

static bool complain(const struct wanted *w, const char *word, const char *what)
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

static bool open_file(int *to, int flags, const struct wanted *w, const char *word,
                      const char *file)
{
    int fd = *file == '\0'
                 ? -1
                 : open(file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, 0666);
    if (fd < 0)
        return complain(w, word, "names no file that can be written");
    if (*to >= 0)
        close(*to);
    *to = fd;
    return true;
}

/* True if word is known and right. */
static bool understand(struct wanted *w, const char *word)
{
    const char *value;
    if (strcmp(word, "order") == 0) {
        w->bits |= KSI_DIAG_ORDER;
        return true;
    }
    if ((value = value_of(word, "hang")) != NULL) {
        uint64_t limit = seconds(value);
        if (limit == 0)
            return complain(w, word, "needs a number of seconds above 0");
        w->bits |= KSI_DIAG_HANG;
        w->limit = limit;
        return true;
    }
    if ((value = value_of(word, "report")) != NULL)
        return open_file(&w->fd, O_APPEND, w, word, value);
    if (strcmp(word, "stats") == 0) {
        w->bits |= KSI_DIAG_STATS;
        return true;
    }
    if ((value = value_of(word, "stats")) != NULL) {
        w->bits |= KSI_DIAG_STATS;
        w->stats_format = ksi_stats_format_of(value);
        return open_file(&w->stats_fd, 0, w, word, value);
    }
    if (strcmp(word, "annotate") == 0) {
        w->bits |= KSI_DIAG_ANNOTATE;
        return ksi_annotate_enable() ||
               complain(w, word, "finds no race detector that it could tell");
    }
    if ((value = value_of(word, "suppress")) != NULL)
        return ksi_suppress_read(&w->lines, value) ||
               complain(w, word, "is not a file of lines RULE CLASS [CLASS]");
    if (value_of(word, "trace") != NULL)
        return complain(w, word, "does not exist in this version");
    return complain(w, word,
                    "is unknown; known are order, suppress=FILE, stats, stats=FILE, "
                    "hang=SECONDS, annotate, report=FILE");
}

/* False: some word is wrong. */
static bool read_list(struct wanted *w, const char *list)
{
    bool right = true;
    while (*list != '\0') {
        char word[LONGEST_WORD];
        size_t n = strcspn(list, ",");
        bool fits = n < sizeof word;
        size_t kept = fits ? n : 20;
        memcpy(word, list, kept);
        word[kept] = '\0';
        if (!(fits ? understand(w, word) : complain(w, word, "... is too long")))
            right = false;
        if (!right && w->complain == NULL)
            return false;
        list += n;
        if (*list == ',' && *++list == '\0' && !complain(w, "", "is no word"))
            right = false; /* ends with a comma */
    }
    return right;
}

static struct ksi_rawlock switch_lock; /* two that enable; real signals come through */

static bool apply(const struct wanted *w)
{
    uint32_t fresh = w->bits & ~ksi_load(&ksi_diag);
    bool watches = (w->bits & KSI_DIAG_WATCHES) != 0;
    if ((watches && !ksi_classes_enable()) ||
        ((fresh & KSI_DIAG_ORDER) != 0 && !ksi_order_enable()) ||
        ((w->bits & KSI_DIAG_STATS) != 0 && !ksi_stats_enable()))
        return false; /* no memory for its tables */
    if ((w->bits & KSI_DIAG_HANG) != 0) {
        uint64_t before = ksi_load(&hang_limit);
        ksi_store(&hang_limit, w->limit);
        if (!ksi_hang_start()) {
            ksi_store(&hang_limit, before);
            return false;
        }
    }
    if (w->fd >= 0) {
        /* The number stays, so that who is writing now is not disturbed. */
        int old = ksi_load(&report_fd);
        if (old == STDERR_FILENO || dup3(w->fd, old, O_CLOEXEC) < 0)
            ksi_store(&report_fd, w->fd);
        else
            close(w->fd);
    }
    ksi_suppress_add(w->lines);
    if ((w->bits & KSI_DIAG_STATS) != 0)
        ksi_stats_at_exit(w->stats_fd, w->stats_format);
    ksi_fetch_or(&ksi_diag, w->bits);
    if (watches) {
        ksi_store(&ksi_holds_limit, 0u); /* pushes go the slow way */
        ksi_watch_threads();
    }
    return true;
}

int ksl_diag_enable(const char *list)
{
    int saved = errno;
    struct wanted w = {.fd = -1, .stats_fd = -1};
    ksl_thread *t = ksi_self();
    bool done = false;
    if (list != NULL && t->handlers == 0 && read_list(&w, list)) {
        uint32_t level = ksi_irq_mask(t);
        ksi_raw_lock(&switch_lock);
        done = apply(&w);
        ksi_raw_unlock(&switch_lock);
        ksi_irq_unmask(t, level);
    }
    if (!done && w.fd >= 0)
        close(w.fd);
    if (!done)
        ksi_suppress_free(w.lines);
    if (!done && w.stats_fd >= 0)
        close(w.stats_fd);
    errno = saved;
    return done ? 0 : -EINVAL;
}

/* The program has not started, so there is nobody else; it is not registered here. */
__attribute__((constructor(102))) static void read_environment(void)
{
    int saved = errno;
    struct wanted w = {.fd = -1, .stats_fd = -1, .complain = "KSLOCK"};
    const char *list = secure_getenv("KSLOCK");
    if (list != NULL) {
        (void)read_list(&w, list);
        if (!apply(&w)) {
            (void)complain(&w, list, "cannot get the memory or the thread that it needs");
            w.bits = 0;
            (void)apply(&w);
        }
    }
    errno = saved;
}

void ksi_diag_switch_before_fork(void)
{
    ksi_raw_lock(&switch_lock);
}

void ksi_diag_switch_after_fork(bool child)
{
    if (!child) {
        ksi_raw_unlock(&switch_lock);
        return;
    }
    ksi_hang_after_fork();
    ksi_raw_reset(&switch_lock);
}
