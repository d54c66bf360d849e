/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_IRQ_TABLE_H
#define KSI_THREAD_IRQ_TABLE_H

#include "thread/irq.h"

/*
 * Handler table. fn says whether a slot is in use; the other fields are
 * constant while it is. Readers look at a slot between
 * ksi_registry_read_lock and _unlock; who runs the handler counts itself in
 * before it leaves that section. ksl_irq_free clears fn, waits for readers,
 * then for the count, so nobody is left when it returns.
 */
struct ksi_irq_slot {
    ksl_irq_handler fn; /* atomic */
    void *arg;          /* atomic, like level and stage */
    uint32_t level;
    uint32_t stage;
    uint32_t running; /* atomic: threads on which handlers of it run now */
};

extern struct ksi_irq_slot ksi_irq_slots[KSL_IRQ_COUNT];

static inline uint64_t ksi_irq_bit(int irq)
{
    return (uint64_t)1 << irq;
}

static inline bool ksi_irq_valid(int irq)
{
    return irq >= 0 && irq < KSL_IRQ_COUNT;
}

/* May t take an interrupt of this level and stage now? */
bool ksi_irq_takes(const ksl_thread *t, uint32_t level, uint32_t stage);

/* Forgets all pending raises of irq; no handler can be installed meanwhile. */
void ksi_irq_forget(int irq);

#endif
