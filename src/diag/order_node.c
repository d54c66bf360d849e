/* SPDX-License-Identifier: BSD-2-Clause */
/* Order checker: which class a lock belongs to. */

#include "diag/order.h"

#include "diag/classes.h"
#include "diag/last_words.h"
#include "diag/named.h"
#include "diag/spots.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/irq.h"

#include <string.h>
#include <unistd.h>

enum { CHAINS = 4096 };

struct ksi_node *ksi_nodes;
static struct ksi_spot *spots; /* number: of a node; more: a regime */
static uint32_t chains[CHAINS];
static uint32_t used = KSI_FIRST_NODE; /* nodes */
static uint32_t spare;                 /* dropped ones, linked by next */
struct ksi_rawlock ksi_nodes_lock;     /* of all of it; interrupts masked */
uint32_t ksi_class_epoch = 1;

bool ksi_nodes_make(void)
{
    if (spots == NULL)
        spots = ksi_pages(KSI_SPOTS * sizeof *spots);
    if (ksi_nodes == NULL)
        ksi_nodes = ksi_pages(KSI_NODES * sizeof *ksi_nodes);
    return spots != NULL && ksi_nodes != NULL;
}

bool ksi_classes_enable(void)
{
    return ksi_nodes_make();
}

uint32_t ksi_nodes_end(void)
{
    return used;
}

uint32_t ksi_graph_lock(ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    ksi_report_lock(&ksi_nodes_lock);
    return level;
}

void ksi_graph_unlock(ksl_thread *t, uint32_t level)
{
    ksi_report_unlock(&ksi_nodes_lock);
    ksi_irq_unmask(t, level);
}

void ksi_order_before_fork(void)
{
    ksi_raw_lock(&ksi_nodes_lock);
}

void ksi_order_after_fork(bool child)
{
    if (child)
        ksi_raw_reset(&ksi_nodes_lock);
    else
        ksi_raw_unlock(&ksi_nodes_lock);
}

void ksi_graph_full(const char *what, unsigned room)
{
    static uint32_t told;
    char line[160];
    struct ksi_text text = {line, sizeof line};
    if (!ksi_order_on() || ksi_xchg(&told, 1u) != 0)
        return; /* `stats` and `trace` go on with the kind of lock */
    ksi_say(&text,
            "kslock: order: no room for more than %u %s; what is new is not checked\n",
            room, what);
    int cancel = ksi_cancel_off();
    ssize_t written = write(STDERR_FILENO, line, sizeof line - text.left);
    (void)written; /* nobody listens */
    ksi_cancel_back(cancel);
}

/* --- spots -------------------------------------------------------------------------- */

/* NULL: there is none. */
static struct ksi_spot *spot_find(const void *lock)
{
    return ksi_spot_find((struct ksi_spots){spots, KSI_SPOTS, KSI_PROBES}, lock);
}

/* Under the lock: a spot for it; NULL: no room. */
static struct ksi_spot *spot_make(const void *lock)
{
    return ksi_spot_make((struct ksi_spots){spots, KSI_SPOTS, KSI_PROBES}, lock);
}

uint32_t ksi_spot_regime(const void *lock, uint32_t regime)
{
    struct ksi_spot *s = spot_find(lock);
    uint32_t seen = 0;
    if (s != NULL && !ksi_cas(&s->more, &seen, regime))
        return seen;
    return 0;
}

/* --- nodes -------------------------------------------------------------------------- */

struct identity {
    uint64_t key;
    enum ksi_by by;
    enum ksi_kind kind;
    bool dupok;
    bool exempt;
    char name[KSI_NODE_TEXT];
};

static bool carries_name(enum ksi_kind kind)
{
    return kind == KSI_SX || kind == KSI_MTX || kind == KSI_MTX_SPIN;
}

static void by_name(struct identity *id, const struct ksi_named *l)
{
    unsigned flags = ksi_load(&l->flags);
    const char *name = ksi_load(&l->name);
    id->by = KSI_BY_NAME;
    id->exempt = (flags & KSI_NAMED_WITNESS) == 0;
    id->dupok = (flags & KSI_NAMED_DUPOK) != 0;
    id->key = 14695981039346656037u;
    if (name == NULL)
        name = "?";
    for (unsigned i = 0; name[i] != '\0'; i++) {
        id->key = (id->key ^ (unsigned char)name[i]) * 1099511628211u;
        if (i + 1 < KSI_NODE_TEXT)
            id->name[i] = (unsigned char)name[i] < ' ' ? '?' : name[i];
    }
}

static void identify(struct identity *id, enum ksi_kind kind, const void *lock,
                     const void *site)
{
    struct ksi_class number;
    memset(id, 0, sizeof *id);
    id->kind = kind;
    if (carries_name(kind)) {
        by_name(id, lock);
    } else if (kind >= KSI_SIMPLE && kind <= KSI_DRW && ksi_class_find(lock, &number)) {
        id->by = KSI_BY_NUMBER;
        id->key = (uint64_t)(uint16_t)number.class << 16 | (uint16_t)number.occurrence;
    } else {
        id->by = site != NULL ? KSI_BY_SITE : KSI_BY_ADDRESS;
        id->key = (uint64_t)(uintptr_t)(site != NULL ? site : lock);
    }
}

static uint32_t *chain_of(uint64_t key)
{
    return &chains[ksi_spot_hash(key, CHAINS)];
}

static bool same(const struct ksi_node *n, const struct identity *id)
{
    return n->key == id->key && n->by == id->by && n->kind == id->kind &&
           strcmp(n->name, id->name) == 0;
}

/*
 * A dropped node may still be looked at by who has found it in a spot just before: what
 * is read without the lock is written atomically. Dropping has left no edges and no uses.
 */
static void fill(struct ksi_node *n, const struct identity *id, const void *lock)
{
    n->key = id->key;
    n->by = id->by;
    n->lock = lock;
    memcpy(n->name, id->name, sizeof n->name);
    n->mark = 0;
    ksi_store(&n->dupok, 0u);
    ksi_store(&n->told, 0u);
    ksi_store(&n->kind, id->kind);
}

/* Under the lock: the node of that identity, made if there is none; 0: no room. */
static uint32_t node_make(const struct identity *id, const void *lock)
{
    uint32_t *chain = chain_of(id->key);
    uint32_t node = *chain;
    if (id->exempt)
        return KSI_EXEMPT_NODE;
    while (node != 0 && !same(&ksi_nodes[node], id))
        node = ksi_nodes[node].next;
    if (node == 0) {
        node = spare != 0 ? spare : used;
        if (node == KSI_NODES)
            return KSI_NO_NODE;
        struct ksi_node *n = &ksi_nodes[node];
        if (spare != 0)
            spare = n->next;
        else
            used++;
        n->next = *chain;
        fill(n, id, lock);
        *chain = node;
    }
    if (id->dupok)
        ksi_store(&ksi_nodes[node].dupok, 1u);
    return node;
}

/* Under the lock: the class of one address ends with the lock there. */
static void node_drop(uint32_t node)
{
    uint32_t *at = chain_of(ksi_nodes[node].key);
    while (*at != node)
        at = &ksi_nodes[*at].next;
    *at = ksi_nodes[node].next;
    ksi_edges_drop(node);
    ksi_irq_drop(node);
    ksi_store(&ksi_nodes[node].kind, KSI_NO_KIND); /* it is none, see order_json.c */
    ksi_nodes[node].next = spare;
    spare = node;
}

/* Under the lock. */
static void forget(const void *lock)
{
    struct ksi_spot *s = spot_find(lock);
    uint32_t node = s != NULL ? ksi_load(&s->number) : KSI_NO_NODE;
    if (node == KSI_NO_NODE || KSI_FAULT(ORDER_STALE_CLASS))
        return;
    if (node != KSI_EXEMPT_NODE && ksi_nodes[node].by == KSI_BY_ADDRESS)
        node_drop(node);
    ksi_store(&s->more, 0u);
    ksi_store(&s->number, (uint32_t)KSI_NO_NODE);
    /* Last: who sees it finds the old number no more, see class_of in order.c. */
    ksi_store_rel(&ksi_class_epoch, ksi_load(&ksi_class_epoch) + 1);
}

static uint32_t enter(enum ksi_kind kind, const void *lock, const void *site)
{
    ksl_thread *t = ksi_self();
    struct identity id;
    identify(&id, kind, lock, site);
    uint32_t level = ksi_graph_lock(t);
    struct ksi_spot *s = spot_make(lock);
    uint32_t node = s != NULL ? node_make(&id, lock) : KSI_NO_NODE;
    if (KSI_FAULT(ORDER_STALE_CLASS) && s != NULL && ksi_load(&s->number) != KSI_NO_NODE)
        node = ksi_load(&s->number);
    if (s != NULL)
        ksi_store_rel(&s->number, node);
    ksi_graph_unlock(t, level);
    if (s == NULL)
        ksi_graph_full("locks", KSI_SPOTS);
    else if (node == KSI_NO_NODE)
        ksi_graph_full("lock classes", KSI_NODES - KSI_FIRST_NODE);
    return node;
}

void ksi_node_copy(struct ksi_node *to, uint32_t node)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_graph_lock(t);
    const struct ksi_node *n = &ksi_nodes[node];
    *to = (struct ksi_node){.key = n->key, .by = n->by, .kind = ksi_load(&n->kind)};
    memcpy(to->name, n->name, sizeof n->name);
    ksi_graph_unlock(t, level);
}

uint32_t ksi_node_seen(const void *lock)
{
    const struct ksi_spot *s = spot_find(lock);
    uint32_t node = s != NULL ? ksi_load_acq(&s->number) : KSI_NO_NODE;
    return s != NULL && ksi_load(&s->lock) == lock ? node : KSI_NO_NODE;
}

uint32_t ksi_node_of(enum ksi_kind kind, const void *key)
{
    const struct ksi_spot *s = spot_find(key);
    uint32_t node = s != NULL ? ksi_load_acq(&s->number) : KSI_NO_NODE;
    if (node == KSI_EXEMPT_NODE && carries_name(kind))
        return node;
    if (node >= KSI_FIRST_NODE && ksi_load(&ksi_nodes[node].kind) == kind &&
        ksi_load(&s->lock) == key)
        return node;
    if (node != KSI_NO_NODE)
        ksi_order_end(key); /* the memory is another kind of lock now */
    return enter(kind, key, NULL);
}

void ksi_order_begin(enum ksi_kind kind, const void *lock, const void *site)
{
    ksi_order_end(lock);
    if (kind != KSI_STAX) /* its nodes are made when they are needed */
        (void)enter(kind, lock, site);
}

void ksi_order_end(const void *lock)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_graph_lock(t);
    forget(lock);
    forget(ksi_gate_key(lock, 1));
    ksi_graph_unlock(t, level);
}

void ksi_order_void(const void *lock)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_graph_lock(t);
    const struct ksi_spot *s = spot_find(lock);
    uint32_t node = s != NULL ? ksi_load(&s->number) : KSI_NO_NODE;
    if (node >= KSI_FIRST_NODE) {
        ksi_edges_drop(node);
        ksi_irq_drop(node);
    }
    forget(lock);
    ksi_graph_unlock(t, level);
}
