/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel mutexes of EVL, by threads of both stages, with priority inheritance. */
#include "evl.h"
#include "fuzz.h"

#include <evl/mutex.h>

#include <errno.h>
#include <string.h>

enum op { LOCK, TRY, UNLOCK, RENEW, OOB, INBAND, PRIORITY, POST, UNBLOCK, TAKE, OPS };
enum { LOCKS = 2, NOBODY = -1, SIGNO = 8 };

static const struct fz_op ops[OPS] = {
    [LOCK] = {"evl_lock_kmutex", NULL},
    [TRY] = {"evl_trylock_kmutex", NULL},
    [UNLOCK] = {"evl_unlock_kmutex", NULL},
    [RENEW] = {"evl_destroy_kmutex, evl_init_kmutex", NULL},
    [PRIORITY] = {"set priority", fz_raise_priority},
    EVL_OPS,
};

static struct evl_kmutex locks[LOCKS];

static struct {
    int owner[LOCKS];
    bool oob[FZ_PUPPETS], pending[FZ_PUPPETS];
    int base[FZ_PUPPETS];
    bool gone[FZ_PUPPETS]; /* what it waits for was destroyed */
} m;

static void reset(void)
{
    memset(&m, 0, sizeof m);
    for (int i = 0; i < LOCKS; i++) {
        evl_init_kmutex(&locks[i]);
        m.owner[i] = NOBODY;
    }
    for (int i = 0; i < FZ_PUPPETS; i++)
        (void)ksl_thread_set_priority(fz_thread(i), 0);
}

static int call(int op, int lock)
{
    struct evl_kmutex *l = &locks[lock];
    switch (op) {
    case LOCK:
        return evl_lock_kmutex(l);
    case TRY:
        return evl_trylock_kmutex(l);
    case UNLOCK:
        evl_unlock_kmutex(l);
        return 0;
    case RENEW:
        evl_destroy_kmutex(l);
        evl_init_kmutex(l);
        return 0;
    case OOB:
    case INBAND:
        return switch_stage(op == OOB);
    default:
        return ksl_signal_take();
    }
}

/* Of those who wait the most urgent one was woken. */
static bool woken_first(int who, int lock)
{
    for (int i = 0; fz_wait[who].on && i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (i != who && w->on && !m.gone[i] && w->lock == lock && m.base[i] > m.base[who])
            return false;
    }
    return true;
}

static enum fz_verdict judge_lock(int who, int op, int lock, struct fz_answer *a)
{
    if (m.gone[who])
        return fz_returns(a, -EIDRM);
    if (m.owner[lock] == who)
        return fz_returns(a, -EDEADLK);
    if (m.owner[lock] == NOBODY && woken_first(who, lock))
        return fz_returns(a, 0);
    if (op == TRY)
        return fz_returns(a, -EBUSY);
    return m.oob[who] ? FZ_WAITS : fz_breaks(a, -EPERM, "stage");
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    int owner = m.owner[lock];
    switch (op) {
    case LOCK:
    case TRY:
        return judge_lock(who, op, lock, a);
    case UNLOCK:
        if (owner == who)
            return fz_returns(a, 0);
        return fz_breaks(a, 0, owner == NOBODY ? "not-locked" : "not-owner");
    case OOB:
        return fz_returns(a, m.pending[who] ? -ERESTARTSYS : 0);
    case TAKE:
        return fz_returns(a, m.pending[who] ? SIGNO : 0);
    default: /* neither signals nor unblocks end a wait */
        return fz_returns(a, 0);
    }
}

static void renew(int lock)
{
    m.owner[lock] = NOBODY;
    for (int i = 0; i < FZ_PUPPETS; i++)
        m.gone[i] |= fz_wait[i].on && fz_wait[i].lock == lock;
}

static void apply(int who, int op, int lock, int result)
{
    switch (op) {
    case LOCK:
    case TRY:
        m.gone[who] = false;
        if (result == 0)
            m.owner[lock] = who;
        break;
    case UNLOCK:
        if (m.owner[lock] == who)
            m.owner[lock] = NOBODY;
        break;
    case RENEW:
        renew(lock);
        break;
    case OOB:
    case INBAND:
        m.oob[who] = is_oob_after(m.oob[who], op == OOB, result);
        break;
    case PRIORITY:
        m.base[who] = fz_next_priority(m.base[who], lock);
        break;
    case POST:
    case TAKE:
        m.pending[who] = op == POST;
        break;
    default:
        break;
    }
}

static bool holds(int who, int lock)
{
    return m.owner[lock] == who;
}

static bool leave(int who, int *op, int *lock)
{
    *op = UNLOCK;
    if (fz_holds_any(who, lock))
        return true;
    *lock = 1;
    *op = m.pending[who] ? TAKE : m.oob[who] ? INBAND : PRIORITY;
    return *op != PRIORITY || m.base[who] != 0;
}

static int effective(int who)
{
    int best = m.base[who];
    for (int j = 0; j < FZ_PUPPETS; j++) {
        const struct fz_wait *w = &fz_wait[j];
        if (w->on && !m.gone[j] && m.owner[w->lock] == who && m.base[j] > best)
            best = m.base[j];
    }
    return best;
}

static const char *look(void)
{
    return fz_look_priorities(effective);
}

const struct fz_family fz_evl_kmutex = {
    FZ_PARTS,         .name = "evl_kmutex", .signo = SIGNO,
    .n_locks = LOCKS, .holds = holds,       .look = look,
};
