/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_SX_H
#define KSI_LOCK_SX_H

#include "lock/named.h"

/* sx(9); what each call does is said in <sys/sx.h>. Sites are as in diag/slots.h. */

enum ksi_sx_mode { KSI_SX_SHARE, KSI_SX_EXCLUSIVE, KSI_SX_EITHER };

void ksi_sx_init(struct ksi_named *sx, const char *name, unsigned opts, const void *site);
void ksi_sx_destroy(struct ksi_named *sx, const void *site);
int ksi_sx_lock(struct ksi_named *sx, enum ksi_sx_mode mode, bool interruptible,
                const void *site);
int ksi_sx_try(struct ksi_named *sx, enum ksi_sx_mode mode, const void *site);
void ksi_sx_unlock(struct ksi_named *sx, enum ksi_sx_mode mode, const void *site);
int ksi_sx_try_upgrade(struct ksi_named *sx, const void *site);
void ksi_sx_downgrade(struct ksi_named *sx, const void *site);
void ksi_sx_assert(const struct ksi_named *sx, int what, const void *site);

#endif
