/* SPDX-License-Identifier: BSD-2-Clause */
/* What waiters have to do with the owner of what they wait for: claims and loans. */

#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/upcalls.h"
#include "wait/lend.h"
#include "wait/lot_inside.h"

void ksi_lot_drop_claim(struct ksi_waiter *w)
{
    KSI_POINT("lot: drop claim");
    ksi_fetch_sub(&w->claimed->front.claims, 1u);
    w->claimed = NULL;
}

void ksi_lot_lend(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                  ksl_thread *owner)
{
    (void)lot;
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    for (struct ksi_waiter *w = q != NULL ? q->first : NULL; w != NULL; w = w->next)
        ksi_lend(w, owner);
}

void ksi_lot_end_loans(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                       const ksl_thread *t)
{
    (void)lot;
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    for (struct ksi_waiter *w = q != NULL ? q->first : NULL; w != NULL; w = w->next) {
        if (w->lends_to == t)
            ksi_lend(w, NULL);
    }
}

static void begin_lending_in(const struct ksi_bucket *b)
{
    for (const struct ksi_queue *q = b->queues; q != NULL; q = q->next) {
        for (struct ksi_waiter *w = q->first; w != NULL; w = w->next) {
            if (w->word != NULL)
                ksi_lend(w, ksi_up_word_owner(w->word));
        }
    }
}

void ksi_lot_begin_lending(void)
{
    ksl_thread *self = ksi_self();
    uint32_t level = ksi_irq_mask(self);
    KSI_POINT("lot: begin lending");
    for (unsigned i = 0; i < KSI_BUCKETS; i++)
        ksi_raw_lock(&ksi_buckets[i].lock);
    if (ksi_load(&ksi_lending) == 0) {
        ksi_store_seq(&ksi_lending, 1u);
        KSI_POINT("lot: lending");
        for (unsigned i = 0; i < KSI_BUCKETS; i++)
            begin_lending_in(&ksi_buckets[i]);
    }
    for (unsigned i = 0; i < KSI_BUCKETS; i++)
        ksi_raw_unlock(&ksi_buckets[i].lock);
    ksi_lend_settle(self);
    ksi_irq_unmask(self, level);
}

void ksi_lot_claim(struct ksi_waiter *w, ksl_thread *t)
{
    /* Ordered against t's plain store by the caller's heavy barrier alone (lot.h). */
    ksi_fetch_add(&t->front.claims, 1u);
    KSI_POINT("lot: claim");
    w->claimed = t;
}

void ksi_lot_unclaim(struct ksi_lot *lot, const void *address, enum ksi_queue_kind kind,
                     ksl_thread *t)
{
    (void)lot;
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    for (struct ksi_waiter *w = q != NULL ? q->first : NULL; w != NULL; w = w->next) {
        if (w->claimed == t)
            ksi_lot_drop_claim(w);
    }
}

void ksi_lot_pop_claims(struct ksi_lot *lot, const void *address,
                        enum ksi_queue_kind kind, struct ksi_wake_list *wake)
{
    const struct ksi_queue *q = ksi_find_queue(ksi_bucket_of(address), address, kind);
    struct ksi_waiter *w = q != NULL ? q->first : NULL;
    while (w != NULL) {
        struct ksi_waiter *next = w->next;
        if (w->claimed == lot->self)
            ksi_lot_take(w, wake);
        if (KSI_FAULT(LOT_CLAIMS_ONE) && wake->first != NULL)
            break;
        w = next;
    }
}
