/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_REGISTRY_H
#define KSI_THREAD_REGISTRY_H

#include "thread/thread.h"

/*
 * All registered threads. Readers walk it between ksi_registry_read_lock and
 * _unlock (liburcu, callable in handlers of registered threads) and never wait
 * in between. A descriptor that leaves is used again only after a grace
 * period and after many others, so that a late caller with an old pointer
 * finds it dead.
 */

void ksi_registry_know(void); /* before the first one of a thread */
void ksi_registry_read_lock(void);
void ksi_registry_read_unlock(void);

/* Waits until every reader that runs now has left. Not for handlers. */
void ksi_registry_wait_readers(void);

/*
 * First registered thread, next one; NULL at the end. Who only looks at descriptors, and
 * leaves nothing in them, may walk without being a reader: they are never given back, and
 * the next one of one that has left is still a way to all that stay; of one that has been
 * entered again meanwhile it is the way from the beginning.
 */
ksl_thread *ksi_registry_first(void);
ksl_thread *ksi_registry_next(const ksl_thread *t);

/* A descriptor for the caller, with id and waiters set; dies without memory. */
ksl_thread *ksi_registry_take(void);

/* Enters a filled descriptor; readers see it from now on. */
void ksi_registry_enter(ksl_thread *t);

/*
 * t turned out to have exited without leaving: its first call came too late in
 * its exit. Callable by readers. It is taken out at a later registration.
 */
void ksi_registry_bury(ksl_thread *t);

/* Takes it out. keep: some lock may name it, never use it again. */
void ksi_registry_leave(ksl_thread *t, bool keep);

/*
 * Descriptors that exist, alive or not: ids 1 to this. They never go, so whoever must
 * not wait for anything walks them by ksi_thread_by_id.
 */
uint32_t ksi_registry_allocated(void);

/* The owner word of every registered thread is 0 when this returns; see watch.h. */
void ksi_registry_clear_owners(void);

/* Around fork: the child keeps self alone; all others are dead and kept. */
void ksi_registry_before_fork(void);
void ksi_registry_after_fork_parent(void);
void ksi_registry_after_fork_child(ksl_thread *self);

#endif
