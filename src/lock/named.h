/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_NAMED_H
#define KSI_LOCK_NAMED_H

#include "diag/named.h"
#include "lock/lock.h"
#include "lock/rw.h"
#include "platform/testing.h"

/* What sx and mutex of FreeBSD share. Sites are as in diag/slots.h. */

extern const struct ksi_rw_class ksi_sx_class;
extern const struct ksi_rw_class ksi_mtx_class;

/* True if l is initialised, of that class; else a `destroyed` violation. */
bool ksi_named_alive(const struct ksi_named *l, unsigned class, const char *call,
                     const void *site);

static inline bool ksi_named_mine(const struct ksi_named *l, const ksl_thread *t)
{
    return ksi_rw_owner(ksi_load(&l->word)) == (uintptr_t)t;
}

/* A violation of the caller with l, which owner holds; NULL: nobody or unknown. */
KSI_COLD KSI_PRINTF(5, 6) void ksi_named_refuse(const struct ksi_named *l,
                                                enum ksi_rule rule,
                                                const ksl_thread *owner, const void *site,
                                                const char *what, ...);

/* l is not held by the caller as `call` needs it: `not-locked` or `not-owner`. */
KSI_COLD void ksi_named_refuse_release(const struct ksi_named *l, const char *call,
                                       const void *site);

static inline bool ksi_named_recursable(const struct ksi_named *l)
{
    return (ksi_load(&l->flags) & KSI_NAMED_RECURSABLE) != 0;
}

/* One level more, if t is the owner and may have it. */
bool ksi_named_recurse(struct ksi_named *l, ksl_thread *t);
/* Masked, by the owner: one level less; false: there is one only. */
static inline bool ksi_named_unrecurse(struct ksi_named *l)
{
    if ((ksi_load(&l->word) & KSI_RECURSED) == 0)
        return false;
    ksi_store(&l->recursed, l->recursed - (KSI_FAULT(NAMED_RECURSION_STAYS) ? 0 : 1));
    KSI_POINT("named: unrecurse");
    if (l->recursed == 0)
        ksi_fetch_and(&l->word, ~(uintptr_t)KSI_RECURSED);
    return true;
}

/* The positive error of an interrupted wait, from that of the engine. */
int ksi_named_interrupted(const ksl_thread *t, int error);

/*
 * Interlocks of sleep and cv_wait: how the caller holds it, and giving it back and
 * taking it again in that mode; class is what it was then.
 */
enum ksi_interlock { KSI_INTERLOCK_BAD, KSI_INTERLOCK_SHARED, KSI_INTERLOCK_EXCLUSIVE };

/* True if l is alive and of a kind that fits; else a violation. */
bool ksi_interlock_alive(const struct ksi_named *l, bool spinning, const char *call,
                         const void *site);

/* Checks that the caller holds l once; BAD after a violation. */
enum ksi_interlock ksi_interlock_check(const struct ksi_named *l, ksl_thread *t,
                                       const char *call, const void *site);
/* Returns how it was held in fact, for a handler may have converted it meanwhile. */
enum ksi_interlock ksi_interlock_release(struct ksi_named *l, ksl_thread *t,
                                         enum ksi_interlock how);
/* After a violation nothing has been taken: it was destroyed, or kept by a handler. */
void ksi_interlock_acquire(struct ksi_named *l, ksl_thread *t, enum ksi_interlock how,
                           unsigned class, const char *call, const void *site);

#endif
