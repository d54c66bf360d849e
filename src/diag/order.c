/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order checker: what happens when a lock is taken.
 *
 * A call that may wait for a lock, made while others are held, says that their classes
 * come before the class of that lock. If the graph says the opposite already, by a chain
 * of any length, there are threads that could wait for each other; that is reported, once
 * for each pair, when it is first seen, whether anybody waits or not. A pair that closes
 * a cycle is not added, so the graph has none, and others are not blamed for it.
 *
 * Calls that do not wait teach nothing, but what they take is held like the rest. A lock
 * that the thread has already, and a share of one of which it has a share, teach nothing
 * again.
 */

#include "diag/order.h"

#include "platform/testing.h"
#include "thread/irq.h"

#include <kslock/stage.h>

#include <execinfo.h>

/* One lock that is being taken. */
struct taking {
    ksl_thread *t;
    const void *lock;
    const void *key; /* of its node */
    const void *site;
    uint32_t node;
    uint32_t epoch;
    enum ksi_kind kind;
};

bool ksi_order_enable(void)
{
    void *frame[1];
    (void)backtrace(frame, 1); /* the first one loads a library */
    return ksi_edges_make();
}

static const char *class_name(const struct ksi_node *n)
{
    return n->by == KSI_BY_NAME ? n->name : NULL;
}

static const void *class_init(const struct ksi_node *n)
{
    return n->by == KSI_BY_SITE ? (const void *)(uintptr_t)n->key : NULL; // NOLINT
}

static struct ksi_edge edge_of(const struct taking *k, const struct ksi_held_lock *h,
                               uint32_t from)
{
    const struct ksi_node *a = &ksi_nodes[from];
    const struct ksi_node *b = &ksi_nodes[k->node];
    return (struct ksi_edge){
        .from = from,
        .to = k->node,
        .from_kind = h->kind,
        .to_kind = k->kind,
        .from_name = class_name(a),
        .to_name = class_name(b),
        .from_lock = h->key,
        .from_site = h->site,
        .to_lock = k->key,
        .to_site = k->site,
        .from_init = class_init(a),
        .to_init = class_init(b),
        .from_by_address = a->by == KSI_BY_ADDRESS,
        .to_by_address = b->by == KSI_BY_ADDRESS,
        .tid = ksi_load(&k->t->tid),
    };
}

static bool is_node(uint32_t node, const void *arg)
{
    return node == *(const uint32_t *)arg;
}

/*
 * With the graph's lock: the way from `to` back to `from` that the new edge would close,
 * if it is shorter than what is there already. True if there is one.
 */
static bool closes(const struct ksi_edge *e, struct ksi_cycle *c)
{
    uint32_t node = ksi_graph_search(e->to, false, is_node, &e->from);
    unsigned length = 1;
    if (node == 0)
        return false;
    for (uint32_t n = node; n != e->to; n = ksi_edges[ksi_nodes[n].via].from)
        length++;
    if (KSI_FAULT(ORDER_SHORT_CYCLES) && length > KSI_CYCLE_SHOWN)
        return false;
    if (c->length != 0 && c->length <= length)
        return true;
    c->length = length;
    c->edge[0] = *e;
    for (unsigned i = length - 1; node != e->to; i--) {
        uint32_t via = ksi_nodes[node].via;
        if (i < KSI_CYCLE_SHOWN)
            c->edge[i] = ksi_edges[via];
        node = ksi_edges[via].from;
    }
    return true;
}

/* The pair is new, as far as the caller knows. */
KSI_COLD static void learn(const struct taking *k, const struct ksi_held_lock *h,
                           uint32_t from, struct ksi_cycle *c)
{
    enum { OURS = 2 }; /* frames that say nothing: this one, and its caller */
    void *frame[KSI_FRAMES + OURS];
    struct ksi_irq_pair pair = {.found = false};
    bool full = false;
    int frames = backtrace(frame, KSI_FRAMES + OURS);
    KSI_POINT("order: learn");
    uint32_t level = ksi_graph_lock(k->t);
    if (ksi_node_seen(k->key) != k->node || ksi_node_seen(h->key) != from) {
        ksi_graph_unlock(k->t, level);
        return; /* one of them has just ended; the pair is of an epoch that is over */
    }
    struct ksi_edge e = edge_of(k, h, from);
    for (int i = OURS; i < frames; i++)
        e.frame[e.frames++] = frame[i];
    if (ksi_edge_meet(from, k->node)) {
        bool closed = closes(&e, c);
        if (KSI_FAULT(ORDER_LOOKS_EARLY)) {
            ksi_graph_unlock(k->t, level);
            KSI_POINT("order: looked");
            level = ksi_graph_lock(k->t);
        }
        if (!closed && !(full = !ksi_edge_add(&e)))
            ksi_irq_edge(from, k->node, &pair);
    } else {
        full = !ksi_edge_known(from, k->node);
    }
    ksi_graph_unlock(k->t, level);
    if (full)
        ksi_graph_full("pairs of classes", KSI_EDGES);
    if (pair.found)
        ksi_report_irq(&pair, k->site);
}

/* Another lock of the same class is held. */
static void meet_twin(const struct taking *k, const struct ksi_held_lock *h)
{
    struct ksi_node *n = &ksi_nodes[k->node];
    if (ksi_load(&n->dupok) == 0 && ksi_xchg(&n->told, 1u) == 0)
        ksi_report_duplicate(h, k->kind, k->lock, k->site);
}

/*
 * Each thread remembers the pairs of locks that it has met last, so that the same locks
 * in the same order cost one comparison.
 */
static void meet(const struct taking *k, const struct ksi_held_lock *h,
                 struct ksi_cycle *cycle)
{
    struct ksi_pair pair = ksi_pair_of(h->kind, h->key, k->kind, k->key, k->epoch);
    struct ksi_pair *last = ksi_pair_place(k->t, &pair);
    if (ksi_pair_is(last, &pair))
        return;
    uint32_t from = ksi_node_of(h->kind, h->key);
    if (from >= KSI_FIRST_NODE) {
        if (from == k->node)
            meet_twin(k, h);
        else if (!ksi_edge_known(from, k->node))
            learn(k, h, from, cycle);
    }
    if (k->t->handlers == 0) /* one might write half of it into ours */
        *last = pair;
}

static void meet_held(const struct taking *k, const struct ksi_held_batch *b)
{
    struct ksi_cycle cycle; /* likewise */
    cycle.length = 0;
    for (uint32_t i = 0; i < b->n; i++)
        meet(k, &b->held[i], &cycle);
    if (cycle.length != 0)
        ksi_report_cycle(&cycle, k->kind);
}

KSI_ASIDE static uint32_t look_up_class(ksl_thread *t, enum ksi_kind kind,
                                        const void *key, uint32_t epoch)
{
    uint32_t node = ksi_node_of(kind, key);
    if (t->handlers == 0 && node != KSI_NO_NODE)
        *ksi_classed_place(t, key) = (struct ksi_classed){key, epoch, kind, node, 0};
    return node;
}

/*
 * The class of a lock that is being taken; the latest ones are remembered. The epoch is
 * read before the class: if one ends meanwhile, what is remembered is worth nothing.
 */
static inline uint32_t class_of(ksl_thread *t, enum ksi_kind kind, const void *key,
                                uint32_t epoch)
{
    const struct ksi_classed *c = ksi_classed_place(t, key);
    if (KSI_LIKELY(ksi_classed_is(c, kind, key, epoch) && t->handlers == 0))
        return c->class;
    return look_up_class(t, kind, key, epoch);
}

static __attribute__((noinline)) void before_under(ksl_thread *t, enum ksi_kind kind,
                                                   const void *lock, const void *key,
                                                   const void *site, uint32_t node,
                                                   uint32_t epoch)
{
    const struct taking k = {t, lock, key, site, node, epoch, kind};
    struct ksi_held_batch b; /* not filled with zeros: it is large */
    b.cursor = 0;
    for (ksi_held_more(t, &b, lock); b.n > 0; ksi_held_more(t, &b, lock)) {
        ksi_rules_under(t, kind, lock, site, &b);
        if (node != KSI_NO_NODE)
            meet_held(&k, &b);
        if (b.n < KSI_BATCH || KSI_FAULT(ORDER_SIXTEEN_HELD))
            break;
    }
}

static inline void before(ksl_thread *t, enum ksi_kind kind, const void *lock,
                          const void *site)
{
    uint32_t epoch = ksi_load_acq(&ksi_class_epoch);
    bool oob = ksi_load(&t->stage) == KSL_STAGE_OOB;
    const void *key = kind == KSI_STAX ? ksi_gate_key(lock, !oob) : lock;
    uint32_t node = class_of(t, kind, key, epoch);
    if (node == KSI_EXEMPT_NODE)
        return;
    if (KSI_UNLIKELY(oob))
        ksi_rules_before(t, kind, lock, site);
    if (!ksi_held_none(t))
        before_under(t, kind, lock, key, site, node, epoch);
    if (node != KSI_NO_NODE && KSI_UNLIKELY(t->handlers != 0))
        ksi_irq_wanted(t, key, node, site);
}

void ksi_order_check(ksl_thread *t, enum ksi_kind kind, const void *lock,
                     const void *site)
{
    bool again = ksi_held_has(t, kind, lock);
    t->retaken = again ? lock : NULL;
    if (!again)
        before(t, kind, lock, site);
}

void ksi_order_before(enum ksi_kind kind, const void *lock, const void *site)
{
    ksl_thread *t = ksi_self();
    if (kind == KSI_SIMPLE)
        ksi_rules_forget_disabled(t, lock); /* given back by simple_unlock */
    ksi_order_check(t, kind, lock, site);
    if (ksi_order_is_pushed(kind))
        t->announced = lock;
}

/* The lock has been taken with these interrupts open; others may be held. */
KSI_ASIDE static void taken(ksl_thread *t, enum ksi_kind kind, const void *lock,
                            const void *site)
{
    uint32_t epoch = ksi_load_acq(&ksi_class_epoch);
    uint32_t open = ksi_openness(t);
    struct ksi_held_lock h;
    uint32_t i = 0;
    uint32_t node = class_of(t, kind, lock, epoch);
    if (node == KSI_EXEMPT_NODE)
        return;
    if (kind == KSI_SIMPLE)
        ksi_rules_taken(t, kind, lock, site);
    if (node != KSI_NO_NODE) {
        ksi_irq_held(t, lock, node, site);
        ksi_quiet_learn(t, kind, lock, epoch);
    }
    if (KSI_LIKELY(t->openness == open))
        return;
    t->openness = open;
    while (ksi_held_next(t, &i, &h)) { /* taken when others were open */
        node = ksi_node_of(h.kind, h.key);
        if (node >= KSI_FIRST_NODE)
            ksi_irq_held(t, h.key, node, h.site);
    }
}

void ksi_order_taken(enum ksi_kind kind, const void *lock, const void *site)
{
    ksl_thread *t = ksi_self();
    bool again = t->retaken == lock;
    t->retaken = NULL;
    if (!again && !ksi_quiet_taken(t, kind, lock))
        taken(t, kind, lock, site);
}

void ksi_order_pushed(enum ksi_kind kind, const void *lock, const void *site, bool tried)
{
    ksl_thread *t = ksi_self();
    if (t->announced == NULL && ksi_quiet_pushed(t, kind, lock))
        return;
    if (!tried && t->announced != lock)
        before(t, kind, lock, site);
    t->announced = NULL;
    ksi_order_taken(kind, lock, site);
}
