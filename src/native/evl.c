/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL: documented names -> locks. */

#include "diag/violation.h"
#include "lock/kmutex.h"
#include "lock/ksem.h"
#include "lock/stax.h"
#include "platform/host.h"
#include "platform/park.h"
#include "platform/testing.h"
#include "wait/wait.h"

#include <evl/flag.h>
#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>

#include <limits.h>
#include <stddef.h>

_Static_assert((int)KSL_EVL_KSEM_VALUE == INT_MAX, "see lock/ksem.c");
_Static_assert((int)KSL_EVL_KMUTEX_FAMILY == (int)KSI_FAMILY_EVL_MUTEX, "inlined paths");

static void refuse_argument(const char *call, int value, enum ksi_kind kind,
                            const void *lock, const void *site)
{
    struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, kind, lock, site, NULL, false};
    ksi_violate(&m, "%s: %d is out of range", call, value);
}

void evl_schedule(void)
{
    if (!ksl_irq_in_handler()) /* D12 */
        ksi_yield();
}

void evl_unblock_thread(struct evl_thread *thread, int reason)
{
    (void)reason;
    (void)ksl_thread_unblock((ksl_thread *)(void *)thread);
}

/* Only if no wait has used the kick up by now: one kick ends one wait. */
static void end_kicked_wait(const ksl_thread *t, struct ksi_waiter *w)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = {NULL, NULL, KSI_UNBLOCKED};
    if (!ksi_lot_find(&lot, w))
        return;
    if (w->interruptible && !w->signals_only && ksi_load(&t->evl_kicked) != 0) {
        ksi_lot_remove(w);
        ksi_wake_add(&wake, w);
    }
    ksi_lot_unlock(&lot, &wake);
}

void evl_kick_thread(struct evl_thread *thread, int info)
{
    ksl_thread *t = (ksl_thread *)(void *)thread;
    (void)info;
    if (t == NULL || !ksi_thread_alive(t))
        return;
    /* Set before the wait is looked for: the thread sees it when it queues, or is found.
     */
    ksi_xchg(&t->evl_kicked, 1u);
    KSI_POINT("evl: kick");
    for (unsigned i = 0; i < KSI_WAITERS; i++)
        end_kicked_wait(t, &t->waiters[i]);
    if (KSI_FAULT(EVL_KICK_LOST))
        ksi_xchg(&t->evl_kicked, 0u);
}

/* On a queue that nobody wakes. */
static int sleep_until(uint64_t deadline, const char *call, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_evl_refuse_wait(t, call, KSI_NO_KIND, NULL, site))
        return -EPERM;
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    struct ksi_lot lot;
    ksi_lot_lock(&lot, w);
    ksi_lot_enqueue(&lot, w, w, KSI_Q_CHANNEL, KSI_FIFO, NULL);
    bool parks = ksi_evl_interruptible(w);
    ksi_lot_unlock(&lot, NULL);
    enum ksi_outcome outcome =
        parks ? ksi_wait(w, deadline) : (enum ksi_outcome)ksi_load(&w->outcome);
    return outcome == KSI_TIMED_OUT ? 0 : ksi_evl_error(t, outcome);
}

int evl_sleep(ktime_t delay)
{
    uint64_t deadline = KSI_FOREVER;
    if (delay != EVL_INFINITE)
        deadline = delay > 0 ? ksi_now() + (uint64_t)delay : 0;
    return sleep_until(deadline, "evl_sleep", KSI_SITE());
}

int evl_sleep_until(ktime_t date)
{
    return sleep_until(date > 0 ? (uint64_t)date : 0, "evl_sleep_until", KSI_SITE());
}

void evl_init_ksem(struct evl_ksem *ksem, unsigned int value)
{
    ksi_ksem_init(&ksem->ksl_word, value, KSI_SITE());
}

void evl_destroy_ksem(struct evl_ksem *ksem)
{
    ksi_ksem_destroy(&ksem->ksl_word, KSI_SITE());
}

int(evl_down)(struct evl_ksem *ksem)
{
    return ksi_ksem_down(&ksem->ksl_word, KSI_FOREVER, false, KSI_SITE());
}

int evl_down_timeout(struct evl_ksem *ksem, ktime_t timeout)
{
    return ksi_ksem_await(&ksem->ksl_word, timeout > 0 ? (uint64_t)timeout : 0,
                          timeout == EVL_NONBLOCK, "evl_down_timeout", KSI_SITE());
}

int(evl_trydown)(struct evl_ksem *ksem)
{
    return ksi_ksem_try(&ksem->ksl_word, KSI_SITE()) ? 0 : -EAGAIN;
}

void(evl_up)(struct evl_ksem *ksem)
{
    ksi_ksem_up(&ksem->ksl_word, INT_MAX, KSI_SITE());
}

void evl_broadcast(struct evl_ksem *ksem)
{
    ksi_ksem_flush(&ksem->ksl_word, KSI_WOKEN, "evl_broadcast", KSI_SITE());
}

/* A flag is a semaphore whose value is at most 1. */

void evl_init_flag(struct evl_flag *wf)
{
    ksi_ksem_init(&wf->ksl_word, 0, KSI_SITE());
}

void evl_destroy_flag(struct evl_flag *wf)
{
    ksi_ksem_end(&wf->ksl_word, "evl_destroy_flag", KSI_SITE());
}

int evl_wait_flag(struct evl_flag *wf)
{
    return ksi_ksem_await(&wf->ksl_word, KSI_FOREVER, false, "evl_wait_flag", KSI_SITE());
}

int evl_wait_flag_timeout(struct evl_flag *wf, ktime_t timeout, enum evl_tmode mode)
{
    uint64_t deadline = timeout > 0 ? (uint64_t)timeout : 0;
    if (mode != EVL_REL && mode != EVL_ABS) {
        refuse_argument("evl_wait_flag_timeout", (int)mode, KSI_KSEM, wf, KSI_SITE());
        return -EPERM;
    }
    if (mode == EVL_REL && timeout == EVL_INFINITE)
        deadline = KSI_FOREVER;
    else if (mode == EVL_REL && timeout != EVL_NONBLOCK)
        deadline += ksi_now();
    return ksi_ksem_await(&wf->ksl_word, deadline, timeout == EVL_NONBLOCK,
                          "evl_wait_flag_timeout", KSI_SITE());
}

void evl_raise_flag(struct evl_flag *wf)
{
    ksi_ksem_give(&wf->ksl_word, 1, "evl_raise_flag", KSI_SITE());
}

void evl_clear_flag(struct evl_flag *wf)
{
    (void)ksi_ksem_take(&wf->ksl_word, "evl_clear_flag", KSI_SITE());
}

void evl_pulse_flag(struct evl_flag *wf)
{
    ksi_ksem_flush(&wf->ksl_word, KSI_WOKEN, "evl_pulse_flag", KSI_SITE());
}

void evl_flush_flag(struct evl_flag *wf, int reason)
{
    enum ksi_outcome outcome = KSI_UNBLOCKED;
    if (reason == EVL_T_TIMEO)
        outcome = KSI_TIMED_OUT;
    else if (reason == EVL_T_RMID)
        outcome = KSI_DESTROYED;
    else if (reason != EVL_T_BREAK) {
        refuse_argument("evl_flush_flag", reason, KSI_KSEM, wf, KSI_SITE());
        return;
    }
    if (KSI_FAULT(FLAG_FLUSH_BREAKS))
        outcome = KSI_UNBLOCKED;
    ksi_ksem_flush(&wf->ksl_word, outcome, "evl_flush_flag", KSI_SITE());
}

_Static_assert(sizeof(struct evl_stax) == sizeof(struct ksi_stax) &&
                   offsetof(struct evl_stax, ksl_gate) == offsetof(struct ksi_stax, gate),
               "lock/stax.h");

static inline struct ksi_stax *of_stax(struct evl_stax *stax)
{
    return (struct ksi_stax *)(void *)stax;
}

int ksl_evl_init_stax(struct evl_stax *stax, int flags)
{
    if ((flags & ~EVL_STAX_INBAND_SPIN) != 0) {
        refuse_argument("evl_init_stax", flags, KSI_STAX, stax, KSI_SITE());
        return -EPERM;
    }
    ksi_stax_init(of_stax(stax));
    return 0;
}

int evl_destroy_stax(struct evl_stax *stax)
{
    return ksi_stax_destroy(of_stax(stax), KSI_SITE()) ? 0 : -EPERM;
}

int(evl_lock_stax)(struct evl_stax *stax)
{
    return ksi_stax_lock(of_stax(stax), KSI_SITE());
}

int(evl_trylock_stax)(struct evl_stax *stax)
{
    return ksi_stax_try(of_stax(stax), KSI_SITE()) ? 0 : -EAGAIN;
}

void(evl_unlock_stax)(struct evl_stax *stax)
{
    ksi_stax_unlock(of_stax(stax), KSI_SITE());
}

void evl_init_kmutex(struct evl_kmutex *kmutex)
{
    ksi_kmutex_init(&kmutex->ksl_word, KSI_SITE());
}

void evl_destroy_kmutex(struct evl_kmutex *kmutex)
{
    ksi_kmutex_destroy(&kmutex->ksl_word, KSI_SITE());
}

int evl_lock_kmutex(struct evl_kmutex *kmutex)
{
    return ksi_kmutex_lock(&kmutex->ksl_word, KSI_SITE());
}

int evl_trylock_kmutex(struct evl_kmutex *kmutex)
{
    return ksi_kmutex_try(&kmutex->ksl_word, KSI_SITE());
}

void evl_unlock_kmutex(struct evl_kmutex *kmutex)
{
    ksi_kmutex_unlock(&kmutex->ksl_word, KSI_SITE());
}
