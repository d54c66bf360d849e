/* SPDX-License-Identifier: BSD-2-Clause */

#include "demo_disk.h"

#include "demo_strategy.h"

#include <kslock/irq.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

enum { DISK_IRQ = 8, CLIENTS = 5, SECTORS = 16 /* of a client */ };

static const uint64_t service = 200000; /* ns that the disk works on a request */

struct client {
    pthread_t thread;
    unsigned first; /* sector */
    uint64_t requests;
    uint64_t lost;
    uint64_t different; /* sectors read otherwise than written: must stay 0 */
    uint64_t back;      /* requests after which all interrupts were open */
};

static struct {
    struct chardev *dev;
    /* The lock of the bottom half guards these three. */
    uint64_t sector[CLIENTS * SECTORS];
    bool busy;
    uint64_t overlaps; /* begun while busy, finished while not: must stay 0 */
    sem_t served;      /* posted by each client after its first round */
    unsigned clients;
    struct client client[CLIENTS];
    struct strategy_stats stats;
} disk;

static void begin(void *arg, const struct strategy_request *request)
{
    (void)arg;
    (void)request;
    disk.overlaps += disk.busy;
    disk.busy = true;
    (void)ksl_irq_timer(DISK_IRQ, service, 0);
}

static void finish(void *arg, struct strategy_request *request)
{
    (void)arg;
    disk.overlaps += !disk.busy;
    disk.busy = false;
    if (request->write)
        disk.sector[request->sector] = request->data;
    else
        request->data = disk.sector[request->sector];
}

static void disk_irq(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    strategy_interrupt();
}

/* One request; false: the last one. */
static bool make_request(struct client *c, struct strategy_request *request)
{
    int error = strategy(request);
    c->requests += error != ENXIO;
    c->back += error != ENXIO && ksl_irq_enabled();
    c->lost += error == EIO;
    return error == 0;
}

/* Writes a sector and reads it back. */
static bool make_round(struct client *c, uint64_t round)
{
    unsigned sector = c->first + (unsigned)(round % SECTORS);
    uint64_t value = round << 32 ^ chardev_progress(disk.dev);
    struct strategy_request out = {sector, true, value};
    struct strategy_request in = {sector, false, 0};
    if (!make_request(c, &out) || !make_request(c, &in))
        return false;
    c->different += in.data != value;
    return true;
}

static void *client_thread(void *arg)
{
    struct client *c = arg;
    for (uint64_t round = 0; make_round(c, round); round++) {
        if (round == 0)
            (void)sem_post(&disk.served);
    }
    return NULL;
}

static int start_clients(void)
{
    for (disk.clients = 0; disk.clients < CLIENTS; disk.clients++) {
        struct client *c = &disk.client[disk.clients];
        c->first = disk.clients * SECTORS;
        int error = pthread_create(&c->thread, NULL, client_thread, c);
        if (error != 0)
            return -error;
    }
    return 0;
}

static void end(void)
{
    strategy_stop();
    for (unsigned i = 0; i < disk.clients; i++)
        (void)pthread_join(disk.client[i].thread, NULL);
    (void)ksl_irq_timer(DISK_IRQ, 0, 0);
    (void)ksl_irq_free(DISK_IRQ);
    (void)sem_destroy(&disk.served);
    strategy_end(&disk.stats);
}

int disk_start(struct chardev *dev, bool careless)
{
    struct strategy_port port = {begin, finish, NULL};
    disk.dev = dev;
    int error =
        ksl_irq_request(DISK_IRQ, KSL_STAGE_INBAND, STRATEGY_LEVEL, disk_irq, NULL);
    if (error != 0)
        return error;
    (void)sem_init(&disk.served, 0, 0);
    strategy_start(&port, careless);
    error = start_clients();
    if (error != 0)
        end();
    return error;
}

void disk_stop(void)
{
    /* Not the last one: a careless handler forgets a request. */
    for (unsigned i = 1; i < CLIENTS; i++) {
        while (sem_wait(&disk.served) != 0) {
        }
    }
    end();
}

/* All clients together. */
static struct client sum(void)
{
    struct client all = {.requests = 0};
    for (unsigned i = 0; i < CLIENTS; i++) {
        const struct client *c = &disk.client[i];
        all.requests += c->requests;
        all.lost += c->lost;
        all.different += c->different;
        all.back += c->back;
    }
    return all;
}

void disk_print(void)
{
    const struct strategy_stats *s = &disk.stats;
    printf("disk        %" PRIu64 " requests queued by %d threads, %" PRIu64
           " completed, %" PRIu64 " lost\n",
           s->queued, CLIENTS, s->completed, s->lost);
    printf("strategy    %" PRIu64 " sleeps until the interrupt, %" PRIu64
           " for a slot; back at INTBASE %" PRIu64 " times\n",
           s->sleeps, s->room_waits, sum().back);
}

bool disk_good(void)
{
    const struct strategy_stats *s = &disk.stats;
    struct client all = sum();
    bool complete = s->completed > 0 && s->queued == s->completed && s->lost == 0 &&
                    all.lost == 0 && all.requests == s->queued;
    bool right = all.different == 0 && disk.overlaps == 0 && s->stray == 0 &&
                 s->interrupts == s->completed;
    bool levels = s->astray == 0 && all.back == all.requests;
    if (!complete)
        fprintf(stderr,
                "demo: disk requests lost: %" PRIu64 " of %" PRIu64 ", %" PRIu64
                " completed\n",
                s->lost, s->queued, s->completed);
    else if (!right)
        fprintf(stderr,
                "demo: %" PRIu64 " sectors differ, %" PRIu64 " requests overlap, %" PRIu64
                " interrupts for nothing\n",
                all.different, disk.overlaps, s->stray);
    if (!levels)
        fprintf(stderr,
                "demo: interrupt priority not back at INTBASE: %" PRIu64
                " times, wrong with the lock: %" PRIu64 "\n",
                all.requests - all.back, s->astray);
    return complete && right && levels;
}
