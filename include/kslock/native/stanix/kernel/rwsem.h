/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_RWSEM_H
#define KSLOCK_STANIX_RWSEM_H

/* Stanix <kernel/rwsem.h>: contracts in <kslock/rwsem.h>. */

#include <kslock/rwsem.h>

KSL_BEGIN_DECLS

typedef struct ksl_rwsem rwsem_t;

void rwsem_init(rwsem_t *rwsem) KSL_SYMBOL(ksl_rwsem_init);
void init_rwsem(rwsem_t *rwsem) KSL_SYMBOL(ksl_rwsem_init);
int rwsem_acquire_read(rwsem_t *rwsem) KSL_SYMBOL(ksl_rwsem_acquire_read);
int rwsem_acquire_write(rwsem_t *rwsem) KSL_SYMBOL(ksl_rwsem_acquire_write);
int rwsem_release_read(rwsem_t *rwsem) KSL_SYMBOL(ksl_rwsem_release_read);
int rwsem_release_write(rwsem_t *rwsem) KSL_SYMBOL(ksl_rwsem_release_write);

#ifdef KSL_INLINES
KSL_INLINE int rwsem_acquire_read(rwsem_t *rwsem)
{
    return ksl_rwsem_acquire_read_inlined(rwsem);
}

KSL_INLINE int rwsem_acquire_write(rwsem_t *rwsem)
{
    return ksl_rwsem_acquire_write_inlined(rwsem);
}

KSL_INLINE int rwsem_release_read(rwsem_t *rwsem)
{
    return ksl_rwsem_release_read_inlined(rwsem);
}

KSL_INLINE int rwsem_release_write(rwsem_t *rwsem)
{
    return ksl_rwsem_release_write_inlined(rwsem);
}
#endif

KSL_END_DECLS

#endif
