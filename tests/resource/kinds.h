/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_RESOURCE_KINDS_H
#define TESTS_RESOURCE_KINDS_H

/*
 * One lock of each kind that sleeps, taken alone, behind the same three calls. What is
 * taken on the out-of-band stage brings its thread there and back.
 */
#include <stdbool.h>

struct lock_kind {
    const char *name;
    void (*renew)(void); /* makes it free, whatever it was */
    void (*take)(void);
    void (*give)(void);
    bool (*try_take)(void); /* without waiting; NULL: there is no such call */
    bool shared;            /* its threads are inside together */
};

extern const struct lock_kind stanix_kinds[], freebsd_kinds[], evl_kinds[], aix_kinds[];
extern const int stanix_kinds_count, freebsd_kinds_count, evl_kinds_count,
    aix_kinds_count;

/* All of them, one after the other; NULL behind the last. */
static inline const struct lock_kind *lock_kind(int i)
{
    const struct lock_kind *tables[] = {stanix_kinds, freebsd_kinds, evl_kinds,
                                        aix_kinds};
    const int counts[] = {stanix_kinds_count, freebsd_kinds_count, evl_kinds_count,
                          aix_kinds_count};
    for (int t = 0; t < 4; t++) {
        if (i < counts[t])
            return &tables[t][i];
        i -= counts[t];
    }
    return 0;
}

#define EACH_KIND(k, i)                                                                  \
    int i = 0;                                                                           \
    lock_kind(i) != 0 && ((k = lock_kind(i)), true);                                     \
    i++

enum { MAX_KINDS = 16 };

/* Takes and gives back a lock of each kind. */
static inline void use_each_kind(void)
{
    const struct lock_kind *k;
    for (EACH_KIND(k, i)) {
        k->take();
        k->give();
    }
}

/* Takes, looks at and gives back those that spin; false: one was not taken, or stays. */
bool stanix_use_spinning(void);
bool freebsd_use_spinning(void);
bool aix_use_spinning(void);

static inline bool use_each_spinning(void)
{
    return stanix_use_spinning() && freebsd_use_spinning() && aix_use_spinning();
}

#endif
