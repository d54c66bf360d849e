/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_MUTEX_H
#define KSLOCK_FREEBSD_SYS_MUTEX_H

/*
 * mutex(9): MTX_DEF sleeps, MTX_SPIN spins with all interrupts of the thread
 * masked. Violations of all calls: `destroyed` for a mutex that is not
 * initialised or was destroyed; `bad-argument` for a call of the other kind.
 */

#include <sys/_mutex.h>
#include <sys/_sleep.h>
#include <sys/lock.h>

#include <kslock/base.h>
#include <kslock/inline.h>

KSL_BEGIN_DECLS

/* Kinds and options of mtx_init. */
#define MTX_DEF 0x00000000
#define MTX_SPIN 0x00000001
#define MTX_RECURSE 0x00000004
#define MTX_NOWITNESS 0x00000008
#define MTX_NOPROFILE 0x00000020
#define MTX_NEW 0x00000040
#define MTX_QUIET 0x00000100
#define MTX_DUPOK 0x00400000

/* Arguments of mtx_assert. */
#define MA_OWNED LA_XLOCKED
#define MA_NOTOWNED LA_UNLOCKED
#define MA_RECURSED LA_RECURSED
#define MA_NOTRECURSED LA_NOTRECURSED

#define mtx_recurse lock_object.lo_data

/*
 * Makes m a free mutex. name is kept, not copied; type, which may be NULL, names
 * its class. Context: any. Violations: `bad-argument` for unknown options.
 */
KSL_API void mtx_init(struct mtx *m, const char *name, const char *type, int opts)
    KSL_SYMBOL(ksl_freebsd_mtx_init);

/*
 * Ends m, which is free or held once by the caller. Context: any.
 * Violations: `destroy-held` if another thread holds it, somebody waits, or
 * it is held more than once.
 */
KSL_API void mtx_destroy(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_destroy);

/*
 * Take a sleeping mutex. Context: thread, not in a handler (`irq-sleep`); may
 * sleep. Violations: `recursion` for the owner without MTX_RECURSE.
 */
KSL_API void mtx_lock(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_lock);
/* Returns 1 with m held, else 0. Context: any. Never waits. */
KSL_API int mtx_trylock(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_trylock);
/* Gives one hold back. Context: any. Violations: `not-owner`, `not-locked`. */
KSL_API void mtx_unlock(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_unlock);

/*
 * Take a spinning mutex; interrupts stay masked until the thread holds none any
 * more. Context: any, handlers included; never sleeps.
 * The try call returns 1 if m is taken, else 0.
 * Violations: `recursion` for the owner without MTX_RECURSE.
 */
KSL_API void mtx_lock_spin(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_lock_spin);
KSL_API int mtx_trylock_spin(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_trylock_spin);
KSL_API void mtx_unlock_spin(struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_unlock_spin);

/* Non-zero if so. Context: any. */
KSL_API int mtx_owned(const struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_owned);
KSL_API int mtx_recursed(const struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_recursed);
KSL_API int mtx_initialized(const struct mtx *m) KSL_SYMBOL(ksl_freebsd_mtx_initialized);

/*
 * Checks MA_OWNED, with or without MA_RECURSED or MA_NOTRECURSED, or MA_NOTOWNED.
 * Context: any. Violations: `assertion`; `bad-argument` for any other value.
 */
KSL_API void mtx_assert(const struct mtx *m, int what) KSL_SYMBOL(ksl_freebsd_mtx_assert);

/* The calls with the place of the caller. */
KSL_API int ksl_freebsd_mtx_lock_at(struct mtx *m, int try_only,
                                    const struct ksl_place *place);
KSL_API void ksl_freebsd_mtx_unlock_at(struct mtx *m, const struct ksl_place *place);
KSL_API int ksl_freebsd_mtx_spin_at(struct mtx *m, int try_only,
                                    const struct ksl_place *place);
KSL_API void ksl_freebsd_mtx_unspin_at(struct mtx *m, const struct ksl_place *place);
KSL_API void ksl_freebsd_mtx_destroy_at(struct mtx *m, const struct ksl_place *place);
KSL_API void ksl_freebsd_mtx_assert_at(const struct mtx *m, int what,
                                       const struct ksl_place *place);

static inline void ksl_freebsd_lock(struct mtx *m, const struct ksl_place *place)
{
    if (__builtin_expect(!ksl_exclusive_fast(&m->mtx_lock, place), 0))
        (void)ksl_freebsd_mtx_lock_at(m, 0, place);
}

static inline int ksl_freebsd_mtry(struct mtx *m, const struct ksl_place *place)
{
    return __builtin_expect(ksl_exclusive_fast(&m->mtx_lock, place), 1)
               ? 1
               : ksl_freebsd_mtx_lock_at(m, 1, place);
}

static inline void ksl_freebsd_munlock(struct mtx *m, const struct ksl_place *place)
{
    if (__builtin_expect(!ksl_unexclusive_fast(&m->mtx_lock), 0))
        ksl_freebsd_mtx_unlock_at(m, place);
}

#define mtx_lock(m) ksl_freebsd_lock((m), KSL_PLACE())
#define mtx_unlock(m) ksl_freebsd_munlock((m), KSL_PLACE())
#define mtx_trylock(m) ksl_freebsd_mtry((m), KSL_PLACE())
#define mtx_lock_spin(m) ((void)ksl_freebsd_mtx_spin_at((m), 0, KSL_PLACE()))
#define mtx_trylock_spin(m) ksl_freebsd_mtx_spin_at((m), 1, KSL_PLACE())
#define mtx_unlock_spin(m) ksl_freebsd_mtx_unspin_at((m), KSL_PLACE())
#define mtx_lock_flags(m, opts) ((void)(opts), mtx_lock(m))
#define mtx_unlock_flags(m, opts) ((void)(opts), mtx_unlock(m))
#define mtx_trylock_flags(m, opts) ((void)(opts), mtx_trylock(m))
#define mtx_lock_spin_flags(m, opts) ((void)(opts), mtx_lock_spin(m))
#define mtx_unlock_spin_flags(m, opts) ((void)(opts), mtx_unlock_spin(m))
#define mtx_destroy(m) ksl_freebsd_mtx_destroy_at((m), KSL_PLACE())
#define mtx_assert(m, what) ksl_freebsd_mtx_assert_at((m), (what), KSL_PLACE())
#define mtx_name(m) ((m)->lock_object.lo_name)

/* As sx_sleep, with a sleeping mutex; see <sys/_sleep.h>. */
#define mtx_sleep(chan, m, priority, wmesg, timo)                                        \
    ksl_freebsd_sleep((chan), &(m)->lock_object, (priority), (wmesg), (timo), KSL_PLACE())

/* Initialise a mutex before main, see SX_SYSINIT. */
struct mtx_args {
    struct mtx *ma_mtx;
    const char *ma_desc;
    int ma_opts;
};
KSL_API void mtx_sysinit(void *args) KSL_SYMBOL(ksl_freebsd_mtx_sysinit);
KSL_API void ksl_freebsd_mtx_sysuninit(struct mtx *m);

#define MTX_SYSINIT(name, m, desc, opts)                                                 \
    static struct mtx_args name##_args = {(m), (desc), (opts)};                          \
    __attribute__((constructor(101), used)) static void name##_mtx_sysinit(void)         \
    {                                                                                    \
        mtx_sysinit(&name##_args);                                                       \
    }                                                                                    \
    __attribute__((destructor(101), used)) static void name##_mtx_sysuninit(void)        \
    {                                                                                    \
        ksl_freebsd_mtx_sysuninit(name##_args.ma_mtx);                                   \
    }                                                                                    \
    struct ksl_freebsd_needs_semicolon

KSL_END_DECLS

#endif
