/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_VIOLATION_H
#define KSI_DIAG_VIOLATION_H

#include "diag/held.h"
#include "platform/compiler.h"

#include <kslock/violation.h>

#include <stddef.h>

enum ksi_rule {
#define RULE(name, id, severity) KSI_##name##_RULE,
#include "diag/rules.def"
#undef RULE
    KSI_RULES
};

/* Room for a message: the report at exit lists some hundred locks. */
enum { KSI_MESSAGE = 8192 };

/* A line of text under construction; what does not fit is cut. */
struct ksi_text {
    char *at;
    size_t left;
};

KSI_PRINTF(2, 3) void ksi_say(struct ksi_text *text, const char *fmt, ...);

/* "thread 123 (name)", "mutex 0x... (symbol)", "file+0x12" or "an unknown place". */
void ksi_say_thread(struct ksi_text *text, const ksl_thread *t);
void ksi_say_lock(struct ksi_text *text, enum ksi_kind kind, const void *lock);
void ksi_say_site(struct ksi_text *text, const void *site);

/* The kind of lock that a slot's entry names. */
enum ksi_kind ksi_entry_kind(uintptr_t entry);

/* For what a violation says of memory that cannot be a lock. */
#define KSI_NO_LOCK_WORD                                                                 \
    "its word is none of such a lock: not initialised, destroyed or overwritten"

struct ksi_misuse {
    enum ksi_rule rule;
    enum ksi_kind kind;
    const void *lock;        /* NULL: none */
    const void *site;        /* where the caller stands */
    const ksl_thread *owner; /* who holds it; NULL: nobody or unknown; may be no thread */
    bool named;              /* the text names the lock already */
};

/*
 * Reports a violation of the calling thread: counts it, calls the handler or
 * prints, and aborts on a panic without a handler. If it returns, the caller
 * refuses the operation. what: the operation and what is wrong with it. Holds
 * no lock of the library and must be called with none held.
 */
KSI_COLD KSI_PRINTF(2, 3) void ksi_violate(const struct ksi_misuse *m, const char *what,
                                           ...);

/* The same; printed once for each pair of the misuse's site and `other`. */
KSI_COLD KSI_PRINTF(3, 4) void ksi_violate_beside(const struct ksi_misuse *m,
                                                  const void *other, const char *what,
                                                  ...);

#endif
