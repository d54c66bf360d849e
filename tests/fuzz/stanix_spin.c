/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinlocks (S1 to S8) and rwlocks (W1 to W7) of Stanix, and the interrupt level of each
 * puppet: every call's result tells it. Nothing says in which order those get in who
 * spin. stanix_spin_inlined.c is the same with the inlined calls.
 */
#include "fuzz.h"

#include <kslock/irq.h>
#include <kslock/rwlock.h>
#include <kslock/spinlock.h>

#include "thread/thread.h"

#include <string.h>

#ifndef FZ_FAMILY
#define FZ_FAMILY fz_stanix_spin
#define FZ_NAME "stanix_spin"
#endif

enum op {
    SPIN,
    TRY_SPIN,
    UNSPIN,
    SPIN_IRQ,
    UNSPIN_IRQ,
    READ,
    TRY_READ,
    UNREAD,
    WRITE,
    TRY_WRITE,
    UNWRITE,
    LEVEL,
    OPS
};
enum { LOCKS = 2, NOBODY = -1, DEEP = 4, HOLDS = 24, ALL = 11, RESULT = 100 };

static const struct fz_op ops[OPS] = {
    [SPIN] = {"spinlock_acquire", NULL},
    [TRY_SPIN] = {"spinlock_try_acquire", NULL},
    [UNSPIN] = {"spinlock_release", NULL},
    [SPIN_IRQ] = {"spinlock_acquire_irq", NULL},
    [UNSPIN_IRQ] = {"spinlock_release_irq", NULL},
    [READ] = {"rwlock_acquire_read", NULL},
    [TRY_READ] = {"rwlock_try_acquire_read", NULL},
    [UNREAD] = {"rwlock_release_read", NULL},
    [WRITE] = {"rwlock_acquire_write", NULL},
    [TRY_WRITE] = {"rwlock_try_acquire_write", NULL},
    [UNWRITE] = {"rwlock_release_write", NULL},
    [LEVEL] = {"set_level", NULL},
};

static ksl_spinlock_t spins[LOCKS];
static ksl_rwlock_t rws[LOCKS];
static int irq_state[LOCKS]; /* of the holder */
static __thread int saves[LOCKS][DEEP + 1];
static __thread int taken[LOCKS]; /* rwlocks that the puppet has, so often */

/* What a puppet has, the oldest first: op is that which takes it. */
struct hold {
    int op, lock;
    int before; /* level */
};

static struct {
    int owner[LOCKS], state[LOCKS], saved[LOCKS]; /* spinlocks */
    int writer[LOCKS], reads[LOCKS][FZ_PUPPETS];  /* rwlocks */
    int level[FZ_PUPPETS];
    struct hold holds[FZ_PUPPETS][HOLDS];
    int nholds[FZ_PUPPETS];
} m;

static void reset(void)
{
    memset(spins, 0, sizeof spins);
    memset(rws, 0, sizeof rws);
    memset(irq_state, 0, sizeof irq_state);
    memset(&m, 0, sizeof m);
    for (int i = 0; i < LOCKS; i++)
        m.owner[i] = m.writer[i] = NOBODY;
}

static bool is_spinning(const ksl_thread *t)
{
    return __atomic_load_n(&t->spins_on, __ATOMIC_SEQ_CST) != NULL;
}

static int call_rwlock(int op, int lock)
{
    ksl_rwlock_t *l = &rws[lock];
    int *save = &saves[lock][taken[lock]];
    switch (op) {
    case READ:
        ksl_rwlock_acquire_read(l, save);
        taken[lock]++;
        return 0;
    case WRITE:
        ksl_rwlock_acquire_write(l, save);
        taken[lock]++;
        return 0;
    case TRY_READ:
    case TRY_WRITE:
        if (!(op == TRY_READ ? ksl_rwlock_try_acquire_read(l, save)
                             : ksl_rwlock_try_acquire_write(l, save)))
            return 0;
        taken[lock]++;
        return 1;
    default:
        if (taken[lock] > 0)
            save = &saves[lock][--taken[lock]];
        if (op == UNREAD)
            ksl_rwlock_release_read(l, save);
        else
            ksl_rwlock_release_write(l, save);
        return 0;
    }
}

static int call_inside(int op, int lock)
{
    switch (op) {
    case SPIN:
        ksl_spinlock_acquire(&spins[lock]);
        return 0;
    case TRY_SPIN:
        return ksl_spinlock_try_acquire(&spins[lock]);
    case UNSPIN:
        ksl_spinlock_release(&spins[lock]);
        return 0;
    case SPIN_IRQ: {
        int state = ksl_spinlock_acquire_irq(&spins[lock]);
        if (ksl_spinlock_held(&spins[lock]))
            irq_state[lock] = state;
        return state;
    }
    case UNSPIN_IRQ:
        ksl_spinlock_release_irq(&spins[lock], irq_state[lock]);
        return 0;
    case LEVEL:
        return (int)ksl_irq_set_level(lock == 0 ? 0 : 5);
    default:
        return call_rwlock(op, lock);
    }
}

/* With the level that the call leaves. */
static int call(int op, int lock)
{
    int result = call_inside(op, lock);
    unsigned level = ksl_irq_save();
    ksl_irq_restore(level);
    return result * RESULT + (int)level;
}

static const struct hold *newest(int who)
{
    return m.nholds[who] > 0 ? &m.holds[who][m.nholds[who] - 1] : NULL;
}

static bool has_room(int who)
{
    return m.nholds[who] < HOLDS;
}

static bool somebody_reads(int lock)
{
    for (int i = 0; i < FZ_PUPPETS; i++) {
        if (m.reads[lock][i] != 0)
            return true;
    }
    return false;
}

static enum fz_verdict judge_spin(int who, int op, int lock, struct fz_answer *a)
{
    int level = m.level[who];
    bool mine = m.owner[lock] == who, free = m.owner[lock] == NOBODY;
    if (op == UNSPIN || op == UNSPIN_IRQ) {
        if (mine)
            return fz_returns(a, op == UNSPIN ? m.saved[lock] : m.state[lock]);
        return fz_breaks(a, level, free ? "not-locked" : "not-owner");
    }
    if (!has_room(who))
        return FZ_SKIP;
    if (op == TRY_SPIN)
        return fz_returns(a, free ? RESULT + ALL : level);
    int result = op == SPIN_IRQ ? level * RESULT : 0;
    if (mine)
        return fz_breaks(a, result + level, "recursion");
    return free ? fz_returns(a, result + ALL) : FZ_WAITS;
}

/* The level after a release in reverse order of acquisition (W3). */
static int level_after(int who)
{
    const struct hold *h = newest(who);
    return h->before < m.level[who] ? h->before : m.level[who];
}

static enum fz_verdict judge_rwlock_release(int who, int op, int lock,
                                            struct fz_answer *a)
{
    const struct hold *h = newest(who);
    bool writes = op == UNWRITE;
    if (writes ? m.writer[lock] == NOBODY : !somebody_reads(lock)) {
        /* Its own save, if it has the lock in the other mode, is for another release. */
        return m.writer[lock] == who || m.reads[lock][who] != 0
                   ? FZ_SKIP
                   : fz_breaks(a, m.level[who], "not-locked");
    }
    if (h == NULL || h->op != (writes ? WRITE : READ) || h->lock != lock)
        return FZ_SKIP; /* another puppet's, or not in that order */
    return fz_returns(a, level_after(who));
}

static enum fz_verdict judge_rwlock(int who, int op, int lock, struct fz_answer *a)
{
    bool tries = op == TRY_READ || op == TRY_WRITE;
    bool own = m.writer[lock] == who || m.reads[lock][who] != 0;
    bool free = m.writer[lock] == NOBODY;
    if (op == UNREAD || op == UNWRITE)
        return judge_rwlock_release(who, op, lock, a);
    if (!has_room(who) || m.reads[lock][who] >= DEEP)
        return FZ_SKIP;
    if (op == WRITE || op == TRY_WRITE)
        free = free && !somebody_reads(lock);
    if (free)
        return fz_returns(a, tries ? RESULT + ALL : ALL);
    if (tries)
        return fz_returns(a, m.level[who]);
    return own ? FZ_SKIP : FZ_WAITS; /* W4: it would wait for itself */
}

static enum fz_verdict judge(int who, int op, int lock, struct fz_answer *a)
{
    if (op == LEVEL) /* a lock that is held has a level of its own */
        return m.nholds[who] > 0
                   ? FZ_SKIP
                   : fz_returns(a, m.level[who] * RESULT + (lock == 0 ? 0 : 5));
    return op < READ ? judge_spin(who, op, lock, a) : judge_rwlock(who, op, lock, a);
}

static void push(int who, int op, int lock)
{
    m.holds[who][m.nholds[who]++] = (struct hold){op, lock, m.level[who]};
}

static void pop(int who, int op, int lock)
{
    int i = m.nholds[who] - 1;
    while (m.holds[who][i].op != op || m.holds[who][i].lock != lock)
        i--;
    m.nholds[who]--;
    for (; i < m.nholds[who]; i++)
        m.holds[who][i] = m.holds[who][i + 1];
}

static void apply_spin(int who, int op, int lock, int result)
{
    bool mine = m.owner[lock] == who;
    if ((op == UNSPIN || op == UNSPIN_IRQ) && mine) {
        m.owner[lock] = NOBODY;
        pop(who, SPIN, lock);
    } else if (op == SPIN_IRQ && mine) {
        m.state[lock] = m.level[who]; /* refused; it returns the state all the same */
    } else if (!mine && (op == SPIN || op == SPIN_IRQ || result >= RESULT)) {
        push(who, SPIN, lock);
        m.owner[lock] = who;
        m.saved[lock] = op == SPIN_IRQ ? ALL : m.level[who];
        if (op == SPIN_IRQ)
            m.state[lock] = m.level[who];
    }
}

static void apply(int who, int op, int lock, int result)
{
    bool takes = op == READ || op == WRITE ||
                 ((op == TRY_READ || op == TRY_WRITE) && result >= RESULT);
    bool reads = op == READ || op == TRY_READ;
    if (op < READ) {
        apply_spin(who, op, lock, result);
    } else if (takes) {
        push(who, reads ? READ : WRITE, lock);
        if (reads)
            m.reads[lock][who]++;
        else
            m.writer[lock] = who;
    } else if (op == UNREAD && m.reads[lock][who] != 0) {
        m.reads[lock][who]--;
        pop(who, READ, lock);
    } else if (op == UNWRITE && m.writer[lock] == who) {
        m.writer[lock] = NOBODY;
        pop(who, WRITE, lock);
    }
    m.level[who] = result % RESULT;
}

static bool holds_other(int who, int op, int lock)
{
    (void)op;
    (void)lock;
    return m.nholds[who] > 0;
}

static bool leave(int who, int *op, int *lock)
{
    const struct hold *h = newest(who);
    *lock = h != NULL ? h->lock : 0;
    *op = h == NULL ? LEVEL : h->op == SPIN ? UNSPIN : h->op == READ ? UNREAD : UNWRITE;
    return h != NULL || m.level[who] != 0;
}

/* A free lock's word is zero; a record has as many entries as there are holds. */
static const char *look(void)
{
    for (int i = 0; i < LOCKS; i++) {
        if ((__atomic_load_n(&spins[i].word, __ATOMIC_SEQ_CST) == 0) !=
            (m.owner[i] == NOBODY))
            return "a spinlock's word";
        if ((__atomic_load_n(&rws[i].word, __ATOMIC_SEQ_CST) == 0) !=
            (m.writer[i] == NOBODY && !somebody_reads(i)))
            return "an rwlock's word";
    }
    return NULL;
}

const struct fz_family FZ_FAMILY = {
    FZ_PARTS,
    .name = FZ_NAME,
    .n_locks = LOCKS,
    .spins = is_spinning,
    .holds_other = holds_other,
    .look = look,
};
