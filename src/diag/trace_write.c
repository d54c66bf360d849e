/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace: the events of all rings in the order of time. */

#define _GNU_SOURCE 1

#include "diag/trace_state.h"

#include "diag/print.h"
#include "diag/symbols.h"
#include "platform/host.h"
#include "platform/park.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

/* Rings that have an event, the earliest first. */
struct heap {
    struct ksi_track *at[KSI_TRACE_RINGS];
    unsigned n;
};

/*
 * Of events with one date those come first that others may be the consequence of: the
 * clock may be coarse.
 */
static unsigned rank(const struct ksi_event *e)
{
    switch (e->type) {
    case KSI_EV_WAKES:
    case KSI_EV_GIVEN:
        return 0;
    case KSI_EV_RESUMES:
    case KSI_EV_TAKEN:
        return 2;
    default:
        return 1;
    }
}

static bool earlier(const struct ksi_track *a, const struct ksi_track *b)
{
    if (a->next.when != b->next.when)
        return a->next.when < b->next.when;
    return rank(&a->next) < rank(&b->next);
}

static void sink_down(struct heap *h, unsigned i)
{
    for (;;) {
        unsigned least = i;
        for (unsigned child = 2 * i + 1; child <= 2 * i + 2 && child < h->n; child++) {
            if (earlier(h->at[child], h->at[least]))
                least = child;
        }
        if (least == i)
            return;
        struct ksi_track *k = h->at[i];
        h->at[i] = h->at[least];
        h->at[least] = k;
        i = least;
    }
}

/* Reads the event at its position, or the next one that is still there. */
static bool fetch(struct ksi_track *k)
{
    while (k->position < k->view.end) {
        if (ksi_trace_read(k->view.ring, k->position, &k->next, &k->next_name))
            return true;
        uint64_t kept = ksi_load_acq(&k->view.ring->begun) - k->view.ring->mask - 1;
        kept = kept < k->view.end ? kept : k->view.end;
        k->lost += kept - k->position;
        k->position = kept;
        ksi_track_gap(k);
    }
    return false;
}

static void put_name(struct ksi_trace_out *o, int pid, int tid, const char *what,
                     const char *name)
{
    ksi_trace_put(o, 'M', pid, tid, 0);
    ksi_trace_text(o, "name", what);
    ksi_trace_args(o);
    ksi_trace_text(o, "name", name);
    ksi_trace_done(o);
}

static void begin_track(struct ksi_trace_writer *w, struct ksi_track *k)
{
    uint64_t size = (uint64_t)k->view.ring->mask + 1;
    k->position = k->view.first;
    if (k->view.end - k->view.first > size)
        k->position = k->view.end - size;
    k->lost = k->position - k->view.first;
    put_name(&w->out, w->out.pid, k->view.tid, "thread_name", k->view.name);
}

static void tell_loss(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when)
{
    char text[64];
    snprintf(text, sizeof text, "%llu earlier events were overwritten",
             (unsigned long long)(k->lost - k->lost_told));
    ksi_trace_put(&w->out, 'i', w->out.pid, k->view.tid, when);
    ksi_trace_text(&w->out, "cat", "lost");
    ksi_trace_text(&w->out, "name", text);
    ksi_trace_args(&w->out);
    ksi_trace_number(&w->out, "lost", k->lost - k->lost_told);
    ksi_trace_done(&w->out);
    k->lost_told = k->lost;
}

/* When it happened; dates of a thread are made to differ, so that slices have a length.
 */
static uint64_t date_of(const struct ksi_trace_writer *w, struct ksi_track *k)
{
    uint64_t when = k->next.when;
    if (when <= k->time)
        when = k->time + 1;
    if (k->next.type == KSI_EV_RESUMES && k->next.more != 0) {
        const struct ksi_trace_flow *from = &w->flows[k->next.more % KSI_TRACE_FLOWS];
        if (from->number == k->next.more && when < from->when + 2)
            when = from->when + 2; /* the arrow goes forward */
    }
    k->time = when;
    return when;
}

/* Returns when the last one happened. */
static uint64_t merge(struct ksi_trace_writer *w, struct heap *h)
{
    uint64_t last = w->out.origin;
    for (unsigned i = 0; i < w->ntracks; i++) {
        if (fetch(&w->tracks[i]))
            h->at[h->n++] = &w->tracks[i];
    }
    for (unsigned i = h->n; i > 0; i--)
        sink_down(h, i - 1);
    while (h->n > 0) {
        struct ksi_track *k = h->at[0];
        uint64_t when = date_of(w, k);
        last = when > last ? when : last;
        if (k->lost > k->lost_told)
            tell_loss(w, k, when);
        ksi_track_event(w, k, &k->next, k->next_name, when);
        k->position++;
        if (!fetch(k))
            h->at[0] = h->at[--h->n];
        sink_down(h, 0);
    }
    return last;
}

static void warn(const struct ksi_trace_state *state, uint64_t lost)
{
    struct ksi_out out;
    ksi_out_begin(&out, STDERR_FILENO);
    if (lost > 0)
        ksi_out(
            &out,
            "kslock: trace: %llu events are not in the trace; a thread keeps its last "
            "%u, see KSLOCK_TRACE_EVENTS\n",
            (unsigned long long)lost, state->size);
    if (state->unnamed > 0)
        ksi_out(&out, "kslock: trace: there was no room for the names of %llu locks\n",
                (unsigned long long)state->unnamed);
    ksi_out_end(&out);
}

static int write_all(struct ksi_trace_writer *w, struct ksi_trace_view *views,
                     const struct ksi_trace_state *state, struct heap *h, int fd)
{
    uint64_t now = ksi_now();
    uint64_t lost = state->unstored;
    if (!ksi_trace_begin(&w->out, fd, state->origin))
        return -ENOMEM;
    put_name(&w->out, w->out.pid, w->out.pid, "process_name",
             program_invocation_short_name);
    put_name(&w->out, KSI_TRACE_LOCKS, KSI_TRACE_LOCKS, "process_name", "locks");
    w->ntracks = state->views;
    for (unsigned i = 0; i < w->ntracks; i++) {
        w->tracks[i].view = views[i];
        begin_track(w, &w->tracks[i]);
    }
    uint64_t end = merge(w, h);
    end = end >= now ? end + 1 : now;
    for (unsigned i = 0; i < w->ntracks; i++) {
        ksi_track_end(w, &w->tracks[i], end);
        lost += w->tracks[i].lost;
    }
    warn(state, lost);
    return ksi_trace_end(&w->out, state, lost);
}

int ksi_trace_write(int fd)
{
    int saved = errno;
    int cancel;
    int error = -ENOMEM;
    struct ksi_trace_state state;
    struct ksi_symbols symbols;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    struct ksi_trace_writer *w = ksi_pages(sizeof *w);
    if (w != NULL) {
        struct heap *h = ksi_trace_take(&w->out, sizeof *h);
        struct ksi_trace_view *views =
            ksi_trace_take(&w->out, KSI_TRACE_RINGS * sizeof *views);
        w->tracks = ksi_trace_take(&w->out, KSI_TRACE_RINGS * sizeof *w->tracks);
        w->flows = ksi_trace_take(&w->out, KSI_TRACE_FLOWS * sizeof *w->flows);
        if (!w->out.broken) {
            struct ksi_symbols *before = ksi_symbols_begin(&symbols);
            ksi_trace_look(views, &state);
            error = write_all(w, views, &state, h, fd);
            ksi_symbols_end(before);
        }
        ksi_trace_free(&w->out);
        ksi_pages_back(w, sizeof *w);
    }
    pthread_setcancelstate(cancel, NULL);
    errno = saved;
    return error;
}
