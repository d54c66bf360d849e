/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_OWNER_H
#define KSI_LOCK_OWNER_H

#include "lock/lock.h"
#include "lock/rw.h"

/* What the locks with one owner share that do not carry a name: AIX, mutex of EVL. */

/* True, after `bad-argument`, if the lock is NULL. */
bool ksi_owner_refuse_null(const volatile void *lock, enum ksi_kind kind,
                           const char *call, const void *site);

/* The owner of a word of lock/rw.h; NULL if it has none. */
ksl_thread *ksi_owner_of(const ksi_word *word);
/* Somebody holds it in some mode. */
bool ksi_owner_any(const ksi_word *word);
bool ksi_owner_is(const ksi_word *word, const ksl_thread *t);

/* Takes it, waiting; false after a violation: of a handler, owner, or with raised level.
 */
bool ksi_owner_lock(const struct ksi_rw_class *c, ksi_word *word, const char *call,
                    const void *site);

/* Gives it back; false after a violation. */
bool ksi_owner_unlock(const struct ksi_rw_class *c, ksi_word *word, const char *call,
                      const void *site);

/* `not-owner`, or `not-locked` if nobody holds the lock in any mode. */
KSI_COLD void ksi_owner_refuse(const struct ksi_rw_class *c, const ksi_word *word,
                               const char *call, const void *site);
KSI_COLD void ksi_owner_refuse_recursion(const struct ksi_rw_class *c,
                                         const ksi_word *word, const char *call,
                                         const void *site);
KSI_COLD void ksi_owner_refuse_masked(const struct ksi_rw_class *c, const ksi_word *word,
                                      const char *call, const void *site);

#endif
