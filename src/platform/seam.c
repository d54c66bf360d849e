/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/park.h"

#include "platform/atomic.h"
#include "platform/compiler.h"

#include <errno.h>
#include <time.h>

uint64_t ksi_host_now(void)
{
    int saved = errno;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    errno = saved;
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/*
 * A race detector keeps asynchronous signals back until an intercepted call
 * returns, so a thread asleep in a futex would never take them: under one the
 * sleep is cut into slices, with a call that lets the signals in between.
 */
extern void __tsan_init(void) __attribute__((weak));

static enum ksi_park_result park(struct ksi_parker *p, uint64_t deadline)
{
    if (KSI_LIKELY(__tsan_init == NULL))
        return ksi_host_park(p, deadline);
    uint64_t slice = ksi_host_now() + 5000000;
    enum ksi_park_result result = ksi_host_park(p, deadline < slice ? deadline : slice);
    ksi_host_now();
    return result == KSI_PARK_TIMEOUT && slice < deadline ? KSI_PARK_RETRY : result;
}

#if defined(KSI_TESTING) && KSI_TESTING

struct ksi_seam ksi_seam;

enum ksi_park_result ksi_park(struct ksi_parker *p, uint64_t deadline)
{
    if (ksi_seam.park != NULL)
        return ksi_seam.park(p, deadline);
    return park(p, deadline);
}

void ksi_unpark(struct ksi_parker *p)
{
    if (ksi_seam.unpark != NULL)
        ksi_seam.unpark(p);
    else
        ksi_host_unpark(p);
}

uint64_t ksi_now(void)
{
    return ksi_seam.now != NULL ? ksi_seam.now() : ksi_host_now();
}

#else

enum ksi_park_result ksi_park(struct ksi_parker *p, uint64_t deadline)
{
    return park(p, deadline);
}

void ksi_unpark(struct ksi_parker *p)
{
    ksi_host_unpark(p);
}

uint64_t ksi_now(void)
{
    return ksi_host_now();
}

#endif
