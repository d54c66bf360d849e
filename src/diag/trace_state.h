/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_TRACE_STATE_H
#define KSI_DIAG_TRACE_STATE_H

#include "diag/trace_json.h"

/*
 * What the threads do while their events are read in the order of time. A slice is
 * written when its end is known, so none is written whose beginning has been lost; the
 * ends of those that go on at the end of the trace are there, and they say "open".
 */

/* A lock as events have it. */
struct ksi_trace_what {
    const void *lock;
    const void *site;
    enum ksi_kind kind;
    enum ksi_mode mode;
    uint32_t name;
};

/* The thread itself, or a handler that runs on it. */
struct ksi_trace_frame {
    struct ksi_trace_what want;  /* of the last BEFORE */
    struct ksi_trace_what sleep; /* what it parks for */
    uint64_t began;              /* of a handler */
    uint64_t since;              /* CONTENDED */
    uint64_t last;               /* its latest sign of the attempt */
    uint64_t slept;
    uint64_t pauses;
    unsigned irq;
    bool attempt;
    bool contended;
    bool asleep;
};

/* A lock that it holds; shown in a row. */
struct ksi_trace_hold {
    struct ksi_trace_what what;
    uint64_t since;
    uint64_t again;
    struct ksi_trace_row *row;
};

enum { KSI_TRACE_FRAMES = 20 };

/* The events of one ring. */
struct ksi_track {
    struct ksi_trace_view view;
    uint64_t position; /* of `next`; view.end: no more */
    struct ksi_event next;
    uint32_t next_name;
    uint64_t
        time; /* of its event before, which is a little late if several had one date */
    uint64_t lost;
    uint64_t lost_told;
    uint64_t woke_at; /* a wake-up whose slice ends with the next event, 0: none */
    int woke;
    unsigned depth; /* frames beyond the first */
    unsigned too_deep;
    struct ksi_trace_frame frame[KSI_TRACE_FRAMES];
    struct ksi_trace_hold *holds;
    unsigned nholds;
    unsigned room;
};

/* A line of slices that do not overlap: holds of one lock. */
struct ksi_trace_row {
    struct ksi_trace_row *next;
    struct ksi_trace_row *all;
    const void *lock;
    uint32_t name;
    bool busy;
    uint64_t end;
    int number; /* the tid that it has */
};

/* A wake-up that nobody has resumed by yet. */
struct ksi_trace_flow {
    uint64_t number;
    uint64_t when;
    int tid;
};

enum { KSI_TRACE_ROW_CHAINS = 4096, KSI_TRACE_FLOWS = 1 << 16 };

struct ksi_trace_writer {
    struct ksi_trace_out out;
    struct ksi_track *tracks;
    unsigned ntracks;
    struct ksi_trace_row *chains[KSI_TRACE_ROW_CHAINS];
    struct ksi_trace_row *rows;
    int nrows;
    struct ksi_trace_flow *flows; /* by number, modulo KSI_TRACE_FLOWS */
};

/* One event of k at `when`. */
void ksi_track_event(struct ksi_trace_writer *w, struct ksi_track *k,
                     const struct ksi_event *e, uint32_t name, uint64_t when);
/* Some of its events are missing from here on. */
void ksi_track_gap(struct ksi_track *k);
/* The end of the trace. */
void ksi_track_end(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when);

/* --- trace_holds.c ------------------------------------------------------------------ */

void ksi_track_taken(struct ksi_trace_writer *w, struct ksi_track *k,
                     const struct ksi_trace_what *what, uint64_t when);
void ksi_track_again(struct ksi_track *k, const void *lock);
void ksi_track_given(struct ksi_trace_writer *w, struct ksi_track *k, const void *lock,
                     uint64_t when);
void ksi_track_turned(struct ksi_trace_writer *w, struct ksi_track *k, const void *lock,
                      enum ksi_mode mode, uint64_t when);
/* The lock is gone: whoever still held it does no more. */
void ksi_trace_ended(struct ksi_trace_writer *w, const void *lock, uint64_t when);
void ksi_track_drop_holds(struct ksi_track *k);
void ksi_track_open_holds(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when);

#endif
