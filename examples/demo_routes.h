/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_ROUTES_H
#define DEMO_ROUTES_H

/*
 * Routing table of the demo, written as FreeBSD kernel code: says to which
 * account a block of the stream is booked, by the tag of the block, its first
 * byte. A reloader replaces the whole table every few milliseconds while the
 * readers of the driver look blocks up.
 *
 * Locks, outermost first; neither is wanted while a lock of the driver is held:
 *   routes_lock    sx         the table; a share to look up
 *   accounts_lock  sleep mtx  accounts and statistics
 *
 * No header of a kernel here: the driver, which includes this one, is written
 * for another.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROUTES_TAGS = 256,
    ROUTES_ACCOUNTS = 4,
    ROUTES_RELOAD_MS = 2 /* between two reloads */
};

struct routes_stats {
    uint64_t reloads;  /* tables put in place */
    uint64_t upgrades; /* of these, by an upgrade of the reloader's share */
    uint64_t lookups;
    uint64_t torn; /* half-replaced tables seen: must stay 0 */
    uint64_t blocks[ROUTES_ACCOUNTS];
    uint64_t bytes[ROUTES_ACCOUNTS];
};

/*
 * Replaces the table at once and then again and again, until routes_stop. With
 * give_way it lets readers in halfway through a reload, which they must notice.
 * Context: a thread of its own, once in a program.
 */
void routes_reloader(bool give_way);

/* Sleeps until the reloader is at work on its first table. Context: thread. */
void routes_wait(void);

/* Sends the reloader home. Context: thread, no lock held. */
void routes_stop(void);

/* Books a block of len bytes, at least 1. Context: thread; may sleep. */
void routes_book(const uint8_t *data, size_t len);

/* Copies the statistics. Context: thread. */
void routes_get_stats(struct routes_stats *out);

#endif
