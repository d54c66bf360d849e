/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_EXITING_H
#define KSI_THREAD_EXITING_H

#include <stdbool.h>

/*
 * Destructors of objects run when the process exits and when an object is unloaded;
 * this tells which. ksi_watch_exit is called where the program surely runs already.
 */
bool ksi_process_exiting(void);
void ksi_watch_exit(void);

#endif
