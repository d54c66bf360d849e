/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_AGAIN_H
#define TESTS_AGAIN_H

/*
 * Replaces the process by this program again; words: its name, the arguments, NULL. Where
 * an emulator of user programs runs it (KSLOCK_TEST_EMULATOR), so it does again. Returns
 * if that failed.
 */
void support_exec(const char *const words[]);

#endif
