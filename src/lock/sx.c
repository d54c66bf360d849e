/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sx(9): the rules of use. Word, waiting and waking are those of lock/rw.h; policy:
 * readers wait behind queued writers unless they have a share of some sx
 * (rules 22, 23).
 */

#include "lock/sx.h"

#include "lock/rw_quick.h"
#include "platform/testing.h"
#include "thread/irq.h"

const struct ksi_rw_class ksi_sx_class = {KSI_SX, KSI_BASE, 0, false, false, false};

/* Values of <sys/sx.h>. */
enum {
    OPTS = 0x7f,
    OPT_DUPOK = 0x01,
    OPT_NOWITNESS = 0x04,
    OPT_QUIET = 0x08,
    OPT_RECURSE = 0x20,
    LA_LOCKED = 1,
    LA_SLOCKED = 2,
    LA_XLOCKED = 4,
    LA_RECURSED = 8,
    LA_NOTRECURSED = 16
};

void ksi_sx_init(struct ksi_named *sx, const char *name, unsigned opts, const void *site)
{
    if ((opts & ~(unsigned)OPTS) != 0) {
        struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, KSI_NO_KIND, sx, site, NULL, false};
        ksi_violate(&m, "sx_init_flags(%s): unknown flags 0x%x",
                    name != NULL ? name : "NULL", opts & ~(unsigned)OPTS);
        return;
    }
    sx->name = name;
    sx->recursed = 0;
    sx->reserved = NULL;
    ksi_rw_begin(&sx->word);
    ksi_store(&sx->word, (uintptr_t)KSI_BASE);
    ksi_store_rel(&sx->flags, KSI_NAMED_ALIVE | KSI_NAMED_SLEEPABLE |
                                  KSI_NAMED_UPGRADABLE | KSI_NAMED_SX |
                                  ((opts & OPT_DUPOK) != 0 ? KSI_NAMED_DUPOK : 0) |
                                  ((opts & OPT_NOWITNESS) != 0 ? 0 : KSI_NAMED_WITNESS) |
                                  ((opts & OPT_QUIET) != 0 ? KSI_NAMED_QUIET : 0) |
                                  ((opts & OPT_RECURSE) != 0 ? KSI_NAMED_RECURSABLE : 0));
    ksi_watch_begin(KSI_SX, sx, site);
}

void ksi_sx_destroy(struct ksi_named *sx, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(sx, KSI_NAMED_SX, "sx_destroy", site))
        return;
    if (ksi_rw_busy(&sx->word, t)) {
        uintptr_t owner = ksi_rw_owner(ksi_load(&sx->word));
        ksi_named_refuse(sx, KSI_DESTROY_HELD_RULE, ksi_thread_of(owner), site,
                         "sx_destroy of a lock that is held or waited for");
        return;
    }
    ksi_watch_end(sx);
    ksi_store(&sx->flags, KSI_NAMED_ENDED | (sx->flags & KSI_NAMED_CLASS));
    ksi_store(&sx->word, (uintptr_t)0);
}

/* t has a share, as far as there was memory to record it. */
static bool shares(const struct ksi_named *sx, const ksl_thread *t)
{
    return ksi_share_find(t, &sx->word) != NULL;
}

/* The caller holds it in a way that makes waiting for it endless: EDEADLK. */
static int refuse_recursion(const struct ksi_named *sx, const ksl_thread *t,
                            enum ksi_sx_mode mode, const void *site)
{
    const char *what = "shared lock while exclusively locked by the caller";
    if (mode == KSI_SX_EXCLUSIVE)
        what = ksi_named_mine(sx, t) ? "recursed on a non-recursive lock"
                                     : "exclusive lock while share locked by the caller";
    ksi_named_refuse(sx, KSI_RECURSION_RULE, t, site, "%s", what);
    return EDEADLK;
}

/* The quick way, for a lock that t may use so; see lock/rw_quick.h. */
static inline struct ksi_quick quick(struct ksi_named *sx, ksl_thread *t)
{
    return (struct ksi_quick){&ksi_sx_class, &sx->word, sx, t};
}

static inline bool may_be_quick(const struct ksi_named *sx, const ksl_thread *t)
{
    return ksi_watching() && KSI_LIKELY(t != NULL && t->handlers == 0) &&
           ksi_named_is(sx, KSI_NAMED_SX);
}

KSI_ASIDE static int lock_slow(struct ksi_named *sx, enum ksi_sx_mode mode,
                               bool interruptible, const void *site)
{
    static const char *const calls[2][2] = {{"sx_slock", "sx_slock_sig"},
                                            {"sx_xlock", "sx_xlock_sig"}};
    const char *call = calls[mode == KSI_SX_EXCLUSIVE][interruptible];
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(sx, KSI_NAMED_SX, call, site) ||
        ksi_refuse_in_handler(t, call, KSI_SX, sx, site))
        return EDEADLK;
    unsigned how = KSI_RW_OPEN | (interruptible ? KSI_RW_SIGNALS : 0);
    enum ksi_mode as = mode == KSI_SX_EXCLUSIVE ? KSI_EXCLUSIVE : KSI_SHARED;
    int error;
    ksi_watch_before(KSI_SX, sx, as, site);
    do {
        if (mode == KSI_SX_EXCLUSIVE) {
            if (ksi_named_recurse(sx, t)) {
                ksi_watch_again(KSI_SX, sx, as, site);
                return 0;
            }
            KSI_POINT("sx: not mine");
            bool mine = ksi_named_mine(sx, t);
            if (mine && ksi_named_recursable(sx) && !KSI_FAULT(SX_AGAIN_BLIND)) {
                error = -EDEADLK;
                continue;
            }
            if (mine || shares(sx, t))
                return refuse_recursion(sx, t, mode, site);
            error = ksi_rw_own(&ksi_sx_class, &sx->word, t, how, site);
        } else {
            if (ksi_named_mine(sx, t))
                return refuse_recursion(sx, t, mode, site);
            if (ksi_rw_try_share(&ksi_sx_class, &sx->word, t, 0, site)) {
                ksi_watch_taken(KSI_SX, sx, as, site);
                return 0;
            }
            how |= ksi_shares_any(t) ? KSI_RW_PASS : 0;
            error = ksi_rw_share(&ksi_sx_class, &sx->word, t, how, site);
        }
    } while (error == -EDEADLK); /* a handler has it taken meanwhile: judge anew */
    if (error == 0) {
        ksi_watch_taken(KSI_SX, sx, as, site);
        return 0;
    }
    if (error == -EINVAL)
        return EDEADLK; /* memory that is no lock */
    if (error != -EPERM)
        return ksi_named_interrupted(t, error);
    ksi_named_refuse(sx, KSI_MASKED_SLEEP_RULE,
                     ksi_thread_of(ksi_rw_owner(ksi_load(&sx->word))), site,
                     "%s has to wait with interrupts masked", call);
    return EDEADLK;
}

int ksi_sx_lock(struct ksi_named *sx, enum ksi_sx_mode mode, bool interruptible,
                const void *site)
{
    ksl_thread *t = ksl_tls.self;
    if (may_be_quick(sx, t)) {
        struct ksi_quick q = quick(sx, t);
        if (mode == KSI_SX_EXCLUSIVE ? ksi_quick_own(&q, site)
                                     : ksi_quick_share(&q, site))
            return 0;
    }
    return lock_slow(sx, mode, interruptible, site);
}

int ksi_sx_try(struct ksi_named *sx, enum ksi_sx_mode mode, const void *site)
{
    ksl_thread *t = ksi_self();
    const char *call = mode == KSI_SX_EXCLUSIVE ? "sx_try_xlock" : "sx_try_slock";
    if (!ksi_named_alive(sx, KSI_NAMED_SX, call, site))
        return 0;
    enum ksi_mode as = mode == KSI_SX_EXCLUSIVE ? KSI_EXCLUSIVE : KSI_SHARED;
    while (mode != KSI_SX_SHARE && ksi_named_mine(sx, t)) {
        KSI_POINT("sx: again");
        if (ksi_named_recurse(sx, t)) {
            ksi_watch_again(KSI_SX, sx, as, site);
            return 1;
        }
        if (!ksi_named_recursable(sx)) /* else a handler has given it back meanwhile */
            return ksi_watch_tried(false, KSI_SX, sx, as, site);
    }
    bool in = mode == KSI_SX_SHARE
                  ? ksi_rw_try_share(&ksi_sx_class, &sx->word, t, KSI_RW_PASS, site)
                  : ksi_rw_try_own(&ksi_sx_class, &sx->word, t, site);
    return ksi_watch_tried(in, KSI_SX, sx, as, site);
}

/* Masked, so that no handler changes what is decided on. False: not held so. */
static bool unlock(struct ksi_named *sx, ksl_thread *t, enum ksi_sx_mode mode)
{
    bool mine = ksi_named_mine(sx, t);
    if (mine && mode != KSI_SX_SHARE) {
        if (!ksi_named_unrecurse(sx))
            ksi_rw_disown(&sx->word, t);
        return true;
    }
    if (mine || mode == KSI_SX_EXCLUSIVE)
        return false;
    struct ksl_slot *s = ksi_share_find(t, &sx->word);
    if (s == NULL && (t->unshared == 0 || ksi_rw_count(ksi_load(&sx->word)) == 0))
        return false;
    ksi_rw_unshare(&sx->word, t, s);
    return true;
}

KSI_ASIDE static void unlock_slow(struct ksi_named *sx, enum ksi_sx_mode mode,
                                  const void *site)
{
    static const char *const calls[] = {"sx_sunlock", "sx_xunlock", "sx_unlock"};
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(sx, KSI_NAMED_SX, calls[mode], site))
        return;
    uint32_t level = ksi_irq_mask(t);
    bool done = unlock(sx, t, mode);
    ksi_irq_unmask(t, level);
    if (!done)
        ksi_named_refuse_release(sx, calls[mode], site);
}

KSI_ASIDE static void unlock_watched(struct ksi_named *sx, ksl_thread *t,
                                     enum ksi_sx_mode mode, const void *site)
{
    if (may_be_quick(sx, t)) {
        struct ksi_quick q = quick(sx, t);
        if ((mode != KSI_SX_EXCLUSIVE && ksi_quick_unshare(&q)) ||
            (mode != KSI_SX_SHARE && ksi_quick_disown(&q)))
            return;
    }
    unlock_slow(sx, mode, site);
}

void ksi_sx_unlock(struct ksi_named *sx, enum ksi_sx_mode mode, const void *site)
{
    ksl_thread *t = ksl_tls.self;
    if (mode == KSI_SX_EXCLUSIVE || KSI_UNLIKELY(t == NULL) ||
        !ksi_rw_unshare_near(&sx->word, t, ksi_sx_class.tags))
        unlock_watched(sx, t, mode, site);
}

int ksi_sx_try_upgrade(struct ksi_named *sx, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(sx, KSI_NAMED_SX, "sx_try_upgrade", site))
        return 0;
    unsigned count = ksi_share_count(t, &sx->word);
    if (count == 0 && t->unshared == 0)
        ksi_named_refuse_release(sx, "sx_try_upgrade", site);
    if (count != 1)
        return 0;
    KSI_POINT("sx: upgrade");
    return ksi_rw_upgrade(&ksi_sx_class, &sx->word, t);
}

void ksi_sx_downgrade(struct ksi_named *sx, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(sx, KSI_NAMED_SX, "sx_downgrade", site))
        return;
    uint32_t level = ksi_irq_mask(t);
    bool mine = ksi_named_mine(sx, t);
    bool recursed = mine && (ksi_load(&sx->word) & KSI_RECURSED) != 0;
    if (mine && !recursed)
        ksi_rw_downgrade(&ksi_sx_class, &sx->word, t);
    ksi_irq_unmask(t, level);
    if (!mine)
        ksi_named_refuse_release(sx, "sx_downgrade", site);
    else if (recursed)
        ksi_named_refuse(sx, KSI_RECURSION_RULE, t, site,
                         "sx_downgrade of a recursed lock");
}

static void fail_assertion(const struct ksi_named *sx, const void *site, const char *what)
{
    uintptr_t owner = ksi_rw_owner(ksi_load(&sx->word));
    ksi_named_refuse(sx, KSI_ASSERTION_RULE, ksi_thread_of(owner), site, "sx_assert: %s",
                     what);
}

void ksi_sx_assert(const struct ksi_named *sx, int what, const void *site)
{
    ksl_thread *t = ksi_self();
    if (!ksi_named_alive(sx, KSI_NAMED_SX, "sx_assert", site))
        return;
    int mode = what & ~(LA_RECURSED | LA_NOTRECURSED);
    int levels = what & (LA_RECURSED | LA_NOTRECURSED);
    if ((mode != 0 && mode != LA_LOCKED && mode != LA_SLOCKED && mode != LA_XLOCKED) ||
        levels == (LA_RECURSED | LA_NOTRECURSED) || (mode == 0 && levels != 0)) {
        ksi_named_refuse(sx, KSI_BAD_ARGUMENT_RULE, NULL, site,
                         "sx_assert: unknown assertion 0x%x", (unsigned)what);
        return;
    }
    uint32_t level = ksi_irq_mask(t); /* a handler may convert it between two looks */
    bool exclusive = ksi_named_mine(sx, t);
    KSI_POINT("sx: assert");
    unsigned count = ksi_share_count(t, &sx->word);
    bool recursed = exclusive ? (ksi_load(&sx->word) & KSI_RECURSED) != 0 : count > 1;
    ksi_irq_unmask(t, level);
    if (mode == 0) {
        if (exclusive || count > 0)
            fail_assertion(sx, site, "locked by the caller");
        return;
    }
    if (count == 0 && t->unshared > 0 && mode != LA_XLOCKED)
        return; /* its share may be one that could not be recorded */
    if ((mode == LA_XLOCKED && !exclusive) || (mode == LA_SLOCKED && count == 0) ||
        (!exclusive && count == 0))
        fail_assertion(sx, site,
                       mode == LA_XLOCKED   ? "not exclusively locked by the caller"
                       : mode == LA_SLOCKED ? "not share locked by the caller"
                                            : "not locked by the caller");
    else if (levels == LA_RECURSED && !recursed)
        fail_assertion(sx, site, "not recursed");
    else if (levels == LA_NOTRECURSED && recursed)
        fail_assertion(sx, site, "recursed");
}
