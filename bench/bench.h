/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>

/*
 * One adapter per lock and peer: acquire and release in a loop, because a call
 * through a pointer per operation would be measured along.
 */
struct adapter {
    const char *name;
    const char *baseline;    /* the adapter that it is compared with, NULL: none */
    void (*pairs)(size_t n); /* n uncontended pairs, or operations */
    void (*contend)(size_t n, unsigned inside, unsigned outside); /* NULL: not measured */
};

extern const struct adapter adapters[];
extern const size_t adapter_count;
void adapters_init(void);

/* About `steps` dependent operations that the compiler cannot drop. */
static inline void work(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++)
        __asm__ __volatile__("" ::: "memory");
}

#endif
