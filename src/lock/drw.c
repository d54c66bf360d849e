/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disabled read-write locks of AIX. The word is that of lock/rw.h with counted shares;
 * nobody queues: who has to wait spins with all interrupts masked, on threads and in
 * handlers.
 *
 * A spinning writer sets WRITERS, so that readers that come later let it in. Nobody but
 * the writer that gets in takes the mark off; others that spin set it again. A sharer
 * that spins for its upgrade sets UPGRADING, too, which the others find taken.
 */

#include "lock/aix.h"

#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/spin.h"

static const struct ksi_rw_class class = {KSI_DRW, 0,     KSL_FAMILY(KSI_FAMILY_DRW),
                                          true,    false, false};

void ksi_drw_init(ksi_word *word, const void *site)
{
    ksi_rw_begin(word);
    ksi_store(word, (uintptr_t)0);
    ksi_watch_begin(KSI_DRW, word, site);
}

/* This and write_slow: false if the memory is no lock. */
KSI_COLD static bool read_slow(ksi_word *word, ksl_thread *t, unsigned how,
                               const void *site)
{
    if (ksi_rw_is_foreign(&class, ksi_load(word)))
        return false;
    for (unsigned turn = 0; !ksi_rw_try_share(&class, word, t, how, site); turn++)
        ksi_spin_for(t, word, KSI_DRW, turn);
    ksi_spin_end(t);
    return true;
}

void ksi_drw_read(ksi_word *word, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_owner_is(word, t)) {
        ksi_owner_refuse_recursion(&class, word, "drw_lock_read", site);
        return;
    }
    /* One of its own shares is there already: then a waiting writer waits for the caller.
     */
    bool again = ksi_share_find(t, word) != NULL && !KSI_FAULT(DRW_NESTED_WAITS);
    unsigned how = again ? KSI_RW_PASS : 0;
    bool watching = ksi_watch_before(KSI_DRW, word, KSI_SHARED, site);
    uint32_t level = ksi_irq_mask(t);
    bool in =
        ksi_rw_try_share(&class, word, t, how, site) || read_slow(word, t, how, site);
    ksi_irq_unmask(t, level);
    if (!in)
        (void)ksi_rw_refuse_junk(&class, word, site);
    else if (watching)
        ksi_hook_taken(KSI_DRW, word, KSI_SHARED, site);
}

static void mark(ksi_word *word)
{
    uintptr_t w = ksi_load(word);
    KSI_POINT("drw: mark");
    if (!ksi_rw_unheld(w) && (w & KSI_WRITERS) == 0)
        ksi_cas(word, &w, w | KSI_WRITERS);
}

static void unmark(ksi_word *word)
{
    KSI_POINT("drw: unmark");
    ksi_fetch_and(word, ~(uintptr_t)KSI_WRITERS);
}

KSI_COLD static bool write_slow(ksi_word *word, ksl_thread *t, const void *site)
{
    unsigned turn = 0;
    if (ksi_rw_is_foreign(&class, ksi_load(word)))
        return false;
    do {
        mark(word);
        ksi_spin_for(t, word, KSI_DRW, turn++);
    } while (!ksi_rw_try_own(&class, word, t, site));
    ksi_spin_end(t);
    return true;
}

bool ksi_drw_write(ksi_word *word, bool try_only, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!try_only)
        ksi_watch_before(KSI_DRW, word, KSI_EXCLUSIVE, site);
    uint32_t level = ksi_irq_mask(t);
    bool in = ksi_rw_try_own(&class, word, t, site);
    if (KSI_UNLIKELY(!in) && !try_only) {
        if (ksi_owner_is(word, t) || ksi_share_find(t, word) != NULL) {
            ksi_irq_unmask(t, level);
            ksi_owner_refuse_recursion(&class, word, "drw_lock_write", site);
            return false;
        }
        if (!write_slow(word, t, site)) {
            ksi_irq_unmask(t, level);
            (void)ksi_rw_refuse_junk(&class, word, site);
            return false;
        }
        in = true;
    }
    if (in && (ksi_load(word) & KSI_WRITERS) != 0 && !KSI_FAULT(DRW_MARK_STAYS))
        unmark(word);
    ksi_irq_unmask(t, level);
    return ksi_watch_tried(in, KSI_DRW, word, KSI_EXCLUSIVE, site);
}

/* Nobody is queued, so there is nobody to wake; the mark stays. */
static void leave(ksi_word *word, ksl_thread *t, struct ksl_slot *s, bool owner)
{
    uint32_t level = ksi_irq_mask(t); /* a handler finds the record as the word says */
    uintptr_t w = ksi_load(word);
    if (s != NULL)
        ksi_slot_clear(t, s);
    else if (!owner)
        t->unshared--;
    if (s == ksi_near_slot(t, word))
        ksi_rw_drop_notes(word, t);
    ksi_watch_given(KSI_DRW, word, owner ? KSI_EXCLUSIVE : KSI_SHARED);
    KSI_POINT("drw: leave");
    while (!ksi_cas_rel(word, &w, owner ? w & KSI_FLAGS : ksi_rw_one_less(w)))
        ;
    KSI_POINT("drw: left");
    ksi_irq_unmask(t, level);
}

void ksi_drw_done(ksi_word *word, const void *site)
{
    ksl_thread *t = ksi_self();
    struct ksl_slot *s = ksi_share_find(t, word);
    if (ksi_owner_is(word, t))
        leave(word, t, ksi_exclusive_find(t, word), true);
    else if (s != NULL || (t->unshared > 0 && ksi_rw_count(ksi_load(word)) > 0))
        leave(word, t, s, false);
    else
        ksi_owner_refuse(&class, word, "drw_lock_done", site);
}

/*
 * With UPGRADING taken, nobody else waits for the other sharers to leave, so this ends;
 * who finds it taken fails. So of several that upgrade one gets it.
 */
static bool await_alone(ksi_word *word, ksl_thread *t)
{
    uintptr_t w = ksi_load(word);
    if (ksi_share_count(t, word) > 1)
        return false;
    KSI_POINT("drw: upgrade");
    do {
        if ((w & KSI_UPGRADING) != 0)
            return false;
    } while (!ksi_cas(word, &w, w | KSI_UPGRADING | KSI_WRITERS));
    KSI_POINT("drw: upgrading");
    for (unsigned turn = 0; ksi_rw_count(ksi_load(word)) > 1; turn++)
        ksi_spin_for(t, word, KSI_DRW, turn);
    ksi_spin_end(t);
    KSI_POINT("drw: alone");
    bool in = ksi_rw_upgrade(&class, word, t);
    KSI_POINT("drw: upgraded");
    if (!KSI_FAULT(DRW_UPGRADING_STAYS))
        ksi_fetch_and(word, ~(uintptr_t)KSI_UPGRADING);
    return in;
}

/* The try call fails if anybody else has a share. */
bool ksi_drw_upgrade(ksi_word *word, bool drop, const void *site)
{
    ksl_thread *t = ksi_self();
    struct ksl_slot *s = ksi_share_find(t, word);
    if (s == NULL) {
        ksi_owner_refuse(&class, word,
                         drop ? "drw_lock_read_to_write" : "drw_lock_try_read_to_write",
                         site);
        return false;
    }
    uint32_t level = ksi_irq_mask(t);
    bool in = drop ? await_alone(word, t) : ksi_rw_upgrade(&class, word, t);
    if (in && (ksi_load(word) & KSI_WRITERS) != 0)
        unmark(word);
    if (!in && drop)
        leave(word, t, ksi_share_find(t, word), false);
    ksi_irq_unmask(t, level);
    return in;
}

void ksi_drw_downgrade(ksi_word *word, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_owner_is(word, t))
        ksi_rw_downgrade(&class, word, t);
    else
        ksi_owner_refuse(&class, word, "drw_lock_write_to_read", site);
}

bool ksi_drw_held(const ksi_word *word)
{
    return ksi_owner_any(word);
}
