/* SPDX-License-Identifier: BSD-2-Clause */
/* Complex locks of AIX (T29 to T52), and the priority that a writer gets. */
#include "fuzz.h"

#include <sys/lock_def.h>

#include <string.h>

enum op {
    READ,
    TRY_READ,
    WRITE,
    TRY_WRITE,
    DONE,
    UPGRADE,
    TRY_UPGRADE,
    DOWNGRADE,
    SET,
    CLEAR,
    LOCKED,
    MINE,
    PRIORITY,
    OPS
};
enum { LOCKS = 2, NOBODY = -1, DEEP = 5 };

static const struct fz_op ops[OPS] = {
    [READ] = {"lock_read", NULL},
    [TRY_READ] = {"lock_try_read", NULL},
    [WRITE] = {"lock_write", NULL},
    [TRY_WRITE] = {"lock_try_write", NULL},
    [DONE] = {"lock_done", NULL},
    [UPGRADE] = {"lock_read_to_write", NULL},
    [TRY_UPGRADE] = {"lock_try_read_to_write", NULL},
    [DOWNGRADE] = {"lock_write_to_read", NULL},
    [SET] = {"lock_set_recursive", NULL},
    [CLEAR] = {"lock_clear_recursive", NULL},
    [LOCKED] = {"lock_islocked", NULL},
    [MINE] = {"lock_mine", NULL},
    [PRIORITY] = {"set priority", fz_raise_priority},
};

static Complex_lock locks[LOCKS];

static struct {
    struct {
        int writer, nested;
        bool recursive;
        int reads[FZ_PUPPETS];
    } lock[LOCKS];
    int base[FZ_PUPPETS];
} m;

static void reset(void)
{
    memset(&m, 0, sizeof m);
    for (int i = 0; i < LOCKS; i++) {
        lock_init(&locks[i], TRUE);
        m.lock[i].writer = NOBODY;
    }
    for (int i = 0; i < FZ_PUPPETS; i++)
        (void)ksl_thread_set_priority(fz_thread(i), 0);
}

/* The calls that return nothing. */
static int plain_call(int op, complex_lock_t l)
{
    switch (op) {
    case READ:
        lock_read(l);
        break;
    case WRITE:
        lock_write(l);
        break;
    case DONE:
        lock_done(l);
        break;
    case DOWNGRADE:
        lock_write_to_read(l);
        break;
    case SET:
        lock_set_recursive(l);
        break;
    default:
        lock_clear_recursive(l);
        break;
    }
    return 0;
}

static int call(int op, int lock)
{
    complex_lock_t l = &locks[lock];
    switch (op) {
    case TRY_READ:
        return lock_try_read(l);
    case TRY_WRITE:
        return lock_try_write(l);
    case UPGRADE:
        return lock_read_to_write(l);
    case TRY_UPGRADE:
        return lock_try_read_to_write(l);
    case LOCKED:
        return lock_islocked(l);
    case MINE:
        return lock_mine(l);
    default:
        return plain_call(op, l);
    }
}

static int readers(int lock)
{
    int n = 0;
    for (int i = 0; i < FZ_PUPPETS; i++)
        n += m.lock[lock].reads[i];
    return n;
}

static bool free_lock(int lock)
{
    return m.lock[lock].writer == NOBODY && readers(lock) == 0;
}

/* The priority of the most favoured other puppet that waits to write; -1 if none. */
static int write_wanted(int who, int lock)
{
    int best = -1;
    for (int i = 0; i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (i != who && w->on && w->lock == lock && w->op != READ && m.base[i] > best)
            best = m.base[i];
    }
    return best;
}

static bool may_nest(int who, int lock)
{
    return m.lock[lock].writer == who && m.lock[lock].recursive;
}

static enum fz_verdict judge_read(int who, int op, int lock, struct fz_answer *a)
{
    int writer = m.lock[lock].writer;
    if (op == TRY_READ) /* T30, T33, T34 */
        return fz_returns(a, writer == NOBODY || may_nest(who, lock) ? TRUE : FALSE);
    if (may_nest(who, lock))
        return fz_returns(a, 0);
    if (writer == who)
        return fz_breaks(a, 0, "recursion");
    if (writer != NOBODY)
        return FZ_WAITS;
    bool behind = fz_wait[who].on && readers(lock) == 0 && write_wanted(who, lock) >= 0;
    return behind ? FZ_WAITS : fz_returns(a, 0); /* T32 */
}

static enum fz_verdict judge_write(int who, int op, int lock, struct fz_answer *a)
{
    if (op == TRY_WRITE) /* T29, T30, T34 */
        return fz_returns(a, free_lock(lock) || may_nest(who, lock) ? TRUE : FALSE);
    if (may_nest(who, lock))
        return fz_returns(a, 0);
    if (m.lock[lock].writer == who || m.lock[lock].reads[who] != 0)
        return fz_breaks(a, 0, "recursion");
    bool first = !fz_wait[who].on || m.base[who] >= write_wanted(who, lock);
    return free_lock(lock) && first ? fz_returns(a, 0) : FZ_WAITS;
}

static enum fz_verdict reserved(int lock, bool has, int result, struct fz_answer *a)
{
    if (has)
        return fz_returns(a, 0);
    return fz_breaks(a, result, free_lock(lock) ? "not-locked" : "not-owner");
}

/* T36 to T41; lock_read_to_write returns TRUE when it fails. */
static enum fz_verdict judge_upgrade(int who, int op, int lock, struct fz_answer *a)
{
    int own = m.lock[lock].reads[who];
    int failed = op == UPGRADE ? TRUE : FALSE;
    if (own == 0)
        return reserved(lock, false, failed, a);
    if (own > 1)
        return fz_breaks(a, failed, "recursion");
    if (!fz_wait[who].on && write_wanted(who, lock) >= 0)
        return fz_returns(a, failed);
    return readers(lock) == 1 ? fz_returns(a, !failed) : FZ_WAITS;
}

static enum fz_verdict judge_owner(int who, int op, int lock, struct fz_answer *a)
{
    bool mine = m.lock[lock].writer == who;
    bool nested = m.lock[lock].nested != 0, recursive = m.lock[lock].recursive;
    if (op == DONE && mine && !nested && recursive) /* T50 */
        return fz_breaks(a, 0, "recursive-flag");
    if (op == DONE)
        return reserved(lock, mine || m.lock[lock].reads[who] != 0, 0, a);
    if (mine && op == DOWNGRADE && nested)
        return fz_breaks(a, 0, "recursion");
    if (mine && op == DOWNGRADE && recursive) /* T52 */
        return fz_breaks(a, 0, "recursive-flag");
    if (mine && op == CLEAR && (nested || !recursive)) /* T49, T51 */
        return fz_breaks(a, 0, "recursive-flag");
    return reserved(lock, mine, 0, a);
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    if (op <= TRY_WRITE &&
        (m.lock[lock].nested >= DEEP || m.lock[lock].reads[who] >= DEEP))
        return FZ_SKIP;
    if (op <= TRY_READ)
        return judge_read(who, op, lock, a);
    if (op <= TRY_WRITE)
        return judge_write(who, op, lock, a);
    if (op == UPGRADE || op == TRY_UPGRADE)
        return judge_upgrade(who, op, lock, a);
    if (op == LOCKED)
        return fz_returns(a, free_lock(lock) ? FALSE : TRUE);
    if (op == MINE)
        return fz_returns(a, m.lock[lock].writer == who ? TRUE : FALSE);
    return op == PRIORITY ? fz_returns(a, 0) : judge_owner(who, op, lock, a);
}

static void take(int who, int op, int lock)
{
    if (m.lock[lock].writer == who) {
        m.lock[lock].nested += m.lock[lock].recursive;
    } else if (op == READ || op == TRY_READ) {
        m.lock[lock].reads[who]++;
    } else if (m.lock[lock].reads[who] == 0) {
        m.lock[lock].writer = who;
        m.lock[lock].nested = 0;
    }
}

static void done(int who, int lock)
{
    if (m.lock[lock].writer != who) {
        m.lock[lock].reads[who] -= m.lock[lock].reads[who] != 0;
    } else if (m.lock[lock].nested != 0) {
        m.lock[lock].nested--;
    } else {
        m.lock[lock].writer = NOBODY;
        m.lock[lock].recursive = false;
    }
}

static void apply_upgrade(int who, int op, int lock, int result)
{
    bool upgraded = result == (op == UPGRADE ? FALSE : TRUE);
    if (m.lock[lock].reads[who] != 1 || (!upgraded && op == TRY_UPGRADE))
        return;
    m.lock[lock].reads[who] = 0;
    if (upgraded)
        m.lock[lock].writer = who;
}

static void apply(int who, int op, int lock, int result)
{
    bool mine = m.lock[lock].writer == who;
    if (op == READ || op == WRITE ||
        ((op == TRY_READ || op == TRY_WRITE) && result == TRUE)) {
        take(who, op, lock);
    } else if (op == DONE) {
        done(who, lock);
    } else if (op == UPGRADE || op == TRY_UPGRADE) {
        apply_upgrade(who, op, lock, result);
    } else if (op == DOWNGRADE && mine && m.lock[lock].nested == 0) {
        m.lock[lock].writer = NOBODY;
        m.lock[lock].recursive = false;
        m.lock[lock].reads[who] = 1;
    } else if ((op == SET || op == CLEAR) && mine) {
        m.lock[lock].recursive = op == SET;
    } else if (op == PRIORITY) {
        m.base[who] = fz_next_priority(m.base[who], lock);
    }
}

static bool holds(int who, int lock)
{
    return m.lock[lock].writer == who || m.lock[lock].reads[who] != 0;
}

static bool leave(int who, int *op, int *lock)
{
    *op = DONE;
    if (fz_holds_any(who, lock))
        return true;
    *lock = 1;
    *op = PRIORITY;
    return m.base[who] != 0;
}

/* T53, T58: a writer has the priority of its most favoured waiter, a reader its own. */
static int effective(int who)
{
    int best = m.base[who];
    for (int j = 0; j < FZ_PUPPETS; j++) {
        const struct fz_wait *w = &fz_wait[j];
        if (w->on && m.lock[w->lock].writer == who && m.base[j] > best)
            best = m.base[j];
    }
    return best;
}

static const char *look(void)
{
    return fz_look_priorities(effective);
}

const struct fz_family fz_aix_complex = {
    FZ_PARTS, .name = "aix_complex", .n_locks = LOCKS, .holds = holds, .look = look,
};
