/* SPDX-License-Identifier: BSD-2-Clause */
/* What a thread waits for, for the dump: see diag/view.h. */

#include "diag/view.h"

#include "diag/events.h"
#include "wait/lot.h"

static const struct {
    enum ksi_kind kind; /* KSI_NO_KIND: what the waiter says, or none */
    bool owned;
    const char *how;
} queues[] = {
    [KSI_Q_READ] = {KSI_NO_KIND, true, "to share it"},
    [KSI_Q_WRITE] = {KSI_NO_KIND, true, "to have it alone"},
    [KSI_Q_COND] = {KSI_COND, false, ""},
    [KSI_Q_SLEEP] = {KSI_SLEEPQ, false, ""},
    [KSI_Q_BLOCK] = {KSI_NO_KIND, false, "being unblocked"},
    [KSI_Q_CHANNEL] = {KSI_CHANNEL, false, ""},
    [KSI_Q_CV] = {KSI_CV, false, ""},
    [KSI_Q_KSEM] = {KSI_KSEM, false, ""},
    [KSI_Q_STAX] = {KSI_STAX, true, "to enter"},
    [KSI_Q_UPGRADE] = {KSI_COMPLEX, true, "to have it alone instead of sharing it"},
    [KSI_Q_EVENT] = {KSI_EVENT, false, ""},
    [KSI_Q_EVENTS] = {KSI_NO_KIND, false, "events that are posted to it"},
};

static void name_wait(const ksl_thread *t, struct ksi_wait_view *v, unsigned queue,
                      uint32_t lock_kind)
{
    enum { QUEUES = sizeof queues / sizeof queues[0] };
    if (queue >= QUEUES)
        return;
    v->kind = queues[queue].kind;
    v->owned = queues[queue].owned;
    v->how = queues[queue].how;
    v->upgrades = queue == KSI_Q_UPGRADE;
    v->shares = queue == KSI_Q_READ;
    if (v->kind == KSI_NO_KIND && v->owned && lock_kind < KSI_KINDS)
        v->kind = (enum ksi_kind)lock_kind;
    if (v->kind == KSI_MUTEX)
        v->how = ""; /* there is no other way to have it */
    uintptr_t inside = (uintptr_t)v->key - (uintptr_t)t;
    if (v->kind == KSI_CHANNEL && inside < sizeof *t) { /* nobody else knows it */
        v->kind = KSI_NO_KIND;
        v->how = "a while";
    }
}

void ksi_tell_wait(ksl_thread *t, enum ksi_event_type type, const struct ksi_waiter *w,
                   uint64_t arg, uint64_t more)
{
    struct ksi_wait_view v = {.kind = KSI_NO_KIND, .how = ""};
    uint32_t queue = ksi_load(&w->queued);
    v.key = ksi_load(&w->address);
    name_wait(w->thread, &v, queue, ksi_load(&w->lock_kind));
    bool shares = queue == KSI_Q_READ || queue == KSI_Q_STAX || queue == KSI_Q_KSEM;
    ksi_tell(t, (struct ksi_event){.type = type,
                                   .kind = v.kind,
                                   .mode = shares ? KSI_SHARED : KSI_EXCLUSIVE,
                                   .lock = ksi_view_lock(v.kind, v.key),
                                   .arg = arg,
                                   .more = more});
}

bool ksi_up_view_wait(const ksl_thread *t, struct ksi_wait_view *v)
{
    *v = (struct ksi_wait_view){.kind = KSI_NO_KIND, .how = "something"};
    v->key = ksi_load_acq(&t->spins_on);
    if (v->key != NULL) {
        v->kind = (enum ksi_kind)ksi_load(&t->spins_kind);
        v->how = "";
        v->since = ksi_load(&t->spins_since);
        v->owned = true;
        v->spins = true;
        return true;
    }
    if (!ksl_thread_asleep(t))
        return false;
    const struct ksi_waiter *w = ksi_load_acq(&t->parked_in);
    enum ksi_look look = ksi_lot_look(w, &v->waiters);
    v->since = ksi_load(&t->wait_since);
    v->busy = look == KSI_LOOK_BUSY;
    v->woken = look == KSI_LOOK_GONE;
    v->key = ksi_load(&w->address);
    name_wait(t, v, ksi_load(&w->queued), ksi_load(&w->lock_kind));
    return true;
}
