/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_LOCK_ALLOC_H
#define KSLOCK_AIX_SYS_LOCK_ALLOC_H

#include <sys/types.h>

#include <kslock/base.h>

KSL_BEGIN_DECLS

/* flags of lock_alloc: memory for instrumentation that may be paged out, or not */
#define LOCK_ALLOC_PIN 0x1
#define LOCK_ALLOC_PAGED 0x2

/*
 * Names the lock at lock_addr in messages: its class, and its number there, -1 if the
 * class has only one. Several locks may have the same. Not needed by the lock
 * itself. flags change nothing. Called again for an address: the later name counts.
 * Context: thread. Violations: `irq-sleep` in a handler; `bad-argument` for NULL.
 */
KSL_API void lock_alloc(void *lock_addr, int flags, short lock_class, short occurrence)
    KSL_SYMBOL(ksl_aix_lock_alloc);

/*
 * Forgets that name; to be called before the memory of the lock goes. The lock may be
 * initialised any number of times in between. An address without a name is left alone.
 * Context: thread. Violations: `irq-sleep` in a handler; `bad-argument` for NULL.
 */
KSL_API void lock_free(void *lock_addr) KSL_SYMBOL(ksl_aix_lock_free);

KSL_END_DECLS

#endif
