/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_PROFILE_H
#define KSLOCK_STANIX_PROFILE_H

/*
 * Which generation of the Stanix interface the sources were written for:
 *   1  that of February 2026: spinlocks mask interrupts, blocking is
 *      interruptible; the default
 *   3  that of August 2026: spinlocks disable preemption, interruptible calls say so
 */
#ifndef KSL_STANIX_PROFILE
#define KSL_STANIX_PROFILE 1
#endif

#if KSL_STANIX_PROFILE != 1 && KSL_STANIX_PROFILE != 3
#error "KSL_STANIX_PROFILE must be 1 or 3"
#endif

#endif
