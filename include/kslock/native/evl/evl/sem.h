/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_SEM_H
#define KSLOCK_EVL_SEM_H

/*
 * EVL kernel semaphore (evl_stanix.md K1 to K15). Waiters stand in order of effective
 * priority, then of arrival; one whose priority rises goes behind its new equals. A
 * post is given to the first of them and cannot be lost. Violations of all calls:
 * `destroyed` after evl_destroy_ksem.
 */

#include <evl/sched.h>
#include <evl/timeout.h>

#include <kslock/base.h>

#include <stdbool.h>
#include <stdint.h>

KSL_BEGIN_DECLS

struct evl_ksem {
    uint64_t ksl_word; /* see src/lock/ksem.c */
};

/* EVL_KSEM_INITIALIZER(name[, value]), DEFINE_EVL_KSEM(name[, value]) */
/* clang-format off */
#define KSL_EVL_SECOND(first, second, ...) second
#define EVL_KSEM_INITIALIZER(...) { KSL_CAST(unsigned int, KSL_EVL_SECOND(__VA_ARGS__, 0, 0)) }
#define KSL_EVL_FIRST(first, ...) first
#define DEFINE_EVL_KSEM(...)                                                             \
    struct evl_ksem KSL_EVL_FIRST(__VA_ARGS__, 0) = EVL_KSEM_INITIALIZER(__VA_ARGS__)
/* clang-format on */

/*
 * Makes ksem a semaphore of that value. Context: any; nobody uses it.
 * Violations: `bad-argument` for a value above INT_MAX.
 */
KSL_API void evl_init_ksem(struct evl_ksem *ksem, unsigned int value)
    KSL_SYMBOL(ksl_evl_init_ksem);

/*
 * Ends ksem: all waiters get -EIDRM. Its memory may go when this has returned (K10).
 * Context: any.
 */
KSL_API void evl_destroy_ksem(struct evl_ksem *ksem) KSL_SYMBOL(ksl_evl_destroy_ksem);

/*
 * Take a unit; if there is none, wait for one, until a date of CLOCK_MONOTONIC.
 * A unit that is there is taken in any context; only out-of-band threads may wait.
 * Return 0; -ETIMEDOUT; -EIDRM; -EINTR after a forced unblock; -ERESTARTSYS with a
 * signal pending; -EAGAIN instead of waiting if the date is EVL_NONBLOCK; -EPERM
 * with a `stage` report for a wait in-band or in a handler, which a call with a date
 * that is over never is (K3, K7, K12, K13).
 */
KSL_API int evl_down(struct evl_ksem *ksem) KSL_SYMBOL(ksl_evl_down);
KSL_API int evl_down_timeout(struct evl_ksem *ksem, ktime_t timeout)
    KSL_SYMBOL(ksl_evl_down_timeout);

/* Takes a unit if there is one: 0, else -EAGAIN. Context: any (K15). */
KSL_API int evl_trydown(struct evl_ksem *ksem) KSL_SYMBOL(ksl_evl_trydown);

/*
 * Gives a unit to the first waiter, else keeps it. Context: any, handlers of both
 * stages and threads that the library does not know included (K6, K11).
 * Violations: `bad-argument` if the value would pass INT_MAX.
 */
KSL_API void evl_up(struct evl_ksem *ksem) KSL_SYMBOL(ksl_evl_up);

/* All waiters of this moment return 0; the value stays (K9). Context: any. */
KSL_API void evl_broadcast(struct evl_ksem *ksem) KSL_SYMBOL(ksl_evl_broadcast);

/* --- inlined paths ------------------------------------------------------------------ */

/* The value is in the low bits of the word; above it: somebody waits, it is destroyed. */
enum { KSL_EVL_KSEM_VALUE = 0x7fffffff };

/* Takes a unit that is there. */
static inline bool ksl_evl_ksem_take(struct evl_ksem *ksem)
{
    uint64_t seen = __atomic_load_n(&ksem->ksl_word, __ATOMIC_RELAXED);
    return (seen & KSL_EVL_KSEM_VALUE) != 0 &&
           __atomic_compare_exchange_n(&ksem->ksl_word, &seen, seen - 1, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline int ksl_evl_ksem_down(struct evl_ksem *ksem)
{
    return __builtin_expect(ksl_evl_ksem_take(ksem), 1) ? 0 : evl_down(ksem);
}

static inline int ksl_evl_ksem_try(struct evl_ksem *ksem)
{
    return __builtin_expect(ksl_evl_ksem_take(ksem), 1) ? 0 : evl_trydown(ksem);
}

/* A unit more, if nobody waits. */
static inline void ksl_evl_ksem_up(struct evl_ksem *ksem)
{
    uint64_t seen = __atomic_load_n(&ksem->ksl_word, __ATOMIC_RELAXED);
    if (__builtin_expect(seen >= KSL_EVL_KSEM_VALUE, 0) ||
        __builtin_expect(!__atomic_compare_exchange_n(&ksem->ksl_word, &seen, seen + 1,
                                                      false, __ATOMIC_RELEASE,
                                                      __ATOMIC_RELAXED),
                         0))
        evl_up(ksem);
}

#define evl_down(ksem) ksl_evl_ksem_down(ksem)
#define evl_trydown(ksem) ksl_evl_ksem_try(ksem)
#define evl_up(ksem) ksl_evl_ksem_up(ksem)

KSL_END_DECLS

#endif
