/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order checker: `irq-unsafe`.
 *
 * A class is wanted by a handler of level h, and a lock of it, or of a class that comes
 * after it, is held somewhere with that interrupt open, at a level below h: then there is
 * a moment when the handler interrupts the holder and waits for what the holder, or
 * somebody who waits for the holder, has. In-band and out-of-band handlers are counted
 * apart, because they are held off in different ways. That the unlucky interrupt comes is
 * not needed for the report. The wish of a handler is passed on along the edges (reach).
 */

#include "diag/order.h"

#include "platform/testing.h"
#include "thread/irq_table.h"

#include <kslock/stage.h>

/* The level of the handler that t runs. */
static uint32_t handler_level(const ksl_thread *t)
{
    uint32_t level = 0;
    for (uint64_t active = t->active; active != 0; active &= active - 1) {
        uint32_t l = ksi_load(&ksi_irq_slots[__builtin_ctzll(active)].level);
        level = l > level ? l : level;
    }
    return level;
}

/* Below which level no handler of that stage comes to t now. */
static uint32_t open_level(const ksl_thread *t, unsigned stage)
{
    if (stage == KSL_STAGE_INBAND &&
        (ksi_load(&t->front.stalled) != 0 || ksi_load(&t->stage) == KSL_STAGE_OOB))
        return KSI_MASK_ALL;
    return ksi_load(&t->front.level);
}

/* Pairs that have been told, as long as both classes last; with the graph's lock. */
enum { TOLD = 1024 };
static uint32_t told[TOLD];
static uint32_t ntold;

/* Once for each pair of classes. */
static void found(uint32_t safe, uint32_t unsafe, unsigned stage, struct ksi_irq_pair *r)
{
    uint32_t pair = safe << 16 | unsafe;
    for (uint32_t i = 0; i < ntold; i++) {
        if (told[i] == pair)
            return;
    }
    if (ntold < TOLD)
        told[ntold++] = pair;
    r->safe = ksi_nodes[safe];
    r->unsafe = ksi_nodes[unsafe];
    r->stage = stage;
    r->found = true;
}

/* The number of a class that is gone will be that of another one. */
static void forget_told(uint32_t node)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < ntold; i++) {
        if (told[i] >> 16 != node && (told[i] & 0xffff) != node)
            told[kept++] = told[i];
    }
    ntold = kept;
}

/* A class becomes one that comes after a class that a handler of that level wants. */
struct rise {
    unsigned stage;
    uint32_t handler;
    uint32_t safe;
    uint32_t *unsafe; /* the nearest one that is held with it open */
};

static bool rise_here(uint32_t node, const void *arg)
{
    const struct rise *r = arg;
    struct ksi_use *u = &ksi_nodes[node].use[r->stage];
    uint32_t open = ksi_load(&u->open);
    if (u->reach < r->handler) {
        u->reach = r->handler;
        u->reach_from = r->safe;
    }
    if (*r->unsafe == 0 && open != 0 && open <= r->handler)
        *r->unsafe = node;
    return false;
}

static void rise_from(uint32_t node, unsigned stage, uint32_t handler, uint32_t safe,
                      struct ksi_irq_pair *p)
{
    uint32_t unsafe = 0;
    struct rise r = {stage, handler, safe, &unsafe};
    if (handler <= ksi_nodes[node].use[stage].reach)
        return;
    (void)ksi_graph_search(node, false, rise_here, &r);
    if (unsafe != 0 && p != NULL && !p->found)
        found(safe, unsafe, stage, p);
}

/* With the graph's lock: the class may have ended, and its number be that of another. */
static bool is_still(const void *key, uint32_t node)
{
    return ksi_node_seen(key) == node;
}

KSI_COLD static void wanted_new(ksl_thread *t, const void *key, uint32_t node,
                                unsigned stage, uint32_t handler, const void *site)
{
    struct ksi_irq_pair pair = {.found = false};
    struct ksi_use *u = &ksi_nodes[node].use[stage];
    uint32_t level = ksi_graph_lock(t);
    if (is_still(key, node) && handler > ksi_load(&u->handler)) {
        ksi_store(&u->handler, handler);
        u->handler_site = site;
        rise_from(node, stage, handler, node, &pair);
    }
    ksi_graph_unlock(t, level);
    if (pair.found)
        ksi_report_irq(&pair, site);
}

void ksi_irq_wanted(ksl_thread *t, const void *key, uint32_t node, const void *site)
{
    if (KSI_LIKELY(t->handlers == 0))
        return;
    unsigned stage = ksi_load(&t->stage) == KSL_STAGE_OOB;
    uint32_t handler = handler_level(t);
    if (handler > ksi_load(&ksi_nodes[node].use[stage].handler))
        wanted_new(t, key, node, stage, handler, site);
}

/* Held with more interrupts open than ever. */
KSI_COLD static void held_new(ksl_thread *t, const void *key, uint32_t node,
                              unsigned stage, uint32_t open, const void *site)
{
    struct ksi_irq_pair pair = {.found = false};
    struct ksi_use *u = &ksi_nodes[node].use[stage];
    KSI_POINT("order: held");
    uint32_t level = ksi_graph_lock(t);
    uint32_t seen = ksi_load(&u->open);
    if (is_still(key, node) && (seen == 0 || open < seen)) {
        ksi_store(&u->open, open);
        u->open_site = site;
        if (u->reach >= open)
            found(u->reach_from, node, stage, &pair);
    }
    ksi_graph_unlock(t, level);
    if (pair.found)
        ksi_report_irq(&pair, site);
}

static void held_in(ksl_thread *t, const void *key, uint32_t node, unsigned stage,
                    const void *site)
{
    uint32_t open = open_level(t, stage) + 1;
    uint32_t seen = ksi_load(&ksi_nodes[node].use[stage].open);
    if (open <= KSI_MASK_ALL && (seen == 0 || open < seen))
        held_new(t, key, node, stage, open, site);
}

void ksi_irq_held(ksl_thread *t, const void *key, uint32_t node, const void *site)
{
    held_in(t, key, node, KSL_STAGE_INBAND, site);
    held_in(t, key, node, KSL_STAGE_OOB, site);
}

void ksi_irq_edge(uint32_t from, uint32_t to, struct ksi_irq_pair *p)
{
    for (unsigned stage = 0; stage < 2; stage++) {
        const struct ksi_use *u = &ksi_nodes[from].use[stage];
        rise_from(to, stage, u->reach, u->reach_from, p);
    }
}

/* What others have from it: all is found anew. */
static void find_reach(unsigned stage, uint32_t gone)
{
    uint32_t end = ksi_nodes_end();
    for (uint32_t i = KSI_FIRST_NODE; i < end; i++)
        ksi_nodes[i].use[stage].reach = 0;
    for (uint32_t i = KSI_FIRST_NODE; i < end; i++) {
        uint32_t handler = ksi_load(&ksi_nodes[i].use[stage].handler);
        if (i != gone)
            rise_from(i, stage, handler, i, NULL);
    }
}

/* Its edges are gone already. */
void ksi_irq_drop(uint32_t node)
{
    forget_told(node);
    for (unsigned stage = 0; stage < 2; stage++) {
        struct ksi_use *u = &ksi_nodes[node].use[stage];
        if (u->reach != 0)
            find_reach(stage, node);
        ksi_store(&u->handler, 0u);
        ksi_store(&u->open, 0u);
        u->reach = 0;
    }
}
