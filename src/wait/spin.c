/* SPDX-License-Identifier: BSD-2-Clause */
#include "wait/spin.h"

#include "diag/cycle.h"
#include "diag/events.h"
#include "platform/host.h"
#include "platform/park.h"
#include "platform/testing.h"

unsigned ksi_spin_limit(const ksl_thread *t)
{
    if (ksi_cpu_count() == 1)
        return 0;
    if (KSI_SPIN_CAP() >= 0)
        return (unsigned)KSI_SPIN_CAP();
    return t->spin_limit != 0 ? t->spin_limit : KSI_SPIN_MAX / 4;
}

void ksi_spin_learn(ksl_thread *t, unsigned used, bool rewarded)
{
    unsigned now = ksi_spin_limit(t);
    if (now == 0)
        return;
    if (used > 0)
        ksi_tell_about(t, KSI_EV_SPUN, used, rewarded);
    unsigned goal = rewarded ? 2 * used + KSI_SPIN_MIN : KSI_SPIN_MIN;
    if (goal > KSI_SPIN_MAX)
        goal = KSI_SPIN_MAX;
    t->spin_limit = goal > now ? now + (goal - now + 7) / 8 : now - (now - goal) / 8;
}

enum { EVENT_MAX = 3000, IN_VAIN = 3, APART_MIN = 32, APART_MAX = 1024 };

unsigned ksi_event_limit(ksl_thread *t)
{
    struct ksi_event_spin *e = &t->event_spin;
    if (ksi_cpu_count() == 1)
        return 0;
    if (KSI_SPIN_CAP() >= 0)
        return (unsigned)KSI_SPIN_CAP();
    if (e->apart == 0) {
        e->apart = APART_MIN;
        e->limit = EVENT_MAX / 4;
    }
    if (e->beside)
        return 0;
    if (e->in_vain < IN_VAIN)
        return e->limit;
    if (++e->waits < e->apart)
        return 0;
    e->waits = 0;
    return EVENT_MAX;
}

void ksi_event_woken(ksl_thread *t, const struct ksi_waiter *w)
{
    int cpu = ksi_cpu_now();
    t->event_spin.beside = cpu >= 0 && cpu == ksi_load(&w->waker_cpu);
}

void ksi_event_learn(ksl_thread *t, unsigned used, unsigned limit, bool rewarded)
{
    struct ksi_event_spin *e = &t->event_spin;
    if (limit == 0)
        return;
    if (used > 0)
        ksi_tell_about(t, KSI_EV_SPUN, used, rewarded);
    if (!rewarded) {
        if (e->in_vain < IN_VAIN)
            e->in_vain++;
        else if (e->apart < APART_MAX)
            e->apart = (uint16_t)(2 * e->apart);
        return;
    }
    unsigned goal = 2 * used + KSI_SPIN_MIN;
    if (goal > EVENT_MAX)
        goal = EVENT_MAX;
    bool grows = goal > e->limit || e->in_vain >= IN_VAIN;
    e->limit = (uint16_t)(grows ? goal : e->limit - (e->limit - goal) / 8);
    e->in_vain = 0;
    e->apart = APART_MIN;
}

enum { PAUSES = 200, YIELDS = 40, NAP_US = 50, NAP_MAX_US = 1000 };

void ksi_spin_for(ksl_thread *t, const volatile void *lock, unsigned kind, unsigned n)
{
    const void *at = (const void *)(uintptr_t)lock;
    if (n == 0 && ksi_telling())
        ksi_tell(t, (struct ksi_event){.type = KSI_EV_CONTENDED,
                                       .kind = (enum ksi_kind)kind,
                                       .lock = at});
    /* Again if a handler has spun for another one meanwhile. */
    if (n >= PAUSES + YIELDS && ksi_load(&t->spins_on) != at &&
        !KSI_FAULT(SPIN_NEVER_SHOWN)) {
        bool timed = (ksi_load(&ksi_diag) & KSI_DIAG_HANG) != 0;
        ksi_store(&t->spins_since, timed ? ksi_now() : 0);
        ksi_store(&t->spins_kind, (uint32_t)kind);
        ksi_store_rel(&t->spins_on, at);
        if (timed)
            ksi_deadlock_look(t);
    }
    ksi_spin_turn(n);
}

void ksi_spin_turn(unsigned n)
{
    KSI_POINT("spin: turn");
    unsigned pauses = ksi_cpu_count() > 1 ? PAUSES : 0;
    if (n < pauses) {
        ksi_pause();
    } else if (n < pauses + YIELDS) {
        ksi_yield();
    } else {
        unsigned us = NAP_US * (n - pauses - YIELDS + 1);
        ksi_nap(us < NAP_MAX_US ? us : NAP_MAX_US);
    }
}
