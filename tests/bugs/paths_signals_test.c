/* SPDX-License-Identifier: BSD-2-Clause */
/* Signals: put off while a lock of AIX is held, and made of real ones. */

#include "bugs.h"
#include "irq_call.h"

#include <kslock/mutex.h>

#include <signal.h>
#include <string.h>
#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

enum { SIGNO = 5, IRQ = 22, LEVEL = 4, OTHERS = 8 };

static void post(const struct puppet *p)
{
    ck_assert_int_eq(ksl_signal_post(p->actor.thread, SIGNO), 0);
}

static int check_signals(void *unused)
{
    (void)unused;
    return ksl_signal_take();
}

/* T66, with one lock of each kind and mode. */
START_TEST(path_a_signal_waits_for_the_release)
{
    static const char *const kinds[] = {"simple", "lockl", "complex", "drw"};
    struct scene s;
    for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct lock_kind *k = NULL;
        for (unsigned j = 0; j < LOCK_KINDS; j++)
            k = strcmp(lock_kind(j)->name, kinds[i]) == 0 ? lock_kind(j) : k;
        ck_assert_msg(k != NULL, "no kind is called %s", kinds[i]);
        scene_begin(&s, k, 1);
        for (int shares = 0; shares <= (k->share != NULL); shares++) {
            ck_assert_int_eq(says(&s, 0, shares ? k->share : k->take), 0);
            post(&s.p[0]);
            ck_assert_msg(ask(&s.p[0], check_signals, NULL) == 0, "%s: delivered",
                          kinds[i]);
            ck_assert_int_eq(says(&s, 0, shares ? k->unshare : k->give), 0);
            ck_assert_int_eq(ask(&s.p[0], check_signals, NULL), SIGNO);
        }
        scene_end(&s);
    }
}
END_TEST

static ksl_mutex_t others[OTHERS];

/* One for each near slot of a thread, whose number is that of the place in 1024 bytes. */
static union {
    Simple_lock lock;
    char bytes[1024 / KSL_SLOTS];
} places[KSL_SLOTS] __attribute__((aligned(1024)));

static int take_others(void *unused)
{
    (void)unused;
    for (int i = 0; i < OTHERS; i++)
        (void)ksl_mutex_acquire(&others[i]);
    return 0;
}

static int give_others(void *unused)
{
    (void)unused;
    for (int i = 0; i < OTHERS; i++)
        (void)ksl_mutex_release(&others[i]);
    return 0;
}

static int take_simple(void *l)
{
    simple_lock((simple_lock_t)l);
    return 0;
}

static int give_simple(void *l)
{
    simple_unlock((simple_lock_t)l);
    return 0;
}

/* Where the lock stands in the record of what the thread has makes no difference. */
START_TEST(path_a_signal_waits_beside_locks_of_other_families)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ask(&p, take_others, NULL), 0);
    for (int i = 0; i < KSL_SLOTS; i++) {
        simple_lock_init(&places[i].lock);
        ck_assert_int_eq(ask(&p, take_simple, &places[i].lock), 0);
        post(&p);
        ck_assert_int_eq(ask(&p, check_signals, NULL), 0);
        ck_assert_int_eq(ask(&p, give_simple, &places[i].lock), 0);
        ck_assert_int_eq(ask(&p, check_signals, NULL), SIGNO);
    }
    ck_assert_int_eq(ask(&p, give_others, NULL), 0);
    puppet_end(&p);
}
END_TEST

/* A handler on a waiter has a lock, which puts off the signal that is to end the wait. */

static lock_t taken = LOCK_AVAIL;
static Simple_lock of_handler;
static int in_handler, handler_may_go; /* atomic */

static int hold_in_handler(void *unused)
{
    uint64_t state = 0;
    (void)unused;
    int before = disable_lock(INTMAX, &of_handler);
    STORE(&in_handler, 1);
    while (!LOAD(&handler_may_go) && support_keep_waiting(&state))
        ;
    unlock_enable(before, &of_handler);
    return 0;
}

static int nothing_to_see(void)
{
    return 0;
}

static int lockl_sigret(void *unused)
{
    (void)unused;
    return lockl(&taken, LOCK_SIGRET);
}

static void raise_on(void *t)
{
    (void)ksl_irq_raise_on(t, IRQ);
}

static void signalled_under_a_handler(bool before_it_sleeps)
{
    struct irq_call c;
    struct puppet p;
    simple_lock_init(&of_handler);
    ck_assert_int_eq(lockl(&taken, LOCK_SHORT), LOCK_SUCC);
    puppet_start(&p);
    irq_call_setup(&c, IRQ, KSL_STAGE_INBAND, LEVEL, nothing_to_see);
    c.call = hold_in_handler;
    if (before_it_sleeps) {
        bug_act(0, "rw: queued", &p, raise_on, p.actor.thread);
        tell(&p, lockl_sigret, NULL);
    } else {
        tell_blocked(&p, lockl_sigret, NULL);
        raise_on(p.actor.thread);
    }
    WAIT_UNTIL(LOAD(&in_handler));
    post(&p);
    STORE(&handler_may_go, 1);
    ck_assert_int_eq(answer(&p), LOCK_SIG);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    unlockl(&taken);
    puppet_end(&p);
}

START_TEST(path_a_signal_put_off_by_a_handler_ends_the_sleep_after_it)
{
    signalled_under_a_handler(false);
}
END_TEST

START_TEST(path_a_signal_put_off_by_a_handler_is_seen_by_who_goes_to_sleep)
{
    signalled_under_a_handler(true);
}
END_TEST

START_TEST(path_a_real_signal_ends_a_wait)
{
    struct puppet p;
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    ck_assert_int_eq(lockl(&taken, LOCK_SHORT), LOCK_SUCC);
    puppet_start(&p);
    tell_blocked(&p, lockl_sigret, NULL);
    ck_assert_int_eq(pthread_kill(p.actor.pthread, SIGUSR1), 0);
    ck_assert_int_eq(answer(&p), LOCK_SIG);
    ck_assert_int_eq(ask(&p, check_signals, NULL), SIGUSR1);
    unlockl(&taken);
    puppet_end(&p);
}
END_TEST

/* The thread gets it before its first call. */
static void *get_it_early(void *seen)
{
    (void)raise(SIGUSR1);
    *(int *)seen = ksl_signal_take();
    return NULL;
}

START_TEST(path_a_real_signal_from_before_the_first_call_is_kept)
{
    pthread_t thread;
    int seen = 0;
    ck_assert_int_eq(ksl_signal_attach(SIGUSR1), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, get_it_early, &seen), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(seen, SIGUSR1);
}
END_TEST

void add_paths_of_signals(void)
{
    BUG(path_a_signal_waits_for_the_release);
    BUG(path_a_signal_waits_beside_locks_of_other_families);
    BUG(path_a_signal_put_off_by_a_handler_ends_the_sleep_after_it);
    BUG(path_a_signal_put_off_by_a_handler_is_seen_by_who_goes_to_sleep);
    BUG(path_a_real_signal_ends_a_wait);
    BUG(path_a_real_signal_from_before_the_first_call_is_kept);
}
