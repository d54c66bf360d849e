/* SPDX-License-Identifier: BSD-2-Clause */
#include "freebsd.h"

void guarded_write(struct guarded *g, struct party *me)
{
    unsigned long value = g->first;
    if (value != g->second)
        torture_fail("thread %u: the words differ: %lu, %lu", me->index, value,
                     g->second);
    g->first = value + 1;
    section_write(&g->section, me);
    g->second = value + 1;
}

void guarded_read(struct guarded *g, struct party *me)
{
    unsigned long value = g->first;
    section_read(&g->section, me);
    if (value != g->second)
        torture_fail("thread %u: the words differ: %lu, %lu", me->index, value,
                     g->second);
}

void guarded_check(const struct guarded *g, const char *lock)
{
    section_check(&g->section, lock);
    if (g->first != g->second)
        torture_fail("%s: the words differ after the round: %lu, %lu", lock, g->first,
                     g->second);
}

void sx_take_share(struct party *me, struct sx *sx)
{
    if (pick(me, 2) == 0)
        sx_slock(sx);
    else
        (sx_slock)(sx);
}

void sx_take_alone(struct party *me, struct sx *sx)
{
    if (pick(me, 2) == 0)
        sx_xlock(sx);
    else
        (sx_xlock)(sx);
}

void sx_give_share(struct party *me, struct sx *sx)
{
    switch (pick(me, 4)) {
    case 0:
        (sx_sunlock)(sx);
        return;
    case 1:
        (sx_unlock)(sx);
        return;
    case 2:
        sx_unlock(sx);
        return;
    default:
        sx_sunlock(sx);
        return;
    }
}

void sx_give_alone(struct party *me, struct sx *sx)
{
    switch (pick(me, 4)) {
    case 0:
        (sx_xunlock)(sx);
        return;
    case 1:
        (sx_unlock)(sx);
        return;
    case 2:
        sx_unlock(sx);
        return;
    default:
        sx_xunlock(sx);
        return;
    }
}

/* The caller has one share of sx; gives it back, some time or other alone. */
static void leave_share(struct party *me, struct sx *sx, struct guarded *data)
{
    if (pick(me, 3) != 0 || !sx_try_upgrade(sx)) {
        sx_assert(sx, SA_SLOCKED);
        sx_give_share(me, sx);
        return;
    }
    sx_assert(sx, SA_XLOCKED | SA_NOTRECURSED);
    guarded_write(data, me);
    if (pick(me, 2) == 0) {
        sx_downgrade(sx);
        guarded_read(data, me);
        sx_give_share(me, sx);
    } else {
        sx_give_alone(me, sx);
    }
}

static void visit_next(struct party *me, struct sx **locks, struct guarded *data,
                       unsigned count)
{
    if (count < 2 || pick(me, 2) == 0)
        return;
    if (pick(me, 3) == 0)
        sx_visit_writing(me, locks + 1, data + 1, count - 1);
    else
        sx_visit_reading(me, locks + 1, data + 1, count - 1);
}

void sx_visit_reading(struct party *me, struct sx **locks, struct guarded *data,
                      unsigned count)
{
    struct sx *sx = locks[0];
    unsigned more = pick(me, 4) == 0 ? pick(me, 3) : 0;
    if (pick(me, 8) != 0)
        sx_take_share(me, sx);
    else if (!sx_try_slock(sx))
        return;
    for (unsigned i = 0; i < more; i++)
        sx_take_share(me, sx);
    if (sx_xlocked(sx))
        torture_fail("thread %u: sx_xlocked with a share", me->index);
    guarded_read(data, me);
    visit_next(me, locks, data, count);
    for (unsigned i = 0; i < more; i++)
        sx_give_share(me, sx);
    leave_share(me, sx, data);
}

void sx_visit_writing(struct party *me, struct sx **locks, struct guarded *data,
                      unsigned count)
{
    struct sx *sx = locks[0];
    bool recurses = (sx->lock_object.lo_flags & LO_RECURSABLE) != 0;
    unsigned more = recurses && pick(me, 4) == 0 ? pick(me, 3) : 0;
    if (pick(me, 8) != 0)
        sx_take_alone(me, sx);
    else if (!sx_try_xlock(sx))
        return;
    for (unsigned i = 0; i < more; i++)
        sx_take_alone(me, sx);
    guarded_write(data, me);
    visit_next(me, locks, data, count);
    for (unsigned i = 0; i < more; i++)
        sx_give_alone(me, sx);
    sx_assert(sx, SA_XLOCKED | SA_NOTRECURSED);
    if (!sx_xlocked(sx))
        torture_fail("thread %u: sx_xlocked overlooks its hold", me->index);
    if (more > 0)
        guarded_write(data, me); /* the last hold still excludes all */
    if (pick(me, 3) != 0) {
        sx_give_alone(me, sx);
        return;
    }
    sx_downgrade(sx);
    guarded_read(data, me);
    leave_share(me, sx, data);
}

bool sx_in(struct party *me, int error)
{
    if (error == 0)
        return true;
    if (error != EINTR && error != ERESTART)
        torture_fail("thread %u: an interruptible call returned %d", me->index, error);
    torture_interrupted(me);
    return false;
}

void sx_ready(struct sx *sx, int flags)
{
    if ((sx->lock_object.lo_flags & LO_INITIALIZED) != 0)
        return;
    if (flags == 0)
        sx_init(sx, "torture");
    else
        sx_init_flags(sx, "torture", flags);
}

void sx_check_idle(struct sx *sx)
{
    int flags = (sx->lock_object.lo_flags & LO_RECURSABLE) != 0 ? SX_RECURSE : 0;
    if (sx_xholder(sx) != NULL || sx_has_waiters(sx) != 0)
        torture_fail("sx is not free after the round: %#lx", (unsigned long)sx->sx_lock);
    if (sx->sx_recurse != 0)
        torture_fail("sx has %u levels after the round", sx->sx_recurse);
    if (torture.round % 8 != 0)
        return;
    sx_destroy(sx);
    sx_init_flags(sx, "torture", flags);
}

void sx_judge_sleep(struct party *me, int error, bool catch, int timo, uint64_t slept)
{
    if (error == EWOULDBLOCK) {
        if (timo == 0 || slept < (uint64_t)timo * 1000000u)
            torture_fail("thread %u: a sleep of %d ticks ended after %llu ns", me->index,
                         timo, (unsigned long long)slept);
    } else if (!sx_in(me, error) && !catch) {
        torture_fail("thread %u: a sleep was interrupted: %d", me->index, error);
    }
}
