/* SPDX-License-Identifier: BSD-2-Clause */

/* Faults of earlier versions: raising, timers, threads that come and go. */

#include "sanitized.h"
#include "support.h"

#include <kslock/irq.h>
#include <kslock/thread.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <urcu/config.h>

enum { IRQ = 3, REFERENCE = 4, MS = 1000000 };

#if SANITIZED
enum { RAISES = 500 };
#else
enum { RAISES = 20000 };
#endif

static int hits, ticks; /* atomic */

static void hit(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&hits, 1);
}

static void tick(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&ticks, 1);
}

static int opened, quit; /* atomic */

/* Real signals blocked: interrupts run where the mask is lifted. */
static void unmask_with_signals_blocked(void *arg)
{
    sigset_t all, old;
    (void)arg;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    uint64_t state = 0;
    while (!LOAD(&opened) && support_keep_waiting(&state))
        ksl_irq_restore(ksl_irq_save());
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    while (!LOAD(&quit) && support_keep_waiting(&state))
        ;
}

static void raise_many(struct actor *a, int n)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    actor_start(a, unmask_with_signals_blocked, NULL);
    for (int i = 0; i < n; i++) {
        int before = LOAD(&hits);
        ck_assert_int_eq(ksl_irq_raise_on(a->thread, IRQ), 0);
        WAIT_UNTIL(LOAD(&hits) > before);
    }
}

static void end_raises(struct actor *a)
{
    STORE(&opened, 1);
    STORE(&quit, 1);
    actor_join(a);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}

START_TEST(a_full_queue_of_real_signals_stops_no_raise)
{
    struct actor a;
    struct rlimit few = {50, 50};
    ck_assert_int_eq(setrlimit(RLIMIT_SIGPENDING, &few), 0);
    raise_many(&a, 300);
    end_raises(&a);
}
END_TEST

/* However many were raised, they do not nest on the stack when they arrive. */
START_TEST(blocked_real_signals_do_not_pile_up)
{
    struct actor a;
    raise_many(&a, RAISES);
    end_raises(&a);
}
END_TEST

static pthread_key_t key;
static ksl_thread *late; /* atomic */

static void first_call_at_exit(void *arg)
{
    (void)arg;
    STORE(&late, ksl_thread_self());
}

static void *set_key(void *arg)
{
    pthread_setspecific(key, arg);
    return NULL;
}

START_TEST(a_thread_registered_in_a_tls_destructor_leaves)
{
    pthread_t p;
    (void)ksl_thread_self(); /* our own key comes before */
    ck_assert_int_eq(pthread_key_create(&key, first_call_at_exit), 0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    ck_assert_int_eq(pthread_create(&p, NULL, set_key, &late), 0);
    pthread_join(p, NULL);
    ck_assert_ptr_nonnull(late);
    WAIT_UNTIL(ksl_irq_raise_on(late, IRQ) == -ESRCH); /* join is a little earlier */
    for (int i = 1; i <= 50; i++) {
        ck_assert_int_eq(ksl_irq_raise(IRQ), 0);
        WAIT_UNTIL(LOAD(&hits) == i);
    }
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* A period beyond all dates: one interrupt while the reference ticks on. */
START_TEST(an_endless_period_fires_once)
{
    static const uint64_t periods[] = {UINT64_MAX, UINT64_MAX - MS};
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(REFERENCE, KSL_STAGE_INBAND, 5, tick, NULL), 0);
    ck_assert_int_eq(ksl_irq_timer(IRQ, MS, periods[_i]), 0);
    WAIT_UNTIL(LOAD(&hits) >= 1);
    ck_assert_int_eq(ksl_irq_timer(REFERENCE, MS, MS), 0);
    WAIT_UNTIL(LOAD(&ticks) >= 10);
    ck_assert_int_eq(LOAD(&hits), 1);
    ck_assert_int_eq(ksl_irq_free(REFERENCE), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

static int in_handler, let_go; /* atomic */

static void slow(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    uint64_t state = 0;
    STORE(&in_handler, 1);
    while (!LOAD(&let_go) && support_keep_waiting(&state))
        ;
}

static void raise_on_self(void *arg)
{
    (void)arg;
    (void)ksl_irq_raise_on(ksl_thread_self(), IRQ);
}

static int freeing; /* atomic */

static void *free_it(void *arg)
{
    (void)arg;
    (void)ksl_thread_self();
    STORE(&freeing, 1);
    (void)ksl_irq_free(IRQ);
    return NULL;
}

START_TEST(a_cancelled_free_leaves_no_slot_behind)
{
    struct actor a;
    pthread_t p;
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, slow, NULL), 0);
    actor_start(&a, raise_on_self, NULL);
    WAIT_UNTIL(LOAD(&in_handler));
    ck_assert_int_eq(pthread_create(&p, NULL, free_it, NULL), 0);
    WAIT_UNTIL(LOAD(&freeing));
    unsigned state = ksl_irq_save(); /* not here, where it would never end */
    WAIT_UNTIL(ksl_irq_raise_on(ksl_thread_self(), IRQ) == -ENOENT); /* free has begun */
    ksl_irq_restore(state);
    ck_assert_int_eq(pthread_cancel(p), 0);
    for (int i = 0; i < 2000; i++)
        sched_yield(); /* it comes to its nap, where it could be cancelled */
    STORE(&let_go, 1);
    pthread_join(p, NULL);
    actor_join(&a);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* Blocks all real signals and does nothing else, as a thread in sigwait does. */
static void be_deaf(void *arg)
{
    sigset_t all;
    (void)arg;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    STORE(&opened, 1);
    uint64_t state = 0;
    while (!LOAD(&quit) && support_keep_waiting(&state))
        ;
}

/* It may be asked once; the interrupt must not wait for it for ever. */
START_TEST(a_deaf_thread_does_not_keep_undirected_interrupts)
{
    enum { DEAF = 4, RAISED = 50 };
    struct actor a[DEAF];
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    for (int i = 0; i < DEAF; i++) {
        STORE(&opened, 0);
        actor_start(&a[i], be_deaf, NULL);
        WAIT_UNTIL(LOAD(&opened));
    }
    for (int i = 0; i < RAISED; i++) {
        int before = LOAD(&hits);
        WAIT_UNTIL((ksl_irq_raise(IRQ), LOAD(&hits) > before));
    }
    STORE(&quit, 1);
    for (int i = 0; i < DEAF; i++)
        actor_join(&a[i]);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/* All masked: who opens takes it; again and again, with the marks of before. */
START_TEST(an_announced_interrupt_is_taken_by_who_opens)
{
    enum { ROUNDS = 2000 };
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    STORE(&hits, 0);
    for (int i = 1; i <= ROUNDS; i++) {
        unsigned state = ksl_irq_save();
        ck_assert_int_eq(ksl_irq_raise(IRQ), 0);
        ck_assert_int_eq(LOAD(&hits), i - 1);
        ksl_irq_restore(state);
        ck_assert_int_eq(LOAD(&hits), i);
    }
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

/*
 * liburcu forgets a thread in a destructor, with a lock held at which a handler would
 * wait for ever if it made it known again. So nothing of ours does that.
 */
#if defined(CONFIG_RCU_TLS)
extern __thread struct urcu_bp_reader *urcu_bp_reader;

static pthread_key_t late_key;
static int known_before, known_late, ran_late; /* atomic */

static void look_late(void *arg)
{
    int before = LOAD(&hits);
    (void)arg;
    STORE(&known_late, urcu_bp_reader != NULL);
    if (ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0 && ksl_irq_raise(IRQ) == 0)
        STORE(&ran_late, LOAD(&hits) - before);
    ADD(&known_late, urcu_bp_reader != NULL);
}

static void look_early(void *arg)
{
    pthread_setspecific(late_key, arg);
    STORE(&known_before, urcu_bp_reader != NULL);
}

START_TEST(destructors_do_not_make_a_thread_known_again)
{
    struct actor a;
    int local;
    unsigned state = ksl_irq_save(); /* what is for any thread is for that one */
    ck_assert_int_eq(pthread_key_create(&late_key, look_late), 0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, hit, NULL), 0);
    actor_start(&a, look_early, &local);
    actor_join(&a);
    ck_assert_int_eq(LOAD(&known_before), 1);
    ck_assert_int_eq(LOAD(&known_late), 0);
    ck_assert_int_ge(LOAD(&ran_late), 1);
    ksl_irq_restore(state);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST
#endif

int main(void)
{
    Suite *s = suite_create("regress_irq");
    TCase *tc = tcase_create("irq");
    tcase_add_test(tc, a_full_queue_of_real_signals_stops_no_raise);
    tcase_add_test(tc, blocked_real_signals_do_not_pile_up);
    tcase_add_test(tc, a_thread_registered_in_a_tls_destructor_leaves);
    tcase_add_loop_test(tc, an_endless_period_fires_once, 0, 2);
    tcase_add_test(tc, a_cancelled_free_leaves_no_slot_behind);
    tcase_add_test(tc, a_deaf_thread_does_not_keep_undirected_interrupts);
    tcase_add_test(tc, an_announced_interrupt_is_taken_by_who_opens);
#if defined(CONFIG_RCU_TLS)
    tcase_add_test(tc, destructors_do_not_make_a_thread_known_again);
#endif
    suite_add_tcase(s, tc);
    return support_run(s);
}
