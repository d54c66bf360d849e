/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_LAST_WORDS_H
#define KSI_DIAG_LAST_WORDS_H

/*
 * From now on what is written at exit is written by quick_exit, too, and when one of the
 * signals that end a program does so: those that have no handler yet get one. If the
 * program installs its own, that is what counts. One thread writes, whatever else ends the
 * process meanwhile. Once; real signals may come.
 */
void ksi_last_words_enable(void);

#endif
