/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS__SX_H
#define KSLOCK_FREEBSD_SYS__SX_H

#include <sys/_lock.h>

#include <stdint.h>

/* Shared/exclusive lock. Not valid when zero-filled: sx_init or SX_SYSINIT first. */
struct sx {
    struct lock_object lock_object;
    volatile uintptr_t sx_lock; /* see src/lock/rw.h */
};

#endif
