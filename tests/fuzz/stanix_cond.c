/* SPDX-License-Identifier: BSD-2-Clause */
/* Condition values of Stanix (C1 to C6) and forced unblocks; conditions 0 and 1. */
#include "fuzz.h"

#include <kernel/cond.h>

#include <kslock/signal.h>

#include <errno.h>
#include <string.h>

enum op {
    WAIT_0,
    WAIT_1,
    WAIT_2,
    INTR_0,
    INTR_1,
    INTR_2,
    SET_0,
    SET_1,
    SET_2,
    DESTROY,
    POST,
    UNBLOCK,
    TAKE,
    OPS
};
enum { CONDS = 2, VALUES = 3, SIGNO = 3 };

static const struct fz_op ops[OPS] = {
    [WAIT_0] = {"cond_wait 0", NULL},
    [WAIT_1] = {"cond_wait 1", NULL},
    [WAIT_2] = {"cond_wait 2", NULL},
    [INTR_0] = {"cond_wait_interruptible 0", NULL},
    [INTR_1] = {"cond_wait_interruptible 1", NULL},
    [INTR_2] = {"cond_wait_interruptible 2", NULL},
    [SET_0] = {"cond_set 0", NULL},
    [SET_1] = {"cond_set 1", NULL},
    [SET_2] = {"cond_set 2", NULL},
    [DESTROY] = {"cond_destroy", NULL},
    [POST] = {"post", fz_post},
    [UNBLOCK] = {"unblock", fz_unblock},
    [TAKE] = {"take", NULL},
};

static cond_t conds[CONDS];

static struct {
    int value[CONDS];
    bool pending[FZ_PUPPETS];
    bool unblocked[FZ_PUPPETS];
} m;

static void reset(void)
{
    memset(conds, 0, sizeof conds);
    memset(&m, 0, sizeof m);
}

static int call(int op, int cond)
{
    if (op <= WAIT_2)
        return cond_wait(&conds[cond], op - WAIT_0);
    if (op <= INTR_2)
        return cond_wait_interruptible(&conds[cond], op - INTR_0);
    if (op == TAKE)
        return ksl_signal_take();
    if (op == DESTROY)
        cond_destroy(&conds[cond]);
    else
        cond_set(&conds[cond], op - SET_0);
    return 0;
}

static bool waited_for(int cond)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (fz_wait[i].on && fz_wait[i].lock == cond)
            return true;
    }
    return false;
}

static bool interruptible(int who)
{
    return fz_wait[who].on && fz_wait[who].op >= INTR_0;
}

static enum fz_verdict judge(int who, int op, int cond, struct fz_answer *a)
{
    if (op <= INTR_2) {
        if (m.value[cond] == op % VALUES) /* C1; C4: a value that is there wins */
            return fz_returns(a, 0);
        bool ends = op >= INTR_0 && (m.pending[who] || m.unblocked[who]);
        return ends ? fz_returns(a, -EINTR) : FZ_WAITS;
    }
    if (op == DESTROY && waited_for(cond))
        return fz_breaks(a, 0, "destroy-held");
    if (op == TAKE)
        return fz_returns(a, m.pending[who] ? SIGNO : 0);
    return fz_returns(a, op == UNBLOCK && interruptible(who));
}

static void apply(int who, int op, int cond, int result)
{
    if (op <= INTR_2)
        m.unblocked[who] = false;
    else if (op == POST || op == TAKE)
        m.pending[who] = op == POST;
    else if (op == UNBLOCK)
        m.unblocked[who] = result == 1;
    else if (op != DESTROY)
        m.value[cond] = op - SET_0;
    else if (!waited_for(cond))
        m.value[cond] = 0;
}

static bool leave(int who, int *op, int *cond)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        *op = SET_0 + fz_wait[i].op % VALUES;
        *cond = fz_wait[i].lock;
        if (fz_wait[i].on)
            return true;
    }
    *op = TAKE;
    *cond = 0;
    return m.pending[who];
}

const struct fz_family fz_stanix_cond = {
    FZ_PARTS,
    .name = "stanix_cond",
    .signo = SIGNO,
    .n_locks = CONDS,
};
