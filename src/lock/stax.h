/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_STAX_H
#define KSI_LOCK_STAX_H

#include "diag/slots.h"
#include "lock/lock.h"

#include <kslock/stage.h>

/* Stage exclusion lock of EVL; what each call does is said in <evl/stax.h>. */

struct ksi_stax {
    ksi_word gate; /* see stax.c */
    uint64_t tune; /* atomic, see stax_tune.c */
};

void ksi_stax_init(struct ksi_stax *x);
bool ksi_stax_destroy(struct ksi_stax *x, const void *site);
int ksi_stax_lock(struct ksi_stax *x, const void *site);
bool ksi_stax_try(struct ksi_stax *x, const void *site);
void ksi_stax_unlock(struct ksi_stax *x, const void *site);

/* A thread has left whose slot showed it, but its entry has been counted. */
void ksi_stax_uncount(ksi_word *gate);

/* --- between the files of the stax ----------------------------------------- */

enum {
    KSI_GATE_BIAS = KSL_GATE_BIAS,
    KSI_GATE_CLOSING = 2,
    KSI_GATE_OOB = KSL_GATE_OOB,
    KSI_GATE_WAITERS = 8,
    KSI_GATE_GONE = 16,
    KSI_GATE_ONE = 256,
    KSI_GATE_FLAGS = KSI_GATE_ONE - 1
};

static inline uintptr_t ksi_gate_stage_of(const ksl_thread *t)
{
    return ksi_load(&t->stage) == KSL_STAGE_OOB ? KSI_GATE_OOB : 0;
}

static inline const void *ksi_stax_key(const struct ksi_stax *x)
{
    return (const void *)(uintptr_t)&x->gate;
}

static inline bool ksi_gate_counts(uintptr_t gate)
{
    return gate >= KSI_GATE_ONE;
}

static inline bool ksi_gate_is_free(uintptr_t gate)
{
    return (gate & ~(uintptr_t)KSI_GATE_WAITERS) == 0;
}

static inline bool ksi_gate_is_last(uintptr_t gate)
{
    return gate / KSI_GATE_ONE == 1;
}

/* Slots may show entries that the gate does not count. */
static inline bool ksi_gate_slots_unknown(uintptr_t gate)
{
    return (gate & (KSI_GATE_BIAS | KSI_GATE_CLOSING)) != 0;
}

static inline bool ksi_gate_lets_in(uintptr_t gate, uintptr_t stage)
{
    return (gate & KSI_GATE_GONE) == 0 &&
           (ksi_gate_is_free(gate) || (gate & KSI_GATE_OOB) == stage);
}

static inline uintptr_t ksi_gate_one_more(uintptr_t gate, uintptr_t stage)
{
    uintptr_t entered = ksi_gate_is_free(gate) ? (gate & KSI_GATE_WAITERS) | stage : gate;
    return entered + KSI_GATE_ONE;
}

/* stax.c */

/* True if t is inside, by a counted entry; false: the other stage is. */
bool ksi_stax_enter(struct ksi_stax *x, ksl_thread *t, uintptr_t stage);

/* stax_wait.c */

/* The other stage is inside: waits until t is, 0, or a negative errno value. */
KSI_COLD int ksi_stax_wait(struct ksi_stax *x, ksl_thread *t, uintptr_t stage);
/* The caller has the last entry, as far as it knows, and somebody waits: takes it off, or
 * false, and what the gate is now. */
KSI_COLD bool ksi_stax_hand_over(struct ksi_stax *x, uintptr_t *seen);

/* stax_slots.c */

/*
 * Takes the bias off, if the gate is still `seen`: afterwards all who are inside are
 * counted. Masks interrupts meanwhile.
 */
void ksi_stax_withdraw(struct ksi_stax *x, uintptr_t seen, ksl_thread *t);
/* Slots show nothing of this stax any more; for its begin and its end. */
void ksi_stax_forget(const ksi_word *gate);
/* If the entry that t's slot showed has been counted: the slot is free again. Thread t,
 * or nobody uses the gate any more. */
void ksi_stax_drop_mark(const ksi_word *gate, ksl_thread *t);

/* The same on the calling thread's way. */
static inline void ksi_stax_clear_way(const ksi_word *gate, ksl_thread *t)
{
    if (KSI_UNLIKELY(ksi_load(&ksi_near_slot(t, gate)->lock) != 0) && t->handlers == 0)
        ksi_stax_drop_mark(gate, t);
}

/* stax_tune.c */

/* An entry of this stage was counted; may set the bias. */
void ksi_stax_tune_entered(struct ksi_stax *x, uintptr_t stage);
/* The last one of a stage leaves, and the other one waits. */
void ksi_stax_tune_handed(struct ksi_stax *x);
/* The bias has been taken off, from the date `began` until now. */
void ksi_stax_tune_withdrawn(struct ksi_stax *x, uint64_t began);

#endif
