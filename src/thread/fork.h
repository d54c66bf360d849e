/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_FORK_H
#define KSI_THREAD_FORK_H

/* Installs what makes the library usable in a child of fork. */
void ksi_fork_watch(void);

#endif
