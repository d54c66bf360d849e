/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_STAX_H
#define KSI_LOCK_STAX_H

#include "lock/lock.h"

/* Stage exclusion lock of EVL; what each call does is said in <evl/stax.h>. */

void ksi_stax_init(uint64_t *gate);
void ksi_stax_destroy(uint64_t *gate, const void *site);
int ksi_stax_lock(uint64_t *gate, const void *site);
bool ksi_stax_try(uint64_t *gate, const void *site);
void ksi_stax_unlock(uint64_t *gate, const void *site);

#endif
