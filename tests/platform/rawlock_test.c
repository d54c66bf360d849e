/* SPDX-License-Identifier: BSD-2-Clause */
/* The lock inside the library (platform/rawlock.h). */

#include "support.h"

#include "platform/rawlock.h"

#include <errno.h>
#include <string.h>

enum { ACTORS = 4, ROUNDS = 20000 };

static struct {
    struct ksi_rawlock lock;
    unsigned long plain; /* guarded by the lock */
    int inside;          /* atomic */
    int broken;          /* atomic */
    int errno_changed;   /* atomic */
} raw;

static void reset(void)
{
    memset(&raw, 0, sizeof raw);
}

START_TEST(word_is_one_while_held_and_zero_when_free)
{
    ksi_raw_lock(&raw.lock);
    ck_assert_uint_eq(LOAD(&raw.lock.word), 1);
    ksi_raw_unlock(&raw.lock);
    ck_assert_uint_eq(LOAD(&raw.lock.word), 0);
}
END_TEST

static void count_up(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        errno = 77;
        ksi_raw_lock(&raw.lock);
        if (ADD(&raw.inside, 1) != 1)
            STORE(&raw.broken, 1);
        raw.plain++;
        ADD(&raw.inside, -1);
        ksi_raw_unlock(&raw.lock);
        if (errno != 77)
            STORE(&raw.errno_changed, 1);
    }
}

START_TEST(one_at_a_time)
{
    struct actor actors[ACTORS];
    for (int i = 0; i < ACTORS; i++)
        actor_start(&actors[i], count_up, NULL);
    for (int i = 0; i < ACTORS; i++)
        actor_join(&actors[i]);
    ck_assert(!raw.broken);
    ck_assert(!raw.errno_changed);
    ck_assert_uint_eq(raw.plain, (unsigned long)ACTORS * ROUNDS);
    ck_assert_uint_eq(raw.lock.word, 0);
}
END_TEST

static void once(void *arg)
{
    unsigned *seen = arg;
    ksi_raw_lock(&raw.lock);
    *seen = LOAD(&raw.lock.word);
    raw.plain++;
    ksi_raw_unlock(&raw.lock);
}

/* Who came to sleep takes it marked, so the sleepers behind it are woken. */
START_TEST(mark_of_sleepers_is_never_lost)
{
    for (int round = 0; round < 200; round++) {
        struct actor actors[ACTORS];
        unsigned seen[ACTORS] = {0};
        reset();
        ksi_raw_lock(&raw.lock);
        for (int i = 0; i < ACTORS; i++)
            actor_start(&actors[i], once, &seen[i]);
        WAIT_UNTIL(LOAD(&raw.lock.word) == 2);
        ck_assert_uint_eq(raw.plain, 0);
        ksi_raw_unlock(&raw.lock);
        bool marked = false;
        for (int i = 0; i < ACTORS; i++) {
            actor_join(&actors[i]);
            marked |= seen[i] == 2;
        }
        ck_assert(marked);
        ck_assert_uint_eq(raw.plain, ACTORS);
        ck_assert_uint_eq(raw.lock.word, 0);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rawlock");
    TCase *c = tcase_create("rawlock");
    tcase_add_checked_fixture(c, reset, NULL);
    tcase_add_test(c, word_is_one_while_held_and_zero_when_free);
    tcase_add_test(c, one_at_a_time);
    tcase_add_test(c, mark_of_sleepers_is_never_lost);
    suite_add_tcase(s, c);
    return support_run(s);
}
