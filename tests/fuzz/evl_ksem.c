/* SPDX-License-Identifier: BSD-2-Clause */
/* Semaphores of EVL (K1 to K15), by threads of both stages; semaphores 0 and 1. */
#include "evl.h"
#include "fuzz.h"

#include <evl/sem.h>
#include <evl/thread.h>

#include <errno.h>
#include <string.h>

enum op {
    DOWN,
    DOWN_PAST,
    DOWN_NONBLOCK,
    TRY,
    UP,
    BROADCAST,
    RENEW,
    OOB,
    INBAND,
    PRIORITY,
    POST,
    UNBLOCK,
    TAKE,
    OPS
};
enum { SEMS = 2, SIGNO = 5 };

static const struct fz_op ops[OPS] = {
    [DOWN] = {"evl_down", NULL},
    [DOWN_PAST] = {"evl_down_timeout, past", NULL},
    [DOWN_NONBLOCK] = {"evl_down_timeout, not at all", NULL},
    [TRY] = {"evl_trydown", NULL},
    [UP] = {"evl_up", NULL},
    [BROADCAST] = {"evl_broadcast", NULL},
    [RENEW] = {"evl_destroy_ksem, evl_init_ksem 1", NULL},
    [PRIORITY] = {"set priority", fz_raise_priority},
    EVL_OPS,
};

static struct evl_ksem sems[SEMS];

static struct {
    int units[SEMS];
    bool oob[FZ_PUPPETS], pending[FZ_PUPPETS];
    int base[FZ_PUPPETS];
    unsigned since[FZ_PUPPETS]; /* arrival among equals */
    bool decided[FZ_PUPPETS];   /* the wait has this result */
    int result[FZ_PUPPETS];
} m;

static void reset(void)
{
    memset(&m, 0, sizeof m);
    for (int i = 0; i < SEMS; i++) {
        evl_init_ksem(&sems[i], (unsigned)i);
        m.units[i] = i;
    }
    for (int i = 0; i < FZ_PUPPETS; i++)
        (void)ksl_thread_set_priority(fz_thread(i), 0);
}

static int call(int op, int sem)
{
    struct evl_ksem *s = &sems[sem];
    switch (op) {
    case DOWN:
        return evl_down(s);
    case DOWN_PAST:
        return evl_down_timeout(s, 1);
    case DOWN_NONBLOCK:
        return evl_down_timeout(s, EVL_NONBLOCK);
    case TRY:
        return evl_trydown(s);
    case UP:
        evl_up(s);
        return 0;
    case BROADCAST:
        evl_broadcast(s);
        return 0;
    case RENEW:
        evl_destroy_ksem(s);
        evl_init_ksem(s, 1);
        return 0;
    case OOB:
    case INBAND:
        return switch_stage(op == OOB);
    default:
        return ksl_signal_take();
    }
}

static enum fz_verdict judge_down(int who, int op, int sem, struct fz_answer *a)
{
    if (fz_wait[who].on)
        return m.decided[who] ? fz_returns(a, m.result[who]) : FZ_WAITS;
    if (m.units[sem] != 0) /* K3 */
        return fz_returns(a, 0);
    if (op == DOWN_NONBLOCK) /* K7 */
        return fz_returns(a, -EAGAIN);
    if (op == DOWN_PAST) /* with a signal as well the document and K14 differ */
        return m.pending[who] ? FZ_SKIP : fz_returns(a, -ETIMEDOUT);
    if (!m.oob[who]) /* K12 */
        return fz_breaks(a, -EPERM, "stage");
    return m.pending[who] ? fz_returns(a, -ERESTARTSYS) : FZ_WAITS;
}

static enum fz_verdict judge(int who, int op, int sem, struct fz_answer *a)
{
    if (op <= DOWN_NONBLOCK)
        return judge_down(who, op, sem, a);
    switch (op) {
    case TRY:
        return fz_returns(a, m.units[sem] != 0 ? 0 : -EAGAIN);
    case OOB:
        return fz_returns(a, m.pending[who] ? -ERESTARTSYS : 0);
    case UNBLOCK:
        return fz_returns(a, fz_wait[who].on && !m.decided[who]);
    case TAKE:
        return fz_returns(a, m.pending[who] ? SIGNO : 0);
    default:
        return fz_returns(a, 0);
    }
}

static void decide(int who, int result)
{
    if (fz_wait[who].on && !m.decided[who]) {
        m.decided[who] = true;
        m.result[who] = result;
    }
}

static unsigned arrival(int who)
{
    return m.since[who] > fz_wait[who].since ? m.since[who] : fz_wait[who].since;
}

/* The first of the queue: K4, K5; -1 if nobody waits. */
static int first(int sem)
{
    int best = -1;
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (!fz_wait[i].on || m.decided[i] || fz_wait[i].lock != sem)
            continue;
        if (best < 0 || m.base[i] > m.base[best] ||
            (m.base[i] == m.base[best] && arrival(i) < arrival(best)))
            best = i;
    }
    return best;
}

static void end_all(int sem, int result)
{
    for (int i = first(sem); i >= 0; i = first(sem))
        decide(i, result);
}

static void set_priority(int who, int sem)
{
    int to = fz_next_priority(m.base[who], sem);
    if (to != m.base[who])
        m.since[who] = fz_stamp();
    m.base[who] = to;
}

static void apply(int who, int op, int sem, int result)
{
    if (op <= DOWN_NONBLOCK || op == TRY) {
        m.units[sem] -= result == 0 && !m.decided[who]; /* else it was given */
        m.decided[who] = false;
        return;
    }
    switch (op) {
    case UP:
        if (first(sem) >= 0)
            decide(first(sem), 0);
        else
            m.units[sem]++;
        break;
    case BROADCAST:
        end_all(sem, 0); /* K9 */
        break;
    case RENEW:
        end_all(sem, -EIDRM); /* K10 */
        m.units[sem] = 1;
        break;
    case OOB:
    case INBAND:
        m.oob[who] = is_oob_after(m.oob[who], op == OOB, result);
        break;
    case PRIORITY:
        set_priority(who, sem);
        break;
    case UNBLOCK:
        decide(who, -EINTR); /* K13 */
        break;
    case POST:
        decide(who, -ERESTARTSYS);
        m.pending[who] = true;
        break;
    default:
        m.pending[who] = false;
        break;
    }
}

static bool leave(int who, int *op, int *sem)
{
    *op = UP;
    for (*sem = 0; *sem < SEMS; (*sem)++) {
        if (first(*sem) >= 0)
            return true;
    }
    *sem = 1;
    *op = m.pending[who] ? TAKE : m.oob[who] ? INBAND : PRIORITY;
    return *op != PRIORITY || m.base[who] != 0;
}

const struct fz_family fz_evl_ksem = {
    FZ_PARTS,
    .name = "evl_ksem",
    .signo = SIGNO,
    .n_locks = SEMS,
};
