/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: names of locks. */

#include "diag/classes.h"
#include "lock/lock.h"

#include <sys/lock_alloc.h>

static bool check(const void *lock, const char *call, const void *site)
{
    if (ksi_refuse_in_handler(ksi_self(), call, KSI_NO_KIND, NULL, site))
        return false;
    if (lock != NULL)
        return true;
    struct ksi_misuse m = {.rule = KSI_BAD_ARGUMENT_RULE, .site = site};
    ksi_violate(&m, "%s: NULL lock", call);
    return false;
}

void lock_alloc(void *lock_addr, int flags, short lock_class, short occurrence)
{
    (void)flags;
    if (!check(lock_addr, "lock_alloc", KSI_SITE()))
        return;
    ksi_class_set(lock_addr, (struct ksi_class){lock_class, occurrence});
    ksi_watch_end(lock_addr);
}

void lock_free(void *lock_addr)
{
    if (!check(lock_addr, "lock_free", KSI_SITE()))
        return;
    ksi_class_drop(lock_addr);
    ksi_watch_end(lock_addr);
}
