/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_HOST_H
#define KSI_PLATFORM_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the floors above ask of the host besides parking. None changes errno. */

/* Processors that this process may use, at least 1; read once. */
unsigned ksi_cpu_count(void);

/* The one that the caller runs on; -1 if the host does not keep that in its memory. */
int ksi_cpu_now(void);

/* Offers the processor; sleeps for about us microseconds. */
void ksi_yield(void);
void ksi_nap(unsigned us);

/*
 * Between these two the caller is not cancelled: where it has begun something and comes
 * to a call that is a cancellation point.
 */
int ksi_cancel_off(void);
void ksi_cancel_back(int before);

/* Kernel id of the calling thread. */
int ksi_host_tid(void);

/* Sends signo to a thread of this process: 0, -ESRCH, -EAGAIN (queue full). */
int ksi_host_kick(int tid, int signo);

/*
 * Makes every other running thread of the process pass a full barrier.
 * Returns false if the host cannot; then the caller must do without.
 */
bool ksi_heavy_barrier(void);

/*
 * Whether it can, as far as is known; asks the host the first time. Missing: it cannot,
 * and everybody has been told. A sandbox may close while the process runs; who finds
 * that the barrier fails says so by ksi_heavy_gone, tells everybody, and says so
 * for good.
 */
bool ksi_heavy_works(void);
bool ksi_heavy_missing(void);
bool ksi_heavy_began(void); /* it could when it was asked the first time */
void ksi_heavy_gone(bool for_good);

/* Copies n bytes: 0; -EFAULT if they cannot be read; another error if the host refuses.
 */
int ksi_host_copy(void *to, const void *from, size_t n);

/*
 * Copies a string of at most room - 1 bytes, cut if it is longer: 0; -EFAULT if it
 * cannot be read; another error if the host does not let us try.
 */
int ksi_host_copy_text(char *to, const char *from, size_t room);

/* Zeroed pages that are never given back; NULL if there are none. */
void *ksi_pages(size_t bytes);
/* The exception: the caller knows that nobody uses them any more. NULL: does nothing. */
void ksi_pages_back(void *pages, size_t bytes);

#endif
