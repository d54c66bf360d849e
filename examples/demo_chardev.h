/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_CHARDEV_H
#define DEMO_CHARDEV_H

/*
 * A character-device driver written as kernel code.
 *
 * The device interrupts; the handler moves one burst of bytes into a block of
 * the ring. Reader tasks sleep until there is a block, take it, pass it
 * through the translation table, book it by the routing table (demo_routes.h)
 * with no lock held, and put it into the sink at its place. A keeper task
 * rewrites the other two tables now and then.
 *
 * Locks, outermost first:
 *   table_sem   rwsem     translation table; held while a block is translated
 *   order_lock  mutex     order of completion and statistics of the readers
 *   lock        spinlock  ring, device registers, task count; handler too
 *   burst_lock  rwlock    burst table; handler too
 *
 * A zero-filled struct chardev with port and sink set is ready for
 * chardev_start: no lock needs initialisation.
 */

#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHARDEV_BLOCK = 1024, /* largest burst in bytes */
    CHARDEV_SLOTS = 64,   /* blocks in the ring */
    CHARDEV_BURSTS = 4,   /* entries of the burst table */
    CHARDEV_READERS = 32, /* most reader tasks */
    CHARDEV_WINDOW = 16,  /* how far a block may be finished ahead of the oldest */
    CHARDEV_REWRITE = 64  /* blocks between two rewrites of the tables */
};

/* The device as the driver sees it; fetch is called with `lock` held. */
struct chardev_port {
    /* Takes up to max bytes out of the device; *at_end: nothing will follow. */
    size_t (*fetch)(void *device, uint8_t *to, size_t max, bool *at_end);
    void *device;
};

struct chardev_block {
    uint64_t seq;    /* number of the block, from 0 */
    uint64_t offset; /* of its first byte in the stream */
    size_t len;
    uint8_t data[CHARDEV_BLOCK];
};

/* Values of chardev.state. */
enum { CHARDEV_OFF, CHARDEV_RUNNING, CHARDEV_ENDED, CHARDEV_DRAINED };

struct chardev_stats {
    /* under lock */
    uint64_t interrupts; /* handler runs that looked at the device */
    uint64_t stalls;     /* of these, ring full: the bytes stayed in the device */
    uint64_t polls;      /* looks at the device without an interrupt */
    uint64_t sleeps;     /* waits for a block that had to sleep */
    uint64_t wakeups;    /* wake-ups sent to the readers */
    /* under order_lock */
    uint64_t held_up;  /* waits for the window that had to sleep */
    uint64_t ahead;    /* blocks finished before an older one */
    uint64_t rewrites; /* rewrites of the tables */
    uint64_t torn;     /* burst tables seen half written: must stay 0 */
    uint64_t blocks[CHARDEV_READERS];
};

struct chardev {
    struct chardev_port port;
    uint8_t *sink; /* where the stream is put together */

    spinlock_t lock;
    struct chardev_block ring[CHARDEV_SLOTS];
    uint64_t filled;   /* blocks put into the ring so far */
    uint64_t taken;    /* blocks taken out so far */
    uint64_t finished; /* blocks in place */
    uint64_t offset;   /* bytes taken from the device so far */
    unsigned asleep;   /* readers that wait for a block */
    unsigned tasks;    /* tasks that have not left */
    unsigned next_id;  /* number of the next reader */
    bool ended;        /* the device has no more */
    bool stopping;
    cond_t *gone; /* on the stack of chardev_stop: the last task has left */
    task_t *keeper;
    sleep_queue_t readers; /* wait for a block */
    cond_t state;

    rwlock_t burst_lock;
    uint32_t burst[CHARDEV_BURSTS];

    mutex_t order_lock;
    uint64_t oldest; /* oldest block not in place; read without the lock */
    uint64_t placed; /* bytes in place; read without the lock */
    uint32_t window; /* bit n: block oldest + n is in place */
    sleep_queue_t window_queue;
    struct chardev_stats stats;

    rwsem_t table_sem;
    uint8_t to[256];   /* translation */
    uint8_t from[256]; /* and its inverse */
    unsigned rewrites_due;
};

/*
 * Starts the tasks and takes the first burst. Returns 0, or -ENOMEM with no
 * task left behind. Context: thread.
 */
int chardev_start(struct chardev *dev, unsigned readers);

/* The interrupt service routine. Context: handler, or interrupts masked. */
void chardev_interrupt(struct chardev *dev);

/* Sleeps until the device has ended and every byte is in place. */
void chardev_drain(struct chardev *dev);

/* Bytes in place so far. Context: any. */
uint64_t chardev_progress(const struct chardev *dev);

/* Sends all tasks home and waits for them; dev may be freed afterwards. */
void chardev_stop(struct chardev *dev);

/* Copies the statistics. Context: thread. */
void chardev_get_stats(struct chardev *dev, struct chardev_stats *out);

#endif
