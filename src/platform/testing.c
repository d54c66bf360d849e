/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/testing.h"

#if defined(KSI_TESTING) && KSI_TESTING

#include <stddef.h>

int ksi_fault_planted;
int ksi_lacks_membarrier;
int ksi_spin_cap = -1;
__thread int ksi_raw_held;
void (*ksi_point_hook)(const char *where);

void ksi_point(const char *where)
{
    void (*hook)(const char *) = __atomic_load_n(&ksi_point_hook, __ATOMIC_ACQUIRE);
    if (hook != NULL)
        hook(where);
}

void ksi_delay_point(const char *where)
{
    ksi_raw_held++;
    ksi_point(where);
    ksi_raw_held--;
}

bool ksi_long_way(void)
{
    static __thread unsigned calls;
    return __atomic_load_n(&ksi_point_hook, __ATOMIC_RELAXED) != NULL && calls++ % 2 != 0;
}

const char *ksi_fault_name(int fault)
{
    static const char *const names[] = {
        "none",
#define FAULT(name, what) #name,
#include "platform/faults.def"
#undef FAULT
    };
    return fault >= 0 && fault < KSI_FAULT_COUNT ? names[fault] : "unknown";
}

#else

/* A translation unit may not be empty. */
typedef int ksi_testing_is_off;

#endif
