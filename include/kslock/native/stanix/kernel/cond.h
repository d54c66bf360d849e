/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_COND_H
#define KSLOCK_STANIX_COND_H

/* Stanix <kernel/cond.h>: contracts in <kslock/cond.h>. */

#include <kslock/cond.h>

KSL_BEGIN_DECLS

typedef struct ksl_cond cond_t;

void cond_init(cond_t *cond) KSL_SYMBOL(ksl_cond_init);
void init_cond(cond_t *cond) KSL_SYMBOL(ksl_cond_init);
void cond_destroy(cond_t *cond) KSL_SYMBOL(ksl_cond_destroy);
void free_cond(cond_t *cond) KSL_SYMBOL(ksl_cond_destroy);
int cond_wait(cond_t *cond, int value) KSL_SYMBOL(ksl_cond_wait);
int cond_wait_interruptible(cond_t *cond, int value)
    KSL_SYMBOL(ksl_cond_wait_interruptible);
void cond_set(cond_t *cond, int value) KSL_SYMBOL(ksl_cond_set);

KSL_END_DECLS

#endif
