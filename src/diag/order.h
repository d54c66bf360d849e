/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_ORDER_H
#define KSI_DIAG_ORDER_H

#include "diag/hooks.h"
#include "diag/violation.h"
#include "platform/compiler.h"

/*
 * The graph of the order checker. A node is a class of locks: all that have one name
 * (sx, mutexes of FreeBSD), one class and occurrence (lock_alloc of AIX), one place of
 * initialisation, or, zero-filled, one address. An edge says that a lock of one class
 * was held when a call that may wait took one of the other.
 *
 * Everything is in pages that are mapped once. Spots (address -> node) and the set of
 * known edges are read without a lock; everything is changed under one raw lock, with
 * interrupts masked. Full tables are told once, and what has no room is not checked.
 */
enum {
    KSI_NODES = 4096,
    KSI_EDGES = 32768,
    KSI_SPOTS = 65536,
    KSI_KNOWN = 131072,
    KSI_PROBES = 256,
    KSI_FRAMES = 6,
    KSI_NODE_TEXT = 48
};

/* Nodes that are none. */
enum { KSI_NO_NODE = 0, KSI_EXEMPT_NODE = 1, KSI_FIRST_NODE = 2 };

enum ksi_by { KSI_BY_NAME, KSI_BY_NUMBER, KSI_BY_SITE, KSI_BY_ADDRESS };

/* How a class meets the interrupts of one stage; see order_irq.c. */
struct ksi_use {
    const void *handler_site;
    const void *open_site;
    uint32_t handler; /* atomic: most urgent handler that waits for it, 0: none */
    uint32_t open;    /* atomic: 1 + lowest level with which it is held, 0: never held */
    uint32_t reach;   /* the greatest `handler` of this class and all before it ... */
    uint32_t reach_from; /* ... and whose */
};

struct ksi_node {
    uint64_t key;
    uint32_t next; /* in the chain of its hash */
    uint32_t by;
    enum ksi_kind kind;
    uint32_t dupok;
    uint32_t told; /* a duplicate has been reported */
    uint32_t out;  /* edges, 0: none */
    uint32_t in;
    uint32_t mark; /* of the search */
    uint32_t via;
    const void *lock; /* the first one, for messages */
    struct ksi_use use[2];
    char name[KSI_NODE_TEXT];
};

struct ksi_edge {
    uint32_t from;
    uint32_t to;
    uint32_t next_out;
    uint32_t next_in;
    enum ksi_kind from_kind;
    enum ksi_kind to_kind;
    const char *from_name; /* of the class, NULL: it has none; constant */
    const char *to_name;
    const void *from_lock;
    const void *from_site;
    const void *to_lock;
    const void *to_site;
    const void *from_init; /* where the locks of the class begin, NULL: unknown */
    const void *to_init;
    bool from_by_address;
    bool to_by_address;
    int tid;
    uint32_t frames;
    void *frame[KSI_FRAMES];
};

extern struct ksi_node *ksi_nodes;
extern struct ksi_edge *ksi_edges;

/* --- order_node.c ------------------------------------------------------------------- */

bool ksi_nodes_make(void);
/* The node of a key: a lock that exists, or see ksi_gate_key. */
uint32_t ksi_node_of(enum ksi_kind kind, const void *key);

/* Counts the ends of classes: what was found out before may be wrong now. */
extern uint32_t ksi_class_epoch; /* atomic */

/*
 * A stax has two nodes: that the in-band stage is inside, and that the out-of-band stage
 * is. Who is inside holds the one of its stage; who wants to enter waits for the other
 * one. So threads of one stage, which never wait for each other, close no cycle.
 */
static inline const void *ksi_gate_key(const void *gate, unsigned stage)
{
    return (const char *)gate + (stage != 0);
}

static inline const void *ksi_key_lock(enum ksi_kind kind, const void *key)
{
    return kind == KSI_STAX ? (const char *)key - ((uintptr_t)key & 1) : key;
}

/* The lock is none (an event): its class begins anew. */
void ksi_order_void(const void *lock);
/*
 * Key, by, kind and name as they are at one moment: who has found a node does not keep
 * others from dropping it.
 */
void ksi_node_copy(struct ksi_node *to, uint32_t node);
/* The node of a lock whose memory may be gone; 0: not known. */
uint32_t ksi_node_seen(const void *lock);

/* The raw lock of the graph, interrupts masked. */
uint32_t ksi_graph_lock(ksl_thread *t);
void ksi_graph_unlock(ksl_thread *t, uint32_t level);

/* Under it: nodes in use are below this one. */
uint32_t ksi_nodes_end(void);

/* A table is full: tells it once. */
KSI_COLD void ksi_graph_full(const char *what, unsigned room);

/* The regime of a lock, see order_rules.c: 0, or what the first call set. */
uint32_t ksi_spot_regime(const void *lock, uint32_t regime);

/* --- order_graph.c ------------------------------------------------------------------ */

bool ksi_edges_make(void);
bool ksi_edge_known(uint32_t from, uint32_t to);

/* The rest under the graph's lock. */

/* A new pair is known from now on; false: it was, or there is no room. */
bool ksi_edge_meet(uint32_t from, uint32_t to);
bool ksi_edge_add(const struct ksi_edge *e);
void ksi_edges_drop(uint32_t node);

typedef bool (*ksi_graph_stop)(uint32_t node, const void *arg);
/*
 * Breadth first from `start`, along the edges or against them: the nearest node for
 * which `stop` is true, `start` included; 0: none. `via` then leads back to start.
 */
uint32_t ksi_graph_search(uint32_t start, bool backward, ksi_graph_stop stop,
                          const void *arg);

/* --- order_walk.c ------------------------------------------------------------------- */

/* What a thread holds, in all its records. */
struct ksi_held_lock {
    const void *lock;
    const void *key; /* of its node */
    const void *site;
    enum ksi_kind kind;
    enum ksi_mode mode;
    bool disabled; /* AIX: by disable_lock */
};
/* *i is 0 at first; false: no more. */
bool ksi_held_next(const ksl_thread *t, uint32_t *i, struct ksi_held_lock *h);
bool ksi_held_has(const ksl_thread *t, enum ksi_kind kind, const void *lock);

/* The same, some at a time: n is 0 and cursor is 0 at first; n stays 0: no more. */
enum { KSI_BATCH = 16 };
struct ksi_held_batch {
    uint32_t cursor;
    uint32_t n;
    struct ksi_held_lock held[KSI_BATCH];
};
/* Nothing at all, which is quickly seen. */
bool ksi_held_none(const ksl_thread *t);
/* Near slots that may show something, four of them. */
static inline __attribute__((always_inline)) uintptr_t
ksi_four_slots(const struct ksl_slot *s)
{
    return ksi_load(&s[0].lock) | ksi_load(&s[1].lock) | ksi_load(&s[2].lock) |
           ksi_load(&s[3].lock);
}

_Static_assert(KSL_SLOTS % 4 == 0, "slots are looked at by four");

/*
 * Nothing in slots, near or far; this is most of what the checker costs who holds
 * nothing. Without atomics, but for race detectors, so that a slot costs one instruction:
 * others may change what kind of entry it shows, never whether there is one.
 */
static inline __attribute__((always_inline)) bool ksi_held_no_slot(const ksl_thread *t)
{
    const struct ksl_slot *s = t->front.slots;
    uintptr_t any = ksi_load(&t->far_used);
#pragma GCC unroll 8
    for (uint32_t i = 0; i < KSL_SLOTS; i += 4) {
#if KSI_RACE_DETECTOR
        any |= ksi_four_slots(&s[i]);
#else
        any |= s[i].lock | s[i + 1].lock | s[i + 2].lock | s[i + 3].lock;
#endif
    }
    return any == 0;
}
/* What near slot i shows; false: nothing that is held. */
bool ksi_held_near(const ksl_thread *t, uint32_t i, struct ksi_held_lock *h);
/* Without the lock `but`. */
void ksi_held_more(const ksl_thread *t, struct ksi_held_batch *b, const void *but);

/* Taking it may sleep without bound, may wait for a sleeper, or spins. */
enum ksi_rank { KSI_SPINS, KSI_BOUNDED, KSI_SLEEPS };
enum ksi_rank ksi_rank_of(const struct ksi_held_lock *h);

/* --- order_irq.c -------------------------------------------------------------------- */

/* A handler may wait for a lock of this class; a lock of it is held now. */
void ksi_irq_wanted(ksl_thread *t, const void *key, uint32_t node, const void *site);
void ksi_irq_held(ksl_thread *t, const void *key, uint32_t node, const void *site);
struct ksi_irq_pair {
    struct ksi_node safe;   /* wanted by a handler */
    struct ksi_node unsafe; /* held with that interrupt open */
    unsigned stage;
    bool found;
};
/* With the graph's lock, an edge has been added. */
void ksi_irq_edge(uint32_t from, uint32_t to, struct ksi_irq_pair *p);
/* With it, a class is about to be dropped. */
void ksi_irq_drop(uint32_t node);

/* --- order_quiet.c: what each thread remembers -------------------------------------- */

static inline struct ksi_classed *ksi_classed_place(ksl_thread *t, const void *key)
{
    uintptr_t a = (uintptr_t)key;
    return &t->classed[(a >> 4 ^ a >> 9) % KSI_CLASSED];
}

static inline bool ksi_classed_is(const struct ksi_classed *c, enum ksi_kind kind,
                                  const void *key, uint32_t epoch)
{
    return c->key == key && c->epoch == epoch && c->kind == (uint32_t)kind;
}

static inline struct ksi_pair ksi_pair_of(enum ksi_kind held_kind, const void *held,
                                          enum ksi_kind kind, const void *wanted,
                                          uint32_t epoch)
{
    return (struct ksi_pair){.held = held,
                             .wanted = wanted,
                             .kinds = (uint32_t)held_kind << 8 | (uint32_t)kind,
                             .epoch = epoch};
}

static inline struct ksi_pair *ksi_pair_place(ksl_thread *t, const struct ksi_pair *p)
{
    uintptr_t mixed = (uintptr_t)p->held * 3 + (uintptr_t)p->wanted;
    return &t->pairs[(mixed >> 3 ^ mixed >> 9) % KSI_PAIRS];
}

static inline bool ksi_pair_is(const struct ksi_pair *a, const struct ksi_pair *b)
{
    return a->held == b->held && a->wanted == b->wanted && a->epoch == b->epoch &&
           a->kinds == b->kinds;
}

/* The interrupts that are open now, in one number; at one stage more at a lower one. */
static inline uint32_t ksi_openness(const ksl_thread *t)
{
    return (ksi_load(&t->front.level) << 2 | ksi_load(&t->front.stalled) << 1 |
            ksi_load(&t->stage)) +
           1;
}

/* t, which runs no handler, has held that lock with what is open now. */
void ksi_quiet_learn(ksl_thread *t, enum ksi_kind kind, const void *lock, uint32_t epoch);
/*
 * The lock has been taken, or its entry pushed, and all that could be said or learned
 * then has been. For `pushed` that means all that there is with a call that may wait.
 */
bool ksi_quiet_taken(ksl_thread *t, enum ksi_kind kind, const void *lock);
bool ksi_quiet_pushed(ksl_thread *t, enum ksi_kind kind, const void *lock);

/* --- order.c ------------------------------------------------------------------------ */

/* Locks of the record of holds come to ksi_order_pushed afterwards. */
static inline bool ksi_order_is_pushed(enum ksi_kind kind)
{
    return kind == KSI_SPINLOCK || kind == KSI_RWLOCK || kind == KSI_MTX_SPIN;
}

void ksi_order_check(ksl_thread *t, enum ksi_kind kind, const void *lock,
                     const void *site);

/* --- order_rules.c ------------------------------------------------------------------ */

/* A lock is about to be taken; and that while these are held. */
void ksi_rules_before(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site);
void ksi_rules_under(ksl_thread *t, enum ksi_kind kind, const void *lock,
                     const void *site, const struct ksi_held_batch *b);
void ksi_rules_forget_disabled(ksl_thread *t, const void *lock);
bool ksi_rules_disabled(const ksl_thread *t, const void *lock);
void ksi_rules_taken(ksl_thread *t, enum ksi_kind kind, const void *lock,
                     const void *site);

/* --- order_suppress.c --------------------------------------------------------------- */

/* A lock of a report. */
struct ksi_suspect {
    enum ksi_kind kind;
    const void *lock; /* NULL: there is none */
    const char *name; /* of its class, NULL: ask the lock */
    const void *init; /* where the locks of its class begin, NULL: unknown */
};
/* True if a line of a file of suppress=FILE is about a report of these two. */
bool ksi_suppressed(enum ksi_rule rule, const struct ksi_suspect *a,
                    const struct ksi_suspect *b);
/* Some line is there. */
bool ksi_suppresses(void);
/* Of a lock that exists. */
struct ksi_suspect ksi_suspect_of(enum ksi_kind kind, const void *lock);

/* --- order_report.c ----------------------------------------------------------------- */

enum { KSI_CYCLE_SHOWN = 32 };

/* The edges of a cycle, the new one first. */
struct ksi_cycle {
    unsigned length; /* 0: none */
    struct ksi_edge edge[KSI_CYCLE_SHOWN];
};
void ksi_report_cycle(const struct ksi_cycle *c, enum ksi_kind kind);
void ksi_report_duplicate(const struct ksi_held_lock *held, enum ksi_kind kind,
                          const void *lock, const void *site);
void ksi_report_irq(const struct ksi_irq_pair *p, const void *site);

#endif
