/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_NATIVE_AIX_JUMP_H
#define KSI_NATIVE_AIX_JUMP_H

/*
 * longjmpx(val) on behalf of call: also for waits that a signal ends with *_SIGWAKE. The
 * caller holds no lock of the library. Returns only if there is no context to go
 * to, after the violation: -EPERM.
 */
int ksi_aix_jump(int val, const char *call, const void *site);

#endif
