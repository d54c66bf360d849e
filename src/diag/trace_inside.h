/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_TRACE_INSIDE_H
#define KSI_DIAG_TRACE_INSIDE_H

#include "diag/events.h"
#include "diag/trace.h"

/*
 * One event. Written by the thread of the ring, read by who writes the trace, maybe at
 * the same time.
 */
struct ksi_trace_entry {
    uint64_t when; /* atomic, as all of it */
    const void *lock;
    const void *site;
    uint64_t arg;
    uint64_t more;
    uint32_t what; /* type, kind and mode, one byte each */
    uint32_t name; /* see below */
};

/*
 * Positions count all events that the ring has ever been told, also those of threads
 * that had it before; an event stands at its position modulo the size.
 *
 * The thread announces an event in `begun`, fills the entry, and says so in `done`; all
 * of it in this order, by release. Who reads an entry and then finds that `begun` has
 * not come round to it has read it whole.
 */
struct ksi_ring {
    uint64_t begun; /* atomic */
    uint64_t done;  /* atomic */
    uint64_t first; /* of this thread; this and the next ones: lock of the table */
    ksl_thread *thread;
    uint64_t left; /* order in which threads exited, 0: it has not */
    int tid;
    uint32_t mask;
    char name[KSI_NAME_MAX]; /* once `thread` has another ring, or none */
    struct ksi_trace_entry entry[];
};

/* The rings as they were at one moment. */
struct ksi_trace_view {
    struct ksi_ring *ring;
    uint64_t first; /* position of its thread's first event */
    uint64_t end;   /* position after the last one */
    int tid;
    char name[KSI_NAME_MAX];
};

struct ksi_trace_state {
    uint64_t origin;   /* when the trace was switched on */
    uint64_t unstored; /* events for which there was no ring, or of rings given away */
    uint64_t unnamed;  /* locks for whose names there was no room */
    uint32_t size;     /* events of a ring */
    unsigned views;
};

enum { KSI_TRACE_RINGS = 1024 };

/* Fills room for KSI_TRACE_RINGS. */
void ksi_trace_look(struct ksi_trace_view *views, struct ksi_trace_state *state);

/* False: it has been overwritten. */
bool ksi_trace_read(const struct ksi_ring *r, uint64_t position, struct ksi_event *e,
                    uint32_t *name);

/* --- trace_names.c: what was at an address when ------------------------------------- */

struct ksi_trace_name {
    const void *lock;
    const void *site; /* of the call that began it, NULL: unknown */
    uint32_t kind;
    int class; /* of lock_alloc, -1: none */
    int occurrence;
    char text[48]; /* "": it carries no name */
};

void ksi_trace_names_forget(void);

/* The name of the lock of an event that is just being told; 0: none. */
uint32_t ksi_trace_name_of(const struct ksi_event *e);
const struct ksi_trace_name *ksi_trace_name(uint32_t n);
uint64_t ksi_trace_unnamed(void);

/* --- trace_write.c ------------------------------------------------------------------ */

/* Writes the trace to fd: 0, or a negative errno value. */
int ksi_trace_write(int fd);

#endif
