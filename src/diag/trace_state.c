/* SPDX-License-Identifier: BSD-2-Clause */
/* Trace: what one thread does, see trace_state.h. */

#include "diag/trace_state.h"

#include <stdio.h>

/* The slice of a wake-up is there to have the arrow begin somewhere. */
enum { WAKE_NS = 1000 };

static const char *outcome_text(uint64_t outcome)
{
    switch ((enum ksi_outcome)outcome) {
    case KSI_WAITING:
        return "none yet";
    case KSI_WOKEN:
        return "woken";
    case KSI_TIMED_OUT:
        return "timed out";
    case KSI_SIGNALLED:
        return "signal";
    case KSI_UNBLOCKED:
        return "unblocked";
    case KSI_DESTROYED:
        return "destroyed";
    }
    return "?";
}

static struct ksi_trace_frame *top(struct ksi_track *k)
{
    return &k->frame[k->depth];
}

static const char *what_text(struct ksi_trace_writer *w,
                             const struct ksi_trace_what *what)
{
    if (what->lock == NULL && what->kind == KSI_NO_KIND)
        return "something";
    return ksi_trace_lock_text(&w->out, what->name, what->kind, what->lock);
}

/* --- what is written ---------------------------------------------------------------- */

static void begin_slice(struct ksi_trace_writer *w, const struct ksi_track *k,
                        const char *cat, const char *does, const char *what,
                        uint64_t since, uint64_t when)
{
    char name[300];
    snprintf(name, sizeof name, "%s %.200s", does, what);
    ksi_trace_put(&w->out, 'X', w->out.pid, k->view.tid, since);
    ksi_trace_span(&w->out, since, when);
    ksi_trace_text(&w->out, "cat", cat);
    ksi_trace_text(&w->out, "name", name);
    ksi_trace_args(&w->out);
}

static void begin_instant(struct ksi_trace_writer *w, const struct ksi_track *k,
                          const char *cat, const char *does, const char *what,
                          uint64_t when)
{
    char name[300];
    snprintf(name, sizeof name, "%s%s%.200s", does, what[0] != '\0' ? " " : "", what);
    ksi_trace_put(&w->out, 'i', w->out.pid, k->view.tid, when);
    ksi_trace_text(&w->out, "cat", cat);
    ksi_trace_text(&w->out, "name", name);
    ksi_trace_args(&w->out);
}

static void put_what(struct ksi_trace_writer *w, const struct ksi_trace_what *what)
{
    ksi_trace_address(&w->out, "lock", what->lock);
    if (what->site != NULL)
        ksi_trace_text(&w->out, "at", ksi_trace_site_text(&w->out, what->site));
}

static void put_attempt(struct ksi_trace_writer *w, const struct ksi_track *k,
                        const struct ksi_trace_frame *f, uint64_t when, const char *end)
{
    begin_slice(w, k, "wait", "wants", what_text(w, &f->want), f->since, when);
    put_what(w, &f->want);
    ksi_trace_text(&w->out, "mode", f->want.mode == KSI_SHARED ? "shared" : "exclusive");
    if (f->pauses > 0)
        ksi_trace_number(&w->out, "pauses", f->pauses);
    ksi_trace_text(&w->out, "end", end);
    ksi_trace_done(&w->out);
}

static void put_sleep(struct ksi_trace_writer *w, const struct ksi_track *k,
                      const struct ksi_trace_frame *f, uint64_t when, const char *end)
{
    begin_slice(w, k, "sleep", "sleeps:", what_text(w, &f->sleep), f->slept, when);
    put_what(w, &f->sleep);
    ksi_trace_text(&w->out, "end", end);
    ksi_trace_done(&w->out);
}

static void put_handler(struct ksi_trace_writer *w, const struct ksi_track *k,
                        const struct ksi_trace_frame *f, uint64_t when, const char *end)
{
    char irq[16];
    snprintf(irq, sizeof irq, "%u", f->irq);
    begin_slice(w, k, "irq", "interrupt", irq, f->began, when);
    if (end != NULL)
        ksi_trace_text(&w->out, "end", end);
    ksi_trace_done(&w->out);
}

/* Both ends of an arrow; the slices that they lie in are written elsewhere. */
static void put_flow(struct ksi_trace_writer *w, const struct ksi_trace_flow *from,
                     int to, uint64_t when)
{
    ksi_trace_put(&w->out, 's', w->out.pid, from->tid, from->when);
    ksi_trace_text(&w->out, "cat", "wake");
    ksi_trace_text(&w->out, "name", "wakes");
    ksi_trace_number(&w->out, "id", from->number);
    ksi_trace_args(&w->out);
    ksi_trace_done(&w->out);
    ksi_trace_put(&w->out, 'f', w->out.pid, to, when);
    ksi_trace_text(&w->out, "cat", "wake");
    ksi_trace_text(&w->out, "name", "wakes");
    ksi_trace_number(&w->out, "id", from->number);
    ksi_trace_text(&w->out, "bp", "e");
    ksi_trace_args(&w->out);
    ksi_trace_done(&w->out);
}

static void end_wake(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when)
{
    char tid[16];
    uint64_t since = k->woke_at;
    if (since == 0)
        return;
    k->woke_at = 0;
    snprintf(tid, sizeof tid, "%d", k->woke);
    begin_slice(w, k, "wake", "wakes", tid, since,
                when - since < WAKE_NS ? when : since + WAKE_NS);
    ksi_trace_number(&w->out, "thread", (uint64_t)k->woke);
    ksi_trace_done(&w->out);
}

/* --- what happens ------------------------------------------------------------------- */

/* The attempt has ended without the lock, some time after its last sign. */
static void give_up(struct ksi_trace_writer *w, const struct ksi_track *k,
                    struct ksi_trace_frame *f)
{
    if (f->contended)
        put_attempt(w, k, f, f->last, "without it");
    f->attempt = false;
    f->contended = false;
}

static void begin_attempt(struct ksi_trace_frame *f, const struct ksi_trace_what *what)
{
    f->want = *what;
    f->attempt = true;
    f->contended = false;
    f->pauses = 0;
}

static void contended(struct ksi_trace_writer *w, const struct ksi_track *k,
                      struct ksi_trace_frame *f, const struct ksi_trace_what *what,
                      uint64_t when)
{
    if (what->lock != NULL && (!f->attempt || what->lock != f->want.lock)) {
        give_up(w, k, f);
        begin_attempt(f, what);
    }
    if (f->attempt && !f->contended) {
        f->contended = true;
        f->since = when;
    }
    f->last = when;
}

static void resumes(struct ksi_trace_writer *w, struct ksi_track *k,
                    const struct ksi_event *e, uint64_t when)
{
    struct ksi_trace_frame *f = top(k);
    if (!f->asleep)
        return; /* when it fell asleep has been lost */
    put_sleep(w, k, f, when, outcome_text(e->arg));
    f->asleep = false;
    f->last = when;
    const struct ksi_trace_flow *from = &w->flows[e->more % KSI_TRACE_FLOWS];
    if (e->more != 0 && from->number == e->more)
        put_flow(w, from, k->view.tid, when - 1); /* inside of what it ends */
}

static void wakes(struct ksi_trace_writer *w, struct ksi_track *k,
                  const struct ksi_event *e, uint64_t when)
{
    k->woke = (int)e->arg;
    k->woke_at = when;
    if (e->more != 0)
        w->flows[e->more % KSI_TRACE_FLOWS] =
            (struct ksi_trace_flow){e->more, when, k->view.tid};
}

static bool is_held(enum ksi_kind kind)
{
    return kind != KSI_KSEM && kind != KSI_EVENT && kind != KSI_COND &&
           kind != KSI_SLEEPQ && kind != KSI_CV && kind != KSI_CHANNEL;
}

static void taken(struct ksi_trace_writer *w, struct ksi_track *k,
                  const struct ksi_trace_what *what, uint64_t when)
{
    struct ksi_trace_frame *f = top(k);
    if (f->contended && f->want.lock == what->lock) {
        put_attempt(w, k, f, when, "has it");
        f->attempt = f->contended = false;
    } else {
        give_up(w, k, f);
    }
    if (is_held(what->kind)) {
        ksi_track_taken(w, k, what, when);
        return;
    }
    begin_instant(w, k, "lock", "gets", what_text(w, what), when);
    put_what(w, what);
    ksi_trace_done(&w->out);
}

static void handler_runs(struct ksi_track *k, unsigned irq, uint64_t when)
{
    if (k->depth + 1 == KSI_TRACE_FRAMES) {
        k->too_deep++;
        return;
    }
    k->depth++;
    *top(k) = (struct ksi_trace_frame){.irq = irq, .began = when};
}

static void end_frame(struct ksi_trace_writer *w, const struct ksi_track *k,
                      struct ksi_trace_frame *f, uint64_t when)
{
    if (f->asleep)
        put_sleep(w, k, f, when, "open");
    if (f->contended && (f->asleep || f->last == k->time)) /* it goes on */
        put_attempt(w, k, f, when, "open");
    else
        give_up(w, k, f);
    f->asleep = f->contended = f->attempt = false;
}

static void handler_ran(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when)
{
    if (k->too_deep > 0) {
        k->too_deep--;
    } else if (k->depth > 0) {
        struct ksi_trace_frame *f = top(k);
        give_up(w, k, f);
        put_handler(w, k, f, when, NULL);
        k->depth--;
    } else {
        *top(k) = (struct ksi_trace_frame){.irq = 0}; /* it was the handler's */
    }
}

static void note(struct ksi_trace_writer *w, const struct ksi_track *k,
                 const struct ksi_event *e, const struct ksi_trace_what *what,
                 uint64_t when)
{
    char text[64] = "";
    struct ksi_trace_out *o = &w->out;
    switch (e->type) {
    case KSI_EV_BUSY:
        begin_instant(w, k, "lock", "tries in vain", what_text(w, what), when);
        put_what(w, what);
        break;
    case KSI_EV_WITHDRAWN:
        what = &k->frame[k->depth].want;
        begin_instant(w, k, "lock", "withdraws the bias of", what_text(w, what), when);
        put_what(w, what);
        ksi_trace_number(o, "ns", e->arg);
        break;
    case KSI_EV_LENT:
        snprintf(text, sizeof text, "%d", (int)e->arg);
        begin_instant(w, k, "priority", "promotes", text, when);
        ksi_trace_number(o, "thread", e->arg);
        ksi_trace_number(o, "priority", e->more);
        break;
    case KSI_EV_RAISED:
        snprintf(text, sizeof text, "%u", (unsigned)e->arg);
        begin_instant(w, k, "irq", "raises interrupt", text, when);
        ksi_trace_number(o, "thread", e->more);
        break;
    case KSI_EV_PUT_OFF:
        begin_instant(w, k, "irq", "puts interrupts off", text, when);
        ksi_trace_address(o, "set", (const void *)(uintptr_t)e->arg); // NOLINT: in hex
        break;
    case KSI_EV_STAGE:
        begin_instant(w, k, "stage", e->arg != 0 ? "goes out-of-band" : "goes in-band",
                      text, when);
        break;
    default:
        return;
    }
    ksi_trace_done(o);
}

void ksi_track_event(struct ksi_trace_writer *w, struct ksi_track *k,
                     const struct ksi_event *e, uint32_t name, uint64_t when)
{
    struct ksi_trace_frame *f = top(k);
    struct ksi_trace_what what = {e->lock, e->site, e->kind, e->mode, name};
    end_wake(w, k, when);
    switch (e->type) {
    case KSI_EV_BEFORE:
        give_up(w, k, f);
        begin_attempt(f, &what);
        break;
    case KSI_EV_CONTENDED:
        contended(w, k, f, &what, when);
        break;
    case KSI_EV_SPUN:
        f->last = when;
        f->pauses += e->arg;
        break;
    case KSI_EV_SLEEPS:
        f->sleep = what;
        f->slept = when;
        f->asleep = true;
        break;
    case KSI_EV_RESUMES:
        resumes(w, k, e, when);
        break;
    case KSI_EV_WAKES:
        wakes(w, k, e, when);
        break;
    case KSI_EV_TAKEN:
        taken(w, k, &what, when);
        break;
    case KSI_EV_AGAIN:
        ksi_track_again(k, e->lock);
        break;
    case KSI_EV_GIVEN:
        ksi_track_given(w, k, e->lock, when);
        break;
    case KSI_EV_TURNED:
        ksi_track_turned(w, k, e->lock, e->mode, when);
        break;
    case KSI_EV_BEGINS: /* again, at the same place */
    case KSI_EV_ENDS:
        ksi_trace_ended(w, e->lock, when);
        break;
    case KSI_EV_RUNS:
        handler_runs(k, (unsigned)e->arg, when);
        break;
    case KSI_EV_RAN:
        handler_ran(w, k, when);
        break;
    default:
        note(w, k, e, &what, when);
    }
}

void ksi_track_gap(struct ksi_track *k)
{
    k->depth = 0;
    k->too_deep = 0;
    *top(k) = (struct ksi_trace_frame){.irq = 0};
    ksi_track_drop_holds(k);
}

void ksi_track_end(struct ksi_trace_writer *w, struct ksi_track *k, uint64_t when)
{
    end_wake(w, k, when);
    for (; k->depth > 0; k->depth--) {
        end_frame(w, k, top(k), when);
        put_handler(w, k, top(k), when, "open");
    }
    end_frame(w, k, top(k), when);
    ksi_track_open_holds(w, k, when);
}
