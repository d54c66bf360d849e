/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/rawlock.h"

#include "platform/host.h"
#include "platform/park.h"

void ksi_raw_lock_slow(struct ksi_rawlock *l)
{
    unsigned spins = ksi_cpu_count() > 1 ? 100 : 0;
    for (unsigned i = 0; i < spins; i++) {
        uint32_t seen = 0;
        if (ksi_load(&l->word) == 0 && ksi_cas_acq(&l->word, &seen, 1u))
            return;
        ksi_pause();
    }
    if (KSI_FAULT(RAW_SLEEPS_UNMARKED)) {
        for (uint32_t seen = 0; !ksi_cas_acq(&l->word, &seen, 1u); seen = 0)
            ksi_word_wait(&l->word, 1);
        return;
    }
    KSI_POINT("raw: sleep");
    while (__atomic_exchange_n(&l->word, 2u, __ATOMIC_ACQUIRE) != 0)
        ksi_word_wait(&l->word, 2);
    if (KSI_FAULT(RAW_MARK_LOST))
        ksi_store(&l->word, 1u);
}

void ksi_raw_unlock_slow(struct ksi_rawlock *l)
{
    ksi_word_wake(&l->word);
}
