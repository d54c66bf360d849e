/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One thread of a load; on lines of its own. */
struct mixer {
    const bool *stop;
    unsigned inside; /* work() steps with the lock held */
    unsigned outside;
    uint32_t writes; /* how many of 2^32 operations write */
    uint32_t seed;   /* not 0 */
    bool timed;      /* look at the clock around each acquisition (of a mix: to write) */
    uint64_t operations;
    uint64_t longest_wait; /* ns */
    bool cut;              /* the longest wait ended only when the load stopped */
} __attribute__((aligned(128)));

/* A lock that can be made many times, for series over many objects. */
struct objects {
    size_t size;
    void (*init)(void *lock); /* NULL: zero-filled is free */
    void (*take)(void *lock);
    void (*give)(void *lock);
    /* n pairs on locks drawn by seed from `count`, which lie `stride` bytes apart */
    void (*walk)(char *locks, size_t stride, size_t count, size_t n, uint32_t seed);
    size_t most_held; /* by one thread, 0: any number */
};

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
    /* Pairs until *m->stop; without it contend() is called in small portions. */
    void (*load)(struct mixer *m);
    const struct objects *objects;
    bool handler; /* pairs() is legal in an interrupt handler, also during load() */
    bool ours;    /* of this library; all others with one baseline are its peers */
    bool spins;   /* who waits never sleeps: no peer of a lock where they do */
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

/*
 * Peers of other projects, each there if BENCH_HAVE_... is defined. Their adapters say
 * by their baseline what they stand beside.
 */
extern const struct adapter nsync_adapters[]; /* BENCH_HAVE_NSYNC */
extern const size_t nsync_adapter_count;
extern const struct adapter ck_adapters[]; /* BENCH_HAVE_CK */
extern const size_t ck_adapter_count;
extern const struct adapter abseil_adapters[]; /* BENCH_HAVE_ABSEIL */
extern const size_t abseil_adapter_count;
extern const struct adapter tbb_adapters[]; /* BENCH_HAVE_TBB */
extern const size_t tbb_adapter_count;
extern const struct adapter parking_lot_adapters[]; /* BENCH_HAVE_PARKING_LOT */
extern const size_t parking_lot_adapter_count;
extern const struct adapter urcu_adapters[]; /* BENCH_HAVE_URCU */
extern const size_t urcu_adapter_count;
extern const struct adapter cxx_adapters[]; /* BENCH_HAVE_CXX */
extern const size_t cxx_adapter_count;
extern const struct adapter pthread_adapters[]; /* BENCH_HAVE_PTHREAD */
extern const size_t pthread_adapter_count;

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
    static void name_##_pairs(size_t n_)                                                 \
    {                                                                                    \
        while (n_-- > 0) {                                                               \
            take_;                                                                       \
            give_;                                                                       \
        }                                                                                \
    }

/* name_##_pairs, name_##_contend and name_##_load. */
#define ADAPTER(name_, take_, give_)                                                     \
    PAIRS_OF(name_, take_, give_)                                                        \
    static void name_##_contend(size_t n_, unsigned inside_, unsigned outside_)          \
    {                                                                                    \
        while (n_-- > 0) {                                                               \
            take_;                                                                       \
            work(inside_);                                                               \
            give_;                                                                       \
            work(outside_);                                                              \
        }                                                                                \
    }                                                                                    \
    LOAD(name_, take_, give_)

/* Not used where a row is written by hand; that is no mistake. */
#define LOAD(name_, take_, give_)                                                        \
    __attribute__((unused)) static void name_##_load(struct mixer *m_)                   \
    {                                                                                    \
        const bool *stop_ = m_->stop;                                                    \
        unsigned inside_ = m_->inside;                                                   \
        unsigned outside_ = m_->outside;                                                 \
        bool timed_ = m_->timed;                                                         \
        uint64_t done_ = 0;                                                              \
        for (; !__atomic_load_n(stop_, __ATOMIC_RELAXED); done_++) {                     \
            uint64_t since_ = timed_ ? now_ns() : 0;                                     \
            take_;                                                                       \
            if (timed_)                                                                  \
                mixer_waited(m_, since_);                                                \
            work(inside_);                                                               \
            give_;                                                                       \
            work(outside_);                                                              \
        }                                                                                \
        m_->operations = done_;                                                          \
    }

#define MIX(name_, take_read_, give_read_, take_write_, give_write_)                     \
    static void name_##_mix(struct mixer *m_)                                            \
    {                                                                                    \
        const bool *stop_ = m_->stop;                                                    \
        unsigned inside_ = m_->inside;                                                   \
        unsigned outside_ = m_->outside;                                                 \
        uint32_t writes_ = m_->writes;                                                   \
        uint32_t random_ = m_->seed;                                                     \
        bool timed_ = m_->timed;                                                         \
        uint64_t done_ = 0;                                                              \
        for (; !__atomic_load_n(stop_, __ATOMIC_RELAXED); done_++) {                     \
            random_ = next_random(random_);                                              \
            if (random_ < writes_) {                                                     \
                uint64_t since_ = timed_ ? now_ns() : 0;                                 \
                take_write_;                                                             \
                if (timed_)                                                              \
                    mixer_waited(m_, since_);                                            \
                work(inside_);                                                           \
                give_write_;                                                             \
            } else {                                                                     \
                take_read_;                                                              \
                work(inside_);                                                           \
                give_read_;                                                              \
            }                                                                            \
            work(outside_);                                                              \
        }                                                                                \
        m_->operations = done_;                                                          \
    }

/*
 * name_##_objects of locks of one type; take_ and give_ call the lock `l`; a thread
 * may hold most_ of them, 0: any number.
 */
#define OBJECTS_UPTO(name_, most_, type_, init_, take_, give_)                           \
    static void name_##_take(void *lock_)                                                \
    {                                                                                    \
        type_ *l = (type_ *)lock_;                                                       \
        take_;                                                                           \
    }                                                                                    \
    static void name_##_give(void *lock_)                                                \
    {                                                                                    \
        type_ *l = (type_ *)lock_;                                                       \
        give_;                                                                           \
    }                                                                                    \
    static void name_##_walk(char *locks_, size_t stride_, size_t count_, size_t n_,     \
                             uint32_t seed_)                                             \
    {                                                                                    \
        while (n_-- > 0) {                                                               \
            seed_ = next_random(seed_);                                                  \
            size_t i_ = (size_t)(((uint64_t)seed_ * count_) >> 32);                      \
            type_ *l = (type_ *)(void *)(locks_ + i_ * stride_);                         \
            take_;                                                                       \
            give_;                                                                       \
        }                                                                                \
    }                                                                                    \
    static const struct objects name_##_objects = {                                      \
        sizeof(type_), init_, name_##_take, name_##_give, name_##_walk, most_};
#define OBJECTS(name_, type_, init_, take_, give_)                                       \
    OBJECTS_UPTO(name_, 0, type_, init_, take_, give_)

/* The members of struct adapter that ADAPTER makes; C only. */
#define BOTH(name_)                                                                      \
    .pairs = name_##_pairs, .contend = name_##_contend, .load = name_##_load

/* Whole rows, which C++ takes too. */
#define ROW_LOCK(title_, baseline_, name_, shared_)                                      \
    {                                                                                    \
        title_, baseline_, name_##_pairs, name_##_contend, NULL, shared_, NULL,          \
            name_##_load, NULL, false, false, false                                      \
    }
#define ROW_MIX(title_, baseline_, name_)                                                \
    {                                                                                    \
        title_, baseline_, NULL, NULL, name_##_mix, false, NULL, NULL, NULL, false,      \
            false, false                                                                 \
    }
#define ROW_BOUNCE(title_, baseline_, name_)                                             \
    {                                                                                    \
        title_, baseline_, name_##_pairs, NULL, NULL, false, name_##_bounce, NULL, NULL, \
            false, false, false                                                          \
    }

#ifdef __cplusplus
}
#endif

#endif
