/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/held.h"

#include "platform/host.h"
#include "thread/registry.h"

const char *ksi_kind_name(unsigned kind)
{
    static const char *const names[] = {
        "lock",
#define KIND(name, text) text,
#include "diag/kinds.def"
#undef KIND
    };
    return names[kind < KSI_KINDS ? kind : KSI_NO_KIND];
}

static void copy(struct ksi_hold *to, const struct ksi_hold *from)
{
    ksi_store(&to->lock, ksi_load(&from->lock));
    ksi_store(&to->site, ksi_load(&from->site));
    ksi_store(&to->what, ksi_load(&from->what));
    ksi_store(&to->count, ksi_load(&from->count));
}

/*
 * The old array stays mapped: a message on another thread may be reading it.
 * Growth doubles, so what is left behind is at most as large again.
 */
bool ksi_held_grow(ksl_thread *t)
{
    uint32_t cap = t->holds_cap * 4;
    struct ksi_hold *fresh = ksi_pages(cap * sizeof *fresh);
    if (fresh == NULL)
        return false;
    for (uint32_t i = 0; i < t->nholds; i++)
        copy(&fresh[i], &t->holds[i]);
    __atomic_store_n(&t->holds, fresh, __ATOMIC_RELEASE);
    t->holds_cap = cap;
    return true;
}

struct ksi_hold *ksi_held_find(const ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    struct ksi_hold *holds = __atomic_load_n(&t->holds, __ATOMIC_ACQUIRE);
    for (uint32_t i = ksi_load(&t->nholds); i > 0; i--) {
        struct ksi_hold *h = &holds[i - 1];
        if (ksi_hold_is(h, lock, mode))
            return h;
    }
    return NULL;
}

void ksi_held_remove(ksl_thread *t, struct ksi_hold *h)
{
    uint32_t last = t->nholds - 1;
    for (struct ksi_hold *to = h; to < &t->holds[last]; to++) {
        copy(to, to + 1); /* order of acquisition stays, reports list it */
    }
    ksi_store(&t->nholds, last);
}

void ksi_held_pop_slow(ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    struct ksi_hold *h = ksi_held_find(t, lock, mode);
    if (h != NULL)
        ksi_held_remove(t, h);
    else if (t->unrecorded > 0)
        t->unrecorded--;
}

/*
 * The entry is struck out, not removed: only its thread may move entries. If
 * its thread drops it at the same moment, the program releases the lock twice
 * and the worst that follows is a wrong line in a report.
 */
void ksi_held_pop_foreign(const void *lock, enum ksi_mode mode)
{
    bool found = false;
    ksi_registry_read_lock();
    for (ksl_thread *t = ksi_registry_first(); t != NULL && !found;
         t = ksi_registry_next(t)) {
        struct ksi_hold *holds = __atomic_load_n(&t->holds, __ATOMIC_ACQUIRE);
        uint32_t n = ksi_load(&t->nholds);
        for (uint32_t i = 0; i < n && !found; i++) {
            const void *seen = lock;
            if (ksi_hold_mode(&holds[i]) == mode)
                found = ksi_cas(&holds[i].lock, &seen, (const void *)NULL);
        }
    }
    ksi_registry_read_unlock();
}
