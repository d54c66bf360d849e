/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_TIMEOUT_H
#define KSLOCK_EVL_TIMEOUT_H

#include <kslock/base.h>

#include <stdint.h>

/* Nanoseconds. Dates are of CLOCK_MONOTONIC. */
typedef int64_t ktime_t;

#define KTIME_MAX INT64_MAX

#define EVL_INFINITE KSL_CAST(ktime_t, 0) /* of a relative time: no end */
#define EVL_NONBLOCK KTIME_MAX            /* do not wait: -EAGAIN */

enum evl_tmode { EVL_REL = 0, EVL_ABS = 1 };

#endif
