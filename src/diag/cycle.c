/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Circles in who waits for whom. Who waits for a lock is kept waiting by everybody who
 * holds it, so from each thread there may be several ways; they are followed depth first,
 * for a bounded number of looks.
 *
 *   waits for                        kept by
 *   a lock with an owner             the owner that the word names
 *   a lock to share it, no owner     whoever waits to have it alone
 *   a lock to have it alone          whoever shares it, by the records
 *   a stax                           whoever of the other stage is inside, by the records
 *   a semaphore used as a lock       whoever took its unit, by the records
 *   an event, a time                 nobody
 *
 * The dump tells what it sees. A deadlock told at once, by the thread whose wait closes
 * the circle, must be one:
 *   - a wait with a date ends by itself, and is no part of it;
 *   - a wait that a signal or a forced unblock can end is, because nobody may ever send
 *     one; the report says so;
 *   - everything is looked at twice. A thread that is in the same wait (wait_number) both
 *     times has waited all the time between, and has given nothing back; so at the moment
 *     between the two looks all threads of the circle waited for what the next one had.
 *
 * wait_number is counted up by 8 when a wait begins, before the thread shows itself
 * asleep; below that it says what can end the wait.
 */

#include "diag/cycle.h"

#include "diag/entered.h"
#include "diag/view.h"
#include "platform/host.h"
#include "thread/irq.h"
#include "thread/registry.h"

#include <kslock/diag.h>

#include <errno.h>

enum { DEEPEST = 32, LOOKS = 200000, TRIES = 20 };

/* A thread on the way, what it waits for, and the next candidate for its keeper. */
struct step {
    const ksl_thread *thread;
    struct ksi_wait_view wait;
    const ksl_thread *owner; /* the only candidate, NULL: all are */
    uint32_t number;
    uint32_t next;
};

struct way {
    struct step steps[DEEPEST];
    unsigned n;
    unsigned looks;
    bool sure; /* no part of it may be a mistake */
    bool busy; /* something could not be read just now */
};

static uint32_t number_of(const ksl_thread *t, const struct ksi_wait_view *v)
{
    if (v->spins)
        return (uint32_t)ksi_load(&t->spins_since) & ~(uint32_t)(KSI_WAIT_FLAGS);
    return ksi_load(&t->wait_number);
}

static bool is_inside(const ksl_thread *u, const struct step *s)
{
    struct ksi_entered e;
    struct ksi_holding h;
    unsigned stage = ksi_load(&s->thread->stage);
    if (ksi_load(&s->thread->handlers) > 0)
        return false; /* that is the stage of a handler, for a moment */
    if (ksi_entered_find(u, s->wait.key, &e))
        return e.stage != stage;
    /* Counted entries in slots may have been taken off by others. */
    return ksi_view_holds(u, s->wait.key, &h) && (!h.counted) &&
           ksi_load(&u->stage) != stage;
}

/* Waits to have alone what s wants to share. */
static bool is_before(const ksl_thread *u, const struct step *s)
{
    struct ksi_wait_view v;
    return u != s->thread && ksi_up_view_wait(u, &v) && v.key == s->wait.key && v.owned &&
           !v.shares && !v.spins && !v.woken;
}

static bool holds(const ksl_thread *u, const struct step *s)
{
    struct ksi_entered e;
    struct ksi_holding h;
    if (s->wait.kind == KSI_STAX)
        return is_inside(u, s);
    if (s->wait.kind == KSI_KSEM)
        return ksi_entered_find(u, s->wait.key, &e) && !e.unsure;
    return ksi_view_holds(u, s->wait.key, &h) && (!s->wait.shares || !h.shared);
}

static bool keeps(const ksl_thread *u, const struct step *s)
{
    if (u == s->thread && s->wait.upgrades)
        return false;
    if (s->owner != NULL)
        return u == s->owner;
    return holds(u, s) || (s->wait.shares && is_before(u, s));
}

/* Whether t waits, and for something that others can hold. */
static bool look_at(struct way *w, struct step *s, const ksl_thread *t)
{
    s->thread = t;
    s->next = 1;
    s->owner = NULL;
    if (!ksi_up_view_wait(t, &s->wait) || s->wait.woken)
        return false;
    s->number = number_of(t, &s->wait);
    if (!s->wait.owned && s->wait.kind != KSI_KSEM)
        return false;
    if (w->sure && s->wait.busy)
        w->busy = true;
    if (w->sure && (s->wait.busy || (s->number & KSI_WAIT_TIMED) != 0))
        return false;
    if (s->wait.kind != KSI_STAX && s->wait.kind != KSI_KSEM)
        s->owner = ksi_up_view_owner(s->wait.kind, s->wait.key);
    return true;
}

static void push(struct way *w, const ksl_thread *t)
{
    if (w->n < DEEPEST && look_at(w, &w->steps[w->n], t))
        w->n++;
}

static bool on_way(const struct way *w, const ksl_thread *t)
{
    for (unsigned i = 0; i < w->n; i++) {
        if (w->steps[i].thread == t)
            return true;
    }
    return false;
}

/* The next thread that may keep the step; NULL: there is none. */
static const ksl_thread *next_keeper(struct step *s, uint32_t all)
{
    if (s->owner != NULL)
        return s->next++ == 1 && ksi_thread_alive(s->owner) ? s->owner : NULL;
    while (s->next <= all) {
        const ksl_thread *u = ksi_view_thread(s->next++);
        if (u != NULL && keeps(u, s))
            return u;
    }
    return NULL;
}

/* True if the way leads back to its first thread: then steps 0 to n-1 are the circle. */
static bool find(struct way *w, const ksl_thread *start)
{
    uint32_t all = ksi_registry_allocated();
    w->n = 0;
    w->looks = 0;
    w->busy = false;
    push(w, start);
    while (w->n > 0) {
        struct step *s = &w->steps[w->n - 1];
        const ksl_thread *u = next_keeper(s, all);
        if (u == NULL || (w->looks += all) > LOOKS)
            w->n--;
        else if (u == start && !(u == s->thread && s->wait.upgrades))
            return true;
        else if (!on_way(w, u))
            push(w, u);
    }
    return false;
}

static void say_step(struct ksi_out *out, const struct step *s, const ksl_thread *u)
{
    struct ksi_holding h;
    ksi_out_lock(out, s->wait.kind, ksi_view_lock(s->wait.kind, s->wait.key));
    bool held = s->owner != NULL || holds(u, s);
    ksi_out(out, held ? ", held by " : " to share it, behind ");
    if (u == s->thread)
        ksi_out(out, "itself");
    else
        ksi_out_thread(out, u);
    if (held && ksi_view_holds(u, s->wait.key, &h) && h.site != NULL) {
        ksi_out(out, " since ");
        ksi_out_site(out, h.site);
    }
}

static void say(struct ksi_out *out, const struct way *w)
{
    ksi_out(out, "kslock: deadlock of %u thread%s: ", w->n, w->n == 1 ? "" : "s");
    for (unsigned i = 0; i < w->n; i++) {
        const struct step *s = &w->steps[i];
        if (i == 0)
            ksi_out_thread(out, s->thread);
        ksi_out(out, "%s waits for ", i == 0 ? "" : ", which");
        say_step(out, s, w->steps[(i + 1) % w->n].thread);
    }
    for (unsigned i = 0; i < w->n; i++) {
        const struct step *s = &w->steps[i];
        if (s->wait.spins || (s->number & KSI_WAIT_OPEN) == 0)
            continue;
        ksi_out(out, "; a signal or an unblock can end the wait of ");
        ksi_out_thread(out, s->thread);
    }
    ksi_out(out, "\n");
}

/* Of all threads of a circle the first one tells it. */
static bool is_first(const struct way *w)
{
    for (unsigned i = 1; i < w->n; i++) {
        if (w->steps[i].thread->front.id < w->steps[0].thread->front.id)
            return false;
    }
    return true;
}

unsigned ksi_view_cycles(struct ksi_out *out, const ksl_thread *only)
{
    struct way w = {.sure = false};
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

/* --- at once ------------------------------------------------------------------------ */

static uint32_t missed = 1; /* atomic: something was not looked at, or not well */

/* The second look: first what is held, then that all still wait as they did. */
static bool is_confirmed(struct way *w)
{
    for (unsigned i = 0; i < w->n; i++) {
        struct step *s = &w->steps[i];
        if (s->owner != NULL && ksi_up_view_owner(s->wait.kind, s->wait.key) != s->owner)
            return false;
        if (!keeps(w->steps[(i + 1) % w->n].thread, s))
            return false;
    }
    for (unsigned i = 0; i < w->n; i++) {
        const struct step *s = &w->steps[i];
        struct step again;
        if (!look_at(w, &again, s->thread) || again.wait.key != s->wait.key ||
            again.number != s->number)
            return false;
    }
    return true;
}

/* True for the first one who sees this circle in these waits. */
static bool is_news(const struct way *w)
{
    enum { TOLD = 64 };
    static uint64_t told[TOLD];
    uint64_t key = 0;
    for (unsigned i = 0; i < w->n; i++) {
        uint64_t one = (uint64_t)w->steps[i].thread->front.id << 32 | w->steps[i].number;
        key += (one + 1) * 0x9e3779b97f4a7c15u ^ one >> 7;
    }
    uint64_t *place = &told[key % TOLD];
    uint64_t seen = ksi_load(place);
    do {
        if (seen == key)
            return false;
    } while (!ksi_cas(place, &seen, key));
    return true;
}

static void tell(const struct way *w)
{
    struct ksi_out out;
    ksi_out_begin(&out, ksi_diag_fd());
    say(&out, w);
    ksi_out_end(&out);
}

/* False: it could not be read. */
static bool look(struct way *w, const ksl_thread *t)
{
    for (unsigned i = 0; i < TRIES; i++) {
        bool found = find(w, t);
        if (found && is_confirmed(w)) {
            if (is_news(w))
                tell(w);
            return true;
        }
        if (!found && !w->busy)
            return true;
        ksi_yield();
    }
    return false;
}

void ksi_deadlock_look(ksl_thread *t)
{
    int saved = errno;
    struct way w = {.sure = true};
    uint32_t level = ksi_irq_mask(t); /* a handler might meet the bucket's lock */
    /* Of two that close it at once the later one sees the other one's wait. */
    ksi_fetch_or(&t->wait_number, 0u);
    if (!look(&w, t))
        ksi_store(&missed, 1u);
    ksi_irq_unmask(t, level);
    errno = saved;
}

void ksi_deadlock_look_again(void)
{
    struct way w = {.sure = true};
    if (ksi_load(&missed) == 0 || ksi_xchg(&missed, 0u) == 0)
        return;
    uint32_t n = ksi_registry_allocated();
    for (uint32_t id = 1; id <= n; id++) {
        const ksl_thread *t = ksi_view_thread(id);
        if (t != NULL && !look(&w, t))
            ksi_store(&missed, 1u);
    }
}
