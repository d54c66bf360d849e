/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_GATE_H
#define DEMO_GATE_H

/*
 * A recorder of samples, written as EVL kernel code. An out-of-band interrupt ticks,
 * an out-of-band thread writes a sample for each tick, in-band threads read them.
 *
 *   ticks  ksem  counts the ticks that the recorder has not answered
 *   gate   stax  keeps the stages apart: only the recorder writes the ring, and while
 *                it does no in-band thread is inside; any number of those read together
 *
 * No header of a kernel here: the test bench includes those of others.
 */

#include <stdbool.h>
#include <stdint.h>

enum {
    GATE_RING = 4096, /* samples that are kept */
    GATE_NOTIFY = 4   /* samples between two notices to the readers */
};

/* What is measured; both are called out-of-band. */
struct gate_port {
    uint64_t (*measure)(void *device); /* a value that never becomes less */
    void (*notify)(void *device);
    void *device;
};

/* A reader of its own; begins zero-filled. */
struct gate_reader {
    uint64_t next; /* number of the sample that comes next */
    uint64_t read;
    uint64_t missed; /* were overwritten before */
    uint64_t torn;   /* samples seen half written: must stay 0 */
    uint64_t visits;
};

struct gate_stats {
    uint64_t ticks;
    uint64_t samples;
    uint64_t oob_waits; /* visits that had to wait for the other stage */
    uint64_t inband_waits;
    uint64_t meetings; /* visits that met the other stage: must stay 0 */
    uint64_t most;     /* in-band readers inside at a time */
};

/*
 * Starts the recorder and takes a first sample. careless: it leaves the gate in the
 * middle of that sample, until a reader has noticed. Returns 0, -EINVAL, -EAGAIN.
 * Context: thread.
 */
int gate_start(const struct gate_port *port, bool careless);

/* The interrupt service routine. Context: any. */
void gate_tick(void);

/* Looks at all samples that are kept. Context: in-band thread; may sleep. */
void gate_read(struct gate_reader *reader);

/* Answers the ticks that are left and sends the recorder home. Context: thread. */
void gate_stop(void);

/* After gate_stop and the last gate_read: copies the statistics, frees the locks. */
void gate_end(struct gate_stats *out);

#endif
