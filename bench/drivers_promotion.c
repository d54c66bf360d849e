/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "drivers.h"
#include "gang.h"

#include <kslock/thread.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_LINKS = 64,
    STEP = 7, /* between the priorities of two threads */
    MOST_URGENT = 99
};

static void promoted_body(struct gang *g, struct mixer *m)
{
    size_t i = (size_t)(m - g->mixers);
    (void)ksl_thread_set_priority(ksl_thread_self(), (int)(i * STEP % MOST_URGENT) + 1);
    g->adapter->load(m);
}

void drive_promoted(const struct adapter *a, const struct load *l, double seconds,
                    struct sample *s)
{
    struct gang g = {.adapter = a,
                     .body = promoted_body,
                     .threads = l->threads,
                     .processors = l->processors,
                     .seconds = seconds};
    gang_prepare(&g, l->inside_ns, l->outside_ns, 0, false);
    run_gang(&g);
    double n = gang_operations(&g);
    n = n < 1 ? 1 : n;
    s->ns = g.ns / n;
    s->cpu_ns = g.cpu_ns / n;
    s->fairness = gang_fairness(&g);
    s->voluntary = g.voluntary / g.ns * 1e9;
    s->involuntary = g.involuntary / g.ns * 1e9;
}

/* A thread that holds lock i and waits for lock i - 1. */
struct link {
    const struct objects *objects;
    void *own;
    void *before;
    int priority;
    int id;       /* atomic; 0 until it is about to wait */
    uint64_t end; /* when it had given both back */
} __attribute__((aligned(128)));

static void *stand_in_chain(void *arg)
{
    struct link *link = arg;
    (void)ksl_thread_set_priority(ksl_thread_self(), link->priority);
    link->objects->take(link->own);
    __atomic_store_n(&link->id, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    link->objects->take(link->before);
    link->objects->give(link->before);
    link->objects->give(link->own);
    link->end = now_ns();
    return NULL;
}

/* Until the kernel says that the thread sleeps, which works for all peers. */
static void wait_asleep(const struct link *link)
{
    char path[64];
    char text[256];
    int id;
    while ((id = __atomic_load_n(&link->id, __ATOMIC_ACQUIRE)) == 0)
        sched_yield();
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
    for (;;) {
        int fd = open(path, O_RDONLY);
        ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
        if (fd >= 0)
            close(fd);
        if (n <= 0)
            return; /* no such file here: nothing better than to go on */
        text[n] = '\0';
        const char *state = strrchr(text, ')');
        if (state != NULL && state[1] == ' ' && state[2] == 'S')
            return;
        sched_yield();
    }
}

void drive_chain(const struct adapter *a, const struct load *l, double seconds,
                 struct sample *s)
{
    const struct objects *o = a->objects;
    size_t links = l->many < MAX_LINKS ? l->many : MAX_LINKS;
    size_t stride = (o->size + 127) / 128 * 128;
    char *locks = aligned_alloc(128, stride * (links + 1));
    struct link *link = aligned_alloc(128, links * sizeof *link);
    pthread_t threads[MAX_LINKS];
    (void)seconds;
    if (locks == NULL || link == NULL)
        abort();
    memset(locks, 0, stride * (links + 1));
    for (size_t i = 0; i <= links && o->init != NULL; i++)
        o->init(locks + i * stride);
    o->take(locks);
    for (size_t i = 0; i < links; i++) {
        link[i] = (struct link){.objects = o,
                                .own = locks + (i + 1) * stride,
                                .before = locks + i * stride,
                                .priority = (int)(i + 1)};
        threads[i] = start_thread(stand_in_chain, &link[i]);
        wait_asleep(&link[i]);
    }
    uint64_t begin = now_ns();
    o->give(locks);
    for (size_t i = 0; i < links; i++)
        pthread_join(threads[i], NULL);
    s->ns = (double)(link[links - 1].end - begin) / (double)links;
    s->cpu_ns = s->ns;
    free(locks);
    free(link);
}
