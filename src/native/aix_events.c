/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: waiting for events. */

#include "diag/violation.h"
#include "lock/aix.h"
#include "lock/event.h"
#include "native/aix_jump.h"
#include "platform/testing.h"

#include <sys/sleep.h>

#include <errno.h>

enum {
    LOCK_KINDS = LOCK_HANDLER | LOCK_SIMPLE | LOCK_READ | LOCK_WRITE,
    EVENT_FLAGS = EVENT_SIGRET | EVENT_SIGWAKE
};

static bool refuse_about(const char *call, const char *why, enum ksi_kind kind,
                         const void *object, const void *site)
{
    struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, kind, object, site, NULL, false};
    ksi_violate(&m, "%s: %s", call, why);
    return false;
}

static bool refuse(const char *call, const char *why, const tid_t *word, const void *site)
{
    return refuse_about(call, why, KSI_EVENT, word, site);
}

tid_t thread_self(void)
{
    ksl_thread *t = ksi_self();
    return t->handlers > 0 ? -1 : ksl_thread_id(t);
}

/* --- sleeping ------------------------------------------------------------- */

static int wait_queued(void)
{
    int result;
    if (!ksi_event_wait(&result))
        return THREAD_INTERRUPTED;
    return result != 0 ? result : THREAD_AWAKENED;
}

static bool check_lock(const tid_t *word, const void *lock, int flags, const void *site)
{
    static const char call[] = "e_sleep_thread";
    unsigned kinds = (unsigned)(flags & LOCK_KINDS);
    if ((flags & ~(LOCK_KINDS | INTERRUPTIBLE)) != 0)
        return refuse(call, "unknown flags", word, site);
    if (lock == NULL && kinds != 0)
        return refuse(call, "the kind of a lock, but no lock", word, site);
    if (lock != NULL && (kinds == 0 || (kinds & (kinds - 1)) != 0))
        return refuse_about(call, "a lock needs exactly one kind", KSI_NO_KIND, lock,
                            site);
    return true;
}

int e_sleep_thread(tid_t *event_word, void *lock_word, int flags)
{
    const void *site = KSI_SITE();
    int kind = flags & LOCK_KINDS;
    if (!ksi_event_check(event_word, "e_sleep_thread", site) ||
        !check_lock(event_word, lock_word, flags, site) ||
        (lock_word != NULL && !ksi_aix_may_drop(lock_word, kind, "e_sleep_thread", site)))
        return -EPERM;
    /* Queued first: who changes the state afterwards, with the lock, wakes us. */
    ksi_event_queue(event_word, (flags & INTERRUPTIBLE) != 0);
    if (lock_word != NULL)
        ksi_aix_drop(lock_word, kind, "e_sleep_thread", site);
    int result = wait_queued();
    if (lock_word != NULL)
        ksi_aix_retake(lock_word, kind, site);
    return result;
}

void e_assert_wait(tid_t *event_word, boolean_t interruptible)
{
    if (ksi_event_check(event_word, "e_assert_wait", KSI_SITE()))
        ksi_event_queue(event_word, interruptible);
}

int e_block_thread(void)
{
    const void *site = KSI_SITE();
    if (ksi_refuse_in_handler(ksi_self(), "e_block_thread", KSI_NO_KIND, NULL, site))
        return -EPERM;
    if (ksi_event_queued())
        return wait_queued();
    refuse("e_block_thread", "without e_assert_wait", NULL, site);
    return -EPERM;
}

static bool check_flags(int flags, const char *call, const tid_t *word, const void *site)
{
    return (flags & ~EVENT_FLAGS) == 0 || refuse(call, "unknown flags", word, site);
}

/* What a wait that a signal has ended returns, if it does. */
static int signalled(int flags, int jump, const char *call, const void *site)
{
    bool returns = (flags & EVENT_SIGRET) != 0;
    if (KSI_FAULT(EVENT_SIGWAKE_WINS) && (flags & EVENT_SIGWAKE) != 0)
        returns = false;
    return returns ? EVENT_SIG : ksi_aix_jump(jump, call, site);
}

int e_sleep(tid_t *event_word, int flags)
{
    const void *site = KSI_SITE();
    int result;
    if (!ksi_event_check(event_word, "e_sleep", site) ||
        !check_flags(flags, "e_sleep", event_word, site))
        return -EPERM;
    ksi_event_queue(event_word, (flags & EVENT_FLAGS) != 0);
    if (ksi_event_wait(&result))
        return EVENT_SUCC;
    return signalled(flags, EINTR, "e_sleep", site);
}

int e_sleepl(lock_t *lock_word, tid_t *event_word, int flags)
{
    const void *site = KSI_SITE();
    int result;
    if (!ksi_event_check(event_word, "e_sleepl", site) ||
        !check_flags(flags, "e_sleepl", event_word, site))
        return -EPERM;
    if (lock_word == NULL) {
        refuse("e_sleepl", "NULL lock", event_word, site);
        return -EPERM;
    }
    if (!ksi_lockl_mine(lock_word)) {
        ksi_refuse_release("e_sleepl", KSI_LOCKL, lock_word, ksi_owner_of(lock_word),
                           site);
        return -EPERM;
    }
    ksi_event_queue(event_word, (flags & EVENT_FLAGS) != 0);
    ksi_unlockl(lock_word, site);
    bool woken = ksi_event_wait(&result);
    if (woken || !KSI_FAULT(EVENT_SIGNALLED_UNLOCKED))
        (void)ksi_lockl(lock_word, LOCK_SHORT, site);
    return woken ? EVENT_SUCC : signalled(flags, EINTR, "e_sleepl", site);
}

/* --- waking --------------------------------------------------------------- */

static bool check_word(const tid_t *word, const char *call, const void *site)
{
    return word != NULL || refuse(call, "NULL event", NULL, site);
}

static bool check_result(int result, const char *call, const tid_t *word,
                         const void *site)
{
    if (result == THREAD_AWAKENED || result == THREAD_TIMED_OUT ||
        result == THREAD_INTERRUPTED || result >= THREAD_OTHER)
        return true;
    return refuse(call, "not a result", word, site);
}

void e_clear_wait(tid_t tid, int result)
{
    if (!check_result(result, "e_clear_wait", NULL, KSI_SITE()))
        return;
    ksl_thread *t = ksi_event_thread(tid);
    if (t != NULL)
        ksi_event_clear(t, result);
}

void e_wakeup(tid_t *event_word)
{
    if (check_word(event_word, "e_wakeup", KSI_SITE()))
        ksi_event_wakeup(event_word, THREAD_AWAKENED, KSI_EVENT_ALL);
}

void e_wakeup_one(tid_t *event_word)
{
    if (check_word(event_word, "e_wakeup_one", KSI_SITE()))
        ksi_event_wakeup(event_word, THREAD_AWAKENED, KSI_EVENT_ONE);
}

void e_wakeup_w_result(tid_t *event_word, int result)
{
    if (check_word(event_word, "e_wakeup_w_result", KSI_SITE()) &&
        check_result(result, "e_wakeup_w_result", event_word, KSI_SITE()))
        ksi_event_wakeup(event_word, result, KSI_EVENT_YIELDS);
}

void e_wakeup_w_sig(tid_t *event_word, int sig)
{
    static const char call[] = "e_wakeup_w_sig";
    if (!check_word(event_word, call, KSI_SITE()))
        return;
    if (sig < 1 || sig > 64)
        refuse(call, "not a signal", event_word, KSI_SITE());
    else
        ksi_event_signal(event_word, sig);
}

/* --- sticky events -------------------------------------------------------- */

unsigned long et_wait(unsigned long wait_mask, unsigned long clear_mask, int flags)
{
    const void *site = KSI_SITE();
    if (ksi_refuse_in_handler(ksi_self(), "et_wait", KSI_NO_KIND, NULL, site) ||
        !check_flags(flags, "et_wait", NULL, site))
        return 0;
    struct ksi_events_wait s = {
        .wanted = wait_mask,
        .clear = clear_mask,
        .interruptible = (flags & EVENT_FLAGS) != 0,
        .forget = (flags & EVENT_SIGRET) != 0,
    };
    uint64_t events = ksi_events_wait(&s);
    if (events != 0)
        return events;
    /* EVENT_SIG is what a refused jump returns, too; a refused et_wait has no event. */
    int result = signalled(flags, EXSIG, "et_wait", site);
    return (flags & EVENT_SIGRET) != 0 ? (unsigned long)result : 0;
}

void et_post(unsigned long events, tid_t tid)
{
    ksl_thread *t = ksi_event_thread(tid);
    if (t != NULL)
        ksi_events_post(t, events);
}
