/* SPDX-License-Identifier: BSD-2-Clause */

/* The bottom half of demo_strategy.h: AIX headers only. */

#include <sys/intr.h>
#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/sleep.h>
#include <sys/types.h>

#include "demo_strategy.h"

#include <errno.h>
#include <stddef.h>

enum { LOCK_CLASS = 7 };

_Static_assert(INTBASE - STRATEGY_LEVEL == INTCLASS2, "priority of the handler");

enum slot_state { SLOT_FREE, SLOT_KEPT, SLOT_WAITING, SLOT_COMPLETE, SLOT_LOST };

struct slot {
    struct slot *next;
    struct strategy_request *request;
    enum slot_state state;
    tid_t done;
};

static Simple_lock lock;

/* All with the lock. */
static struct slot slots[STRATEGY_SLOTS];
static struct slot *head; /* of the queue */
static struct slot **tail = &head;
static struct slot *active; /* at the disk; NULL: the queue is empty, too */
static tid_t room = EVENT_NULL;
static unsigned waiting; /* for room, and not woken */
static tid_t idle = EVENT_NULL;
static bool accepting;
static bool forgetful;
static struct strategy_port port;
static struct strategy_stats stats;

/* -------------------------------------------------------------------------
 * With the lock.
 */

/* Gives the lock back, which opens the interrupt, and has both again on return. */
static void wait_for(tid_t *event)
{
    (void)e_sleep_thread(event, &lock, LOCK_HANDLER);
}

/* Is everything as disable_lock has left it? before is what that has returned. */
static void check(int before, int expected)
{
    int now = i_disable(INTMAX);
    i_enable(now);
    stats.astray += now != INTCLASS2 || before != expected || !lock_mine(&lock);
}

static void start_next(void)
{
    active = head;
    if (active == NULL) {
        e_wakeup(&idle);
        return;
    }
    head = active->next;
    if (head == NULL)
        tail = &head;
    port.begin(port.disk, active->request);
}

static struct slot *find(enum slot_state state)
{
    for (size_t i = 0; i < STRATEGY_SLOTS; i++) {
        if (slots[i].state == state)
            return &slots[i];
    }
    return NULL;
}

/* NULL: too late. A free slot means that nobody waits for one. */
static struct slot *get_slot(void)
{
    struct slot *s = find(SLOT_FREE);
    if (s == NULL && accepting) {
        stats.room_waits++;
        waiting++;
        do {
            wait_for(&room);
            s = find(SLOT_KEPT);
        } while (s == NULL && accepting);
    }
    return accepting ? s : NULL;
}

/* For the one who has waited longest; nobody who comes now overtakes it. */
static void free_slot(struct slot *s)
{
    if (waiting == 0) {
        s->state = SLOT_FREE;
        return;
    }
    waiting--;
    s->state = SLOT_KEPT;
    e_wakeup_one(&room);
}

static void put(struct slot *s, struct strategy_request *request)
{
    s->next = NULL;
    s->request = request;
    s->state = SLOT_WAITING;
    *tail = s;
    tail = &s->next;
    stats.queued++;
    if (active == NULL)
        start_next();
}

static int wait_until_done(struct slot *s)
{
    while (s->state == SLOT_WAITING) {
        stats.sleeps++;
        wait_for(&s->done);
    }
    int error = s->state == SLOT_COMPLETE ? 0 : EIO;
    free_slot(s);
    return error;
}

/* -------------------------------------------------------------------------
 * Entries.
 */

void strategy_start(const struct strategy_port *to, bool careless)
{
    lock_alloc(&lock, LOCK_ALLOC_PIN, LOCK_CLASS, -1);
    simple_lock_init(&lock);
    port = *to;
    forgetful = careless;
    accepting = true;
}

int strategy(struct strategy_request *request)
{
    int pri = disable_lock(INTCLASS2, &lock);
    int error = ENXIO;
    struct slot *s = get_slot();
    if (s != NULL) {
        put(s, request);
        error = wait_until_done(s);
    }
    check(pri, INTBASE);
    unlock_enable(pri, &lock);
    return error;
}

void strategy_interrupt(void)
{
    int pri = disable_lock(INTCLASS2, &lock);
    struct slot *s = active;
    check(pri, INTCLASS2);
    if (s == NULL) {
        stats.stray++;
    } else {
        port.finish(port.disk, s->request);
        if (!forgetful || stats.interrupts > 0) {
            s->state = SLOT_COMPLETE;
            stats.completed++;
            e_wakeup_one(&s->done);
        }
        stats.interrupts++;
        start_next();
    }
    unlock_enable(pri, &lock);
}

void strategy_stop(void)
{
    int pri = disable_lock(INTCLASS2, &lock);
    accepting = false;
    e_wakeup(&room);
    while (active != NULL)
        wait_for(&idle);
    for (size_t i = 0; i < STRATEGY_SLOTS; i++) {
        if (slots[i].state == SLOT_WAITING) {
            slots[i].state = SLOT_LOST;
            stats.lost++;
            e_wakeup_one(&slots[i].done);
        }
    }
    check(pri, INTBASE);
    unlock_enable(pri, &lock);
}

void strategy_end(struct strategy_stats *out)
{
    *out = stats;
    lock_free(&lock);
}
