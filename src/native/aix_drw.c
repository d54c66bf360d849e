/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: documented names of disabled read-write locks -> lock/drw.c. */

#include "lock/aix.h"

#include <sys/lock_def.h>

static bool null_drw(const Drw_lock *l, const char *call, const void *site)
{
    return ksi_owner_refuse_null(l, KSI_DRW, call, site);
}

void drw_lock_init(drw_lock_t l)
{
    if (!null_drw(l, "drw_lock_init", KSI_SITE()))
        ksi_drw_init(&l->ksl_word, KSI_SITE());
}

void drw_lock_free(drw_lock_t l)
{
    if (null_drw(l, "drw_lock_free", KSI_SITE()))
        return;
    if (!ksi_drw_held(&l->ksl_word)) {
        ksi_watch_end(&l->ksl_word);
        return;
    }
    struct ksi_misuse m = {KSI_DESTROY_HELD_RULE,      KSI_DRW, l, KSI_SITE(),
                           ksi_owner_of(&l->ksl_word), false};
    ksi_violate(&m, "drw_lock_free of a lock that is held");
}

void drw_lock_read(drw_lock_t l)
{
    if (!null_drw(l, "drw_lock_read", KSI_SITE()))
        ksi_drw_read(&l->ksl_word, KSI_SITE());
}

void drw_lock_write(drw_lock_t l)
{
    if (!null_drw(l, "drw_lock_write", KSI_SITE()))
        (void)ksi_drw_write(&l->ksl_word, false, KSI_SITE());
}

boolean_t drw_lock_try_write(drw_lock_t l)
{
    return !null_drw(l, "drw_lock_try_write", KSI_SITE()) &&
           ksi_drw_write(&l->ksl_word, true, KSI_SITE());
}

void drw_lock_done(drw_lock_t l)
{
    if (!null_drw(l, "drw_lock_done", KSI_SITE()))
        ksi_drw_done(&l->ksl_word, KSI_SITE());
}

boolean_t drw_lock_read_to_write(drw_lock_t l)
{
    return !null_drw(l, "drw_lock_read_to_write", KSI_SITE()) &&
           ksi_drw_upgrade(&l->ksl_word, true, KSI_SITE());
}

boolean_t drw_lock_try_read_to_write(drw_lock_t l)
{
    return !null_drw(l, "drw_lock_try_read_to_write", KSI_SITE()) &&
           ksi_drw_upgrade(&l->ksl_word, false, KSI_SITE());
}

void drw_lock_write_to_read(drw_lock_t l)
{
    if (!null_drw(l, "drw_lock_write_to_read", KSI_SITE()))
        ksi_drw_downgrade(&l->ksl_word, KSI_SITE());
}

boolean_t drw_lock_islocked(drw_lock_t l)
{
    return !null_drw(l, "drw_lock_islocked", KSI_SITE()) && ksi_drw_held(&l->ksl_word);
}
