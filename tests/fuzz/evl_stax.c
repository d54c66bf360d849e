/* SPDX-License-Identifier: BSD-2-Clause */
/* Stage exclusion locks of EVL (X1 to X16); threads change their stage as they like. */
#include "evl.h"
#include "fuzz.h"

#include <evl/stax.h>

#include <errno.h>
#include <string.h>

enum op { LOCK, TRY, UNLOCK, OOB, INBAND, RENEW, POST, UNBLOCK, TAKE, OPS };
enum { GATES = 2, SIGNO = 6, MOST = 8 };

static const struct fz_op ops[OPS] = {
    [LOCK] = {"evl_lock_stax", NULL},
    [TRY] = {"evl_trylock_stax", NULL},
    [UNLOCK] = {"evl_unlock_stax", NULL},
    [RENEW] = {"evl_destroy_stax, evl_init_stax", NULL},
    EVL_OPS,
};

static struct evl_stax gates[GATES];

static struct {
    int entries[GATES];
    bool by_oob[GATES]; /* whose they are */
    bool oob[FZ_PUPPETS], pending[FZ_PUPPETS];
    int ended[FZ_PUPPETS]; /* the wait ends with this error; 0: it does not */
} m;

static void reset(void)
{
    memset(&m, 0, sizeof m);
    for (int i = 0; i < GATES; i++)
        (void)evl_init_stax(&gates[i]);
}

static int call(int op, int gate)
{
    struct evl_stax *s = &gates[gate];
    switch (op) {
    case LOCK:
        return evl_lock_stax(s);
    case TRY:
        return evl_trylock_stax(s);
    case UNLOCK:
        evl_unlock_stax(s);
        return 0;
    case OOB:
    case INBAND:
        return switch_stage(op == OOB);
    case RENEW:
        (void)evl_destroy_stax(s);
        return evl_init_stax(s);
    default:
        return ksl_signal_take();
    }
}

static bool open_for(int who, int gate)
{
    return m.entries[gate] == 0 || m.by_oob[gate] == m.oob[who];
}

static enum fz_verdict judge(int who, int op, int gate, struct fz_answer *a)
{
    switch (op) {
    case LOCK:
        if (fz_wait[who].on && m.ended[who] != 0)
            return fz_returns(a, m.ended[who]);
        if (open_for(who, gate)) /* X2, X3, X5, X7, X8 */
            return m.entries[gate] < MOST ? fz_returns(a, 0) : FZ_SKIP;
        return m.pending[who] ? fz_returns(a, -ERESTARTSYS) : FZ_WAITS; /* X9 */
    case TRY:
        if (!open_for(who, gate))
            return fz_returns(a, -EAGAIN);
        return m.entries[gate] < MOST ? fz_returns(a, 0) : FZ_SKIP;
    case UNLOCK: /* X12, X13, X15 */
        if (m.entries[gate] == 0)
            return fz_breaks(a, 0, "not-locked");
        if (m.by_oob[gate] != m.oob[who])
            return fz_breaks(a, 0, "not-owner");
        return fz_returns(a, 0);
    case OOB:
        return fz_returns(a, m.pending[who] ? -ERESTARTSYS : 0);
    case UNBLOCK: /* X10: the out-of-band stage only */
        return fz_returns(a, fz_wait[who].on && m.oob[who]);
    case TAKE:
        return fz_returns(a, m.pending[who] ? SIGNO : 0);
    default:
        return fz_returns(a, 0);
    }
}

/* X11. */
static void renew(int gate)
{
    m.entries[gate] = 0;
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (fz_wait[i].on && fz_wait[i].lock == gate)
            m.ended[i] = -EIDRM;
    }
}

static void apply(int who, int op, int gate, int result)
{
    switch (op) {
    case LOCK:
    case TRY:
        m.ended[who] = 0;
        m.by_oob[gate] = result == 0 ? m.oob[who] : m.by_oob[gate];
        m.entries[gate] += result == 0;
        break;
    case UNLOCK:
        m.entries[gate] -= m.entries[gate] != 0 && m.by_oob[gate] == m.oob[who];
        break;
    case OOB:
    case INBAND:
        m.oob[who] = is_oob_after(m.oob[who], op == OOB, result);
        break;
    case RENEW:
        renew(gate);
        break;
    case UNBLOCK:
        m.ended[who] = result == 1 ? -EINTR : 0;
        break;
    case POST:
        if (fz_wait[who].on)
            m.ended[who] = -ERESTARTSYS;
        m.pending[who] = true;
        break;
    default:
        m.pending[who] = false;
        break;
    }
}

static bool leave(int who, int *op, int *gate)
{
    *op = UNLOCK;
    for (*gate = 0; *gate < GATES; (*gate)++) {
        if (m.entries[*gate] == 0)
            continue;
        if (m.by_oob[*gate] && !m.oob[who])
            *op = m.pending[who] ? TAKE : OOB;
        else if (!m.by_oob[*gate] && m.oob[who])
            *op = INBAND;
        return true;
    }
    *gate = 0;
    *op = m.pending[who] ? TAKE : INBAND;
    return m.pending[who] || m.oob[who];
}

/*
 * No holds: entries have no owner; who waits may hold others, and another thread gives
 * them back.
 */
const struct fz_family fz_evl_stax = {
    FZ_PARTS,
    .name = "evl_stax",
    .signo = SIGNO,
    .n_locks = GATES,
};
