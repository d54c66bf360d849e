/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_STATS_CALLS_H
#define TESTS_DIAG_STATS_CALLS_H

/* One lock of each kind, the calls for puppets, and a clock that the test moves. */

#include "stats_test.h"

#include "lock/aix.h"
#include "lock/kmutex.h"
#include "lock/ksem.h"
#include "lock/mtx.h"
#include "lock/stax.h"
#include "lock/sx.h"
#include "platform/host.h"
#include "platform/park.h"

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/signal.h>
#include <kslock/spinlock.h>

#include <limits.h>
#include <sys/lock.h>
#include <sys/param.h>
#include <sys/sx.h>

#define UNUSED __attribute__((unused))

static const struct ksl_place here = {"scene.c", 1};
#define SITE ((const void *)((uintptr_t)&here | KSI_PLACE_BIT))

static ksl_spinlock_t spinlock UNUSED;
static ksl_mutex_t mutex UNUSED;
static ksl_rwlock_t rwlock UNUSED;
static ksl_rwsem_t rwsem UNUSED;
static struct ksi_named sx UNUSED, mtx UNUSED, spin_mtx UNUSED;
static ksi_word simple UNUSED, lockl UNUSED, drw UNUSED, kmutex UNUSED;
static struct ksi_complex complex_lock UNUSED;
static uint64_t ksem UNUSED;
static struct ksi_stax stax UNUSED;

static inline void begin_all(void)
{
    ksi_sx_init(&sx, "scene sx", SX_RECURSE, SITE);
    ksi_mtx_init(&mtx, "scene mtx", 0, SITE);
    ksi_mtx_init(&spin_mtx, "scene spin", 1, SITE);
    ksi_drw_init(&drw, SITE);
    ksi_kmutex_init(&kmutex, SITE);
    ksi_complex_init(&complex_lock, SITE);
    ksi_ksem_init(&ksem, 1, SITE);
    ksi_stax_init(&stax);
}

#define CALL(name, ...)                                                                  \
    static inline int name(void *lock)                                                   \
    {                                                                                    \
        (void)lock;                                                                      \
        return (int)(__VA_ARGS__);                                                       \
    }

CALL(take_spinlock, (ksl_spinlock_acquire(lock), 0))
CALL(give_spinlock, (ksl_spinlock_release(lock), 0))
CALL(try_spinlock, ksl_spinlock_try_acquire(lock))
CALL(take_mutex, ksl_mutex_acquire(lock))
CALL(give_mutex, (ksl_mutex_release(lock), 0))
CALL(try_mutex, ksl_mutex_try_acquire(lock))
CALL(read_rwlock, (ksl_rwlock_acquire_read(lock, NULL), 0))
CALL(unread_rwlock, (ksl_rwlock_release_read(lock, NULL), 0))
CALL(write_rwlock, (ksl_rwlock_acquire_write(lock, NULL), 0))
CALL(unwrite_rwlock, (ksl_rwlock_release_write(lock, NULL), 0))
CALL(try_rwlock, ksl_rwlock_try_acquire_write(lock, NULL))
CALL(read_rwsem, ksl_rwsem_acquire_read(lock))
CALL(unread_rwsem, ksl_rwsem_release_read(lock))
CALL(write_rwsem, ksl_rwsem_acquire_write(lock))
CALL(unwrite_rwsem, ksl_rwsem_release_write(lock))
CALL(take_slock, ksi_sx_lock(lock, KSI_SX_SHARE, false, SITE))
CALL(sig_slock, ksi_sx_lock(lock, KSI_SX_SHARE, true, SITE))
CALL(give_slock, (ksi_sx_unlock(lock, KSI_SX_SHARE, SITE), 0))
CALL(take_xlock, ksi_sx_lock(lock, KSI_SX_EXCLUSIVE, false, SITE))
CALL(give_xlock, (ksi_sx_unlock(lock, KSI_SX_EXCLUSIVE, SITE), 0))
CALL(try_xlock, ksi_sx_try(lock, KSI_SX_EXCLUSIVE, SITE))
CALL(take_mtx, ksi_mtx_lock(lock, false, SITE))
CALL(give_mtx, (ksi_mtx_unlock(lock, SITE), 0))
CALL(try_mtx, ksi_mtx_lock(lock, true, SITE))
CALL(take_spin_mtx, ksi_mtx_spin_lock(lock, false, SITE))
CALL(give_spin_mtx, (ksi_mtx_spin_unlock(lock, SITE), 0))
CALL(try_spin_mtx, ksi_mtx_spin_lock(lock, true, SITE))
CALL(take_simple, ksi_owner_lock(&ksi_simple_class, lock, "simple_lock", SITE))
CALL(give_simple, (ksi_owner_unlock(&ksi_simple_class, lock, "simple_unlock", SITE), 0))
CALL(try_simple, ksi_simple_try(lock, SITE))
CALL(take_lockl, ksi_lockl(lock, 0, SITE))
CALL(give_lockl, (ksi_unlockl(lock, SITE), 0))
CALL(try_lockl, ksi_lockl(lock, KSI_LOCKL_NDELAY, SITE) == KSI_LOCKL_SUCC)
CALL(read_drw, (ksi_drw_read(lock, SITE), 0))
CALL(write_drw, ksi_drw_write(lock, false, SITE))
CALL(give_drw, (ksi_drw_done(lock, SITE), 0))
CALL(try_drw, ksi_drw_write(lock, true, SITE))
CALL(read_complex, (ksi_complex_read(lock, SITE), 0))
CALL(write_complex, (ksi_complex_write(lock, SITE), 0))
CALL(give_complex, (ksi_complex_done(lock, SITE), 0))
CALL(try_complex, ksi_complex_try_write(lock, SITE))
CALL(take_kmutex, ksi_kmutex_lock(lock, SITE))
CALL(give_kmutex, (ksi_kmutex_unlock(lock, SITE), 0))
CALL(try_kmutex, ksi_kmutex_try(lock, SITE) == 0)
CALL(take_ksem, ksi_ksem_down(lock, KSI_FOREVER, false, SITE))
CALL(give_ksem, (ksi_ksem_up(lock, INT_MAX, SITE), 0))
CALL(try_ksem, ksi_ksem_try(lock, SITE))
CALL(take_stax, ksi_stax_lock(lock, SITE))
CALL(give_stax, (ksi_stax_unlock(lock, SITE), 0))

/* The test's clock. */
static uint64_t clock_ns = 1000000000; /* atomic */

static inline uint64_t fake_now(void)
{
    return LOAD(&clock_ns);
}

static inline void pass(uint64_t ns)
{
    ADD(&clock_ns, ns);
}

static inline void on_with_clock(void)
{
    ksi_seam.now = fake_now;
    stats_on();
    begin_all();
}

#endif
