/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AIX: e_sleep and its like, and locks that are named, used, and forgotten while others
 * come. One worker wakes the others, once a turn: all at once, or one by one and no more
 * than there are.
 */

#include "aix.h"
#include "turns.h"

#include <errno.h>
#include <sys/lock_alloc.h>

enum { TIMES = 3, OCCURRENCES = 4, OWN_RESULT = THREAD_OTHER + 100 };
enum wake { ALL, ONE_BY_ONE, WITH_RESULT, BY_NAME, WAKES };

static struct {
    tid_t event;
    Simple_lock lock;
    lock_t word; /* of e_sleepl; or the global lock */
    struct turns turns;
    enum wake wake; /* constant in a turn */
    unsigned long plain;
    unsigned long writes; /* atomic */
    struct section data;  /* under word */
    struct section global;
} es;

static void esleep_setup(void)
{
    turns_reset(&es.turns);
}

/* A sleep of this turn has ended; by a signal only if it had asked for that. */
static void judge_sleep(struct party *me, int result, int flags)
{
    ADD(&me->operations, 1ul);
    if (result == EVENT_SIG && flags != EVENT_SHORT)
        torture_interrupted(me);
    else if (result != EVENT_SUCC)
        torture_fail("thread %u: a sleep with flags %#x returned %d", me->index,
                     (unsigned)flags, result);
}

/* With EVENT_SIGWAKE a signal comes back to the context. */
static int sleep_or_jump(struct party *me, lock_t *word)
{
    label_t context;
    int came = setjmpx(&context);
    if (came != 0) {
        if (came != EINTR)
            torture_fail("thread %u: setjmpx returned %d", me->index, came);
        return EVENT_SIG;
    }
    int result = word != NULL ? e_sleepl(word, &es.event, EVENT_SIGWAKE)
                              : e_sleep(&es.event, EVENT_SIGWAKE);
    clrjmpx(&context);
    return result;
}

static int some_flags(struct party *me)
{
    static const int flags[] = {EVENT_SHORT, EVENT_SIGRET, EVENT_SIGWAKE,
                                EVENT_SIGRET | EVENT_SIGWAKE};
    return flags[pick(me, 4)];
}

static void sleep_bare(struct party *me)
{
    int flags = some_flags(me);
    turns_ready(&es.turns, me);
    int result =
        flags == EVENT_SIGWAKE ? sleep_or_jump(me, NULL) : e_sleep(&es.event, flags);
    judge_sleep(me, result, flags);
}

/* The lock is held again, whatever has ended the sleep. */
static void sleep_locked(struct party *me)
{
    bool global = pick(me, 2) == 0;
    lock_t *word = global ? &kernel_lock : &es.word;
    struct section *data = global ? &es.global : &es.data;
    int flags = some_flags(me);
    if (lockl(word, LOCK_SHORT) != LOCK_SUCC)
        torture_fail("thread %u: lockl failed", me->index);
    turns_ready(&es.turns, me);
    int result = flags == EVENT_SIGWAKE ? sleep_or_jump(me, word)
                                        : e_sleepl(word, &es.event, flags);
    if (lockl(word, LOCK_NDELAY) != LOCK_NEST)
        torture_fail("thread %u: e_sleepl came back without its lock", me->index);
    section_write(data, me);
    unlockl(word);
    judge_sleep(me, result, flags);
}

/* Found by wakers from e_assert_wait on; the result is that of this turn's wake-up. */
static void sleep_later(struct party *me)
{
    bool signals = pick(me, 2) == 0;
    e_assert_wait(&es.event, signals);
    turns_queued(&es.turns, me);
    torture_dally(me);
    int result = e_block_thread();
    int given = es.wake == WITH_RESULT ? OWN_RESULT
                : es.wake == BY_NAME   ? OWN_RESULT + 1 + (int)me->index
                                       : THREAD_AWAKENED;
    ADD(&me->operations, 1ul);
    if (result == THREAD_INTERRUPTED && signals)
        torture_interrupted(me);
    else if (result != given && result != THREAD_AWAKENED) /* a handler's */
        torture_fail("thread %u: e_block_thread returned %d, not %d", me->index, result,
                     given);
}

/* Names of locks come and go; the lock does not mind. */
static void use_named(struct party *me)
{
    if (pick(me, 4) == 0)
        lock_alloc(&es.lock, 0, 7, (short)pick(me, OCCURRENCES));
    simple_lock(&es.lock);
    es.plain++;
    torture_dally(me);
    simple_unlock(&es.lock);
    ADD(&es.writes, 1ul);
    if (pick(me, 4) == 0)
        lock_free(&es.lock);
}

static void sleeper(struct party *me, unsigned turn)
{
    turns_join(&es.turns, turn);
    if (pick(me, 8) == 0)
        aix_shoot(me);
    switch (pick(me, 3)) {
    case 0:
        sleep_bare(me);
        break;
    case 1:
        sleep_locked(me);
        break;
    default:
        sleep_later(me);
        break;
    }
    turns_gone(&es.turns, me);
    use_named(me);
}

static void wake_all(const struct party *me)
{
    if (es.wake == ALL) {
        e_wakeup(&es.event);
        return;
    }
    if (es.wake == WITH_RESULT) {
        e_wakeup_w_result(&es.event, OWN_RESULT);
        return;
    }
    for (unsigned i = 0; i < torture.threads; i++) {
        if (i == me->index)
            continue;
        if (es.wake == ONE_BY_ONE)
            e_wakeup_one(&es.event);
        else
            e_clear_wait(ksl_thread_id(torture.parties[i].thread),
                         OWN_RESULT + 1 + (int)i);
    }
}

static void esleep_op(struct party *me)
{
    if (thread_self() != ksl_thread_id(me->thread))
        torture_fail("thread %u: thread_self says %d", me->index, (int)thread_self());
    for (unsigned turn = 1; turn <= TIMES && !torture_failed(); turn++) {
        if (role(me) != 0) {
            sleeper(me, turn);
            continue;
        }
        es.wake = (enum wake)pick(me, WAKES);
        turns_next(&es.turns);
        if (pick(me, 8) == 0)
            use_named(me);
        turns_await_waiting(&es.turns, me);
        torture_dally(me);
        wake_all(me);
        turns_await_gone(&es.turns, me);
    }
}

static void esleep_interrupt(struct party *me, int irq)
{
    if (thread_self() != -1)
        torture_fail("thread %u: thread_self in a handler", me->index);
    if (irq == TORTURE_IRQ_HIGH)
        e_wakeup_one(&es.event);
}

static void esleep_check(void)
{
    aix_check_unblocks();
    section_check(&es.data, "lock of e_sleepl");
    section_check(&es.global, "kernel_lock");
    if (es.plain != LOAD(&es.writes))
        torture_fail("named lock: %lu of %lu writes are there", es.plain, es.writes);
    if (es.event != EVENT_NULL)
        torture_fail("%d threads wait for the event after the round", (int)es.event);
}

const struct row torture_row_esleep = {
    .setup = esleep_setup,
    .op = esleep_op,
    .interrupt = esleep_interrupt,
    .check = esleep_check,
    .words = &es.event,
    .bytes = sizeof es.event,
};
