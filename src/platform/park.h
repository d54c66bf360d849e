/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_PARK_H
#define KSI_PLATFORM_PARK_H

#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * The seam: the only place where a thread gives up the processor to wait for
 * another one. park_futex.c and park_pthread.c fill it; a test build can put
 * itself in between (struct ksi_seam).
 *
 * A parker belongs to one thread, which alone may park on it. It holds at
 * most one token. ksi_unpark leaves a token; ksi_park takes it, at once
 * if it is there. Who is responsible: the thread that called ksi_unpark after
 * it published the reason; the parked thread looks at the reason again after
 * every return.
 *
 * States of the word:
 *   EMPTY   no token, the owner runs            owner: -> PARKED
 *   PARKED  the owner sleeps or is about to     anybody: -> TOKEN, then wakes it
 *   TOKEN   a wake-up waits for the owner       owner: -> EMPTY
 */
struct ksi_parker {
    uint32_t word;
    sem_t sem; /* park_pthread.c only */
};

enum ksi_park_result {
    KSI_PARK_TOKEN,   /* a token was taken */
    KSI_PARK_TIMEOUT, /* the date has come and there was no token */
    KSI_PARK_RETRY    /* interrupted or spurious: look again */
};

#define KSI_FOREVER UINT64_MAX

void ksi_parker_init(struct ksi_parker *p);
/* In a child of fork, whose thread may park on it; that ends for no reason. */
void ksi_parker_forked(struct ksi_parker *p);

/* Sleeps until a token, the CLOCK_MONOTONIC date in ns, or no reason at all. */
enum ksi_park_result ksi_park(struct ksi_parker *p, uint64_t deadline);

/* Leaves a token and wakes the owner. Async-signal-safe. */
void ksi_unpark(struct ksi_parker *p);

/* CLOCK_MONOTONIC in ns. */
uint64_t ksi_now(void);

/*
 * For raw locks only: sleeps while *word == seen, may return at any time; and
 * wakes one such sleeper. Async-signal-safe.
 */
void ksi_word_wait(uint32_t *word, uint32_t seen);
void ksi_word_wake(uint32_t *word);

/* What the host's file implements; everybody else calls the names above. */
enum ksi_park_result ksi_host_park(struct ksi_parker *p, uint64_t deadline);
void ksi_host_unpark(struct ksi_parker *p);
uint64_t ksi_host_now(void);

#if defined(KSI_TESTING) && KSI_TESTING
/* A member that is NULL goes to the host. Replace only while nobody waits. */
struct ksi_seam {
    enum ksi_park_result (*park)(struct ksi_parker *p, uint64_t deadline);
    void (*unpark)(struct ksi_parker *p);
    uint64_t (*now)(void);
};
extern struct ksi_seam ksi_seam;
#endif

#endif
