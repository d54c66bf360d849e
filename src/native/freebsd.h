/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_NATIVE_FREEBSD_H
#define KSI_NATIVE_FREEBSD_H

#include "lock/channel.h"
#include "lock/mtx.h"
#include "lock/sx.h"

#include <sys/mutex.h>
#include <sys/sx.h>

/* Between the documented types and those of the locks. */

static inline struct ksi_named *of_sx(const struct sx *sx)
{
    return (struct ksi_named *)(uintptr_t)sx;
}

static inline struct ksi_named *of_mtx(const struct mtx *m)
{
    return (struct ksi_named *)(uintptr_t)m;
}

static inline const void *at(const struct ksl_place *place)
{
    return ksi_flip_place(place);
}

#endif
