/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_HELD_H
#define KSI_DIAG_HELD_H

#include "platform/compiler.h"
#include "thread/thread.h"

#include <kslock/inline_irq.h>

/*
 * The record of what a thread holds: what misuse is judged by and what the
 * report at exit lists. The first entries stand in the descriptor, more in pages
 * that the thread keeps; an entry never moves to another page.
 *
 * Only the thread itself and handlers that interrupt it write; a handler leaves
 * the record as it found it, so a push reserves its entry before it fills it.
 * Readers on other threads (messages) may see an entry half written, and so may a
 * handler, but only as the last of those that it found (t->held_below): what it gives
 * back for others is looked for there at last, and struck out, so nothing moves.
 */
enum ksi_kind {
    KSI_NO_KIND,
#define KIND(name, text) KSI_##name,
#include "diag/kinds.def"
#undef KIND
    KSI_KINDS
};

enum ksi_mode { KSI_EXCLUSIVE, KSI_SHARED };

_Static_assert((int)KSL_HOLD_SPINLOCK == (int)KSI_SPINLOCK &&
                   (int)KSL_HOLD_RWLOCK == (int)KSI_RWLOCK &&
                   (int)KSL_HOLD_SHARED == (int)KSI_SHARED << 8,
               "see <kslock/inline_irq.h>");

static inline uint32_t ksi_hold_what(enum ksi_kind kind, enum ksi_mode mode,
                                     uint32_t level)
{
    return (uint32_t)kind | (uint32_t)mode << 8 | level << 16;
}

static inline enum ksi_kind ksi_hold_kind(const struct ksl_hold *h)
{
    return (enum ksi_kind)(ksi_load(&h->what) & 0xff);
}

/*
 * Beside the mode: who watches is told when it is given back. The pop that is inlined
 * takes it for another mode, and so goes the slow way.
 */
enum { KSI_HOLD_TOLD = 0x80 };

static inline enum ksi_mode ksi_hold_mode(const struct ksl_hold *h)
{
    return (enum ksi_mode)(ksi_load(&h->what) >> 8 & (0xff ^ KSI_HOLD_TOLD));
}

static inline uint32_t ksi_hold_level(const struct ksl_hold *h)
{
    return ksi_load(&h->what) >> 16 & 0xff;
}

static inline bool ksi_hold_is(const struct ksl_hold *h, const void *lock,
                               enum ksi_mode mode)
{
    return ksi_load(&h->lock) == lock && ksi_hold_mode(h) == mode;
}

/* The same, and nobody is told. */
static inline bool ksi_hold_is_quiet(const struct ksl_hold *h, const void *lock,
                                     enum ksi_mode mode)
{
    return ksi_load(&h->lock) == lock &&
           (ksi_load(&h->what) >> 8 & 0xff) == (uint32_t)mode;
}

const char *ksi_kind_name(unsigned kind);

/* Entry i beyond the inline part; NULL if its page is not there. */
struct ksl_hold *ksi_held_far(const ksl_thread *t, uint32_t i);

static inline struct ksl_hold *ksi_held_at(const ksl_thread *t, uint32_t i)
{
    if (KSI_UNLIKELY(i >= KSI_HOLDS_INLINE))
        return ksi_held_far(t, i);
    return (struct ksl_hold *)(uintptr_t)&t->front.holds[i];
}

/* The newest entry of t; NULL if there is none. */
static inline const struct ksl_hold *ksi_held_newest(const ksl_thread *t)
{
    return t->front.nholds > 0 ? ksi_held_at(t, t->front.nholds - 1) : NULL;
}

/*
 * Makes room for a push beyond the inline part: drops entries that were struck
 * out, else maps a page. False if there is no memory.
 */
KSI_COLD bool ksi_held_make_room(ksl_thread *t);

/* The newest entry of t for lock in that mode; NULL if there is none. */
struct ksl_hold *ksi_held_find(const ksl_thread *t, const void *lock, enum ksi_mode mode);

/* The same; in a handler only among its own entries. */
const struct ksl_hold *ksi_held_find_own(const ksl_thread *t, const void *lock,
                                         enum ksi_mode mode);

/* Removes the newest entry for lock in that mode, wherever it stands. */
KSI_COLD void ksi_held_remove(ksl_thread *t, const void *lock, enum ksi_mode mode);

/*
 * For locks without an owner: lock was given back by a thread that has no
 * entry for it, or by a handler that has none; takes the entry of some other thread
 * away, or else of the thread that the handler has interrupted.
 */
KSI_COLD void ksi_held_pop_foreign(const void *lock, enum ksi_kind kind,
                                   enum ksi_mode mode);

/*
 * Pushes of an entry from this one on go the slow way; 0 while somebody watches. It is
 * read without an atomic, but for race detectors, so that the fast path has a comparison
 * with memory and no instruction more.
 */
extern uint32_t ksi_holds_limit __attribute__((visibility("hidden")));

static inline bool ksi_holds_below_limit(uint32_t n)
{
#if KSI_RACE_DETECTOR
    return n < ksi_load(&ksi_holds_limit);
#else
    return n < ksi_holds_limit;
#endif
}

/* tried: by a call that does not wait. */
KSI_COLD void ksi_held_push_slow(ksl_thread *t, const void *lock, uint32_t what,
                                 const void *site, bool tried);

static inline void ksi_held_push_as(ksl_thread *t, const void *lock, uint32_t what,
                                    const void *site, bool tried)
{
    uint32_t count = ksi_load(&t->front.nholds);
    if (KSI_UNLIKELY(!ksi_holds_below_limit(count))) {
        ksi_held_push_slow(t, lock, what, site, tried);
        return;
    }
    ksl_hold_push(&t->front, count, lock, what, 0, site);
}

static inline void ksi_held_push(ksl_thread *t, const void *lock, enum ksi_kind kind,
                                 enum ksi_mode mode, uint32_t level, const void *site)
{
    ksi_held_push_as(t, lock, ksi_hold_what(kind, mode, level), site, false);
}

/* The same for a call that does not wait. */
static inline void ksi_held_push_tried(ksl_thread *t, const void *lock,
                                       enum ksi_kind kind, enum ksi_mode mode,
                                       uint32_t level, const void *site)
{
    ksi_held_push_as(t, lock, ksi_hold_what(kind, mode, level), site, true);
}

/* The caller has given lock back, or is about to. */
static inline void ksi_held_pop(ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    uint32_t n = t->front.nholds;
    if (KSI_LIKELY(n > 0 && ksi_hold_is_quiet(ksi_held_at(t, n - 1), lock, mode)))
        ksi_store(&t->front.nholds, n - 1);
    else
        ksi_held_remove(t, lock, mode);
}

#endif
