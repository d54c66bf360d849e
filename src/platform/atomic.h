/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_ATOMIC_H
#define KSI_PLATFORM_ATOMIC_H

#include <stdbool.h>

/* A handler may interrupt any of them, so none may be made of a lock. */
_Static_assert(__atomic_always_lock_free(8, 0), "64-bit atomics must be lock-free");

/*
 * Atomics on plain integer and pointer objects, because lock words stand in
 * headers that C++ compiles too. The name says the order: none (relaxed),
 * _acq, _rel; read-modify-writes are sequentially consistent unless named.
 */
#define ksi_load(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define ksi_load_acq(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define ksi_load_seq(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define ksi_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define ksi_store_rel(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define ksi_store_seq(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)

#define ksi_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define ksi_fetch_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define ksi_fetch_sub(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define ksi_fetch_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define ksi_fetch_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)

/* True if *p was *seen and is now v; else *seen is what *p was. */
#define ksi_cas_acq(p, seen, v)                                                          \
    __atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_ACQUIRE,               \
                                __ATOMIC_RELAXED)
#define ksi_cas_rel(p, seen, v)                                                          \
    __atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_RELEASE,               \
                                __ATOMIC_RELAXED)
#define ksi_cas(p, seen, v)                                                              \
    __atomic_compare_exchange_n((p), (seen), (v), false, __ATOMIC_SEQ_CST,               \
                                __ATOMIC_SEQ_CST)

/* Orders this thread against its own signal handlers; no instruction. */
#define ksi_barrier() __atomic_signal_fence(__ATOMIC_SEQ_CST)

/* Tells the processor that this is a spin loop. */
static inline void ksi_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ __volatile__("yield");
#else
    ksi_barrier();
#endif
}

#endif
