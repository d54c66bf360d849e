/* SPDX-License-Identifier: BSD-2-Clause */
#include "any_lock.h"

#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>

#include <kslock/stage.h>
#include <kslock/thread.h>

static struct evl_kmutex any_kmutex[ANY_LOCKS];
static struct evl_ksem any_ksem[ANY_LOCKS];
static struct evl_stax any_stax[ANY_LOCKS];

/* One call, so one class; calls at four places are four. */
#define MAKE(prefix, call)                                                               \
    static __attribute__((noinline)) void same_##prefix(unsigned i)                      \
    {                                                                                    \
        call(i);                                                                         \
        __asm__ volatile("# same" ::: "memory");                                         \
    }                                                                                    \
    static void fresh_##prefix(unsigned i, const char *name)                             \
    {                                                                                    \
        (void)name;                                                                      \
        switch (i) {                                                                     \
        case 0:                                                                          \
            call(0);                                                                     \
            __asm__ volatile("# 0" ::: "memory");                                        \
            break;                                                                       \
        case 1:                                                                          \
            call(1);                                                                     \
            __asm__ volatile("# 1" ::: "memory");                                        \
            break;                                                                       \
        case 2:                                                                          \
            call(2);                                                                     \
            __asm__ volatile("# 2" ::: "memory");                                        \
            break;                                                                       \
        default:                                                                         \
            call(3);                                                                     \
            __asm__ volatile("# 3" ::: "memory");                                        \
        }                                                                                \
    }

#define INIT_KMUTEX(i) evl_init_kmutex(&any_kmutex[i])
#define INIT_KSEM(i) evl_init_ksem(&any_ksem[i], 1)
MAKE(kmutex, INIT_KMUTEX)
MAKE(ksem, INIT_KSEM)

/* Only out-of-band threads may wait; what they have got they keep. */
static bool go(void)
{
    return ksl_stage_current() == KSL_STAGE_INBAND &&
           ksl_stage_switch(KSL_STAGE_OOB) == 0;
}

static void back(bool switched)
{
    if (switched)
        (void)ksl_stage_switch(KSL_STAGE_INBAND);
}

static void take_kmutex(unsigned i)
{
    bool switched = go();
    (void)evl_lock_kmutex(&any_kmutex[i]);
    back(switched);
}

static bool try_kmutex(unsigned i)
{
    return evl_trylock_kmutex(&any_kmutex[i]) == 0;
}

static void give_kmutex(unsigned i)
{
    evl_unlock_kmutex(&any_kmutex[i]);
}

static void end_kmutex(unsigned i)
{
    evl_destroy_kmutex(&any_kmutex[i]);
}

static void take_ksem(unsigned i)
{
    bool switched = go();
    (void)evl_down(&any_ksem[i]);
    back(switched);
}

int any_down_until(const struct any_lock *semaphore, unsigned i, unsigned long date)
{
    bool switched = go();
    (void)semaphore;
    int error = evl_down_timeout(&any_ksem[i], (ktime_t)date);
    back(switched);
    return error;
}

int any_down_kicked(const struct any_lock *semaphore, unsigned i)
{
    bool switched = go();
    (void)semaphore;
    evl_kick_thread((struct evl_thread *)(void *)ksl_thread_self(), 0);
    int error = evl_down(&any_ksem[i]);
    back(switched);
    return error;
}

int any_go_oob(void *unused)
{
    (void)unused;
    return ksl_stage_switch(KSL_STAGE_OOB);
}

static bool try_ksem(unsigned i)
{
    return evl_trydown(&any_ksem[i]) == 0;
}

static void give_ksem(unsigned i)
{
    evl_up(&any_ksem[i]);
}

static void end_ksem(unsigned i)
{
    evl_destroy_ksem(&any_ksem[i]);
}

static void fresh_stax(unsigned i, const char *name)
{
    (void)name;
    (void)evl_init_stax(&any_stax[i]);
}

static void enter(unsigned i)
{
    (void)evl_lock_stax(&any_stax[i]);
}

static bool try_enter(unsigned i)
{
    return evl_trylock_stax(&any_stax[i]) == 0;
}

static void leave(unsigned i)
{
    evl_unlock_stax(&any_stax[i]);
}

static void end_stax(unsigned i)
{
    (void)evl_destroy_stax(&any_stax[i]);
}

const struct any_lock any_evl[] = {
    {"kernel mutex", "kernel mutex",
     ANY_SLEEPS | ANY_OOB | ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_EXIT | ANY_CLASSED |
         ANY_ENDS,
     ANY_FOUR(any_kmutex), fresh_kmutex, same_kmutex, take_kmutex, try_kmutex,
     give_kmutex, end_kmutex},
    {"semaphore", "semaphore",
     ANY_GRANTED | ANY_SLEEPS | ANY_OOB | ANY_CLASSED | ANY_ENDS, ANY_FOUR(any_ksem),
     fresh_ksem, same_ksem, take_ksem, try_ksem, give_ksem, end_ksem},
    {"stax", "stax", ANY_SLEEPS | ANY_OOB | ANY_ENDS | ANY_NO_ORDER | ANY_TELLS_FREE,
     ANY_FOUR(any_stax), fresh_stax, NULL, enter, try_enter, leave, end_stax},
};
const unsigned any_evl_n = sizeof any_evl / sizeof any_evl[0];
