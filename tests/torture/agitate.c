/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rarer and larger disturbances, by the director: threads that come and go, workers that
 * end and begin anew, forks, pauses of all, other processors.
 */

#define _GNU_SOURCE 1

#include "torture.h"

#include "../bugs/locks.h"
#include "platform/park.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each kind of lock once, of the caller's own. False: one of them did not work. */
static bool use_all_kinds(void)
{
    bool works = true;
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        struct lock_memory memory;
        memset(&memory, 0, sizeof memory);
        k->begin(&memory);
        works &= k->take(&memory) == 0;
        works &= k->give(&memory) == 0;
        if (k->share != NULL)
            works &= k->share(&memory) == 0 && k->unshare(&memory) == 0;
        k->end(&memory);
    }
    return works;
}

/* A thread that comes, uses the library, and goes, in the midst of a round. */
static void *guest(void *arg)
{
    torture_me = arg; /* interrupts for anybody may come here */
    if (!use_all_kinds())
        torture_fail("a guest's own lock did not work");
    return NULL;
}

static void invite(struct party *me)
{
    struct party g = {.index = me->index};
    g.rng = torture_next(&me->inject_rng) | 1;
    g.inject_rng = torture_next(&me->inject_rng) | 1;
    if (pthread_create(&g.pthread, NULL, guest, &g) != 0)
        return; /* the host has no room now */
    pthread_join(g.pthread, NULL);
    ADD(&me->interrupts, g.interrupts);
    torture.guests++;
}

/* The child is alone with what the others left behind, and has locks of its own. */
static void child_of_fork(void)
{
    enum { CHILD_S = 8 };
    torture_inject_end();
    alarm(CHILD_S);
    _exit(use_all_kinds() ? 0 : 1);
}

static void fork_once(void)
{
    int status = 0;
    if (TORTURE_TSAN) /* it ends children of processes with threads */
        return;
    pid_t child = fork();
    if (child == 0)
        child_of_fork();
    if (child < 0)
        return; /* the host has no room now */
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        torture_fail("a child of fork hangs");
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        torture_fail("a child of fork ended with status %#x", (unsigned)status);
    torture.forks++;
}

/* All workers stop at their next point, and go on later. */
static void pause_all(struct party *me)
{
    STORE(&torture.paused, 1u);
    torture_nap(500 + (unsigned)(torture_next(&me->inject_rng) % 3000));
    STORE(&torture.paused, 0u);
    torture.pauses++;
}

void torture_stop_if_paused(void)
{
    enum { MOST = 100, NAP_US = 100 };
    for (unsigned i = 0; LOAD(&torture.paused) != 0 && i < MOST; i++)
        torture_nap(NAP_US);
}

static cpu_set_t allowed; /* of the process, when it began */

void torture_processors(void)
{
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        CPU_ZERO(&allowed);
}

/* A worker goes to one processor, or back to all of them. */
static void move(struct party *me)
{
    unsigned target = (unsigned)(torture_next(&me->inject_rng) % torture.threads);
    unsigned count = (unsigned)CPU_COUNT(&allowed);
    cpu_set_t set = allowed;
    if (count < 2)
        return;
    unsigned choice = (unsigned)(torture_next(&me->inject_rng) % (2 * count));
    if (choice < count) {
        CPU_ZERO(&set);
        for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
            if (CPU_ISSET(cpu, &allowed) && choice-- == 0)
                CPU_SET(cpu, &set);
        }
    }
    if (pthread_setaffinity_np(torture.parties[target].pthread, sizeof set, &set) == 0)
        torture.moves++;
}

/* An interrupt for anybody, some time later, unless one is under way. */
static void set_timer(struct party *me)
{
    unsigned none = 0;
    if (!__atomic_compare_exchange_n(&torture.any_credit, &none, 1u, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return;
    int error =
        ksl_irq_timer(TORTURE_IRQ_ANY, 1 + torture_next(&me->inject_rng) % 1000000, 0);
    if (error != 0)
        torture_fail("timer: %d", error);
}

/* The whole dump, in which each of the workers has its line. */
static bool is_complete(const char *text)
{
    static const char end[] = "kslock: end of the threads\n";
    size_t length = strlen(text);
    unsigned workers = 0;
    for (const char *at = text; (at = strstr(at, ", interrupt level ")) != NULL; at++)
        workers++;
    return workers >= torture.threads && length > sizeof end &&
           strcmp(text + length - (sizeof end - 1), end) == 0;
}

/* Beside workers that take, give, queue and sleep meanwhile. */
static void dump(void)
{
    int fd = memfd_create("torture", 0);
    if (fd < 0)
        return; /* the host has no room now */
    ksl_diag_dump(fd);
    off_t size = lseek(fd, 0, SEEK_CUR);
    char *text = size > 0 ? calloc(1, (size_t)size + 1) : NULL;
    if (size <= 0 || (text != NULL &&
                      (pread(fd, text, (size_t)size, 0) != size || !is_complete(text))))
        torture_fail("a dump of %ld bytes is not complete", (long)size);
    free(text);
    close(fd);
}

void torture_upset(struct party *me)
{
    if (torture.options->plant != NULL)
        return; /* planted faults want rounds, as many as there is time for */
    switch (torture_next(&me->inject_rng) % 256) {
    case 0:
    case 1:
        invite(me);
        break;
    case 2:
        fork_once();
        break;
    case 3:
        pause_all(me);
        break;
    case 4:
    case 5:
        move(me);
        break;
    case 6:
    case 7:
        set_timer(me);
        break;
    case 8:
        dump();
        break;
    default:
        break;
    }
}

/* A thread that wakes all sleepers all the time, as late wake-ups of dead objects would.
 */
static int stranger_stops; /* atomic */

static void *wake_for_ever(void *unused)
{
    (void)unused;
    while (LOAD(&stranger_stops) == 0) {
        torture_wake_strangely();
        torture_nap(20);
    }
    return NULL;
}

static pthread_t stranger;

void torture_stranger_begin(void)
{
    STORE(&stranger_stops, 0);
    if (pthread_create(&stranger, NULL, wake_for_ever, NULL) != 0)
        torture_fail("no stranger");
}

void torture_stranger_end(void)
{
    STORE(&stranger_stops, 1);
    pthread_join(stranger, NULL);
}
