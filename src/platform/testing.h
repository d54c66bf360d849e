/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_TESTING_H
#define KSI_PLATFORM_TESTING_H

/*
 * What only the test build (KSI_TESTING) contains: points where a test may
 * delay or interrupt a slow path, and planted faults that the suite must
 * kill. In the normal build both vanish. A hook may call what may be called in any
 * context, but only while ksi_raw_held is 0: a point may be reached with a raw lock
 * held, if only by a real signal that interrupts the holder.
 *
 * KSI_DELAY_POINT is for places where no handler can come, because real signals are
 * blocked or the thread has no descriptor, and for those that a real signal may reach in
 * the midst of a masked section: there a test can make the thread late, and no more. It
 * counts as a raw lock.
 */
#include <stdbool.h>

#if defined(KSI_TESTING) && KSI_TESTING

enum ksi_fault {
    KSI_FAULT_NONE,
#define FAULT(name, what) KSI_FAULT_##name,
#include "platform/faults.def"
#undef FAULT
    KSI_FAULT_COUNT
};

extern int ksi_fault_planted;     /* one of enum ksi_fault */
extern int ksi_lacks_membarrier;  /* set in a constructor(101) */
extern int ksi_spin_cap;          /* most pauses before a sleep, -1: as learned */
extern __thread int ksi_raw_held; /* raw locks that the thread holds or waits for */
extern void (*ksi_point_hook)(const char *where); /* NULL: nothing happens */

void ksi_point(const char *where);
void ksi_delay_point(const char *where);
bool ksi_long_way(void);
const char *ksi_fault_name(int fault);

#define KSI_FAULT(name)                                                                  \
    (__atomic_load_n(&ksi_fault_planted, __ATOMIC_RELAXED) == (int)KSI_FAULT_##name)
#define KSI_POINT(where) ksi_point(where)
#define KSI_DELAY_POINT(where) ksi_delay_point(where)
/* For calls with a fast way that has no points: half of them take the other one. */
#define KSI_LONG_WAY() ksi_long_way()
#define KSI_RAW_COUNT(n) (ksi_raw_held += (n))
#define KSI_SPIN_CAP() __atomic_load_n(&ksi_spin_cap, __ATOMIC_RELAXED)
#define KSI_LACKS_MEMBARRIER() (ksi_lacks_membarrier != 0)

#else

#define KSI_FAULT(name) 0
#define KSI_POINT(where) ((void)0)
#define KSI_DELAY_POINT(where) ((void)0)
#define KSI_LONG_WAY() false
#define KSI_RAW_COUNT(n) ((void)0)
#define KSI_SPIN_CAP() (-1)
#define KSI_LACKS_MEMBARRIER() false

#endif

#endif
