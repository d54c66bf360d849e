/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader/writer semaphore (R1..R9): the rules of use. Word, waiting and waking are
 * those of lock/rw.h, with base 0.
 *
 * writes and reads count the owner's acquisitions and belong to it; writes without the
 * first one, so that both are 0 when the inlined path has taken it; all bits set when
 * the writes have been undone and reads are left. A thread that reads and reads again has
 * one more share, past all who wait (R5).
 *
 * The limit of distinct read holds is looked at where it can be met: near slots alone
 * are too few. With so many far shares of rwsems that near slots can reach it, the thread
 * is `crowded`: it has no owner word, so all its reads come here.
 */

#include "lock/lock.h"
#include "lock/rw_quick.h"
#include "platform/testing.h"
#include "thread/watch.h"

#include <kslock/rwsem.h>

static const struct ksi_rw_class class = {
    .kind = KSI_RWSEM, .tags = KSI_OF_RWSEM, .looks = true};

enum { FAR_READS = KSL_RWSEM_READ_HOLDS - KSL_SLOTS };

_Static_assert(KSL_RWSEM_TAG == KSI_OF_RWSEM, "see <kslock/rwsem.h>");

static ksi_word *word_of(ksl_rwsem_t *s)
{
    return &s->word;
}

static bool mine(const ksl_rwsem_t *s, const ksl_thread *t)
{
    return ksi_rw_owner(ksi_load(&s->word)) == (uintptr_t)t;
}

/* The quick way of a thread that is watched, see lock/rw_quick.h. */
static inline struct ksi_quick quick(ksl_rwsem_t *s, ksl_thread *t)
{
    return (struct ksi_quick){&class, &s->word, s, t};
}

/* The owner's acquisitions; they go with the last one. */
static void count(ksl_rwsem_t *s, uint32_t writes, uint32_t reads)
{
    ksi_store(&s->writes, writes == 0 && reads == 0 ? 0 : writes - 1);
    ksi_store(&s->reads, reads);
}

static uint32_t writes_of(const ksl_rwsem_t *s)
{
    return s->writes + 1;
}

void ksl_rwsem_init(ksl_rwsem_t *s)
{
    ksi_rw_begin(word_of(s));
    ksi_store(&s->word, (uintptr_t)0);
    count(s, 0, 0);
    ksi_watch_begin(KSI_RWSEM, s, KSI_SITE());
}

/* --- the limit of read holds -------------------------------------------------------- */

static bool is_read(uintptr_t entry)
{
    return entry != 0 && ksi_family_of(entry) == KSI_FAMILY_RWSEM &&
           ksi_entry_of(entry) != KSI_EXCLUSIVE_ENTRY;
}

/* Distinct rwsems that t reads; no more than the limit. */
static unsigned read_holds(const ksl_thread *t)
{
    uintptr_t entry, known[KSL_RWSEM_READ_HOLDS];
    const void *site;
    unsigned n = 0;
    for (uint32_t i = 0; n < KSL_RWSEM_READ_HOLDS && ksi_slot_at(t, i, &entry, &site);
         i++) {
        if (!is_read(entry))
            continue;
        unsigned j = 0;
        known[n] = entry & ~KSI_TAGS;
        while (known[j] != known[n])
            j++;
        n += j == n;
    }
    return n;
}

/* After a change of the far shares. */
KSI_COLD static void look_crowded(ksl_thread *t)
{
    bool crowded = t->far_reads >= FAR_READS;
    if (crowded == t->crowded)
        return;
    t->crowded = crowded;
    if (crowded)
        ksi_store(&ksl_tls.owner, (uintptr_t)0);
    else
        ksi_watch_show_owner(t);
}

/* --- readers ------------------------------------------------------------------------ */

KSI_ASIDE static int read_slow(ksl_rwsem_t *s, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "rwsem_acquire_read", KSI_RWSEM, s, site))
        return -EPERM;
    if (mine(s, t)) {
        count(s, writes_of(s), s->reads + 1);
        ksi_watch_again(KSI_RWSEM, s, KSI_SHARED, site);
        return 0;
    }
    struct ksi_quick q = quick(s, t);
    if (ksi_watching() && !t->crowded && ksi_quick_share(&q, site))
        return 0;
    if (KSI_UNLIKELY(t->crowded) && ksi_share_find(t, word_of(s)) == NULL &&
        read_holds(t) >= KSL_RWSEM_READ_HOLDS) {
        struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, KSI_RWSEM, s, site, NULL, false};
        ksi_violate(&m, "rwsem_acquire_read beyond %d distinct read holds",
                    KSL_RWSEM_READ_HOLDS);
        return -EPERM;
    }
    ksi_watch_before(KSI_RWSEM, s, KSI_SHARED, site);
    if (ksi_rw_share(&class, word_of(s), t, 0, site) != 0) /* R8: nothing ends it */
        return -EPERM;                                     /* memory that is no lock */
    ksi_watch_taken(KSI_RWSEM, s, KSI_SHARED, site);
    if (t->far_reads >= FAR_READS)
        look_crowded(t);
    return 0;
}

/* What is inlined (ksl_show_fast), with points for tests. */
int ksl_rwsem_acquire_read(ksl_rwsem_t *s)
{
    uintptr_t me = ksl_owner_word();
    if (KSI_UNLIKELY(me == 0))
        return read_slow(s, KSI_SITE());
    struct ksl_slot *slot = ksi_near_slot(ksi_thread_of(me), word_of(s));
    if (KSI_UNLIKELY(ksi_load(&slot->lock) != 0))
        return read_slow(s, KSI_SITE());
    ksi_store(&slot->place, ksi_flip_place(KSI_SITE()));
    KSI_POINT("rwsem: slot");
    ksi_store_rel(&slot->lock, (uintptr_t)s | KSI_OF_RWSEM);
    ksi_barrier();
    if (KSI_LIKELY((ksi_load_acq(&s->word) & KSI_BIAS) != 0) ||
        KSI_FAULT(RWSEM_BIAS_UNCHECKED) || ksl_share_fenced(word_of(s)))
        return 0;
    return read_slow(s, KSI_SITE());
}

/* --- writers ------------------------------------------------------------------------ */

KSI_ASIDE static int write_slow(ksl_rwsem_t *s, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "rwsem_acquire_write", KSI_RWSEM, s, site))
        return -EPERM;
    if (mine(s, t)) {
        count(s, writes_of(s) + 1, s->reads);
        ksi_watch_again(KSI_RWSEM, s, KSI_EXCLUSIVE, site);
        return 0;
    }
    struct ksi_quick q = quick(s, t);
    if (ksi_watching() && ksi_quick_own(&q, site)) /* a word of 0 has no shares */
        return 0;
    if (ksi_share_find(t, word_of(s)) != NULL) {
        struct ksi_misuse m = {KSI_RECURSION_RULE, KSI_RWSEM, s, site, t, false};
        ksi_violate(&m, "rwsem_acquire_write by a thread that reads");
        return -EPERM;
    }
    ksi_watch_before(KSI_RWSEM, s, KSI_EXCLUSIVE, site);
    if (ksi_rw_own(&class, word_of(s), t, 0, site) != 0)
        return -EPERM; /* memory that is no lock */
    ksi_watch_taken(KSI_RWSEM, s, KSI_EXCLUSIVE, site);
    return 0;
}

int ksl_rwsem_acquire_write(ksl_rwsem_t *s)
{
    if (KSI_LIKELY(ksi_load(&s->word) == 0 &&
                   ksl_rwsem_own_fast(s, ksi_flip_place(KSI_SITE()))))
        return 0;
    return write_slow(s, KSI_SITE());
}

/* --- giving it back ----------------------------------------------------------------- */

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
static int leave_owner(ksl_rwsem_t *s, ksl_thread *t, bool write, const char *call,
                       const void *site)
{
    uint32_t writes = writes_of(s), reads = s->reads;
    if ((write ? writes : reads) == 0)
        return refuse_leave(s, call, site);
    if (write)
        writes -= KSI_FAULT(RWSEM_WRITE_STAYS) && writes > 1 ? 0 : 1;
    else
        reads--;
    count(s, writes, reads);
    struct ksi_quick q = quick(s, t);
    if (writes == 0 && (reads == 0 || KSI_FAULT(RWSEM_READS_FORGOTTEN)) &&
        (!ksi_watching() || !ksi_quick_disown(&q)))
        ksi_rw_disown(word_of(s), t);
    return 0;
}

KSI_ASIDE static int unwrite_slow(ksl_rwsem_t *s, const void *site)
{
    static const char call[] = "rwsem_release_write";
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, call, KSI_RWSEM, s, site))
        return -EPERM;
    if (!mine(s, t))
        return refuse_leave(s, call, site);
    return leave_owner(s, t, true, call, site);
}

int ksl_rwsem_release_write(ksl_rwsem_t *s)
{
    if (KSI_LIKELY(ksl_rwsem_disown_fast(s)))
        return 0;
    return unwrite_slow(s, KSI_SITE());
}

KSI_ASIDE static int unread_slow(ksl_rwsem_t *s, const void *site)
{
    static const char call[] = "rwsem_release_read";
    ksl_thread *t = ksi_self();
    if (ksi_rw_unshare_near(word_of(s), t, class.tags))
        return 0;
    if (ksi_refuse_in_handler(t, call, KSI_RWSEM, s, site))
        return -EPERM;
    if (mine(s, t))
        return leave_owner(s, t, false, call, site);
    struct ksi_quick q = quick(s, t);
    if (ksi_watching() && ksi_quick_unshare(&q))
        return 0;
    struct ksl_slot *slot = ksi_share_find(t, word_of(s));
    if (slot == NULL && (t->unshared == 0 || ksi_rw_count(ksi_load(&s->word)) == 0))
        return refuse_leave(s, call, site);
    ksi_rw_unshare(word_of(s), t, slot);
    if (KSI_UNLIKELY(t->crowded))
        look_crowded(t);
    return 0;
}

int ksl_rwsem_release_read(ksl_rwsem_t *s)
{
    if (KSI_LIKELY(ksl_hide_fast(word_of(s), KSI_OF_RWSEM)))
        return 0;
    return unread_slow(s, KSI_SITE());
}
