/* SPDX-License-Identifier: BSD-2-Clause */

/* hang=SECONDS, with a clock that the test sets. */

#include "../native/freebsd_sx_puppet.h"
#include "named.h"
#include "readback.h"
#include "sanitized.h"

#include "diag/switch.h"
#include "platform/park.h"
#include "thread/thread.h"

#include <kslock/diag.h>

#include <signal.h>
#include <sys/wait.h>

static struct report_file file;
static uint64_t fake_now; /* atomic */

enum { LIMIT_MS = 8 };
static const uint64_t ms = 1000000;

static unsigned clock_looks; /* atomic */

static uint64_t fake_clock(void)
{
    ADD(&clock_looks, 1u);
    return LOAD(&fake_now);
}

/* With all others asleep only the watcher looks at the clock: once for all threads. */
static void let_it_look(void)
{
    unsigned before = LOAD(&clock_looks);
    WAIT_UNTIL(LOAD(&clock_looks) - before >= 3);
}

static void enable(const char *limit)
{
    char list[128];
    report_file_new(&file);
    snprintf(list, sizeof list, "hang=%s,report=%s", limit, file.path);
    ck_assert_int_eq(ksl_diag_enable(list), 0);
}

static struct sx cream;
static struct sx sugar;

static void start(void)
{
    STORE(&fake_now, 1000000000000u);
    ksi_seam.now = fake_clock;
    sx_init(&cream, "cream");
    sx_init(&sugar, "sugar");
    start_named();
}

static void end(void)
{
    end_named();
    report_file_end(&file);
}

static const char *hang_of(const struct puppet *p, char *text, size_t room)
{
    snprintf(text, room, "kslock: hang: thread %d (%s) has waited",
             ksl_thread_id(p->actor.thread), ksl_thread_name(p->actor.thread));
    return text;
}

static unsigned hangs(const struct puppet *p)
{
    char text[128];
    return report_file_count(&file, hang_of(p, text, sizeof text));
}

static bool whole_dumps(unsigned n)
{
    return report_file_count(&file, "kslock: end of the threads\n") == n;
}

/* Each wait is told once, when its time has come; who began later is told later. */
START_TEST(part2_each_wait_is_told_once)
{
    char text[128];
    start();
    enable("0.008");
    ask(&alice, xlock, &cream);
    tell_blocked(&bob, xlock, &cream);
    ADD(&fake_now, (LIMIT_MS - 1) * ms);
    tell_blocked(&carol, xlock, &cream);
    let_it_look();
    ck_assert_uint_eq(hangs(&bob), 0);
    ADD(&fake_now, 1 * ms);
    WAIT_UNTIL(whole_dumps(1));
    ck_assert_uint_eq(hangs(&bob), 1);
    ck_assert_uint_eq(hangs(&carol), 0);
    ck_assert(report_file_has(&file, hang_of(&bob, text, sizeof text)));
    ck_assert(report_file_has(&file, " has waited for 0.008 s for sx "));
    ck_assert(report_file_has(&file, "to have it alone, for 0.001 s, one of 2"));
    ck_assert(!report_file_has(&file, "deadlock"));
    ADD(&fake_now, (LIMIT_MS - 1) * ms);
    WAIT_UNTIL(whole_dumps(2));
    ck_assert_uint_eq(hangs(&bob), 1);
    ck_assert_uint_eq(hangs(&carol), 1);
    ck_assert_uint_eq(hangs(&alice), 0);
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&bob));
    /* A new wait of the same thread is told anew. */
    tell_blocked(&alice, xlock_sig, &cream);
    ADD(&fake_now, LIMIT_MS * ms);
    WAIT_UNTIL(hangs(&alice) == 1);
    ask(&bob, xunlock, &cream);
    WAIT_UNTIL(done(&carol));
    ask(&carol, xunlock, &cream);
    WAIT_UNTIL(done(&alice));
    ask(&alice, xunlock, &cream);
    end();
}
END_TEST

START_TEST(part2_deadlock_is_named)
{
    start();
    enable("0.008");
    ask(&alice, xlock, &cream);
    ask(&bob, xlock, &sugar);
    tell_blocked(&alice, xlock_sig, &sugar);
    tell_blocked(&bob, xlock_sig, &cream);
    ADD(&fake_now, LIMIT_MS * ms);
    WAIT_UNTIL(report_file_has(&file, "kslock: deadlock of 2 threads: "));
    WAIT_UNTIL(whole_dumps(1));
    ck_assert_int_eq(ksl_thread_unblock(alice.actor.thread), 1);
    WAIT_UNTIL(done(&alice));
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&bob));
    ask(&bob, xunlock, &cream);
    ask(&bob, xunlock, &sugar);
    end();
}
END_TEST

/* A wait that was there before counts from when it is first seen. */
START_TEST(part2_waits_from_before)
{
    start();
    ask(&alice, xlock, &cream);
    tell_blocked(&bob, xlock, &cream);
    ck_assert_uint_eq(LOAD(&bob.actor.thread->wait_since), 0);
    ADD(&fake_now, 1000 * ms);
    enable("0.008");
    WAIT_UNTIL(LOAD(&bob.actor.thread->wait_since) == LOAD(&fake_now));
    ck_assert_uint_eq(hangs(&bob), 0);
    ADD(&fake_now, LIMIT_MS * ms);
    WAIT_UNTIL(whole_dumps(1));
    ck_assert_uint_eq(hangs(&bob), 1);
    ck_assert(report_file_has(&file, "has waited for 0.008 s"));
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&bob));
    ask(&bob, xunlock, &cream);
    end();
}
END_TEST

START_TEST(part2_no_clock_without_hang)
{
    start();
    ask(&alice, xlock, &cream);
    tell_blocked(&bob, xlock, &cream);
    ck_assert_uint_eq(LOAD(&bob.actor.thread->wait_since), 0);
    ask(&alice, xunlock, &cream);
    WAIT_UNTIL(done(&bob));
    ask(&bob, xunlock, &cream);
    report_file_new(&file);
    end();
}
END_TEST

START_TEST(part2_quit_dumps)
{
    enable("1000");
    raise(SIGQUIT);
    ck_assert(report_file_has(&file, "kslock: the threads of process "));
    ck_assert(whole_dumps(1));
    report_file_end(&file);
}
END_TEST

static int quits; /* atomic */

static void count_quit(int signo)
{
    (void)signo;
    ADD(&quits, 1);
}

START_TEST(part2_quit_of_the_program_stays)
{
    struct sigaction action = {.sa_handler = count_quit};
    ck_assert_int_eq(sigaction(SIGQUIT, &action, NULL), 0);
    enable("1000");
    raise(SIGQUIT);
    ck_assert_int_eq(LOAD(&quits), 1);
    ck_assert(whole_dumps(0));
    report_file_end(&file);
}
END_TEST

START_TEST(part2_quit_without_hang)
{
    struct sigaction action;
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    ck_assert_int_eq(sigaction(SIGQUIT, NULL, &action), 0);
    ck_assert(action.sa_handler == SIG_DFL);
}
END_TEST

static void *deadlock_oneself(void *arg)
{
    (void)arg;
    sx_xlock_sig(&cream);
    return NULL;
}

START_TEST(part2_children_of_fork_are_watched)
{
    if (RACE_DETECTOR) { /* it ends a child that starts a thread, so none is started */
        support_skip("no watcher in a child of fork under ThreadSanitizer");
        return;
    }
    if (!support_fork_threads())
        return;
    start();
    enable("0.008");
    ask(&alice, xlock, &cream);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        pthread_t thread;
        alarm(2 * SUPPORT_DEADLINE_S);
        pthread_create(&thread, NULL, deadlock_oneself, NULL);
        for (;;) { /* until the child's watcher has told what it sees */
            ADD(&fake_now, ms);
            if (report_file_has(&file, "kslock: end of the threads\n"))
                _exit(0);
        }
    }
    int status = -1;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert(report_file_has(&file, ", which has exited")); /* the owner has stayed */
    ask(&alice, xunlock, &cream);
    end();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/hang");
    TCase *c = tcase_create("hang");
    tcase_add_test(c, part2_each_wait_is_told_once);
    tcase_add_test(c, part2_deadlock_is_named);
    tcase_add_test(c, part2_waits_from_before);
    tcase_add_test(c, part2_no_clock_without_hang);
    tcase_add_test(c, part2_quit_dumps);
    tcase_add_test(c, part2_quit_of_the_program_stays);
    tcase_add_test(c, part2_quit_without_hang);
    tcase_add_test(c, part2_children_of_fork_are_watched);
    suite_add_tcase(s, c);
    return support_run(s);
}
