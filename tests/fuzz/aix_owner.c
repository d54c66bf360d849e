/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simple and lockl locks of AIX (T1 to T17) and the priority that owners get (T53 to
 * T62). Locks 0 and 1 of each kind.
 */
#include "fuzz.h"

#include <sys/errno.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

#include <kslock/signal.h>

#include <string.h>

enum op {
    LOCK,
    TRY,
    UNLOCK,
    MINE,
    LOCKL,
    NDELAY,
    SIGRET,
    UNLOCKL,
    PRIORITY,
    POST,
    TAKE,
    OPS
};
enum { LOCKS = 2, NOBODY = -1, SIGNO = 11 };
enum { SIMPLE, WORD, KINDS };

static const struct fz_op ops[OPS] = {
    [LOCK] = {"simple_lock", NULL},
    [TRY] = {"simple_lock_try", NULL},
    [UNLOCK] = {"simple_unlock", NULL},
    [MINE] = {"lock_mine", NULL},
    [LOCKL] = {"lockl", NULL},
    [NDELAY] = {"lockl NDELAY", NULL},
    [SIGRET] = {"lockl SIGRET", NULL},
    [UNLOCKL] = {"unlockl", NULL},
    [PRIORITY] = {"set priority", fz_raise_priority},
    [POST] = {"post", fz_post},
    [TAKE] = {"take", NULL},
};

static Simple_lock simples[LOCKS];
static lock_t words[LOCKS];

static struct {
    int owner[KINDS][LOCKS];
    int base[FZ_PUPPETS];
    bool pending[FZ_PUPPETS];
} m;

static void reset(void)
{
    memset(simples, 0, sizeof simples);
    memset(words, 0, sizeof words);
    memset(&m, 0, sizeof m);
    memset(m.owner, 0xff, sizeof m.owner);
    for (int i = 0; i < FZ_PUPPETS; i++)
        (void)ksl_thread_set_priority(fz_thread(i), 0);
}

static int call(int op, int lock)
{
    switch (op) {
    case LOCK:
        simple_lock(&simples[lock]);
        return 0;
    case TRY:
        return simple_lock_try(&simples[lock]);
    case UNLOCK:
        simple_unlock(&simples[lock]);
        return 0;
    case MINE:
        return lock_mine(&simples[lock]);
    case LOCKL:
        return lockl(&words[lock], LOCK_SHORT);
    case NDELAY:
        return lockl(&words[lock], LOCK_NDELAY);
    case SIGRET:
        return lockl(&words[lock], LOCK_SIGRET);
    case UNLOCKL:
        unlockl(&words[lock]);
        return 0;
    default:
        return ksl_signal_take();
    }
}

static int kind_of(int op)
{
    return op <= MINE ? SIMPLE : WORD;
}

static bool any_hold(int who)
{
    for (int i = 0; i < LOCKS; i++) {
        if (m.owner[SIMPLE][i] == who || m.owner[WORD][i] == who)
            return true;
    }
    return false;
}

/* The most favoured waiter of a free lock competes; nobody else may have been woken. */
static bool woken_first(int who, int kind, int lock)
{
    for (int i = 0; fz_wait[who].on && i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (i != who && w->on && w->lock == lock && kind_of(w->op) == kind &&
            m.base[i] > m.base[who])
            return false;
    }
    return true;
}

static enum fz_verdict judge_take(int who, int op, int lock, struct fz_answer *a)
{
    int kind = kind_of(op), owner = m.owner[kind][lock];
    if (owner == who) /* T14, T1 */
        return kind == SIMPLE ? fz_breaks(a, 0, "recursion") : fz_returns(a, LOCK_NEST);
    if (owner == NOBODY && woken_first(who, kind, lock))
        return fz_returns(a, LOCK_SUCC);
    if (op == SIGRET && m.pending[who] && !any_hold(who)) /* T5, T68 */
        return fz_returns(a, LOCK_SIG);
    return FZ_WAITS;
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    int owner = op <= UNLOCKL ? m.owner[kind_of(op)][lock] : NOBODY;
    switch (op) {
    case LOCK:
    case LOCKL:
    case SIGRET:
        return judge_take(who, op, lock, a);
    case TRY: /* T13 */
        return fz_returns(a, owner == NOBODY ? TRUE : FALSE);
    case MINE:
        return fz_returns(a, owner == who ? TRUE : FALSE);
    case NDELAY: /* T4 */
        return fz_returns(a, owner == NOBODY ? LOCK_SUCC
                             : owner == who  ? LOCK_NEST
                                             : LOCK_FAIL);
    case UNLOCK:
    case UNLOCKL: /* T2, T10 */
        if (owner == who)
            return fz_returns(a, 0);
        return fz_breaks(a, 0, owner == NOBODY ? "not-locked" : "not-owner");
    case PRIORITY:
    case POST:
        return fz_returns(a, 0);
    default: /* T66 */
        return fz_returns(a, m.pending[who] && !any_hold(who) ? SIGNO : 0);
    }
}

static void apply(int who, int op, int lock, int result)
{
    int *owner = &m.owner[kind_of(op)][lock];
    if (op == PRIORITY)
        m.base[who] = fz_next_priority(m.base[who], lock);
    else if (op == POST)
        m.pending[who] = true;
    else if (op == TAKE)
        m.pending[who] &= result == 0;
    else if (op == UNLOCK || op == UNLOCKL)
        *owner = *owner == who ? NOBODY : *owner;
    else if (op != MINE && (op == TRY ? result == TRUE : result == LOCK_SUCC) &&
             *owner == NOBODY)
        *owner = who;
}

static bool holds(int who, int lock)
{
    return m.owner[SIMPLE][lock] == who || m.owner[WORD][lock] == who;
}

/* What it waits for it does not hold. */
static bool holds_other(int who, int op, int lock)
{
    (void)op;
    (void)lock;
    return any_hold(who);
}

static bool leave(int who, int *op, int *lock)
{
    if (fz_holds_any(who, lock)) {
        *op = m.owner[SIMPLE][*lock] == who ? UNLOCK : UNLOCKL;
        return true;
    }
    *lock = 1;
    *op = m.pending[who] ? TAKE : PRIORITY;
    return m.pending[who] || m.base[who] != 0;
}

/* T53 to T56: an owner has the priority of its most urgent waiter. */
static int effective(int who)
{
    int best = m.base[who];
    for (int i = 0; i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (!w->on || m.owner[kind_of(w->op)][w->lock] != who)
            continue;
        int lent = effective(i);
        best = lent > best ? lent : best;
    }
    return best;
}

static const char *look(void)
{
    return fz_look_priorities(effective);
}

const struct fz_family fz_aix_owner = {
    FZ_PARTS,       .name = "aix_owner",        .signo = SIGNO, .n_locks = LOCKS,
    .holds = holds, .holds_other = holds_other, .look = look,
};
