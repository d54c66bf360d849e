/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_VIEW_H
#define KSI_DIAG_VIEW_H

#include "diag/print.h"

/*
 * What a dump is made of, from descriptors and words of locks as they are at this moment.
 * Nothing here waits or allocates; the caller takes no real signals meanwhile, or a
 * handler could meet a raw lock that is held for it.
 */

/* What a thread waits for. */
struct ksi_wait_view {
    enum ksi_kind kind;
    const void *key;  /* the address that it is queued at: a lock, or the word of one */
    const char *how;  /* text: "to share it" */
    uint64_t since;   /* 0: unknown */
    unsigned waiters; /* in the same queue, 0: unknown */
    bool owned;       /* who holds it keeps the thread waiting */
    bool upgrades;    /* ... but for the thread itself */
    bool spins;
    bool shares; /* it wants a share */
    bool busy;   /* its queue was just being changed, so it may be another wait */
    bool woken;  /* off the queue, about to go on */
};

/* wait/: false if t waits for nothing. */
bool ksi_up_view_wait(const ksl_thread *t, struct ksi_wait_view *v);

/* lock/: the owner that the word tells, NULL if it tells none. */
const ksl_thread *ksi_up_view_owner(enum ksi_kind kind, const void *key);

/* lock/: says in English what the word tells; nothing for what has no word. */
void ksi_up_view_word(struct ksi_out *out, enum ksi_kind kind, const void *key);

/* The lock of a key. */
const void *ksi_view_lock(enum ksi_kind kind, const void *key);

/* How u holds what has this key, as its record says: false if it does not. */
struct ksi_holding {
    enum ksi_kind kind;
    bool shared;
    bool counted; /* a share that is counted in the word, too */
    const void *site;
};
bool ksi_view_holds(const ksl_thread *u, const void *key, struct ksi_holding *h);

/* The descriptor of an id, if its thread is alive; else NULL. */
const ksl_thread *ksi_view_thread(uint32_t id);

/*
 * Says each circle of threads that wait for each other, once; returns how many there are.
 * only: NULL, or a thread: circles with that one.
 */
unsigned ksi_view_cycles(struct ksi_out *out, const ksl_thread *only);

/* All of the above for all threads, as ksl_diag_dump writes it. */
void ksi_view_all(struct ksi_out *out);

#endif
