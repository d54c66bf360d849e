/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_REAL_PRELOAD_H
#define BENCH_REAL_PRELOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PRELOAD_API __attribute__((visibility("default")))

/* The functions of pthreads behind those of preload.c. */
struct preload_real {
#define X(name_, version_, arguments_) int(*name_) arguments_;
#include "preload.def"
#undef X
};

/*
 * Where the mutexes lie that must stay with pthreads because the library uses them. At
 * first everything: who meets that asks preload_is_own, which searches once.
 */
extern uintptr_t preload_own_begin; /* atomic */
extern uintptr_t preload_own_size;  /* atomic */
bool preload_is_own(const void *mutex);

static inline bool preload_may_be_own(const void *mutex)
{
    /* The size first: with the true one comes the true begin. */
    uintptr_t size = __atomic_load_n(&preload_own_size, __ATOMIC_ACQUIRE);
    return (uintptr_t)mutex - __atomic_load_n(&preload_own_begin, __ATOMIC_RELAXED) <
           size;
}

/* They, for an operation that is not counted. Any thread, also before constructors. */
const struct preload_real *preload_real(void);

/* They, for an operation of the program that stays with pthreads. */
const struct preload_real *preload_stays(void);

/* Says what cannot be carried, and aborts. */
__attribute__((noreturn)) void preload_refuse(const char *what);

#endif
