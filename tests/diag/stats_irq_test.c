/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: exact counts of scenes with interrupts, in which each step is known. */

#include "stats_calls.h"

#include "platform/testing.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static void handler(int irq, void *arg)
{
    (void)irq;
    pass(*(const uint64_t *)arg);
}

START_TEST(interrupts_are_counted)
{
    static const uint64_t takes = 50;
    struct ksi_stats_view v;
    on_with_clock();
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_irq_request(9, KSL_STAGE_OOB, 4, handler, (void *)&takes), 0);
    ck_assert_int_eq(ksl_irq_raise_on(self, 9), 0); /* runs at once */
    ksl_spinlock_acquire(&spinlock);
    ck_assert_int_eq(ksl_irq_raise_on(self, 9), 0);
    pass(600);
    ck_assert_int_eq(ksl_irq_raise_on(self, 9), 0); /* a repeat is none */
    pass(200);
    ksl_spinlock_release(&spinlock);
    (void)ksl_irq_save();
    ksl_spinlock_acquire(&spinlock); /* does not raise the level from 0 */
    pass(5000);
    ksl_spinlock_release(&spinlock);
    ksl_irq_restore(0);
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_eq(v.irq[9].raised, 3);
    ck_assert_uint_eq(v.irq[9].run, 2);
    ck_assert_uint_eq(v.irq[9].put_off, 1);
    ck_assert_uint_eq(v.irq[9].put_off_max, 800);
    ck_assert_uint_eq(v.irq[9].run_total, 100);
    ck_assert_uint_eq(v.irq[9].run_max, 50);
    COUNTED(v.total, MASKED_MAX, 800);
    COUNTED(v.total, HOLD_MAX, 5000);
    ck_assert_uint_eq(v.lines, 1);
    ck_assert_uint_eq(v.line[0].own[KSI_STATS_RUN], 2);
    ck_assert_uint_eq(v.line[0].own[KSI_STATS_PUT_OFF], 1);
    ck_assert_uint_eq(v.line[0].own[KSI_STATS_PUT_OFF_MAX], 800);
    ksi_stats_view_end(&v);
    ck_assert_int_eq(ksl_irq_free(9), 0);
}
END_TEST

/* The thread's own attempt goes on after that of a handler. */
static void lock_in_handler(int irq, void *arg)
{
    (void)irq;
    ksl_spinlock_acquire(arg);
    ksl_spinlock_release(arg);
}

START_TEST(a_handler_in_a_wait_is_apart)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    ck_assert_int_eq(ksl_irq_request(8, KSL_STAGE_OOB, 4, lock_in_handler, &spinlock), 0);
    (void)ksl_mutex_acquire(&mutex);
    tell_blocked(&p, take_mutex, &mutex);
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, 8), 0);
    WAIT_UNTIL(stats_of(&spinlock).c[KSI_STAT_HELD] == 1);
    pass(300);
    ksl_mutex_release(&mutex);
    (void)answer(&p);
    (void)ask(&p, give_mutex, &mutex);
    struct ksi_stats_sum s = stats_of(&mutex);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, WAIT, 300);
    COUNTED(s, GAVE_UP, 0);
    COUNTED(stats_of(&spinlock), CONTENDED, 0);
    puppet_end(&p);
    ck_assert_int_eq(ksl_irq_free(8), 0);
}
END_TEST

/*
 * A report reads the lines of exited threads when an interrupt comes and is put off, on a
 * thread whose counters are still those of one that ended without a word: the sink that
 * is told of it wants those lines, too.
 */

static ksl_thread *reporter;
static int at_lines; /* atomic: 1 the report has the lock, 2 the interrupt is put off */
static int put_off;  /* atomic: handlers run */

static void at_point(const char *where)
{
    struct timespec step = {0, 100000};
    if (ksl_tls.self != reporter || strcmp(where, "stats: past") != 0 ||
        LOAD(&at_lines) != 0)
        return;
    STORE(&at_lines, 1);
    while (LOAD(&at_lines) != 2 || LOAD(&reporter->kicked) != 0)
        nanosleep(&step, NULL); /* the dispatcher comes here */
}

static void count_put_off(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&put_off, 1);
}

static void raise_on_reporter(void *unused)
{
    (void)unused;
    while (LOAD(&at_lines) != 1)
        ksi_yield();
    (void)ksl_irq_raise_on(reporter, 9);
    STORE(&at_lines, 2);
}

START_TEST(an_interrupt_comes_while_exited_threads_are_read)
{
    struct actor raiser;
    on_with_clock();
    ck_assert_int_eq(ksl_irq_request(9, KSL_STAGE_INBAND, 3, count_put_off, NULL), 0);
    (void)ksl_mutex_acquire(&mutex);
    ksl_mutex_release(&mutex);
    reporter = ksl_thread_self();
    struct ksi_stats_block *b = reporter->stats;
    ck_assert_ptr_nonnull(b);
    ksi_store(&b->tid, ksi_load(&b->tid) + 1);
    actor_start(&raiser, raise_on_reporter, NULL);
    STORE(&ksi_point_hook, at_point);
    COUNTED(stats_of(&mutex), TAKEN, 1);
    STORE(&ksi_point_hook, NULL);
    actor_join(&raiser);
    ck_assert_int_eq(LOAD(&at_lines), 2);
    ck_assert_int_eq(LOAD(&put_off), 1);
    ck_assert_int_eq(ksl_irq_free(9), 0);
}
END_TEST

/*
 * A report looks up the class of a lock when an interrupt comes; a handler that takes
 * locks with `order` on does so, too.
 */

static unsigned looks;  /* interrupts raised in the middle of one */
static unsigned inside; /* handlers that would wait for their own thread */

static void interrupt_look(const char *where)
{
    if (ksl_tls.self == reporter && strcmp(where, "classes: look") == 0) {
        looks++;
        (void)ksl_irq_raise_on(reporter, 9);
    }
}

static void nest_in_handler(int irq, void *arg)
{
    static ksl_spinlock_t inner;
    (void)irq;
    if (ksi_raw_held != 0) {
        inside++;
        return;
    }
    ksl_spinlock_acquire(arg);
    ksl_spinlock_acquire(&inner);
    ksl_spinlock_release(&inner);
    ksl_spinlock_release(arg);
}

START_TEST(an_interrupt_comes_while_the_class_of_a_lock_is_looked_up)
{
    static const int formats[] = {KSL_STATS_TEXT, KSL_STATS_JSON};
    void *lock = (void *)(uintptr_t)&simple;
    int fd = open("/dev/null", O_WRONLY);
    on_with_clock();
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    ck_assert_int_eq(
        ksl_irq_request(9, KSL_STAGE_INBAND, 3, nest_in_handler, (void *)&spinlock), 0);
    take_simple(lock);
    give_simple(lock);
    ksl_diag_level(lock, 1);
    reporter = ksl_thread_self();
    STORE(&ksi_point_hook, interrupt_look);
    for (unsigned i = 0; i < 2; i++)
        ck_assert_int_eq(ksl_diag_stats(fd, formats[i]), 0);
    STORE(&ksi_point_hook, NULL);
    ck_assert_uint_ge(looks, 3);
    ck_assert_uint_eq(inside, 0);
    ck_assert_int_eq(ksl_irq_free(9), 0);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stats interrupts");
    TCase *tc = tcase_create("scenes");
    tcase_add_test(tc, interrupts_are_counted);
    tcase_add_test(tc, a_handler_in_a_wait_is_apart);
    tcase_add_test(tc, an_interrupt_comes_while_exited_threads_are_read);
    tcase_add_test(tc, an_interrupt_comes_while_the_class_of_a_lock_is_looked_up);
    suite_add_tcase(s, tc);
    return support_run(s);
}
