/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_LOCK_H
#define KSLOCK_AIX_SYS_LOCK_H

/* All kinds of locks. */

#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

#endif
