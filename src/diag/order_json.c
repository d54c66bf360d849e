/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Order checker: the graph as JSON.
 *
 *   {"classes":[{"id":2,"name":"sx foo","kind":"sx","by":"name","lock":"0x...",
 *                "dupok":false,"handler":[0,0],"open":[1,0]}],
 *    "edges":[{"from":2,"to":3,"from_site":"a.c:10","to_site":"a.c:11","tid":123}]}
 *
 * id      of the class, in edges; not the same in another run
 * name    as reports have it
 * by      what makes locks one class: name, number (lock_alloc), site (of their
 *         initialisation), address
 * handler level of the most urgent handler, in-band and out-of-band, that waits for such
 * a lock, 0: none open    1 + the lowest interrupt level, likewise, with which one is
 * held; 0: never held
 */

#define _GNU_SOURCE 1

#include "diag/json.h"
#include "diag/order.h"
#include "diag/switch.h"
#include "diag/symbols.h"
#include "diag/trace.h"
#include "thread/irq.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static int file = -1; /* atomic */
static int writer;

/*
 * Names are looked for outside of the lock, in a copy. Both return the number of the next
 * one from id on, or 0; the lock is held for some of them at a time.
 */
enum { AT_A_TIME = 256 };

/* What is written out; `told` is changed without the lock. */
static void copy_class(struct ksi_node *to, const struct ksi_node *from)
{
    to->key = from->key;
    to->by = from->by;
    to->kind = from->kind;
    to->dupok = ksi_load(&from->dupok);
    to->lock = from->lock;
    for (unsigned i = 0; i < 2; i++) {
        to->use[i].handler = ksi_load(&from->use[i].handler);
        to->use[i].open = ksi_load(&from->use[i].open);
    }
    memcpy(to->name, from->name, sizeof to->name);
}

static uint32_t copy_node(uint32_t id, struct ksi_node *n)
{
    ksl_thread *self = ksi_self();
    uint32_t found = 0;
    while (found == 0 && id < KSI_NODES) {
        uint32_t end = id + AT_A_TIME < KSI_NODES ? id + AT_A_TIME : KSI_NODES;
        uint32_t level = ksi_graph_lock(self);
        for (; found == 0 && id < end; id++)
            found = ksi_nodes[id].kind != KSI_NO_KIND ? id : 0;
        if (found != 0)
            copy_class(n, &ksi_nodes[found]);
        ksi_graph_unlock(self, level);
    }
    return found;
}

static uint32_t copy_edge(uint32_t id, struct ksi_edge *e)
{
    ksl_thread *self = ksi_self();
    uint32_t found = 0;
    while (found == 0 && id < KSI_EDGES) {
        uint32_t end = id + AT_A_TIME < KSI_EDGES ? id + AT_A_TIME : KSI_EDGES;
        uint32_t level = ksi_graph_lock(self);
        for (; found == 0 && id < end; id++)
            found = ksi_edges[id].from != KSI_NO_NODE ? id : 0;
        if (found != 0)
            *e = ksi_edges[found];
        ksi_graph_unlock(self, level);
    }
    return found;
}

/* Text that is printed by ksi_out, as a string. */
static void put_lock(struct ksi_out *out, const struct ksi_node *n)
{
    struct ksi_out text;
    ksi_out_begin(&text, -1);
    if (n->by == KSI_BY_NAME) {
        ksi_out(&text, "%s %s", ksi_kind_name((unsigned)n->kind), n->name);
    } else if (n->by == KSI_BY_NUMBER) {
        ksi_out(&text, "%s of class %d", ksi_kind_name((unsigned)n->kind),
                (int16_t)(n->key >> 16));
        if ((int16_t)n->key != -1)
            ksi_out(&text, ", occurrence %d", (int16_t)n->key);
    } else if (n->by == KSI_BY_SITE) {
        ksi_out(&text, "%s made at ", ksi_kind_name((unsigned)n->kind));
        ksi_out_site(&text, (const void *)(uintptr_t)n->key); // NOLINT: key is a place
    } else {
        ksl_thread *self = ksi_self();
        uint32_t level = ksi_irq_mask(self); /* as ksi_class_try wants it */
        ksi_out_lock(&text, n->kind, n->lock);
        ksi_irq_unmask(self, level);
    }
    ksi_json_text(out, ksi_json_caught(&text));
}

static void put_site(struct ksi_out *out, const void *site)
{
    struct ksi_out text;
    ksi_out_begin(&text, -1);
    ksi_out_site(&text, site);
    ksi_json_text(out, ksi_json_caught(&text));
}

static void put_node(struct ksi_out *out, uint32_t id, const struct ksi_node *n)
{
    static const char *const by[] = {"name", "number", "site", "address"};
    ksi_out(out, "{\"id\":%u,\"name\":", id);
    put_lock(out, n);
    ksi_out(out, ",\"kind\":");
    ksi_json_text(out, ksi_kind_name((unsigned)n->kind));
    ksi_out(out, ",\"by\":\"%s\",\"lock\":\"%p\",\"dupok\":%s", by[n->by & 3], n->lock,
            n->dupok != 0 ? "true" : "false");
    ksi_out(out, ",\"handler\":[%u,%u],\"open\":[%u,%u]}", n->use[0].handler,
            n->use[1].handler, n->use[0].open, n->use[1].open);
}

static void put_edge(struct ksi_out *out, const struct ksi_edge *e)
{
    ksi_out(out, "{\"from\":%u,\"to\":%u,\"from_site\":", e->from, e->to);
    put_site(out, e->from_site);
    ksi_out(out, ",\"to_site\":");
    put_site(out, e->to_site);
    ksi_out(out, ",\"tid\":%d}", e->tid);
}

void ksi_order_json(struct ksi_out *out)
{
    struct ksi_node node;
    struct ksi_edge edge;
    const char *comma = "";
    uint32_t id = KSI_FIRST_NODE;
    ksi_out(out, "{\"classes\":[");
    for (; ksi_edges != NULL && (id = copy_node(id, &node)) != 0; id++) {
        ksi_out(out, "%s\n", comma);
        put_node(out, id, &node);
        comma = ",";
    }
    ksi_out(out, "],\n\"edges\":[");
    comma = "";
    for (id = 1; ksi_edges != NULL && (id = copy_edge(id, &edge)) != 0; id++) {
        ksi_out(out, "%s\n", comma);
        put_edge(out, &edge);
        comma = ",";
    }
    ksi_out(out, "]}");
}

void ksi_graph_file(int fd)
{
    int old = ksi_xchg(&file, fd);
    writer = (int)getpid();
    if (old >= 0)
        close(old);
}

void ksi_graph_forget(void)
{
    int old = ksi_xchg(&file, -1);
    if (old >= 0)
        close(old);
}

void ksi_graph_write_at_exit(void)
{
    int saved = errno;
    struct ksi_out out;
    struct ksi_symbols symbols;
    int fd = ksi_load(&file);
    if (fd < 0 || writer != ksi_report_pid())
        return;
    if (ftruncate(fd, 0) == 0)
        (void)lseek(fd, 0, SEEK_SET);
    struct ksi_symbols *before = ksi_symbols_begin(&symbols);
    ksi_out_begin(&out, fd);
    ksi_order_json(&out);
    ksi_out(&out, "\n");
    ksi_out_end(&out);
    ksi_symbols_end(before);
    errno = saved;
}
