/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Trace: holds. Each lock has a row in which those who hold it follow each other, and
 * another row for each share beside the first.
 */

#include "diag/trace_state.h"

#include <stdio.h>
#include <string.h>

/* Another thread than the one that took it may give it back. */
static bool is_shared_property(enum ksi_kind kind)
{
    return kind == KSI_RWLOCK || kind == KSI_STAX;
}

static struct ksi_trace_row *row_for(struct ksi_trace_writer *w,
                                     const struct ksi_trace_what *what, uint64_t when)
{
    uint64_t mixed = ((uint64_t)(uintptr_t)what->lock + what->name) * 0x9e3779b97f4a7c15u;
    struct ksi_trace_row **chain = &w->chains[mixed >> 52];
    struct ksi_trace_row *row = *chain;
    while (row != NULL && (row->lock != what->lock || row->name != what->name ||
                           row->busy || row->end > when))
        row = row->next;
    if (row != NULL)
        return row;
    row = ksi_trace_take(&w->out, sizeof *row);
    if (row == NULL)
        return NULL;
    row->lock = what->lock;
    row->name = what->name;
    row->number = KSI_TRACE_LOCKS + ++w->nrows;
    row->next = *chain;
    row->all = w->rows;
    *chain = row;
    w->rows = row;
    const char *text = ksi_trace_lock_text(&w->out, what->name, what->kind, what->lock);
    ksi_trace_put(&w->out, 'M', KSI_TRACE_LOCKS, row->number, 0);
    ksi_trace_text(&w->out, "name", "thread_name");
    ksi_trace_args(&w->out);
    ksi_trace_text(&w->out, "name", text);
    ksi_trace_done(&w->out);
    return row;
}

static void put_hold(struct ksi_trace_writer *w, const struct ksi_track *k,
                     const struct ksi_trace_hold *h, uint64_t when, const char *end,
                     int by)
{
    struct ksi_trace_out *o = &w->out;
    bool shared = h->what.mode == KSI_SHARED;
    char holder[64];
    if (h->row == NULL)
        return;
    snprintf(holder, sizeof holder, "%s (%d)%s", k->view.name, k->view.tid,
             shared ? ", shared" : "");
    ksi_trace_put(o, 'X', KSI_TRACE_LOCKS, h->row->number, h->since);
    ksi_trace_span(o, h->since, when);
    ksi_trace_text(o, "cat", "hold");
    ksi_trace_text(o, "name", holder);
    ksi_trace_args(o);
    ksi_trace_number(o, "thread", (uint64_t)k->view.tid);
    ksi_trace_text(o, "mode", shared ? "shared" : "exclusive");
    ksi_trace_address(o, "lock", h->what.lock);
    ksi_trace_text(o, "taken at", ksi_trace_site_text(o, h->what.site));
    if (h->again > 0)
        ksi_trace_number(o, "again", h->again);
    if (by != 0)
        ksi_trace_number(o, "given back by", (uint64_t)by);
    if (end != NULL)
        ksi_trace_text(o, "end", end);
    ksi_trace_done(o);
    h->row->end = when;
    h->row->busy = false;
}

static void remove_hold(struct ksi_track *k, unsigned at)
{
    k->nholds--;
    for (unsigned i = at; i < k->nholds; i++)
        k->holds[i] = k->holds[i + 1];
}

void ksi_track_taken(struct ksi_trace_writer *w, struct ksi_track *k,
                     const struct ksi_trace_what *what, uint64_t when)
{
    if (k->nholds == k->room) {
        unsigned room = k->room == 0 ? 16 : k->room * 2;
        struct ksi_trace_hold *more = ksi_trace_take(&w->out, room * sizeof *more);
        if (more == NULL)
            return;
        if (k->nholds > 0)
            memcpy(more, k->holds, k->nholds * sizeof *more);
        k->holds = more;
        k->room = room;
    }
    struct ksi_trace_hold *h = &k->holds[k->nholds++];
    *h = (struct ksi_trace_hold){.what = *what, .since = when};
    h->row = row_for(w, what, when);
    if (h->row != NULL)
        h->row->busy = true;
}

/* The newest hold of that lock; -1: none. */
static int find_hold(const struct ksi_track *k, const void *lock)
{
    for (unsigned i = k->nholds; i > 0; i--) {
        if (k->holds[i - 1].what.lock == lock)
            return (int)i - 1;
    }
    return -1;
}

void ksi_track_again(struct ksi_track *k, const void *lock)
{
    int at = find_hold(k, lock);
    if (at >= 0)
        k->holds[at].again++;
}

/* Given back by a thread that, with all its events known, has not taken it. */
static void given_elsewhere(struct ksi_trace_writer *w, const struct ksi_track *by,
                            const void *lock, uint64_t when)
{
    if (by->lost > 0)
        return;
    for (unsigned i = 0; i < w->ntracks; i++) {
        struct ksi_track *k = &w->tracks[i];
        int at = find_hold(k, lock);
        if (at < 0 || !is_shared_property(k->holds[at].what.kind))
            continue;
        put_hold(w, k, &k->holds[at], when, NULL, by->view.tid);
        remove_hold(k, (unsigned)at);
        return;
    }
}

void ksi_track_given(struct ksi_trace_writer *w, struct ksi_track *k, const void *lock,
                     uint64_t when)
{
    int at = find_hold(k, lock);
    bool more;
    if (at < 0)
        given_elsewhere(w, k, lock, when);
    for (; at >= 0; at = more ? find_hold(k, lock) : -1) {
        more = !is_shared_property(k->holds[at].what.kind); /* the last one of all */
        put_hold(w, k, &k->holds[at], when, NULL, 0);
        remove_hold(k, (unsigned)at);
    }
}

void ksi_trace_ended(struct ksi_trace_writer *w, const void *lock, uint64_t when)
{
    for (unsigned i = 0; i < w->ntracks; i++) {
        struct ksi_track *k = &w->tracks[i];
        int at;
        while ((at = find_hold(k, lock)) >= 0) {
            put_hold(w, k, &k->holds[at], when, "lock ended", 0);
            remove_hold(k, (unsigned)at);
        }
    }
}

void ksi_track_turned(struct ksi_trace_writer *w, struct ksi_track *k, const void *lock,
                      enum ksi_mode mode, uint64_t when)
{
    int at = find_hold(k, lock);
    if (at < 0 || k->holds[at].what.mode == mode)
        return;
    struct ksi_trace_hold *h = &k->holds[at];
    struct ksi_trace_what what = h->what;
    put_hold(w, k, h, when, NULL, 0);
    remove_hold(k, (unsigned)at);
    what.mode = mode;
    ksi_track_taken(w, k, &what, when);
}

void ksi_track_drop_holds(struct ksi_track *k)
{
    for (unsigned i = 0; i < k->nholds; i++) {
        if (k->holds[i].row != NULL)
            k->holds[i].row->busy = false;
    }
    k->nholds = 0;
}

void ksi_track_open_holds(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when)
{
    for (unsigned i = 0; i < k->nholds; i++)
        put_hold(w, k, &k->holds[i], when, "open", 0);
    k->nholds = 0;
}
