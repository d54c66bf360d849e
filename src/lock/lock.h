/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_LOCK_H
#define KSI_LOCK_LOCK_H

#include "diag/hooks.h"
#include "diag/violation.h"
#include "thread/irq.h"
#include "thread/thread.h"

#include <errno.h>

/* What the rooms of this floor share. */

/* True, after an `irq-sleep` violation, if the caller runs a handler. */
static inline bool ksi_refuse_in_handler(ksl_thread *t, const char *call,
                                         enum ksi_kind kind, const void *lock,
                                         const void *site)
{
    if (KSI_LIKELY(t->handlers == 0))
        return false;
    struct ksi_misuse m = {KSI_IRQ_SLEEP_RULE, kind, lock, site, NULL, false};
    ksi_violate(&m, "%s in an interrupt handler", call);
    return true;
}

/* Release or the like of a lock that owner holds, NULL: nobody. */
static inline void ksi_refuse_release(const char *call, enum ksi_kind kind,
                                      const void *lock, const ksl_thread *owner,
                                      const void *site)
{
    struct ksi_misuse m = {owner == NULL ? KSI_NOT_LOCKED_RULE : KSI_NOT_OWNER_RULE,
                           kind,
                           lock,
                           site,
                           owner,
                           false};
    ksi_violate(
        &m, owner == NULL ? "%s of a free lock" : "%s by a thread that is not the owner",
        call);
}

#endif
