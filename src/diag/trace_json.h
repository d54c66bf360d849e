/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_TRACE_JSON_H
#define KSI_DIAG_TRACE_JSON_H

#include "diag/trace_inside.h"

/*
 * Trace events as chrome://tracing and the Perfetto UI read them: an object with the
 * array "traceEvents". Uses neither malloc nor stdio, whose locks the thread that is told
 * of may hold (diag/last_words.h).
 */
struct ksi_trace_out {
    int fd;
    int error; /* of write, negative */
    size_t used;
    char *room;
    struct ksi_trace_pages *pages; /* given back at the end */
    uint64_t origin;               /* time 0 */
    int pid;
    bool began;                         /* an event has been written */
    bool opened;                        /* the brace of args has just come */
    bool broken;                        /* no memory */
    struct ksi_trace_text *texts[1024]; /* of places and locks, as they are needed */
};

/* The rows of locks are threads of a process that cannot exist, nor can they. */
enum { KSI_TRACE_LOCKS = (1 << 22) + 1 };

/* False: errno says why. */
bool ksi_trace_begin(struct ksi_trace_out *o, int fd, uint64_t origin);
/* Zeroed memory until then; NULL: there is none, and o is broken. */
void *ksi_trace_take(struct ksi_trace_out *o, size_t n);
/* 0 or a negative errno value. */
int ksi_trace_end(struct ksi_trace_out *o, const struct ksi_trace_state *state,
                  uint64_t lost);
void ksi_trace_free(struct ksi_trace_out *o); /* all that was taken */

/* An event: begins with ph, pid, tid and ts; then come fields, args, args' fields. */
void ksi_trace_put(struct ksi_trace_out *o, char ph, int pid, int tid, uint64_t when);
void ksi_trace_text(struct ksi_trace_out *o, const char *key, const char *text);
void ksi_trace_number(struct ksi_trace_out *o, const char *key, uint64_t n);
void ksi_trace_address(struct ksi_trace_out *o, const char *key, const void *p);
void ksi_trace_span(struct ksi_trace_out *o, uint64_t begin, uint64_t end); /* dur */
void ksi_trace_args(struct ksi_trace_out *o);
void ksi_trace_done(struct ksi_trace_out *o);

/* "sx proc tree", "mutex table (0x...)"; of a place as reports have it. They stay valid.
 */
const char *ksi_trace_lock_text(struct ksi_trace_out *o, uint32_t name,
                                enum ksi_kind kind, const void *lock);
const char *ksi_trace_site_text(struct ksi_trace_out *o, const void *site);

#endif
