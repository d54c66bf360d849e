/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_ANY_LOCK_H
#define TESTS_DIAG_ANY_LOCK_H

/*
 * Every type of lock behind the same calls, for tests that are made of a table. There are
 * some of each type; the native headers are used in one source file each.
 */

#include <stdbool.h>
#include <stddef.h>

enum { ANY_LOCKS = 4 };

enum any_can {
    ANY_SPINS = 1,           /* while it is held nothing may sleep */
    ANY_SLEEPS = 2,          /* taking it may sleep without bound */
    ANY_MASKS = 4,           /* masks interrupts while held */
    ANY_IN_HANDLER = 8,      /* a handler may take it */
    ANY_OOB = 16,            /* may be taken out-of-band */
    ANY_OWNED = 32,          /* only its holder may give it back: not-owner */
    ANY_TELLS_FREE = 64,     /* giving it back free: not-locked */
    ANY_TELLS_AGAIN = 128,   /* taken again by its holder: recursion */
    ANY_TELLS_EXIT = 256,    /* a thread that exits with it: exit-held */
    ANY_TELLS_DESTROY = 512, /* ended while held: destroy-held */
    ANY_TELLS_MASKED = 1024, /* must wait with interrupts masked: masked-sleep */
    ANY_NAMED = 2048,        /* its class is its name */
    ANY_CLASSED = 4096,      /* two of them can be made one class: fresh_same */
    ANY_ENDS = 8192,         /* ended: any use is `destroyed` */
    ANY_RELEASE_ORDER = 16384,
    ANY_SHARED = 32768,
    ANY_NO_ORDER = 65536,   /* one stage alone closes no circle: see src/README.md */
    ANY_REGIME = 131072,    /* always with interrupts masked, or never */
    ANY_ANY_STAGE = 262144, /* nothing is said about the stage */
    ANY_GRANTED = 524288    /* what is there is taken in any context */
};

struct any_lock {
    const char *type; /* in this table */
    const char *kind; /* in reports */
    unsigned can;
    const void *at[ANY_LOCKS];
    void (*fresh)(unsigned i, const char *name); /* free; a class of its own */
    void (*fresh_same)(unsigned i);              /* all of one class; NULL: cannot */
    void (*take)(unsigned i);
    bool (*try_take)(unsigned i); /* NULL: there is none */
    void (*give)(unsigned i);
    void (*end)(unsigned i); /* NULL: needs none */
};

extern const struct any_lock any_stanix[], any_freebsd[], any_aix[], any_evl[];
extern const unsigned any_stanix_n, any_freebsd_n, any_aix_n, any_evl_n;

/* Of EVL: a wait with a date (CLOCK_MONOTONIC ns), and the stage. */
int any_down_until(const struct any_lock *semaphore, unsigned i, unsigned long date);
int any_go_oob(void *unused);
/* One that nothing makes the caller wait in: the kick has come before. */
int any_down_kicked(const struct any_lock *semaphore, unsigned i);

void any_level(const void *lock, int level);
void any_kernel_lock_take(void);
void any_kernel_lock_give(void);
const void *any_kernel_lock(void);

/* Row i of all tables; NULL: there are no more. */
static inline const struct any_lock *any_lock_at(unsigned i)
{
    const struct any_lock *const rows[] = {any_stanix, any_freebsd, any_aix, any_evl};
    const unsigned n[] = {any_stanix_n, any_freebsd_n, any_aix_n, any_evl_n};
    for (unsigned k = 0; k < 4; k++) {
        if (i < n[k])
            return &rows[k][i];
        i -= n[k];
    }
    return NULL;
}

static inline unsigned any_locks(void)
{
    return any_stanix_n + any_freebsd_n + any_aix_n + any_evl_n;
}

#define ANY_FOUR(a)                                                                      \
    {                                                                                    \
        &(a)[0], &(a)[1], &(a)[2], &(a)[3]                                               \
    }

#endif
