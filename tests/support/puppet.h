/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_PUPPET_H
#define TESTS_SUPPORT_PUPPET_H

#include "support.h"

#include <kslock/stage.h>

#include <semaphore.h>

typedef int (*call_fn)(void *object);

/* A thread that makes the calls that it is told to make, one after the other. */
struct puppet {
    struct actor actor;
    sem_t order;
    ksl_stage stage;
    call_fn call;
    void *object;
    int done; /* atomic */
    int result;
};

static inline void obey(void *arg)
{
    struct puppet *p = arg;
    if (p->stage != KSL_STAGE_INBAND)
        (void)ksl_stage_switch(p->stage);
    for (;;) {
        while (sem_wait(&p->order) != 0) {
        }
        if (p->call == NULL)
            return;
        p->result = p->call(p->object);
        STORE(&p->done, 1);
    }
}

static inline void puppet_start_on(struct puppet *p, ksl_stage stage)
{
    ck_assert_int_eq(sem_init(&p->order, 0, 0), 0);
    p->stage = stage;
    actor_start(&p->actor, obey, p);
}

static inline void puppet_start(struct puppet *p)
{
    puppet_start_on(p, KSL_STAGE_INBAND);
}

static inline void tell(struct puppet *p, call_fn call, void *object)
{
    p->call = call;
    p->object = object;
    p->result = -1;
    STORE(&p->done, 0);
    ck_assert_int_eq(sem_post(&p->order), 0);
}

static inline bool done(const struct puppet *p)
{
    return LOAD(&p->done) != 0;
}

/* The result of the call that p was told to make last. */
static inline int answer(struct puppet *p)
{
    WAIT_UNTIL(done(p));
    return p->result;
}

static inline int ask(struct puppet *p, call_fn call, void *object)
{
    tell(p, call, object);
    return answer(p);
}

/* The call has to wait, and is seen asleep. */
static inline void tell_blocked(struct puppet *p, call_fn call, void *object)
{
    tell(p, call, object);
    wait_asleep(p->actor.thread);
}

static inline void still_asleep(const struct puppet *p)
{
    ck_assert(!done(p));
    wait_asleep(p->actor.thread);
    ck_assert(!done(p));
}

static inline void puppet_end(struct puppet *p)
{
    tell(p, NULL, NULL);
    actor_join(&p->actor);
    (void)sem_destroy(&p->order);
}

/* n puppets at once. */

static inline void puppets_start_on(struct puppet *p, int n, ksl_stage stage)
{
    for (int i = 0; i < n; i++)
        puppet_start_on(&p[i], stage);
}

static inline void puppets_start(struct puppet *p, int n)
{
    puppets_start_on(p, n, KSL_STAGE_INBAND);
}

static inline void puppets_end(struct puppet *p, int n)
{
    for (int i = 0; i < n; i++)
        puppet_end(&p[i]);
}

static inline int puppets_done(const struct puppet *p, int n)
{
    int count = 0;
    for (int i = 0; i < n; i++)
        count += done(&p[i]);
    return count;
}

#endif
