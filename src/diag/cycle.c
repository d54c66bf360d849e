/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Circles in who waits for whom. A thread that waits for a lock is kept by everybody who
 * holds it, so from each there may be several ways; they are followed depth first, for a
 * bounded number of looks.
 */

#include "diag/view.h"
#include "thread/registry.h"

enum { DEEPEST = 32, LOOKS = 200000 };

/* A thread on the way, what it waits for, and the next candidate for its holder. */
struct step {
    const ksl_thread *thread;
    struct ksi_wait_view wait;
    uint32_t next;
};

struct way {
    struct step steps[DEEPEST];
    unsigned n;
    unsigned looks;
};

static bool keeps(const ksl_thread *u, const struct step *s)
{
    struct ksi_holding h;
    if (u == s->thread && s->wait.upgrades)
        return false;
    return ksi_view_holds(u, s->wait.key, &h) ||
           ksi_up_view_owner(s->wait.kind, s->wait.key) == u;
}

/* Adds t, if it waits for something that others can hold. */
static bool push(struct way *w, const ksl_thread *t)
{
    struct step *s = &w->steps[w->n];
    if (w->n == DEEPEST || !ksi_up_view_wait(t, &s->wait) || !s->wait.owned ||
        s->wait.woken)
        return false;
    s->thread = t;
    s->next = 1;
    w->n++;
    return true;
}

static bool on_way(const struct way *w, const ksl_thread *t)
{
    for (unsigned i = 0; i < w->n; i++) {
        if (w->steps[i].thread == t)
            return true;
    }
    return false;
}

/* True if the way leads back to its first thread: then steps 0 to n-1 are the circle. */
static bool find(struct way *w, const ksl_thread *start)
{
    uint32_t all = ksi_registry_allocated();
    w->n = 0;
    w->looks = 0;
    (void)push(w, start);
    while (w->n > 0) {
        struct step *s = &w->steps[w->n - 1];
        if (s->next > all || ++w->looks > LOOKS) {
            w->n--;
            continue;
        }
        const ksl_thread *u = ksi_view_thread(s->next++);
        if (u == NULL || !keeps(u, s))
            continue;
        if (u == start)
            return true;
        if (!on_way(w, u))
            (void)push(w, u);
    }
    return false;
}

static void say(struct ksi_out *out, const struct way *w)
{
    ksi_out(out, "kslock: deadlock of %u thread%s: ", w->n, w->n == 1 ? "" : "s");
    for (unsigned i = 0; i < w->n; i++) {
        const struct step *s = &w->steps[i];
        const ksl_thread *u = w->steps[(i + 1) % w->n].thread;
        struct ksi_holding h;
        if (i == 0)
            ksi_out_thread(out, s->thread);
        ksi_out(out, "%s waits for ", i == 0 ? "" : ", which");
        ksi_out_lock(out, s->wait.kind, ksi_view_lock(s->wait.kind, s->wait.key));
        ksi_out(out, ", held by ");
        if (u == s->thread)
            ksi_out(out, "itself");
        else
            ksi_out_thread(out, u);
        if (ksi_view_holds(u, s->wait.key, &h) && h.site != NULL) {
            ksi_out(out, " since ");
            ksi_out_site(out, h.site);
        }
    }
    ksi_out(out, "\n");
}

/* Of all threads of a circle the first one tells it. */
static bool is_first(const struct way *w)
{
    for (unsigned i = 1; i < w->n; i++) {
        if (w->steps[i].thread->id < w->steps[0].thread->id)
            return false;
    }
    return true;
}

unsigned ksi_view_cycles(struct ksi_out *out, const ksl_thread *only)
{
    struct way w;
    unsigned found = 0;
    uint32_t n = ksi_registry_allocated();
    for (uint32_t id = 1; id <= n; id++) {
        const ksl_thread *t = ksi_view_thread(id);
        if (t == NULL || (only != NULL && t != only) || !find(&w, t))
            continue;
        if (only == NULL && !is_first(&w))
            continue;
        say(out, &w);
        found++;
    }
    return found;
}
