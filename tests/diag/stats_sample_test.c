/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: which holds are timed, and what their totals say. */

#include "stats_calls.h"

#include "json_check.h"
#include "readback.h"

enum { LATER = 16000, HELD_NS = 40 };

static struct report_file file;

static const char *report(int format)
{
    return report_file_stats(&file, format);
}

static void on_with(const char *list)
{
    ksi_seam.now = fake_now;
    ck_assert_int_eq(ksl_diag_enable(list), 0);
    begin_all();
}

static int pairs_of_mutex(void *n)
{
    for (int i = *(const int *)n; i > 0; i--) {
        (void)ksl_mutex_acquire(&mutex);
        pass(HELD_NS);
        ksl_mutex_release(&mutex);
    }
    return 0;
}

static int pairs_of_share(void *n)
{
    for (int i = *(const int *)n; i > 0; i--) {
        (void)take_slock(&sx);
        pass(HELD_NS);
        (void)give_slock(&sx);
    }
    return 0;
}

static int pairs_of_spinlock(void *n)
{
    for (int i = *(const int *)n; i > 0; i--) {
        ksl_spinlock_acquire(&spinlock);
        pass(HELD_NS);
        ksl_spinlock_release(&spinlock);
    }
    return 0;
}

static const struct {
    call_fn pairs;
    volatile void *lock;
} loops[] = {
    {pairs_of_mutex, &mutex}, {pairs_of_share, &sx}, {pairs_of_spinlock, &spinlock}};
enum { LOOPS = sizeof loops / sizeof loops[0] };

static void assert_between(uint64_t n, uint64_t least, uint64_t most)
{
    ck_assert_msg(n >= least && n <= most, "%llu, not %llu to %llu",
                  (unsigned long long)n, (unsigned long long)least,
                  (unsigned long long)most);
}

/* Counts are exact; what is timed is within what distances of 1 to 2 * N - 1 give. */
START_TEST(one_in_so_many_is_timed)
{
    static const struct {
        const char *list;
        unsigned n;
    } rates[] = {{"stats=/dev/null", 16},
                 {"stats=/dev/null,sample=2", 2},
                 {"sample=100,stats=/dev/null", 100}};
    unsigned n = rates[_i % 3].n;
    int count = KSI_STATS_EARLY + LATER;
    on_with(rates[_i % 3].list);
    (void)loops[_i / 3].pairs(&count);
    struct ksi_stats_sum s = stats_of(loops[_i / 3].lock);
    COUNTED(s, TAKEN, count);
    COUNTED(s, HELD, count);
    COUNTED(s, CONTENDED, 0);
    COUNTED(s, HOLD_MAX, HELD_NS);
    assert_between(s.c[KSI_STAT_TIMED], KSI_STATS_EARLY + LATER / (2 * n - 1),
                   KSI_STATS_EARLY + LATER * 2 / n);
    /* Each timed hold stands for those before it, so only the last ones are missing. */
    assert_between(s.c[KSI_STAT_HOLD], (uint64_t)(count - (int)(2 * n)) * HELD_NS,
                   (uint64_t)count * HELD_NS);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    HAS(report(KSL_STATS_TEXT), "hold times: 1 hold in %u timed after the first 64", n);
    const char *text = report(KSL_STATS_JSON);
    ck_assert_ptr_null(json_check(text));
    HAS(text, "\"hold_sample\":%u,\"hold_times\":\"estimated\",", n);
    HAS(text, "\"holds_timed\":%llu,", (unsigned long long)s.c[KSI_STAT_TIMED]);
    HAS(report(KSL_STATS_CSV), ",holds,holds_timed,hold_total_ns,");
}
END_TEST

static void all_are_timed(int loop, int count)
{
    (void)loops[loop].pairs(&count);
    struct ksi_stats_sum s = stats_of(loops[loop].lock);
    COUNTED(s, HELD, count);
    COUNTED(s, TIMED, count);
    COUNTED(s, HOLD, count * HELD_NS);
    HAS(report(KSL_STATS_TEXT), "\nhold times: all timed\n");
}

START_TEST(the_first_ones_are_all_timed)
{
    on_with("stats=/dev/null");
    all_are_timed(_i, KSI_STATS_EARLY);
    HAS(report(KSL_STATS_JSON), "\"hold_times\":\"all timed\"");
}
END_TEST

START_TEST(sample_1_times_all)
{
    on_with("stats=/dev/null,sample=1");
    all_are_timed(_i, KSI_STATS_EARLY + LATER);
    HAS(report(KSL_STATS_JSON), "\"hold_sample\":1,");
}
END_TEST

/* Each thread has first ones of its own, also in a descriptor that served another. */
START_TEST(each_thread_begins_anew)
{
    int count = KSI_STATS_EARLY;
    on_with("stats=/dev/null");
    for (int i = 0; i < 3; i++) {
        struct puppet p;
        puppet_start(&p);
        (void)ask(&p, pairs_of_mutex, &count);
        puppet_end(&p);
    }
    COUNTED(stats_of(&mutex), HELD, 3 * count);
    COUNTED(stats_of(&mutex), TIMED, 3 * count);
}
END_TEST

/* A hold that had to be waited for is timed, and stands for itself alone. */
START_TEST(waited_for_is_timed)
{
    enum { WAITS = 20, LONG_NS = 1000000 };
    struct puppet owner, waiter;
    int count = 4 * KSI_STATS_EARLY;
    on_with("stats=/dev/null,sample=65536");
    puppet_start(&owner);
    puppet_start(&waiter);
    (void)ask(&waiter, pairs_of_mutex, &count);
    uint64_t timed = stats_of(&mutex).c[KSI_STAT_TIMED];
    (void)ask(&owner, pairs_of_mutex, &count);
    for (int i = 0; i < WAITS; i++) {
        (void)ask(&owner, take_mutex, &mutex);
        tell_blocked(&waiter, take_mutex, &mutex);
        (void)ask(&owner, give_mutex, &mutex);
        (void)answer(&waiter);
        pass(LONG_NS);
        (void)ask(&waiter, give_mutex, &mutex);
    }
    struct ksi_stats_sum s = stats_of(&mutex);
    COUNTED(s, HELD, 2 * count + 2 * WAITS);
    COUNTED(s, CONTENDED, WAITS);
    COUNTED(s, HOLD_MAX, LONG_NS);
    ck_assert_uint_ge(s.c[KSI_STAT_TIMED], timed + KSI_STATS_EARLY + WAITS);
    ck_assert_uint_ge(s.c[KSI_STAT_HOLD], (uint64_t)WAITS * LONG_NS);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&waiter);
    puppet_end(&owner);
}
END_TEST

START_TEST(wrong_numbers_are_refused)
{
    static const char *const wrong[] = {"sample",
                                        "sample=",
                                        "sample=0",
                                        "sample=x",
                                        "sample=1.5",
                                        "sample=-1",
                                        "sample=65537",
                                        "sample= 2",
                                        "sample=2x",
                                        "stats,sample=0",
                                        "sample=99999999999999999999"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_msg(ksl_diag_enable(wrong[i]) == -EINVAL, "%s", wrong[i]);
        ck_assert_uint_eq(LOAD(&ksi_stats_sample), KSI_STATS_SAMPLE);
    }
    ck_assert_int_eq(ksl_diag_stats(STDOUT_FILENO, KSL_STATS_TEXT), -EINVAL);
    ck_assert_int_eq(ksl_diag_enable("sample=65536"), 0);
    ck_assert_uint_eq(LOAD(&ksi_stats_sample), 65536);
    /* It does not switch `stats` on. */
    ck_assert_int_eq(ksl_diag_stats(STDOUT_FILENO, KSL_STATS_TEXT), -EINVAL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stats sample");
    TCase *tc = tcase_create("holds that are timed");
    tcase_add_loop_test(tc, one_in_so_many_is_timed, 0, 3 * LOOPS);
    tcase_add_loop_test(tc, the_first_ones_are_all_timed, 0, LOOPS);
    tcase_add_loop_test(tc, sample_1_times_all, 0, LOOPS);
    tcase_add_test(tc, each_thread_begins_anew);
    tcase_add_test(tc, waited_for_is_timed);
    tcase_add_test(tc, wrong_numbers_are_refused);
    suite_add_tcase(s, tc);
    return support_run(s);
}
