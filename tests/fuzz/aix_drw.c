/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disabled read-write locks of AIX. Who waits spins; what the descriptor shows from the
 * first nap on tells that. Nothing says in which order those get in who spin together,
 * so readers and writers are not made to wait for one lock at the same time.
 */
#include "fuzz.h"

#include <sys/intr.h>
#include <sys/lock_def.h>

#include "thread/thread.h"

#include <string.h>

enum op { READ, WRITE, TRY_WRITE, DONE, UPGRADE, TRY_UPGRADE, DOWNGRADE, LOCKED, OPS };
enum { LOCKS = 2, NOBODY = -1, DEEP = 3 };

static const struct fz_op ops[OPS] = {
    [READ] = {"drw_lock_read", NULL},
    [WRITE] = {"drw_lock_write", NULL},
    [TRY_WRITE] = {"drw_lock_try_write", NULL},
    [DONE] = {"drw_lock_done", NULL},
    [UPGRADE] = {"drw_lock_read_to_write", NULL},
    [TRY_UPGRADE] = {"drw_lock_try_read_to_write", NULL},
    [DOWNGRADE] = {"drw_lock_write_to_read", NULL},
    [LOCKED] = {"drw_lock_islocked", NULL},
};

static Drw_lock locks[LOCKS];

static struct {
    int writer[LOCKS];
    int reads[LOCKS][FZ_PUPPETS];
} m;

static bool spins(const ksl_thread *t)
{
    return __atomic_load_n(&t->spins_on, __ATOMIC_SEQ_CST) != NULL;
}

static void reset(void)
{
    memset(&m, 0, sizeof m);
    for (int i = 0; i < LOCKS; i++) {
        drw_lock_init(&locks[i]);
        m.writer[i] = NOBODY;
    }
}

static int call(int op, int lock)
{
    drw_lock_t l = &locks[lock];
    (void)i_disable(INTMAX); /* and so it stays */
    switch (op) {
    case READ:
        drw_lock_read(l);
        return 0;
    case WRITE:
        drw_lock_write(l);
        return 0;
    case TRY_WRITE:
        return drw_lock_try_write(l);
    case DONE:
        drw_lock_done(l);
        return 0;
    case UPGRADE:
        return drw_lock_read_to_write(l);
    case TRY_UPGRADE:
        return drw_lock_try_read_to_write(l);
    case DOWNGRADE:
        drw_lock_write_to_read(l);
        return 0;
    default:
        return drw_lock_islocked(l);
    }
}

static int readers(int lock)
{
    int n = 0;
    for (int i = 0; i < FZ_PUPPETS; i++)
        n += m.reads[lock][i];
    return n;
}

static bool free_lock(int lock)
{
    return m.writer[lock] == NOBODY && readers(lock) == 0;
}

/* Another puppet waits for the lock, in one of two calls. */
static bool waits(int who, int lock, int op, int or_op)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (i != who && w->on && w->lock == lock && (w->op == op || w->op == or_op))
            return true;
    }
    return false;
}

static enum fz_verdict reserved(int lock, bool has, struct fz_answer *a)
{
    if (has)
        return fz_returns(a, 0);
    return fz_breaks(a, 0, free_lock(lock) ? "not-locked" : "not-owner");
}

static enum fz_verdict judge_take(int who, int op, int lock, struct fz_answer *a)
{
    bool own = m.writer[lock] == who || m.reads[lock][who] != 0;
    bool begins = !fz_wait[who].on;
    if (op == TRY_WRITE)
        return fz_returns(a, free_lock(lock) ? TRUE : FALSE);
    if (m.writer[lock] == who || (own && op == WRITE))
        return fz_breaks(a, 0, "recursion");
    if (op == READ && (m.reads[lock][who] >= DEEP ||
                       (begins && !own && waits(who, lock, WRITE, UPGRADE))))
        return FZ_SKIP;
    if (op == WRITE && begins && waits(who, lock, READ, UPGRADE))
        return FZ_SKIP;
    bool in = op == READ ? m.writer[lock] == NOBODY : free_lock(lock);
    return in ? fz_returns(a, 0) : FZ_WAITS;
}

static enum fz_verdict judge_upgrade(int who, int op, int lock, struct fz_answer *a)
{
    int own = m.reads[lock][who];
    if (own == 0)
        return reserved(lock, false, a);
    if (own > 1)
        return FZ_SKIP; /* nothing says how many of them a failure gives back */
    if (readers(lock) == 1)
        return fz_returns(a, TRUE);
    if (op == TRY_UPGRADE || (!fz_wait[who].on && waits(who, lock, UPGRADE, UPGRADE)))
        return fz_returns(a, FALSE);
    return !fz_wait[who].on && waits(who, lock, WRITE, READ) ? FZ_SKIP : FZ_WAITS;
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    if (op <= TRY_WRITE)
        return judge_take(who, op, lock, a);
    if (op == UPGRADE || op == TRY_UPGRADE)
        return judge_upgrade(who, op, lock, a);
    if (op == LOCKED)
        return fz_returns(a, free_lock(lock) ? FALSE : TRUE);
    return reserved(lock,
                    m.writer[lock] == who || (op == DONE && m.reads[lock][who] != 0), a);
}

static void apply(int who, int op, int lock, int result)
{
    int *writer = &m.writer[lock], *reads = &m.reads[lock][who];
    if (op == READ && *writer != who) {
        ++*reads;
    } else if ((op == WRITE && *reads == 0) || (op == TRY_WRITE && result == TRUE)) {
        *writer = who;
    } else if (op == DONE && *writer == who) {
        *writer = NOBODY;
    } else if (op == DONE && *reads != 0) {
        --*reads;
    } else if ((op == UPGRADE || op == TRY_UPGRADE) && *reads == 1 &&
               (op == UPGRADE || result == TRUE)) {
        *reads = 0;
        *writer = result == TRUE ? who : *writer;
    } else if (op == DOWNGRADE && *writer == who) {
        *writer = NOBODY;
        *reads = 1;
    }
}

static bool holds(int who, int lock)
{
    return m.writer[lock] == who || m.reads[lock][who] != 0;
}

static bool leave(int who, int *op, int *lock)
{
    *op = DONE;
    return fz_holds_any(who, lock);
}

const struct fz_family fz_aix_drw = {
    FZ_PARTS, .name = "aix_drw", .n_locks = LOCKS, .spins = spins, .holds = holds,
};
