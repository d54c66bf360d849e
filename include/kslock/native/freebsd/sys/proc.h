/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_PROC_H
#define KSLOCK_FREEBSD_SYS_PROC_H

#include <kslock/thread.h>

/*
 * A thread. The address is that of the core's thread (<kslock/thread.h>) and
 * may be given to its calls after a cast.
 */
struct thread;

/* The calling thread, never NULL. Context: any. */
#define curthread KSL_CAST(struct thread *, KSL_CAST(void *, ksl_thread_self()))

#endif
