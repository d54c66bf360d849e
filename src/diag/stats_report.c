/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: the switch, and when reports are made. */

#include "diag/hooks.h"
#include "diag/stats_count.h"
#include "diag/stats_view.h"
#include "diag/symbols.h"
#include "platform/host.h"
#include "platform/ticks.h"
#include "thread/irq.h"
#include "thread/thread.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int exit_fd = -1; /* atomic, as are the next ones */
static int exit_format = KSL_STATS_TEXT;
static int exit_pid; /* of the process that reports when it exits, 0: none */

bool ksi_stats_enable(void)
{
    if ((ksi_load(&ksi_diag) & KSI_DIAG_STATS) != 0)
        return true;
    if (!ksi_stats_classes_make() || !ksi_stats_stacks_make() || !ksi_stats_past_make())
        return false;
    ksi_ticks_begin();
    ksi_store(&ksi_stats_started, ksi_ticks());
    ksi_stats_sink = ksi_stats_event;
    return true;
}

void ksi_stats_at_exit(int fd, int format)
{
    bool ours = ksi_load(&exit_pid) == (int)getpid();
    if (fd >= 0 || !ours) { /* a file of the parent's is not ours */
        int old = ksi_load(&exit_fd);
        ksi_store(&exit_fd, fd);
        ksi_store(&exit_format, format);
        if (old >= 0)
            close(old);
    }
    ksi_store(&exit_pid, (int)getpid());
}

int ksi_stats_format_of(const char *file)
{
    size_t n = strlen(file);
    if (n > 5 && strcmp(file + n - 5, ".json") == 0)
        return KSL_STATS_JSON;
    return n > 4 && strcmp(file + n - 4, ".csv") == 0 ? KSL_STATS_CSV : KSL_STATS_TEXT;
}

/* False: no memory. */
static bool report(int fd, int format)
{
    struct ksi_stats_view v;
    struct ksi_symbols symbols;
    struct ksi_out out;
    if (!ksi_stats_view_make(&v))
        return false;
    int cancel = ksi_cancel_off();
    struct ksi_symbols *before = ksi_symbols_begin(&symbols);
    ksi_out_begin(&out, fd);
    if (format == KSL_STATS_JSON)
        ksi_stats_json(&out, &v);
    else if (format == KSL_STATS_CSV)
        ksi_stats_csv(&out, &v);
    else
        ksi_stats_text(&out, &v);
    ksi_out_end(&out);
    ksi_symbols_end(before);
    ksi_cancel_back(cancel);
    ksi_stats_view_end(&v);
    return true;
}

int ksl_diag_stats(int fd, int format)
{
    int saved = errno;
    int error = 0;
    if ((ksi_load_acq(&ksi_diag) & KSI_DIAG_STATS) == 0 || format < KSL_STATS_TEXT ||
        format > KSL_STATS_JSON || ksi_self()->handlers > 0)
        error = -EINVAL;
    else if (!report(fd, format))
        error = -ENOMEM;
    errno = saved;
    return error;
}

void ksi_stats_write_at_exit(void)
{
    int saved = errno;
    int fd = ksi_load(&exit_fd);
    int format = ksi_load(&exit_format);
    if ((ksi_load_acq(&ksi_diag) & KSI_DIAG_STATS) == 0 ||
        ksi_load(&exit_pid) != ksi_report_pid())
        return;
    if (fd < 0) {
        fd = ksi_diag_fd();
        format = KSL_STATS_TEXT;
    } else if (ftruncate(fd, 0) == 0) {
        (void)lseek(fd, 0, SEEK_SET); /* a pipe has neither */
    }
    (void)report(fd, format);
    errno = saved;
}

void ksi_stats_before_fork(void)
{
    ksi_stats_class_before_fork();
    ksi_stats_stacks_before_fork();
    ksi_stats_past_before_fork();
    ksi_stats_readers_before_fork();
}

void ksi_stats_after_fork(bool child)
{
    ksi_stats_readers_after_fork(child);
    ksi_stats_past_after_fork(child);
    ksi_stats_stacks_after_fork(child);
    ksi_stats_class_after_fork(child);
    if (!child || (ksi_load(&ksi_diag) & KSI_DIAG_STATS) == 0)
        return;
    ksi_store(&ksi_stats_life, ksi_load(&ksi_stats_life) + 1);
    ksi_store(&ksi_stats_unrecorded, (uint64_t)0);
    ksi_store(&ksi_stats_started, ksi_ticks());
}
