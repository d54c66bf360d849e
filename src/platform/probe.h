/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_PROBE_H
#define KSI_PLATFORM_PROBE_H

#include <stdint.h>

/*
 * Static probes (USDT) for perf, bpftrace and systemtap, if <sys/sdt.h> was there at build
 * time: one instruction that does nothing, on slow paths only. Provider kslock:
 *
 *   sleep__begin(address)            the caller parks; a lock, the word of one, a channel
 *   sleep__end(address, outcome)     enum ksi_outcome
 *   wake(address, tid)               tid waits there and is woken
 *   bias__withdrawn(address, ns)     reader slots of a lock, a stax
 *   irq__begin(irq), irq__end(irq)   a simulated interrupt runs on the caller
 *   violation(rule, address)         rule is text
 *
 * Uses follow kslock:NAME; see `perf list sdt`, `bpftrace -l 'usdt:...'`.
 */

#if defined(__has_include)
#if __has_include(<sys/sdt.h>) && !defined(KSI_NO_PROBES)
#include <sys/sdt.h>
#define KSI_PROBE1(name, a) DTRACE_PROBE1(kslock, name, a)
#define KSI_PROBE2(name, a, b) DTRACE_PROBE2(kslock, name, a, b)
#endif
#endif

#ifndef KSI_PROBE1
#define KSI_PROBE1(name, a) ((void)(a))
#define KSI_PROBE2(name, a, b) ((void)(a), (void)(b))
#endif

#endif
