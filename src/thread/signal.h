/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_SIGNAL_H
#define KSI_THREAD_SIGNAL_H

#include "thread/thread.h"

/* The simulated signal that is delivered to t next; 0 if none. */
int ksi_signal_next(const ksl_thread *t);

/* A valid signal number that is dropped when posted? */
bool ksi_signal_ignored(int signo);

/* Does the action of signo ask for ERESTART? */
bool ksi_signal_restarts(int signo);

#endif
