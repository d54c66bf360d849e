/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics: classes of locks. A node of order.h is used again when the one lock of its
 * class has ended; here a class stays what it was, with its name. `of_node` remembers
 * which one a node was last.
 */

#include "diag/stats.h"

#include "diag/named.h"
#include "diag/order.h"
#include "platform/host.h"

#include <string.h>

static struct ksi_stats_class *classes; /* entry 0 is none */
static uint32_t *table;                 /* atomic: numbers, by hash */
static uint32_t of_node[KSI_NODES];     /* atomic */
static uint32_t used = 1;               /* under the lock */
static struct ksi_rawlock class_lock;

enum { TABLE = 2 * KSI_STATS_CLASSES };

bool ksi_stats_classes_make(void)
{
    if (classes == NULL)
        classes = ksi_pages(KSI_STATS_CLASSES * sizeof *classes);
    if (table == NULL)
        table = ksi_pages(TABLE * sizeof *table);
    return classes != NULL && table != NULL;
}

const struct ksi_stats_class *ksi_stats_class_at(uint32_t class)
{
    return &classes[class];
}

static bool same(const struct ksi_stats_class *a, const struct ksi_stats_class *b)
{
    return a->key == b->key && a->by == b->by && a->kind == b->kind &&
           strcmp(a->name, b->name) == 0;
}

/* The number of it; 0: no room. */
static uint32_t class_number(const struct ksi_stats_class *c)
{
    uint64_t h = (c->key ^ c->kind ^ (uint64_t)c->by << 32) * 0x9e3779b97f4a7c15u;
    uint32_t number = 0;
    ksi_raw_lock(&class_lock);
    for (uint32_t at = (uint32_t)(h >> 32) % TABLE;; at = (at + 1) % TABLE) {
        number = table[at];
        if (number != 0 && !same(&classes[number], c))
            continue;
        if (number == 0 && used < KSI_STATS_CLASSES) {
            number = used++;
            classes[number] = *c;
            table[at] = number;
        }
        break;
    }
    ksi_raw_unlock(&class_lock);
    return number;
}

/* A class of locks of which only the kind is known. */
static uint32_t by_kind(enum ksi_kind kind)
{
    struct ksi_stats_class c = {.by = KSI_STATS_BY_KIND, .kind = kind};
    static uint32_t known[KSI_KINDS]; /* atomic */
    uint32_t number = ksi_load_acq(&known[kind]);
    if (number == 0 && kind != KSI_NO_KIND) {
        number = class_number(&c);
        ksi_store_rel(&known[kind], number);
    }
    return number;
}

/* A lock with a name, which the order checker leaves alone. */
static uint32_t by_name(enum ksi_kind kind, const struct ksi_named *l)
{
    struct ksi_stats_class c = {.by = KSI_BY_NAME, .kind = kind};
    const char *name = ksi_load(&l->name);
    for (unsigned i = 0; name != NULL && i + 1 < sizeof c.name && name[i] != '\0'; i++) {
        c.name[i] = (unsigned char)name[i] < ' ' ? '?' : name[i];
        c.key = c.key * 31 + (unsigned char)name[i];
    }
    return class_number(&c);
}

/* For a lock that may be gone: what its node was. */
static uint32_t from_before(enum ksi_kind kind, uint32_t node)
{
    uint32_t number = node < KSI_NODES ? ksi_load_acq(&of_node[node]) : 0;
    if (number != 0 && (kind == KSI_NO_KIND || classes[number].kind == (uint32_t)kind))
        return number;
    return by_kind(kind);
}

uint32_t ksi_stats_class_of(enum ksi_kind kind, const void *lock, bool exists)
{
    if (!exists)
        return from_before(kind, ksi_node_seen(lock));
    uint32_t node = ksi_node_of(kind, lock);
    if (node == KSI_EXEMPT_NODE)
        return by_name(kind, lock);
    if (node < KSI_FIRST_NODE)
        return by_kind(kind);
    struct ksi_node n;
    ksi_node_copy(&n, node);
    uint32_t number = ksi_load_acq(&of_node[node]);
    struct ksi_stats_class c = {.key = n.key, .by = n.by, .kind = n.kind};
    if (number != 0 && classes[number].key == c.key && classes[number].by == c.by &&
        classes[number].kind == c.kind)
        return number;
    _Static_assert(sizeof c.name >= sizeof n.name, "names fit");
    memcpy(c.name, n.name, sizeof n.name);
    number = class_number(&c);
    if (number == 0)
        return by_kind(kind);
    ksi_store_rel(&of_node[node], number);
    return number;
}

void ksi_stats_class_before_fork(void)
{
    ksi_raw_lock(&class_lock);
}

void ksi_stats_class_after_fork(bool child)
{
    if (child)
        ksi_raw_reset(&class_lock);
    else
        ksi_raw_unlock(&class_lock);
}
