/* SPDX-License-Identifier: BSD-2-Clause */

#include <kslock/kslock.h>

int main(void)
{
    ksl_mutex_t mutex = KSL_MUTEX_INIT;
    if (ksl_mutex_acquire(&mutex) != 0)
        return 1;
    ksl_mutex_release(&mutex);
    return ksl_stage_current() == KSL_STAGE_INBAND && ksl_violation_count() == 0 ? 0 : 1;
}
