/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Planted faults: each must be found in a child process within its time, by a
 * broken invariant, by the watchdog, or by a crash.
 */

#include "torture.h"

#include "platform/park.h"
#include "platform/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Unless the options say otherwise. A busy machine needs the time; what is found ends the
 * child. */
enum { CHILD_S = 25, HANG_S = 2 };
/* It may find a hang when its time is over. */
enum { GRACE_S = 3 };

/* The row that each fault concerns. */
static const char *const row_of[KSI_FAULT_COUNT] = {
    [KSI_FAULT_SPINLOCK_NO_MASK] = "spinlock",
    [KSI_FAULT_SPINLOCK_SAVE_EARLY] = "spinlock",
    [KSI_FAULT_SPINLOCK_NO_EXCLUSION] = "spinlock",
    [KSI_FAULT_MUTEX_NESTED_FREES] = "mutex",
    [KSI_FAULT_RWLOCK_WRITER_AMONG_READERS] = "rwlock",
    [KSI_FAULT_RWLOCK_READER_LOST] = "rwlock",
    [KSI_FAULT_RWSEM_BIAS_UNCHECKED] = "rwsem",
    [KSI_FAULT_COND_CHECK_EARLY] = "cond",
    [KSI_FAULT_COND_WAKE_ONE] = "cond",
    [KSI_FAULT_SLEEPQ_QUEUE_LATE] = "sleepq-lock",
    [KSI_FAULT_SLEEPQ_SPENT_WAKE] = "sleepq",
    [KSI_FAULT_BLOCK_FORGETS] = "block",
    [KSI_FAULT_IRQ_NO_RECHECK] = "irq",
    [KSI_FAULT_IRQ_RUNS_MASKED] = "irq",
    [KSI_FAULT_WAIT_MASKED] = "masked-sleep",
    [KSI_FAULT_PARK_DROPS_TOKEN] = "park",
    [KSI_FAULT_RW_MARK_LOST] = "sx",
    [KSI_FAULT_RW_ONE_READER] = "sx-meet",
    [KSI_FAULT_RW_LAST_SHARE_FORGETS] = "sx",
    [KSI_FAULT_RW_SHOWN_TWICE] = "sx",
    [KSI_FAULT_RW_NEAR_SHARE_FORGETS] = "sx",
    [KSI_FAULT_RW_ENTRY_STAYS] = "mutex",
    [KSI_FAULT_RW_NO_WAKE] = "sx",
    [KSI_FAULT_RW_QUEUES_BLIND] = "mutex",
    [KSI_FAULT_RW_CLAIM_FORGOTTEN] = "mtx",
    [KSI_FAULT_RW_CONVERTED_UNCOUNTED] = "sx",
    [KSI_FAULT_RW_SCAN_MISSES] = "sx",
    [KSI_FAULT_RW_SLOT_UNORDERED] = "sx",
    [KSI_FAULT_RW_GIVE_UP_FORGETS] = "sx-give-up",
    [KSI_FAULT_RW_DOWNGRADE_FREES] = "sx",
    [KSI_FAULT_RW_UPGRADE_UNCHECKED] = "sx",
    [KSI_FAULT_RW_ARMS_LATE] = "sx-new",
    [KSI_FAULT_CHANNEL_UNLOCKS_FIRST] = "sx-sleep",
    [KSI_FAULT_CHANNEL_WAKES_ONE] = "sx-sleep",
    [KSI_FAULT_MTX_SPIN_STAYS_MASKED] = "mtx-spin",
    [KSI_FAULT_STAX_WAKES_WITHOUT_GATE] = "stax",
    [KSI_FAULT_STAX_WAKES_ONE] = "stax-meet",
    [KSI_FAULT_STAX_MARK_STRIPPED] = "stax",
    [KSI_FAULT_STAX_E2] = "stax",
    [KSI_FAULT_STAX_E3] = "stax",
    [KSI_FAULT_STAX_E4] = "stax",
    [KSI_FAULT_STAX_E8] = "stax",
    [KSI_FAULT_STAX_BIAS_UNCHECKED] = "stax-bias",
    [KSI_FAULT_STAX_SCAN_MISSES] = "stax-bias",
    [KSI_FAULT_STAX_UNCOUNTED] = "stax-bias",
    [KSI_FAULT_STAX_ARMS_LATE] = "stax-bias",
    [KSI_FAULT_LEND_ONE_LEVEL] = "promotion-tree",
    [KSI_FAULT_LEND_KEPT] = "promotion-tree",
    [KSI_FAULT_LEND_STALE] = "promotion-tree",
    [KSI_FAULT_LEND_NOT_ADOPTED] = "promotion-tree",
    [KSI_FAULT_LEND_ENDS_ALL] = "promotion-tree",
    [KSI_FAULT_RW_TWO_UPGRADERS] = "complex-upgrade",
    [KSI_FAULT_SIMPLE_SPINS_ON_SELF] = "simple-self",
    [KSI_FAULT_SIMPLE_ENABLES_FIRST] = "simple-irq",
    [KSI_FAULT_COMPLEX_NESTED_FREES] = "complex",
    [KSI_FAULT_COMPLEX_FAILED_KEEPS] = "complex-upgrade",
    [KSI_FAULT_DRW_NESTED_WAITS] = "drw",
    [KSI_FAULT_EVENT_WAKES_ONE] = "events",
    [KSI_FAULT_LOCKL_COUNTS] = "lockl",
    [KSI_FAULT_RW_COMING_STAYS] = "mutex",
    [KSI_FAULT_WAIT_LEVEL_LOST] = "masked-sleep",
    [KSI_FAULT_MUTEX_DEPTH_STAYS] = "mutex",
    [KSI_FAULT_SPINLOCK_OPENS_FIRST] = "spinlock",
    [KSI_FAULT_RWLOCK_OPENS_FIRST] = "rwlock",
    [KSI_FAULT_MTX_SPIN_OPENS_FIRST] = "mtx-spin",
    [KSI_FAULT_CHANNEL_UNSPINS_FIRST] = "mtx-spin-sleep",
    [KSI_FAULT_CV_BROADCAST_ONE] = "cv",
    [KSI_FAULT_EVENTS_CLEARED_EARLY] = "events-post",
    [KSI_FAULT_RW_UPGRADE_SHY] = "sx-lone",
    [KSI_FAULT_RW_WRITTEN_LATE] = "last-out",
    [KSI_FAULT_COND_WRITTEN_LATE] = "cond-reuse",
    [KSI_FAULT_KSEM_LEAVER_UNMARKS] = "evl-destroy",
    [KSI_FAULT_CHANNEL_TICK_EARLY] = "tsleep",
    [KSI_FAULT_FLAG_RAISE_LOST] = "evl-flag",
    [KSI_FAULT_BROADCAST_ONE] = "ksem-broadcast",
    [KSI_FAULT_EVENT_ONE_LOST] = "aix-e-sleep",
    [KSI_FAULT_BLOCK_REASON_LOST] = "stanix-rest",
};

static int fault_by_name(const char *name)
{
    for (int i = KSI_FAULT_NONE + 1; i < KSI_FAULT_COUNT; i++) {
        if (strcmp(ksi_fault_name(i), name) == 0)
            return i;
    }
    return KSI_FAULT_NONE;
}

bool torture_has_row(int fault)
{
    return row_of[fault] != NULL;
}

/* The row that is wanted, else that of the fault; NULL if it has none. */
static const char *row_for(int fault, const struct options *o)
{
    return o->lock != NULL ? o->lock : row_of[fault];
}

bool torture_is_fault(const char *name)
{
    return fault_by_name(name) != KSI_FAULT_NONE;
}

/* In the child. False if there is no row for it. */
bool torture_plant(const char *fault, struct options *options)
{
    int i = fault_by_name(fault);
    if (row_for(i, options) == NULL)
        return false;
    options->lock = row_for(i, options);
    ksi_fault_planted = i;
    return true;
}

static double child_seconds(const struct options *o)
{
    return o->seconds > 0 ? o->seconds : CHILD_S;
}

static double child_hang(const struct options *o)
{
    return o->hang > 0 ? o->hang : HANG_S;
}

static void execute_child(const char *self, const char *fault, const struct options *o)
{
    char seed[32], threads[16], seconds[32], hang[32], rounds[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    snprintf(threads, sizeof threads, "%u", o->threads);
    snprintf(seconds, sizeof seconds, "%g", child_seconds(o));
    snprintf(hang, sizeof hang, "%g", child_hang(o));
    snprintf(rounds, sizeof rounds, "%llu", (unsigned long long)o->rounds);
    const char *words[24] = {
        "torture", "--plant",   fault,   "--seed", seed, "--threads",
        threads,   "--seconds", seconds, "--hang", hang,
    };
    unsigned n = 11;
    if (o->rounds > 0) {
        words[n++] = "--rounds";
        words[n++] = rounds;
    }
    if (o->lock != NULL) {
        words[n++] = "--lock";
        words[n++] = o->lock;
    }
    if (!o->inject)
        words[n++] = "--no-inject";
    if (o->strangers)
        words[n++] = "--strangers";
    execv(self, (char *const *)(uintptr_t)words);
}

static pid_t start_child(const char *self, const char *fault, const struct options *o,
                         int *out)
{
    int ends[2];
    if (pipe(ends) != 0)
        return -1;
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        execute_child(self, fault, o);
        _exit(2);
    }
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *out = ends[0];
    return child;
}

/* Output of the child, as much as fits; keeps the pipe from filling up. */
static void collect(int fd, char *text, size_t size)
{
    size_t used = strlen(text);
    char more[512];
    for (ssize_t n; (n = read(fd, more, sizeof more)) > 0;) {
        size_t room = size - 1 - used;
        size_t take = (size_t)n < room ? (size_t)n : room;
        memcpy(text + used, more, take);
        used += take;
        text[used] = '\0';
    }
}

/* What the child said when it found the fault, else how it ended. */
static const char *reason(char *text, int status, char *buffer, size_t size)
{
    char *line = strstr(text, "torture: FAIL");
    if (line != NULL) {
        line[strcspn(line, "\n")] = '\0';
        return line + strlen("torture: FAIL ");
    }
    if (WIFSIGNALED(status))
        snprintf(buffer, size, "crash: %s", strsignal(WTERMSIG(status)));
    else
        snprintf(buffer, size, "exit status %d", WEXITSTATUS(status));
    return buffer;
}

static bool killed(int fault, const struct options *o, const char *self)
{
    const char *name = ksi_fault_name(fault);
    uint64_t begin = ksi_host_now();
    double most = child_seconds(o) + child_hang(o) + GRACE_S;
    char text[4096] = "", buffer[64];
    int out = -1, status = 0;
    pid_t child = row_for(fault, o) != NULL ? start_child(self, name, o, &out) : -1;
    if (child < 0) {
        printf("busted %s: SURVIVED (no child or no row)\n", name);
        return false;
    }
    bool late = false;
    while (waitpid(child, &status, WNOHANG) == 0 && !late) {
        collect(out, text, sizeof text);
        torture_nap(10000);
        late = (double)(ksi_host_now() - begin) / 1e9 > most;
    }
    if (late) {
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    collect(out, text, sizeof text);
    close(out);
    double seconds = (double)(ksi_host_now() - begin) / 1e9;
    bool usage = WIFEXITED(status) && WEXITSTATUS(status) == 2;
    bool dead = !late && !usage && !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (dead)
        printf("busted %s: killed after %.1f s (%s)\n", name, seconds,
               reason(text, status, buffer, sizeof buffer));
    else
        printf("busted %s: SURVIVED %.1f s (seed %llu)\n", name, seconds,
               (unsigned long long)o->seed);
    fflush(stdout);
    return dead;
}

int torture_busted(const struct options *o, const char *self)
{
    if (TORTURE_TSAN) {
        printf("busted: skipped, the race detector stops a fault in its own way\n");
        return 77;
    }
    bool all = strcmp(o->busted, "all") == 0;
    if (!all && row_for(fault_by_name(o->busted), o) == NULL) {
        fprintf(stderr, "torture: no row finds the fault %s: --lock names one\n", o->busted);
        return 2;
    }
    bool survived = false;
    for (int i = KSI_FAULT_NONE + 1; i < KSI_FAULT_COUNT; i++) {
        if (all && row_for(i, o) == NULL)
            continue; /* tests/bugs finds it */
        if (all || strcmp(ksi_fault_name(i), o->busted) == 0)
            survived |= !killed(i, o, self);
    }
    return survived ? 1 : 0;
}
