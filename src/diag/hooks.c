/* SPDX-License-Identifier: BSD-2-Clause */
/* The door: who is told what. */

#include "diag/hooks.h"

#include "diag/stats.h"

static const void *plain(const volatile void *lock)
{
    return (const void *)(uintptr_t)lock;
}

static void tell(enum ksi_event_type type, enum ksi_kind kind, const volatile void *lock,
                 enum ksi_mode mode, const void *site)
{
    if (ksi_telling())
        ksi_tell(ksi_self(), (struct ksi_event){.type = type,
                                                .kind = kind,
                                                .mode = mode,
                                                .lock = plain(lock),
                                                .site = site});
}

/* Nobody is told but `stats`, which takes the most frequent events without a struct. */
static inline bool only_stats(uint32_t diag)
{
    return (diag & KSI_DIAG_TOLD) == KSI_DIAG_STATS;
}

void ksi_hook_before(enum ksi_kind kind, const volatile void *lock, enum ksi_mode mode,
                     const void *site)
{
    uint32_t diag = ksi_load_acq(&ksi_diag);
    ksl_thread *t = ksi_self();
    if ((diag & KSI_DIAG_ORDER) != 0 && !ksi_order_quiet(t, kind, plain(lock)))
        ksi_order_before(kind, plain(lock), site);
    if (only_stats(diag))
        ksi_stats_before(t, kind, plain(lock), site);
    else if ((diag & KSI_DIAG_TOLD) != 0)
        tell(KSI_EV_BEFORE, kind, lock, mode, site);
}

void ksi_hook_taken(enum ksi_kind kind, const volatile void *lock, enum ksi_mode mode,
                    const void *site)
{
    uint32_t diag = ksi_load_acq(&ksi_diag);
    if (only_stats(diag))
        ksi_stats_taken(ksi_self(), kind, mode, plain(lock), site, KSI_STATS_BY_CALL);
    else if ((diag & KSI_DIAG_TOLD) != 0)
        tell(KSI_EV_TAKEN, kind, lock, mode, site);
    if ((diag & KSI_DIAG_ORDER) != 0)
        ksi_order_taken(kind, plain(lock), site);
}

void ksi_hook_pushed(ksl_thread *t, uint32_t diag, uint32_t what, const void *lock,
                     const void *site, bool tried)
{
    enum ksi_kind kind = (enum ksi_kind)(what & 0xff);
    enum ksi_mode mode = (enum ksi_mode)(what >> 8 & 0xff);
    if (only_stats(diag))
        ksi_stats_taken(t, kind, mode, lock, site,
                        tried ? KSI_STATS_BY_TRY : KSI_STATS_BY_CALL);
    else if ((diag & KSI_DIAG_TOLD) != 0)
        ksi_tell(t, (struct ksi_event){.type = KSI_EV_TAKEN,
                                       .kind = kind,
                                       .mode = mode,
                                       .lock = lock,
                                       .site = site,
                                       .arg = tried});
    if ((diag & KSI_DIAG_ORDER) != 0)
        ksi_order_pushed(kind, lock, site, tried);
}

bool ksi_quick_before_order(ksl_thread *t, enum ksi_kind kind, const void *lock)
{
    uint32_t diag = ksi_load_acq(&ksi_diag);
    return t->handlers == 0 && (diag & (KSI_DIAG_TRACE | KSI_DIAG_ANNOTATE)) == 0 &&
           ((diag & KSI_DIAG_ORDER) == 0 || ksi_order_quiet(t, kind, lock));
}

void ksi_hook_begin(enum ksi_kind kind, const volatile void *lock, const void *site)
{
    /* Classes are for all who watch. */
    ksi_order_begin(kind, plain(lock), site);
    tell(KSI_EV_BEGINS, kind, lock, KSI_EXCLUSIVE, site);
}

void ksi_hook_end(const volatile void *lock)
{
    tell(KSI_EV_ENDS, KSI_NO_KIND, lock, KSI_EXCLUSIVE, NULL);
    ksi_order_end(plain(lock));
}

void ksi_hook_again(enum ksi_kind kind, const volatile void *lock, enum ksi_mode mode,
                    const void *site)
{
    tell(KSI_EV_AGAIN, kind, lock, mode, site);
}

void ksi_hook_tried(bool in, enum ksi_kind kind, const volatile void *lock,
                    enum ksi_mode mode, const void *site)
{
    if (in)
        ksi_hook_taken(kind, lock, mode, site);
    else
        tell(KSI_EV_BUSY, kind, lock, mode, site);
}

void ksi_hook_given(enum ksi_kind kind, const void *lock, enum ksi_mode mode)
{
    if (only_stats(ksi_load_acq(&ksi_diag)))
        ksi_stats_given(ksi_self(), kind, lock);
    else
        tell(KSI_EV_GIVEN, kind, lock, mode, NULL);
}

void ksi_hook_turned(const void *lock, enum ksi_mode mode)
{
    tell(KSI_EV_TURNED, KSI_NO_KIND, lock, mode, NULL);
}

void ksi_hook_told(enum ksi_event_type type, enum ksi_kind kind, const void *lock,
                   const void *site)
{
    if (type == KSI_EV_TAKEN && only_stats(ksi_load_acq(&ksi_diag)))
        ksi_stats_taken(ksi_self(), kind, KSI_SHARED, lock, site, KSI_STATS_BY_CALL);
    else
        tell(type, kind, lock, KSI_SHARED, site);
}
