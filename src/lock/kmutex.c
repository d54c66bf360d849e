/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernel mutex of EVL: the exclusive half of lock/rw.h, with promotion. A word without
 * BASE is no mutex, or none any more. Who is woken by evl_destroy_kmutex does not touch
 * the word again.
 */

#include "lock/kmutex.h"

#include "lock/ksem.h"
#include "lock/owner.h"
#include "platform/testing.h"
#include "wait/wait.h"

static const struct ksi_rw_class class = {
    KSI_EVL_MUTEX, KSI_BASE, KSL_FAMILY(KSI_FAMILY_EVL_MUTEX), true, true, true};

static bool gone(const ksi_word *word, const char *call, const void *site)
{
    const void *lock = (const void *)(uintptr_t)word;
    if (KSI_LIKELY((ksi_load(word) & KSI_BASE) != 0))
        return false;
    struct ksi_misuse m = {KSI_DESTROYED_RULE, KSI_EVL_MUTEX, lock, site, NULL, false};
    ksi_violate(&m, "%s of a mutex that is not initialised", call);
    return true;
}

void ksi_kmutex_init(ksi_word *word, const void *site)
{
    ksi_rw_begin(word);
    ksi_store_rel(word, (uintptr_t)KSI_BASE);
    ksi_watch_begin(KSI_EVL_MUTEX, word, site);
}

void ksi_kmutex_destroy(ksi_word *word, const void *site)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, KSI_DESTROYED};
    const void *key = (const void *)(uintptr_t)word;
    if (gone(word, "evl_destroy_kmutex", site))
        return;
    ksi_watch_end(word);
    ksi_lot_lock(&lot, key);
    ksi_xchg(word, (uintptr_t)0);
    while (ksi_lot_pop(&lot, key, KSI_Q_WRITE, &wake) &&
           !KSI_FAULT(KMUTEX_DESTROY_WAKES_ONE))
        ;
    ksi_rw_begin(word); /* the owner has it no more; before anybody may use the memory */
    ksi_lot_unlock(&lot, &wake);
}

int ksi_kmutex_try(ksi_word *word, const void *site)
{
    ksl_thread *t = ksi_self();
    if (gone(word, "evl_trylock_kmutex", site))
        return -EBUSY;
    if (ksi_owner_is(word, t))
        return -EDEADLK;
    if (!ksi_rw_try_own(&class, word, t, site)) {
        (void)ksi_watch_tried(false, KSI_EVL_MUTEX, word, KSI_EXCLUSIVE, site);
        return -EBUSY;
    }
    ksi_watch_taken(KSI_EVL_MUTEX, word, KSI_EXCLUSIVE, site);
    return 0;
}

int ksi_kmutex_lock(ksi_word *word, const void *site)
{
    ksl_thread *t = ksi_self();
    const void *lock = (const void *)(uintptr_t)word;
    if (gone(word, "evl_lock_kmutex", site) ||
        ksi_refuse_in_handler(t, "evl_lock_kmutex", KSI_EVL_MUTEX, lock, site))
        return -EPERM;
    KSI_POINT("kmutex: is one");
    int error;
    bool watching = ksi_watch_before(KSI_EVL_MUTEX, word, KSI_EXCLUSIVE, site);
    do {
        if (ksi_rw_try_own(&class, word, t, site)) {
            error = 0;
            break;
        }
        if (ksi_owner_is(word, t))
            return -EDEADLK;
        if (ksi_evl_refuse_wait(t, "evl_lock_kmutex", KSI_EVL_MUTEX, lock, site))
            return -EPERM;
        error = ksi_rw_own(&class, word, t, 0, site);
    } while (error == -EDEADLK); /* a handler has it taken meanwhile */
    if (error == 0 && watching)
        ksi_hook_taken(KSI_EVL_MUTEX, word, KSI_EXCLUSIVE, site);
    return error != -EINVAL ? error : -EPERM; /* memory that is no lock */
}

void ksi_kmutex_unlock(ksi_word *word, const void *site)
{
    if (!gone(word, "evl_unlock_kmutex", site))
        (void)ksi_owner_unlock(&class, word, "evl_unlock_kmutex", site);
}
