/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_CLASSES_H
#define KSI_DIAG_CLASSES_H

#include <stdbool.h>

/*
 * Side table: the class of a lock and its number there, as lock_alloc has told, for
 * messages; and its level in the hierarchy. A lock that is dropped has neither. set and
 * drop use malloc: not for handlers; without memory set does nothing.
 */
struct ksi_class {
    short class;
    short occurrence; /* -1: the only one */
};

void ksi_class_set(const void *lock, struct ksi_class c);
void ksi_class_drop(const void *lock);
bool ksi_class_find(const void *lock, struct ksi_class *c);

/*
 * The same where nothing may be waited for; the caller takes no real signal meanwhile, or
 * has its interrupts masked.
 */
enum ksi_class_look { KSI_CLASS_NONE, KSI_CLASS_FOUND, KSI_CLASS_BUSY };
enum ksi_class_look ksi_class_try(const void *lock, struct ksi_class *c);

/* Some lock has, or had, a class or a level. */
bool ksi_classes_used(void);

/* The level of ksl_diag_level, 0: none. */
int ksi_level_of(const void *lock);

void ksi_class_before_fork(void);
void ksi_class_after_fork(bool child);

#endif
