/* SPDX-License-Identifier: BSD-2-Clause */

/* Faults of earlier versions: forks beside writers that empty the slots. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "support.h"

#include "lock/rw.h"
#include "platform/testing.h"

#include <kslock/irq.h>

#include <sched.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { IRQ = 9, IRQ_LEVEL = 5, FORKERS = 2, FORKS = 700, LOST_SPIN = 7 };

static struct sx sx, used_by_handler;

static void open_slots(struct sx *lock)
{
    sx_init(lock, "slots");
    for (int i = 0; i < 5; i++) {
        sx_slock(lock);
        sx_sunlock(lock);
    }
}

/* ---- an interrupt while fork waits for a writer ---- */

static __thread bool is_writer, is_forker;
static int has_spin, spin_may_go, fork_waits, handled, tried; /* atomic */
static int forked_status;                                     /* atomic */

static void hook(const char *where)
{
    if (is_writer && strcmp(where, "rw: empty") == 0) {
        uint64_t state = 0;
        STORE(&has_spin, 1);
        while (!LOAD(&spin_may_go) && support_keep_waiting(&state))
            ;
    } else if (is_forker && strcmp(where, "spin: turn") == 0) {
        STORE(&fork_waits, 1);
    }
}

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (sx_try_xlock(&used_by_handler)) {
        ADD(&tried, 1);
        sx_xunlock(&used_by_handler);
    }
    STORE(&handled, 1);
}

static void write_slowly(void *arg)
{
    (void)arg;
    is_writer = true;
    sx_xlock(&sx);
    sx_xunlock(&sx);
}

static void fork_once(void *arg)
{
    (void)arg;
    int status = -1;
    is_forker = true;
    pid_t pid = fork();
    is_forker = false;
    if (pid == 0)
        _exit(0);
    (void)waitpid(pid, &status, 0);
    STORE(&forked_status, status);
}

START_TEST(handler_of_the_forking_thread_does_not_wait_for_its_own_fork)
{
    struct actor writer, forker;
    open_slots(&sx);
    open_slots(&used_by_handler);
    ck_assert_uint_ne(LOAD(&used_by_handler.sx_lock) & KSI_SLOTS, 0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, handler, NULL), 0);
    STORE(&forked_status, -1);
    STORE(&ksi_point_hook, hook);
    actor_start(&writer, write_slowly, NULL);
    WAIT_UNTIL(LOAD(&has_spin));
    actor_start(&forker, fork_once, NULL);
    WAIT_UNTIL(LOAD(&fork_waits));
    ck_assert_int_eq(ksl_irq_raise_on(forker.thread, IRQ), 0);
    STORE(&spin_may_go, 1);
    actor_join(&forker);
    actor_join(&writer);
    STORE(&ksi_point_hook, NULL);
    ck_assert_int_eq(LOAD(&forked_status), 0);
    ck_assert_int_eq(LOAD(&handled), 1);
    ck_assert_int_eq(LOAD(&tried), 1);
}
END_TEST

/* ---- two forks at once ---- */

static int stop; /* atomic */
static int lost_spins, children;

static void linger(const char *where)
{
    if (is_writer && strcmp(where, "rw: empty") == 0) {
        for (int i = 0; i < 50; i++)
            sched_yield();
    }
}

static void write_often(void *arg)
{
    (void)arg;
    is_writer = true;
    while (!LOAD(&stop)) {
        for (int i = 0; i < 3; i++) {
            sx_slock(&sx);
            sx_sunlock(&sx);
        }
        sx_xlock(&sx);
        sx_xunlock(&sx);
    }
}

static void fork_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < FORKS; i++) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            _exit((LOAD(&sx.sx_lock) & KSI_SPIN) != 0 ? LOST_SPIN : 0);
        if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
            ADD(&children, 1);
        if (WIFEXITED(status) && WEXITSTATUS(status) == LOST_SPIN)
            ADD(&lost_spins, 1);
    }
}

START_TEST(no_child_of_two_forks_at_once_waits_for_a_writer_that_is_not_there)
{
    struct actor writer, forkers[FORKERS];
    open_slots(&sx);
    STORE(&ksi_point_hook, linger);
    actor_start(&writer, write_often, NULL);
    for (int i = 0; i < FORKERS; i++)
        actor_start(&forkers[i], fork_often, NULL);
    for (int i = 0; i < FORKERS; i++)
        pthread_join(forkers[i].pthread, NULL);
    STORE(&stop, 1);
    actor_join(&writer);
    STORE(&ksi_point_hook, NULL);
    ck_assert_int_eq(LOAD(&children), FORKERS * FORKS);
    ck_assert_int_eq(LOAD(&lost_spins), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_rw_fork");
    TCase *tc = tcase_create("fork");
    tcase_add_test(tc, handler_of_the_forking_thread_does_not_wait_for_its_own_fork);
    tcase_add_test(tc,
                   no_child_of_two_forks_at_once_waits_for_a_writer_that_is_not_there);
    suite_add_tcase(s, tc);
    return support_run(s);
}
