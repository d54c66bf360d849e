/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: exact counts of pairs, tries and waits, for each kind of lock. */

#include "stats_calls.h"

struct kind {
    const char *name;
    call_fn take;
    call_fn give;
    call_fn try; /* NULL: none; for the exclusive mode */
    volatile void *lock;
    bool shared;
    bool sleeps; /* two of it exclude each other, and the second one sleeps */
    bool oob;
};

static const struct kind kinds[] = {
    {"spinlock", take_spinlock, give_spinlock, try_spinlock, &spinlock, false, false,
     false},
    {"mutex", take_mutex, give_mutex, try_mutex, &mutex, false, true, false},
    {"rwlock read", read_rwlock, unread_rwlock, NULL, &rwlock, true, false, false},
    {"rwlock write", write_rwlock, unwrite_rwlock, try_rwlock, &rwlock, false, false,
     false},
    {"rwsem read", read_rwsem, unread_rwsem, NULL, &rwsem, true, false, false},
    {"rwsem write", write_rwsem, unwrite_rwsem, NULL, &rwsem, false, true, false},
    {"sx shared", take_slock, give_slock, NULL, &sx, true, false, false},
    {"sx exclusive", take_xlock, give_xlock, try_xlock, &sx, false, true, false},
    {"mtx", take_mtx, give_mtx, try_mtx, &mtx, false, true, false},
    {"spin mtx", take_spin_mtx, give_spin_mtx, try_spin_mtx, &spin_mtx, false, false,
     false},
    {"simple", take_simple, give_simple, try_simple, &simple, false, true, false},
    {"lockl", take_lockl, give_lockl, try_lockl, &lockl, false, true, false},
    {"drw read", read_drw, give_drw, NULL, &drw, true, false, false},
    {"drw write", write_drw, give_drw, try_drw, &drw, false, false, false},
    {"complex read", read_complex, give_complex, NULL, &complex_lock, true, false, false},
    {"complex write", write_complex, give_complex, try_complex, &complex_lock, false,
     true, false},
    {"kernel mutex", take_kmutex, give_kmutex, try_kmutex, &kmutex, false, true, true},
    {"semaphore", take_ksem, give_ksem, try_ksem, &ksem, true, true, true},
    {"stax", take_stax, give_stax, NULL, &stax, true, false, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void *lock_of(const struct kind *k)
{
    return (void *)(uintptr_t)k->lock;
}

static ksl_stage stage_of(const struct kind *k)
{
    return k->oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
}

START_TEST(pairs_are_counted)
{
    const struct kind *k = &kinds[_i];
    enum { PAIRS = 7, HELD_NS = 30 };
    on_with_clock();
    (void)ksl_stage_switch(stage_of(k));
    for (int i = 0; i < PAIRS; i++) {
        (void)k->take(lock_of(k));
        pass(HELD_NS + (uint64_t)i);
        (void)k->give(lock_of(k));
    }
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    struct ksi_stats_sum s = stats_of(k->lock);
    COUNTED(s, TAKEN, PAIRS);
    COUNTED(s, HELD, PAIRS);
    COUNTED(s, HOLD, PAIRS * HELD_NS + 21);
    COUNTED(s, HOLD_MAX, HELD_NS + PAIRS - 1);
    COUNTED(s, SHARED, k->shared ? PAIRS : 0);
    COUNTED(s, READERS, k->shared ? 1 : 0);
    COUNTED(s, TRIED, 0);
    COUNTED(s, CONTENDED, 0);
    COUNTED(s, WAIT, 0);
    COUNTED(s, SLEEPS, 0);
    COUNTED(s, BUSY, 0);
    COUNTED(s, AGAIN, 0);
    COUNTED(s, GAVE_UP, 0);
    COUNTED(s, FOREIGN, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    ck_assert_uint_eq(s.holding, 0);
    s = stats_of_all();
    COUNTED(s, TAKEN, PAIRS);
}
END_TEST

START_TEST(tries_are_counted)
{
    const struct kind *k = &kinds[_i];
    struct puppet p;
    if (k->try == NULL)
        return;
    on_with_clock();
    puppet_start_on(&p, stage_of(k));
    (void)ask(&p, k->take, lock_of(k));
    ck_assert_uint_eq(stats_of(k->lock).holding, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(k->try(lock_of(k)), 0);
    (void)ask(&p, k->give, lock_of(k));
    ck_assert_int_eq(k->try(lock_of(k)), 1);
    (void)k->give(lock_of(k));
    puppet_end(&p);
    struct ksi_stats_sum s = stats_of(k->lock);
    COUNTED(s, BUSY, 3);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, TRIED, k->lock == &ksem ? 0 : 1); /* a try of a semaphore looks as any */
    COUNTED(s, HELD, 2);
    COUNTED(s, CONTENDED, 0); /* refused tries are no waits */
    COUNTED(s, SLEEPS, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
}
END_TEST

START_TEST(waits_are_counted)
{
    const struct kind *k = &kinds[_i];
    enum { WAIT_NS = 5000 };
    struct puppet owner, waiter;
    if (!k->sleeps)
        return;
    on_with_clock();
    puppet_start_on(&owner, stage_of(k));
    puppet_start_on(&waiter, stage_of(k));
    (void)ask(&owner, k->take, lock_of(k));
    tell_blocked(&waiter, k->take, lock_of(k));
    struct ksi_stats_sum s = stats_of(k->lock);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, SLEEPS, 1);
    COUNTED(s, CONTENDED, 0);
    ck_assert_uint_eq(s.waiting, 1);
    pass(WAIT_NS);
    (void)ask(&owner, k->give, lock_of(k));
    (void)answer(&waiter);
    pass(100);
    (void)ask(&waiter, k->give, lock_of(k));
    s = stats_of(k->lock);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, WAIT, WAIT_NS);
    COUNTED(s, WAIT_MAX, WAIT_NS);
    COUNTED(s, SLEEPS, 1);
    COUNTED(s, SLEEP, WAIT_NS);
    COUNTED(s, WOKEN, 1);
    COUNTED(s, WAKES, 1);
    COUNTED(s, SPUN, 0);
    COUNTED(s, HOLD, WAIT_NS + 100);
    ck_assert_uint_eq(s.waits[12], 1); /* 4096 to 8191 ns */
    ck_assert_uint_eq(s.waiting, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    struct ksi_stats_view v;
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_eq(v.stacks, 1);
    ck_assert_uint_eq(v.stack[0].waits, 1);
    ck_assert_uint_eq(v.stack[0].total, WAIT_NS);
    ck_assert_uint_eq(v.stack[0].most, WAIT_NS);
    ck_assert_uint_gt(v.stack[0].frames, 0);
    ksi_stats_view_end(&v);
    puppet_end(&waiter);
    puppet_end(&owner);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stats counts");
    TCase *tc = tcase_create("each kind");
    tcase_add_loop_test(tc, pairs_are_counted, 0, KINDS);
    tcase_add_loop_test(tc, tries_are_counted, 0, KINDS);
    tcase_add_loop_test(tc, waits_are_counted, 0, KINDS);
    suite_add_tcase(s, tc);
    return support_run(s);
}
