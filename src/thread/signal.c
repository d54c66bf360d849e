/* SPDX-License-Identifier: BSD-2-Clause */
/* Simulated signals, and real ones turned into them. */

#include "thread/signal.h"
#include "platform/host.h"

#include "platform/testing.h"
#include "thread/irq.h"
#include "thread/registry.h"
#include "thread/upcalls.h"

#include <kslock/signal.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

enum { SIGNALS = 64 };

static uint32_t actions[SIGNALS]; /* atomic */

static uint64_t bit(int signo)
{
    return (uint64_t)1 << (signo - 1);
}

static bool valid(int signo)
{
    return signo >= 1 && signo <= SIGNALS;
}

bool ksi_signal_ignored(int signo)
{
    return (ksi_load(&actions[signo - 1]) & KSL_SIGNAL_IGNORE) != 0;
}

int ksi_signal_next(const ksl_thread *t)
{
    uint64_t set = ksi_load_acq(&t->signals) & ~ksi_load(&t->signal_mask);
    if (set == 0 || (ksi_up_signals_deferred(t) && !KSI_FAULT(SIGNAL_NOT_PUT_OFF)))
        return 0;
    for (; set != 0; set &= set - 1) {
        int signo = __builtin_ctzll(set) + 1;
        if (!ksi_signal_ignored(signo))
            return signo;
    }
    return 0;
}

bool ksi_signal_restarts(int signo)
{
    return (ksi_load(&actions[signo - 1]) & KSL_SIGNAL_RESTART) != 0;
}

int ksl_signal_post(ksl_thread *t, int signo)
{
    if (t == NULL || !valid(signo))
        return -EINVAL;
    if (!ksi_thread_alive(t))
        return -ESRCH;
    if (ksi_signal_ignored(signo))
        return 0;
    /*
     * Set before the wait is looked for: either the thread sees the signal when
     * it queues itself, or it is found queued here.
     */
    ksi_fetch_or(&t->signals, bit(signo));
    KSI_POINT("signal: posted");
    if ((ksi_load_seq(&t->signal_mask) & bit(signo)) == 0)
        ksi_up_end_wait(t, KSI_SIGNALLED);
    return 0;
}

bool ksl_signal_pending(void)
{
    return ksi_signal_next(ksi_self()) != 0;
}

int ksl_signal_take(void)
{
    ksl_thread *t = ksi_self();
    for (int signo; (signo = ksi_signal_next(t)) != 0;) {
        if ((ksi_fetch_and(&t->signals, ~bit(signo)) & bit(signo)) != 0)
            return signo;
    }
    return 0;
}

uint64_t ksl_signal_mask(uint64_t set)
{
    ksl_thread *t = ksi_self();
    uint64_t old = ksi_xchg(&t->signal_mask, set);
    if (t->handlers > 0 && ksi_signal_next(t) != 0)
        ksi_up_end_wait(t, KSI_SIGNALLED); /* a handler opens it for the thread's wait */
    return old;
}

int ksl_signal_action(int signo, unsigned flags)
{
    if (!valid(signo) ||
        (flags & ~(unsigned)(KSL_SIGNAL_RESTART | KSL_SIGNAL_IGNORE)) != 0)
        return -EINVAL;
    ksi_store_seq(&actions[signo - 1], flags);
    if ((flags & KSL_SIGNAL_IGNORE) == 0)
        return 0;
    (void)ksi_self(); /* readers of the registry are registered */
    ksi_registry_read_lock();
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t))
        ksi_fetch_and(&t->signals, ~bit(signo)); /* pending ones are dropped too */
    ksi_registry_read_unlock();
    return 0;
}

/*
 * Handler of attached real signals. It may interrupt the thread anywhere, with
 * a raw lock held too, so it only leaves work: the thread does it where its
 * level is 0 again, and it passes there before it parks and while it is
 * parked.
 */
static void arrived(int signo)
{
    int saved = errno;
    int cancel = ksi_cancel_off();
    ksl_thread *t = ksl_tls.self;
    if (ksi_signal_ignored(signo)) {
        /* dropped, like a posted one */
    } else if (t == NULL) {
        if (!KSI_FAULT(SIGNAL_EARLY_LOST))
            __atomic_or_fetch(&ksl_tls.early_signals, bit(signo), __ATOMIC_RELAXED);
    } else {
        ksi_fetch_or(&t->signals, bit(signo));
        if ((ksi_load(&t->signal_mask) & bit(signo)) == 0 &&
            !KSI_FAULT(SIGNAL_ONLY_NOTED)) {
            ksi_store_seq(&t->signal_work, 1u);
            ksi_store_seq(&t->front.attention, 1u);
            if (!ksi_irq_put_off(t) && ksi_load(&t->front.level) == 0)
                ksi_irq_play(t);
        }
    }
    ksi_cancel_back(cancel);
    errno = saved;
}

int ksl_signal_attach(int signo)
{
    if (!valid(signo) || signo == ksi_irq_signal())
        return -EINVAL;
    int saved = errno;
    struct sigaction action = {.sa_handler = arrived};
    sigemptyset(&action.sa_mask);
    int result = sigaction(signo, &action, NULL) == 0 ? 0 : -EINVAL;
    errno = saved;
    return result;
}
