/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_STAX_H
#define KSLOCK_EVL_STAX_H

/*
 * Stage exclusion lock (evl_stanix.md X1 to X21): any number of threads of one stage
 * have it, each as often as it likes; the other stage stays out until the last one
 * has left. It has no owner: another thread of the same stage may unlock it (X15).
 * Violations of all calls: `destroyed` after evl_destroy_stax.
 */

#include <evl/sched.h>

#include <kslock/base.h>
#include <kslock/inline.h>

KSL_BEGIN_DECLS

struct evl_stax {
    volatile uintptr_t ksl_gate; /* see src/lock/stax.c */
    uint64_t ksl_tune;
};

#define EVL_STAX_INBAND_SPIN 1 /* accepted, changes nothing */

/*
 * Makes stax free. Context: any; nobody uses it. Returns 0; -EPERM if refused.
 * Violations: `bad-argument` for unknown flags.
 */
KSL_API int ksl_evl_init_stax(struct evl_stax *stax, int flags);
static inline int evl_init_stax(struct evl_stax *stax)
{
    return ksl_evl_init_stax(stax, 0);
}

/* evl_init_stax(stax[, flags]) */
#define KSL_EVL_INIT_STAX(stax, flags, ...) ksl_evl_init_stax((stax), (flags))
#define evl_init_stax(...) KSL_EVL_INIT_STAX(__VA_ARGS__, 0, 0)

/*
 * Ends stax: waiters of both stages get -EIDRM; who has it must not unlock it any
 * more. Context: any. Returns 0; -EPERM if refused.
 */
KSL_API int evl_destroy_stax(struct evl_stax *stax) KSL_SYMBOL(ksl_evl_destroy_stax);

/*
 * Enters, waiting while the other stage has it. Context: thread; may sleep, on both
 * stages. Returns 0; -ERESTARTSYS with a signal pending; -EINTR after a forced unblock on
 * the out-of-band stage; -EIDRM (X6 to X11); -EPERM if refused. Violations: `irq-sleep`
 * in a handler.
 */
KSL_API int evl_lock_stax(struct evl_stax *stax) KSL_SYMBOL(ksl_evl_lock_stax);

/* Enters if the other stage does not have it: 0, else -EAGAIN (X5). Context: any. */
KSL_API int evl_trylock_stax(struct evl_stax *stax) KSL_SYMBOL(ksl_evl_trylock_stax);

/*
 * Leaves; the last one lets all in who wait. Context: any, on the stage that has it.
 * Violations: `not-locked`; `not-owner` from the other stage (X12, X13).
 */
KSL_API void evl_unlock_stax(struct evl_stax *stax) KSL_SYMBOL(ksl_evl_unlock_stax);

/* The inlined paths of the three, which write to no shared memory. */

static inline int ksl_evl_stax_enter(struct evl_stax *stax)
{
    if (__builtin_expect(ksl_gate_enter_fast(&stax->ksl_gate), 1))
        return 0;
    return evl_lock_stax(stax);
}

static inline int ksl_evl_stax_try(struct evl_stax *stax)
{
    if (__builtin_expect(ksl_gate_enter_fast(&stax->ksl_gate), 1))
        return 0;
    return evl_trylock_stax(stax);
}

static inline void ksl_evl_stax_leave(struct evl_stax *stax)
{
    if (__builtin_expect(!ksl_gate_leave_fast(&stax->ksl_gate), 0))
        evl_unlock_stax(stax);
}

#define evl_lock_stax(stax) ksl_evl_stax_enter(stax)
#define evl_trylock_stax(stax) ksl_evl_stax_try(stax)
#define evl_unlock_stax(stax) ksl_evl_stax_leave(stax)

KSL_END_DECLS

#endif
