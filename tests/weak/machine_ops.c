/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The calls that a compiler makes for a race detector (-fsanitize=thread), and the one
 * system call of the parker. Outside of an execution everything is done at once.
 */

#include "machine.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#define SITE ((uintptr_t)__builtin_return_address(0))

/* Not a step of the machine: outside of an execution, or the thread's own memory. */
static bool machine_not(uintptr_t at)
{
    return !machine_runs || machine_own(at);
}

void __tsan_init(void);
void __tsan_func_entry(void *pc);
void __tsan_func_exit(void);
void __tsan_atomic_thread_fence(int order);
void __tsan_atomic_signal_fence(int order);
void __tsan_read_range(void *at, unsigned long size);
void __tsan_write_range(void *at, unsigned long size);

void __tsan_init(void)
{
}

void __tsan_func_entry(void *pc)
{
    (void)pc;
}

void __tsan_func_exit(void)
{
}

void __tsan_atomic_thread_fence(int order)
{
    (void)order;
    machine_failed("the machine has no fences");
}

void __tsan_atomic_signal_fence(int order)
{
    (void)order;
}

void __tsan_read_range(void *at, unsigned long size)
{
    machine_plain((uintptr_t)at, size, false, SITE);
}

void __tsan_write_range(void *at, unsigned long size)
{
    machine_plain((uintptr_t)at, size, true, SITE);
}

#define PLAIN(n)                                                                         \
    void __tsan_read##n(void *at);                                                       \
    void __tsan_write##n(void *at);                                                      \
    void __tsan_unaligned_read##n(void *at);                                             \
    void __tsan_unaligned_write##n(void *at);                                            \
    void __tsan_read##n(void *at)                                                        \
    {                                                                                    \
        machine_plain((uintptr_t)at, n, false, SITE);                                    \
    }                                                                                    \
    void __tsan_write##n(void *at)                                                       \
    {                                                                                    \
        machine_plain((uintptr_t)at, n, true, SITE);                                     \
    }                                                                                    \
    void __tsan_unaligned_read##n(void *at)                                              \
    {                                                                                    \
        machine_plain((uintptr_t)at, n, false, SITE);                                    \
    }                                                                                    \
    void __tsan_unaligned_write##n(void *at)                                             \
    {                                                                                    \
        machine_plain((uintptr_t)at, n, true, SITE);                                     \
    }
PLAIN(1)
PLAIN(2)
PLAIN(4)
PLAIN(8)
PLAIN(16)

#define RMW(bits, name, op, builtin)                                                     \
    uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *at, uint##bits##_t v,    \
                                                int order);                              \
    uint##bits##_t __tsan_atomic##bits##_##name(uint##bits##_t *at, uint##bits##_t v,    \
                                                int order)                               \
    {                                                                                    \
        if (machine_not((uintptr_t)at))                                                  \
            return builtin(at, v, __ATOMIC_SEQ_CST);                                     \
        return (uint##bits##_t)machine_atomic(op, (uintptr_t)at, bits / 8, v, 0, order,  \
                                              0, NULL, SITE);                            \
    }

#define CAS(bits, name)                                                                  \
    int __tsan_atomic##bits##_##name(uint##bits##_t *at, uint##bits##_t *seen,           \
                                     uint##bits##_t v, int order, int failure);          \
    int __tsan_atomic##bits##_##name(uint##bits##_t *at, uint##bits##_t *seen,           \
                                     uint##bits##_t v, int order, int failure)           \
    {                                                                                    \
        bool done;                                                                       \
        if (machine_not((uintptr_t)at))                                                  \
            return __atomic_compare_exchange_n(at, seen, v, false, __ATOMIC_SEQ_CST,     \
                                               __ATOMIC_SEQ_CST);                        \
        *seen = (uint##bits##_t)machine_atomic(MACHINE_CAS, (uintptr_t)at, bits / 8, v,  \
                                               *seen, order, failure, &done, SITE);      \
        return done;                                                                     \
    }

#define ATOMICS(bits)                                                                    \
    uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *at, int order);      \
    uint##bits##_t __tsan_atomic##bits##_load(const uint##bits##_t *at, int order)       \
    {                                                                                    \
        if (machine_not((uintptr_t)at))                                                  \
            return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                \
        return (uint##bits##_t)machine_atomic(MACHINE_LOAD, (uintptr_t)at, bits / 8, 0,  \
                                              0, order, 0, NULL, SITE);                  \
    }                                                                                    \
    void __tsan_atomic##bits##_store(uint##bits##_t *at, uint##bits##_t v, int order);   \
    void __tsan_atomic##bits##_store(uint##bits##_t *at, uint##bits##_t v, int order)    \
    {                                                                                    \
        if (machine_not((uintptr_t)at))                                                  \
            __atomic_store_n(at, v, __ATOMIC_SEQ_CST);                                   \
        else                                                                             \
            machine_atomic(MACHINE_STORE, (uintptr_t)at, bits / 8, v, 0, order, 0, NULL, \
                           SITE);                                                        \
    }                                                                                    \
    RMW(bits, exchange, MACHINE_XCHG, __atomic_exchange_n)                               \
    RMW(bits, fetch_add, MACHINE_ADD, __atomic_fetch_add)                                \
    RMW(bits, fetch_sub, MACHINE_SUB, __atomic_fetch_sub)                                \
    RMW(bits, fetch_and, MACHINE_AND, __atomic_fetch_and)                                \
    RMW(bits, fetch_or, MACHINE_OR, __atomic_fetch_or)                                   \
    CAS(bits, compare_exchange_strong)                                                   \
    CAS(bits, compare_exchange_weak)
ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

/* Takes the place of the C library's; the parker makes no other call by it. */
long syscall(long number, ...)
{
    va_list args;
    va_start(args, number);
    uint32_t *word = va_arg(args, uint32_t *);
    int what = va_arg(args, int) & ~FUTEX_PRIVATE_FLAG;
    uint32_t seen = va_arg(args, uint32_t);
    const struct timespec *limit = va_arg(args, const struct timespec *);
    va_end(args);
    if (number != SYS_futex) {
        errno = ENOSYS;
        return -1;
    }
    if (what == FUTEX_WAKE) {
        machine_futex_wake(word);
        return 0;
    }
    errno = machine_futex_wait(word, seen, limit != NULL);
    return errno == 0 ? 0 : -1;
}
