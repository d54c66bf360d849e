/* SPDX-License-Identifier: BSD-2-Clause */
#include "lock/named.h"

#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/signal.h"

#include <stdarg.h>
#include <stdio.h>

static enum ksi_kind kind_of_class(unsigned class)
{
    switch (class) {
    case KSI_NAMED_MTX:
        return KSI_MTX;
    case KSI_NAMED_MTX_SPIN:
        return KSI_MTX_SPIN;
    default:
        return KSI_SX;
    }
}

static enum ksi_kind kind_of(const struct ksi_named *l)
{
    return kind_of_class(ksi_load(&l->flags) & KSI_NAMED_CLASS);
}

bool ksi_named_alive(const struct ksi_named *l, unsigned class, const char *call,
                     const void *site)
{
    if (KSI_LIKELY(ksi_named_is(l, class)))
        return true;
    unsigned other = ksi_load(&l->flags) & KSI_NAMED_CLASS;
    bool known =
        other == KSI_NAMED_SX || other == KSI_NAMED_MTX || other == KSI_NAMED_MTX_SPIN;
    if (known && (ksi_load(&l->flags) & KSI_NAMED_ALIVE) != 0) {
        ksi_named_refuse(l, KSI_BAD_ARGUMENT_RULE, NULL, site, "%s of a %s", call,
                         ksi_kind_name(kind_of(l)));
        return false;
    }
    /* What never was a lock is called what the caller takes it for. */
    struct ksi_misuse m = {
        KSI_DESTROYED_RULE, kind_of_class(known ? other : class), l, site, NULL, false};
    ksi_violate(&m, "%s of a lock that is not initialised or was destroyed", call);
    return false;
}

void ksi_named_refuse(const struct ksi_named *l, enum ksi_rule rule,
                      const ksl_thread *owner, const void *site, const char *what, ...)
{
    char text[256];
    va_list args;
    va_start(args, what);
    vsnprintf(text, sizeof text, what, args);
    va_end(args);
    struct ksi_misuse m = {rule, kind_of(l), l, site, owner, false};
    ksi_violate(&m, "%s", text);
}

void ksi_named_refuse_release(const struct ksi_named *l, const char *call,
                              const void *site)
{
    uintptr_t w = ksi_load(&l->word);
    uintptr_t owner = ksi_rw_owner(w);
    const ksl_thread *t = ksi_self();
    if (ksi_share_find(t, &l->word) != NULL)
        ksi_named_refuse(l, KSI_NOT_OWNER_RULE, t, site, "%s: held shared only", call);
    else if (owner != 0)
        ksi_named_refuse(l, KSI_NOT_OWNER_RULE, ksi_thread_of(owner), site,
                         "%s: held exclusively", call);
    else if (!ksi_rw_unheld(w) || ksi_rw_seen_in_slots(&l->word, NULL))
        ksi_named_refuse(l, KSI_NOT_OWNER_RULE, NULL, site,
                         "%s by a thread that does not hold it so; shared by others",
                         call);
    else
        ksi_named_refuse(l, KSI_NOT_LOCKED_RULE, NULL, site, "%s of a free lock", call);
}

/* Masked: a handler may change what it decides on. */
bool ksi_named_recurse(struct ksi_named *l, ksl_thread *t)
{
    uint32_t level = ksi_irq_mask(t);
    bool may = ksi_named_mine(l, t) && ksi_named_recursable(l);
    if (may) {
        ksi_store(&l->recursed, l->recursed + 1);
        KSI_POINT("named: recurse");
        ksi_fetch_or(&l->word, (uintptr_t)KSI_RECURSED);
    }
    ksi_irq_unmask(t, level);
    return may;
}

int ksi_named_interrupted(const ksl_thread *t, int error)
{
    int signo = error == -ERESTART ? ksi_signal_next(t) : 0;
    return signo != 0 && ksi_signal_restarts(signo) ? ERESTART : EINTR;
}

bool ksi_interlock_alive(const struct ksi_named *l, bool spinning, const char *call,
                         const void *site)
{
    if (spinning)
        return ksi_named_alive(l, KSI_NAMED_MTX_SPIN, call, site);
    if (ksi_named_is(l, KSI_NAMED_MTX_SPIN)) {
        ksi_named_refuse(l, KSI_BAD_ARGUMENT_RULE, NULL, site,
                         "%s: spin mutexes can only use msleep_spin", call);
        return false;
    }
    unsigned class = ksi_named_is(l, KSI_NAMED_MTX) ? KSI_NAMED_MTX : KSI_NAMED_SX;
    return ksi_named_alive(l, class, call, site);
}

enum ksi_interlock ksi_interlock_check(const struct ksi_named *l, ksl_thread *t,
                                       const char *call, const void *site)
{
    uint32_t level = ksi_irq_mask(t); /* a handler may convert it between two looks */
    bool mine = ksi_named_mine(l, t);
    KSI_POINT("interlock: check");
    bool recursed = mine && (ksi_load(&l->word) & KSI_RECURSED) != 0;
    unsigned shares = ksi_share_count(t, &l->word);
    ksi_irq_unmask(t, level);
    if (mine) {
        if (!recursed)
            return KSI_INTERLOCK_EXCLUSIVE;
        ksi_named_refuse(l, KSI_RECURSION_RULE, t, site, "%s with a recursed lock", call);
        return KSI_INTERLOCK_BAD;
    }
    if (shares == 1 || (shares == 0 && t->unshared > 0))
        return KSI_INTERLOCK_SHARED;
    if (shares == 0)
        ksi_named_refuse_release(l, call, site);
    else
        ksi_named_refuse(l, KSI_RECURSION_RULE, t, site, "%s with %u shares of the lock",
                         call, shares);
    return KSI_INTERLOCK_BAD;
}

enum ksi_interlock ksi_interlock_release(struct ksi_named *l, ksl_thread *t,
                                         enum ksi_interlock how)
{
    /* A handler may have changed it since the check: gives back what there is. */
    uint32_t level = ksi_irq_mask(t);
    struct ksl_slot *s = ksi_share_find(t, &l->word);
    enum ksi_interlock given = how;
    if (ksi_named_mine(l, t)) {
        given = KSI_INTERLOCK_EXCLUSIVE;
        if (!ksi_named_unrecurse(l))
            ksi_rw_disown(&l->word, t);
    } else if (s != NULL || (how == KSI_INTERLOCK_SHARED &&
                             (t->unshared > 0 || KSI_FAULT(INTERLOCK_GIVES_OTHERS)))) {
        given = KSI_INTERLOCK_SHARED;
        ksi_rw_unshare(&l->word, t, s);
    }
    ksi_irq_unmask(t, level);
    return KSI_FAULT(INTERLOCK_MODE_STALE) ? how : given;
}

void ksi_interlock_acquire(struct ksi_named *l, ksl_thread *t, enum ksi_interlock how,
                           unsigned class, const char *call, const void *site)
{
    if (!ksi_named_alive(l, class, call, site))
        return; /* destroyed while the caller slept */
    const struct ksi_rw_class *c = class == KSI_NAMED_SX ? &ksi_sx_class : &ksi_mtx_class;
    bool exclusive = how == KSI_INTERLOCK_EXCLUSIVE;
    enum ksi_mode as = exclusive ? KSI_EXCLUSIVE : KSI_SHARED;
    int error;
    ksi_watch_before(c->kind, l, as, site);
    do {
        if (exclusive && ksi_named_recurse(l, t)) {
            ksi_watch_again(c->kind, l, as, site);
            return;
        }
        if (ksi_named_mine(l, t) || (exclusive && ksi_share_find(t, &l->word) != NULL)) {
            ksi_named_refuse(l, KSI_RECURSION_RULE, t, site,
                             "%s: a handler has taken the lock and kept it", call);
            return;
        }
        unsigned pass = ksi_shares_any(t) ? KSI_RW_PASS : 0;
        error = exclusive ? ksi_rw_own(c, &l->word, t, 0, site)
                          : ksi_rw_share(c, &l->word, t, pass, site);
    } while (error == -EDEADLK); /* a handler has it taken meanwhile: judge anew */
    if (error == 0)
        ksi_watch_taken(c->kind, l, as, site);
}
