/* SPDX-License-Identifier: BSD-2-Clause */
/* Masking, the log and the player. See thread/irq.h for the protocol. */

#include "platform/host.h"
#include "thread/irq_table.h"

#include "platform/probe.h"
#include "platform/testing.h"
#include "thread/registry.h"
#include "thread/upcalls.h"
#include "thread/watch.h"

#include <errno.h>
#include <pthread.h>

extern uint64_t ksi_irq_floating_set; /* irq_raise.c */

static bool takes_at(const ksl_thread *t, uint32_t at, uint32_t level, uint32_t stage)
{
    if (ksi_load(&t->handlers) >= KSL_IRQ_LEVELS)
        return false;
    if (level <= at && !KSI_FAULT(IRQ_RUNS_MASKED))
        return false;
    return stage == KSL_STAGE_OOB ||
           (ksi_load(&t->stage) == KSL_STAGE_INBAND && !ksi_load(&t->front.stalled));
}

bool ksi_irq_takes(const ksl_thread *t, uint32_t level, uint32_t stage)
{
    return takes_at(t, ksi_load(&t->front.level), level, stage);
}

/* A handler about to run: a copy, because the slot may be freed meanwhile. */
struct due {
    int irq;
    ksl_irq_handler fn;
    void *arg;
    uint32_t level;
    uint32_t stage;
};

/* The most urgent interrupt that t may take at a level; -1 if none. */
static int choose(const ksl_thread *t, uint32_t at)
{
    uint64_t set = ksi_load_acq(&t->pending) | ksi_load_acq(&ksi_irq_floating_set);
    int best = -1;
    uint32_t best_level = 0;
    for (; set != 0; set &= set - 1) {
        int irq = __builtin_ctzll(set);
        const struct ksi_irq_slot *s = &ksi_irq_slots[irq];
        if (ksi_load_acq(&s->fn) == NULL)
            continue; /* being freed, which forgets it */
        uint32_t level = ksi_load(&s->level);
        if (level > best_level && takes_at(t, at, level, ksi_load(&s->stage))) {
            best = irq;
            best_level = level;
        }
    }
    return best;
}

/* Takes irq off the log, or off the undirected set. */
static bool claim(ksl_thread *t, int irq)
{
    uint64_t bit = ksi_irq_bit(irq);
    return (ksi_fetch_and(&t->pending, ~bit) & bit) != 0 ||
           (ksi_fetch_and(&ksi_irq_floating_set, ~bit) & bit) != 0;
}

/*
 * Takes the next interrupt that t may run at a level. Chosen and copied in one
 * reading section: so its slot is not freed and used anew in between.
 */
static bool take_next(ksl_thread *t, uint32_t at, struct due *due)
{
    bool taken = false;
    ksi_registry_read_lock();
    for (int irq; !taken && (irq = choose(t, at)) >= 0;) {
        struct ksi_irq_slot *s = &ksi_irq_slots[irq];
        KSI_POINT("irq: chosen");
        if (!claim(t, irq))
            continue; /* an undirected one went to another thread */
        due->irq = irq;
        due->fn = ksi_load_acq(&s->fn);
        due->arg = ksi_load(&s->arg);
        due->level = ksi_load(&s->level);
        due->stage = ksi_load(&s->stage);
        taken = due->fn != NULL;
        if (taken)
            ksi_fetch_add(&s->running, 1u);
    }
    ksi_registry_read_unlock();
    return taken;
}

/* Called with everything masked, returns so. */
static void run(ksl_thread *t, const struct due *due)
{
    uint32_t stage = t->stage;
    uint32_t stalled = t->front.stalled;
    uint64_t active = t->active;
    uint32_t held_below = t->held_below;
    bool again = (active & ksi_irq_bit(due->irq)) != 0;

    if (again) /* nested in itself: a thread counts once, as a child of fork does */
        ksi_fetch_sub(&ksi_irq_slots[due->irq].running, 1u);
    ksi_store(&t->handlers, t->handlers + 1);
    t->held_below = ksi_load(&t->front.nholds);
    t->active = active | ksi_irq_bit(due->irq);
    ksi_store(&ksl_tls.owner, (uintptr_t)0); /* fast paths of sleeping locks stop here */
    ksi_store(&t->stage, due->stage);
    if (due->stage == KSL_STAGE_OOB)
        ksi_store(&t->front.stalled, 1u); /* D5: no in-band handler inside */
    ksi_irq_set(t, due->level);
    KSI_POINT("irq: begins");
    if (ksi_load(&t->front.attention) != 0)
        ksi_irq_play(t); /* more urgent ones that came meanwhile */

    KSI_PROBE1(irq__begin, due->irq);
    if (KSI_UNLIKELY(ksi_load(&ksi_watched) != 0))
        ksi_up_irq_event(t, KSI_IRQ_RUNS, (uint64_t)due->irq, 0);
    due->fn(due->irq, due->arg);
    KSI_PROBE1(irq__end, due->irq);
    if (KSI_UNLIKELY(ksi_load(&ksi_watched) != 0))
        ksi_up_irq_event(t, KSI_IRQ_RAN, (uint64_t)due->irq, 0);

    KSI_POINT("irq: ends");
    ksi_irq_set(t, KSI_MASK_ALL);
    ksi_store(&t->stage, stage);
    ksi_store(&t->front.stalled, stalled);
    t->active = active;
    t->held_below = held_below;
    ksi_store(&t->handlers, t->handlers - 1);
    ksi_watch_show_owner(t);
    KSI_POINT("irq: ended");
    if (!again)
        ksi_fetch_sub(&ksi_irq_slots[due->irq].running, 1u);
}

/* Runs everything in the log that `level` lets through; masked meanwhile. */
static void drain(ksl_thread *t, uint32_t level)
{
    struct due due;
    while (take_next(t, level, &due))
        run(t, &due);
}

/* A real signal that came while the level was not 0 has left its work to the thread. */
static bool has_signal_work(ksl_thread *t, uint32_t level)
{
    return level == 0 && t->handlers == 0 && ksi_load(&t->signal_work) != 0;
}

void ksi_irq_play(ksl_thread *t)
{
    int saved = errno;
    uint32_t level = ksi_load(&t->front.level);
    /* A thread cancelled inside a handler would never leave it. */
    int cancel = ksi_cancel_off();
    do {
        ksi_irq_set(t, KSI_MASK_ALL);
        KSI_POINT("irq: play");
        ksi_xchg(&t->front.attention, 0u);
        drain(t, level);
        KSI_POINT("irq: drained");
        if (ksi_load_acq(&t->pending) != 0 || ksi_irq_floating() ||
            ksi_load_acq(&t->signal_work) != 0)
            ksi_store_seq(&t->front.attention, 1u);
        /* A handler's lock may have put off a signal that was for the thread's wait. */
        if (level == 0 && t->handlers == 0 &&
            (ksi_xchg(&t->signal_work, 0u) != 0 ||
             (ksi_load(&t->asleep) != 0 && ksi_fetch_or(&t->signals, (uint64_t)0) != 0 &&
              !KSI_FAULT(SIGNAL_LEFT_PUT_OFF))))
            ksi_up_end_wait(t, KSI_SIGNALLED);
        if (!KSI_FAULT(IRQ_LEVEL_STAYS))
            ksi_irq_set(t, level); /* only now, or the unmasking in there plays again */
        KSI_POINT("irq: look again");
    } while (!KSI_FAULT(IRQ_NO_RECHECK) && ksi_load(&t->front.attention) != 0 &&
             (choose(t, level) >= 0 || has_signal_work(t, level)));
    ksi_cancel_back(cancel);
    errno = saved;
}

void ksi_irq_unmask(ksl_thread *t, uint32_t level)
{
    ksi_irq_set(t, level);
    KSI_POINT("irq: unmask");
    if (KSI_UNLIKELY(ksi_load(&t->front.attention) != 0) && !KSI_FAULT(IRQ_NO_RECHECK))
        ksi_irq_play(t);
}

void ksl_irq_answer(void)
{
    if (!KSI_FAULT(IRQ_NO_RECHECK))
        ksi_irq_play(ksi_self());
}

unsigned ksl_irq_save(void)
{
    return ksi_irq_mask(ksi_self());
}

void ksl_irq_restore(unsigned state)
{
    if (KSI_UNLIKELY(state > KSI_MASK_ALL)) {
        ksi_up_bad_argument("ksl_irq_restore", state, KSI_SITE());
        return;
    }
    ksi_irq_unmask(ksi_self(), state);
}

unsigned ksl_irq_set_level(unsigned level)
{
    ksl_thread *t = ksi_self();
    uint32_t before = ksi_load(&t->front.level);
    if (KSI_UNLIKELY(level > KSI_MASK_ALL))
        ksi_up_bad_argument("ksl_irq_set_level", level, KSI_SITE());
    else
        ksi_irq_unmask(t, level);
    return before;
}

bool ksl_irq_enabled(void)
{
    ksl_thread *t = ksi_self();
    return ksi_load(&t->front.level) == 0 && ksi_load(&t->front.stalled) == 0;
}

bool ksl_irq_in_handler(void)
{
    const ksl_thread *t = ksl_tls.self;
    return t != NULL && t->handlers > 0;
}

unsigned ksl_irq_stall_inband(void)
{
    ksl_thread *t = ksi_self();
    uint32_t before = ksi_load(&t->front.stalled);
    ksi_barrier();
    ksi_store(&t->front.stalled, 1u);
    ksi_barrier();
    return before;
}

void ksl_irq_restore_inband(unsigned state)
{
    ksl_thread *t = ksi_self();
    ksi_barrier();
    ksi_store(&t->front.stalled, state != 0 ? 1u : 0u);
    ksi_barrier();
    KSI_POINT("irq: restore in-band");
    if (KSI_UNLIKELY(ksi_load(&t->front.attention) != 0))
        ksi_irq_play(t);
}
