/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_ONESHOT_H
#define KSLOCK_STANIX_ONESHOT_H

/*
 * Stanix <kernel/oneshot.h> of the newest interface: an event that happens once.
 * A cond with the values 0 and 1; contracts in <kslock/cond.h>.
 */

#include <kslock/cond.h>

KSL_BEGIN_DECLS

typedef struct oneshot {
    ksl_cond_t cond;
} oneshot_t;

/* Not signalled yet; a zero-filled one is valid too. Context: any. */
static inline void oneshot_init(oneshot_t *oneshot)
{
    ksl_cond_init(&oneshot->cond);
}

/* `destroy-held` while a task waits. Context: any. */
static inline void oneshot_destroy(oneshot_t *oneshot)
{
    ksl_cond_destroy(&oneshot->cond);
}

/* Lets all waiters, present and future, go. Context: any, handlers too. */
static inline void oneshot_signal(oneshot_t *oneshot)
{
    ksl_cond_set(&oneshot->cond, 1);
}

/* Sleeps until it is signalled: 0; -EPERM if refused. Context: thread; may sleep. */
static inline int oneshot_wait(oneshot_t *oneshot)
{
    return ksl_cond_wait(&oneshot->cond, 1);
}

/* The same, or -EINTR. */
static inline int oneshot_wait_interruptible(oneshot_t *oneshot)
{
    return ksl_cond_wait_interruptible(&oneshot->cond, 1);
}

KSL_END_DECLS

#endif
