/* SPDX-License-Identifier: BSD-2-Clause */
/* The parker on Linux futexes. */

#include "platform/die.h"
#include "platform/park_word.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int futex_wait(uint32_t *word, uint32_t seen, uint64_t deadline)
{
    struct timespec ts;
    struct timespec *limit = NULL;
    if (deadline != KSI_FOREVER) {
        ts.tv_sec = (time_t)(deadline / 1000000000u);
        ts.tv_nsec = (long)(deadline % 1000000000u);
        limit = &ts;
    }
    /* Where time_t is wider than a register, the call with that width. */
#if defined(SYS_futex_time64) && __SIZEOF_LONG__ == 4
    enum { FUTEX_CALL = SYS_futex_time64 };
#else
    enum { FUTEX_CALL = SYS_futex };
#endif
    /* WAIT_BITSET takes an absolute CLOCK_MONOTONIC date. */
    if (syscall(FUTEX_CALL, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, seen, limit,
                NULL, FUTEX_BITSET_MATCH_ANY) == 0)
        return 0;
    return errno;
}

static void futex_wake(uint32_t *word)
{
    if (KSI_FAULT(PARK_REQUEUES))
        syscall(SYS_futex, word, FUTEX_REQUEUE | FUTEX_PRIVATE_FLAG, 1, 1, word, 0);
    /* The word's memory may be gone: EFAULT, or a stranger wakes for nothing. */
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
}

void ksi_parker_init(struct ksi_parker *p)
{
    ksi_store(&p->word, (uint32_t)PARK_EMPTY);
}

void ksi_parker_forked(struct ksi_parker *p)
{
    /* The call that a handler has interrupted, or that is to come, sees another value. */
    ksi_store(&p->word, (uint32_t)PARK_TOKEN);
}

enum ksi_park_result ksi_host_park(struct ksi_parker *p, uint64_t deadline)
{
    int saved = errno;
    if (!park_announce(p))
        return KSI_PARK_TOKEN;
    int error = futex_wait(&p->word, PARK_PARKED, deadline);
    enum ksi_park_result result = KSI_PARK_RETRY;
    if (park_withdraw(p))
        result = KSI_PARK_TOKEN;
    else if (error == ETIMEDOUT || (error == EINTR && KSI_FAULT(PARK_EINTR_ENDS)))
        result = KSI_PARK_TIMEOUT;
    else if (error != 0 && error != EINTR && error != EAGAIN)
        KSI_DIE("futex wait", error);
    errno = saved;
    return result;
}

void ksi_host_unpark(struct ksi_parker *p)
{
    int saved = errno;
    if (park_leave_token(p))
        futex_wake(&p->word);
    errno = saved;
}

void ksi_word_wait(uint32_t *word, uint32_t seen)
{
    int saved = errno;
    int error = futex_wait(word, seen, KSI_FOREVER);
    if (error != 0 && error != EINTR && error != EAGAIN)
        KSI_DIE("futex wait", error);
    errno = saved;
}

void ksi_word_wake(uint32_t *word)
{
    int saved = errno;
    futex_wake(word);
    errno = saved;
}
