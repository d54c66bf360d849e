/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks held where none may be: thread exit, return of a system call. */

#include "diag/violation.h"
#include "thread/upcalls.h"

#include <kslock/signal.h>

/* Returns how many locks t holds. */
static unsigned report(ksl_thread *t, const char *where, const void *site)
{
    char list[KSI_MESSAGE - 512];
    struct ksi_text text = {list, sizeof list};
    const char *separator = "";
    const void *first = NULL;
    unsigned n = 0;
    unsigned listed = 0;
    list[0] = '\0';
    for (uint32_t i = 0; i < t->nholds; i++) {
        const struct ksi_hold *h = ksi_held_at(t, i);
        const void *lock = ksi_load(&h->lock);
        if (lock == NULL)
            continue; /* given back by another thread */
        if (n++ == 0) {
            first = lock;
            site = ksi_load(&h->site);
        }
        if (text.left < 256)
            continue; /* counted, no longer listed */
        listed++;
        ksi_say(&text, "%s", separator);
        ksi_say_lock(&text, ksi_hold_kind(h), lock);
        ksi_say(&text, "%s", ksi_hold_mode(h) == KSI_SHARED ? " shared" : "");
        if (text.left > KSI_MESSAGE / 2) { /* with many of them, who is more than where */
            ksi_say(&text, ", taken at ");
            ksi_say_site(&text, ksi_load(&h->site));
        }
        separator = "; ";
    }
    n += t->unrecorded;
    if (n > listed)
        ksi_say(&text, "%sand %u more", listed > 0 ? " " : "", n - listed);
    if (n == 0)
        return 0;
    struct ksi_misuse m = {
        .rule = KSI_EXIT_HELD_RULE,
        .lock = first,
        .site = site,
        .named = true,
    };
    ksi_violate(&m, "%s with %u lock%s held: %s", where, n, n == 1 ? "" : "s", list);
    return n;
}

bool ksi_up_thread_exit(ksl_thread *t)
{
    return report(t, "thread exit", NULL) > 0;
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
    (void)t; /* no lock of the families here defers signals */
    return false;
}
