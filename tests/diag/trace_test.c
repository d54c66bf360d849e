/* SPDX-License-Identifier: BSD-2-Clause */

/* trace=FILE: what is in a trace. */

#include "puppet.h"
#include "trace_read.h"

#include "diag/events.h"
#include "thread/thread.h"

#include <kslock/kslock.h>
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <errno.h>

static struct trace trace;
static struct puppet p;
static ksl_mutex_t trace_mutex;
static ksl_rwlock_t trace_rwlock;
static ksl_spinlock_t trace_spin;

static int take_mutex(void *m)
{
    return ksl_mutex_acquire(m);
}

static int give_mutex(void *m)
{
    ksl_mutex_release(m);
    return 0;
}

static int read_rwlock(void *l)
{
    ksl_rwlock_acquire_read(l, NULL);
    return 0;
}

static int take_spin(void *l)
{
    ksl_spinlock_acquire(l);
    ksl_spinlock_release(l);
    return 0;
}

static void begin(void)
{
    recorder_start();
    trace_on();
    /* Else it has the name of what runs the program, an emulator's perhaps. */
    ck_assert_int_eq(ksl_thread_set_name(ksl_thread_self(), "trace_test"), 0);
    puppet_start(&p);
    ck_assert_int_eq(ksl_thread_set_name(p.actor.thread, "puppet"), 0);
}

static int puppet_tid(void)
{
    return ksl_thread_id(p.actor.thread);
}

/* Ends the puppet too. */
static void read_trace(void)
{
    puppet_end(&p);
    trace_now(&trace);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}

static bool in_order(const struct json *a, const struct json *b)
{
    return slice_of(a).end <= slice_of(b).begin;
}

static bool within(const struct json *inner, const struct json *outer)
{
    return slice_of(inner).begin >= slice_of(outer).begin &&
           slice_of(inner).end <= slice_of(outer).end;
}

/* --- waits and holds ---------------------------------------------------------------- */

START_TEST(a_wait_is_a_slice_and_the_wake_up_an_arrow)
{
    begin();
    int self = ksl_thread_id(ksl_thread_self());
    int tid = puppet_tid();
    ck_assert_int_eq(ksl_mutex_acquire(&trace_mutex), 0);
    tell_blocked(&p, take_mutex, &trace_mutex);
    ksl_mutex_release(&trace_mutex);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(ask(&p, give_mutex, &trace_mutex), 0);
    read_trace();
    const struct json *sleep = trace_find(&trace, NULL, "X", tid, "sleeps: mutex ");
    const struct json *wake = trace_find(&trace, NULL, "X", self, "wakes ");
    const struct json *from = trace_find(&trace, NULL, "s", self, "wakes");
    const struct json *to = trace_find(&trace, NULL, "f", tid, "wakes");
    ck_assert(sleep != NULL && wake != NULL && from != NULL && to != NULL);
    ck_assert_str_eq(arg_text(sleep, "end"), "woken");
    ck_assert_uint_eq(arg_whole(wake, "thread"), (uint64_t)tid);
    ck_assert_uint_eq(json_whole(from, "id"), json_whole(to, "id"));
    ck_assert(within(to, sleep) && within(from, wake));
    const struct json *mine = trace_find(&trace, NULL, "X", 0, "trace_test");
    ck_assert(mine != NULL && arg_whole(mine, "thread") == (uint64_t)self);
    const struct json *its = trace_find(&trace, NULL, "X", 0, "puppet (");
    ck_assert(its != NULL && in_order(mine, its));
    ck_assert_uint_eq(json_whole(its, "tid"), json_whole(mine, "tid"));
    ck_assert_uint_eq(json_whole(its, "pid"), 4194305);
    ck_assert_str_eq(arg_text(its, "mode"), "exclusive");
    ck_assert_uint_eq(trace.lost, 0);
    trace_end(&trace);
}
END_TEST

START_TEST(spinning_is_a_slice)
{
    begin();
    int tid = puppet_tid();
    ksl_spinlock_acquire(&trace_spin);
    tell(&p, take_spin, &trace_spin);
    WAIT_UNTIL(ksi_load_acq(&p.actor.thread->spins_on) == &trace_spin);
    ksl_spinlock_release(&trace_spin);
    ck_assert_int_eq(answer(&p), 0);
    read_trace();
    const struct json *wants = trace_find(&trace, NULL, "X", tid, "wants spinlock ");
    ck_assert_ptr_nonnull(wants);
    ck_assert_str_eq(arg_text(wants, "end"), "has it");
    ck_assert_uint_eq(trace_count(&trace, "X", tid, "sleeps"), 0);
    trace_end(&trace);
}
END_TEST

START_TEST(what_goes_on_at_the_end_is_marked_open)
{
    begin();
    int tid = puppet_tid();
    ck_assert_int_eq(ksl_mutex_acquire(&trace_mutex), 0);
    tell_blocked(&p, take_mutex, &trace_mutex);
    trace_now(&trace);
    const struct json *sleep = trace_find(&trace, NULL, "X", tid, "sleeps: mutex ");
    ck_assert(sleep != NULL && strcmp(arg_text(sleep, "end"), "open") == 0);
    const struct json *hold = trace_find(&trace, NULL, "X", 0, "trace_test");
    ck_assert(hold != NULL && strcmp(arg_text(hold, "end"), "open") == 0);
    ck_assert_uint_eq(trace.flows, 0);
    trace_end(&trace);
    ksl_mutex_release(&trace_mutex);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(ask(&p, give_mutex, &trace_mutex), 0);
    read_trace();
    ck_assert_uint_eq(trace.flows, 1);
    trace_end(&trace);
}
END_TEST

START_TEST(shares_of_one_lock_have_a_row_each)
{
    static struct sx lock;
    begin();
    sx_init(&lock, "shared by all");
    sx_slock(&lock);
    ck_assert_int_eq(ask(&p, read_rwlock, &trace_rwlock), 0); /* has another one */
    ksl_rwlock_acquire_read(&trace_rwlock, NULL);
    ck_assert_int_ne(sx_try_upgrade(&lock), 0);
    sx_downgrade(&lock);
    sx_sunlock(&lock);
    ksl_rwlock_release_read(&trace_rwlock, NULL);
    /* A read-write lock may be given back by anybody. */
    ksl_rwlock_release_read(&trace_rwlock, NULL);
    read_trace();
    int row = trace_row(&trace, "sx shared by all", 0);
    ck_assert_int_ne(row, 0);
    ck_assert_int_eq(trace_row(&trace, "sx shared by all", 1), 0);
    const struct json *e = NULL;
    static const char *const modes[] = {"shared", "exclusive", "shared"};
    for (unsigned i = 0; i < 3; i++) {
        e = trace_find(&trace, e, "X", row, "trace_test");
        ck_assert_ptr_nonnull(e);
        ck_assert_str_eq(arg_text(e, "mode"), modes[i]);
    }
    ck_assert_ptr_null(trace_find(&trace, e, "X", row, ""));
    const struct json *its = trace_find(&trace, NULL, "X", 0, "puppet (");
    ck_assert_ptr_nonnull(its);
    e = NULL;
    while ((e = trace_find(&trace, e, "X", 0, "trace_test")) != NULL)
        ck_assert_uint_ne(json_whole(e, "tid"), json_whole(its, "tid"));
    ck_assert_str_eq(arg_text(its, "end"), "");
    ck_assert_uint_eq(arg_whole(its, "given back by"),
                      (uint64_t)ksl_thread_id(ksl_thread_self()));
    trace_end(&trace);
}
END_TEST

START_TEST(names_outlive_their_locks)
{
    struct sx *lock = calloc(1, sizeof *lock);
    char name[16] = "first \"one\"\n";
    begin();
    sx_init(lock, name);
    sx_xlock(lock);
    sx_xunlock(lock);
    sx_destroy(lock);
    memset(name, 'x', sizeof name - 1);
    memset(lock, 0, sizeof *lock);
    sx_init(lock, "second");
    sx_xlock(lock);
    sx_xunlock(lock);
    sx_destroy(lock);
    memset(lock, 0x5a, sizeof *lock);
    read_trace();
    free(lock);
    int first = trace_row(&trace, "sx first \"one\"?", 0);
    int second = trace_row(&trace, "sx second", 0);
    ck_assert(first != 0 && second != 0);
    const struct json *e = trace_find(&trace, NULL, "X", first, "");
    ck_assert(e != NULL && trace_find(&trace, NULL, "X", second, "") != NULL);
    ck_assert_ptr_nonnull(strstr(arg_text(e, "taken at"), "trace_test.c:"));
    trace_end(&trace);
}
END_TEST

/* Who destroys a lock that he holds does not give it back. */
START_TEST(a_hold_ends_with_its_lock)
{
    static uint64_t memory;
    begin();
    ksi_tell(
        ksl_thread_self(),
        (struct ksi_event){.type = KSI_EV_TAKEN, .kind = KSI_EVL_MUTEX, .lock = &memory});
    ksi_tell(ksl_thread_self(), (struct ksi_event){.type = KSI_EV_ENDS, .lock = &memory});
    ksi_tell(
        ksl_thread_self(),
        (struct ksi_event){.type = KSI_EV_TAKEN, .kind = KSI_EVL_MUTEX, .lock = &memory});
    read_trace();
    const struct json *e = trace_find(&trace, NULL, "X", 0, "trace_test");
    ck_assert_ptr_nonnull(e);
    ck_assert_str_eq(arg_text(e, "end"), "lock ended");
    const struct json *other = trace_find(&trace, e, "X", 0, "trace_test");
    ck_assert(other != NULL && json_whole(other, "tid") != json_whole(e, "tid"));
    trace_end(&trace);
}
END_TEST

START_TEST(recursion_is_counted)
{
    static struct sx lock;
    begin();
    sx_init_flags(&lock, "again", SX_RECURSE);
    sx_xlock(&lock);
    sx_xlock(&lock);
    sx_xlock(&lock);
    for (unsigned i = 0; i < 3; i++)
        sx_xunlock(&lock);
    read_trace();
    int row = trace_row(&trace, "sx again", 0);
    ck_assert_int_ne(row, 0);
    ck_assert_uint_eq(trace_count(&trace, "X", row, ""), 1);
    ck_assert_uint_eq(arg_whole(trace_find(&trace, NULL, "X", row, ""), "again"), 2);
    trace_end(&trace);
}
END_TEST

/* --- interrupts, stages, promotions ---------------------------------------------------
 */

static void outer(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    (void)ksl_irq_raise_on(ksl_thread_self(), 5);
}

static void inner(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ksl_spinlock_acquire(&trace_spin);
    ksl_spinlock_release(&trace_spin);
}

START_TEST(interrupts_are_nested_slices)
{
    begin();
    int self = ksl_thread_id(ksl_thread_self());
    ck_assert_int_eq(ksl_irq_request(4, KSL_STAGE_INBAND, 3, outer, NULL), 0);
    ck_assert_int_eq(ksl_irq_request(5, KSL_STAGE_INBAND, 6, inner, NULL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), 4), 0);
    read_trace();
    const struct json *a = trace_find(&trace, NULL, "X", self, "interrupt 4");
    const struct json *b = trace_find(&trace, NULL, "X", self, "interrupt 5");
    ck_assert(a != NULL && b != NULL && within(b, a));
    ck_assert_uint_eq(trace_count(&trace, "i", self, "raises interrupt"), 2);
    trace_end(&trace);
}
END_TEST

static void wake_by_interrupt(int irq, void *arg)
{
    (void)irq;
    (void)arg;
}

START_TEST(an_interrupt_in_a_wait_lies_in_its_slice)
{
    begin();
    int tid = puppet_tid();
    ck_assert_int_eq(ksl_irq_request(4, KSL_STAGE_INBAND, 3, wake_by_interrupt, NULL), 0);
    ck_assert_int_eq(ksl_mutex_acquire(&trace_mutex), 0);
    tell_blocked(&p, take_mutex, &trace_mutex);
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, 4), 0);
    WAIT_UNTIL(ksi_load(&p.actor.thread->pending) == 0);
    ck_assert_int_eq(ksl_irq_free(4), 0); /* its handler has returned */
    ksl_mutex_release(&trace_mutex);
    ck_assert_int_eq(answer(&p), 0);
    ck_assert_int_eq(ask(&p, give_mutex, &trace_mutex), 0);
    read_trace();
    const struct json *sleep = trace_find(&trace, NULL, "X", tid, "sleeps: mutex ");
    const struct json *irq = trace_find(&trace, NULL, "X", tid, "interrupt 4");
    ck_assert(sleep != NULL && irq != NULL && within(irq, sleep));
    trace_end(&trace);
}
END_TEST

START_TEST(stages_and_promotions_are_instants)
{
    begin();
    int self = ksl_thread_id(ksl_thread_self());
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    ksi_tell_about(ksl_thread_self(), KSI_EV_LENT, 4711, 42);
    read_trace();
    const struct json *e = trace_find(&trace, NULL, "i", self, "goes out-of-band");
    ck_assert(e != NULL && trace_find(&trace, e, "i", self, "goes in-band") != NULL);
    e = trace_find(&trace, NULL, "i", self, "promotes 4711");
    ck_assert_ptr_nonnull(e);
    ck_assert_uint_eq(arg_whole(e, "priority"), 42);
    trace_end(&trace);
}
END_TEST

/* --- the switch --------------------------------------------------------------------- */

START_TEST(wrong_words)
{
    static const char *const wrong[] = {"trace", "trace=", "trace=no-such-folder/x",
                                        "graph", "graph="};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(ksl_diag_enable(wrong[i]) == -EINVAL, "%s", wrong[i]);
        ck_assert_uint_eq(LOAD(&ksi_diag), 0);
    }
    static const char *const numbers[] = {"0", "x", "-1", "16777217", "1x", ""};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        setenv("KSLOCK_TRACE_EVENTS", numbers[i], 1);
        ck_assert_int_eq(ksl_diag_enable("trace=never-made"), -EINVAL);
    }
    ck_assert_int_ne(access("never-made", F_OK), 0);
    ck_assert_int_eq(ksl_diag_trace(STDERR_FILENO), -EINVAL);
}
END_TEST

START_TEST(errors_of_the_file_are_told)
{
    trace_on();
    errno = 77;
    ck_assert_int_eq(ksl_diag_trace(-1), -EBADF);
    int full = open("/dev/full", O_WRONLY);
    if (full >= 0) {
        errno = 77;
        ck_assert_int_eq(ksl_diag_trace(full), -ENOSPC);
        ck_assert_int_eq(errno, 77);
        close(full);
    }
}
END_TEST

int main(void)
{
    unsetenv("KSLOCK");
    Suite *s = suite_create("diag/trace");
    TCase *c = tcase_create("trace");
    tcase_add_test(c, a_wait_is_a_slice_and_the_wake_up_an_arrow);
    tcase_add_test(c, spinning_is_a_slice);
    tcase_add_test(c, what_goes_on_at_the_end_is_marked_open);
    tcase_add_test(c, shares_of_one_lock_have_a_row_each);
    tcase_add_test(c, names_outlive_their_locks);
    tcase_add_test(c, a_hold_ends_with_its_lock);
    tcase_add_test(c, recursion_is_counted);
    tcase_add_test(c, interrupts_are_nested_slices);
    tcase_add_test(c, an_interrupt_in_a_wait_lies_in_its_slice);
    tcase_add_test(c, stages_and_promotions_are_instants);
    tcase_add_test(c, wrong_words);
    tcase_add_test(c, errors_of_the_file_are_told);
    suite_add_tcase(s, c);
    return support_run(s);
}
