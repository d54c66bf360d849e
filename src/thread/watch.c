/* SPDX-License-Identifier: BSD-2-Clause */
#include "thread/watch.h"

#include "platform/testing.h"
#include "thread/registry.h"

uint32_t ksi_watched;

/*
 * A thread stores its owner word, then looks here; who watches sets the mark, then
 * clears the words. So the later one of the two sees the earlier one's store, and the
 * word ends as 0.
 */
void ksi_watch_threads(void)
{
    ksi_store_seq(&ksi_watched, 1u);
    KSI_DELAY_POINT("watch: begin");
    ksi_registry_clear_owners();
}

void ksi_watch_show_owner(const ksl_thread *t)
{
    if (t->handlers > 0 || t->crowded)
        return; /* still in an outer handler; or it is 0 for the thread itself */
    ksi_xchg(&ksl_tls.owner, (uintptr_t)t);
    KSI_DELAY_POINT("watch: shown");
    if (ksi_load_seq(&ksi_watched) != 0)
        ksi_store(&ksl_tls.owner, (uintptr_t)0);
}
