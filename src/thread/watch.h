/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_WATCH_H
#define KSI_THREAD_WATCH_H

#include "thread/thread.h"

/*
 * While threads are watched, all owner words (ksl_tls) are 0, so every fast path that
 * reads one goes the slow way. A fast path reads it once; one that has read it before
 * ends as it began.
 */

extern uint32_t ksi_watched; /* atomic: threads are watched */

/* From now on threads are watched, those that exist already too. Context: thread. */
void ksi_watch_threads(void);

/* The only store of an owner word but 0: by its thread t, also at the end of a handler.
 */
void ksi_watch_show_owner(const ksl_thread *t);

#endif
