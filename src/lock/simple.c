/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Simple locks of AIX (T13 to T28). The word is that of lock/rw.h without shares.
 *
 * Two regimes: enabled threads sleep for it; who takes it by disable_lock, in threads and
 * handlers, spins with all interrupts masked, and then goes to the priority asked for.
 * The spinner does not queue, so nobody owes it a wake-up; it competes with those who
 * were woken. A handler never meets a lock whose holder it has interrupted, if the holder
 * has chosen the right priority; else that is a `recursion`.
 */

#include "lock/aix.h"

#include "platform/testing.h"
#include "thread/irq.h"
#include "wait/spin.h"

const struct ksi_rw_class ksi_simple_class = {
    KSI_SIMPLE, 0, KSL_FAMILY(KSI_FAMILY_SIMPLE), true, true, true};

bool ksi_simple_try(ksi_word *word, const void *site)
{
    ksl_thread *t = ksi_self();
    bool in = ksi_rw_try_own(&ksi_simple_class, word, t, site);
    return ksi_watch_tried(in, KSI_SIMPLE, word, KSI_EXCLUSIVE, site);
}

/* False if the memory is no lock. */
KSI_COLD static bool spin_slow(ksi_word *word, ksl_thread *t, const void *site)
{
    unsigned turn = 0;
    if (ksi_rw_is_foreign(&ksi_simple_class, ksi_load(word)))
        return false;
    do {
        if (!ksi_rw_stop_waiting(word, t))
            ksi_spin_for(t, word, KSI_SIMPLE, turn);
        turn++;
    } while (!ksi_rw_try_own(&ksi_simple_class, word, t, site));
    ksi_spin_end(t);
    return true;
}

unsigned ksi_disable_lock(ksi_word *word, unsigned level, const void *site)
{
    ksl_thread *t = ksi_self();
    uint32_t before = ksi_irq_mask(t);
    if (ksi_owner_is(word, t) && !KSI_FAULT(SIMPLE_SPINS_ON_SELF)) {
        ksi_irq_unmask(t, before);
        ksi_owner_refuse_recursion(&ksi_simple_class, word, "disable_lock", site);
        return before;
    }
    bool watching = ksi_watching();
    if (watching && ksi_order_on())
        ksi_order_disabling((const void *)(uintptr_t)word, before, site);
    bool in =
        ksi_rw_try_own(&ksi_simple_class, word, t, site) || spin_slow(word, t, site);
    ksi_irq_unmask(t, in ? level : before);
    if (!in)
        (void)ksi_rw_refuse_junk(&ksi_simple_class, word, site);
    else if (watching)
        ksi_hook_taken(KSI_SIMPLE, word, KSI_EXCLUSIVE, site);
    return before;
}

void ksi_unlock_enable(ksi_word *word, unsigned level, const void *site)
{
    if (KSI_FAULT(SIMPLE_ENABLES_FIRST))
        ksi_irq_unmask(ksi_self(), level);
    if (ksi_order_on())
        ksi_order_enabling((const void *)(uintptr_t)word, level, site);
    if (ksi_owner_unlock(&ksi_simple_class, word, "unlock_enable", site))
        ksi_irq_unmask(ksi_self(), level);
}
