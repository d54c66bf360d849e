/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_KSEM_H
#define KSI_LOCK_KSEM_H

#include "lock/lock.h"

/*
 * Kernel semaphore of EVL; what each call does is said in <evl/sem.h>. call: its name in
 * messages, for flags are such semaphores, too.
 */

void ksi_ksem_init(uint64_t *word, unsigned value, const void *site);
void ksi_ksem_end(uint64_t *word, const char *call, const void *site);
bool ksi_ksem_take(uint64_t *word, const char *call, const void *site);
/* deadline: CLOCK_MONOTONIC ns or KSI_FOREVER; nonblock: -EAGAIN instead of a wait */
int ksi_ksem_await(uint64_t *word, uint64_t deadline, bool nonblock, const char *call,
                   const void *site);
/* Not beyond `most`: that is a violation if it is INT_MAX, else nothing happens. */
void ksi_ksem_give(uint64_t *word, uint64_t most, const char *call, const void *site);
/* Ends all waits with that outcome; KSI_WOKEN: they return 0. The value stays. */
void ksi_ksem_flush(uint64_t *word, enum ksi_outcome outcome, const char *call,
                    const void *site);

static inline void ksi_ksem_destroy(uint64_t *word, const void *site)
{
    ksi_ksem_end(word, "evl_destroy_ksem", site);
}

static inline bool ksi_ksem_try(uint64_t *word, const void *site)
{
    return ksi_ksem_take(word, "evl_trydown", site);
}

static inline int ksi_ksem_down(uint64_t *word, uint64_t deadline, bool nonblock,
                                const void *site)
{
    return ksi_ksem_await(word, deadline, nonblock, "evl_down", site);
}

static inline void ksi_ksem_up(uint64_t *word, uint64_t most, const void *site)
{
    ksi_ksem_give(word, most, "evl_up", site);
}

/*
 * What every wait of EVL has in common. True if the caller must not wait, after a
 * `stage` report; -errno of an ended wait.
 */
bool ksi_evl_refuse_wait(ksl_thread *t, const char *call, enum ksi_kind kind,
                         const void *lock, const void *site);
int ksi_evl_error(ksl_thread *t, enum ksi_outcome outcome);

/* --- between the files of the semaphore: the word, see ksem.c ----------------------- */

#define KSI_KSEM_VALUE ((uint64_t)0x7fffffff)
#define KSI_KSEM_WATCHED ((uint64_t)1 << 31)
#define KSI_KSEM_WAITERS ((uint64_t)1 << 32)
#define KSI_KSEM_GONE ((uint64_t)1 << 33)
#define KSI_KSEM_EVENT ((uint64_t)1 << 34)
#define KSI_KSEM_UNSURE ((uint64_t)1 << 35)
#define KSI_KSEM_ODD ((uint64_t)1 << 36)
#define KSI_KSEM_UNIT_AT 37
#define KSI_KSEM_UNIT ((uint64_t)1 << KSI_KSEM_UNIT_AT)
#define KSI_KSEM_HIDDEN_MAX (UINT64_MAX >> KSI_KSEM_UNIT_AT)

static inline uint64_t ksi_ksem_value(uint64_t word)
{
    return (word & KSI_KSEM_VALUE) + (word >> KSI_KSEM_UNIT_AT);
}

/* It is watched, and nothing has shown that it is no lock. */
static inline bool ksi_ksem_may_be_lock(uint64_t word)
{
    return (word & (KSI_KSEM_WATCHED | KSI_KSEM_EVENT)) == KSI_KSEM_WATCHED;
}

/* The word of the same semaphore as an event; somebody who is told keeps it watched. */
static inline uint64_t ksi_ksem_event(uint64_t word)
{
    uint64_t value = ksi_ksem_value(word);
    uint64_t marks = KSI_KSEM_EVENT | (word & (KSI_KSEM_WAITERS | KSI_KSEM_GONE));
    if (ksi_telling() && value < KSI_KSEM_HIDDEN_MAX)
        return marks | KSI_KSEM_WATCHED | value << KSI_KSEM_UNIT_AT;
    return marks | value;
}

/* ksem_watch.c: while `stats` or `trace` is on: inlined calls do not touch it any more.
 */
KSI_COLD void ksi_ksem_hide(uint64_t *word);

/* ksem_watch.c: while `order` or `hang` is on. */

struct ksi_ksem_watch {
    bool lock; /* it may be one: who takes the unit is its holder */
    bool unsure;
    uint32_t proofs; /* counted before that was seen, see ksem_watch.c */
};

KSI_COLD void ksi_ksem_watch_begin(uint64_t *word, unsigned value, const void *site);
KSI_COLD void ksi_ksem_watch_end(uint64_t *word);
/* Before a unit is taken; before that by a call that may wait, endless: without a date.
 */
KSI_COLD void ksi_ksem_watch_try(uint64_t *word, struct ksi_ksem_watch *watch);
KSI_COLD void ksi_ksem_watch_wait(uint64_t *word, const struct ksi_ksem_watch *watch,
                                  bool endless, const void *site);
/* After that; a mere key: it may be gone. */
KSI_COLD void ksi_ksem_watch_taken(const uint64_t *word,
                                   const struct ksi_ksem_watch *watch, const void *site);
/* Before a unit is given; `most` as in ksi_ksem_up. */
KSI_COLD void ksi_ksem_watch_up(uint64_t *word, uint64_t most);
/* It is an event. */
KSI_COLD void ksi_ksem_watch_event(uint64_t *word);

/* ------------------------------------------------------------------------------------ */

/*
 * With the bucket locked and w queued, out-of-band: from now on signals, forced unblocks
 * and kicks end this wait. False if a signal is pending, or a kick came before; then w is
 * off the queue and must not wait. The kick is used up, also if the signal went before.
 */
bool ksi_evl_interruptible(struct ksi_waiter *w);

#endif
