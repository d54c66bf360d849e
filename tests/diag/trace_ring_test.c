/* SPDX-License-Identifier: BSD-2-Clause */

/* trace=FILE: rings that are too small, given to others, read while they are written. */

#include "trace_read.h"

#include "diag/trace_inside.h"

#include <kslock/kslock.h>

static struct trace trace;
static ksl_mutex_t outer;
static ksl_mutex_t inner;

enum { SMALL = 64 };

static void small_rings(void)
{
    setenv("KSLOCK_TRACE_EVENTS", "33", 1); /* rounded up */
    trace_on();
}

static void pairs(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        (void)ksl_mutex_acquire(&inner);
        ksl_mutex_release(&inner);
    }
}

static uint64_t told(void)
{
    const struct ksi_ring *r = ksl_thread_self()->trace;
    return r != NULL ? ksi_load(&r->done) : 0;
}

START_TEST(what_is_overwritten_is_counted)
{
    small_rings();
    pairs(4);
    ck_assert_uint_le(told(), SMALL);
    trace_now(&trace);
    ck_assert_uint_eq(trace.lost, 0);
    ck_assert_uint_eq(trace_count(&trace, "i", 0, ""), 0);
    ck_assert_uint_eq(trace.slices, 4);
    trace_end(&trace);
    pairs(500);
    trace_now(&trace);
    ck_assert_uint_eq(trace.lost, told() - SMALL);
    const struct json *e = trace_find(&trace, NULL, "i", 0, "");
    ck_assert_ptr_nonnull(e);
    ck_assert_ptr_nonnull(strstr(json_text(e, "name"), "earlier events"));
    ck_assert_uint_eq(arg_whole(e, "lost"), trace.lost);
    ck_assert_uint_gt(trace.slices, 10);
    ck_assert_uint_lt(trace.slices, SMALL / 2);
    trace_end(&trace);
}
END_TEST

/* Locks are counted that have no name, not what happens to them. */
START_TEST(locks_without_a_name_are_counted)
{
    enum { MANY = 1 << 20 };
    struct ksi_event e = {.type = KSI_EV_BEGINS, .kind = KSI_MUTEX, .lock = &outer};
    uint32_t names = 0;
    trace_on();
    while (names < MANY && ksi_trace_name_of(&e) != 0)
        names++; /* each time another lock */
    ck_assert_uint_eq(ksi_trace_unnamed(), 1);
    e.type = KSI_EV_TAKEN;
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(ksi_trace_name_of(&e), 0);
    ck_assert_uint_eq(ksi_trace_unnamed(), 1);
    e.lock = &inner;
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(ksi_trace_name_of(&e), 0);
    ck_assert_uint_eq(ksi_trace_unnamed(), 2);
    e.type = KSI_EV_ENDS;
    (void)ksi_trace_name_of(&e);
    ck_assert_uint_eq(ksi_trace_unnamed(), 2);
    e.type = KSI_EV_TAKEN;
    (void)ksi_trace_name_of(&e);
    ck_assert_uint_eq(ksi_trace_unnamed(), 3);
    e.type = KSI_EV_BEGINS;
    (void)ksi_trace_name_of(&e);
    ck_assert_uint_eq(ksi_trace_unnamed(), 4);
}
END_TEST

/* Its beginning is lost, so there is no slice for it, and nobody else's is cut short. */
START_TEST(a_slice_without_beginning_is_not_written)
{
    small_rings();
    (void)ksl_mutex_acquire(&outer);
    pairs(100);
    ksl_mutex_release(&outer);
    (void)ksl_mutex_acquire(&outer);
    ksl_mutex_release(&outer);
    trace_now(&trace);
    char lock[32];
    unsigned of_outer = 0;
    snprintf(lock, sizeof lock, "%p", (void *)&outer);
    const struct json *e = NULL;
    while ((e = trace_find(&trace, e, "X", 0, "")) != NULL)
        of_outer += strcmp(arg_text(e, "lock"), lock) == 0;
    ck_assert_uint_eq(of_outer, 1);
    trace_end(&trace);
}
END_TEST

START_TEST(a_sleep_without_beginning_is_not_written)
{
    small_rings();
    ksl_thread *self = ksl_thread_self();
    ksi_tell(self, (struct ksi_event){.type = KSI_EV_SLEEPS, .lock = &outer});
    pairs(100);
    ksi_tell(self, (struct ksi_event){
                       .type = KSI_EV_RESUMES, .lock = &outer, .arg = KSI_WOKEN});
    ksi_tell(self, (struct ksi_event){.type = KSI_EV_RAN, .arg = 3});
    pairs(1);
    trace_now(&trace);
    ck_assert_uint_eq(trace_count(&trace, "X", 0, "sleeps"), 0);
    ck_assert_uint_eq(trace_count(&trace, "X", 0, "interrupt"), 0);
    trace_end(&trace);
}
END_TEST

/* What the thread of the ring has begun to write over has not been read whole. */
START_TEST(an_entry_is_whole_or_refused)
{
    struct ksi_ring *r = calloc(1, sizeof *r + SMALL * sizeof r->entry[0]);
    struct ksi_event e;
    uint32_t name;
    ck_assert_ptr_nonnull(r);
    r->mask = SMALL - 1;
    r->begun = SMALL + 5;
    r->done = SMALL + 4;
    ck_assert(!ksi_trace_read(r, 4, &e, &name));
    ck_assert(ksi_trace_read(r, 5, &e, &name));
    ck_assert(ksi_trace_read(r, SMALL + 3, &e, &name));
    free(r);
}
END_TEST

static void a_few(void *arg)
{
    (void)arg;
    pairs(3);
}

static void *short_life(void *tid)
{
    pairs(3);
    *(int *)tid = ksl_thread_id(ksl_thread_self());
    return NULL;
}

/* The threads that exited first lose their rings. */
START_TEST(rings_of_exited_threads_are_bounded)
{
    enum { MORE = 16 };
    int tid = 0;
    small_rings();
    pairs(1);
    for (unsigned i = 0; i < KSI_TRACE_RINGS + MORE; i++) {
        pthread_t thread;
        ck_assert_int_eq(pthread_create(&thread, NULL, short_life, &tid), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
    }
    trace_now(&trace);
    ck_assert_uint_eq(trace_count(&trace, "M", 0, "thread_name"),
                      KSI_TRACE_RINGS + 1u); /* and the row of the mutex */
    /* One ring is of this thread. */
    ck_assert_uint_ge(trace.lost, (MORE + 1) * 6);
    ck_assert_uint_le(trace.lost, (MORE + 1) * 16);
    ck_assert_uint_eq(trace.slices, 1 + (KSI_TRACE_RINGS - 1u) * 3);
    bool last = false;
    const struct json *e = NULL;
    while ((e = trace_find(&trace, e, "M", 0, "thread_name")) != NULL)
        last |= json_whole(e, "tid") == (uint64_t)tid;
    ck_assert(last);
    trace_end(&trace);
}
END_TEST

START_TEST(an_exited_thread_keeps_its_name)
{
    struct actor a;
    trace_on();
    actor_start(&a, a_few, NULL);
    ck_assert_int_eq(ksl_thread_set_name(a.thread, "short-lived"), 0);
    int tid = ksl_thread_id(a.thread);
    actor_join(&a);
    trace_now(&trace);
    const struct json *e = trace_find(&trace, NULL, "M", tid, "thread_name");
    ck_assert_ptr_nonnull(e);
    trace_end(&trace);
}
END_TEST

static int stop;

static void hammer(void *arg)
{
    ksl_mutex_t *m = arg;
    while (!LOAD(&stop)) {
        (void)ksl_mutex_acquire(m);
        (void)ksl_mutex_acquire(&inner);
        ksl_mutex_release(&inner);
        ksl_mutex_release(m);
    }
}

/* Everything that holds for a trace holds for one whose rings turn meanwhile. */
START_TEST(read_while_it_is_written)
{
    enum { THREADS = 3, LOOKS = 10 };
    static struct actor actors[THREADS];
    static ksl_mutex_t own[THREADS];
    small_rings();
    for (unsigned i = 0; i < THREADS; i++)
        actor_start(&actors[i], hammer, &own[i]);
    for (unsigned i = 0; i < LOOKS; i++) {
        trace_now(&trace);
        trace_end(&trace);
    }
    STORE(&stop, 1);
    for (unsigned i = 0; i < THREADS; i++)
        actor_join(&actors[i]);
    trace_now(&trace);
    ck_assert_uint_gt(trace.slices, 0);
    trace_end(&trace);
}
END_TEST

int main(void)
{
    unsetenv("KSLOCK");
    Suite *s = suite_create("diag/trace_ring");
    TCase *c = tcase_create("trace_ring");
    tcase_add_test(c, what_is_overwritten_is_counted);
    tcase_add_test(c, locks_without_a_name_are_counted);
    tcase_add_test(c, a_slice_without_beginning_is_not_written);
    tcase_add_test(c, a_sleep_without_beginning_is_not_written);
    tcase_add_test(c, an_entry_is_whole_or_refused);
    tcase_add_test(c, rings_of_exited_threads_are_bounded);
    tcase_add_test(c, an_exited_thread_keeps_its_name);
    tcase_add_test(c, read_while_it_is_written);
    suite_add_tcase(s, c);
    return support_run(s);
}
