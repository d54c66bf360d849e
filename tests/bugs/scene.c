/* SPDX-License-Identifier: BSD-2-Clause */
/* Stops at points of the library, and scenes of one lock. */

#include "bugs.h"

#include <sched.h>
#include <string.h>

static struct stop stops[STOPS];

static void hook(const char *where)
{
    for (unsigned i = 0; i < STOPS; i++) {
        struct stop *s = &stops[i];
        int fresh = 0;
        const char *wanted = LOAD(&s->where);
        if (wanted == NULL || strcmp(wanted, where) != 0 ||
            LOAD(&s->thread) != ksl_tls.self)
            continue;
        if (!__atomic_compare_exchange_n(&s->reached, &fresh, 1, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST))
            continue;
        if (s->act != NULL) {
            s->act(s->arg);
            continue;
        }
        while (LOAD(&s->go) == 0)
            sched_yield();
    }
}

void bug_act(unsigned i, const char *where, const struct puppet *p, void (*act)(void *),
             void *arg)
{
    struct stop *s = &stops[i];
    STORE(&s->where, (const char *)NULL);
    STORE(&s->reached, 0);
    STORE(&s->go, 0);
    STORE(&s->thread, (const ksl_thread *)p->actor.thread);
    s->act = act;
    s->arg = arg;
    STORE(&s->where, where);
    STORE(&ksi_point_hook, hook);
}

void bug_stop(unsigned i, const char *where, const struct puppet *p)
{
    bug_act(i, where, p, NULL, NULL);
}

bool bug_reached(unsigned i)
{
    return LOAD(&stops[i].reached) != 0;
}

void bug_await_stop(unsigned i)
{
    WAIT_UNTIL(bug_reached(i));
}

void bug_go(unsigned i)
{
    STORE(&stops[i].go, 1);
}

enum { HANDLER_IRQ = 9, HANDLER_LEVEL = 5 };
static struct {
    call_fn call;
    void *object;
    int result;
    unsigned runs; /* atomic */
} handler;

static void handle(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    handler.result = handler.call(handler.object);
    ADD(&handler.runs, 1u);
}

void bug_handler(call_fn call, void *object)
{
    handler.call = call;
    handler.object = object;
    handler.result = -1;
    STORE(&handler.runs, 0u);
    ck_assert_int_eq(
        ksl_irq_request(HANDLER_IRQ, KSL_STAGE_INBAND, HANDLER_LEVEL, handle, NULL), 0);
}

void bug_no_handler(void)
{
    ck_assert_int_eq(ksl_irq_free(HANDLER_IRQ), 0);
}

void bug_interrupt(void *puppet)
{
    (void)ksl_irq_raise_on(((struct puppet *)puppet)->actor.thread, HANDLER_IRQ);
}

unsigned bug_handled(void)
{
    return LOAD(&handler.runs);
}

int bug_handler_result(void)
{
    return handler.result;
}

void scene_begin(struct scene *s, const struct lock_kind *kind, int puppets)
{
    memset(s, 0, sizeof *s);
    s->kind = kind;
    s->lock = &s->memory;
    s->puppets = puppets;
    kind->begin(s->lock);
    puppets_start_on(s->p, puppets, kind->oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND);
}

void scene_end(struct scene *s)
{
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    for (unsigned i = 0; i < STOPS; i++)
        STORE(&stops[i].where, (const char *)NULL);
    puppets_end(s->p, s->puppets);
    s->kind->end(s->lock);
}

static unsigned traits(const struct lock_kind *k)
{
    return (k->share != NULL ? SHARES : 0u) | (k->upgrade != NULL ? UPGRADES : 0u) |
           (k->downgrade != NULL ? DOWNGRADES : 0u) | (k->spins ? SPINS : SLEEPS);
}

bool scene_next(struct scene *s, unsigned wanted)
{
    unsigned i = s->next;
    int puppets = s->puppets;
    if (s->kind != NULL)
        scene_end(s);
    while (i < LOCK_KINDS && (traits(lock_kind(i)) & wanted) != wanted)
        i++;
    if (i == LOCK_KINDS)
        return false;
    mark_point();
    scene_begin(s, lock_kind(i), puppets);
    s->next = i + 1;
    return true;
}

static bool waiting(const struct scene *s, int i)
{
    const ksl_thread *t = s->p[i].actor.thread;
    return s->kind->spins ? ksi_load_acq(&t->spins_on) != NULL : ksl_thread_asleep(t);
}

void waits(struct scene *s, int i, lock_call call)
{
    tell(&s->p[i], call, s->lock);
    WAIT_UNTIL(waiting(s, i));
}

void still_waits(struct scene *s, int i)
{
    ck_assert_msg(!done(&s->p[i]), "%s: puppet %d waits no more", s->kind->name, i);
    WAIT_UNTIL(waiting(s, i));
    ck_assert_msg(!done(&s->p[i]), "%s: puppet %d waits no more", s->kind->name, i);
}

int one_of(const struct scene *s, int a, int b)
{
    WAIT_UNTIL(done(&s->p[a]) || done(&s->p[b]));
    ck_assert_msg(!done(&s->p[a]) || !done(&s->p[b]), "%s: both are in", s->kind->name);
    return done(&s->p[a]) ? a : b;
}
