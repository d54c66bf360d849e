/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sleep and wakeup by channel (rules 39 to 52), and what cv(9) shares with it.
 *
 * The sleeper is queued before its interlock is released (rule 39), with the waiter
 * for blocking; the interlock is waited for with the other one. A wake-up
 * needs the bucket lock only. Who is taken off the queue by a wake-up has been
 * woken, whatever else happens until it has its interlock again.
 */

#include "lock/channel.h"

#include "lock/mtx.h"
#include "platform/park.h"
#include "platform/testing.h"
#include "wait/wait.h"

#include <kslock/sleepq.h>

#include <stdio.h>

enum { SECOND = 1000000000 };

KSL_API int ksl_freebsd_hz = 1000; /* atomic */
static uint64_t loaded;            /* date */

__attribute__((constructor(101))) static void start_ticks(void)
{
    loaded = ksi_now();
}

int ksi_hz(void)
{
    int now = ksi_load(&ksl_freebsd_hz);
    return now > 0 ? now : 1;
}

int ksi_ticks(void)
{
    uint64_t ns = ksi_now() - loaded;
    uint64_t n =
        ns / SECOND * (unsigned)ksi_hz() + ns % SECOND * (unsigned)ksi_hz() / SECOND;
    return (int)(uint32_t)n; /* it wraps, as the kernel's */
}

/* Never early: rounded up. */
static uint64_t date_of(int ticks)
{
    if (ticks == 0)
        return KSI_FOREVER;
    unsigned hz = (unsigned)ksi_hz();
    if (KSI_FAULT(CHANNEL_TICK_EARLY))
        ticks--;
    return ksi_now() + ((uint64_t)(unsigned)ticks * SECOND + hz - 1) / hz;
}

int ksi_sleep_refuse(const struct ksi_sleep *s, enum ksi_rule rule, const char *why)
{
    const struct ksi_named *l = s->lock;
    const char *what = s->what != NULL ? s->what : "";
    if (l != NULL) {
        ksi_named_refuse(l, rule, NULL, s->site, "%s(%s) on %p: %s", s->call, what,
                         s->key, why);
    } else {
        struct ksi_misuse m = {rule, KSI_NO_KIND, NULL, s->site, NULL, false};
        ksi_violate(&m, "%s(%s) on %p: %s", s->call, what, s->key, why);
    }
    return EINVAL;
}

/* For the order checker, if it is on (rule 51). */
static void watch(const struct ksi_sleep *s)
{
    char text[64];
    if (KSI_LIKELY(!ksi_order_on()))
        return;
    snprintf(text, sizeof text, "%s(%s)", s->call, s->what != NULL ? s->what : "");
    ksi_order_sleep(text, s->lock, s->site);
}

/* 0, or the error of a sleep that must not begin. */
static int check(const struct ksi_sleep *s, ksl_thread *t, enum ksi_interlock *how)
{
    if (s->lock != NULL && !ksi_interlock_alive(s->lock, s->spinning, s->call, s->site))
        return EINVAL;
    if (s->key == NULL)
        return ksi_sleep_refuse(s, KSI_BAD_ARGUMENT_RULE, "NULL channel");
    if (s->ticks < 0)
        return ksi_sleep_refuse(s, KSI_BAD_ARGUMENT_RULE, "negative time");
    if (t->handlers > 0)
        return ksi_sleep_refuse(s, KSI_IRQ_SLEEP_RULE, "in an interrupt handler");
    uint32_t level = ksi_load(&t->front.level);
    if (s->spinning) {
        if (!ksi_mtx_spin_check(s->lock, t, s->call, s->site))
            return EINVAL;
        level = t->spin_mutexes > 1 ? KSI_MASK_ALL : t->spin_level;
    } else if (s->lock != NULL) {
        *how = ksi_interlock_check(s->lock, t, s->call, s->site);
        if (*how == KSI_INTERLOCK_BAD)
            return EINVAL;
    }
    return level == 0
               ? 0
               : ksi_sleep_refuse(s, KSI_MASKED_SLEEP_RULE, "with interrupts masked");
}

static int error_of(const ksl_thread *t, enum ksi_outcome outcome)
{
    switch (outcome) {
    case KSI_TIMED_OUT:
        return EWOULDBLOCK;
    case KSI_SIGNALLED:
        return ksi_named_interrupted(t, -ERESTART);
    case KSI_UNBLOCKED:
        return EINTR;
    default:
        return 0;
    }
}

int ksi_sleep(const struct ksi_sleep *s)
{
    ksl_thread *t = ksi_self();
    enum ksi_interlock how = KSI_INTERLOCK_BAD;
    int error = check(s, t, &how);
    if (error != 0)
        return error;
    watch(s);
    if (t->prepared != 0)
        ksl_block_cancel(); /* the waiter serves one sleep at a time */
    unsigned class = s->lock != NULL ? s->lock->flags & KSI_NAMED_CLASS : 0;
    uint64_t date = date_of(s->ticks);
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_BLOCK];
    struct ksi_lot lot;
    if (KSI_FAULT(CHANNEL_UNLOCKS_FIRST) && s->lock != NULL && !s->spinning)
        how = ksi_interlock_release(s->lock, t, how);
    if (KSI_FAULT(CHANNEL_UNSPINS_FIRST) && s->spinning)
        ksi_mtx_unspin(s->lock, t);
    KSI_POINT("channel: sleep");
    ksi_lot_lock(&lot, s->key);
    ksi_lot_enqueue(&lot, w, s->key, s->kind, KSI_FIFO, s->counter);
    bool ended = s->interruptible && !ksi_wait_interruptible(w);
    ksi_lot_unlock(&lot, NULL);
    if (s->spinning && !KSI_FAULT(CHANNEL_UNSPINS_FIRST))
        ksi_mtx_unspin(s->lock, t);
    else if (s->lock != NULL && !KSI_FAULT(CHANNEL_UNLOCKS_FIRST))
        how = ksi_interlock_release(s->lock, t, how);
    KSI_POINT("channel: unlocked");
    enum ksi_outcome outcome = ended ? KSI_SIGNALLED : ksi_wait(w, date);
    error = error_of(t, outcome);
    if (KSI_FAULT(CHANNEL_LATE_UNLOCKED) && error == EWOULDBLOCK)
        return error;
    if (s->spinning && ksi_named_alive(s->lock, class, s->call, s->site))
        (void)ksi_mtx_spin(s->lock, t, s->site);
    else if (s->spinning)
        return error;
    else if (s->lock != NULL && !s->drop)
        ksi_interlock_acquire(s->lock, t, how, class, s->call, s->site);
    return error;
}

void ksi_wakeup(const void *key, enum ksi_queue_kind kind, enum ksi_wake_who who)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("channel: wakeup");
    ksi_lot_lock(&lot, key);
    if (who == KSI_WAKE_URGENT) {
        ksi_lot_pop_urgent(&lot, key, kind, &wake);
    } else if (who == KSI_WAKE_LAST) {
        ksi_lot_pop_last(&lot, key, kind, &wake);
    } else {
        while (ksi_lot_pop(&lot, key, kind, &wake)) {
            if (KSI_FAULT(CHANNEL_WAKES_ONE))
                break;
        }
    }
    ksi_lot_unlock(&lot, &wake);
}
