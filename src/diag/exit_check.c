/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks held where none may be: thread exit, return of a system call. */

#include "diag/named.h"
#include "diag/stats.h"
#include "diag/trace.h"
#include "diag/violation.h"
#include "thread/upcalls.h"

#include <kslock/signal.h>

/* A list under construction. */
struct list {
    struct ksi_text text;
    const void *first; /* the first lock, its kind, and where it was taken */
    enum ksi_kind kind;
    const void *site;
    unsigned locks;
    unsigned listed;
};

static void add(struct list *l, enum ksi_kind kind, const void *lock, bool shared,
                const void *site)
{
    if (l->locks++ == 0) {
        l->first = lock;
        l->kind = kind;
        l->site = site;
    }
    if (l->text.left < 256)
        return; /* counted, no longer listed */
    if (l->listed++ > 0)
        ksi_say(&l->text, "; ");
    ksi_say_lock(&l->text, kind, lock);
    ksi_say(&l->text, "%s", shared ? " shared" : "");
    if (l->text.left > KSI_MESSAGE / 2) { /* with many of them, who is more than where */
        ksi_say(&l->text, ", taken at ");
        ksi_say_site(&l->text, site);
    }
}

static void add_slots(struct list *l, const ksl_thread *t)
{
    uintptr_t entry;
    const void *site;
    for (uint32_t i = 0; ksi_slot_at(t, i, &entry, &site); i++) {
        if (entry == 0)
            continue;
        const struct ksi_named *named = ksi_entry_lock(entry);
        if (ksi_family_of(entry) != KSI_FAMILY_STAX) /* it has no owner */
            add(l, ksi_entry_kind(entry), named,
                ksi_entry_of(entry) != KSI_EXCLUSIVE_ENTRY, site);
    }
}

/* Returns how many locks t holds. */
static unsigned report(ksl_thread *t, const char *where, const void *site)
{
    char text[KSI_MESSAGE - 512];
    struct list l = {.text = {text, sizeof text}, .site = site};
    text[0] = '\0';
    for (uint32_t i = 0; i < t->front.nholds; i++) {
        const struct ksl_hold *h = ksi_held_at(t, i);
        const void *lock = ksi_load(&h->lock);
        if (lock != NULL) /* else given back by another thread */
            add(&l, ksi_hold_kind(h), lock, ksi_hold_mode(h) == KSI_SHARED,
                ksi_load(&h->site));
    }
    add_slots(&l, t);
    l.locks += t->unrecorded + t->unshared;
    if (l.locks > l.listed)
        ksi_say(&l.text, "%sand %u more", l.listed > 0 ? " " : "", l.locks - l.listed);
    if (l.locks == 0)
        return 0;
    struct ksi_misuse m = {
        .rule = KSI_EXIT_HELD_RULE,
        .kind = l.kind,
        .lock = l.first,
        .site = l.site,
        .named = true,
    };
    ksi_violate(&m, "%s with %u lock%s held: %s", where, l.locks, l.locks == 1 ? "" : "s",
                text);
    return l.locks;
}

bool ksi_up_thread_exit(ksl_thread *t)
{
    bool keep = report(t, "thread exit", NULL) > 0;
    ksi_trace_thread_exits(t);
    if ((ksi_load_acq(&ksi_diag) & KSI_DIAG_STATS) != 0)
        ksi_stats_leave(t);
    return keep;
}

void ksl_syscall_enter(void)
{
    (void)ksi_self();
}

int ksl_syscall_exit(void)
{
    report(ksi_self(), "system call return", KSI_SITE());
    return ksl_signal_take();
}

void ksi_up_bad_argument(const char *call, unsigned long value, const void *site)
{
    struct ksi_misuse m = {.rule = KSI_BAD_ARGUMENT_RULE, .site = site};
    ksi_violate(&m, "%s: %lu is out of range", call, value);
}

void ksi_up_irq_sleep(const char *call, const void *site)
{
    struct ksi_misuse m = {.rule = KSI_IRQ_SLEEP_RULE, .site = site};
    ksi_violate(&m, "%s in an interrupt handler", call);
}

bool ksi_up_signals_deferred(const ksl_thread *t)
{
    uintptr_t entry; /* any lock of AIX, in any mode */
    const void *site;
    for (uint32_t i = 0; ksi_slot_at(t, i, &entry, &site); i++) {
        enum ksi_family family = ksi_family_of(entry);
        if (entry != 0 && family >= KSI_FAMILY_SIMPLE && family <= KSI_FAMILY_DRW)
            return true;
        if (entry != 0 && KSI_FAULT(SIGNAL_PUT_OFF_BY_ONE))
            return false;
    }
    return false;
}
