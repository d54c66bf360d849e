/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_WAIT_LOT_INSIDE_H
#define KSI_WAIT_LOT_INSIDE_H

#include "platform/rawlock.h"
#include "wait/lot.h"

/* What the files of the lot share. */

enum { KSI_BUCKETS = 1024 };

struct ksi_bucket {
    struct ksi_rawlock lock;
    struct ksi_queue *queues; /* of all keys that fall here and have waiters */
} __attribute__((aligned(64)));

extern struct ksi_bucket ksi_buckets[KSI_BUCKETS];

/* The kind is no part of it: all queues of an object share a bucket. */
struct ksi_bucket *ksi_bucket_of(const void *address);

/* With the lock of b: the queue of that key; NULL if nobody waits. */
struct ksi_queue *ksi_find_queue(const struct ksi_bucket *b, const void *address,
                                 unsigned kind);

/* With its bucket locked: takes w off its queue, for waking. */
void ksi_lot_take(struct ksi_waiter *w, struct ksi_wake_list *wake);

/* The queued w has a claim; it has none any more. */
void ksi_lot_drop_claim(struct ksi_waiter *w);

#endif
