/* SPDX-License-Identifier: BSD-2-Clause */
/* The switch: what KSLOCK and ksl_diag_enable say. */

#define _GNU_SOURCE 1

#include "diag/switch.h"

#include "diag/hang.h"
#include "diag/hooks.h"
#include "diag/last_words.h"
#include "diag/stats.h"
#include "diag/trace.h"
#include "diag/wanted.h"
#include "platform/host.h"
#include "platform/rawlock.h"
#include "thread/irq.h"
#include "thread/upcalls.h"
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

static struct ksi_rawlock switch_lock; /* two that enable; real signals come through */

/* Not when it was opened: the rest of the list could have been wrong. */
static void empty(int fd)
{
    if (ftruncate(fd, 0) != 0)
        return; /* a pipe or a terminal */
}

static bool apply(const struct ksi_wanted *w)
{
    uint32_t fresh = w->bits & ~ksi_load(&ksi_diag);
    bool watches = (w->bits & KSI_DIAG_WATCHES) != 0;
    if ((watches && !ksi_classes_enable()) ||
        ((fresh & KSI_DIAG_ORDER) != 0 && !ksi_order_enable()) ||
        ((w->bits & KSI_DIAG_STATS) != 0 && !ksi_stats_enable()) ||
        (w->trace >= 0 && !ksi_trace_names_make()))
        return false; /* no memory for its tables */
    if ((w->bits & KSI_DIAG_HANG) != 0) {
        uint64_t before = ksi_load(&hang_limit);
        ksi_store(&hang_limit, w->limit);
        if (!ksi_hang_start()) {
            ksi_store(&hang_limit, before);
            return false;
        }
    }
    if (w->report >= 0) {
        /* The number stays, so that who is writing now is not disturbed. */
        int old = ksi_load(&report_fd);
        if (old == STDERR_FILENO || dup3(w->report, old, O_CLOEXEC) < 0)
            ksi_store(&report_fd, w->report);
        else
            close(w->report);
    }
    ksi_suppress_add(w->lines);
    if (w->sample != 0)
        ksi_store(&ksi_stats_sample, w->sample);
    if ((w->bits & KSI_DIAG_STATS) != 0)
        ksi_stats_at_exit(w->stats, w->stats_format);
    if (w->trace >= 0) {
        empty(w->trace);
        ksi_trace_enable(w->trace);
    }
    if (w->graph >= 0) {
        empty(w->graph);
        ksi_graph_file(w->graph);
    }
    if ((w->bits & (KSI_DIAG_STATS | KSI_DIAG_TRACE)) != 0 || w->graph >= 0)
        ksi_last_words_enable();
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
    struct ksi_wanted w = KSI_NOTHING_WANTED;
    ksl_thread *t = ksi_self();
    int cancel = ksi_cancel_off(); /* files are opened and closed */
    bool done = false;
    if (list != NULL && t->handlers == 0 && ksi_wanted_read(&w, list)) {
        uint32_t level = ksi_irq_mask(t);
        ksi_raw_lock(&switch_lock);
        done = apply(&w);
        ksi_raw_unlock(&switch_lock);
        ksi_irq_unmask(t, level);
    }
    if (!done)
        ksi_wanted_drop(&w);
    ksi_cancel_back(cancel);
    errno = saved;
    return done ? 0 : -EINVAL;
}

/* The program has not started, so there is nobody else; it is not registered here. */
__attribute__((constructor(102))) static void read_environment(void)
{
    int saved = errno;
    struct ksi_wanted w = KSI_NOTHING_WANTED;
    w.complain = "KSLOCK";
    const char *list = secure_getenv("KSLOCK");
    if (list != NULL) {
        (void)ksi_wanted_read(&w, list);
        if (!apply(&w)) {
            (void)ksi_wanted_complain(
                &w, list, "cannot get the memory or the thread that it needs");
            ksi_wanted_drop(&w);
        }
    }
    errno = saved;
}

void ksi_up_switch_before_fork(void)
{
    ksi_raw_lock(&switch_lock);
}

void ksi_up_switch_after_fork(bool child)
{
    if (!child) {
        ksi_raw_unlock(&switch_lock);
        return;
    }
    ksi_fetch_and(&ksi_diag, ~(uint32_t)KSI_DIAG_TRACE);
    ksi_trace_forget(ksl_tls.self);
    ksi_graph_forget();
    ksi_hang_after_fork();
    ksi_raw_reset(&switch_lock);
}
