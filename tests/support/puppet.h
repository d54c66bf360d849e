/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_PUPPET_H
#define TESTS_SUPPORT_PUPPET_H

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "support.h"

#include <semaphore.h>

/* A thread that makes the calls on an sx that it is told to make, one after the other. */
struct puppet {
    struct actor actor;
    sem_t order;
    int (*call)(struct sx *sx);
    struct sx *sx;
    int done; /* atomic */
    int result;
};

static inline void obey(void *arg)
{
    struct puppet *p = arg;
    for (;;) {
        while (sem_wait(&p->order) != 0) {
        }
        if (p->call == NULL)
            return;
        p->result = p->call(p->sx);
        STORE(&p->done, 1);
    }
}

static inline void puppet_start(struct puppet *p)
{
    ck_assert_int_eq(sem_init(&p->order, 0, 0), 0);
    actor_start(&p->actor, obey, p);
}

static inline void tell(struct puppet *p, int (*call)(struct sx *sx), struct sx *sx)
{
    p->call = call;
    p->sx = sx;
    p->result = -1;
    STORE(&p->done, 0);
    ck_assert_int_eq(sem_post(&p->order), 0);
}

static inline bool done(const struct puppet *p)
{
    return LOAD(&p->done) != 0;
}

static inline int ask(struct puppet *p, int (*call)(struct sx *sx), struct sx *sx)
{
    tell(p, call, sx);
    WAIT_UNTIL(done(p));
    return p->result;
}

/* The call has to wait, and is seen asleep. */
static inline void tell_blocked(struct puppet *p, int (*call)(struct sx *sx),
                                struct sx *sx)
{
    tell(p, call, sx);
    wait_asleep(p->actor.thread);
}

static inline void puppet_end(struct puppet *p)
{
    tell(p, NULL, NULL);
    actor_join(&p->actor);
    (void)sem_destroy(&p->order);
}

/* Calls for it. */

static inline int slock(struct sx *sx)
{
    sx_slock(sx);
    return 0;
}

static inline int xlock(struct sx *sx)
{
    sx_xlock(sx);
    return 0;
}

static inline int slock_sig(struct sx *sx)
{
    return sx_slock_sig(sx);
}

static inline int xlock_sig(struct sx *sx)
{
    return sx_xlock_sig(sx);
}

static inline int try_slock(struct sx *sx)
{
    return sx_try_slock(sx);
}

static inline int try_xlock(struct sx *sx)
{
    return sx_try_xlock(sx);
}

static inline int try_upgrade(struct sx *sx)
{
    return sx_try_upgrade(sx);
}

static inline int unlock(struct sx *sx)
{
    sx_unlock(sx);
    return 0;
}

static inline int sunlock(struct sx *sx)
{
    sx_sunlock(sx);
    return 0;
}

static inline int xunlock(struct sx *sx)
{
    sx_xunlock(sx);
    return 0;
}

static inline int downgrade(struct sx *sx)
{
    sx_downgrade(sx);
    return 0;
}

static inline int room(struct sx *sx)
{
    if (sx_try_xlock(sx) != 0) {
        sx_xunlock(sx);
        return 2;
    }
    if (sx_try_slock(sx) == 0)
        return 0;
    sx_sunlock(sx);
    return 1;
}

#endif
