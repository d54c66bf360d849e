/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlock (S1..S8).
 *
 *   word   meaning                        who changes it
 *   0      free                           anybody: -> its id, by CAS (acquire)
 *   id     held by the thread of that id  that thread: -> 0, by store (release)
 *
 * saved belongs to the holder: written after the lock is owned, read before it
 * is freed, so a contender never touches another holder's interrupt state. Relaxed:
 * the acquire and the release of the word order it.
 *
 * Waiting: nobody queues. The holder runs with its interrupts masked or is off
 * its processor; contenders pause, then yield, then nap, so they do not keep
 * the holder from running. There is no wake-up to lose. After the store of 0 the
 * releaser touches its own descriptor only.
 *
 * A call is tried the fast way of <kslock/spinlock.h> first, which is inlined into
 * programs too; the rest of it is for who has no owner word or finds l taken, its record
 * full, or something wrong.
 */

#include "lock/spinlock.h"

#include "lock/lock.h"
#include "platform/testing.h"
#include "thread/upcalls.h"
#include "wait/spin.h"

/* The fast way has none of the planted faults, and no points. */
static inline bool sound(void)
{
    return !KSI_FAULT(SPINLOCK_NO_MASK) && !KSI_FAULT(SPINLOCK_SAVE_EARLY) &&
           !KSI_FAULT(SPINLOCK_NO_EXCLUSION) && !KSI_FAULT(SPINLOCK_OPENS_FIRST) &&
           !KSI_FAULT(SPINLOCK_SAVED_LATE) && !KSI_FAULT(SPINLOCK_PREEMPT_STAYS) &&
           !KSI_FAULT(SPINLOCK_RELAXED) && !KSI_LONG_WAY();
}

static bool try_take(ksl_spinlock_t *l, uint32_t id)
{
    uint32_t seen = 0;
    if (KSI_FAULT(SPINLOCK_NO_EXCLUSION)) {
        if (ksi_load(&l->word) != 0)
            return false;
        KSI_POINT("spinlock: between test and set");
        ksi_store(&l->word, id);
        return true;
    }
    KSI_POINT("spinlock: take");
    return ksi_cas_acq(&l->word, &seen, id);
}

/* False if the caller holds l itself, or l is no lock. */
KSI_COLD static bool take_slow(ksl_spinlock_t *l, uint32_t id, const void *site)
{
    ksl_thread *t = ksi_self();
    for (unsigned turn = 0;; turn++) {
        uint32_t word = ksi_load(&l->word);
        if (word == id)
            return false;
        if (word == 0 && try_take(l, id))
            break;
        if (turn == 0 && !ksi_thread_is_id(word))
            return false;
        if (turn == 0)
            ksi_watch_before(KSI_SPINLOCK, l, KSI_EXCLUSIVE, site);
        ksi_spin_for(t, l, KSI_SPINLOCK, turn);
    }
    ksi_spin_end(t);
    return true;
}

static inline bool take(ksl_spinlock_t *l, uint32_t id, const void *site)
{
    return KSI_LIKELY(try_take(l, id)) || take_slow(l, id, site);
}

static void refuse(const ksl_spinlock_t *l, const ksl_thread *t, const void *site)
{
    struct ksi_misuse junk = {KSI_DESTROYED_RULE, KSI_SPINLOCK, l, site, NULL, false};
    struct ksi_misuse m = {KSI_RECURSION_RULE, KSI_SPINLOCK, l, site, t, false};
    if (ksi_load(&l->word) == t->front.id)
        ksi_violate(&m, "spinlock acquired again by its holder");
    else
        ksi_violate(&junk, "use of a spinlock; " KSI_NO_LOCK_WORD);
}

void ksl_spinlock_acquire(ksl_spinlock_t *l)
{
    if (KSI_LIKELY(sound() && ksl_spinlock_acquire_fast(l, KSI_SITE())))
        return;
    ksl_thread *t = ksi_self();
    uint32_t level =
        KSI_FAULT(SPINLOCK_NO_MASK) ? ksi_load(&t->front.level) : ksi_irq_mask(t);
    if (KSI_FAULT(SPINLOCK_SAVE_EARLY))
        ksi_store(&l->saved, level);
    if (KSI_UNLIKELY(!take(l, t->front.id, KSI_SITE()))) {
        ksi_irq_unmask(t, level);
        refuse(l, t, KSI_SITE());
        return;
    }
    KSI_POINT("spinlock: taken");
    if (!KSI_FAULT(SPINLOCK_SAVE_EARLY))
        ksi_store(&l->saved, level);
    ksi_held_push(t, l, KSI_SPINLOCK, KSI_EXCLUSIVE, level, KSI_SITE());
}

bool ksl_spinlock_try_acquire(ksl_spinlock_t *l)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_irq_mask(t);
    if (!try_take(l, t->front.id)) {
        ksi_irq_unmask(t, level);
        return ksi_watch_tried(false, KSI_SPINLOCK, l, KSI_EXCLUSIVE, KSI_SITE());
    }
    KSI_POINT("spinlock: taken");
    ksi_store(&l->saved, level);
    ksi_held_push_tried(t, l, KSI_SPINLOCK, KSI_EXCLUSIVE, level, KSI_SITE());
    return true;
}

/* Takes l and leaves the interrupts alone; false if refused. */
static bool raw_acquire(ksl_spinlock_t *l, ksl_thread *t, const void *site)
{
    if (KSI_UNLIKELY(!take(l, t->front.id, site))) {
        refuse(l, t, site);
        return false;
    }
    KSI_POINT("spinlock: taken");
    uint32_t level = ksi_load(&t->front.level);
    ksi_store(&l->saved, level);
    ksi_held_push(t, l, KSI_SPINLOCK, KSI_EXCLUSIVE, level, site);
    return true;
}

void ksl_spinlock_raw_acquire(ksl_spinlock_t *l)
{
    if (!sound() || !ksl_spinlock_raw_acquire_fast(l, KSI_SITE()))
        raw_acquire(l, ksi_self(), KSI_SITE());
}

void ksl_spinlock_acquire_preempt(ksl_spinlock_t *l)
{
    if (KSI_LIKELY(sound() && ksl_spinlock_acquire_preempt_fast(l, KSI_SITE())))
        return;
    ksl_thread *t = ksi_self();
    if (raw_acquire(l, t, KSI_SITE()))
        t->front.preempt++;
}

int ksl_spinlock_acquire_irq(ksl_spinlock_t *l)
{
    int state;
    if (KSI_LIKELY(sound() && ksl_spinlock_acquire_irq_fast(l, &state, KSI_SITE())))
        return state;
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_irq_mask(t);
    if (!raw_acquire(l, t, KSI_SITE()))
        ksi_irq_unmask(t, level);
    return (int)level;
}

static inline bool check_holder(const ksl_spinlock_t *l, const ksl_thread *t,
                                const char *call, const void *site)
{
    uint32_t word = ksi_load(&l->word);
    if (KSI_LIKELY(word == t->front.id))
        return true;
    if (!ksi_thread_is_id(word)) {
        refuse(l, t, site);
        return false;
    }
    ksi_refuse_release(call, KSI_SPINLOCK, l, ksi_thread_by_id(word), site);
    return false;
}

void ksl_spinlock_release(ksl_spinlock_t *l)
{
    if (KSI_LIKELY(sound() && ksl_spinlock_release_fast(l)))
        return;
    ksl_thread *t = ksi_self();
    if (!check_holder(l, t, "spinlock_release", KSI_SITE()))
        return;
    uint32_t level = ksi_load(&l->saved);
    ksi_held_pop(t, l, KSI_EXCLUSIVE);
    if (KSI_FAULT(SPINLOCK_OPENS_FIRST))
        ksi_irq_unmask(t, level);
    KSI_POINT("spinlock: free");
    if (KSI_FAULT(SPINLOCK_RELAXED))
        ksi_store(&l->word, 0u);
    else
        ksi_store_rel(&l->word, 0u);
    KSI_POINT("spinlock: freed");
    if (KSI_FAULT(SPINLOCK_SAVED_LATE))
        level = ksi_load(&l->saved);
    ksi_irq_unmask(t, level);
}

/* Frees l and leaves the interrupts alone; false if refused. */
static bool raw_release(ksl_spinlock_t *l, ksl_thread *t, const char *call,
                        const void *site)
{
    if (!check_holder(l, t, call, site))
        return false;
    ksi_held_pop(t, l, KSI_EXCLUSIVE);
    KSI_POINT("spinlock: free");
    ksi_store_rel(&l->word, 0u);
    KSI_POINT("spinlock: freed");
    return true;
}

void ksl_spinlock_raw_release(ksl_spinlock_t *l)
{
    if (!ksl_spinlock_raw_release_fast(l))
        raw_release(l, ksi_self(), "spinlock_raw_release", KSI_SITE());
}

void ksl_spinlock_release_preempt(ksl_spinlock_t *l)
{
    if (KSI_LIKELY(sound() && ksl_spinlock_release_preempt_fast(l)))
        return;
    ksl_thread *t = ksi_self();
    if (!check_holder(l, t, "spinlock_release", KSI_SITE()))
        return;
    /* Before l is given back: a refused release changes nothing. */
    if (KSI_UNLIKELY(t->front.preempt == 0)) {
        struct ksi_misuse m = {
            KSI_BAD_ARGUMENT_RULE, KSI_SPINLOCK, l, KSI_SITE(), NULL, false};
        ksi_violate(&m, "spinlock_release with preemption enabled");
        return;
    }
    raw_release(l, t, "spinlock_release", KSI_SITE());
    if (!KSI_FAULT(SPINLOCK_PREEMPT_STAYS))
        t->front.preempt--;
}

void ksl_spinlock_release_irq(ksl_spinlock_t *l, int state)
{
    if (KSI_LIKELY(ksl_spinlock_release_irq_fast(l, state)))
        return;
    if (KSI_UNLIKELY(state < 0 || state > KSI_MASK_ALL)) {
        struct ksi_misuse m = {
            KSI_BAD_ARGUMENT_RULE, KSI_SPINLOCK, l, KSI_SITE(), NULL, false};
        ksi_violate(&m, "spinlock_release_irq: state %d is out of range", state);
        return;
    }
    ksl_thread *t = ksi_self();
    if (raw_release(l, t, "spinlock_release_irq", KSI_SITE()))
        ksi_irq_unmask(t, (uint32_t)state);
}

bool ksi_spinlock_check(const ksl_spinlock_t *l, const ksl_thread *t, const char *call,
                        const void *site)
{
    return check_holder(l, t, call, site);
}

bool ksi_spinlock_suspend(ksl_spinlock_t *l, ksl_thread *t, uint32_t *kept,
                          const void *site)
{
    if (!check_holder(l, t, "sleep with a spinlock", site))
        return false;
    *kept = ksi_load(&l->saved);
    return raw_release(l, t, "", site);
}

bool ksi_spinlock_resume(ksl_spinlock_t *l, ksl_thread *t, uint32_t kept,
                         const void *site)
{
    bool in = take(l, t->front.id, site);
    bool mine = in || ksl_spinlock_held(l); /* a handler has taken it and kept it */
    if (mine)
        ksi_store(&l->saved, kept);
    else
        ksi_irq_unmask(t, kept);
    if (!in) {
        refuse(l, t, site);
        return mine;
    }
    ksi_held_push(t, l, KSI_SPINLOCK, KSI_EXCLUSIVE, kept, site);
    return true;
}

bool ksl_spinlock_held(const ksl_spinlock_t *l)
{
    return ksi_load(&l->word) == ksi_self()->front.id;
}

void ksl_spinlock_assert_held(const ksl_spinlock_t *l)
{
    if (ksl_spinlock_held(l))
        return;
    struct ksi_misuse m = {KSI_ASSERTION_RULE,
                           KSI_SPINLOCK,
                           l,
                           KSI_SITE(),
                           ksi_thread_by_id(ksi_load(&l->word)),
                           false};
    ksi_violate(&m, "spinlock is not held by the caller");
}

void ksl_preempt_disable(void)
{
    ksi_self()->front.preempt++;
}

void ksl_preempt_enable(void)
{
    ksl_thread *t = ksi_self();
    if (t->front.preempt > 0) {
        t->front.preempt--;
        return;
    }
    struct ksi_misuse m = {
        KSI_BAD_ARGUMENT_RULE, KSI_NO_KIND, NULL, KSI_SITE(), NULL, false};
    ksi_violate(&m, "preempt_enable without preempt_disable");
}

unsigned ksl_preempt_count(void)
{
    return ksi_self()->front.preempt;
}
