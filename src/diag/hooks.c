/* SPDX-License-Identifier: BSD-2-Clause */
/* The door: who is told what. */

#include "diag/hooks.h"

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

void ksi_hook_before(enum ksi_kind kind, const volatile void *lock, enum ksi_mode mode,
                     const void *site)
{
    if (ksi_order_on())
        ksi_order_before(kind, plain(lock), site);
    tell(KSI_EV_BEFORE, kind, lock, mode, site);
}

void ksi_hook_taken(enum ksi_kind kind, const volatile void *lock, enum ksi_mode mode,
                    const void *site)
{
    tell(KSI_EV_TAKEN, kind, lock, mode, site);
    if (ksi_order_on())
        ksi_order_taken(kind, plain(lock), site);
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
    tell(KSI_EV_GIVEN, kind, lock, mode, NULL);
}

void ksi_hook_turned(const void *lock, enum ksi_mode mode)
{
    tell(KSI_EV_TURNED, KSI_NO_KIND, lock, mode, NULL);
}

void ksi_hook_told(enum ksi_event_type type, enum ksi_kind kind, const void *lock,
                   const void *site)
{
    tell(type, kind, lock, KSI_SHARED, site);
}
