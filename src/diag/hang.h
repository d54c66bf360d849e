/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_HANG_H
#define KSI_DIAG_HANG_H

#include <stdbool.h>

/*
 * Starts the thread that looks for waits that take long, unless it runs, and takes over
 * SIGQUIT if nobody has. False if there is no thread to be had.
 */
bool ksi_hang_start(void);

/* In a child of fork: the thread has stayed behind; starts one if there was one. */
void ksi_hang_after_fork(void);

#endif
