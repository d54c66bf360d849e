/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow paths whose thread handles an interrupt at the wrong moment: what the handler has
 * left is what counts. And forks at such a moment.
 */

#include "bugs.h"
#include "sx_calls.h"

#include "../support/child.h"

#include <sys/mutex.h>
#include <sys/proc.h>

#include <kslock/sleepq.h>

#include <errno.h>
#include <sys/wait.h>

static struct sx sx;

/* n puppets, and what the handler of an interrupt calls. */
static void begin(struct puppet *p, int n, call_fn call, void *object)
{
    bug_handler(call, object);
    puppets_start(p, n);
}

static void end(struct puppet *p, int n)
{
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, n);
    bug_no_handler();
}

/* A writer waits; a handler of a reader that comes takes a share and keeps it. */
START_TEST(path_a_share_that_a_handler_keeps_lets_its_thread_in)
{
    struct puppet p[3];
    sx_init(&sx, "kept");
    begin(p, 3, try_slock, &sx);
    ck_assert_int_eq(ask(&p[0], slock, &sx), 0);
    tell_blocked(&p[1], xlock, &sx);
    bug_act(0, "rw: share", &p[2], bug_interrupt, &p[2]);
    tell(&p[2], slock, &sx);
    ck_assert_int_eq(answer(&p[2]), 0);
    ck_assert_int_eq(bug_handler_result(), 1);
    ck_assert_int_eq(ask(&p[0], sunlock, &sx), 0);
    ck_assert_int_eq(ask(&p[2], sunlock, &sx), 0);
    still_asleep(&p[1]);
    ck_assert_int_eq(ask(&p[2], sunlock, &sx), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
    end(p, 3);
    sx_destroy(&sx);
}
END_TEST

static int sleep_with_share(void *l)
{
    return sx_sleep(l, (struct sx *)l, 0, "share", 1);
}

/* The interlock goes in a handler; what is in the word then is another thread's share. */
START_TEST(path_a_share_is_given_back_once)
{
    struct puppet p[3];
    sx_init(&sx, "given");
    begin(p, 3, sunlock, &sx);
    ck_assert_int_eq(ask(&p[0], slock, &sx), 0);
    ck_assert_int_eq(ask(&p[1], slock, &sx), 0);
    bug_act(0, "channel: sleep", &p[1], bug_interrupt, &p[1]);
    ck_assert_int_eq(ask(&p[1], sleep_with_share, &sx), EWOULDBLOCK);
    ck_assert_uint_eq(bug_handled(), 1);
    ck_assert_int_eq(ask(&p[1], sunlock, &sx), 0); /* it has taken it again */
    ck_assert_int_eq(ask(&p[2], try_xlock, &sx), 0);
    ck_assert_int_eq(ask(&p[0], sunlock, &sx), 0);
    ck_assert_int_eq(ask(&p[2], try_xlock, &sx), 1);
    ck_assert_int_eq(ask(&p[2], xunlock, &sx), 0);
    end(p, 3);
    sx_destroy(&sx);
}
END_TEST

static struct mtx mtx;

static int mlock(void *m)
{
    mtx_lock((struct mtx *)m);
    return mtx_owned((struct mtx *)m);
}

static int try_mlock(void *m)
{
    return mtx_trylock((struct mtx *)m);
}

static int munlock(void *m)
{
    mtx_unlock((struct mtx *)m);
    return 0;
}

/* Loop: it is locked again by a call that waits, and by a try. */
START_TEST(path_a_mutex_that_a_handler_gave_back_is_taken_anew)
{
    struct puppet p[2];
    mtx_init(&mtx, "given back", NULL, MTX_DEF | MTX_RECURSE);
    begin(p, 2, munlock, &mtx);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p[0], mlock, &mtx), 1);
        bug_act(i, "mtx: again", &p[0], bug_interrupt, &p[0]);
        ck_assert_int_eq(ask(&p[0], i == 0 ? try_mlock : mlock, &mtx), 1);
        ck_assert_uint_eq(bug_handled(), i + 1);
        ck_assert_int_eq(ask(&p[1], try_mlock, &mtx), 0);
        ck_assert_int_eq(ask(&p[0], munlock, &mtx), 0);
        ck_assert_int_eq(ask(&p[1], try_mlock, &mtx), 1);
        ck_assert_int_eq(ask(&p[1], munlock, &mtx), 0);
    }
    end(p, 2);
    mtx_destroy(&mtx);
}
END_TEST

static int xlock_owned(void *l)
{
    sx_xlock((struct sx *)l);
    return sx_xlocked((struct sx *)l);
}

START_TEST(path_a_lock_that_a_handler_took_is_recursed)
{
    struct puppet p[2];
    sx_init_flags(&sx, "recursed", SX_RECURSE);
    begin(p, 2, try_xlock, &sx);
    ck_assert_int_eq(ask(&p[1], xlock, &sx), 0); /* the other one needs its slow way */
    bug_stop(0, "sx: not mine", &p[0]);
    tell(&p[0], xlock_owned, &sx);
    bug_await_stop(0);
    ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
    bug_interrupt(&p[0]);
    WAIT_UNTIL(bug_handled() == 1);
    bug_go(0);
    ck_assert_int_eq(answer(&p[0]), 1);
    ck_assert_int_eq(bug_handler_result(), 1);
    ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 0);
    ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    end(p, 2);
    sx_destroy(&sx);
}
END_TEST

/* The same by a try. */
START_TEST(path_a_lock_that_a_handler_gave_back_is_taken_by_a_try)
{
    struct puppet p[2];
    sx_init_flags(&sx, "given back", SX_RECURSE);
    begin(p, 2, xunlock, &sx);
    ck_assert_int_eq(ask(&p[0], xlock, &sx), 0);
    bug_act(0, "sx: again", &p[0], bug_interrupt, &p[0]);
    ck_assert_int_eq(ask(&p[0], try_xlock, &sx), 1);
    ck_assert_uint_eq(bug_handled(), 1);
    ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 0);
    ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 1);
    ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
    end(p, 2);
    sx_destroy(&sx);
}
END_TEST

/* A handler upgrades the interlock before the sleeper gives it back. */
START_TEST(path_an_interlock_comes_back_as_a_handler_has_converted_it)
{
    struct puppet p[2];
    sx_init(&sx, "converted");
    begin(p, 2, try_upgrade, &sx);
    ck_assert_int_eq(ask(&p[0], slock, &sx), 0);
    bug_act(0, "channel: sleep", &p[0], bug_interrupt, &p[0]);
    ck_assert_int_eq(ask(&p[0], sleep_with_share, &sx), EWOULDBLOCK);
    ck_assert_int_eq(bug_handler_result(), 1);
    ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    ck_assert_int_eq(ask(&p[1], try_xlock, &sx), 1);
    ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
    end(p, 2);
    sx_destroy(&sx);
}
END_TEST

static int assert_locked(void *l)
{
    sx_assert((struct sx *)l, SA_LOCKED);
    return 0;
}

/* A handler upgrades it while it is looked at: no violation. */
START_TEST(path_a_lock_that_a_handler_converts_is_held)
{
    static const char *const points[] = {"sx: assert", "interlock: check"};
    struct puppet p[1];
    recorder_start();
    sx_init(&sx, "looked at");
    begin(p, 1, try_upgrade, &sx);
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&p[0], slock, &sx), 0);
        bug_act(i, points[i], &p[0], bug_interrupt, &p[0]);
        int expected = i == 0 ? 0 : EWOULDBLOCK;
        call_fn call = i == 0 ? assert_locked : sleep_with_share;
        ck_assert_int_eq(ask(&p[0], call, &sx), expected);
        ck_assert_int_eq(bug_handler_result(), 1);
        ASSERT_NO_VIOLATION();
        ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
    }
    end(p, 1);
    sx_destroy(&sx);
    recorder_stop();
}
END_TEST

static int prepare(void *unused)
{
    (void)unused;
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
    return 0;
}

static int block(void *unused)
{
    (void)unused;
    return ksl_block();
}

static int end_by_date(void *thread)
{
    return ksl_block_wake_reason(thread, KSL_WAKE_TIMEOUT);
}

static int child_status(pid_t pid)
{
    int status = -1;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static int block_in_child(void *unused)
{
    (void)unused;
    pid_t pid = fork();
    if (pid == 0)
        _exit(ksl_block() == -ETIMEDOUT ? 0 : 1);
    return child_status(pid);
}

/* Whoever has decided is not in the child, and had not told yet. */
START_TEST(path_the_child_of_fork_knows_why_its_wait_has_ended)
{
    struct puppet p[2];
    puppets_start(p, 2);
    ck_assert_int_eq(ask(&p[0], prepare, NULL), 0);
    bug_stop(0, "lot: unlocked", &p[1]);
    tell(&p[1], end_by_date, p[0].actor.thread);
    bug_await_stop(0);
    ck_assert_int_eq(ask(&p[0], block_in_child, NULL), 0);
    bug_go(0);
    ck_assert_int_eq(answer(&p[1]), 1);
    ck_assert_int_eq(ask(&p[0], block, NULL), -ETIMEDOUT);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 2);
}
END_TEST

static pid_t of_test, forked; /* of_test: who runs the test */

static int fork_it(void *unused)
{
    (void)unused;
    forked = fork();
    if (forked == 0)
        alarm(SUPPORT_DEADLINE_S);
    return 0;
}

static int xlock_or_end(void *l)
{
    sx_xlock((struct sx *)l);
    if (getpid() != of_test)
        _exit(sx_xlocked((struct sx *)l) ? 0 : 1);
    return 0;
}

static int may_fork; /* atomic */

static void fork_when_told(void *puppet)
{
    WORKER_WAIT(LOAD(&may_fork));
    bug_interrupt(puppet);
}

/*
 * Who was woken before it is not in the child, so nobody would wake it. It sleeps, or is
 * about to.
 */
START_TEST(path_a_waiter_that_forks_in_a_handler_looks_again)
{
    struct puppet p[3];
    of_test = getpid();
    sx_init(&sx, "forked");
    begin(p, 3, fork_it, NULL);
    for (unsigned asleep = 0; asleep < 2; asleep++) {
        ck_assert_int_eq(ask(&p[0], xlock, &sx), 0);
        tell_blocked(&p[1], xlock, &sx);
        if (asleep) {
            tell_blocked(&p[2], xlock_or_end, &sx);
        } else {
            bug_act(1, "wait: park", &p[2], fork_when_told, &p[2]);
            tell(&p[2], xlock_or_end, &sx);
            WAIT_UNTIL(bug_reached(1));
        }
        bug_stop(0, "rw: woken", &p[1]);
        ck_assert_int_eq(ask(&p[0], xunlock, &sx), 0);
        bug_await_stop(0);
        if (asleep)
            bug_interrupt(&p[2]);
        STORE(&may_fork, 1);
        WAIT_UNTIL(bug_handled() == asleep + 1);
        ck_assert_int_eq(child_status(forked), 0);
        bug_go(0);
        ck_assert_int_eq(answer(&p[1]), 0);
        ck_assert_int_eq(ask(&p[1], xunlock, &sx), 0);
        ck_assert_int_eq(answer(&p[2]), 0);
        ck_assert_int_eq(ask(&p[2], xunlock, &sx), 0);
    }
    end(p, 3);
    sx_destroy(&sx);
}
END_TEST

void add_paths_of_handlers(void)
{
    BUG(path_a_share_that_a_handler_keeps_lets_its_thread_in);
    BUG(path_a_share_is_given_back_once);
    BUG(path_a_mutex_that_a_handler_gave_back_is_taken_anew);
    BUG(path_a_lock_that_a_handler_took_is_recursed);
    BUG(path_a_lock_that_a_handler_gave_back_is_taken_by_a_try);
    BUG(path_an_interlock_comes_back_as_a_handler_has_converted_it);
    BUG(path_a_lock_that_a_handler_converts_is_held);
    BUG(path_the_child_of_fork_knows_why_its_wait_has_ended);
    BUG(path_a_waiter_that_forks_in_a_handler_looks_again);
}
