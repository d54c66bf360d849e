/* SPDX-License-Identifier: BSD-2-Clause */
/* Installing and removing interrupt handlers. */

#include "thread/irq_table.h"

#include "platform/host.h"
#include "platform/rawlock.h"
#include "platform/testing.h"
#include "thread/registry.h"
#include "thread/upcalls.h"

#include <errno.h>
#include <stddef.h>

struct ksi_irq_slot ksi_irq_slots[KSL_IRQ_COUNT];

static struct ksi_rawlock table_lock; /* serialises request and the end of free */
static uint64_t leaving;              /* slots between clearing and the end of free */

int ksl_irq_request(int irq, ksl_stage stage, int level, ksl_irq_handler fn, void *arg)
{
    if (!ksi_irq_valid(irq) || fn == NULL || level < 1 || level > KSI_MASK_ALL ||
        (stage != KSL_STAGE_INBAND && stage != KSL_STAGE_OOB))
        return -EINVAL;
    ksl_thread *self = ksi_self();
    ksi_irq_signal();
    ksi_up_expect_handlers();
    struct ksi_irq_slot *s = &ksi_irq_slots[irq];
    int result = 0;
    uint32_t mask = ksi_irq_mask(self);
    ksi_raw_lock(&table_lock);
    if (ksi_load(&s->fn) != NULL || (leaving & ksi_irq_bit(irq)) != 0) {
        result = -EBUSY;
    } else {
        ksi_store(&s->arg, arg);
        ksi_store(&s->level, (uint32_t)level);
        ksi_store(&s->stage, (uint32_t)stage);
        ksi_store_rel(&s->fn, fn);
    }
    ksi_raw_unlock(&table_lock);
    ksi_irq_unmask(self, mask);
    return result;
}

/* Handlers that started before fn was cleared; each of them ends. */
static void wait_handlers(struct ksi_irq_slot *s)
{
    for (unsigned turns = 0; ksi_load_acq(&s->running) != 0; turns++) {
        KSI_POINT("irq: handler runs");
        if (turns < 100)
            ksi_yield();
        else
            ksi_nap(50);
    }
}

int ksl_irq_free(int irq)
{
    if (!ksi_irq_valid(irq))
        return -EINVAL;
    ksl_thread *self = ksi_self();
    if ((self->active & ksi_irq_bit(irq)) != 0)
        return -EDEADLK;
    if (self->handlers > 0) { /* it waits for readers, maybe for the one it interrupted */
        ksi_up_irq_sleep("ksl_irq_free", KSI_SITE());
        return -EPERM;
    }
    struct ksi_irq_slot *s = &ksi_irq_slots[irq];
    uint32_t mask = ksi_irq_mask(self);
    ksi_raw_lock(&table_lock);
    bool found = ksi_load(&s->fn) != NULL;
    if (found) {
        ksi_store_seq(&s->fn, (ksl_irq_handler)NULL);
        leaving |= ksi_irq_bit(irq);
    }
    ksi_raw_unlock(&table_lock);
    ksi_irq_unmask(self, mask);
    if (!found)
        return -ENOENT;

    ksi_irq_timer_stop(irq);
    ksi_registry_wait_readers(); /* after this nobody counts itself in ... */
    if (!KSI_FAULT(IRQ_FREED_EARLY))
        wait_handlers(s); /* ... and nobody is left inside */
    ksi_irq_forget(irq);

    mask = ksi_irq_mask(self);
    ksi_raw_lock(&table_lock);
    leaving &= ~ksi_irq_bit(irq);
    ksi_raw_unlock(&table_lock);
    ksi_irq_unmask(self, mask);
    return 0;
}

void ksi_irq_table_before_fork(void)
{
    ksi_raw_lock(&table_lock);
}

void ksi_irq_table_after_fork(bool child)
{
    if (child)
        leaving = 0; /* who was freeing them is not here to end it */
    ksi_raw_unlock(&table_lock);
}
