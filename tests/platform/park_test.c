/* SPDX-License-Identifier: BSD-2-Clause */
/* The parker's contract (platform/park.h), whichever file fills it. */

#include "sanitized.h"
#include "support.h"

#include "platform/park.h"
#include "platform/park_word.h"

#include <errno.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PING_PONGS = SANITIZED ? 20000 : 100000 };

/*
 * A race detector runs signal handlers in calls that it knows, maybe late; never, if the
 * host restarts the system call that a thread sleeps in (SA_RESTART).
 */
enum { HOLDS_SIGNALS_BACK = RACE_DETECTOR };

/* A thread that parks until it has a token. */
struct sleeper {
    struct actor actor;
    struct ksi_parker parker;
    unsigned retries; /* atomic */
    int done;         /* atomic */
    int kept_errno;
};

static struct sleeper sleeper;

static void sleep_until_token(void *arg)
{
    struct sleeper *s = arg;
    errno = 77;
    while (ksi_host_park(&s->parker, KSI_FOREVER) != KSI_PARK_TOKEN) {
        ADD(&s->retries, 1u);
        int saved = errno;
        if (HOLDS_SIGNALS_BACK)
            usleep(1); /* it delivers them here */
        errno = saved;
    }
    s->kept_errno = errno;
    STORE(&s->done, 1);
}

static void start_sleeper(void)
{
    memset(&sleeper, 0, sizeof sleeper);
    ksi_parker_init(&sleeper.parker);
    actor_start(&sleeper.actor, sleep_until_token, &sleeper);
    WAIT_UNTIL(LOAD(&sleeper.parker.word) == PARK_PARKED);
}

/* Parks with a date, looks again as often as told to. */
static enum ksi_park_result park_date(struct ksi_parker *p, uint64_t date)
{
    enum ksi_park_result result;
    do
        result = ksi_host_park(p, date);
    while (result == KSI_PARK_RETRY);
    return result;
}

START_TEST(token_left_before_is_taken_at_once)
{
    struct ksi_parker p;
    ksi_parker_init(&p);
    ksi_host_unpark(&p);
    ck_assert_int_eq(ksi_host_park(&p, KSI_FOREVER), KSI_PARK_TOKEN);
    ck_assert_int_eq(p.word, PARK_EMPTY);
}
END_TEST

START_TEST(token_left_during_the_sleep_ends_it)
{
    start_sleeper();
    ck_assert(!LOAD(&sleeper.done));
    ksi_host_unpark(&sleeper.parker);
    actor_join(&sleeper.actor);
    ck_assert(sleeper.done);
    ck_assert_int_eq(sleeper.parker.word, PARK_EMPTY);
}
END_TEST

START_TEST(at_most_one_token_is_kept)
{
    struct ksi_parker p;
    ksi_parker_init(&p);
    for (int i = 0; i < 3; i++)
        ksi_host_unpark(&p);
    ck_assert_int_eq(park_date(&p, KSI_FOREVER), KSI_PARK_TOKEN);
    ck_assert_int_eq(park_date(&p, ksi_host_now() + 1000000), KSI_PARK_TIMEOUT);
}
END_TEST

START_TEST(deadline_is_never_early)
{
    struct ksi_parker p;
    ksi_parker_init(&p);
    for (unsigned i = 0; i < 300; i++) {
        uint64_t date = ksi_host_now() + i * 7919 % 1500000;
        ck_assert_int_eq(park_date(&p, date), KSI_PARK_TIMEOUT);
        ck_assert_uint_ge(ksi_host_now(), date);
        ck_assert_int_eq(p.word, PARK_EMPTY);
    }
}
END_TEST

START_TEST(date_in_the_past_times_out)
{
    struct ksi_parker p;
    ksi_parker_init(&p);
    ck_assert_int_eq(park_date(&p, 0), KSI_PARK_TIMEOUT);
    ck_assert_int_eq(park_date(&p, ksi_host_now() - 1), KSI_PARK_TIMEOUT);
    ksi_host_unpark(&p);
    ck_assert_int_eq(park_date(&p, 0), KSI_PARK_TOKEN); /* a token wins */
}
END_TEST

static int leave_token; /* atomic: what the handler does */
static int handled;     /* atomic */

static void on_signal(int signo)
{
    (void)signo;
    if (LOAD(&leave_token))
        ksi_host_unpark(&sleeper.parker);
    STORE(&handled, 1);
}

static void catch_signal(int flags)
{
    struct sigaction action = {.sa_handler = on_signal};
    action.sa_flags = flags;
    ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
    STORE(&handled, 0);
}

/* Again and again, because one may come before the thread sleeps. */
static bool signal_until(bool done)
{
    if (!done)
        pthread_kill(sleeper.actor.pthread, SIGUSR1);
    return done;
}

START_TEST(signal_handler_may_unpark_its_own_thread)
{
    catch_signal(_i == 0 ? 0 : SA_RESTART);
    STORE(&leave_token, 1);
    for (int round = 0; round < 200; round++) {
        start_sleeper();
        pthread_kill(sleeper.actor.pthread, SIGUSR1);
        if (HOLDS_SIGNALS_BACK)
            WAIT_UNTIL(signal_until(actor_finished(&sleeper.actor)));
        actor_join(&sleeper.actor);
        ck_assert(sleeper.done);
    }
}
END_TEST

START_TEST(signal_without_token_is_retry)
{
    catch_signal(0);
    STORE(&leave_token, 0);
    start_sleeper();
    WAIT_UNTIL(signal_until(LOAD(&sleeper.retries) > 0));
    WAIT_UNTIL(LOAD(&handled));
    ck_assert(!LOAD(&sleeper.done));
    ksi_host_unpark(&sleeper.parker);
    actor_join(&sleeper.actor);
}
END_TEST

static void wake_for_nothing(struct ksi_parker *p)
{
#ifdef PARKER_IS_FUTEX
    syscall(SYS_futex, &p->word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
#else
    if (LOAD(&sleeper.retries) == 0)
        sem_post(&p->sem);
#endif
}

START_TEST(stranger_that_wakes_is_retry)
{
    start_sleeper();
    WAIT_UNTIL((wake_for_nothing(&sleeper.parker), LOAD(&sleeper.retries) > 0));
    ck_assert(!LOAD(&sleeper.done));
    WAIT_UNTIL(LOAD(&sleeper.parker.word) == PARK_PARKED);
    ksi_host_unpark(&sleeper.parker);
    actor_join(&sleeper.actor);
}
END_TEST

START_TEST(errno_is_kept)
{
    struct ksi_parker p;
    errno = 77;
    ksi_parker_init(&p);
    ksi_host_unpark(&p);
    ck_assert_int_eq(ksi_host_park(&p, KSI_FOREVER), KSI_PARK_TOKEN);
    ck_assert_int_eq(park_date(&p, 0), KSI_PARK_TIMEOUT);
    ck_assert_int_eq(park_date(&p, ksi_host_now() + 1000000), KSI_PARK_TIMEOUT);
    ck_assert_int_eq(errno, 77);

    catch_signal(0);
    STORE(&leave_token, 0);
    start_sleeper();
    WAIT_UNTIL(signal_until(LOAD(&sleeper.retries) > 0));
    ksi_host_unpark(&sleeper.parker);
    actor_join(&sleeper.actor);
    ck_assert_int_eq(sleeper.kept_errno, 77);
}
END_TEST

/* Two threads take turns; each token lost is a hang. */
static struct {
    struct ksi_parker parkers[2];
    unsigned turn; /* atomic */
} table;

static void player(void *arg)
{
    unsigned me = arg != NULL;
    for (unsigned i = 0; i < PING_PONGS; i++) {
        unsigned mine = 2 * i + me;
        while (LOAD(&table.turn) != mine)
            ksi_host_park(&table.parkers[me], KSI_FOREVER);
        STORE(&table.turn, mine + 1);
        ksi_host_unpark(&table.parkers[!me]);
    }
}

START_TEST(no_token_is_lost_in_ping_pong)
{
    struct actor players[2];
    ksi_parker_init(&table.parkers[0]);
    ksi_parker_init(&table.parkers[1]);
    actor_start(&players[0], player, NULL);
    actor_start(&players[1], player, &table);
    /* Longer than actor_join waits: ctest's limit applies. */
    for (int i = 0; i < 2; i++)
        pthread_join(players[i].pthread, NULL);
    ck_assert_uint_eq(table.turn, 2 * PING_PONGS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("park");
    TCase *c = tcase_create("contract");
    tcase_set_timeout(c, 200);
    tcase_add_test(c, token_left_before_is_taken_at_once);
    tcase_add_test(c, token_left_during_the_sleep_ends_it);
    tcase_add_test(c, at_most_one_token_is_kept);
    tcase_add_test(c, deadline_is_never_early);
    tcase_add_test(c, date_in_the_past_times_out);
    tcase_add_loop_test(c, signal_handler_may_unpark_its_own_thread, 0,
                        HOLDS_SIGNALS_BACK ? 1 : 2);
    tcase_add_test(c, signal_without_token_is_retry);
    tcase_add_test(c, stranger_that_wakes_is_retry);
    tcase_add_test(c, errno_is_kept);
    tcase_add_test(c, no_token_is_lost_in_ping_pong);
    suite_add_tcase(s, c);
    return support_run(s);
}
