/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_COPIES_H
#define KSI_THREAD_COPIES_H

/*
 * A process may come to have two copies of the library: one by dlmopen, or one linked
 * statically beside the shared one. Each knows its own threads and its own sleepers only;
 * a lock that both use fails, and says nothing. So each copy leaves a mark that all of
 * the process sees, and the one that finds another's says so, once, on stderr.
 *
 * Called once, before the dispatcher has its signal. Both may change errno, which the
 * caller keeps.
 */
void ksi_copies_mark(void);

/* After the dispatcher has its signal: looks for others, if any signal suggests it. */
void ksi_copies_look(void);

#endif
