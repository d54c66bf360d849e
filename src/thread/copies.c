/* SPDX-License-Identifier: BSD-2-Clause */
/* Two copies of the library in one process are found, and told. */

#define _GNU_SOURCE 1

#include "thread/copies.h"

#include "platform/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The mark is a mapping with a name, in the host's list of the mappings of this process:
 * link namespaces do not hide it, fork hands it on, exec drops it. Where the host does
 * not let us make or list mappings, copies are not found.
 *
 * Between two copies that come at the same time: each makes its mark, then takes a signal
 * for its dispatcher, then looks whether another real-time signal is taken. The one that
 * takes its signal later sees that of the other one, whose mark is there by then.
 */
static const char mark[] = "kslock-copy";

enum { MARK_BYTES = 4096, LINE_MAX_ = 512 };

void ksi_copies_mark(void)
{
#if defined(SYS_memfd_create)
    int fd = (int)syscall(SYS_memfd_create, mark, 1u /* close on exec */);
    if (fd < 0)
        return;
    /* It stays when the file is closed. */
    (void)mmap(NULL, MARK_BYTES, PROT_NONE, MAP_PRIVATE, fd, 0);
    close(fd);
#endif
}

/* Some real-time signal is taken by another handler than one copy's alone. */
static bool others_take_signals(void)
{
    unsigned taken = 0;
    for (int signo = SIGRTMIN; signo <= SIGRTMAX; signo++) {
        struct sigaction action;
        if (sigaction(signo, NULL, &action) == 0 &&
            ((action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_DFL))
            taken++;
    }
    return taken > 1;
}

/* Lines of the host's list that have the mark; reads it piece by piece. */
static unsigned count_marks(int fd)
{
    char text[LINE_MAX_];
    unsigned marks = 0;
    size_t have = 0;
    const size_t overlap = sizeof mark - 2; /* what may be the beginning of a mark */
    for (ssize_t n; (n = read(fd, text + have, sizeof text - have)) > 0;) {
        have += (size_t)n;
        for (size_t i = 0; i + sizeof mark - 1 <= have; i++)
            marks += memcmp(text + i, mark, sizeof mark - 1) == 0;
        size_t keep = have < overlap ? have : overlap;
        memmove(text, text + have - keep, keep);
        have = keep;
    }
    return marks;
}

void ksi_copies_look(void)
{
    static const char text[] =
        "kslock: report: this process has two copies of the library (by dlmopen, or one "
        "linked statically beside the shared one); a lock may be used with one of them "
        "only\n";
    if (!others_take_signals() || KSI_FAULT(COPIES_UNNOTICED))
        return;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    unsigned marks = count_marks(fd);
    close(fd);
    if (marks > 1) {
        ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);
        (void)written; /* nobody listens */
    }
}
