/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutex (M1..M6): the rules of use. Word, waiting and waking are those of lock/rw.h,
 * without shares and with base 0.
 *
 * depth counts the owner's acquisitions beyond the first and belongs to it. Handlers are
 * refused, so none comes between a call and its look at the word.
 */

#include "lock/lock.h"
#include "lock/rw_quick.h"
#include "platform/testing.h"

#include <kslock/mutex.h>

static const struct ksi_rw_class class = {
    .kind = KSI_MUTEX, .tags = KSI_OF_MUTEX, .counts = true, .looks = true};

_Static_assert(KSL_MUTEX_TAG == KSI_OF_MUTEX, "see <kslock/mutex.h>");

static bool mine(const ksl_mutex_t *m, const ksl_thread *t)
{
    return ksi_rw_owner(ksi_load(&m->word)) == (uintptr_t)t;
}

void ksl_mutex_init(ksl_mutex_t *m)
{
    ksi_rw_begin(&m->word);
    ksi_store(&m->word, (uintptr_t)0);
    ksi_store(&m->depth, 0u);
    m->reserved = 0;
    ksi_watch_begin(KSI_MUTEX, m, KSI_SITE());
}

/* The quick way of a thread that is watched, see lock/rw_quick.h. */
static inline struct ksi_quick quick(ksl_mutex_t *m, ksl_thread *t)
{
    return (struct ksi_quick){&class, &m->word, m, t};
}

static void deeper(ksl_mutex_t *m, const void *site)
{
    ksi_store(&m->depth, m->depth + (KSI_FAULT(MUTEX_NEST_UNCOUNTED) ? 0 : 1));
    ksi_watch_again(KSI_MUTEX, m, KSI_EXCLUSIVE, site);
}

KSI_ASIDE static int acquire_slow(ksl_mutex_t *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "mutex_acquire", KSI_MUTEX, m, site))
        return -EPERM;
    if (mine(m, t)) {
        deeper(m, site);
        return 0;
    }
    struct ksi_quick q = quick(m, t);
    if (ksi_watching() && ksi_quick_own(&q, site))
        return 0;
    ksi_watch_before(KSI_MUTEX, m, KSI_EXCLUSIVE, site);
    if (ksi_rw_own(&class, &m->word, t, 0, site) != 0) /* M3: a release ends it */
        return -EPERM;                                 /* memory that is no lock */
    ksi_watch_taken(KSI_MUTEX, m, KSI_EXCLUSIVE, site);
    return 0;
}

/* Who has inlined it has tried already: another CAS would disturb the owner. */
int ksl_mutex_acquire(ksl_mutex_t *m)
{
    if (KSI_LIKELY(ksi_load(&m->word) == 0 &&
                   ksl_mutex_own_fast(m, ksi_flip_place(KSI_SITE()))))
        return 0;
    return acquire_slow(m, KSI_SITE());
}

KSI_COLD static int try_slow(ksl_mutex_t *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (t->handlers > 0)
        return 0; /* M5: the interrupted task is not the caller */
    if (mine(m, t)) {
        deeper(m, site);
        return 1;
    }
    if (!ksi_rw_try_own(&class, &m->word, t, site))
        return ksi_watch_tried(false, KSI_MUTEX, m, KSI_EXCLUSIVE, site);
    ksi_watch_taken(KSI_MUTEX, m, KSI_EXCLUSIVE, site);
    return 1;
}

int ksl_mutex_try_acquire(ksl_mutex_t *m)
{
    if (KSI_LIKELY(ksl_mutex_own_fast(m, ksi_flip_place(KSI_SITE()))))
        return 1;
    return try_slow(m, KSI_SITE());
}

KSI_ASIDE static void release_slow(ksl_mutex_t *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "mutex_release", KSI_MUTEX, m, site))
        return;
    uintptr_t owner = ksi_rw_owner(ksi_load(&m->word));
    struct ksi_quick q = quick(m, t);
    if (owner != (uintptr_t)t)
        ksi_refuse_release("mutex_release", KSI_MUTEX, m, ksi_thread_of(owner), site);
    else if (m->depth > 0 && !KSI_FAULT(MUTEX_NESTED_FREES))
        ksi_store(&m->depth, m->depth - (KSI_FAULT(MUTEX_DEPTH_STAYS) ? 0 : 1));
    else if (!ksi_watching() || !ksi_quick_disown(&q))
        ksi_rw_disown(&m->word, t);
}

void ksl_mutex_release(ksl_mutex_t *m)
{
    if (KSI_UNLIKELY(!ksl_mutex_disown_fast(m)))
        release_slow(m, KSI_SITE());
}
