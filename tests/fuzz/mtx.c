/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mutex(9): a plain one, a recursive one, and a spinning one, which masks interrupts; the
 * result of every call tells the level.
 */
#include "fuzz.h"

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>

#include "thread/thread.h"

#include <kslock/irq.h>

#include <string.h>

enum op { LOCK, TRY, UNLOCK, OWNED, RECURSED, OPS };
enum { PLAIN, RECURSIVE, SPINNING, LOCKS, NOBODY = -1, DEEP = 5, ALL = 11, RESULT = 100 };

static const struct fz_op ops[OPS] = {
    [LOCK] = {"mtx_lock", NULL},         [TRY] = {"mtx_trylock", NULL},
    [UNLOCK] = {"mtx_unlock", NULL},     [OWNED] = {"mtx_owned", NULL},
    [RECURSED] = {"mtx_recursed", NULL},
};

static struct mtx locks[LOCKS];
static bool begun;

static struct {
    int owner[LOCKS], depth[LOCKS];
} m;

static void reset(void)
{
    static const int opts[LOCKS] = {MTX_DEF, MTX_DEF | MTX_RECURSE, MTX_SPIN};
    for (int i = 0; i < LOCKS; i++) {
        if (begun)
            mtx_destroy(&locks[i]);
        mtx_init(&locks[i], "fuzz", NULL, opts[i]);
        m.owner[i] = NOBODY;
        m.depth[i] = 0;
    }
    begun = true;
}

static bool waits(const ksl_thread *t)
{
    return ksl_thread_asleep(t) ||
           __atomic_load_n(&t->spins_on, __ATOMIC_SEQ_CST) != NULL;
}

static int call_inside(int op, int lock)
{
    struct mtx *l = &locks[lock];
    switch (op) {
    case LOCK:
        if (lock == SPINNING)
            mtx_lock_spin(l);
        else
            mtx_lock(l);
        return 0;
    case TRY:
        return lock == SPINNING ? mtx_trylock_spin(l) : mtx_trylock(l);
    case UNLOCK:
        if (lock == SPINNING)
            mtx_unlock_spin(l);
        else
            mtx_unlock(l);
        return 0;
    case OWNED:
        return mtx_owned(l) != 0;
    default:
        return mtx_recursed(l) != 0;
    }
}

static int call(int op, int lock)
{
    int result = call_inside(op, lock);
    unsigned level = ksl_irq_save();
    ksl_irq_restore(level);
    return result * RESULT + (int)level;
}

/* Sleeping mutexes are first in, first out; nothing is said of those who spin. */
static bool first(int who, int lock)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (lock != SPINNING && i != who && w->on && w->lock == lock &&
            (!fz_wait[who].on || w->since < fz_wait[who].since))
            return false;
    }
    return true;
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    bool mine = m.owner[lock] == who, free = m.owner[lock] == NOBODY;
    int level = m.owner[SPINNING] == who ? ALL : 0;
    int inside = lock == SPINNING ? ALL : level; /* with the lock */
    switch (op) {
    case LOCK:
        if (mine && lock != RECURSIVE)
            return fz_breaks(a, level, "recursion");
        if (mine)
            return m.depth[lock] < DEEP ? fz_returns(a, level) : FZ_SKIP;
        return free && first(who, lock) ? fz_returns(a, inside) : FZ_WAITS;
    case TRY:
        if (mine && m.depth[lock] >= DEEP)
            return FZ_SKIP;
        return free || (mine && lock == RECURSIVE) ? fz_returns(a, RESULT + inside)
                                                   : fz_returns(a, level);
    case UNLOCK:
        if (mine)
            return fz_returns(a, lock == SPINNING ? 0 : level);
        return fz_breaks(a, level, free ? "not-locked" : "not-owner");
    case OWNED:
        return fz_returns(a, mine * RESULT + level);
    default: /* for the owner alone */
        return mine ? fz_returns(a, (m.depth[lock] > 1) * RESULT + level) : FZ_SKIP;
    }
}

static void apply(int who, int op, int lock, int result)
{
    bool mine = m.owner[lock] == who;
    bool again = mine && lock == RECURSIVE;
    if (op == UNLOCK && mine) {
        if (--m.depth[lock] == 0)
            m.owner[lock] = NOBODY;
    } else if ((op == LOCK && (!mine || again)) || (op == TRY && result >= RESULT)) {
        m.owner[lock] = who;
        m.depth[lock]++;
    }
}

static bool holds(int who, int lock)
{
    return m.owner[lock] == who;
}

static bool holds_other(int who, int op, int lock)
{
    (void)op;
    return fz_holds_any(who, &lock);
}

static bool leave(int who, int *op, int *lock)
{
    *op = UNLOCK;
    return fz_holds_any(who, lock);
}

const struct fz_family fz_mtx = {
    FZ_PARTS,       .name = "mtx",  .n_locks = LOCKS,
    .spins = waits, .holds = holds, .holds_other = holds_other,
};
