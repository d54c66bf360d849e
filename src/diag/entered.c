/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/entered.h"

#include "diag/hooks.h"
#include "diag/order.h"
#include "thread/registry.h"

#include <kslock/stage.h>

/* In ksi_watched.level: the kind, and above it: */
enum { OOB = 1 << 8, UNSURE = 1 << 9 };

bool ksi_entered_at(const ksl_thread *t, uint32_t i, struct ksi_entered *e)
{
    uint32_t n = ksi_load_acq(&t->nentered);
    if (i >= n || i >= KSI_WATCHED)
        return false;
    const struct ksi_watched *w = &t->entered[i];
    uint32_t level = ksi_load(&w->level);
    e->lock = ksi_load_acq(&w->lock);
    e->site = ksi_load(&w->site);
    e->kind = (enum ksi_kind)(level & 0xff);
    e->stage = (level & OOB) != 0 ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
    e->unsure = (level & UNSURE) != 0;
    return true;
}

bool ksi_entered_find(const ksl_thread *t, const void *lock, struct ksi_entered *e)
{
    for (uint32_t i = ksi_load(&t->nentered); i > 0; i--) {
        if (ksi_entered_at(t, i - 1, e) && e->lock == lock)
            return true;
    }
    return false;
}

bool ksi_entered_has(const ksl_thread *t, const void *lock)
{
    struct ksi_entered e;
    return ksi_entered_find(t, lock, &e);
}

void ksi_entered_push(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site, bool unsure)
{
    uint32_t n = t->nentered;
    uint32_t stage = ksi_load(&t->stage) == KSL_STAGE_OOB ? OOB : 0;
    while (n > 0 && ksi_load(&t->entered[n - 1].lock) == NULL)
        n--;
    if (t->handlers > 0 || n == KSI_WATCHED)
        return;
    struct ksi_watched *w = &t->entered[n];
    ksi_store(&w->site, site);
    ksi_store(&w->level, (uint32_t)kind | stage | (unsure ? UNSURE : 0));
    ksi_store_rel(&w->lock, lock);
    ksi_store_rel(&t->nentered, n + 1);
}

bool ksi_entered_strike(ksl_thread *t, const void *lock)
{
    for (uint32_t i = ksi_load_acq(&t->nentered); i > 0; i--) {
        const void *seen = lock;
        if (ksi_cas(&t->entered[i - 1].lock, &seen, (const void *)NULL))
            return true;
    }
    return false;
}

void ksi_entered_strike_other(const ksl_thread *t, const void *lock)
{
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL; u = ksi_registry_next(u)) {
        if (u != t && ksi_entered_strike(u, lock))
            break;
    }
    ksi_registry_read_unlock();
}

void ksi_entered_end(const void *lock)
{
    ksi_registry_read_lock();
    for (ksl_thread *u = ksi_registry_first(); u != NULL; u = ksi_registry_next(u)) {
        while (ksi_entered_strike(u, lock))
            ;
    }
    ksi_registry_read_unlock();
}

void ksi_entered_no_lock(const void *lock)
{
    ksi_entered_end(lock);
    if (ksi_order_on())
        ksi_order_void(lock);
}
