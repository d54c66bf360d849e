/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_KERNEL_H
#define KSLOCK_FREEBSD_SYS_KERNEL_H

#include <kslock/base.h>

/* They have members named tick: before the macros. */
#include <sys/timex.h>
#include <time.h>

KSL_BEGIN_DECLS

/* Ticks in a second, 1000; a program may change it. Read at each call that takes ticks.
 */
extern KSL_API int hz KSL_SYMBOL(ksl_freebsd_hz);

/*
 * Microseconds of a tick, and ticks since the library was loaded. Macros; a
 * program whose own members have these names undefines them.
 */
KSL_API int ksl_freebsd_tick(void);
KSL_API int ksl_freebsd_ticks(void);
#define tick (ksl_freebsd_tick())
#define ticks (ksl_freebsd_ticks())

KSL_END_DECLS

#endif
