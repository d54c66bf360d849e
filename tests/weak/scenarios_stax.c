/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stax: threads of the in-band stage may be inside together, and look; one of the
 * other stage is there alone, and changes..
 */

#include "scenarios.h"

#include "lock/rw.h"
#include "lock/stax.h"
#include "thread/upcalls.h"

static struct ksi_stax stax;

static void join(unsigned i, bool oob)
{
    weak_threads[i].stage = oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
    weak_threads[i].front.stage = oob ? (uint32_t)KSI_GATE_OOB : 0;
}

/* Entries are counted. */
void stax_setup(void)
{
    stax.gate = 0;
    stax.tune = 0;
    weak_shared = 0;
    for (unsigned i = 0; i < WEAK_THREADS; i++)
        join(i, i == 1);
}

/* In-band threads enter by their slots; who is not takes the bias off. */
void stax_setup_bias(void)
{
    stax_setup();
    stax.gate = KSI_GATE_BIAS;
}

/* The first entry that is counted sets the bias, if it is in-band. */
void stax_setup_raise(void)
{
    stax_setup();
    stax.tune = 7;
}

static void inside(void (*act)(void))
{
    WEAK_CHECK(ksi_stax_lock(&stax, NULL) == 0);
    act();
    ksi_stax_unlock(&stax, NULL);
}

void stax_inband(void)
{
    inside(weak_look);
}

/* Seven were before it, so it sets the bias; maybe behind the other stage. */
void stax_inband_eighth(void)
{
    ksi_store(&stax.tune, (uint64_t)7);
    inside(weak_look);
}

static void look_and_exit(void)
{
    weak_look();
    ksi_up_leave_stage(ksi_self());
    weak_look();
}

/* Its entry is counted by itself, as when it leaves its stage or ends. */
void stax_inband_exits(void)
{
    inside(look_and_exit);
}

void stax_oob(void)
{
    inside(weak_change);
}

void stax_finish(void)
{
    const uintptr_t may_stay = KSI_GATE_BIAS | KSI_GATE_WAITERS;
    WEAK_CHECK(weak_shared >= 1 && weak_shared <= 2);
    WEAK_CHECK((stax.gate & ~may_stay & ~(uintptr_t)KSI_GATE_OOB) == 0);
    WEAK_CHECK((stax.gate & (KSI_GATE_BIAS | KSI_GATE_OOB)) != KSI_GATE_OOB);
    for (unsigned i = 0; i < WEAK_THREADS; i++) {
        ksl_thread *t = &weak_threads[i];
        struct ksl_slot *s = ksi_near_slot(t, &stax.gate);
        /* A mark of an entry that has been counted may stay, and the note on it. */
        ksi_stax_drop_mark(&stax.gate, t);
        WEAK_CHECK((t->front.claims & ~KSI_CLAIM_ALWAYS) == 0);
        WEAK_CHECK(s->lock == 0 && t->converted[ksi_near_index(t, s)] == 0);
    }
}
