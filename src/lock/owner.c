/* SPDX-License-Identifier: BSD-2-Clause */
/* Locks with one owner, on the exclusive half of lock/rw.h: the rules of use. */

#include "lock/owner.h"

#include "platform/testing.h"
#include "thread/irq.h"

bool ksi_owner_refuse_null(const volatile void *lock, enum ksi_kind kind,
                           const char *call, const void *site)
{
    if (KSI_LIKELY(lock != NULL))
        return false;
    struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, kind, NULL, site, NULL, false};
    ksi_violate(&m, "%s: the lock is NULL", call);
    return true;
}

ksl_thread *ksi_owner_of(const ksi_word *word)
{
    return ksi_thread_of(ksi_rw_owner(ksi_load(word)));
}

bool ksi_owner_any(const ksi_word *word)
{
    /* A writer may count a share between the first look and the look at its slot. */
    return !ksi_rw_unheld(ksi_load_acq(word)) || ksi_rw_seen_in_slots(word, NULL) ||
           !ksi_rw_unheld(ksi_load_acq(word));
}

bool ksi_owner_is(const ksi_word *word, const ksl_thread *t)
{
    return ksi_rw_owner(ksi_load(word)) == (uintptr_t)t;
}

static void refuse(const struct ksi_rw_class *c, const ksi_word *word, enum ksi_rule rule,
                   const ksl_thread *owner, const void *site, const char *call,
                   const char *what)
{
    struct ksi_misuse m = {rule, c->kind, (const void *)(uintptr_t)word,
                           site, owner,   false};
    ksi_violate(&m, "%s%s", call, what);
}

void ksi_owner_refuse(const struct ksi_rw_class *c, const ksi_word *word,
                      const char *call, const void *site)
{
    const ksl_thread *owner = ksi_owner_of(word);
    if (owner != NULL)
        refuse(c, word, KSI_NOT_OWNER_RULE, owner, site, call,
               owner == ksi_self() ? " by a thread that holds it in the other mode"
                                   : " by a thread that is not the owner");
    else if (ksi_owner_any(word))
        refuse(c, word, KSI_NOT_OWNER_RULE, NULL, site, call,
               " by a thread that does not hold it so; readers hold it");
    else
        refuse(c, word, KSI_NOT_LOCKED_RULE, NULL, site, call, " of a free lock");
}

void ksi_owner_refuse_recursion(const struct ksi_rw_class *c, const ksi_word *word,
                                const char *call, const void *site)
{
    refuse(c, word, KSI_RECURSION_RULE, ksi_owner_of(word), site, call,
           " of a lock that the caller has");
}

void ksi_owner_refuse_masked(const struct ksi_rw_class *c, const ksi_word *word,
                             const char *call, const void *site)
{
    refuse(c, word, KSI_MASKED_SLEEP_RULE, ksi_owner_of(word), site, call,
           " has to wait with a raised interrupt priority");
}

/*
 * Takes a word that is free but for marks, in the order of <kslock/inline.h>: the slot is
 * filled before the word names its thread. ksi_rw_own begins with the same try, but needs
 * 130 instructions more for it, where a pair of calls needs 320.
 */
static bool take_marked(const struct ksi_rw_class *c, ksi_word *word, ksl_thread *t,
                        const void *site)
{
    uintptr_t w = ksi_load(word);
    struct ksl_slot *s = ksi_near_slot(t, word);
    uintptr_t quick = c->base | KSI_MARKS;
    if ((w & ~quick) != 0 || (w & KSI_BASE) != c->base || ksi_load(&s->lock) != 0)
        return false;
    ksi_store(&s->place, ksi_flip_place(site));
    ksi_store(&s->lock, (uintptr_t)word | KSI_EXCLUSIVE_ENTRY | c->tags);
    ksi_barrier();
    KSI_POINT("owner: marked");
    uintptr_t looks = (w & KSI_QUEUED) != 0 ? KSI_LOOKS : 0;
    if (!ksi_cas(word, &w, w | (uintptr_t)t | looks)) {
        if (!KSI_FAULT(OWNER_ENTRY_STAYS))
            ksi_store(&s->lock, (uintptr_t)0);
        return false;
    }
    ksi_rw_adopt(c, word, t);
    return true;
}

bool ksi_owner_lock(const struct ksi_rw_class *c, ksi_word *word, const char *call,
                    const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, call, c->kind, (const void *)(uintptr_t)word, site))
        return false;
    ksi_watch_before(c->kind, word, KSI_EXCLUSIVE, site);
    if (take_marked(c, word, t, site)) {
        ksi_watch_taken(c->kind, word, KSI_EXCLUSIVE, site);
        return true;
    }
    int error;
    do {
        if (ksi_owner_is(word, t)) {
            ksi_owner_refuse_recursion(c, word, call, site);
            return false;
        }
        error = ksi_rw_own(c, word, t, KSI_RW_OPEN, site);
    } while (error == -EDEADLK); /* a handler has it taken meanwhile: judge anew */
    if (error == -EPERM)
        ksi_owner_refuse_masked(c, word, call, site);
    else if (error == 0)
        ksi_watch_taken(c->kind, word, KSI_EXCLUSIVE, site);
    return error == 0;
}

bool ksi_owner_unlock(const struct ksi_rw_class *c, ksi_word *word, const char *call,
                      const void *site)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_irq_mask(t); /* no handler changes what is decided on */
    bool mine = ksi_owner_is(word, t);
    if (mine)
        ksi_rw_disown(word, t);
    ksi_irq_unmask(t, level);
    if (!mine)
        ksi_owner_refuse(c, word, call, site);
    return mine;
}
