/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AIX headers: sizes, values, static initialisers; and a program with functions and a
 * variable of the same names (aix_header_other.c), trap 20.
 */
#define _GNU_SOURCE /* for the LOCK_READ and LOCK_WRITE of <fcntl.h> */

#include <fcntl.h>

#include "aix_test.h"

_Static_assert(sizeof(lock_t) <= 8, "lock_t");
_Static_assert(sizeof(Simple_lock) <= 16 && sizeof(simple_lock_data) <= 16, "simple");
_Static_assert(sizeof(Complex_lock) <= 32 && sizeof(complex_lock_data) <= 32, "complex");
_Static_assert(sizeof(simple_lock_t) == sizeof(void *), "a pointer");
_Static_assert(sizeof(complex_lock_t) == sizeof(void *), "a pointer");
_Static_assert(sizeof(drw_lock_t) == sizeof(void *), "a pointer");

_Static_assert(LOCK_SHORT == 0, "the default flag");
_Static_assert(LOCK_NDELAY != 0 && LOCK_SIGRET != 0 && LOCK_SIGWAKE != 0, "flags");
_Static_assert((LOCK_NDELAY & LOCK_SIGRET) == 0 && (LOCK_NDELAY & LOCK_SIGWAKE) == 0 &&
                   (LOCK_SIGRET & LOCK_SIGWAKE) == 0,
               "flags");
_Static_assert(LOCK_SUCC != LOCK_NEST && LOCK_SUCC != LOCK_FAIL && LOCK_SUCC != LOCK_SIG,
               "results");
_Static_assert(LOCK_NEST != LOCK_FAIL && LOCK_NEST != LOCK_SIG && LOCK_FAIL != LOCK_SIG,
               "results");

_Static_assert(INTMAX == 0 && INTTIMER == 1 && INTBASE == 11, "priorities");
_Static_assert(INTCLASS0 == 3 && INTCLASS1 == 4 && INTCLASS2 == 5 && INTCLASS3 == 6,
               "priorities");
_Static_assert(PL_IMP == INTCLASS2, "priorities");

_Static_assert(LOCK_READ == 64 && LOCK_WRITE == 128, "as in <fcntl.h>");
_Static_assert((LOCK_HANDLER & LOCK_SIMPLE) == 0 && (LOCK_HANDLER & LOCK_READ) == 0 &&
                   (LOCK_HANDLER & LOCK_WRITE) == 0 && (LOCK_SIMPLE & LOCK_READ) == 0 &&
                   (LOCK_SIMPLE & LOCK_WRITE) == 0,
               "distinct bits");
_Static_assert((INTERRUPTIBLE & (LOCK_HANDLER | LOCK_SIMPLE | LOCK_READ | LOCK_WRITE)) ==
                   0,
               "a bit of its own");
_Static_assert(LOCK_HANDLER != 0 && LOCK_SIMPLE != 0 && INTERRUPTIBLE != 0, "bits");
_Static_assert(THREAD_OTHER > THREAD_AWAKENED && THREAD_OTHER > THREAD_INTERRUPTED &&
                   THREAD_OTHER > THREAD_TIMED_OUT,
               "results of the program's own");
_Static_assert(THREAD_AWAKENED != THREAD_INTERRUPTED &&
                   THREAD_AWAKENED != THREAD_TIMED_OUT &&
                   THREAD_INTERRUPTED != THREAD_TIMED_OUT,
               "results");
_Static_assert(EVENT_SHORT == 0 && (EVENT_SIGRET & EVENT_SIGWAKE) == 0, "flags");
_Static_assert(EVENT_SIGRET != 0 && EVENT_SIGWAKE != 0 && EVENT_SUCC != EVENT_SIG,
               "flags and results");
_Static_assert(LOCK_ALLOC_PIN != LOCK_ALLOC_PAGED, "flags");
_Static_assert(TRUE == 1 && FALSE == 0, "boolean_t");

/* The other file's. */
int aix_other_calls(void);
int aix_other_check(void);

static lock_t static_word = LOCK_AVAIL;
static tid_t static_event = EVENT_NULL;
static struct {
    int other;
    lock_t words[2];
    tid_t event;
} inside = {1, {LOCK_AVAIL, LOCK_AVAIL}, EVENT_NULL};
static lock_t zero_word;
static Simple_lock zero_simple;
static Complex_lock zero_complex;

START_TEST(aix_1_0_static_initialisers)
{
    lock_t automatic = LOCK_AVAIL;
    lock_t *words[] = {&static_word, &inside.words[0], &inside.words[1], &automatic,
                       &zero_word};
    recorder_start();
    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(lockl(words[i], LOCK_NDELAY), LOCK_SUCC);
        ck_assert_int_eq(lockl(words[i], 0), LOCK_NEST);
        unlockl(words[i]);
        ck_assert(*words[i] == LOCK_AVAIL);
    }
    ck_assert(static_event == EVENT_NULL && inside.event == EVENT_NULL);
    ck_assert_int_eq(inside.other, 1);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_zero_filled_locks_are_free)
{
    struct puppet p;
    puppet_start(&p);
    recorder_start();
    simple_lock(&zero_simple);
    tell_blocked(&p, do_simple_lock, &zero_simple);
    simple_unlock(&zero_simple);
    (void)answer(&p);
    (void)ask(&p, do_simple_unlock, &zero_simple);
    lock_write(&zero_complex);
    tell_blocked(&p, do_lock_read, &zero_complex);
    lock_done(&zero_complex);
    (void)answer(&p);
    (void)ask(&p, do_lock_done, &zero_complex);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    puppet_end(&p);
}
END_TEST

/* Each service is a function, whose address may be taken. */
START_TEST(aix_services_are_functions)
{
    static int (*const take)(lock_t *, int) = lockl;
    static void (*const give)(lock_t *) = unlockl;
    void (*simple[])(simple_lock_t) = {simple_lock_init, simple_lock, simple_unlock};
    boolean_t (*tries[])(complex_lock_t) = {lock_try_write, lock_read_to_write};
    int (*disable)(int, simple_lock_t) = disable_lock;
    void (*enable)(int, simple_lock_t) = unlock_enable;
    boolean_t (*mine)(void *) = lock_mine;
    Simple_lock l;
    Complex_lock c;
    lock_t word = LOCK_AVAIL;
    recorder_start();
    ck_assert_int_eq(take(&word, LOCK_SHORT), LOCK_SUCC);
    give(&word);
    for (int i = 0; i < 3; i++)
        simple[i](&l);
    enable(disable(INTMAX, &l), &l);
    ck_assert_int_eq(mine(&l), FALSE);
    (lock_init)(&c, TRUE);
    ck_assert_int_eq(tries[0](&c), TRUE);
    (lock_write_to_read)(&c);
    ck_assert_int_eq(tries[1](&c), FALSE);
    (lock_done)(&c);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_trap_20_a_program_with_functions_of_these_names)
{
    recorder_start();
    int calls = aix_other_check();
    ck_assert_int_gt(calls, 40);
    Simple_lock l;
    simple_lock_init(&l);
    lock_alloc(&l, LOCK_ALLOC_PIN, 1, -1);
    int old = disable_lock(INTMAX, &l);
    unlock_enable(old, &l);
    simple_lock(&l);
    simple_unlock(&l);
    lock_free(&l);
    ck_assert_int_eq(lockl(&kernel_lock, LOCK_SHORT), LOCK_SUCC);
    unlockl(&kernel_lock);
    e_wakeup(&static_event);
    label_t context;
    int value = setjmpx(&context);
    if (value == 0)
        (void)longjmpx(3);
    ck_assert_int_eq(value, 3);
    /* None of that was a call of the program's own. */
    ck_assert_int_eq(aix_other_calls(), calls);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_an_unknown_flag_of_lockl)
{
    lock_t word = LOCK_AVAIL;
    recorder_start();
    ck_assert_int_eq(lockl(&word, 0x4000), LOCK_FAIL);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_eq(recorder_last().severity, KSL_PANIC);
    ck_assert(word == LOCK_AVAIL);
    recorder_start();
    ck_assert_int_eq(lockl(&word, LOCK_SHORT), LOCK_SUCC);
    unlockl(&word);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix headers");
    TCase *tc = tcase_create("headers");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, aix_1_0_static_initialisers);
    tcase_add_test(tc, aix_zero_filled_locks_are_free);
    tcase_add_test(tc, aix_services_are_functions);
    tcase_add_test(tc, aix_trap_20_a_program_with_functions_of_these_names);
    tcase_add_test(tc, aix_an_unknown_flag_of_lockl);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
