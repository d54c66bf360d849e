/* SPDX-License-Identifier: BSD-2-Clause */
#include "wait/wait.h"

#include "diag/cycle.h"
#include "diag/events.h"
#include "diag/switch.h"
#include "platform/probe.h"
#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/signal.h"
#include "thread/upcalls.h"
#include "wait/lend.h"
#include "wait/spin.h"

#include <errno.h>

static enum ksi_outcome outcome_of(const struct ksi_waiter *w)
{
    return (enum ksi_outcome)ksi_load_acq(&w->outcome);
}

/* The date has come: leaves the queue, unless a waker was faster. */
static void give_up(struct ksi_waiter *w)
{
    struct ksi_lot lot;
    KSI_POINT("wait: give up");
    if (!ksi_lot_find(&lot, w)) {
        if (KSI_FAULT(WAIT_TIMEOUT_WINS))
            ksi_store_seq(&w->outcome, (uint32_t)KSI_TIMED_OUT);
        return; /* popped: the outcome is on its way */
    }
    ksi_lot_remove(w);
    ksi_store_seq(&w->outcome, (uint32_t)KSI_TIMED_OUT);
    ksi_lot_unlock(&lot, NULL);
}

static void park_until_decided(ksl_thread *t, struct ksi_waiter *w, uint64_t deadline)
{
    while (outcome_of(w) == KSI_WAITING) {
        KSI_POINT("wait: park");
        enum ksi_park_result result = ksi_park(&t->parker, deadline);
        KSI_POINT("wait: unparked");
        struct ksi_lot lot;
        if (KSI_FAULT(WAIT_BELIEVES_PARK) && ksi_lot_find(&lot, w)) {
            ksi_lot_remove(w);
            ksi_store_seq(&w->outcome, (uint32_t)KSI_WOKEN);
            ksi_lot_unlock(&lot, NULL);
        }
        /*
         * A real signal that a race detector holds back shows in memory only;
         * and an interrupt that was offered during the sleep may wake us.
         */
        if (ksi_load(&t->front.attention) != 0 && ksi_load(&t->front.level) == 0)
            ksi_irq_play(t);
        if (result == KSI_PARK_TIMEOUT ||
            (deadline != KSI_FOREVER && result == KSI_PARK_RETRY &&
             ksi_now() >= deadline)) {
            give_up(w);
            deadline = KSI_FOREVER;
        }
    }
}

enum ksi_outcome ksi_wait(struct ksi_waiter *w, uint64_t deadline)
{
    ksl_thread *t = w->thread;
    uint32_t level = ksi_load(&t->front.level);
    uint32_t stalled = ksi_load(&t->front.stalled);
    bool timed = KSI_UNLIKELY((ksi_load(&ksi_diag) & KSI_DIAG_HANG) != 0);
    bool told = ksi_telling();
    if (told)
        ksi_tell_wait(t, KSI_EV_SLEEPS, w, 0, 0);
    KSI_PROBE1(sleep__begin, ksi_load(&w->address));
    ksi_store(&t->wait_since, timed ? ksi_now() : 0);
    ksi_wait_begins(t, deadline != KSI_FOREVER);
    /* For dumps: who sees the flag sees the wait that it speaks of. */
    ksi_store_rel(&t->parked_in, w);
    ksi_store_rel(&t->asleep, 1u);
    if (timed && deadline == KSI_FOREVER)
        ksi_deadlock_look(t);
    if (!KSI_FAULT(WAIT_MASKED)) {
        ksi_store(&t->front.stalled, 0u);
        KSI_POINT("wait: opening");
        /* What was raised while we queued runs now and may decide our wait. */
        ksi_irq_unmask(t, 0);
    }
    /* Put off by a lock of a handler on this thread; after this look ksi_irq_play looks.
     */
    if (ksi_fetch_or(&t->signals, (uint64_t)0) != 0 && !KSI_FAULT(SIGNAL_UNSEEN_ASLEEP))
        (void)ksi_up_end_wait(t, KSI_SIGNALLED);
    park_until_decided(t, w, deadline);
    ksi_store_rel(&t->asleep, 0u);
    ksi_store(&t->front.stalled, stalled);
    KSI_PROBE2(sleep__end, ksi_load(&w->address), (unsigned)outcome_of(w));
    if (told)
        ksi_tell_wait(t, KSI_EV_RESUMES, w, (uint64_t)outcome_of(w),
                      ksi_load(&w->woken_by));
    ksi_irq_unmask(t, KSI_FAULT(WAIT_LEVEL_LOST) ? 0 : level);
    return outcome_of(w);
}

void ksi_up_leave_waits(ksl_thread *t)
{
    for (unsigned i = 0; i < KSI_WAITERS; i++) {
        struct ksi_lot lot;
        struct ksi_waiter *w = &t->waiters[i];
        if (ksi_lot_find(&lot, w)) { /* prepared to block, and never did */
            ksi_lot_remove(w);
            ksi_store(&w->outcome, (uint32_t)KSI_WOKEN);
            ksi_lot_unlock(&lot, NULL);
        } else if (i == KSI_WAITER_BLOCK && t->prepared != 0) {
            ksi_wait_settle(w); /* popped meanwhile, the waker's list links it */
        }
    }
}

void ksi_wait_settle(const struct ksi_waiter *w)
{
    for (unsigned turn = 0; outcome_of(w) == KSI_WAITING; turn++)
        ksi_spin_turn(turn);
}

bool ksi_wait_interruptible(struct ksi_waiter *w)
{
    /*
     * The poster sets the signal, then looks which bucket w is in, then for
     * `interruptible`; here it is the other way round. Both sides use a
     * read-modify-write of the signal set, so the later one sees all that the
     * earlier one did before: either the signal is here, or w is found.
     */
    w->interruptible = true;
    ksi_fetch_or(&w->thread->signals, (uint64_t)0);
    if (ksi_signal_next(w->thread) == 0) {
        ksi_wait_opens(w->thread);
        return true;
    }
    ksi_lot_remove(w);
    ksi_store(&w->outcome, (uint32_t)KSI_SIGNALLED);
    return false;
}

/* Of a thread's waits at most one is interruptible: the one that it parks in. */
bool ksi_up_end_wait(ksl_thread *t, enum ksi_outcome outcome)
{
    for (unsigned i = 0; i < KSI_WAITERS; i++) {
        struct ksi_waiter *w = &t->waiters[i];
        struct ksi_lot lot;
        if (!ksi_lot_find(&lot, w))
            continue;
        bool ends =
            w->interruptible &&
            (outcome == KSI_SIGNALLED ? ksi_signal_next(t) != 0 : !w->signals_only);
        struct ksi_wake_list wake = {NULL, NULL, outcome};
        if (ends) {
            ksi_lot_remove(w);
            ksi_wake_add(&wake, w);
        }
        ksi_lot_unlock(&lot, &wake);
        if (ends)
            return true;
    }
    return false;
}

void ksi_wait_reorder(ksl_thread *t)
{
    /* After the change and before the look: see ksi_lot_enqueue. */
    ksi_fetch_or(&t->prio, 0);
    for (unsigned i = 0; i < KSI_WAITERS; i++) {
        struct ksi_lot lot;
        if (!ksi_lot_find(&lot, &t->waiters[i]))
            continue;
        ksi_lot_reorder(&t->waiters[i]);
        ksi_lot_unlock(&lot, NULL);
    }
}

void ksi_up_priority_changed(ksl_thread *t)
{
    ksi_wait_reorder(t);
    if (!ksi_lend_matters() && ksi_load(&t->prio) != 0)
        ksi_lot_begin_lending();
    if (ksi_lend_matters())
        ksi_lend_changed(t);
}

int ksi_outcome_error(enum ksi_outcome outcome)
{
    switch (outcome) {
    case KSI_TIMED_OUT:
        return -ETIMEDOUT;
    case KSI_SIGNALLED:
    case KSI_UNBLOCKED:
        return -EINTR;
    case KSI_DESTROYED:
        return -EIDRM;
    case KSI_WAITING:
    case KSI_WOKEN:
        break;
    }
    return 0;
}
