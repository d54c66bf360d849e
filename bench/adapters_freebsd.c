/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <stdlib.h>

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

/*
 * Each on lines of its own. The lock that is only read is never written, so that
 * it keeps its reader bias; the mixes show what writers change.
 */
static struct {
    struct sx read __attribute__((aligned(128)));
    struct sx write __attribute__((aligned(128)));
    struct sx change __attribute__((aligned(128)));
    struct sx mix __attribute__((aligned(128)));
    struct mtx mtx __attribute__((aligned(128)));
    struct mtx spin __attribute__((aligned(128)));
} locks;

SX_SYSINIT(bench_read, &locks.read, "bench read");
SX_SYSINIT(bench_write, &locks.write, "bench write");
SX_SYSINIT(bench_change, &locks.change, "bench change");
SX_SYSINIT(bench_mix, &locks.mix, "bench mix");
MTX_SYSINIT(bench_mtx, &locks.mtx, "bench mtx", MTX_DEF);
MTX_SYSINIT(bench_spin, &locks.spin, "bench spin", MTX_SPIN);

ADAPTER(sx_read, sx_slock(&locks.read), sx_sunlock(&locks.read))
ADAPTER(sx_write, sx_xlock(&locks.write), sx_xunlock(&locks.write))
ADAPTER(mtx_spin, mtx_lock_spin(&locks.spin), mtx_unlock_spin(&locks.spin))
ADAPTER(mtx, mtx_lock(&locks.mtx), mtx_unlock(&locks.mtx))
MIX(sx, sx_slock(&locks.mix), sx_sunlock(&locks.mix), sx_xlock(&locks.mix),
    sx_xunlock(&locks.mix))

static void sx_change_pairs(size_t n)
{
    sx_slock(&locks.change);
    while (n-- > 0) {
        if (sx_try_upgrade(&locks.change) == 0)
            abort();
        sx_downgrade(&locks.change);
    }
    sx_sunlock(&locks.change);
}

static void sx_object_init(void *lock)
{
    sx_init((struct sx *)lock, "bench");
}

static void mtx_object_init(void *lock)
{
    mtx_init((struct mtx *)lock, "bench", NULL, MTX_DEF);
}

OBJECTS(sx_read, struct sx, sx_object_init, sx_slock(l), sx_sunlock(l))
OBJECTS(sx_write, struct sx, sx_object_init, sx_xlock(l), sx_xunlock(l))
OBJECTS(mtx, struct mtx, mtx_object_init, mtx_lock(l), mtx_unlock(l))

#define OURS(name_) BOTH(name_), .ours = true

const struct adapter freebsd_adapters[] = {
    {"sx shared", "pthread_rwlock read", OURS(sx_read), .shared = true,
     .objects = &sx_read_objects},
    {"sx exclusive", "pthread_rwlock write", OURS(sx_write),
     .objects = &sx_write_objects},
    {"sx upgrade and downgrade", "pthread_rwlock write", .pairs = sx_change_pairs,
     .ours = true},
    {"mtx", "pthread_mutex", OURS(mtx), .objects = &mtx_objects},
    {"mtx spin", "pthread_spin", OURS(mtx_spin)},
    {"sx", "pthread_rwlock", .mix = sx_mix, .ours = true},
};
const size_t freebsd_adapter_count = sizeof freebsd_adapters / sizeof freebsd_adapters[0];
