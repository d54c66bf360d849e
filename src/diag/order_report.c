/* SPDX-License-Identifier: BSD-2-Clause */
/* Order checker: what its reports say. */

#include "diag/order.h"
#include "diag/print.h"

enum { ROOM = KSI_MESSAGE - 512, ENOUGH = 512 };

/* In no object: there may have been another lock at this address. */
static bool is_transient(const void *lock)
{
    struct ksi_symbol s;
    return !ksi_symbol_find(&s, lock);
}

/* By the class's name if it has one: the lock may be gone. */
static void say_class(struct ksi_text *text, enum ksi_kind kind, const char *name,
                      const void *lock, bool by_address)
{
    if (name != NULL)
        ksi_say(text, "%s \"%s\"", ksi_kind_name(kind), name);
    else
        ksi_say_lock(text, kind, ksi_key_lock(kind, lock));
    if (by_address && is_transient(lock))
        ksi_say(text, " (on a stack or a heap, known by its address alone)");
    if (kind == KSI_STAX)
        ksi_say(text, " with the %s stage inside",
                lock == ksi_key_lock(kind, lock) ? "in-band" : "out-of-band");
}

static void say_frames(struct ksi_text *text, const struct ksi_edge *e)
{
    for (uint32_t i = 0; i < e->frames; i++) {
        ksi_say(text, i == 0 ? " [" : " < ");
        ksi_say_site(text, e->frame[i]);
    }
    if (e->frames > 0)
        ksi_say(text, "]");
}

/* "A, taken at F1, is held when B is taken at F2" */
static void say_edge(struct ksi_text *text, const struct ksi_edge *e, bool now)
{
    say_class(text, e->from_kind, e->from_name, e->from_lock, e->from_by_address);
    ksi_say(text, ", taken at ");
    ksi_say_site(text, e->from_site);
    ksi_say(text, now ? ", is held when " : ", was held when ");
    say_class(text, e->to_kind, e->to_name, e->to_lock, e->to_by_address);
    ksi_say(text, now ? " is taken at " : " was taken at ");
    ksi_say_site(text, e->to_site);
    if (!now)
        ksi_say(text, " by thread %d", e->tid);
}

/* One line about two locks that follow each other will do. */
static bool is_suppressed(const struct ksi_cycle *c)
{
    if (KSI_LIKELY(!ksi_suppresses()))
        return false;
    for (unsigned i = 0; i < c->length && i < KSI_CYCLE_SHOWN; i++) {
        const struct ksi_edge *e = &c->edge[i];
        struct ksi_suspect a = {e->from_kind, ksi_key_lock(e->from_kind, e->from_lock),
                                e->from_name, e->from_init};
        struct ksi_suspect b = {e->to_kind, ksi_key_lock(e->to_kind, e->to_lock),
                                e->to_name, e->to_init};
        if (ksi_suppressed(KSI_ORDER_RULE, &a, &b))
            return true;
    }
    return false;
}

void ksi_report_cycle(const struct ksi_cycle *c, enum ksi_kind kind)
{
    char line[ROOM];
    struct ksi_text text = {line, sizeof line};
    struct ksi_misuse m = {
        KSI_ORDER_RULE,     kind, ksi_key_lock(kind, c->edge[0].to_lock),
        c->edge[0].to_site, NULL, true};
    unsigned said = 0;
    if (is_suppressed(c))
        return;
    ksi_say(&text, "lock order reversal, a cycle of %u classes", c->length);
    while (said < c->length && said < KSI_CYCLE_SHOWN && text.left > ENOUGH) {
        ksi_say(&text, said == 0 ? ": " : "; ");
        say_edge(&text, &c->edge[said], said == 0);
        if (said > 0 && text.left > ROOM / 2)
            say_frames(&text, &c->edge[said]);
        said++;
    }
    if (said < c->length)
        ksi_say(&text, "; and %u more", c->length - said);
    ksi_violate_beside(&m, c->edge[0].from_lock, "%s", line);
}

void ksi_report_duplicate(const struct ksi_held_lock *held, enum ksi_kind kind,
                          const void *lock, const void *site)
{
    char line[KSI_MESSAGE / 4];
    struct ksi_text text = {line, sizeof line};
    struct ksi_misuse m = {KSI_DUPLICATE_RULE, kind, lock, site, NULL, true};
    if (ksi_suppresses()) {
        struct ksi_suspect a = ksi_suspect_of(kind, lock);
        struct ksi_suspect b = ksi_suspect_of(held->kind, held->lock);
        if (ksi_suppressed(KSI_DUPLICATE_RULE, &a, &b))
            return;
    }
    ksi_say_lock(&text, kind, lock);
    ksi_say(&text, " is taken while another one of its class is held: ");
    ksi_say_lock(&text, held->kind, held->lock);
    ksi_say(&text, ", taken at ");
    ksi_say_site(&text, held->site);
    ksi_violate_beside(&m, held->site, "%s", line);
}

static struct ksi_suspect suspect(const struct ksi_node *n)
{
    const void *site = (const void *)(uintptr_t)n->key; // NOLINT: a place
    return (struct ksi_suspect){n->kind, ksi_key_lock(n->kind, n->lock),
                                n->by == KSI_BY_NAME ? n->name : NULL,
                                n->by == KSI_BY_SITE ? site : NULL};
}

static void say_node(struct ksi_text *text, const struct ksi_node *n)
{
    say_class(text, n->kind, n->by == KSI_BY_NAME ? n->name : NULL, n->lock,
              n->by == KSI_BY_ADDRESS);
}

void ksi_report_irq(const struct ksi_irq_pair *p, const void *site)
{
    char line[KSI_MESSAGE / 2];
    struct ksi_text text = {line, sizeof line};
    const struct ksi_use *safe = &p->safe.use[p->stage];
    const struct ksi_use *unsafe = &p->unsafe.use[p->stage];
    bool same = p->safe.lock == p->unsafe.lock;
    struct ksi_misuse m = {
        KSI_IRQ_UNSAFE_RULE, p->unsafe.kind, p->unsafe.lock, site, NULL, true};
    struct ksi_suspect a = suspect(&p->safe);
    struct ksi_suspect b = suspect(&p->unsafe);
    if (ksi_suppresses() && ksi_suppressed(KSI_IRQ_UNSAFE_RULE, &a, &b))
        return;
    say_node(&text, &p->safe);
    ksi_say(&text, " is taken by a%s handler of level %u at ",
            p->stage == 0 ? "n in-band" : "n out-of-band", safe->handler);
    ksi_say_site(&text, safe->handler_site);
    if (!same) {
        ksi_say(&text, ", and held when others wait for ");
        say_node(&text, &p->unsafe);
    }
    ksi_say(&text, ", which was held at level %u, with that interrupt open, taken at ",
            unsafe->open - 1);
    ksi_say_site(&text, unsafe->open_site);
    ksi_violate_beside(&m, p->safe.lock, "%s", line);
}
