/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a program with the locks of this library instead of those of pthreads:
 *
 *   LD_PRELOAD=libkslock_preload.so PROGRAM...
 *
 *   normal, adaptive mutex   simple lock of AIX (not recursive, one owner)
 *   recursive mutex          mutex of Stanix
 *   rwlock                   complex lock of AIX (waiting writers stop no reader)
 *   condition variable       sleep queue of Stanix; the caller is on the queue before it
 *                            gives the mutex back, so no signal in between is lost
 *
 * All of them are free when zero-filled, fit in front of the fields in which glibc keeps
 * the kind, and need no destroy; so static initialisers work. init is glibc's own, which
 * writes zeros and the kind.
 *
 * Stays with pthreads: mutexes that are robust, inherit or protect priorities, check
 * errors, or are shared between processes; rwlocks shared or preferring writers;
 * conditions shared between processes; spinlocks, semaphores, barriers.
 *
 * Refused, with a message and abort(): timed attempts on a lock carried here, a shared
 * condition with a mutex carried here, pthread_cancel (waits here are no cancellation
 * points). What POSIX leaves undefined (unlock by another thread, a second lock of a
 * normal mutex) is a panic of the library.
 *
 * A date of CLOCK_REALTIME is turned into a distance once: a wait does not follow
 * when the clock is put forward; if it is put back, the wait ends as a spurious wake-up.
 *
 * KSLOCK_PRELOAD=report in the environment prints a line at exit that says how many
 * operations stayed with pthreads.
 */
#define _GNU_SOURCE 1

#include "preload.h"

#include <kslock/kslock.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <sys/lock_def.h>
#include <time.h>

/* A kind in the low bits; then flags of robust, priority and shared mutexes. */
enum {
    KIND_RECURSIVE = PTHREAD_MUTEX_RECURSIVE_NP,
    KIND_ELISION = 0x300, /* says only how glibc would take it */
    COND_SHARED = 1,      /* in __wrefs */
    COND_MONOTONIC = 2
};

static_assert(sizeof(Simple_lock) <= offsetof(struct __pthread_mutex_s, __kind),
              "a simple lock fits in front of the kind");
static_assert(sizeof(ksl_mutex_t) <= offsetof(struct __pthread_mutex_s, __kind),
              "a mutex fits in front of the kind");
static_assert(offsetof(Complex_lock, ksl_reserved[1]) <=
                  offsetof(struct __pthread_rwlock_arch_t, __shared),
              "what a complex lock uses fits in front of the flags");
static_assert(sizeof(Complex_lock) <= offsetof(struct __pthread_rwlock_arch_t, __flags),
              "a complex lock fits in front of the flags");
static_assert(sizeof(ksl_sleep_queue_t) <= offsetof(struct __pthread_cond_s, __wrefs),
              "a sleep queue fits in front of the flags");

/* --- mutexes ------------------------------------------------------------------------ */

enum carrier { PTHREAD, SIMPLE, RECURSIVE };

static inline enum carrier carrier_of(const pthread_mutex_t *m)
{
    int kind = m->__data.__kind & ~KIND_ELISION;
    if (__builtin_expect(preload_may_be_own(m), 0) && preload_is_own(m))
        return PTHREAD;
    if (kind == PTHREAD_MUTEX_TIMED_NP || kind == PTHREAD_MUTEX_ADAPTIVE_NP)
        return SIMPLE;
    return kind == KIND_RECURSIVE ? RECURSIVE : PTHREAD;
}

static inline simple_lock_t simple_of(pthread_mutex_t *m)
{
    return (simple_lock_t)(void *)m;
}

static inline ksl_mutex_t *recursive_of(pthread_mutex_t *m)
{
    return (ksl_mutex_t *)(void *)m;
}

static int mutex_take(pthread_mutex_t *m)
{
    switch (carrier_of(m)) {
    case SIMPLE:
        simple_lock(simple_of(m));
        return 0;
    case RECURSIVE:
        return -ksl_mutex_acquire(recursive_of(m));
    default:
        return preload_stays()->mutex_lock(m);
    }
}

static int mutex_give(pthread_mutex_t *m)
{
    switch (carrier_of(m)) {
    case SIMPLE:
        simple_unlock(simple_of(m));
        return 0;
    case RECURSIVE:
        ksl_mutex_release(recursive_of(m));
        return 0;
    default:
        return preload_stays()->mutex_unlock(m);
    }
}

PRELOAD_API int pthread_mutex_lock(pthread_mutex_t *m)
{
    return mutex_take(m);
}

PRELOAD_API int pthread_mutex_unlock(pthread_mutex_t *m)
{
    return mutex_give(m);
}

PRELOAD_API int pthread_mutex_trylock(pthread_mutex_t *m)
{
    switch (carrier_of(m)) {
    case SIMPLE:
        return simple_lock_try(simple_of(m)) ? 0 : EBUSY;
    case RECURSIVE:
        return ksl_mutex_try_acquire(recursive_of(m)) ? 0 : EBUSY;
    default:
        return preload_stays()->mutex_trylock(m);
    }
}

PRELOAD_API int pthread_mutex_timedlock(pthread_mutex_t *m, const struct timespec *date)
{
    if (carrier_of(m) != PTHREAD)
        preload_refuse("pthread_mutex_timedlock of a mutex carried here");
    return preload_stays()->mutex_timedlock(m, date);
}

PRELOAD_API int pthread_mutex_clocklock(pthread_mutex_t *m, clockid_t clock,
                                        const struct timespec *date)
{
    if (carrier_of(m) != PTHREAD)
        preload_refuse("pthread_mutex_clocklock of a mutex carried here");
    return preload_stays()->mutex_clocklock(m, clock, date);
}

PRELOAD_API int pthread_mutex_destroy(pthread_mutex_t *m)
{
    return carrier_of(m) != PTHREAD ? 0 : preload_stays()->mutex_destroy(m);
}

/* --- condition variables --------------------------------------------------------------
 */

static inline bool cond_stays(const pthread_cond_t *c)
{
    return (c->__data.__wrefs & COND_SHARED) != 0;
}

static inline ksl_sleep_queue_t *queue_of(pthread_cond_t *c)
{
    return (ksl_sleep_queue_t *)(void *)c;
}

static clockid_t clock_of(const pthread_cond_t *c)
{
    return (c->__data.__wrefs & COND_MONOTONIC) != 0 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
}

static bool is_past(clockid_t clock, const struct timespec *date)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > date->tv_sec ||
           (now.tv_sec == date->tv_sec && now.tv_nsec >= date->tv_nsec);
}

/* The same distance from now on CLOCK_MONOTONIC, at most 30 years. */
static struct timespec monotonic(clockid_t clock, const struct timespec *date)
{
    enum { LIMIT = 1000000000, SECOND = 1000000000 };
    struct timespec now;
    struct timespec there;
    if (clock == CLOCK_MONOTONIC || date->tv_sec < 0)
        return date->tv_sec < 0 ? (struct timespec){0} : *date;
    clock_gettime(clock, &there);
    clock_gettime(CLOCK_MONOTONIC, &now);
    time_t seconds = date->tv_sec - there.tv_sec;
    long ns = date->tv_nsec - there.tv_nsec + now.tv_nsec;
    now.tv_sec += seconds < LIMIT ? seconds : LIMIT;
    now.tv_sec += ns < 0 ? -1 : ns / SECOND;
    now.tv_nsec = ns < 0 ? ns + SECOND : ns % SECOND;
    return now.tv_sec < 0 ? (struct timespec){0} : now;
}

/* date: NULL for ever. */
static int cond_wait(pthread_cond_t *c, pthread_mutex_t *m, clockid_t clock,
                     const struct timespec *date)
{
    struct timespec until;
    if (date != NULL) {
        if (date->tv_nsec < 0 || date->tv_nsec > 999999999)
            return EINVAL;
        until = monotonic(clock, date);
    }
    ksl_sleepq_prepare(queue_of(c), KSL_BLOCK_UNINTERRUPTIBLE);
    int error = mutex_give(m);
    if (error != 0) {
        ksl_block_cancel();
        return error;
    }
    int woken = ksl_block_until(date != NULL ? &until : NULL);
    error = mutex_take(m);
    if (error != 0)
        return error;
    return woken == -ETIMEDOUT && is_past(clock, date) ? ETIMEDOUT : 0;
}

/* A wait that glibc does: it gives the mutex back by itself. */
static void check_shared(const pthread_mutex_t *m)
{
    if (carrier_of(m) != PTHREAD)
        preload_refuse("a shared condition variable with a mutex carried here");
}

PRELOAD_API int pthread_cond_wait(pthread_cond_t *c, pthread_mutex_t *m)
{
    if (!cond_stays(c))
        return cond_wait(c, m, CLOCK_MONOTONIC, NULL);
    check_shared(m);
    return preload_stays()->cond_wait(c, m);
}

PRELOAD_API int pthread_cond_timedwait(pthread_cond_t *c, pthread_mutex_t *m,
                                       const struct timespec *date)
{
    if (!cond_stays(c))
        return cond_wait(c, m, clock_of(c), date);
    check_shared(m);
    return preload_stays()->cond_timedwait(c, m, date);
}

PRELOAD_API int pthread_cond_clockwait(pthread_cond_t *c, pthread_mutex_t *m,
                                       clockid_t clock, const struct timespec *date)
{
    if (!cond_stays(c) && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
        return EINVAL;
    if (!cond_stays(c))
        return cond_wait(c, m, clock, date);
    check_shared(m);
    return preload_stays()->cond_clockwait(c, m, clock, date);
}

PRELOAD_API int pthread_cond_signal(pthread_cond_t *c)
{
    if (cond_stays(c))
        return preload_stays()->cond_signal(c);
    (void)ksl_sleepq_wake(queue_of(c), 1);
    return 0;
}

PRELOAD_API int pthread_cond_broadcast(pthread_cond_t *c)
{
    if (cond_stays(c))
        return preload_stays()->cond_broadcast(c);
    (void)ksl_sleepq_wake(queue_of(c), 0);
    return 0;
}

PRELOAD_API int pthread_cond_destroy(pthread_cond_t *c)
{
    return cond_stays(c) ? preload_stays()->cond_destroy(c) : 0;
}

/* --- reader/writer locks --------------------------------------------------------------
 */

static inline bool rwlock_stays(const pthread_rwlock_t *l)
{
    return l->__data.__shared != 0 || l->__data.__flags != PTHREAD_RWLOCK_DEFAULT_NP;
}

static inline complex_lock_t complex_of(pthread_rwlock_t *l)
{
    return (complex_lock_t)(void *)l;
}

PRELOAD_API int pthread_rwlock_rdlock(pthread_rwlock_t *l)
{
    if (rwlock_stays(l))
        return preload_stays()->rwlock_rdlock(l);
    lock_read(complex_of(l));
    return 0;
}

PRELOAD_API int pthread_rwlock_wrlock(pthread_rwlock_t *l)
{
    if (rwlock_stays(l))
        return preload_stays()->rwlock_wrlock(l);
    lock_write(complex_of(l));
    return 0;
}

PRELOAD_API int pthread_rwlock_tryrdlock(pthread_rwlock_t *l)
{
    if (rwlock_stays(l))
        return preload_stays()->rwlock_tryrdlock(l);
    return lock_try_read(complex_of(l)) ? 0 : EBUSY;
}

PRELOAD_API int pthread_rwlock_trywrlock(pthread_rwlock_t *l)
{
    if (rwlock_stays(l))
        return preload_stays()->rwlock_trywrlock(l);
    return lock_try_write(complex_of(l)) ? 0 : EBUSY;
}

PRELOAD_API int pthread_rwlock_unlock(pthread_rwlock_t *l)
{
    if (rwlock_stays(l))
        return preload_stays()->rwlock_unlock(l);
    lock_done(complex_of(l));
    return 0;
}

PRELOAD_API int pthread_rwlock_destroy(pthread_rwlock_t *l)
{
    return rwlock_stays(l) ? preload_stays()->rwlock_destroy(l) : 0;
}

#define REFUSE_TIMED_RWLOCK(call_)                                                       \
    PRELOAD_API int pthread_rwlock_##call_(pthread_rwlock_t *l,                          \
                                           const struct timespec *date)                  \
    {                                                                                    \
        if (!rwlock_stays(l))                                                            \
            preload_refuse("pthread_rwlock_" #call_ " of a lock carried here");          \
        return preload_stays()->rwlock_##call_(l, date);                                 \
    }
#define REFUSE_CLOCK_RWLOCK(call_)                                                       \
    PRELOAD_API int pthread_rwlock_##call_(pthread_rwlock_t *l, clockid_t clock,         \
                                           const struct timespec *date)                  \
    {                                                                                    \
        if (!rwlock_stays(l))                                                            \
            preload_refuse("pthread_rwlock_" #call_ " of a lock carried here");          \
        return preload_stays()->rwlock_##call_(l, clock, date);                          \
    }

REFUSE_TIMED_RWLOCK(timedrdlock)
REFUSE_TIMED_RWLOCK(timedwrlock)
REFUSE_CLOCK_RWLOCK(clockrdlock)
REFUSE_CLOCK_RWLOCK(clockwrlock)

PRELOAD_API int pthread_cancel(pthread_t thread)
{
    (void)thread;
    preload_refuse("pthread_cancel");
}
