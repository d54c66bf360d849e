/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/held.h"

#include "diag/hooks.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/irq.h"
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

/*
 * From a newer entry to an older one, which is empty. It is always in one place or both:
 * who has looked upwards in vain finds it downwards, the way that it goes. If another
 * thread strikes it out in the old place, it is struck out in the new one, too; that is
 * done to rwlocks alone.
 */
static void move(struct ksl_hold *to, struct ksl_hold *from)
{
    const void *lock = ksi_load(&from->lock);
    ksi_store(&to->site, ksi_load(&from->site));
    ksi_store_rel(&to->what, ksi_load(&from->what)); /* after what went before it */
    ksi_store_rel(&to->lock, lock);
    KSI_POINT("held: move");
    if (ksi_hold_kind(to) != KSI_RWLOCK)
        ksi_store_rel(&from->lock, (const void *)NULL);
    else if (ksi_xchg(&from->lock, (const void *)NULL) != lock)
        (void)ksi_cas(&to->lock, &lock, (const void *)NULL);
}

/* Chunk c has KSI_HOLDS_INLINE << c entries, and as many stand before it. */
static uint32_t chunk_of(uint32_t i)
{
    return 31u - (uint32_t)__builtin_clz(i / KSI_HOLDS_INLINE);
}

struct ksl_hold *ksi_held_far(const ksl_thread *t, uint32_t i)
{
    uint32_t c = chunk_of(i);
    struct ksl_hold *chunk =
        c < KSI_HOLDS_CHUNKS ? ksi_load_acq(&t->more_holds[c]) : NULL;
    return chunk != NULL ? &chunk[i - ((uint32_t)KSI_HOLDS_INLINE << c)] : NULL;
}

static void compact(ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t); /* a handler's entries would move */
    uint32_t kept = 0;
    ksi_store(&t->struck, 0u);
    for (uint32_t i = 0; i < t->front.nholds; i++) {
        struct ksl_hold *h = ksi_held_at(t, i);
        if (ksi_load(&h->lock) == NULL)
            continue;
        if (kept != i)
            move(ksi_held_at(t, kept), h);
        kept++;
    }
    ksi_store(&t->front.nholds, kept);
    ksi_irq_unmask(t, level);
}

bool ksi_held_make_room(ksl_thread *t)
{
    /* Not in a handler: it may have interrupted a push whose entry is reserved. */
    if (ksi_load(&t->struck) != 0 && t->handlers == 0)
        compact(t);
    uint32_t n = t->front.nholds;
    if (ksi_held_at(t, n) != NULL)
        return true;
    uint32_t c = chunk_of(n);
    if (c >= KSI_HOLDS_CHUNKS)
        return false;
    struct ksl_hold *none = NULL;
    struct ksl_hold *fresh = ksi_pages(((size_t)KSI_HOLDS_INLINE << c) * sizeof *fresh);
    /* A handler may have mapped it meanwhile; then ours is left unused. */
    if (fresh != NULL)
        ksi_cas(&t->more_holds[c], &none, fresh);
    return ksi_load(&t->more_holds[c]) != NULL;
}

uint32_t ksi_holds_limit = KSI_HOLDS_INLINE;

static void push(ksl_thread *t, const void *lock, uint32_t what, const void *site)
{
    uint32_t n = t->front.nholds;
    ksi_store(&t->front.nholds, n + 1);
    ksi_barrier();
    struct ksl_hold *h = ksi_held_at(t, n);
    ksi_store(&h->lock, lock);
    ksi_store(&h->site, site);
    ksi_store(&h->what, what);
}

KSI_ASIDE static void push_watched(ksl_thread *t, const void *lock, uint32_t what,
                                   const void *site, bool tried)
{
    uint32_t diag = ksi_load_acq(&ksi_diag);
    uint32_t told = (diag & KSI_DIAG_TOLD) != 0 ? (uint32_t)KSI_HOLD_TOLD << 8 : 0;
    if (t->front.nholds >= KSI_HOLDS_INLINE && !ksi_held_make_room(t))
        t->unrecorded++;
    else
        push(t, lock, what | told, site);
    if (KSI_LIKELY((diag & KSI_DIAG_WATCHES) == KSI_DIAG_STATS))
        ksi_stats_pushed(t, what, lock, site, tried);
    else
        ksi_hook_pushed(t, diag, what, lock, site, tried);
}

/*
 * Cold for callers, whose fast paths are laid out for that, but not in itself: who
 * watches comes here all the time.
 */
void ksi_held_push_slow(ksl_thread *t, const void *lock, uint32_t what, const void *site,
                        bool tried)
{
    push_watched(t, lock, what, site, tried);
}

/* Not among the first `below` entries. */
static inline struct ksl_hold *find_above(const ksl_thread *t, uint32_t below,
                                          const void *lock, enum ksi_mode mode)
{
    for (uint32_t i = ksi_load(&t->front.nholds); i > below; i--) {
        struct ksl_hold *h = ksi_held_at(t, i - 1);
        if (h != NULL && ksi_hold_is(h, lock, mode))
            return h;
    }
    return NULL;
}

struct ksl_hold *ksi_held_find(const ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    return find_above(t, 0, lock, mode);
}

const struct ksl_hold *ksi_held_find_own(const ksl_thread *t, const void *lock,
                                         enum ksi_mode mode)
{
    return find_above(t, t->held_below, lock, mode);
}

KSI_ASIDE static void remove_entry(ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    uint32_t i = t->front.nholds;
    while (i > 0 && !ksi_hold_is(ksi_held_at(t, i - 1), lock, mode))
        i--;
    if (i == 0) {
        if (t->unrecorded > 0)
            t->unrecorded--;
        return;
    }
    struct ksl_hold *gone = ksi_held_at(t, i - 1);
    if ((ksi_load(&gone->what) & (uint32_t)KSI_HOLD_TOLD << 8) != 0 &&
        !ksi_quick_given(t, ksi_hold_kind(gone), lock))
        ksi_watch_given(ksi_hold_kind(gone), lock, mode);
    if (ksi_order_on() && i < t->front.nholds)
        ksi_order_unstacked(t, i - 1);
    ksi_store(&gone->lock, (const void *)NULL);
    for (; i < t->front.nholds; i++) /* order of acquisition stays, reports list it */
        move(ksi_held_at(t, i - 1), ksi_held_at(t, i));
    ksi_store(&t->front.nholds, t->front.nholds - 1);
}

void ksi_held_remove(ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    remove_entry(t, lock, mode);
}

static bool strike_one(struct ksl_hold *h, const void *lock, uint32_t what)
{
    if (h == NULL)
        return false;
    uint32_t is = ksi_load_acq(&h->what) & ~((uint32_t)KSI_HOLD_TOLD << 8);
    if ((is & 0xffff) != what)
        return false;
    KSI_POINT("held: strike");
    return ksi_cas(&h->lock, &lock, (const void *)NULL);
}

/*
 * Strikes one entry of t out; it is not removed, only t may move entries. Upwards first:
 * above the entries in use there may be an old one, in a place that t is about to fill.
 */
static bool strike(ksl_thread *t, const void *lock, enum ksi_kind kind,
                   enum ksi_mode mode)
{
    uint32_t what = ksi_hold_what(kind, mode, 0);
    uint32_t n = ksi_load(&t->front.nholds);
    bool struck = false;
    for (uint32_t i = 0; i < n && !struck; i++)
        struck = strike_one(ksi_held_at(t, i), lock, what);
    for (uint32_t i = n; i > 0 && !struck; i--)
        struck = strike_one(ksi_held_at(t, i - 1), lock, what);
    if (struck)
        ksi_fetch_add(&t->struck, 1u);
    return struck;
}

/* The thread may be moving entries at the same moment, see move. */
void ksi_held_pop_foreign(const void *lock, enum ksi_kind kind, enum ksi_mode mode)
{
    ksl_thread *self = ksi_self();
    bool struck = false;
    ksi_watch_given(kind, lock, mode);
    ksi_registry_read_lock();
    for (ksl_thread *t = ksi_registry_first(); t != NULL && !struck;
         t = ksi_registry_next(t))
        struck = t != self && strike(t, lock, kind, mode);
    ksi_registry_read_unlock();
    if (!struck)
        strike(self, lock, kind, mode);
}
