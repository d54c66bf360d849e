/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_RT_H
#define KSI_THREAD_RT_H

#include "thread/thread.h"

/*
 * With KSL_RT=1 in the environment: gives t the real scheduling priority that
 * fits its effective one, SCHED_FIFO for 1..99 and SCHED_OTHER for 0, where the
 * process may. A refusal is not an error: simulated priorities do not need it.
 */
void ksi_rt_mirror(ksl_thread *t);

#endif
