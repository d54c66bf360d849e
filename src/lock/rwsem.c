/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader/writer semaphore (R1..R9): the rules of use. Word, waiting and waking are
 * those of lock/rw.h, with base 0.
 *
 * writes and reads count the owner's acquisitions and belong to it. A thread that
 * reads and reads again has one more share, past all who wait (R5).
 */

#include "lock/lock.h"
#include "lock/rw.h"
#include "platform/testing.h"

#include <kslock/rwsem.h>

static const struct ksi_rw_class class = {KSI_RWSEM, 0, KSI_OF_RWSEM, false, false, true};

static ksi_word *word_of(ksl_rwsem_t *s)
{
    return &s->word;
}

static bool mine(const ksl_rwsem_t *s, const ksl_thread *t)
{
    return ksi_rw_owner(ksi_load(&s->word)) == (uintptr_t)t;
}

void ksl_rwsem_init(ksl_rwsem_t *s)
{
    ksi_rw_begin(word_of(s));
    ksi_store(&s->word, (uintptr_t)0);
    s->writes = 0;
    s->reads = 0;
    ksi_watch_begin(KSI_RWSEM, s, KSI_SITE());
}

KSI_COLD static int read_slow(ksl_rwsem_t *s, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "rwsem_acquire_read", KSI_RWSEM, s, site))
        return -EPERM;
    if (mine(s, t)) {
        s->reads++;
        ksi_watch_again(KSI_RWSEM, s, KSI_SHARED, site);
        return 0;
    }
    bool nested = ksi_share_find(t, word_of(s)) != NULL;
    if (!nested && t->rwsem_reads >= KSL_RWSEM_READ_HOLDS) {
        struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, KSI_RWSEM, s, site, NULL, false};
        ksi_violate(&m, "rwsem_acquire_read beyond %d distinct read holds",
                    KSL_RWSEM_READ_HOLDS);
        return -EPERM;
    }
    ksi_watch_before(KSI_RWSEM, s, KSI_SHARED, site);
    (void)ksi_rw_share(&class, word_of(s), t, 0, site); /* R8: nothing ends it */
    ksi_watch_taken(KSI_RWSEM, s, KSI_SHARED, site);
    if (!nested)
        t->rwsem_reads++;
    return 0;
}

/*
 * The inlined fast path of <kslock/inline.h> with another entry: under reader bias
 * a store to the own slot and a look at the word.
 */
int ksl_rwsem_acquire_read(ksl_rwsem_t *s)
{
    uintptr_t me = ksl_owner_word();
    if (KSI_UNLIKELY(me == 0))
        return read_slow(s, KSI_SITE());
    ksl_thread *t = ksi_thread_of(me);
    struct ksl_slot *slot = ksi_near_slot(t, word_of(s));
    /* With far shares this one may be nested, which does not count. */
    if (KSI_UNLIKELY(ksi_load(&slot->lock) != 0 || t->far_used != 0 ||
                     t->rwsem_reads >= KSL_RWSEM_READ_HOLDS ||
                     (ksi_load(&s->word) & KSI_BIAS) == 0))
        return read_slow(s, KSI_SITE());
    ksi_store(&slot->place, ksi_flip_place(KSI_SITE()));
    KSI_POINT("rwsem: slot");
    ksi_store_rel(&slot->lock, (uintptr_t)s | KSI_OF_RWSEM);
    ksi_barrier();
    if (KSI_UNLIKELY((ksi_load_acq(&s->word) & KSI_BIAS) == 0) &&
        !KSI_FAULT(RWSEM_BIAS_UNCHECKED)) {
        ksi_rw_cancel(word_of(s), t, slot);
        return read_slow(s, KSI_SITE());
    }
    t->rwsem_reads++;
    return 0;
}

KSI_COLD static int write_slow(ksl_rwsem_t *s, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "rwsem_acquire_write", KSI_RWSEM, s, site))
        return -EPERM;
    if (mine(s, t)) {
        s->writes++;
        ksi_watch_again(KSI_RWSEM, s, KSI_EXCLUSIVE, site);
        return 0;
    }
    if (ksi_share_find(t, word_of(s)) != NULL) {
        struct ksi_misuse m = {KSI_RECURSION_RULE, KSI_RWSEM, s, site, t, false};
        ksi_violate(&m, "rwsem_acquire_write by a thread that reads");
        return -EPERM;
    }
    ksi_watch_before(KSI_RWSEM, s, KSI_EXCLUSIVE, site);
    (void)ksi_rw_own(&class, word_of(s), t, 0, site);
    ksi_watch_taken(KSI_RWSEM, s, KSI_EXCLUSIVE, site);
    s->writes = 1;
    return 0;
}

int ksl_rwsem_acquire_write(ksl_rwsem_t *s)
{
    uintptr_t me = ksl_owner_word();
    uintptr_t seen = 0;
    if (KSI_UNLIKELY(me == 0))
        return write_slow(s, KSI_SITE());
    struct ksl_slot *slot = ksi_near_slot(ksi_thread_of(me), word_of(s));
    if (KSI_UNLIKELY(ksi_load(&slot->lock) != 0 || !ksi_cas_acq(&s->word, &seen, me)))
        return write_slow(s, KSI_SITE());
    ksi_store(&slot->place, ksi_flip_place(KSI_SITE()));
    ksi_store(&slot->lock, (uintptr_t)s | KSI_EXCLUSIVE_ENTRY | KSI_OF_RWSEM);
    s->writes = 1;
    return 0;
}

static int refuse_leave(ksl_rwsem_t *s, const char *call, const void *site)
{
    uintptr_t w = ksi_load(&s->word);
    if (ksi_rw_count(w) > 0 || ksi_rw_seen_in_slots(word_of(s), NULL)) {
        struct ksi_misuse m = {KSI_NOT_OWNER_RULE, KSI_RWSEM, s, site, NULL, false};
        ksi_violate(&m, "%s by a thread that does not hold it so; readers hold it", call);
    } else {
        ksi_refuse_release(call, KSI_RWSEM, s, ksi_thread_of(ksi_rw_owner(w)), site);
    }
    return -EPERM;
}

/* One of the owner's acquisitions is undone; the last one frees the word. */
static int leave_owner(ksl_rwsem_t *s, ksl_thread *t, uint32_t *count, const char *call,
                       const void *site)
{
    if (*count == 0)
        return refuse_leave(s, call, site);
    --*count;
    if (s->writes == 0 && s->reads == 0)
        ksi_rw_disown(word_of(s), t);
    return 0;
}

KSI_COLD static int unwrite_slow(ksl_rwsem_t *s, const void *site)
{
    static const char call[] = "rwsem_release_write";
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, call, KSI_RWSEM, s, site))
        return -EPERM;
    if (!mine(s, t))
        return refuse_leave(s, call, site);
    return leave_owner(s, t, &s->writes, call, site);
}

/* The plain store of <kslock/inline.h>; no handler may touch a rwsem. */
int ksl_rwsem_release_write(ksl_rwsem_t *s)
{
    uintptr_t me = ksl_owner_word();
    uintptr_t left = ksi_load(&s->word) ^ me;
    if (KSI_UNLIKELY(me == 0 || (left & ~(uintptr_t)KSI_SLOTS) != 0 || s->writes != 1 ||
                     s->reads != 0))
        return unwrite_slow(s, KSI_SITE());
    ksl_thread *t = ksi_thread_of(me);
    struct ksl_slot *slot = ksi_near_slot(t, word_of(s));
    if (KSI_UNLIKELY(ksi_load(&slot->lock) !=
                     ((uintptr_t)s | KSI_EXCLUSIVE_ENTRY | KSI_OF_RWSEM)))
        return unwrite_slow(s, KSI_SITE());
    s->writes = 0;
    ksi_store(&slot->lock, (uintptr_t)0);
    ksi_store_rel(&s->word, left);
    ksi_barrier();
    if (KSI_UNLIKELY(ksi_load(&t->front.claims) != 0))
        ksl_claims_answer(word_of(s));
    return 0;
}

KSI_COLD static int unread_slow(ksl_rwsem_t *s, const void *site)
{
    static const char call[] = "rwsem_release_read";
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, call, KSI_RWSEM, s, site))
        return -EPERM;
    if (mine(s, t))
        return leave_owner(s, t, &s->reads, call, site);
    struct ksl_slot *slot = ksi_share_find(t, word_of(s));
    if (slot == NULL && (t->unshared == 0 || ksi_rw_count(ksi_load(&s->word)) == 0))
        return refuse_leave(s, call, site);
    ksi_rw_unshare(word_of(s), t, slot);
    if (ksi_share_find(t, word_of(s)) == NULL)
        t->rwsem_reads--;
    return 0;
}

int ksl_rwsem_release_read(ksl_rwsem_t *s)
{
    uintptr_t me = ksl_owner_word();
    if (KSI_UNLIKELY(me == 0))
        return unread_slow(s, KSI_SITE());
    ksl_thread *t = ksi_thread_of(me);
    struct ksl_slot *slot = ksi_near_slot(t, word_of(s));
    /* Far shares of the same rwsem count it as held still. */
    if (KSI_UNLIKELY(ksi_load(&slot->lock) != ((uintptr_t)s | KSI_OF_RWSEM) ||
                     t->far_used != 0))
        return unread_slow(s, KSI_SITE());
    t->rwsem_reads--;
    ksi_rw_cancel(word_of(s), t, slot);
    return 0;
}
