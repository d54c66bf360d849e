/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_RWLOCK_H
#define KSLOCK_STANIX_RWLOCK_H

/* Stanix <kernel/rwlock.h>: contracts in <kslock/rwlock.h>. */

#include <kslock/rwlock.h>

#include <stddef.h>
#include <stdint.h>

KSL_BEGIN_DECLS

typedef struct ksl_rwlock rwlock_t;

void rwlock_acquire_read(rwlock_t *lock, int *interrupt_save)
    KSL_SYMBOL(ksl_rwlock_acquire_read);
void rwlock_acquire_write(rwlock_t *lock, int *interrupt_save)
    KSL_SYMBOL(ksl_rwlock_acquire_write);
int rwlock_try_acquire_read(rwlock_t *lock, int *interrupt_save)
    KSL_SYMBOL(ksl_rwlock_try_acquire_read);
int rwlock_try_acquire_write(rwlock_t *lock, int *interrupt_save)
    KSL_SYMBOL(ksl_rwlock_try_acquire_write);
void rwlock_release_read(rwlock_t *lock, int *interrupt_save)
    KSL_SYMBOL(ksl_rwlock_release_read);
void rwlock_release_write(rwlock_t *lock, int *interrupt_save)
    KSL_SYMBOL(ksl_rwlock_release_write);

#if defined(KSL_INLINES)
KSL_INLINE void rwlock_acquire_read(rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_acquire_read_inlined(l, interrupt_save);
}

KSL_INLINE void rwlock_acquire_write(rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_acquire_write_inlined(l, interrupt_save);
}

KSL_INLINE int rwlock_try_acquire_read(rwlock_t *l, int *interrupt_save)
{
    return ksl_rwlock_try_acquire_read_inlined(l, interrupt_save);
}

KSL_INLINE int rwlock_try_acquire_write(rwlock_t *l, int *interrupt_save)
{
    return ksl_rwlock_try_acquire_write_inlined(l, interrupt_save);
}

KSL_INLINE void rwlock_release_read(rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_release_read_inlined(l, interrupt_save);
}

KSL_INLINE void rwlock_release_write(rwlock_t *l, int *interrupt_save)
{
    ksl_rwlock_release_write_inlined(l, interrupt_save);
}

#endif

/* The raw forms leave the interrupt state alone. */

static inline void rwlock_raw_acquire_read(rwlock_t *l)
{
    rwlock_acquire_read(l, KSL_NULL);
}

static inline void rwlock_raw_acquire_write(rwlock_t *l)
{
    rwlock_acquire_write(l, KSL_NULL);
}

static inline int rwlock_raw_try_acquire_read(rwlock_t *l)
{
    return rwlock_try_acquire_read(l, KSL_NULL);
}

static inline int rwlock_raw_try_acquire_write(rwlock_t *l)
{
    return rwlock_try_acquire_write(l, KSL_NULL);
}

static inline void rwlock_raw_release_read(rwlock_t *l)
{
    rwlock_release_read(l, KSL_NULL);
}

static inline void rwlock_raw_release_write(rwlock_t *l)
{
    rwlock_release_write(l, KSL_NULL);
}

KSL_END_DECLS

#endif
