/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sx(9) of FreeBSD; lock 0 does not recurse, lock 1 does. Numbers are those of the rules
 * in the specification; policy B: readers that share nothing wait behind writers.
 */
#include "fuzz.h"

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/proc.h>
#include <sys/sx.h>

#include <kslock/signal.h>

#include <errno.h>
#include <string.h>

enum op {
    SLOCK,
    XLOCK,
    SLOCK_SIG,
    XLOCK_SIG,
    TRY_SLOCK,
    TRY_XLOCK,
    SUNLOCK,
    XUNLOCK,
    UNLOCK,
    UPGRADE,
    DOWNGRADE,
    XLOCKED,
    POST,
    TAKE,
    OPS
};
enum { LOCKS = 2, NOBODY = -1, DEEP = 5, SIGNO = 9 };

static const struct fz_op ops[OPS] = {
    [SLOCK] = {"sx_slock", NULL},         [XLOCK] = {"sx_xlock", NULL},
    [SLOCK_SIG] = {"sx_slock_sig", NULL}, [XLOCK_SIG] = {"sx_xlock_sig", NULL},
    [TRY_SLOCK] = {"sx_try_slock", NULL}, [TRY_XLOCK] = {"sx_try_xlock", NULL},
    [SUNLOCK] = {"sx_sunlock", NULL},     [XUNLOCK] = {"sx_xunlock", NULL},
    [UNLOCK] = {"sx_unlock", NULL},       [UPGRADE] = {"sx_try_upgrade", NULL},
    [DOWNGRADE] = {"sx_downgrade", NULL}, [XLOCKED] = {"sx_xlocked", NULL},
    [POST] = {"post", fz_post},           [TAKE] = {"take", NULL},
};

static struct sx locks[LOCKS];

static struct {
    int owner[LOCKS], depth[LOCKS];
    int shares[LOCKS][FZ_PUPPETS];
    bool pending[FZ_PUPPETS];
} m;

static void reset(void)
{
    sx_init(&locks[0], "plain");
    sx_init_flags(&locks[1], "recursive", SX_RECURSE);
    memset(&m, 0, sizeof m);
    m.owner[0] = m.owner[1] = NOBODY;
}

static int call(int op, int lock)
{
    struct sx *sx = &locks[lock];
    switch (op) {
    case SLOCK:
        sx_slock(sx);
        return 0;
    case XLOCK:
        sx_xlock(sx);
        return 0;
    case SLOCK_SIG:
        return sx_slock_sig(sx);
    case XLOCK_SIG:
        return sx_xlock_sig(sx);
    case TRY_SLOCK:
        return sx_try_slock(sx);
    case TRY_XLOCK:
        return sx_try_xlock(sx);
    case SUNLOCK:
        sx_sunlock(sx);
        return 0;
    case XUNLOCK:
        sx_xunlock(sx);
        return 0;
    case UNLOCK:
        sx_unlock(sx);
        return 0;
    case UPGRADE:
        return sx_try_upgrade(sx);
    case DOWNGRADE:
        sx_downgrade(sx);
        return 0;
    case XLOCKED:
        return sx_xlocked(sx) != 0;
    default:
        return ksl_signal_take();
    }
}

static int all_shares(int lock)
{
    int n = 0;
    for (int i = 0; i < FZ_PUPPETS; i++)
        n += m.shares[lock][i];
    return n;
}

static bool shares_any(int who)
{
    return m.shares[0][who] + m.shares[1][who] != 0;
}

static bool free_lock(int lock)
{
    return m.owner[lock] == NOBODY && all_shares(lock) == 0;
}

static bool writer_waits(int who, int lock)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (i != who && w->on && w->lock == lock &&
            (w->op == XLOCK || w->op == XLOCK_SIG))
            return true;
    }
    return false;
}

/* It cannot have the lock now: 34. */
static enum fz_verdict must_wait(int who, bool sig, struct fz_answer *a)
{
    return sig && m.pending[who] ? fz_returns(a, EINTR) : FZ_WAITS;
}

static enum fz_verdict judge_share(int who, int lock, bool sig, struct fz_answer *a)
{
    if (m.owner[lock] == who) /* 53 */
        return fz_breaks(a, sig ? EDEADLK : 0, "recursion");
    if (m.owner[lock] != NOBODY || (!shares_any(who) && writer_waits(who, lock))) /* 23 */
        return must_wait(who, sig, a);
    return m.shares[lock][who] < DEEP ? fz_returns(a, 0) : FZ_SKIP;
}

static enum fz_verdict judge_own(int who, int lock, bool sig, struct fz_answer *a)
{
    if (m.shares[lock][who] != 0 || (m.owner[lock] == who && lock == 0)) /* 9, 54 */
        return fz_breaks(a, sig ? EDEADLK : 0, "recursion");
    if (m.owner[lock] == who)
        return m.depth[lock] < DEEP ? fz_returns(a, 0) : FZ_SKIP;
    return free_lock(lock) ? fz_returns(a, 0) : must_wait(who, sig, a);
}

/* An operation reserved to the holder in one mode: 61 to 64. */
static enum fz_verdict reserved(int lock, bool has, int result, struct fz_answer *a)
{
    if (has)
        return fz_returns(a, result);
    return fz_breaks(a, 0, free_lock(lock) ? "not-locked" : "not-owner");
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    bool mine = m.owner[lock] == who;
    switch (op) {
    case SLOCK:
    case SLOCK_SIG:
        return judge_share(who, lock, op == SLOCK_SIG, a);
    case XLOCK:
    case XLOCK_SIG:
        return judge_own(who, lock, op == XLOCK_SIG, a);
    case TRY_SLOCK: /* 24 */
        if (m.shares[lock][who] >= DEEP)
            return FZ_SKIP;
        return fz_returns(a, m.owner[lock] == NOBODY);
    case TRY_XLOCK: /* 10, 11 */
        if (mine && m.depth[lock] >= DEEP)
            return FZ_SKIP;
        return fz_returns(a, free_lock(lock) || (mine && lock == 1));
    case SUNLOCK:
        return reserved(lock, m.shares[lock][who] != 0, 0, a);
    case XUNLOCK:
        return reserved(lock, mine, 0, a);
    case UNLOCK:
        return reserved(lock, mine || m.shares[lock][who] != 0, 0, a);
    case UPGRADE: /* 14 to 17 */
        return reserved(lock, m.shares[lock][who] != 0, all_shares(lock) == 1, a);
    case DOWNGRADE:
        if (mine && m.depth[lock] > 1) /* 12 */
            return fz_breaks(a, 0, "recursion");
        return reserved(lock, mine, 0, a);
    case XLOCKED:
        return fz_returns(a, mine);
    case POST:
        return fz_returns(a, 0);
    default:
        return fz_returns(a, m.pending[who] ? SIGNO : 0);
    }
}

static void take(int who, int lock, bool own)
{
    if (own) {
        m.owner[lock] = who;
        m.depth[lock]++;
    } else {
        m.shares[lock][who]++;
    }
}

static void give(int who, int lock, bool own)
{
    if (own && m.owner[lock] == who && --m.depth[lock] == 0)
        m.owner[lock] = NOBODY;
    else if (!own && m.shares[lock][who] != 0)
        m.shares[lock][who]--;
}

static bool refused(int who, int op, int lock)
{
    struct fz_answer a = {0, NULL};
    return judge(who, op, lock, &a) != FZ_RETURNS || a.rule != NULL;
}

static void apply(int who, int op, int lock, int result)
{
    bool own = op == XLOCK || op == XLOCK_SIG || op == TRY_XLOCK || op == XUNLOCK;
    if (op == POST || op == TAKE)
        m.pending[who] = op == POST;
    else if (refused(who, op, lock))
        return;
    else if (op <= XLOCK_SIG ? result == 0 : op <= TRY_XLOCK && result != 0)
        take(who, lock, own);
    else if (op == SUNLOCK || op == XUNLOCK)
        give(who, lock, own);
    else if (op == UNLOCK)
        give(who, lock, m.owner[lock] == who);
    else if (op == DOWNGRADE || (op == UPGRADE && result != 0)) {
        give(who, lock, op == DOWNGRADE);
        take(who, lock, op == UPGRADE);
    }
}

static bool holds(int who, int lock)
{
    return m.owner[lock] == who || m.shares[lock][who] != 0;
}

static bool leave(int who, int *op, int *lock)
{
    *op = UNLOCK;
    if (fz_holds_any(who, lock))
        return true;
    *lock = 0;
    *op = TAKE;
    return m.pending[who];
}

/* 6. */
static const char *look(void)
{
    for (int i = 0; i < LOCKS; i++) {
        const void *owner = m.owner[i] == NOBODY ? NULL : fz_thread(m.owner[i]);
        if ((const void *)sx_xholder(&locks[i]) != owner)
            return "sx_xholder names another thread";
    }
    return NULL;
}

const struct fz_family fz_sx = {
    FZ_PARTS,         .name = "sx",   .signo = SIGNO,
    .n_locks = LOCKS, .holds = holds, .look = look,
};
