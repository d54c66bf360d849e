/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_KMUTEX_H
#define KSI_LOCK_KMUTEX_H

#include "lock/rw.h"

/* Kernel mutex of EVL; what each call does is said in <evl/mutex.h>. */

void ksi_kmutex_init(ksi_word *word, const void *site);
void ksi_kmutex_destroy(ksi_word *word, const void *site);
int ksi_kmutex_lock(ksi_word *word, const void *site);
int ksi_kmutex_try(ksi_word *word, const void *site);
void ksi_kmutex_unlock(ksi_word *word, const void *site);

#endif
