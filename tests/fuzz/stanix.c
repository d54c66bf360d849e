/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mutex (M1 to M6) and rwsem (R1 to R9) of Stanix; locks 0 and 1 of each kind.
 * stanix_inlined.c is the same with the inlined calls.
 */
#include "fuzz.h"

#include <kernel/mutex.h>
#include <kernel/rwsem.h>

#include <kslock/signal.h>

#include <errno.h>
#include <string.h>

#ifndef FZ_FAMILY
#define FZ_FAMILY fz_stanix
#define FZ_NAME "stanix"
#endif

enum op { ACQUIRE, TRY, RELEASE, READ, WRITE, UNREAD, UNWRITE, POST, TAKE, OPS };
enum { LOCKS = 2, NOBODY = -1, DEEP = 5, SIGNO = 7 };

static const struct fz_op ops[OPS] = {
    [ACQUIRE] = {"mutex_acquire", NULL},
    [TRY] = {"mutex_try_acquire", NULL},
    [RELEASE] = {"mutex_release", NULL},
    [READ] = {"rwsem_acquire_read", NULL},
    [WRITE] = {"rwsem_acquire_write", NULL},
    [UNREAD] = {"rwsem_release_read", NULL},
    [UNWRITE] = {"rwsem_release_write", NULL},
    [POST] = {"post", fz_post},
    [TAKE] = {"take", NULL},
};

static mutex_t mutexes[LOCKS];
static rwsem_t sems[LOCKS];

static struct {
    int owner[LOCKS], depth[LOCKS];   /* mutexes */
    int writer[LOCKS], writes[LOCKS]; /* semaphores */
    int reads[LOCKS][FZ_PUPPETS];     /* those of the writer, too */
    bool pending[FZ_PUPPETS];         /* signals */
} m;

static void reset(void)
{
    memset(mutexes, 0, sizeof mutexes);
    memset(sems, 0, sizeof sems);
    memset(&m, 0, sizeof m);
    for (int i = 0; i < LOCKS; i++)
        m.owner[i] = m.writer[i] = NOBODY;
}

static int call(int op, int lock)
{
    switch (op) {
    case ACQUIRE:
        return mutex_acquire(&mutexes[lock]);
    case TRY:
        return mutex_try_acquire(&mutexes[lock]);
    case RELEASE:
        mutex_release(&mutexes[lock]);
        return 0;
    case READ:
        return rwsem_acquire_read(&sems[lock]);
    case WRITE:
        return rwsem_acquire_write(&sems[lock]);
    case UNREAD:
        return rwsem_release_read(&sems[lock]);
    case UNWRITE:
        return rwsem_release_write(&sems[lock]);
    default:
        return ksl_signal_take();
    }
}

/* Queues are first in, first out: nobody waits longer in the same call. */
static bool first(int who, int op, int lock)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        const struct fz_wait *w = &fz_wait[i];
        if (i != who && w->on && w->op == op && w->lock == lock &&
            (!fz_wait[who].on || w->since < fz_wait[who].since))
            return false;
    }
    return true;
}

static bool someone_waits(int who, int op, int lock)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (i != who && fz_wait[i].on && fz_wait[i].op == op && fz_wait[i].lock == lock)
            return true;
    }
    return false;
}

static bool shared(int lock)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (m.reads[lock][i] != 0)
            return true;
    }
    return false;
}

static enum fz_verdict judge_read(int who, int lock, struct fz_answer *a)
{
    if (m.reads[lock][who] >= DEEP)
        return FZ_SKIP;
    if (m.writer[lock] == who || m.reads[lock][who] != 0)
        return fz_returns(a, 0);
    if (m.writer[lock] != NOBODY || someone_waits(who, WRITE, lock))
        return FZ_WAITS;
    return fz_returns(a, 0);
}

static enum fz_verdict judge_write(int who, int lock, struct fz_answer *a)
{
    if (m.writes[lock] >= DEEP)
        return FZ_SKIP;
    if (m.writer[lock] == who)
        return fz_returns(a, 0);
    if (m.reads[lock][who] != 0)
        return fz_breaks(a, -EPERM, "recursion");
    if (m.writer[lock] != NOBODY || shared(lock))
        return FZ_WAITS;
    return first(who, WRITE, lock) ? fz_returns(a, 0) : FZ_WAITS;
}

static enum fz_verdict judge_undo(int lock, bool has, struct fz_answer *a)
{
    if (has)
        return fz_returns(a, 0);
    bool free = m.writer[lock] == NOBODY && !shared(lock);
    return fz_breaks(a, -EPERM, free ? "not-locked" : "not-owner");
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    bool mine = m.owner[lock] == who, free = m.owner[lock] == NOBODY;
    switch (op) {
    case ACQUIRE:
        if (mine)
            return m.depth[lock] < DEEP ? fz_returns(a, 0) : FZ_SKIP;
        return free && first(who, op, lock) ? fz_returns(a, 0) : FZ_WAITS;
    case TRY:
        if (mine && m.depth[lock] >= DEEP)
            return FZ_SKIP;
        return fz_returns(a, mine || free);
    case RELEASE:
        return mine ? fz_returns(a, 0)
                    : fz_breaks(a, 0, free ? "not-locked" : "not-owner");
    case READ:
        return judge_read(who, lock, a);
    case WRITE:
        return judge_write(who, lock, a);
    case UNREAD:
        return judge_undo(lock, m.reads[lock][who] != 0, a);
    case UNWRITE:
        return judge_undo(lock, m.writer[lock] == who && m.writes[lock] != 0, a);
    case POST:
        return fz_returns(a, 0);
    default:
        return fz_returns(a, m.pending[who] ? SIGNO : 0);
    }
}

static void apply_mutex(int who, int op, int lock)
{
    if (op != RELEASE) {
        m.owner[lock] = who;
        m.depth[lock]++;
    } else if (m.owner[lock] == who && --m.depth[lock] == 0) {
        m.owner[lock] = NOBODY;
    }
}

static void apply(int who, int op, int lock, int result)
{
    if (op == POST || op == TAKE) {
        m.pending[who] = op == POST;
        return;
    }
    if (op == ACQUIRE || op == RELEASE || (op == TRY && result == 1)) {
        apply_mutex(who, op, lock);
        return;
    }
    if (op == TRY || result != 0)
        return;
    if (op == READ || op == UNREAD)
        m.reads[lock][who] += op == READ ? 1 : -1;
    else
        m.writes[lock] += op == WRITE ? 1 : -1;
    if (op == WRITE)
        m.writer[lock] = who;
    if (m.writer[lock] == who && m.writes[lock] == 0 && m.reads[lock][who] == 0)
        m.writer[lock] = NOBODY;
}

static bool holds_other(int who, int op, int lock)
{
    for (int i = 0; i < LOCKS; i++) {
        bool has_mutex = m.owner[i] == who;
        bool has_sem = m.writer[i] == who || m.reads[i][who] != 0;
        if ((has_mutex && (op != ACQUIRE || i != lock)) ||
            (has_sem && (op == ACQUIRE || i != lock)))
            return true;
    }
    return false;
}

static bool leave(int who, int *op, int *lock)
{
    for (*lock = 0; *lock < LOCKS; (*lock)++) {
        *op = m.owner[*lock] == who                            ? RELEASE
              : m.reads[*lock][who] != 0                       ? UNREAD
              : m.writer[*lock] == who && m.writes[*lock] != 0 ? UNWRITE
                                                               : OPS;
        if (*op != OPS)
            return true;
    }
    *lock = 0;
    *op = TAKE;
    return m.pending[who];
}

const struct fz_family FZ_FAMILY = {
    FZ_PARTS,
    .name = FZ_NAME,
    .signo = SIGNO,
    .n_locks = LOCKS,
    .holds_other = holds_other,
};
