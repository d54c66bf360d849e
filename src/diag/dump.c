/* SPDX-License-Identifier: BSD-2-Clause */
/* ksl_diag_dump: who holds what, and who waits for whom. */

#include "diag/entered.h"
#include "diag/named.h"
#include "diag/order.h"
#include "diag/symbols.h"
#include "diag/view.h"
#include "diag/violation.h"
#include "platform/host.h"
#include "platform/park.h"
#include "thread/registry.h"

#include <kslock/diag.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

const ksl_thread *ksi_view_thread(uint32_t id)
{
    const ksl_thread *t = ksi_thread_by_id(id);
    return t != NULL && ksi_thread_alive(t) ? t : NULL;
}

const void *ksi_view_lock(enum ksi_kind kind, const void *key)
{
    bool word_of_named = kind == KSI_SX || kind == KSI_MTX;
    return word_of_named ? (const char *)key - offsetof(struct ksi_named, word) : key;
}

static struct ksi_holding holding_of(uintptr_t entry, const void *site)
{
    bool stax = ksi_family_of(entry) == KSI_FAMILY_STAX; /* its place is not kept */
    return (struct ksi_holding){.kind = ksi_entry_kind(entry),
                                .shared = ksi_entry_of(entry) != KSI_EXCLUSIVE_ENTRY,
                                .counted = ksi_entry_of(entry) == KSI_COUNTED,
                                .site = stax ? NULL : site};
}

static struct ksi_holding holding_by(const struct ksl_hold *held)
{
    return (struct ksi_holding){.kind = ksi_hold_kind(held),
                                .shared = ksi_hold_mode(held) == KSI_SHARED,
                                .site = ksi_load(&held->site)};
}

bool ksi_view_holds(const ksl_thread *u, const void *key, struct ksi_holding *h)
{
    uintptr_t entry;
    const void *site;
    struct ksi_entered e;
    if (ksi_entered_find(u, key, &e) && !e.unsure) {
        *h = (struct ksi_holding){.kind = e.kind, .site = e.site};
        return true;
    }
    for (uint32_t i = 0; ksi_slot_at(u, i, &entry, &site); i++) {
        if (entry == 0 || (entry & ~KSI_TAGS) != (uintptr_t)key)
            continue;
        *h = holding_of(entry, site);
        return true;
    }
    uint32_t n = ksi_load(&u->front.nholds);
    for (uint32_t i = 0; i < n; i++) {
        const struct ksl_hold *held = ksi_held_at(u, i);
        if (held == NULL || ksi_load(&held->lock) != key)
            continue;
        *h = holding_by(held);
        return true;
    }
    return false;
}

static void say_hold(struct ksi_out *out, const void *lock, const struct ksi_holding *h)
{
    ksi_out(out, "  holds ");
    ksi_out_lock(out, h->kind, lock);
    if (h->kind == KSI_STAX)
        ksi_out(out, ", inside it%s", h->site != NULL ? ", entered at " : "");
    else
        ksi_out(out, "%s, taken at ", h->shared ? " shared" : "");
    if (h->kind != KSI_STAX || h->site != NULL)
        ksi_out_site(out, h->site);
    ksi_out(out, "\n");
}

static void say_entered(struct ksi_out *out, const ksl_thread *t)
{
    struct ksi_entered e;
    for (uint32_t i = 0; ksi_entered_at(t, i, &e); i++) {
        struct ksi_holding h = {.kind = e.kind, .site = e.site};
        if (e.lock != NULL && !e.unsure)
            say_hold(out, e.lock, &h);
    }
}

static void say_holds(struct ksi_out *out, const ksl_thread *t)
{
    uintptr_t entry;
    const void *site;
    uint32_t n = ksi_load(&t->front.nholds);
    for (uint32_t i = 0; i < n; i++) {
        const struct ksl_hold *held = ksi_held_at(t, i);
        const void *lock = held != NULL ? ksi_load(&held->lock) : NULL;
        if (lock == NULL)
            continue; /* given back by another thread */
        struct ksi_holding h = holding_by(held);
        say_hold(out, lock, &h);
    }
    for (uint32_t i = 0; ksi_slot_at(t, i, &entry, &site); i++) {
        if (entry == 0)
            continue;
        struct ksi_holding h = holding_of(entry, site);
        say_hold(out, ksi_entry_lock(entry), &h);
    }
    say_entered(out, t);
    uint32_t more = ksi_load(&t->unrecorded) + ksi_load(&t->unshared);
    if (more > 0)
        ksi_out(out, "  holds %u more that there was no memory for\n", more);
}

/* Everybody who holds what is waited for, by the records. */
static void say_holders(struct ksi_out *out, const struct ksi_wait_view *v)
{
    enum { MOST = 16 };
    unsigned found = 0;
    uint32_t n = ksi_registry_allocated();
    for (uint32_t id = 1; id <= n; id++) {
        const ksl_thread *u = ksi_view_thread(id);
        struct ksi_holding h;
        if (u == NULL || !ksi_view_holds(u, v->key, &h) || ++found > MOST)
            continue;
        ksi_out(out, "    held%s by ", h.shared ? " shared" : "");
        ksi_out_thread(out, u);
        if (h.site != NULL) {
            ksi_out(out, " since ");
            ksi_out_site(out, h.site);
        }
        ksi_out(out, "\n");
    }
    if (found > MOST)
        ksi_out(out, "    and by %u more\n", found - MOST);
    const ksl_thread *owner = ksi_up_view_owner(v->kind, v->key);
    if (found == 0 && owner != NULL) {
        ksi_out(out, "    held by ");
        ksi_out_thread(out, owner);
        ksi_out(out, "\n");
    }
}

static void say_wait(struct ksi_out *out, const ksl_thread *t)
{
    struct ksi_wait_view v;
    if (!ksi_up_view_wait(t, &v))
        return;
    ksi_out(out, v.spins ? "  spins for " : "  waits for ");
    if (v.kind == KSI_NO_KIND)
        ksi_out(out, "%s", v.how);
    else
        ksi_out_lock(out, v.kind, ksi_view_lock(v.kind, v.key));
    if (v.kind != KSI_NO_KIND && v.how[0] != '\0')
        ksi_out(out, ", %s", v.how);
    uint64_t now = v.since != 0 ? ksi_now() : 0;
    if (v.since != 0) {
        ksi_out(out, ", for ");
        ksi_out_seconds(out, now > v.since ? now - v.since : 0);
        ksi_out(out, " s");
    }
    if (v.waiters > 1)
        ksi_out(out, ", one of %u", v.waiters);
    if (v.woken)
        ksi_out(out, ", and has just been woken");
    if (v.busy)
        ksi_out(out, "; its queue was being changed and could not be read");
    ksi_out(out, "\n");
    if (v.kind == KSI_NO_KIND)
        return;
    ksi_up_view_word(out, v.kind, v.key);
    if (v.owned || v.kind == KSI_KSEM)
        say_holders(out, &v);
}

static void say_thread(struct ksi_out *out, const ksl_thread *t)
{
    uint32_t handlers = ksi_load(&t->handlers);
    int prio = ksi_load(&t->prio);
    int urgency = ksi_thread_urgency(t);
    ksi_out_thread(out, t);
    ksi_out(out, ": %s, interrupt level %u",
            ksi_load(&t->stage) == KSL_STAGE_OOB ? "out-of-band" : "in-band",
            ksi_load(&t->front.level));
    if (handlers > 0)
        ksi_out(out, ", in %u handler%s", handlers, handlers == 1 ? "" : "s");
    ksi_out(out, ", priority %d", prio);
    if (urgency != prio)
        ksi_out(out, ", promoted to %d", urgency);
    ksi_out(out, "\n");
    say_holds(out, t);
    say_wait(out, t);
}

/* A thread that has exited may have left something held. */
static void say_left(struct ksi_out *out, const ksl_thread *t)
{
    if (ksi_held_none(t))
        return;
    ksi_out_thread(out, t);
    ksi_out(out, ":\n");
    say_holds(out, t);
}

void ksi_view_all(struct ksi_out *out)
{
    uint32_t n = ksi_registry_allocated();
    ksi_out(out, "kslock: the threads of process %d\n", (int)getpid());
    for (uint32_t id = 1; id <= n; id++) {
        const ksl_thread *t = ksi_thread_by_id(id);
        if (t != NULL && ksi_thread_alive(t))
            say_thread(out, t);
        else if (t != NULL)
            say_left(out, t);
    }
    (void)ksi_view_cycles(out, NULL);
    ksi_out(out, "kslock: end of the threads\n");
}

void ksl_diag_dump(int fd)
{
    int saved = errno;
    sigset_t all, old;
    struct ksi_out out;
    struct ksi_symbols symbols;
    int cancel = ksi_cancel_off();
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    struct ksi_symbols *before = ksi_symbols_begin(&symbols);
    ksi_out_begin(&out, fd);
    ksi_view_all(&out);
    ksi_out_end(&out);
    ksi_symbols_end(before);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    ksi_cancel_back(cancel);
    errno = saved;
}
