/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of AIX's events. */

#include "aix.h"

enum { UNITS = 3, /* that each consumer wants */ OWN_RESULT = THREAD_OTHER + 5 };

/* How units are guarded and waited for, by round. */
enum way { HANDLER, SIMPLE, READ, WRITE, ASSERT, LOCKL, WAYS };

static struct {
    Simple_lock simple;
    Complex_lock complex;
    lock_t word;
    tid_t event;
    tid_t decoy;
    unsigned units, made, used; /* atomic: consumers that read take some beside others */
    struct section data;
} ev;

static enum way way(void)
{
    return (enum way)(torture.round % WAYS);
}

static void events_setup(void)
{
    ev.units = 0;
    ev.made = 0;
    ev.used = 0;
}

/* Returns what release() needs. */
static int hold(struct party *me, bool makes)
{
    switch (way()) {
    case HANDLER:
        return disable_lock(aix_priority(aix_level(me)), &ev.simple);
    case READ:
        if (makes)
            lock_write(&ev.complex);
        else
            lock_read(&ev.complex);
        return 0;
    case WRITE:
        lock_write(&ev.complex);
        return 0;
    case LOCKL:
        if (lockl(&ev.word, LOCK_SHORT) != LOCK_SUCC)
            torture_fail("thread %u: lockl failed", me->index);
        return 0;
    default:
        simple_lock(&ev.simple);
        return 0;
    }
}

static void release(int was)
{
    switch (way()) {
    case HANDLER:
        unlock_enable(was, &ev.simple);
        return;
    case READ:
    case WRITE:
        lock_done(&ev.complex);
        return;
    case LOCKL:
        unlockl(&ev.word);
        return;
    default:
        simple_unlock(&ev.simple);
        return;
    }
}

static void wake(struct party *me, bool one)
{
    switch (pick(me, one ? 4 : 2)) {
    case 0:
        e_wakeup(&ev.event);
        return;
    case 1:
        e_wakeup_w_result(&ev.event, OWN_RESULT);
        return;
    default:
        e_wakeup_one(&ev.event);
        return;
    }
}

static void make_units(struct party *me, unsigned count)
{
    int was = hold(me, true);
    section_write(&ev.data, me);
    ADD(&ev.units, count);
    ADD(&ev.made, count);
    if (pick(me, 2) == 0) {
        wake(me, count == 1);
        release(was);
    } else {
        release(was);
        wake(me, count == 1);
    }
}

/* A wait that ends without a wake-up changes nothing for the others. */
static void disturb_waits(struct party *me)
{
    const struct party *p = &torture.parties[pick(me, torture.threads)];
    switch (pick(me, 3)) {
    case 0:
        e_clear_wait(ksl_thread_id(p->thread), THREAD_TIMED_OUT);
        return;
    case 1:
        ADD(&me->signals, 1ul);
        e_wakeup_w_sig(&ev.event, 1 + (int)pick(me, 64));
        return;
    default:
        e_wakeup(&ev.decoy);
        return;
    }
}

static void producer(struct party *me)
{
    unsigned left = (torture.threads - 1) * UNITS;
    while (left > 0) {
        unsigned count = pick(me, 3) == 0 ? 1 + pick(me, left) : 1;
        torture_dally(me);
        if (pick(me, 3) == 0)
            disturb_waits(me);
        make_units(me, count);
        left -= count;
    }
}

/* The caller holds the lock, and holds it again afterwards; true after a signal. */
static bool sleep_once(struct party *me, bool signals)
{
    static const int kinds[] = {[HANDLER] = LOCK_HANDLER,
                                [SIMPLE] = LOCK_SIMPLE,
                                [READ] = LOCK_READ,
                                [WRITE] = LOCK_WRITE};
    void *lock = way() == READ || way() == WRITE ? (void *)&ev.complex : &ev.simple;
    int result;
    if (way() == LOCKL) {
        result = e_sleepl(&ev.word, &ev.event, signals ? EVENT_SIGRET : EVENT_SHORT);
        if (result != EVENT_SUCC && (result != EVENT_SIG || !signals))
            torture_fail("thread %u: e_sleepl returned %d", me->index, result);
        return result == EVENT_SIG;
    }
    if (way() == ASSERT) {
        if (pick(me, 4) == 0)
            e_assert_wait(&ev.decoy, signals); /* the next one replaces it */
        e_assert_wait(&ev.event, signals);
        simple_unlock(&ev.simple);
        torture_dally(me);
        result = e_block_thread();
        simple_lock(&ev.simple);
    } else {
        result =
            e_sleep_thread(&ev.event, lock, kinds[way()] | (signals ? INTERRUPTIBLE : 0));
    }
    if (result != THREAD_AWAKENED && result != THREAD_TIMED_OUT && result != OWN_RESULT &&
        (result != THREAD_INTERRUPTED || !signals))
        torture_fail("thread %u: a wait for an event returned %d", me->index, result);
    return result == THREAD_INTERRUPTED;
}

static bool take_unit(void)
{
    unsigned units = LOAD(&ev.units);
    while (units > 0) {
        if (__atomic_compare_exchange_n(&ev.units, &units, units - 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    }
    return false;
}

static void consume(struct party *me)
{
    int was = hold(me, false);
    while (!take_unit() && !torture_failed()) {
        if (!sleep_once(me, pick(me, 2) == 0))
            continue;
        aix_expect_deferred(me); /* the lock is held again */
        release(was);
        torture_interrupted(me);
        was = hold(me, false);
    }
    ADD(&ev.used, 1u);
    if (way() == READ)
        section_read(&ev.data, me);
    else
        section_write(&ev.data, me);
    release(was);
    torture_expect_level(me, 0, "a wait for an event");
}

static void events_op(struct party *me)
{
    if (role(me) == 0) {
        producer(me);
        return;
    }
    for (unsigned n = UNITS; n > 0 && !torture_failed(); n--) {
        if (pick(me, 4) == 0)
            aix_shoot(me);
        consume(me);
    }
}

static void events_interrupt(struct party *me, int irq)
{
    if (way() == HANDLER && irq == TORTURE_IRQ_HIGH)
        make_units(me, 1);
    else
        disturb_waits(me);
}

static void events_check(void)
{
    aix_check_unblocks();
    section_check(&ev.data, "event");
    if (ev.made != ev.used + ev.units)
        torture_fail("%u units made, %u used, %u left", ev.made, ev.used, ev.units);
    if (ev.event != EVENT_NULL || ev.decoy != EVENT_NULL)
        torture_fail("%d threads wait for an event after the round", ev.event + ev.decoy);
}

const struct row torture_row_events = {
    .setup = events_setup,
    .op = events_op,
    .interrupt = events_interrupt,
    .check = events_check,
    .words = &ev,
    .bytes = offsetof(__typeof__(ev), units),
};

/*
 * Posted events are kept: everybody posts its bits to all the others, each once, and
 * waits for theirs, in whatever portions.
 */
enum { TURNS = 3, KEPT = 50, NEVER = 51, MARK = 52, FROM_HANDLERS = 60 };

static unsigned long bit_of(unsigned index, unsigned turn)
{
    return 1ul << (turn * TORTURE_MAX + index);
}

static void post_all(struct party *me, unsigned turn)
{
    unsigned first = pick(me, torture.threads);
    for (unsigned i = 0; i < torture.threads; i++) {
        const struct party *p = &torture.parties[(first + i) % torture.threads];
        if (p != me)
            et_post(bit_of(me->index, turn), ksl_thread_id(p->thread));
    }
}

/* The same events, whatever else is posted: a look leaves them, a wait takes them off. */
static unsigned long look_and_take(struct party *me, unsigned long mask)
{
    unsigned long seen = et_wait(mask, 0, EVENT_SHORT);
    unsigned long got = et_wait(seen, seen, EVENT_SHORT);
    if (got != seen)
        torture_fail("thread %u: %#lx was posted, %#lx is left", me->index, seen, got);
    return got;
}

/* A signal ends it, and loses nothing. */
static unsigned long wait_or_jump(struct party *me, unsigned long mask)
{
    label_t context;
    int came = setjmpx(&context);
    if (came != 0) {
        if (came != EXSIG)
            torture_fail("thread %u: setjmpx returned %d", me->index, came);
        torture_interrupted(me);
        return 0;
    }
    unsigned long got = et_wait(mask, mask, EVENT_SIGWAKE);
    clrjmpx(&context);
    if (got == 0)
        torture_fail("thread %u: et_wait was refused", me->index);
    return got;
}

/* A signal that ends a wait with EVENT_SIGRET takes all events off (T84). */
static void forget_events(struct party *me)
{
    ADD(&me->signals, 1ul);
    ksl_signal_post(me->thread, 1 + (int)pick(me, 64));
    et_post(1ul << KEPT, thread_self());
    unsigned long got = et_wait(1ul << NEVER, 1ul << NEVER, EVENT_SIGRET);
    if (got != (unsigned long)EVENT_SIG)
        torture_fail("thread %u: et_wait returned %#lx, not EVENT_SIG", me->index, got);
    torture_interrupted(me);
    et_post(1ul << MARK, thread_self());
    unsigned long both = 1ul << KEPT | 1ul << MARK;
    got = et_wait(both, both, EVENT_SHORT);
    if (got != 1ul << MARK)
        torture_fail("thread %u: %#lx is posted after EVENT_SIG", me->index, got);
}

static void await_all(struct party *me, unsigned turn)
{
    const unsigned long extra = 1ul << FROM_HANDLERS;
    unsigned long missing = 0;
    for (unsigned i = 0; i < torture.threads; i++)
        missing |= i != me->index ? bit_of(i, turn) : 0;
    while (missing != 0 && !torture_failed()) {
        unsigned long mask = missing | (pick(me, 2) == 0 ? extra : 0);
        unsigned way = pick(me, 4);
        unsigned long got = way == 0   ? look_and_take(me, mask)
                            : way == 1 ? wait_or_jump(me, mask)
                                       : et_wait(mask, mask, EVENT_SHORT);
        if ((got == 0 && way != 1) || (got & ~mask) != 0)
            torture_fail("thread %u: et_wait for %#lx returned %#lx", me->index, mask,
                         got);
        missing &= ~got;
        ADD(&me->operations, 1ul);
    }
}

static void events_post_op(struct party *me)
{
    for (unsigned turn = 0; turn < TURNS; turn++) {
        torture_dally(me);
        if (pick(me, 4) == 0)
            aix_shoot(me);
        post_all(me, turn);
        await_all(me, turn);
    }
    if (pick(me, 4) == 0)
        forget_events(me); /* nobody posts others to it until the next round */
}

static void events_post_interrupt(struct party *me, int irq)
{
    const struct party *p = &torture.parties[pick(me, torture.threads)];
    (void)irq;
    et_post(1ul << FROM_HANDLERS, ksl_thread_id(p->thread));
}

const struct row torture_row_events_post = {
    .op = events_post_op,
    .interrupt = events_post_interrupt,
    .check = aix_check_unblocks,
};
