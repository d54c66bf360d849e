/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One thread of a read mix; on lines of its own. */
struct mixer {
    const bool *stop;
    unsigned inside; /* work() steps with the lock held */
    unsigned outside;
    uint32_t writes; /* how many of 2^32 operations write */
    uint32_t seed;   /* not 0 */
    bool timed;      /* look at the clock around each acquisition to write */
    uint64_t operations;
    uint64_t longest_wait; /* of a writer, ns */
    bool cut;              /* the longest wait ended only when the readers stopped */
} __attribute__((aligned(128)));

/*
 * One adapter per lock (and mode) and peer: acquire and release in a loop,
 * because a call through a pointer per operation would be measured along.
 * A function that is NULL is not measured.
 */
struct adapter {
    const char *name;
    const char *baseline;    /* the adapter that it is compared with, NULL: none */
    void (*pairs)(size_t n); /* n uncontended pairs, or operations */
    void (*contend)(size_t n, unsigned inside, unsigned outside);
    void (*mix)(struct mixer *m); /* reads and writes until *m->stop */
    bool shared;                  /* pairs() may run in several threads at a time */
    /* n round trips between two threads, one with first */
    void (*bounce)(size_t n, bool first);
};

extern const struct adapter adapters[];
extern const size_t adapter_count;
void adapters_init(void);

extern const struct adapter freebsd_adapters[];
extern const size_t freebsd_adapter_count;

extern const struct adapter evl_adapters[];
extern const size_t evl_adapter_count;

extern const struct adapter aix_adapters[];
extern const size_t aix_adapter_count;

uint64_t now_ns(void);
void mixer_waited(struct mixer *m, uint64_t since);

/* About `steps` dependent operations that the compiler cannot drop. */
static inline void work(unsigned steps)
{
    for (unsigned i = 0; i < steps; i++)
        __asm__ __volatile__("" ::: "memory");
}

static inline uint32_t next_random(uint32_t x)
{
    x ^= x << 13;
    x ^= x >> 17;
    return x ^ x << 5;
}

#define PAIRS_OF(name_, take_, give_)                                                    \
    static void name_##_pairs(size_t n)                                                  \
    {                                                                                    \
        while (n-- > 0) {                                                                \
            take_;                                                                       \
            give_;                                                                       \
        }                                                                                \
    }

#define ADAPTER(name_, take_, give_)                                                     \
    PAIRS_OF(name_, take_, give_)                                                        \
    static void name_##_contend(size_t n, unsigned inside, unsigned outside)             \
    {                                                                                    \
        while (n-- > 0) {                                                                \
            take_;                                                                       \
            work(inside);                                                                \
            give_;                                                                       \
            work(outside);                                                               \
        }                                                                                \
    }

#define MIX(name_, take_read_, give_read_, take_write_, give_write_)                     \
    static void name_##_mix(struct mixer *m)                                             \
    {                                                                                    \
        const bool *stop = m->stop;                                                      \
        unsigned inside = m->inside;                                                     \
        unsigned outside = m->outside;                                                   \
        uint32_t writes = m->writes;                                                     \
        uint32_t random = m->seed;                                                       \
        bool timed = m->timed;                                                           \
        uint64_t done = 0;                                                               \
        for (; !__atomic_load_n(stop, __ATOMIC_RELAXED); done++) {                       \
            random = next_random(random);                                                \
            if (random < writes) {                                                       \
                uint64_t since = timed ? now_ns() : 0;                                   \
                take_write_;                                                             \
                if (timed)                                                               \
                    mixer_waited(m, since);                                              \
                work(inside);                                                            \
                give_write_;                                                             \
            } else {                                                                     \
                take_read_;                                                              \
                work(inside);                                                            \
                give_read_;                                                              \
            }                                                                            \
            work(outside);                                                               \
        }                                                                                \
        m->operations = done;                                                            \
    }

/* The members of struct adapter that ADAPTER makes. */
#define BOTH(name_) .pairs = name_##_pairs, .contend = name_##_contend

#endif
