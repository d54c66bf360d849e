/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_BUGS_LOCKS_H
#define TESTS_BUGS_LOCKS_H

/*
 * All locks of all families behind one face, for scenes that every lock has to pass. An
 * operation takes the lock's memory and returns an int, so that a puppet can do it.
 */

#include <stdbool.h>
#include <stddef.h>

typedef int (*lock_call)(void *lock);

struct lock_kind {
    const char *name;
    void (*begin)(void *lock);
    void (*end)(void *lock);
    lock_call take;      /* alone: 0, waits if it must */
    lock_call try_take;  /* 1: taken; 0: not, without a wait */
    lock_call give;      /* 0 */
    lock_call share;     /* 0; NULL: the lock has no shares */
    lock_call try_share; /* 1: taken; NULL: there is no such call */
    lock_call unshare;   /* 0 */
    lock_call upgrade;   /* 1: owner; 0: still a sharer; without a wait; NULL: none */
    lock_call downgrade; /* 0; NULL: none */
    bool spins;          /* who has to wait does not sleep */
    bool oob;            /* who has to wait must be out-of-band */
    bool readers_pass;   /* a new reader enters although a writer waits */
    bool handlers;       /* try_take and give are for handlers, too */
};

/* Room for any lock. */
struct lock_memory {
    _Alignas(64) unsigned char bytes[128];
};

/* Kinds of one family; each list ends with an entry without a name. */
extern const struct lock_kind stanix_locks[];
extern const struct lock_kind freebsd_locks[];
extern const struct lock_kind evl_locks[];
extern const struct lock_kind aix_locks[];

enum { LOCK_KINDS = 14 };
const struct lock_kind *lock_kind(unsigned i);

/* The stage of the calling thread; pending signals are taken first. */
void lock_stage(bool oob);

#endif
