/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Priority promotion, exactly: the workers wait for each other in a tree. The priority of
 * each is its own or that of the most urgent one below it, whichever is more urgent.
 * While disturbances change priorities that is so a moment later only; if it never
 * comes to be so, the watchdog ends the round.
 *
 * Role r owns its locks, then waits for one of a role before it; role 0 waits for nobody.
 * Who gets the lock of another role gets what the others lend that wait for it.
 */

#include "rows_aix_chain.h"

enum { OWN = 2, NOBODY = TORTURE_MAX };

struct node {
    struct party *party;
    struct chain_lock locks[OWN];
    unsigned owners[OWN]; /* atomic: the role that owns it */
    unsigned parent;      /* waits for that role's ... */
    unsigned which;       /* ... lock */
    bool reads;           /* by lock_read */
    bool light;           /* owns nothing; a signal ends its wait */
    unsigned through;     /* atomic: waits no more */
};

static struct node nodes[TORTURE_MAX];
static unsigned ready; /* atomic: roles that own their locks */

static struct chain_lock *target_of(const struct node *n)
{
    return &nodes[n->parent].locks[n->which];
}

static unsigned *target_owner(const struct node *n)
{
    return &nodes[n->parent].owners[n->which];
}

static bool is_parent(unsigned r)
{
    for (unsigned i = r + 1; i < torture.threads; i++) {
        if (nodes[i].parent == r)
            return true;
    }
    return false;
}

static void make_node(struct party *me, unsigned r)
{
    struct node *n = &nodes[r];
    STORE(&n->through, 0u);
    for (unsigned i = 0; i < OWN; i++) {
        n->locks[i].kind = (enum chain_kind)pick(me, CHAIN_KINDS);
        STORE(&n->owners[i], (unsigned)NOBODY);
        if (torture.round == 1)
            evl_init_kmutex(&n->locks[i].mutex);
    }
    n->parent = r == 0 ? NOBODY : pick(me, 2) == 0 ? r - 1 : pick(me, r);
    n->which = pick(me, OWN);
}

static void tree_setup(void)
{
    struct party *me = torture_me;
    STORE(&ready, 0u);
    for (unsigned i = 0; i < torture.threads; i++) {
        struct party *p = &torture.parties[i];
        nodes[role(p)].party = p;
        make_node(me, i);
    }
    for (unsigned r = 1; r < torture.threads; r++) {
        struct node *n = &nodes[r];
        enum chain_kind kind = target_of(n)->kind;
        n->reads = kind == CHAIN_COMPLEX && pick(me, 3) == 0;
        n->light = kind == CHAIN_LOCKL && !is_parent(r) && pick(me, 2) == 0;
    }
}

/* n waits for a lock that role r owns. */
static bool waits_for(const struct node *n, unsigned r)
{
    return LOAD(&n->through) == 0 && LOAD(target_owner(n)) == r;
}

static int expected(unsigned r)
{
    int best = ksl_thread_priority(nodes[r].party->thread);
    for (unsigned i = 1; i < torture.threads; i++) {
        int lent = waits_for(&nodes[i], r) ? expected(i) : 0;
        best = lent > best ? lent : best;
    }
    return best;
}

static void expect_priority(unsigned r)
{
    const ksl_thread *t = nodes[r].party->thread;
    STORE(&torture_me->where, "row: a priority is not what the waiters lend");
    TORTURE_UNTIL(ksl_thread_effective_priority(t) == expected(r));
    STORE(&torture_me->where, "row: priorities are right");
    ADD(&torture_me->operations, 1ul);
}

/* All who wait for locks of role r are asleep, or wait no more. */
static void await_waiters(unsigned r)
{
    for (unsigned i = 1; i < torture.threads; i++) {
        const struct node *n = &nodes[i];
        TORTURE_UNTIL(!waits_for(n, r) || ksl_thread_asleep(n->party->thread));
    }
}

static void change_priorities(struct party *me, unsigned r)
{
    for (unsigned n = 1 + pick(me, 4); n > 0; n--) {
        const struct node *other = &nodes[pick(me, torture.threads)];
        ksl_thread_set_priority(other->party->thread, (int)pick(me, 100));
        expect_priority(r);
    }
}

/*
 * Role r gives the lock back; now and then it is faster than those who were woken, and
 * gets what the others go on to lend.
 */
static void give(struct party *me, unsigned r, struct chain_lock *l, unsigned *owner)
{
    STORE(owner, (unsigned)NOBODY);
    chain_give(l);
    if (pick(me, 2) != 0 && chain_try(l)) {
        STORE(owner, r);
        await_waiters(r);
        expect_priority(r);
        change_priorities(me, r);
        STORE(owner, (unsigned)NOBODY);
        chain_give(l);
    }
    expect_priority(r);
}

static void give_own(struct party *me, unsigned r)
{
    unsigned first = pick(me, OWN);
    for (unsigned i = 0; i < OWN && !nodes[r].light; i++) {
        unsigned at = (first + i) % OWN;
        give(me, r, &nodes[r].locks[at], &nodes[r].owners[at]);
    }
}

/* Nobody moves but those whose wait a signal may end. */
static void root(struct party *me)
{
    for (unsigned r = 1; r < torture.threads; r++) {
        const struct node *n = &nodes[r];
        TORTURE_UNTIL(LOAD(&n->through) != 0 || ksl_thread_asleep(n->party->thread));
    }
    change_priorities(me, 0);
    for (unsigned r = 0; r < torture.threads; r++)
        expect_priority(r);
    aix_shoot(me);
    for (unsigned r = 0; r < torture.threads; r++)
        expect_priority(r);
    give_own(me, 0);
}

/* False if a signal has ended the wait. */
static bool take_target(struct party *me, struct node *n)
{
    struct chain_lock *l = target_of(n);
    if (n->reads) {
        lock_read(&l->complex);
    } else if (!n->light) {
        chain_take(me, l);
    } else if (lockl(&l->word, LOCK_SIGRET) == LOCK_SIG) {
        STORE(&n->through, 1u);
        torture_interrupted(me);
        return false;
    }
    STORE(&n->through, 1u);
    return true;
}

static void descendant(struct party *me, unsigned r)
{
    struct node *n = &nodes[r];
    bool in = take_target(me, n);
    if (in && n->reads) {
        await_waiters(r);
        expect_priority(r); /* who waits for readers lends to nobody (T58) */
        lock_done(&target_of(n)->complex);
    } else if (in) {
        STORE(target_owner(n), r);
        await_waiters(r);
        expect_priority(r);
        change_priorities(me, r);
        give(me, r, target_of(n), target_owner(n));
    }
    give_own(me, r);
}

static void tree_op(struct party *me)
{
    unsigned r = role(me);
    struct node *n = &nodes[r];
    go_oob(me);
    for (unsigned i = 0; i < OWN && !n->light; i++) {
        chain_take(me, &n->locks[i]);
        STORE(&n->owners[i], r);
    }
    ADD(&ready, 1u);
    TORTURE_UNTIL(LOAD(&ready) == torture.threads);
    if (r == 0)
        root(me);
    else
        descendant(me, r);
    expect_priority(r);
    evl_switch_inband(0);
}

static void tree_check(void)
{
    aix_check_unblocks();
    chain_check_priorities();
}

const struct row torture_row_promotion_tree = {
    .setup = tree_setup,
    .op = tree_op,
    .check = tree_check,
    .words = nodes,
    .bytes = sizeof nodes[0],
};
