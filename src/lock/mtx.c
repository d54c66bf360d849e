/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutex(9). A sleeping mutex is the exclusive half of lock/rw.h.
 *
 * A spinning one:
 *   word                  meaning   who changes it
 *   MARK                  free      anybody: CAS -> owner|MARK
 *   owner|MARK[|RECURSED] held      the owner: RECURSED; store -> MARK
 *
 * MARK is not the base of a sleeping mutex, so the fast path of that fails.
 * Its thread masks all interrupts with the first spinning mutex that it takes, and goes
 * back to the level before with the last one that it gives back, in any order.
 * Nobody queues: see lock/spinlock.c.
 */

#include "lock/mtx.h"

#include "lock/rw_quick.h"
#include "platform/testing.h"
#include "wait/spin.h"

const struct ksi_rw_class ksi_mtx_class = {KSI_MTX, KSI_BASE, 0, false, false, false};

enum { MARK = KSI_COMING };

/* Values of <sys/mutex.h>. */
enum {
    OPT_SPIN = 1,
    OPT_RECURSE = 4,
    OPT_NOWITNESS = 0x8,
    OPT_QUIET = 0x100,
    OPT_DUPOK = 0x400000,
    OPTS = 0x0040016d,
    MA_OWNED = 4,
    MA_RECURSED = 8,
    MA_NOTRECURSED = 16
};

void ksi_mtx_init(struct ksi_named *m, const char *name, unsigned opts, const void *site)
{
    if ((opts & ~(unsigned)OPTS) != 0) {
        struct ksi_misuse misuse = {
            KSI_BAD_ARGUMENT_RULE, KSI_NO_KIND, m, site, NULL, false};
        ksi_violate(&misuse, "mtx_init(%s): unknown options 0x%x",
                    name != NULL ? name : "NULL", opts & ~(unsigned)OPTS);
        return;
    }
    m->name = name;
    m->recursed = 0;
    m->reserved = NULL;
    ksi_rw_begin(&m->word);
    ksi_store(&m->word, (uintptr_t)((opts & OPT_SPIN) != 0 ? (int)MARK : (int)KSI_BASE));
    ksi_store_rel(&m->flags,
                  KSI_NAMED_ALIVE |
                      ((opts & OPT_SPIN) != 0 ? KSI_NAMED_MTX_SPIN : KSI_NAMED_MTX) |
                      ((opts & OPT_DUPOK) != 0 ? KSI_NAMED_DUPOK : 0) |
                      ((opts & OPT_NOWITNESS) != 0 ? 0 : KSI_NAMED_WITNESS) |
                      ((opts & OPT_QUIET) != 0 ? KSI_NAMED_QUIET : 0) |
                      ((opts & OPT_RECURSE) != 0 ? KSI_NAMED_RECURSABLE : 0));
    ksi_watch_begin((opts & OPT_SPIN) != 0 ? KSI_MTX_SPIN : KSI_MTX, m, site);
}

static bool is_spin(const struct ksi_named *m)
{
    return ksi_named_is(m, KSI_NAMED_MTX_SPIN);
}

static void refuse_recursion(const struct ksi_named *m, const ksl_thread *t,
                             const void *site)
{
    ksi_named_refuse(m, KSI_RECURSION_RULE, t, site, "recursed on a non-recursive mutex");
}

/*
 * The owner locks it again: 1, or 0 if that is not for this mutex; -1: it is the owner no
 * more, a handler has given it back.
 */
static int lock_again(struct ksi_named *m, ksl_thread *t, enum ksi_kind kind,
                      bool try_only, const void *site)
{
    if (ksi_named_recurse(m, t)) {
        ksi_watch_again(kind, m, KSI_EXCLUSIVE, site);
        return 1;
    }
    if (ksi_named_recursable(m))
        return KSI_FAULT(MTX_AGAIN_BLIND) ? 1 : -1;
    if (!try_only)
        refuse_recursion(m, t, site);
    return 0;
}

/* The quick way, for a mutex that t may use so; see lock/rw_quick.h. */
static inline struct ksi_quick quick(struct ksi_named *m, ksl_thread *t)
{
    return (struct ksi_quick){&ksi_mtx_class, &m->word, m, t};
}

static inline bool may_be_quick(const struct ksi_named *m, const ksl_thread *t)
{
    return ksi_watching() && KSI_LIKELY(t != NULL && t->handlers == 0) &&
           ksi_named_is(m, KSI_NAMED_MTX);
}

KSI_ASIDE static int lock_slow(struct ksi_named *m, bool try_only, const void *site)
{
    ksl_thread *t = ksi_self();
    const char *call = try_only ? "mtx_trylock" : "mtx_lock";
    if (!ksi_named_alive(m, KSI_NAMED_MTX, call, site) ||
        (!try_only && ksi_refuse_in_handler(t, call, KSI_MTX, m, site)))
        return 0;
    int error = -EDEADLK; /* a handler has taken it meanwhile: judge anew */
    if (!try_only)
        ksi_watch_before(KSI_MTX, m, KSI_EXCLUSIVE, site);
    while (error == -EDEADLK) {
        if (ksi_named_mine(m, t)) {
            KSI_POINT("mtx: again");
            int again = lock_again(m, t, KSI_MTX, try_only, site);
            if (again >= 0)
                return again;
            continue;
        }
        if (!try_only)
            error = ksi_rw_own(&ksi_mtx_class, &m->word, t, KSI_RW_OPEN, site);
        else if (ksi_rw_try_own(&ksi_mtx_class, &m->word, t, site))
            error = 0;
        else
            return ksi_watch_tried(false, KSI_MTX, m, KSI_EXCLUSIVE, site);
    }
    if (error == 0) {
        ksi_watch_taken(KSI_MTX, m, KSI_EXCLUSIVE, site);
        return 1;
    }
    if (error != -EPERM)
        return 0;
    ksi_named_refuse(m, KSI_MASKED_SLEEP_RULE,
                     ksi_thread_of(ksi_rw_owner(ksi_load(&m->word))), site,
                     "mtx_lock has to wait with interrupts masked");
    return 0;
}

int ksi_mtx_lock(struct ksi_named *m, bool try_only, const void *site)
{
    ksl_thread *t = ksl_tls.self;
    if (!try_only && may_be_quick(m, t)) {
        struct ksi_quick q = quick(m, t);
        if (ksi_quick_own(&q, site))
            return 1;
    }
    return lock_slow(m, try_only, site);
}

KSI_ASIDE static void unlock_slow(struct ksi_named *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(m, KSI_NAMED_MTX, "mtx_unlock", site))
        return;
    uint32_t level = ksi_irq_mask(t); /* no handler changes what is decided on */
    bool mine = ksi_named_mine(m, t);
    if (mine && !ksi_named_unrecurse(m))
        ksi_rw_disown(&m->word, t);
    ksi_irq_unmask(t, level);
    if (!mine)
        ksi_named_refuse_release(m, "mtx_unlock", site);
}

void ksi_mtx_unlock(struct ksi_named *m, const void *site)
{
    ksl_thread *t = ksl_tls.self;
    if (may_be_quick(m, t)) {
        struct ksi_quick q = quick(m, t);
        if (ksi_quick_disown(&q))
            return;
    }
    unlock_slow(m, site);
}

/* Returns the level before. */
static uint32_t enter_spin(ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    if (t->spin_mutexes++ == 0)
        t->spin_level = level;
    return level;
}

static void leave_spin(ksl_thread *t)
{
    KSI_POINT("mtx: leave");
    if (--t->spin_mutexes == 0)
        ksi_irq_unmask(t, t->spin_level);
}

static bool take(struct ksi_named *m, const ksl_thread *t)
{
    uintptr_t seen = MARK;
    return ksi_cas_acq(&m->word, &seen, (uintptr_t)t | MARK);
}

KSI_COLD static void spin_slow(struct ksi_named *m, ksl_thread *t)
{
    for (unsigned turn = 0; !take(m, t); turn++)
        ksi_spin_for(t, m, KSI_MTX_SPIN, turn);
    ksi_spin_end(t);
}

static bool is_junk(uintptr_t w)
{
    uintptr_t owner = w & ~(uintptr_t)KSI_FLAGS;
    return owner != 0 ? ksi_thread_at(owner) == NULL : w != MARK;
}

/*
 * False: nothing has happened. t is the owner, a handler has taken it and kept it; or the
 * word is no mutex's.
 */
static bool spin(struct ksi_named *m, ksl_thread *t, const void *site)
{
    uint32_t before = enter_spin(t);
    uint32_t level = t->spin_level;
    KSI_POINT("mtx: take");
    if (KSI_UNLIKELY(!take(m, t))) {
        uintptr_t w = ksi_load(&m->word);
        if (ksi_named_mine(m, t) || is_junk(w)) {
            t->spin_mutexes--;
            ksi_irq_unmask(t, before);
            return false;
        }
        ksi_watch_before(KSI_MTX_SPIN, m, KSI_EXCLUSIVE, site);
        spin_slow(m, t);
    }
    KSI_POINT("mtx: taken");
    ksi_held_push(t, m, KSI_MTX_SPIN, KSI_EXCLUSIVE, level, site);
    return true;
}

int ksi_mtx_spin(struct ksi_named *m, ksl_thread *t, const void *site)
{
    if (!ksi_named_mine(m, t) && spin(m, t, site))
        return 1;
    if (ksi_named_mine(m, t))
        return lock_again(m, t, KSI_MTX_SPIN, false, site) > 0; /* masked: not -1 */
    ksi_named_refuse(m, KSI_DESTROYED_RULE, NULL, site,
                     "use of a mutex; " KSI_NO_LOCK_WORD);
    return 0;
}

void ksi_mtx_unspin(struct ksi_named *m, ksl_thread *t)
{
    ksi_held_pop(t, m, KSI_EXCLUSIVE);
    if (KSI_FAULT(MTX_SPIN_OPENS_FIRST)) {
        leave_spin(t);
        ksi_store_rel(&m->word, (uintptr_t)MARK);
        return;
    }
    KSI_POINT("mtx: free");
    ksi_store_rel(&m->word, (uintptr_t)MARK);
    if (!KSI_FAULT(MTX_SPIN_STAYS_MASKED) || t->spin_mutexes > 1)
        leave_spin(t);
    else
        t->spin_mutexes = 0;
}

int ksi_mtx_spin_lock(struct ksi_named *m, bool try_only, const void *site)
{
    ksl_thread *t = ksi_self();
    const char *call = try_only ? "mtx_trylock_spin" : "mtx_lock_spin";
    if (!ksi_named_alive(m, KSI_NAMED_MTX_SPIN, call, site))
        return 0;
    if (!try_only)
        return ksi_mtx_spin(m, t, site);
    if (ksi_named_mine(m, t))
        return lock_again(m, t, KSI_MTX_SPIN, true, site) > 0;
    (void)enter_spin(t);
    if (!take(m, t)) {
        leave_spin(t);
        return ksi_watch_tried(false, KSI_MTX_SPIN, m, KSI_EXCLUSIVE, site);
    }
    ksi_held_push_tried(t, m, KSI_MTX_SPIN, KSI_EXCLUSIVE, t->spin_level, site);
    return 1;
}

void ksi_mtx_spin_unlock(struct ksi_named *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(m, KSI_NAMED_MTX_SPIN, "mtx_unlock_spin", site))
        return;
    if (!ksi_named_mine(m, t))
        ksi_named_refuse_release(m, "mtx_unlock_spin", site);
    else if (!ksi_named_unrecurse(m))
        ksi_mtx_unspin(m, t);
}

bool ksi_mtx_spin_check(const struct ksi_named *m, ksl_thread *t, const char *call,
                        const void *site)
{
    if (!ksi_named_alive(m, KSI_NAMED_MTX_SPIN, call, site))
        return false;
    if (!ksi_named_mine(m, t)) {
        ksi_named_refuse_release(m, call, site);
        return false;
    }
    if ((ksi_load(&m->word) & KSI_RECURSED) == 0)
        return true;
    ksi_named_refuse(m, KSI_RECURSION_RULE, t, site, "%s with a recursed mutex", call);
    return false;
}

/* The caller may hold it, once; then that ends, too. */
void ksi_mtx_destroy(struct ksi_named *m, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(m, is_spin(m) ? KSI_NAMED_MTX_SPIN : KSI_NAMED_MTX,
                         "mtx_destroy", site))
        return;
    uintptr_t w = ksi_load(&m->word);
    bool mine = ksi_rw_owner(w) == (uintptr_t)t;
    uintptr_t busy = is_spin(m) ? KSI_RECURSED : KSI_MARKS | KSI_RECURSED | KSI_SPIN;
    if ((!mine && !ksi_rw_unheld(w)) || (w & busy) != 0) {
        ksi_named_refuse(m, KSI_DESTROY_HELD_RULE, ksi_thread_of(ksi_rw_owner(w)), site,
                         "mtx_destroy of a mutex that is held or waited for");
        return;
    }
    if (mine && is_spin(m))
        ksi_mtx_unspin(m, t);
    else if (mine)
        ksi_rw_disown(&m->word, t);
    ksi_watch_end(m);
    ksi_store(&m->flags, KSI_NAMED_ENDED | (m->flags & KSI_NAMED_CLASS));
    ksi_store(&m->word, (uintptr_t)0);
}

void ksi_mtx_assert(const struct ksi_named *m, int what, const void *site)
{
    const ksl_thread *t = ksi_self();
    if (!ksi_named_alive(m, is_spin(m) ? KSI_NAMED_MTX_SPIN : KSI_NAMED_MTX, "mtx_assert",
                         site))
        return;
    uintptr_t w = ksi_load(&m->word);
    bool mine = ksi_rw_owner(w) == (uintptr_t)t;
    bool recursed = (w & KSI_RECURSED) != 0;
    const char *wrong = NULL;
    switch (what) {
    case 0:
        wrong = mine ? "owned by the caller" : NULL;
        break;
    case MA_OWNED:
    case MA_OWNED | MA_RECURSED:
    case MA_OWNED | MA_NOTRECURSED:
        if (!mine)
            wrong = "not owned by the caller";
        else if ((what & MA_RECURSED) != 0 && !recursed)
            wrong = "not recursed";
        else if ((what & MA_NOTRECURSED) != 0 && recursed)
            wrong = "recursed";
        break;
    default:
        ksi_named_refuse(m, KSI_BAD_ARGUMENT_RULE, NULL, site,
                         "mtx_assert: unknown assertion 0x%x", (unsigned)what);
        return;
    }
    if (wrong != NULL)
        ksi_named_refuse(m, KSI_ASSERTION_RULE, ksi_thread_of(ksi_rw_owner(w)), site,
                         "mtx_assert: %s", wrong);
}
