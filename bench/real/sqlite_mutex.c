/* SPDX-License-Identifier: BSD-2-Clause */
#include "sqlite_mutex.h"

#include <kslock/kslock.h>

#include <stdlib.h>
#include <sys/lock_def.h>

enum { STATICS = 32, FIRST_STATIC = SQLITE_MUTEX_STATIC_MAIN };

/* The program sees a sqlite3_mutex only through the methods. */
struct sqlite3_mutex {
    bool recursive;
    union {
        simple_lock_data simple;
        ksl_mutex_t nested;
    } lock;
};

struct padded {
    struct sqlite3_mutex mutex;
} __attribute__((aligned(64)));

static struct padded statics[STATICS]; /* free when zero-filled */
bool sqlite_only_mutexes;

static int begin(void)
{
    return SQLITE_OK;
}

static int end(void)
{
    return SQLITE_OK;
}

static sqlite3_mutex *make(int kind)
{
    sqlite3_mutex *m = NULL;
    if (kind == SQLITE_MUTEX_FAST || kind == SQLITE_MUTEX_RECURSIVE)
        m = calloc(1, sizeof *m);
    else if (kind - FIRST_STATIC < STATICS)
        m = &statics[kind - FIRST_STATIC].mutex;
    if (m != NULL) /* a static one is asked for more than once: nothing changes then */
        m->recursive = kind == SQLITE_MUTEX_RECURSIVE || sqlite_only_mutexes;
    return m;
}

static void drop(sqlite3_mutex *m)
{
    free(m);
}

static void enter(sqlite3_mutex *m)
{
    if (m->recursive)
        (void)ksl_mutex_acquire(&m->lock.nested);
    else
        simple_lock(&m->lock.simple);
}

static int try_enter(sqlite3_mutex *m)
{
    bool in = m->recursive ? ksl_mutex_try_acquire(&m->lock.nested) != 0
                           : simple_lock_try(&m->lock.simple) != 0;
    return in ? SQLITE_OK : SQLITE_BUSY;
}

static void leave(sqlite3_mutex *m)
{
    if (m->recursive)
        ksl_mutex_release(&m->lock.nested);
    else
        simple_unlock(&m->lock.simple);
}

/* held and not held are asked in assertions only, and may be missing. */
const sqlite3_mutex_methods sqlite_mutexes = {
    .xMutexInit = begin,
    .xMutexEnd = end,
    .xMutexAlloc = make,
    .xMutexFree = drop,
    .xMutexEnter = enter,
    .xMutexTry = try_enter,
    .xMutexLeave = leave,
};
