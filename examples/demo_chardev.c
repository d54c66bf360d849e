/* SPDX-License-Identifier: BSD-2-Clause */

/* The driver of demo_chardev.h: kernel headers only. */

#include "demo_chardev.h"
#include "demo_routes.h"

#include <kernel/asm.h>
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
#include <string.h>

enum { BURST_SUM = 256 + 512 + 768 + 1024 };

static const uint32_t first_bursts[CHARDEV_BURSTS] = {256, 1024, 512, 768};

/* -------------------------------------------------------------------------
 * Burst table: how much the device hands over at a time.
 */

/* Length of burst number seq. Context: any, the handler too. */
static size_t burst_length(struct chardev *dev, uint64_t seq)
{
    int irq;
    rwlock_acquire_read(&dev->burst_lock, &irq);
    size_t len = dev->burst[seq % CHARDEV_BURSTS];
    rwlock_release_read(&dev->burst_lock, &irq);
    return len;
}

/* True if no writer was at work while we looked: the sum never changes. */
static bool burst_table_sane(struct chardev *dev)
{
    uint32_t sum = 0;
    int irq;
    rwlock_acquire_read(&dev->burst_lock, &irq);
    for (size_t i = 0; i < CHARDEV_BURSTS; i++)
        sum += dev->burst[i];
    rwlock_release_read(&dev->burst_lock, &irq);
    return sum == BURST_SUM;
}

static void burst_rotate(struct chardev *dev)
{
    int irq;
    rwlock_acquire_write(&dev->burst_lock, &irq);
    uint32_t first = dev->burst[0];
    for (size_t i = 0; i + 1 < CHARDEV_BURSTS; i++)
        dev->burst[i] = dev->burst[i + 1];
    dev->burst[CHARDEV_BURSTS - 1] = first;
    rwlock_release_write(&dev->burst_lock, &irq);
}

/* -------------------------------------------------------------------------
 * Translation table: a permutation of the byte values and its inverse. A
 * block that goes through both halves of one table comes out as it went in; a
 * table rewritten under a reader would garble it.
 */

static void table_rewrite(struct chardev *dev, unsigned key)
{
    (void)rwsem_acquire_write(&dev->table_sem);
    for (unsigned i = 0; i < 256; i++) {
        uint8_t image = (uint8_t)(i * (2 * key + 1) + 7 * key);
        dev->to[i] = image;
        dev->from[image] = (uint8_t)i;
    }
    (void)rwsem_release_write(&dev->table_sem);
}

static void translate(struct chardev *dev, const uint8_t *table, struct chardev_block *b)
{
    (void)rwsem_acquire_read(&dev->table_sem); /* may be nested in the caller's */
    for (size_t i = 0; i < b->len; i++)
        b->data[i] = table[b->data[i]];
    (void)rwsem_release_read(&dev->table_sem);
}

static void pass_through_table(struct chardev *dev, struct chardev_block *b)
{
    (void)rwsem_acquire_read(&dev->table_sem);
    translate(dev, dev->to, b);
    translate(dev, dev->from, b);
    (void)rwsem_release_read(&dev->table_sem);
}

/* -------------------------------------------------------------------------
 * Ring: filled by the handler, emptied by the readers.
 */

/* Everything that the device had is in place. Context: `lock` held. */
static bool drained(const struct chardev *dev)
{
    return dev->ended && dev->finished == dev->filled;
}

/* Moves one burst into the ring. Context: `lock` held, room in the ring. */
static void fill_slot(struct chardev *dev)
{
    struct chardev_block *b = &dev->ring[dev->filled % CHARDEV_SLOTS];
    bool at_end = false;
    b->len = dev->port.fetch(dev->port.device, b->data, burst_length(dev, dev->filled),
                             &at_end);
    if (b->len > 0) {
        b->seq = dev->filled++;
        b->offset = dev->offset;
        dev->offset += b->len;
    }
    if (at_end) {
        dev->ended = true;
        cond_set(&dev->state, drained(dev) ? CHARDEV_DRAINED : CHARDEV_ENDED);
    }
}

/* Looks at the device once; returns how many readers to wake, 0: none. */
static size_t service(struct chardev *dev)
{
    if (dev->ended)
        return 0;
    if (dev->filled - dev->taken == CHARDEV_SLOTS) {
        dev->stats.stalls++; /* drop nothing: the next interrupt will take it */
        return 0;
    }
    fill_slot(dev);
    if (dev->asleep == 0)
        return 0;
    dev->stats.wakeups++;
    return dev->ended ? dev->asleep : 1;
}

void chardev_interrupt(struct chardev *dev)
{
    spinlock_acquire(&dev->lock);
    dev->stats.interrupts++;
    size_t wake = service(dev);
    spinlock_release(&dev->lock);
    if (wake > 0)
        wakeup_queue(&dev->readers, wake);
}

/* One look at the device without an interrupt, as before the line is open. */
static void poll_device(struct chardev *dev)
{
    int had_interrupt = have_interrupt();
    disable_interrupt();
    spinlock_acquire(&dev->lock);
    dev->stats.polls++;
    size_t wake = service(dev);
    spinlock_raw_release(&dev->lock); /* interrupts stay off */
    if (wake > 0)
        wakeup_queue(&dev->readers, wake);
    if (had_interrupt)
        enable_interrupt();
}

/* A reader need not sleep. Context: `lock` held. */
static bool reader_may_go(const struct chardev *dev)
{
    return dev->taken != dev->filled || dev->ended || dev->stopping;
}

/* Sleeps until there is a block and takes it; false: there will be none. */
static bool take_block(struct chardev *dev, struct chardev_block *out)
{
    bool got = false;
    spinlock_acquire(&dev->lock);
    while (!reader_may_go(dev)) {
        dev->stats.sleeps++;
        dev->asleep++;
        /* -EINTR has no meaning for a kernel task: it looks again */
        (void)sleep_on_queue_lock(&dev->readers, reader_may_go(dev), &dev->lock);
        dev->asleep--;
    }
    if (dev->taken != dev->filled && !dev->stopping) {
        const struct chardev_block *b = &dev->ring[dev->taken++ % CHARDEV_SLOTS];
        out->seq = b->seq;
        out->offset = b->offset;
        out->len = b->len;
        memcpy(out->data, b->data, b->len);
        got = true;
    }
    spinlock_release(&dev->lock);
    return got;
}

/* -------------------------------------------------------------------------
 * Order: blocks are finished in any order, but none too far ahead.
 */

static bool in_window(const struct chardev *dev, uint64_t seq)
{
    return seq < __atomic_load_n(&dev->oldest, __ATOMIC_SEQ_CST) + CHARDEV_WINDOW;
}

/* The reader with the oldest block is never held up, so the window moves. */
static void wait_for_window(struct chardev *dev, uint64_t seq)
{
    if (in_window(dev, seq))
        return;
    mutex_acquire(&dev->order_lock);
    dev->stats.held_up++;
    mutex_release(&dev->order_lock);
    while (!in_window(dev, seq))
        (void)sleep_on_queue_condition(&dev->window_queue, in_window(dev, seq));
}

/* Asks the keeper for new tables. */
static void poke_keeper(struct chardev *dev)
{
    __atomic_add_fetch(&dev->rewrites_due, 1, __ATOMIC_SEQ_CST);
    spinlock_acquire(&dev->lock);
    if (dev->keeper != NULL)
        (void)unblock_task(dev->keeper);
    spinlock_release(&dev->lock);
}

/* Counts a block for its reader. Context: order_lock may be held already. */
static void account(struct chardev *dev, unsigned reader, const struct chardev_block *b)
{
    bool sane = burst_table_sane(dev);
    mutex_acquire(&dev->order_lock);
    dev->stats.blocks[reader]++;
    dev->stats.ahead += b->seq != dev->oldest;
    dev->stats.torn += !sane;
    mutex_release(&dev->order_lock);
}

/* Puts a block where it belongs and moves the window. */
static void put_in_place(struct chardev *dev, unsigned reader,
                         const struct chardev_block *b)
{
    memcpy(dev->sink + b->offset, b->data, b->len);

    mutex_acquire(&dev->order_lock);
    account(dev, reader, b);
    uint64_t oldest = dev->oldest;
    dev->window |= UINT32_C(1) << (b->seq - oldest);
    while ((dev->window & 1) != 0) {
        dev->window >>= 1;
        oldest++;
    }
    bool moved = oldest != dev->oldest;
    __atomic_store_n(&dev->oldest, oldest, __ATOMIC_SEQ_CST);
    __atomic_store_n(&dev->placed, dev->placed + b->len, __ATOMIC_SEQ_CST);
    mutex_release(&dev->order_lock);

    if (moved)
        wakeup_queue(&dev->window_queue, 0);
    if (b->seq % CHARDEV_REWRITE == CHARDEV_REWRITE - 1)
        poke_keeper(dev);

    spinlock_acquire(&dev->lock);
    dev->finished++;
    if (drained(dev))
        cond_set(&dev->state, CHARDEV_DRAINED);
    spinlock_release(&dev->lock);
}

/* -------------------------------------------------------------------------
 * Tasks.
 */

/* The last one out tells chardev_stop; nothing touches dev after that. */
static void task_leaves(struct chardev *dev, bool is_keeper)
{
    cond_t *gone = NULL;
    spinlock_acquire(&dev->lock);
    if (is_keeper)
        dev->keeper = NULL;
    if (--dev->tasks == 0)
        gone = dev->gone;
    spinlock_release(&dev->lock);
    if (gone != NULL)
        cond_set(gone, 1);
}

static void reader_task(void *arg)
{
    struct chardev *dev = arg;
    struct chardev_block block;
    spinlock_acquire(&dev->lock);
    unsigned id = dev->next_id++;
    spinlock_release(&dev->lock);

    while (take_block(dev, &block)) {
        wait_for_window(dev, block.seq);
        pass_through_table(dev, &block);
        routes_book(block.data, block.len);
        put_in_place(dev, id, &block);
    }
    task_leaves(dev, false);
}

static bool keeper_has_work(struct chardev *dev)
{
    return __atomic_load_n(&dev->rewrites_due, __ATOMIC_SEQ_CST) != 0 ||
           __atomic_load_n(&dev->stopping, __ATOMIC_SEQ_CST);
}

/* Sleeps by hand: a wake-up between prepare and block_task is not lost. */
static void keeper_task(void *arg)
{
    struct chardev *dev = arg;
    unsigned key = 1;
    while (!__atomic_load_n(&dev->stopping, __ATOMIC_SEQ_CST)) {
        block_prepare();
        if (keeper_has_work(dev))
            block_cancel();
        else
            (void)block_task();
        if (__atomic_exchange_n(&dev->rewrites_due, 0, __ATOMIC_SEQ_CST) == 0)
            continue;
        table_rewrite(dev, key++);
        burst_rotate(dev);
        mutex_acquire(&dev->order_lock);
        dev->stats.rewrites++;
        mutex_release(&dev->order_lock);
    }
    task_leaves(dev, true);
}

static task_t *start_task(struct chardev *dev, void (*fn)(void *))
{
    spinlock_acquire(&dev->lock);
    dev->tasks++;
    spinlock_release(&dev->lock);
    task_t *task = new_kernel_task(fn, dev);
    if (task == NULL) {
        spinlock_acquire(&dev->lock);
        dev->tasks--;
        spinlock_release(&dev->lock);
    }
    return task;
}

int chardev_start(struct chardev *dev, unsigned readers)
{
    memcpy(dev->burst, first_bursts, sizeof(dev->burst));
    table_rewrite(dev, 0);
    cond_set(&dev->state, CHARDEV_RUNNING);
    poll_device(dev);

    task_t *keeper = start_task(dev, keeper_task);
    spinlock_acquire(&dev->lock);
    dev->keeper = keeper;
    spinlock_release(&dev->lock);
    bool complete = keeper != NULL;
    for (unsigned i = 0; i < readers && complete; i++)
        complete = start_task(dev, reader_task) != NULL;
    if (complete)
        return 0;
    chardev_stop(dev);
    return -ENOMEM;
}

void chardev_drain(struct chardev *dev)
{
    (void)cond_wait(&dev->state, CHARDEV_DRAINED);
}

void chardev_stop(struct chardev *dev)
{
    cond_t gone;
    init_cond(&gone);
    spinlock_acquire(&dev->lock);
    __atomic_store_n(&dev->stopping, true, __ATOMIC_SEQ_CST);
    bool wait = dev->tasks > 0;
    dev->gone = &gone;
    if (dev->keeper != NULL)
        (void)unblock_task(dev->keeper);
    spinlock_release(&dev->lock);
    wakeup_queue(&dev->readers, 0);
    if (wait)
        (void)cond_wait(&gone, 1);
}

uint64_t chardev_progress(const struct chardev *dev)
{
    return __atomic_load_n(&dev->placed, __ATOMIC_SEQ_CST);
}

void chardev_get_stats(struct chardev *dev, struct chardev_stats *out)
{
    mutex_acquire(&dev->order_lock);
    spinlock_acquire(&dev->lock);
    *out = dev->stats;
    spinlock_release(&dev->lock);
    mutex_release(&dev->order_lock);
}
