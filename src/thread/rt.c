/* SPDX-License-Identifier: BSD-2-Clause */
#include "thread/rt.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static bool wanted(void)
{
    enum { UNKNOWN, NO, YES };
    static int known = UNKNOWN;
    int state = ksi_load(&known);
    if (KSI_UNLIKELY(state == UNKNOWN)) {
        const char *value = getenv("KSL_RT");
        state = value != NULL && strcmp(value, "1") == 0 ? YES : NO;
        ksi_store(&known, state);
    }
    return state == YES;
}

void ksi_rt_mirror(ksl_thread *t)
{
    if (!wanted())
        return;
    int saved = errno;
    int urgency;
    do { /* others may do the same with an older value meanwhile */
        urgency = ksi_thread_urgency(t);
        struct sched_param param = {.sched_priority = urgency};
        sched_setscheduler(ksi_load(&t->tid), urgency > 0 ? SCHED_FIFO : SCHED_OTHER,
                           &param);
    } while (ksi_thread_urgency(t) != urgency);
    errno = saved;
}
