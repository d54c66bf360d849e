/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_WINDOW_H
#define KSI_THREAD_WINDOW_H

/*
 * A real signal has interrupted the thread of this context (of sigaction(2)). If that
 * was inside ksl_word_release, between its look and its store, it will look again.
 */
void ksi_window_rewind(void *context);

#endif
