/* SPDX-License-Identifier: BSD-2-Clause */
/* Statistics: what locks, classes, places, threads and stacks are called. */

#include "diag/stats_view.h"

#include "diag/order.h"
#include "thread/irq.h"

#include <stdio.h>
#include <string.h>

/* An out without a file: what was said is in its room, if it is not too long for that. */
static void begin(struct ksi_out *out)
{
    ksi_out_begin(out, -1);
}

static void end(struct ksi_out *out, char *to)
{
    size_t n = out->used < KSI_STATS_NAME ? out->used : KSI_STATS_NAME - 1;
    memcpy(to, out->room, n);
    to[n] = '\0';
}

static void *pointer_of(uint64_t key)
{
    return (void *)(uintptr_t)key; // NOLINT: the key is an address
}

/* A handler would wait for what the look at the lock's class has locked. */
static void name_lock(struct ksi_out *out, uint32_t kind, const void *lock)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_irq_mask(t);
    ksi_out_lock(out, (enum ksi_kind)kind, lock);
    ksi_irq_unmask(t, level);
}

void ksi_stats_name_class(char *to, uint32_t class, uint32_t kind)
{
    const struct ksi_stats_class *c = ksi_stats_class_at(class);
    const char *what = ksi_kind_name(kind);
    struct ksi_out out;
    begin(&out);
    if (class == 0 || c->by == KSI_STATS_BY_KIND) {
        ksi_out(&out, "%s", what);
    } else if (c->by == KSI_BY_NAME) {
        ksi_out(&out, "%s \"%s\"", what, c->name);
    } else if (c->by == KSI_BY_NUMBER) {
        ksi_out(&out, "%s of class %d", what, (int)(int16_t)(uint16_t)(c->key >> 16));
        if ((int16_t)(uint16_t)c->key != -1)
            ksi_out(&out, ", occurrence %d", (int)(int16_t)(uint16_t)c->key);
    } else if (c->by == KSI_BY_SITE) {
        ksi_out(&out, "%s made at ", what);
        ksi_out_site(&out, pointer_of(c->key));
    } else {
        name_lock(&out, kind, pointer_of(c->key));
    }
    end(&out, to);
}

void ksi_stats_name_lock(char *to, const struct ksi_stats_sum *s)
{
    const struct ksi_stats_class *c = ksi_stats_class_at(s->class);
    struct ksi_out out;
    begin(&out);
    if (s->class != 0 && c->by == KSI_BY_NAME) /* the lock may be gone */
        ksi_out(&out, "%s %p (%s)", ksi_kind_name(s->kind), s->lock, c->name);
    else
        name_lock(&out, s->kind, s->lock);
    end(&out, to);
}

void ksi_stats_name_site(char *to, const void *site)
{
    struct ksi_out out;
    begin(&out);
    ksi_out_site(&out, site);
    end(&out, to);
}

void ksi_stats_name_thread(char *to, const struct ksi_stats_line *line)
{
    char name[KSI_NAME_MAX];
    memcpy(name, line->name, sizeof name);
    name[sizeof name - 1] = '\0';
    for (char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ')
            *c = '?';
    }
    struct ksi_out out;
    begin(&out);
    if (line->threads > 1)
        ksi_out(&out, "%u exited threads", line->threads);
    else if (name[0] != '\0')
        ksi_out(&out, "thread %d (%s)", line->tid, name);
    else
        ksi_out(&out, "thread %d", line->tid);
    end(&out, to);
}

void ksi_stats_name_stack(char *to, const struct ksi_stats_stack *s, unsigned frames)
{
    struct ksi_out out;
    begin(&out);
    for (unsigned i = 0; i < s->frames && i < frames; i++) {
        char one[KSI_STATS_NAME];
        ksi_stats_name_site(one, s->frame[i]);
        if (out.used + strlen(one) + 4 > sizeof out.room)
            break;
        ksi_out(&out, "%s%s", i > 0 ? " < " : "", one);
    }
    if (s->frames == 0)
        ksi_out(&out, "other stacks");
    end(&out, to);
}
