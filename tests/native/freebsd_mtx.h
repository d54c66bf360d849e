/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_MTX_H
#define TESTS_NATIVE_FREEBSD_MTX_H

/* A mutex that does not recurse and one that does, for each test. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>

#include "support.h"

static struct mtx plain, recursive;

static inline void setup(void)
{
    mtx_init(&plain, "plain mutex", NULL, MTX_DEF);
    mtx_init(&recursive, "recursive mutex", "class", MTX_DEF | MTX_RECURSE);
    recorder_start();
}

static inline void teardown(void)
{
    recorder_start();
    mtx_destroy(&plain);
    mtx_destroy(&recursive);
    ASSERT_NO_VIOLATION();
    recorder_stop();
}

/* Runs fn on another thread and returns what it found. */
struct remote {
    struct mtx *m;
    struct actor actor;
    int found;
};

static inline int on_other_thread(void (*fn)(void *), struct mtx *m)
{
    struct remote r = {.m = m, .found = -1};
    actor_start(&r.actor, fn, &r);
    actor_join(&r.actor);
    return r.found;
}

static inline void try_remote(void *arg)
{
    struct remote *r = arg;
    r->found = mtx_trylock(r->m);
    if (r->found)
        mtx_unlock(r->m);
}

/* Takes it once, perhaps after a wait. */
struct waiter {
    struct mtx *m;
    struct actor actor;
    int got;
};

static inline void lock_once(void *arg)
{
    struct waiter *w = arg;
    mtx_lock(w->m);
    STORE(&w->got, 1);
    mtx_unlock(w->m);
}

#endif
