/* SPDX-License-Identifier: BSD-2-Clause */

/* A share of an rwlock that is given back twice at the same moment. */

#include "puppet.h"

#include <kslock/kslock.h>

enum { ROUNDS = 200 };

static ksl_rwlock_t lock;

static int give_write(void *l)
{
    ksl_rwlock_release_write(l, NULL);
    return 0;
}

static int take_write(void *l)
{
    ksl_rwlock_acquire_write(l, NULL);
    return 0;
}

static int give_read(void *l)
{
    ksl_rwlock_release_read(l, NULL);
    return 0;
}

static void assert_free(void)
{
    ck_assert_int_eq(ksl_rwlock_try_acquire_write(&lock, NULL), 1);
    ksl_rwlock_release_write(&lock, NULL);
}

/* The reader has looked at the word before another thread gave its share back. */
static void take_off(void)
{
    (void)__atomic_fetch_sub(&lock.word, 1u, __ATOMIC_RELEASE);
}

START_TEST(W5_a_share_taken_off_in_vain_is_put_back)
{
    recorder_start();
    ksl_rwlock_init(&lock);
    take_off();
    ksl_rwlock_read_refused(&lock);
    ck_assert_uint_eq(recorder_count("not-locked"), 1);
    assert_free();
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(W5_two_shares_taken_off_in_vain_are_put_back)
{
    recorder_start();
    ksl_rwlock_init(&lock);
    take_off();
    take_off();
    ksl_rwlock_read_refused(&lock);
    ksl_rwlock_read_refused(&lock);
    ck_assert_uint_eq(recorder_count("not-locked"), 2);
    assert_free();
    ck_assert_uint_eq(recorder_count(NULL), 2);
}
END_TEST

/* Nobody waits for who is in error: it may be the thread that a handler has interrupted.
 */
START_TEST(W5_a_free_lock_is_free_meanwhile)
{
    recorder_start();
    ksl_rwlock_init(&lock);
    take_off();
    take_off();
    ksl_rwlock_release_write(&lock, NULL);
    ksl_rwlock_release_read(&lock, NULL);
    ck_assert_uint_eq(recorder_count("not-locked"), 2);
    ksl_rwlock_acquire_write(&lock, NULL);
    ksl_rwlock_read_refused(&lock);
    ck_assert_int_eq(ksl_rwlock_try_acquire_read(&lock, NULL), 0);
    ksl_rwlock_release_write(&lock, NULL);
    take_off();
    ksl_rwlock_acquire_read(&lock, NULL);
    ck_assert_int_eq(ksl_rwlock_try_acquire_write(&lock, NULL), 0);
    ksl_rwlock_read_refused(&lock);
    ksl_rwlock_read_refused(&lock);
    ksl_rwlock_release_read(&lock, NULL);
    assert_free();
    ck_assert_uint_eq(recorder_count("not-locked"), 5);
    ck_assert_uint_eq(recorder_count(NULL), 5);
}
END_TEST

START_TEST(W5_a_writer_is_not_blamed_for_it)
{
    struct puppet writer;
    recorder_start();
    ksl_rwlock_init(&lock);
    puppet_start(&writer);
    ask(&writer, take_write, &lock);
    take_off();
    take_off();
    ck_assert_int_eq(ksl_rwlock_try_acquire_read(&lock, NULL), 0);
    ck_assert_int_eq(ksl_rwlock_try_acquire_write(&lock, NULL), 0);
    ksl_rwlock_read_refused(&lock);
    ask(&writer, give_write, &lock);
    assert_free();
    ksl_rwlock_read_refused(&lock);
    puppet_end(&writer);
    ck_assert_uint_eq(recorder_count("not-locked"), 2);
    ck_assert_uint_eq(recorder_count(NULL), 2);
    assert_free();
}
END_TEST

START_TEST(W5_one_of_two_releases_is_refused)
{
    struct puppet other;
    recorder_start();
    ksl_rwlock_init(&lock);
    puppet_start(&other);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        ksl_rwlock_acquire_read(&lock, NULL);
        tell(&other, give_read, &lock);
        ksl_rwlock_release_read(&lock, NULL);
        (void)answer(&other);
        ck_assert_uint_eq(recorder_count("not-locked"), i);
        assert_free();
    }
    puppet_end(&other);
    ck_assert_uint_eq(recorder_count(NULL), ROUNDS);
}
END_TEST

static int take_read(void *l)
{
    ksl_rwlock_acquire_read(l, NULL);
    return 0;
}

START_TEST(W5_two_of_four_releases_are_refused)
{
    struct puppet p[3];
    recorder_start();
    ksl_rwlock_init(&lock);
    puppets_start(p, 3);
    for (unsigned i = 1; i <= ROUNDS; i++) {
        ksl_rwlock_acquire_read(&lock, NULL);
        ask(&p[0], take_read, &lock);
        for (int k = 0; k < 3; k++)
            tell(&p[k], give_read, &lock);
        ksl_rwlock_release_read(&lock, NULL);
        for (int k = 0; k < 3; k++)
            (void)answer(&p[k]);
        ck_assert_uint_eq(recorder_count("not-locked"), 2 * i);
        assert_free();
    }
    puppets_end(p, 3);
    ck_assert_uint_eq(recorder_count(NULL), 2 * ROUNDS);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_rwlock");
    TCase *tc = tcase_create("twice");
    tcase_add_test(tc, W5_a_share_taken_off_in_vain_is_put_back);
    tcase_add_test(tc, W5_two_shares_taken_off_in_vain_are_put_back);
    tcase_add_test(tc, W5_a_free_lock_is_free_meanwhile);
    tcase_add_test(tc, W5_a_writer_is_not_blamed_for_it);
    tcase_add_test(tc, W5_one_of_two_releases_is_refused);
    tcase_add_test(tc, W5_two_of_four_releases_are_refused);
    suite_add_tcase(s, tc);
    return support_run(s);
}
