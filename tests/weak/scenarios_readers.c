/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Readers of the registry whom liburcu does not know, and who waits for them, on a host
 * without membarrier. The shipped file, under other names: the registry of the other
 * scenarios never changes, and needs no readers.
 */

#define ksi_registry_read_lock weak_read_lock
#define ksi_registry_read_unlock weak_read_unlock
#define ksi_registry_wait_readers weak_wait_readers

#include "thread/readers.c" // NOLINT: see above

#include "scenarios.h"

struct ksi_rawlock ksi_registry_lock;

#if defined(CONFIG_RCU_TLS)
__thread struct urcu_bp_reader *urcu_bp_reader;
#endif

/* All readers are strangers, so it has nobody to wait for, and no barrier. */
void urcu_bp_synchronize_rcu(void)
{
}

bool ksi_heavy_began(void)
{
    return false;
}

uint32_t *weak_sections(void)
{
    return &outside;
}

static uint32_t gone;

void readers_setup(void)
{
    weak_without_barrier();
    gone = 0;
    strangers = 0;
    weak_shared = 0;
}

void readers_read(void)
{
    ksi_registry_read_lock();
    if (ksi_load_acq(&gone) == 0)
        weak_look();
    ksi_registry_read_unlock();
}

/* Takes it away, and changes it when nobody reads it any more. */
void readers_change(void)
{
    ksi_store_seq(&gone, 1u);
    ksi_registry_wait_readers();
    weak_change();
}

void readers_finish(void)
{
    WEAK_CHECK(weak_shared == 1 && strangers == 0);
}
