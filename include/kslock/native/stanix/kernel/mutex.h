/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_MUTEX_H
#define KSLOCK_STANIX_MUTEX_H

/* Stanix <kernel/mutex.h>: contracts in <kslock/mutex.h>. */

#include <kslock/mutex.h>

KSL_BEGIN_DECLS

typedef struct ksl_mutex mutex_t;

void mutex_init(mutex_t *mutex) KSL_SYMBOL(ksl_mutex_init);
void init_mutex(mutex_t *mutex) KSL_SYMBOL(ksl_mutex_init);
int mutex_acquire(mutex_t *mutex) KSL_SYMBOL(ksl_mutex_acquire);
int mutex_try_acquire(mutex_t *mutex) KSL_SYMBOL(ksl_mutex_try_acquire);
void mutex_release(mutex_t *mutex) KSL_SYMBOL(ksl_mutex_release);

#ifdef KSL_INLINES
KSL_INLINE int mutex_acquire(mutex_t *mutex)
{
    return ksl_mutex_acquire_inlined(mutex);
}

KSL_INLINE int mutex_try_acquire(mutex_t *mutex)
{
    return ksl_mutex_try_acquire_inlined(mutex);
}

KSL_INLINE void mutex_release(mutex_t *mutex)
{
    ksl_mutex_release_inlined(mutex);
}
#endif

KSL_END_DECLS

#endif
