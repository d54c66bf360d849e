/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FreeBSD: documented names -> locks. Functions with a place get it from the macros
 * of the headers; those of the plain names serve function pointers and other
 * languages.
 */

#include "native/freebsd.h"
#include "thread/exiting.h"

#include <sys/param.h>
#include <sys/proc.h>

#define SAME_LAYOUT(type, member)                                                        \
    _Static_assert(sizeof(type) == sizeof(struct ksi_named) &&                           \
                       offsetof(type, member) == offsetof(struct ksi_named, word) &&     \
                       offsetof(struct lock_object, lo_flags) ==                         \
                           offsetof(struct ksi_named, flags) &&                          \
                       offsetof(struct lock_object, lo_data) ==                          \
                           offsetof(struct ksi_named, recursed),                         \
                   "diag/named.h")
SAME_LAYOUT(struct sx, sx_lock);
SAME_LAYOUT(struct mtx, mtx_lock);

/* --- sx ------------------------------------------------------------------- */

void(sx_init)(struct sx *sx, const char *description)
{
    ksi_sx_init(of_sx(sx), description, 0, KSI_SITE());
}

void(sx_init_flags)(struct sx *sx, const char *description, int opts)
{
    ksi_sx_init(of_sx(sx), description, (unsigned)opts, KSI_SITE());
}

void(sx_destroy)(struct sx *sx)
{
    ksi_sx_destroy(of_sx(sx), KSI_SITE());
}

void ksl_freebsd_sx_destroy_at(struct sx *sx, const struct ksl_place *place)
{
    ksi_sx_destroy(of_sx(sx), at(place));
}

int ksl_freebsd_sx_lock_at(struct sx *sx, int exclusive, int opts,
                           const struct ksl_place *place)
{
    return ksi_sx_lock(of_sx(sx), exclusive != 0 ? KSI_SX_EXCLUSIVE : KSI_SX_SHARE,
                       (opts & SX_INTERRUPTIBLE) != 0, at(place));
}

int ksl_freebsd_sx_try_at(struct sx *sx, int exclusive, const struct ksl_place *place)
{
    return ksi_sx_try(of_sx(sx), exclusive != 0 ? KSI_SX_EXCLUSIVE : KSI_SX_SHARE,
                      at(place));
}

void ksl_freebsd_sx_unlock_at(struct sx *sx, int mode, const struct ksl_place *place)
{
    ksi_sx_unlock(of_sx(sx), (enum ksi_sx_mode)mode, at(place));
}

int ksl_freebsd_sx_try_upgrade_at(struct sx *sx, const struct ksl_place *place)
{
    return ksi_sx_try_upgrade(of_sx(sx), at(place));
}

void ksl_freebsd_sx_downgrade_at(struct sx *sx, const struct ksl_place *place)
{
    ksi_sx_downgrade(of_sx(sx), at(place));
}

void ksl_freebsd_sx_assert_at(const struct sx *sx, int what,
                              const struct ksl_place *place)
{
    ksi_sx_assert(of_sx(sx), what, at(place));
}

void(sx_slock)(struct sx *sx)
{
    (void)ksi_sx_lock(of_sx(sx), KSI_SX_SHARE, false, KSI_SITE());
}

void(sx_xlock)(struct sx *sx)
{
    (void)ksi_sx_lock(of_sx(sx), KSI_SX_EXCLUSIVE, false, KSI_SITE());
}

int(sx_slock_sig)(struct sx *sx)
{
    return ksi_sx_lock(of_sx(sx), KSI_SX_SHARE, true, KSI_SITE());
}

int(sx_xlock_sig)(struct sx *sx)
{
    return ksi_sx_lock(of_sx(sx), KSI_SX_EXCLUSIVE, true, KSI_SITE());
}

int(sx_try_slock)(struct sx *sx)
{
    return ksi_sx_try(of_sx(sx), KSI_SX_SHARE, KSI_SITE());
}

int(sx_try_xlock)(struct sx *sx)
{
    return ksi_sx_try(of_sx(sx), KSI_SX_EXCLUSIVE, KSI_SITE());
}

void(sx_sunlock)(struct sx *sx)
{
    ksi_sx_unlock(of_sx(sx), KSI_SX_SHARE, KSI_SITE());
}

void(sx_xunlock)(struct sx *sx)
{
    ksi_sx_unlock(of_sx(sx), KSI_SX_EXCLUSIVE, KSI_SITE());
}

void(sx_unlock)(struct sx *sx)
{
    ksi_sx_unlock(of_sx(sx), KSI_SX_EITHER, KSI_SITE());
}

int(sx_try_upgrade)(struct sx *sx)
{
    return ksi_sx_try_upgrade(of_sx(sx), KSI_SITE());
}

void(sx_downgrade)(struct sx *sx)
{
    ksi_sx_downgrade(of_sx(sx), KSI_SITE());
}

void(sx_assert)(const struct sx *sx, int what)
{
    ksi_sx_assert(of_sx(sx), what, KSI_SITE());
}

struct thread *(sx_xholder)(const struct sx *sx)
{
    if (!ksi_named_alive(of_sx(sx), KSI_NAMED_SX, "sx_xholder", KSI_SITE()))
        return NULL;
    return (struct thread *)(void *)ksi_thread_of(ksi_rw_owner(ksi_load(&sx->sx_lock)));
}

int(sx_xlocked)(const struct sx *sx)
{
    if (!ksi_named_alive(of_sx(sx), KSI_NAMED_SX, "sx_xlocked", KSI_SITE()))
        return 0;
    return ksi_named_mine(of_sx(sx), ksi_self());
}

int(sx_has_waiters)(const struct sx *sx)
{
    if (!ksi_named_alive(of_sx(sx), KSI_NAMED_SX, "sx_has_waiters", KSI_SITE()))
        return 0;
    return (ksi_load(&sx->sx_lock) & KSI_QUEUED) != 0;
}

/* --- before main, and when an object is unloaded -------------------------- */

void(sx_sysinit)(void *args)
{
    const struct sx_args *a = args;
    ksi_sx_init(of_sx(a->sa_sx), a->sa_desc, (unsigned)a->sa_flags, KSI_SITE());
}

void ksl_freebsd_sx_sysuninit(struct sx *sx)
{
    if (!ksi_process_exiting())
        ksi_sx_destroy(of_sx(sx), KSI_SITE());
}

void(mtx_sysinit)(void *args)
{
    const struct mtx_args *a = args;
    ksi_mtx_init(of_mtx(a->ma_mtx), a->ma_desc, (unsigned)a->ma_opts, KSI_SITE());
}

void ksl_freebsd_mtx_sysuninit(struct mtx *m)
{
    if (!ksi_process_exiting())
        ksi_mtx_destroy(of_mtx(m), KSI_SITE());
}
