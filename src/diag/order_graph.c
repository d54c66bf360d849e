/* SPDX-License-Identifier: BSD-2-Clause */
/* Order checker: edges, and ways along them. */

#include "diag/order.h"

#include "platform/host.h"

struct ksi_edge *ksi_edges;

/*
 * Pairs that have been looked at, linked or not: from, to in one number. Read without a
 * lock. An entry of a dropped node is GONE, and used again.
 */
enum { GONE = 1 };
static uint32_t *known;
static uint32_t used = 1; /* edges */
static uint32_t spare;    /* linked by next_out */
static uint32_t marks;    /* the latest search */
static uint32_t queue[KSI_NODES];

_Static_assert(KSI_NODES <= 1 << 16 && KSI_FIRST_NODE > 1, "a pair is a number above 1");

bool ksi_edges_make(void)
{
    if (known == NULL)
        known = ksi_pages(KSI_KNOWN * sizeof *known);
    if (ksi_edges == NULL)
        ksi_edges = ksi_pages(KSI_EDGES * sizeof *ksi_edges);
    return known != NULL && ksi_edges != NULL;
}

static uint32_t pair_of(uint32_t from, uint32_t to)
{
    return from << 16 | to;
}

static uint32_t place_of(uint32_t pair)
{
    return (uint32_t)(((uint64_t)pair * 0x9e3779b97f4a7c15u) >> 32) & (KSI_KNOWN - 1);
}

bool ksi_edge_known(uint32_t from, uint32_t to)
{
    uint32_t pair = pair_of(from, to);
    for (uint32_t at = place_of(pair), i = 0; i < KSI_PROBES; i++) {
        uint32_t seen = ksi_load_acq(&known[(at + i) & (KSI_KNOWN - 1)]);
        if (seen == pair || seen == 0)
            return seen != 0;
    }
    return false;
}

bool ksi_edge_meet(uint32_t from, uint32_t to)
{
    uint32_t pair = pair_of(from, to);
    if (ksi_edge_known(from, to))
        return false;
    for (uint32_t at = place_of(pair), i = 0; i < KSI_PROBES; i++) {
        uint32_t *k = &known[(at + i) & (KSI_KNOWN - 1)];
        if (ksi_load(k) > GONE)
            continue;
        ksi_store_rel(k, pair);
        return true;
    }
    return false;
}

bool ksi_edge_add(const struct ksi_edge *e)
{
    uint32_t n = spare != 0 ? spare : used;
    if (n == KSI_EDGES)
        return false;
    if (spare != 0)
        spare = ksi_edges[n].next_out;
    else
        used++;
    ksi_edges[n] = *e;
    ksi_edges[n].next_out = ksi_nodes[e->from].out;
    ksi_edges[n].next_in = ksi_nodes[e->to].in;
    ksi_nodes[e->from].out = n;
    ksi_nodes[e->to].in = n;
    return true;
}

static void unlink_out(uint32_t n)
{
    uint32_t *at = &ksi_nodes[ksi_edges[n].from].out;
    while (*at != n)
        at = &ksi_edges[*at].next_out;
    *at = ksi_edges[n].next_out;
}

static void unlink_in(uint32_t n)
{
    uint32_t *at = &ksi_nodes[ksi_edges[n].to].in;
    while (*at != n)
        at = &ksi_edges[*at].next_in;
    *at = ksi_edges[n].next_in;
}

static void edge_drop(uint32_t n)
{
    unlink_out(n);
    unlink_in(n);
    ksi_edges[n].from = KSI_NO_NODE; /* it is none, see order_json.c */
    ksi_edges[n].next_out = spare;
    spare = n;
}

void ksi_edges_drop(uint32_t node)
{
    if (known == NULL)
        return; /* classes without an order */
    while (ksi_nodes[node].out != 0)
        edge_drop(ksi_nodes[node].out);
    while (ksi_nodes[node].in != 0)
        edge_drop(ksi_nodes[node].in);
    for (uint32_t i = 0; i < KSI_KNOWN; i++) {
        uint32_t pair = ksi_load(&known[i]);
        if (pair > GONE && (pair >> 16 == node || (pair & 0xffff) == node))
            ksi_store(&known[i], (uint32_t)GONE);
    }
}

uint32_t ksi_graph_search(uint32_t start, bool backward, ksi_graph_stop stop,
                          const void *arg)
{
    uint32_t head = 0;
    uint32_t tail = 1;
    marks++;
    queue[0] = start;
    ksi_nodes[start].mark = marks;
    ksi_nodes[start].via = 0;
    while (head < tail) {
        uint32_t node = queue[head++];
        if (stop(node, arg))
            return node;
        uint32_t n = backward ? ksi_nodes[node].in : ksi_nodes[node].out;
        while (n != 0) {
            const struct ksi_edge *e = &ksi_edges[n];
            uint32_t next = backward ? e->from : e->to;
            if (ksi_nodes[next].mark != marks) {
                ksi_nodes[next].mark = marks;
                ksi_nodes[next].via = n;
                queue[tail++] = next;
            }
            n = backward ? e->next_in : e->next_out;
        }
    }
    return 0;
}
