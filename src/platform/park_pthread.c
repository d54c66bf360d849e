/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The portable parker. It sleeps on a semaphore and not on a condition
 * variable because a simulated interrupt may unpark the very thread that it
 * interrupted inside the wait: POSIX allows sem_post in a signal handler, but
 * not pthread_cond_signal, and a handler could never take the mutex that
 * its own thread holds there.
 */

#define _GNU_SOURCE 1

#include "platform/die.h"
#include "platform/host.h"
#include "platform/park_word.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <time.h>

void ksi_parker_init(struct ksi_parker *p)
{
    int saved = errno;
    ksi_store(&p->word, (uint32_t)PARK_EMPTY);
    if (sem_init(&p->sem, 0, 0) != 0)
        KSI_DIE("sem_init", errno);
    errno = saved;
}

void ksi_parker_forked(struct ksi_parker *p)
{
    /* Not made anew: sem_wait has counted the thread in. */
    ksi_store(&p->word, (uint32_t)PARK_TOKEN);
    if (sem_post(&p->sem) != 0)
        KSI_DIE("sem_post", errno);
}

static struct timespec to_timespec(uint64_t ns)
{
    struct timespec ts;
    ts.tv_sec = (time_t)(ns / 1000000000u);
    ts.tv_nsec = (long)(ns % 1000000000u);
    return ts;
}

static int wait_until(sem_t *sem, uint64_t deadline)
{
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 30)
    struct timespec date = to_timespec(deadline);
    return sem_clockwait(sem, CLOCK_MONOTONIC, &date) == 0 ? 0 : errno;
#else
    /* Only the realtime clock: waits the distance, the caller looks again. */
    uint64_t now = ksi_host_now();
    struct timespec real;
    clock_gettime(CLOCK_REALTIME, &real);
    uint64_t base = (uint64_t)real.tv_sec * 1000000000u + (uint64_t)real.tv_nsec;
    struct timespec date = to_timespec(base + (deadline > now ? deadline - now : 0));
    int error = sem_timedwait(sem, &date) == 0 ? 0 : errno;
    return error == ETIMEDOUT && ksi_host_now() < deadline ? EINTR : error;
#endif
}

enum ksi_park_result ksi_host_park(struct ksi_parker *p, uint64_t deadline)
{
    int saved = errno;
    if (!park_announce(p))
        return KSI_PARK_TOKEN;
    int error;
    int cancel;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* we are on a queue */
    if (deadline == KSI_FOREVER)
        error = sem_wait(&p->sem) == 0 ? 0 : errno;
    else
        error = wait_until(&p->sem, deadline);
    pthread_setcancelstate(cancel, NULL);
    /*
     * A token that comes between the end of the wait and here leaves the
     * semaphore posted: the next park returns once for no reason.
     */
    enum ksi_park_result result = KSI_PARK_RETRY;
    if (park_withdraw(p))
        result = KSI_PARK_TOKEN;
    else if (error == ETIMEDOUT)
        result = KSI_PARK_TIMEOUT;
    else if (error != 0 && error != EINTR)
        KSI_DIE("sem_wait", error);
    errno = saved;
    return result;
}

void ksi_host_unpark(struct ksi_parker *p)
{
    int saved = errno;
    if (park_leave_token(p) && sem_post(&p->sem) != 0)
        KSI_DIE("sem_post", errno);
    errno = saved;
}

/* Raw locks are held for some dozen instructions: a nap is as good as a queue. */

void ksi_word_wait(uint32_t *word, uint32_t seen)
{
    ksi_yield();
    if (ksi_load(word) == seen)
        ksi_nap(50);
}

void ksi_word_wake(uint32_t *word)
{
    (void)word;
}
