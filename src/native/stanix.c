/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stanix: its names are asm labels and inline functions over the core locks,
 * see include/kslock/native/stanix. What has no core twin is here.
 */

#include "thread/thread.h"

#include <kernel/asm.h>

/* IF of the flags register, which Stanix callers get from have_interrupt. */
enum { FLAGS_IF = 0x200 };

KSL_API int have_interrupt(void)
{
    return ksi_load(&ksi_self()->front.level) == 0 ? FLAGS_IF : 0;
}
