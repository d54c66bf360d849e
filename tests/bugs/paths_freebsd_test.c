/* SPDX-License-Identifier: BSD-2-Clause */
/* Slow paths of FreeBSD: recursed holds, waits that a signal ends. */

#include "bugs.h"
#include "sx_calls.h"

#include "platform/host.h"

#include <sys/mutex.h>
#include <sys/systm.h>

#include <kslock/signal.h>

#include <errno.h>

static struct sx sx;
static struct mtx mtx;

static int lock(void *l)
{
    mtx_lock((struct mtx *)l);
    return 0;
}

static int unlock(void *l)
{
    mtx_unlock((struct mtx *)l);
    return 0;
}

static void recursed(void *l, call_fn take, call_fn give)
{
    struct puppet p[2];
    puppets_start(p, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&p[0], take, l), 0);
    tell_blocked(&p[1], take, l);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p[0], give, l), 0);
        still_asleep(&p[1]);
    }
    ck_assert_int_eq(ask(&p[0], give, l), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], give, l), 0);
    puppets_end(p, 2);
}

START_TEST(path_a_recursed_lock_is_free_when_all_holds_are)
{
    sx_init_flags(&sx, "recursed", SX_RECURSE);
    mtx_init(&mtx, "recursed", NULL, MTX_DEF | MTX_RECURSE);
    recursed(&sx, xlock, xunlock);
    recursed(&mtx, lock, unlock);
    sx_destroy(&sx);
    mtx_destroy(&mtx);
}
END_TEST

static int slock_sig(void *l)
{
    int error = sx_slock_sig((struct sx *)l);
    (void)ksl_signal_take();
    return error;
}

/*
 * A writer that was woken gets in while a reader, whose wait a signal has ended, looks at
 * the word. That one puts no mark back that the first one is on its way, for then nobody
 * would be woken any more.
 */
START_TEST(path_who_gives_up_puts_no_mark_back)
{
    struct puppet p[4];
    if (ksi_cpu_count() == 1)
        return; /* the first one does not spin, so it waits for the second one */
    sx_init(&sx, "given up");
    puppets_start(p, 4);
    ck_assert_int_eq(ask(&p[0], xlock, &sx), 0);
    tell_blocked(&p[1], xlock, &sx);
    tell_blocked(&p[2], slock_sig, &sx);
    tell_blocked(&p[3], xlock, &sx);
    bug_stop(0, "rw: woken", &p[1]);
    ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    bug_await_stop(0);
    bug_stop(1, "rw: settle", &p[2]);
    ck_assert_int_eq(ksl_signal_post(p[2].actor.thread, 2), 0);
    bug_await_stop(1);
    STORE(&ksi_spin_cap, 100);
    bug_go(0);
    ck_assert_int_eq(answer(&p[1]), 0);
    STORE(&ksi_spin_cap, 0);
    bug_go(1);
    ck_assert_int_eq(answer(&p[2]), EINTR);
    ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
    ck_assert_int_eq(answer(&p[3]), 0);
    ck_assert_int_eq(ask(&p[3], xunlock, &sx), 0);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 4);
    sx_destroy(&sx);
}
END_TEST

static int pause_long(void *unused)
{
    enum { TICKS = 1000000 };
    (void)unused;
    return pause_sig("long", TICKS);
}

START_TEST(path_a_signal_ends_a_pause)
{
    struct puppet p;
    puppet_start(&p);
    tell_blocked(&p, pause_long, NULL);
    ck_assert_int_eq(ksl_signal_post(p.actor.thread, 2), 0);
    ck_assert_int_eq(answer(&p), EINTR);
    puppet_end(&p);
}
END_TEST

void add_paths_of_freebsd(void)
{
    BUG(path_a_signal_ends_a_pause);
    BUG(path_who_gives_up_puts_no_mark_back);
    BUG(path_a_recursed_lock_is_free_when_all_holds_are);
}
