/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_CLASSES_H
#define KSI_DIAG_CLASSES_H

#include <stdbool.h>

/*
 * Side table: the class of a lock and its number there, as lock_alloc has told, for
 * messages. set and drop use malloc: not for handlers; without memory set does nothing.
 */
struct ksi_class {
    short class;
    short occurrence; /* -1: the only one */
};

void ksi_class_set(const void *lock, struct ksi_class c);
void ksi_class_drop(const void *lock);
bool ksi_class_find(const void *lock, struct ksi_class *c);

void ksi_class_before_fork(void);
void ksi_class_after_fork(bool child);

#endif
