/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_SHARED_SX_H
#define TESTS_SUPPORT_SHARED_SX_H

/* A thread that shares an sx until it may go, and a writer that comes meanwhile. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "support.h"

static struct sx sx;
static int holding, may_go, is_in; /* atomic */

static inline void hold_share(void *arg)
{
    (void)arg;
    sx_slock(&sx);
    STORE(&holding, 1);
    WORKER_WAIT(LOAD(&may_go));
    sx_sunlock(&sx);
}

static inline void start_sharer(struct actor *sharer)
{
    actor_start(sharer, hold_share, NULL);
    WAIT_UNTIL(LOAD(&holding));
}

static inline void write_once(void *arg)
{
    (void)arg;
    sx_xlock(&sx);
    STORE(&is_in, 1);
    sx_xunlock(&sx);
}

/* A writer gets in when the sharer has gone, and not before. */
static inline void check_writer_waits(struct actor *sharer)
{
    struct actor writer;
    actor_start(&writer, write_once, NULL);
    wait_asleep(writer.thread);
    ck_assert_int_eq(LOAD(&is_in), 0);
    STORE(&may_go, 1);
    actor_join(sharer);
    actor_join(&writer);
    ck_assert_int_eq(LOAD(&is_in), 1);
}

#endif
