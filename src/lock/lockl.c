/* SPDX-License-Identifier: BSD-2-Clause */
/* lockl locks of AIX (T1 to T12). The word is that of lock/rw.h without shares. */

#include "lock/aix.h"

#include "platform/testing.h"
#include "thread/irq.h"

static const struct ksi_rw_class class = {KSI_LOCKL, 0,    KSL_FAMILY(KSI_FAMILY_LOCKL),
                                          true,      true, true};

static uint32_t nested; /* of the planted fault */

bool ksi_lockl_mine(const ksi_word *word)
{
    return ksi_owner_is(word, ksi_self());
}

int ksi_lockl(ksi_word *word, int flags, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "lockl", KSI_LOCKL, (const void *)(uintptr_t)word, site))
        return KSI_LOCKL_FAIL;
    bool signals = (flags & (KSI_LOCKL_SIGRET | KSI_LOCKL_SIGWAKE)) != 0;
    unsigned how = KSI_RW_STAY | (signals ? KSI_RW_SIGNALS : 0);
    int error;
    do {
        if (ksi_owner_is(word, t)) {
            if (KSI_FAULT(LOCKL_COUNTS))
                ksi_fetch_add(&nested, 1u);
            ksi_watch_again(KSI_LOCKL, word, KSI_EXCLUSIVE, site);
            return KSI_LOCKL_NEST;
        }
        if ((flags & KSI_LOCKL_NDELAY) == 0) {
            ksi_watch_before(KSI_LOCKL, word, KSI_EXCLUSIVE, site);
            error = ksi_rw_own(&class, word, t, how, site);
        } else if (ksi_rw_try_own(&class, word, t, site)) {
            error = 0;
            if (ksi_order_on())
                ksi_order_kernel_lock((const void *)(uintptr_t)word, site);
        } else {
            (void)ksi_watch_tried(false, KSI_LOCKL, word, KSI_EXCLUSIVE, site);
            return KSI_LOCKL_FAIL;
        }
    } while (error == -EDEADLK); /* a handler has it taken meanwhile */
    if (error == 0)
        ksi_watch_taken(KSI_LOCKL, word, KSI_EXCLUSIVE, site);
    if (error == -EINVAL)
        return KSI_LOCKL_FAIL;
    return error == 0 ? KSI_LOCKL_SUCC : KSI_LOCKL_SIG;
}

void ksi_unlockl(ksi_word *word, const void *site)
{
    if (KSI_FAULT(LOCKL_COUNTS) && ksi_load(&nested) > 0)
        ksi_fetch_sub(&nested, 1u);
    else
        (void)ksi_owner_unlock(&class, word, "unlockl", site);
}
