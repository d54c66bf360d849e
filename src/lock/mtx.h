/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_MTX_H
#define KSI_LOCK_MTX_H

#include "lock/named.h"

/* mutex(9); what each call does is said in <sys/mutex.h>. Sites are as in diag/slots.h.
 */

void ksi_mtx_init(struct ksi_named *m, const char *name, unsigned opts, const void *site);
void ksi_mtx_destroy(struct ksi_named *m, const void *site);
int ksi_mtx_lock(struct ksi_named *m, bool try_only, const void *site);
void ksi_mtx_unlock(struct ksi_named *m, const void *site);
int ksi_mtx_spin_lock(struct ksi_named *m, bool try_only, const void *site);
void ksi_mtx_spin_unlock(struct ksi_named *m, const void *site);
void ksi_mtx_assert(const struct ksi_named *m, int what, const void *site);

/* For sleeps with a spinning mutex: true if the caller holds it once. */
bool ksi_mtx_spin_check(const struct ksi_named *m, ksl_thread *t, const char *call,
                        const void *site);
void ksi_mtx_unspin(struct ksi_named *m, ksl_thread *t);
/* Takes it, or one level more: 1; else 0, after a violation. */
int ksi_mtx_spin(struct ksi_named *m, ksl_thread *t, const void *site);

#endif
