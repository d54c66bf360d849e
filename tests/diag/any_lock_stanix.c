/* SPDX-License-Identifier: BSD-2-Clause */
#include "any_lock.h"

#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include <string.h>

static ksl_spinlock_t any_spinlock[ANY_LOCKS];
static ksl_spinlock_t any_raw[ANY_LOCKS];
static ksl_rwlock_t any_rwlock[ANY_LOCKS];
static ksl_mutex_t any_mutex[ANY_LOCKS];
static ksl_rwsem_t any_rwsem[ANY_LOCKS];
static int saved[ANY_LOCKS];

/* Zero-filled, so the class is the address. */
#define FRESH(name_)                                                                     \
    static void fresh_##name_(unsigned i, const char *name)                              \
    {                                                                                    \
        (void)name;                                                                      \
        memset(&any_##name_[i], 0, sizeof any_##name_[i]);                               \
    }

FRESH(spinlock)
FRESH(raw)
FRESH(rwlock)
FRESH(mutex)
FRESH(rwsem)

static __attribute__((noinline)) void same_mutex(unsigned i)
{
    ksl_mutex_init(&any_mutex[i]);
    __asm__ volatile("" ::: "memory"); /* one call, and it returns here */
}

static __attribute__((noinline)) void same_rwsem(unsigned i)
{
    ksl_rwsem_init(&any_rwsem[i]);
    __asm__ volatile("" ::: "memory");
}

static __attribute__((noinline)) void same_rwlock(unsigned i)
{
    ksl_rwlock_init(&any_rwlock[i]);
    __asm__ volatile("" ::: "memory");
}

static void take_spinlock(unsigned i)
{
    ksl_spinlock_acquire(&any_spinlock[i]);
}

static bool try_spinlock(unsigned i)
{
    return ksl_spinlock_try_acquire(&any_spinlock[i]);
}

static void give_spinlock(unsigned i)
{
    ksl_spinlock_release(&any_spinlock[i]);
}

static void take_raw(unsigned i)
{
    ksl_spinlock_raw_acquire(&any_raw[i]);
}

static void give_raw(unsigned i)
{
    ksl_spinlock_raw_release(&any_raw[i]);
}

static void write_rwlock(unsigned i)
{
    ksl_rwlock_acquire_write(&any_rwlock[i], &saved[i]);
}

static bool try_write_rwlock(unsigned i)
{
    return ksl_rwlock_try_acquire_write(&any_rwlock[i], &saved[i]) != 0;
}

static void end_write_rwlock(unsigned i)
{
    ksl_rwlock_release_write(&any_rwlock[i], &saved[i]);
}

static void read_rwlock(unsigned i)
{
    ksl_rwlock_acquire_read(&any_rwlock[i], &saved[i]);
}

static bool try_read_rwlock(unsigned i)
{
    return ksl_rwlock_try_acquire_read(&any_rwlock[i], &saved[i]) != 0;
}

static void end_read_rwlock(unsigned i)
{
    ksl_rwlock_release_read(&any_rwlock[i], &saved[i]);
}

static void take_mutex(unsigned i)
{
    (void)ksl_mutex_acquire(&any_mutex[i]);
}

static bool try_mutex(unsigned i)
{
    return ksl_mutex_try_acquire(&any_mutex[i]) != 0;
}

static void give_mutex(unsigned i)
{
    ksl_mutex_release(&any_mutex[i]);
}

static void write_rwsem(unsigned i)
{
    (void)ksl_rwsem_acquire_write(&any_rwsem[i]);
}

static void end_write_rwsem(unsigned i)
{
    (void)ksl_rwsem_release_write(&any_rwsem[i]);
}

static void read_rwsem(unsigned i)
{
    (void)ksl_rwsem_acquire_read(&any_rwsem[i]);
}

static void end_read_rwsem(unsigned i)
{
    (void)ksl_rwsem_release_read(&any_rwsem[i]);
}

enum { HANDLERS = ANY_SPINS | ANY_IN_HANDLER | ANY_OOB };

const struct any_lock any_stanix[] = {
    {"spinlock", "spinlock",
     HANDLERS | ANY_MASKS | ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_AGAIN |
         ANY_TELLS_EXIT | ANY_RELEASE_ORDER,
     ANY_FOUR(any_spinlock), fresh_spinlock, NULL, take_spinlock, try_spinlock,
     give_spinlock, NULL},
    {"spinlock, interrupts open", "spinlock",
     HANDLERS | ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_AGAIN | ANY_TELLS_EXIT,
     ANY_FOUR(any_raw), fresh_raw, NULL, take_raw, NULL, give_raw, NULL},
    {"rwlock to write", "rwlock",
     HANDLERS | ANY_MASKS | ANY_TELLS_FREE | ANY_TELLS_AGAIN | ANY_TELLS_EXIT |
         ANY_RELEASE_ORDER | ANY_CLASSED,
     ANY_FOUR(any_rwlock), fresh_rwlock, same_rwlock, write_rwlock, try_write_rwlock,
     end_write_rwlock, NULL},
    {"rwlock to read", "rwlock",
     HANDLERS | ANY_MASKS | ANY_TELLS_FREE | ANY_TELLS_EXIT | ANY_RELEASE_ORDER |
         ANY_CLASSED | ANY_SHARED,
     ANY_FOUR(any_rwlock), fresh_rwlock, same_rwlock, read_rwlock, try_read_rwlock,
     end_read_rwlock, NULL},
    {"mutex of Stanix", "mutex",
     ANY_SLEEPS | ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_EXIT | ANY_CLASSED,
     ANY_FOUR(any_mutex), fresh_mutex, same_mutex, take_mutex, try_mutex, give_mutex,
     NULL},
    {"rwsem to write", "rwsem",
     ANY_SLEEPS | ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_EXIT | ANY_CLASSED,
     ANY_FOUR(any_rwsem), fresh_rwsem, same_rwsem, write_rwsem, NULL, end_write_rwsem,
     NULL},
    {"rwsem to read", "rwsem",
     ANY_SLEEPS | ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_EXIT | ANY_CLASSED | ANY_SHARED,
     ANY_FOUR(any_rwsem), fresh_rwsem, same_rwsem, read_rwsem, NULL, end_read_rwsem,
     NULL},
};
const unsigned any_stanix_n = sizeof any_stanix / sizeof any_stanix[0];
