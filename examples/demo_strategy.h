/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_STRATEGY_H
#define DEMO_STRATEGY_H

/*
 * Bottom half of a disk driver, written as AIX kernel code. Callers put requests on a
 * queue and wait; the disk works on one at a time, and the interrupt handler completes
 * that and starts the next one.
 *
 *   lock  simple lock  queue, slots, registers of the disk; by disable_lock, handler too
 *   done  event        of each slot: its request is complete
 *   room  event        a slot is free
 *   idle  event        nothing is left on the queue or at the disk
 *
 * No header of a kernel here: the test bench includes those of others.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    STRATEGY_LEVEL = 6, /* of the disk's interrupt, see <kslock/irq.h>: INTCLASS2 */
    STRATEGY_SLOTS = 3  /* requests on the queue and at the disk */
};

struct strategy_request {
    unsigned sector;
    bool write;
    uint64_t data;
};

/* The disk; both are called with the lock, in threads and in the handler. */
struct strategy_port {
    /* Lets the disk begin; its interrupt tells the end. */
    void (*begin)(void *disk, const struct strategy_request *request);
    /* Moves the data. */
    void (*finish)(void *disk, struct strategy_request *request);
    void *disk;
};

struct strategy_stats {
    uint64_t queued;
    uint64_t completed;
    uint64_t lost;       /* left over at the end: must stay 0 */
    uint64_t interrupts; /* with a request at the disk */
    uint64_t stray;      /* without: must stay 0 */
    uint64_t sleeps;     /* waits for the end of a request */
    uint64_t room_waits; /* waits for a slot */
    uint64_t astray;     /* wrong interrupt priority, or lock not held: must stay 0 */
};

/*
 * careless: the handler forgets the first request. Once in a program.
 * Context: thread.
 */
void strategy_start(const struct strategy_port *port, bool careless);

/*
 * Queues the request and sleeps until it is complete. Returns 0, EIO if it was lost,
 * ENXIO after strategy_stop. Context: thread with all interrupts open, no lock held.
 */
int strategy(struct strategy_request *request);

/* The interrupt service routine. Context: handler. */
void strategy_interrupt(void);

/* Takes no more requests, waits for those there are, ends the lost. Context: thread. */
void strategy_stop(void);

/* After strategy_stop and the last strategy: copies the statistics, frees the lock. */
void strategy_end(struct strategy_stats *out);

#endif
