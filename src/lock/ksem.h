/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_KSEM_H
#define KSI_LOCK_KSEM_H

#include "lock/lock.h"

/* Kernel semaphore of EVL; what each call does is said in <evl/sem.h>. */

void ksi_ksem_init(uint64_t *word, unsigned value, const void *site);
void ksi_ksem_destroy(uint64_t *word, const void *site);
bool ksi_ksem_try(uint64_t *word, const void *site);
/* deadline: CLOCK_MONOTONIC ns or KSI_FOREVER; nonblock: -EAGAIN instead of a wait */
int ksi_ksem_down(uint64_t *word, uint64_t deadline, bool nonblock, const void *site);
/* Not beyond `most`: that is a violation if it is INT_MAX, else nothing happens. */
void ksi_ksem_up(uint64_t *word, uint64_t most, const void *site);
/* Ends all waits with that outcome; KSI_WOKEN: they return 0. The value stays. */
void ksi_ksem_flush(uint64_t *word, enum ksi_outcome outcome, const void *site);

/* For messages: what a word says. */
uint64_t ksi_ksem_value(uint64_t word);
bool ksi_ksem_ended(uint64_t word);

/*
 * What every wait of EVL has in common. True if the caller must not wait, after a
 * `stage` report; -errno of an ended wait.
 */
bool ksi_evl_refuse_wait(ksl_thread *t, const char *call, enum ksi_kind kind,
                         const void *lock, const void *site);
int ksi_evl_error(ksl_thread *t, enum ksi_outcome outcome);

/* A kick came before the wait: it must fail at once. Takes the kick off. */
bool ksi_evl_kicked(ksl_thread *t);

#endif
