/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AIX complex locks under load: a pair of plain words that the lock guards. Readers see
 * it whole (T29, T30), an upgrade that succeeded lets nobody in between (T36, T37), a
 * downgrade keeps what was written (T42, T43), recursion stays exclusive (T46, T48).
 */
#include "aix_test.h"

#include <sched.h>

enum { THREADS = 6, ROUNDS = 8000 };

static Complex_lock l;
static struct {
    unsigned long a, b; /* guarded; equal outside of a write hold */
} pair;
static unsigned long written, torn, slipped_in, changed, wrong_mode,
    not_owned;                                  /* atomic */
static unsigned long upgrades, failed_upgrades; /* atomic */
static int go;                                  /* atomic */

static void look(void)
{
    if (pair.a != pair.b)
        ADD(&torn, 1ul);
}

static void change(unsigned spin)
{
    if (!lock_mine(&l))
        ADD(&not_owned, 1ul);
    pair.a++;
    if (spin % 8 == 0)
        sched_yield();
    pair.b++;
    ADD(&written, 1ul);
}

static void as_reader(unsigned r)
{
    if (r % 2 == 0)
        lock_read(&l);
    else if (!lock_try_read(&l))
        return;
    if (lock_mine(&l))
        ADD(&wrong_mode, 1ul);
    look();
    if (r % 16 == 0) {
        lock_read(&l); /* a second hold of the same thread */
        look();
        lock_done(&l);
    }
    look();
    lock_done(&l);
}

static void as_writer(unsigned r)
{
    if (r % 2 == 0)
        lock_write(&l);
    else if (!lock_try_write(&l))
        return;
    look();
    change(r);
    lock_done(&l);
}

static void as_upgrader(unsigned r)
{
    lock_read(&l);
    unsigned long before = pair.a;
    look();
    if (r % 2 == 0) {
        if (lock_read_to_write(&l)) { /* failed: nothing is held */
            ADD(&failed_upgrades, 1ul);
            return;
        }
    } else if (!lock_try_read_to_write(&l)) { /* failed: the share is kept */
        ADD(&failed_upgrades, 1ul);
        if (pair.a != before)
            ADD(&changed, 1ul);
        look();
        lock_done(&l);
        return;
    }
    ADD(&upgrades, 1ul);
    if (pair.a != before)
        ADD(&slipped_in, 1ul);
    change(r);
    lock_done(&l);
}

static void as_downgrader(unsigned r)
{
    lock_write(&l);
    change(r);
    unsigned long mine = pair.a;
    lock_write_to_read(&l);
    if (r % 4 == 0)
        sched_yield();
    if (pair.a != mine)
        ADD(&changed, 1ul);
    look();
    if (lock_mine(&l))
        ADD(&wrong_mode, 1ul);
    lock_done(&l);
}

static void as_nester(unsigned r)
{
    lock_write(&l);
    lock_set_recursive(&l);
    lock_read(&l);
    look();
    change(r);
    lock_write(&l);
    lock_done(&l);
    lock_done(&l);
    if (!lock_mine(&l))
        ADD(&not_owned, 1ul);
    change(r + 1);
    lock_clear_recursive(&l);
    lock_done(&l);
}

typedef void (*role)(unsigned r);

static void mixed(void *arg)
{
    static const role all[] = {as_reader,   as_writer,     as_reader, as_upgrader,
                               as_upgrader, as_downgrader, as_nester, as_reader};
    unsigned seed = *(unsigned *)arg;
    while (!LOAD(&go))
        sched_yield();
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1103515245u + 12345u;
        all[(seed >> 16) % 8]((seed >> 20) & 0xff);
    }
}

static void upgraders_only(void *arg)
{
    unsigned seed = *(unsigned *)arg;
    while (!LOAD(&go))
        sched_yield();
    for (int i = 0; i < ROUNDS; i++) {
        seed = seed * 1103515245u + 12345u;
        as_upgrader((seed >> 20) & 0xff);
    }
}

static void run(void (*fn)(void *arg))
{
    struct actor actor[THREADS];
    unsigned seed[THREADS];
    lock_init(&l, TRUE);
    recorder_start();
    for (unsigned i = 0; i < THREADS; i++) {
        seed[i] = i * 7919 + 1;
        actor_start(&actor[i], fn, &seed[i]);
        ck_assert_int_eq(ksl_thread_set_priority(actor[i].thread, (int)i * 10), 0);
    }
    STORE(&go, 1);
    for (int i = 0; i < THREADS; i++) /* the runner's limit is the deadline */
        (void)pthread_join(actor[i].pthread, NULL);
    STORE(&go, 0);
    ck_assert_uint_eq(torn, 0);
    ck_assert_uint_eq(slipped_in, 0);
    ck_assert_uint_eq(changed, 0);
    ck_assert_uint_eq(wrong_mode, 0);
    ck_assert_uint_eq(not_owned, 0);
    ck_assert_uint_eq(pair.a, written);
    ck_assert_uint_eq(pair.b, written);
    ck_assert_uint_gt(upgrades, 0);
    ck_assert_int_eq(lock_islocked(&l), FALSE);
    ck_assert_int_eq(lock_try_write(&l), TRUE);
    lock_done(&l);
    ck_assert_msg(recorder_count(NULL) == 0, "reported: %s", recorder_last().message);
    recorder_stop();
}

START_TEST(aix_T43_the_pair_is_whole_in_every_mode)
{
    run(mixed);
}
END_TEST

/* Every failure lets somebody else through: no set of upgraders blocks itself. */
START_TEST(aix_T37_upgraders_alone_all_come_through)
{
    run(upgraders_only);
    ck_assert_uint_ge(upgrades + failed_upgrades, THREADS * ROUNDS);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix complex locks under load");
    TCase *tc = tcase_create("load");
    tcase_add_test(tc, aix_T43_the_pair_is_whole_in_every_mode);
    tcase_add_test(tc, aix_T37_upgraders_alone_all_come_through);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
