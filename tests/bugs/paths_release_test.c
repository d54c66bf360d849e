/* SPDX-License-Identifier: BSD-2-Clause */
/* What handlers do to a lock that their thread converts or gives back just then: sx. */

#include "bugs.h"
#include "sx_calls.h"

#include "lock/rw.h"

enum { FIRST = 5, SECOND = 6 }; /* interrupts, and their levels */

static struct sx sx;
static int got; /* what a handler's try has got */

static void raise_here(void *irq)
{
    (void)ksl_irq_raise_on(ksl_thread_self(), *(const int *)irq);
}

static int on_first = FIRST, on_second = SECOND;

static void handle(int irq, ksl_irq_handler handler)
{
    ck_assert_int_eq(ksl_irq_request(irq, KSL_STAGE_INBAND, irq, handler, NULL), 0);
}

static uintptr_t shown_by(const struct puppet *p)
{
    return ksi_load(&ksi_near_slot(p->actor.thread, &sx.sx_lock)->lock);
}

/* Puppet 0 has a share that only its slot shows. */
static void begin(struct puppet p[2], int options)
{
    sx_init_flags(&sx, "sx", options);
    STORE(&sx.sx_lock, (uintptr_t)(KSI_BASE | KSI_SLOTS));
    recorder_start();
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], slock, &sx), 0);
    ck_assert_uint_eq(shown_by(&p[0]), (uintptr_t)&sx.sx_lock);
}

/* Nobody has it any more, and nothing is left of those who had it. */
static void end(struct puppet p[2])
{
    ck_assert_uint_eq(ksi_load(&sx.sx_lock) & (KSI_READ | KSI_RECURSED), 0);
    ck_assert_uint_eq(p[0].actor.thread->unshared, 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p[i], try_xlock, &sx), 1);
        ck_assert_int_eq(ask(&p[i], xunlock, &sx), 0);
    }
    puppets_end(p, 2);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    sx_destroy(&sx);
}

/* --- an upgrade ----------------------------------------------------------------------
 */

static void take_share(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    got = sx_try_slock(&sx);
}

START_TEST(path_an_upgrade_fails_beside_the_share_of_a_handler)
{
    struct puppet p[2];
    handle(FIRST, take_share);
    begin(p, 0);
    bug_act(0, "sx: upgrade", &p[0], raise_here, &on_first);
    ck_assert_int_eq(ask(&p[0], try_upgrade, &sx), 0);
    ck_assert(bug_reached(0));
    ck_assert_int_eq(got, 1);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 0);
        ck_assert_int_eq(ask(&p[0], sunlock, &sx), 0);
    }
    end(p);
}
END_TEST

/* --- an inlined release ----------------------------------------------------------------
 */

static void upgrade_it(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    got = sx_try_upgrade(&sx);
}

static void upgrade_and_recurse(int irq, void *arg)
{
    upgrade_it(irq, arg);
    got += sx_try_xlock(&sx);
}

static void downgrade_it(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (sx_xlocked(&sx))
        sx_downgrade(&sx);
}

static void xunlock_it(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (sx_xlocked(&sx))
        sx_xunlock(&sx);
}

/* ksl_hide_fast, with the first handler between its look at the slot and its store. */
static int give_back(void *unused)
{
    (void)unused;
    ksl_thread *t = ksl_thread_self();
    struct ksl_slot *s = ksi_near_slot(t, &sx.sx_lock);
    bool shown = ksi_load(&s->lock) == (uintptr_t)&sx.sx_lock;
    raise_here(&on_first);
    bool owned = sx_xlocked(&sx);
    ksi_store_rel(&s->lock, (uintptr_t)0);
    if (ksi_load(&t->front.claims) != 0)
        ksl_claims_answer(&sx.sx_lock);
    return shown && owned;
}

/* The second handler comes before the note of the first one is read, or after that. */
static void released_while_downgraded(const char *where)
{
    struct puppet p[2];
    begin(p, 0);
    bug_act(0, where, &p[0], raise_here, &on_second);
    ck_assert_int_eq(ask(&p[0], give_back, NULL), 1);
    ck_assert(bug_reached(0));
    end(p);
}

START_TEST(path_a_share_is_given_back_that_handlers_upgrade_and_downgrade)
{
    handle(FIRST, upgrade_it);
    handle(SECOND, downgrade_it);
    released_while_downgraded("rw: claims");
    released_while_downgraded("rw: answer");
}
END_TEST

/* Puppet 1 takes what the second handler has given back. */
START_TEST(path_a_share_is_given_back_once_that_handlers_upgrade_and_release)
{
    struct puppet p[2];
    handle(FIRST, upgrade_it);
    handle(SECOND, xunlock_it);
    begin(p, 0);
    bug_act(0, "rw: claims", &p[0], raise_here, &on_second);
    bug_stop(1, "rw: claims", &p[0]);
    tell(&p[0], give_back, NULL);
    bug_await_stop(1);
    ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 1);
    bug_go(1);
    ck_assert_int_eq(answer(&p[0]), 1);
    ck_assert_int_eq(ask(&p[0], try_xlock, &sx), 0);
    ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
    end(p);
}
END_TEST

START_TEST(path_the_release_of_a_share_leaves_what_a_handler_has_recursed)
{
    struct puppet p[2];
    handle(FIRST, upgrade_and_recurse);
    begin(p, SX_RECURSE);
    ck_assert_int_eq(ask(&p[0], give_back, NULL), 1);
    ck_assert_int_eq(got, 2);
    ck_assert_uint_eq(ksi_rw_owner(ksi_load(&sx.sx_lock)), (uintptr_t)p[0].actor.thread);
    ck_assert_ptr_nonnull(ksi_exclusive_find(p[0].actor.thread, &sx.sx_lock));
    ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 0);
    ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    end(p);
}
END_TEST

void add_paths_of_releases(void)
{
    BUG(path_a_share_is_given_back_that_handlers_upgrade_and_downgrade);
    BUG(path_a_share_is_given_back_once_that_handlers_upgrade_and_release);
    BUG(path_the_release_of_a_share_leaves_what_a_handler_has_recursed);
    BUG(path_an_upgrade_fails_beside_the_share_of_a_handler);
}
