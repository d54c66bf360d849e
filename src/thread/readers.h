/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_READERS_H
#define KSI_THREAD_READERS_H

#include "platform/rawlock.h"

/* Between readers.c and registry.c; what others use is in registry.h. */

/* Of the list of threads. They hold it with real signals blocked. */
extern struct ksi_rawlock ksi_registry_lock __attribute__((visibility("hidden")));

/* Around fork: of the readers the child keeps none. */
void ksi_readers_before_fork(void);
void ksi_readers_after_fork_parent(void);
void ksi_readers_after_fork_child(void);

#endif
