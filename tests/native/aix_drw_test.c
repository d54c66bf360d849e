/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AIX disabled read-write locks (1.5). When the upgrade fails is not written anywhere:
 * as with complex locks, if somebody else has asked to write.
 */
#include "aix_intr.h"

static struct puppet p[3];
static struct irq_call in_irq;
static Drw_lock lock;

static int do_read(void *l)
{
    drw_lock_read((drw_lock_t)l);
    return 0;
}

static int do_write(void *l)
{
    drw_lock_write((drw_lock_t)l);
    return 0;
}

static int try_write(void *l)
{
    return drw_lock_try_write((drw_lock_t)l);
}

static int do_done(void *l)
{
    drw_lock_done((drw_lock_t)l);
    return 0;
}

static int upgrade(void *l)
{
    return drw_lock_read_to_write((drw_lock_t)l);
}

static int try_upgrade(void *l)
{
    return drw_lock_try_read_to_write((drw_lock_t)l);
}

static int downgrade(void *l)
{
    drw_lock_write_to_read((drw_lock_t)l);
    return 0;
}

static int is_locked(void *l)
{
    return drw_lock_islocked((drw_lock_t)l);
}

/* All threads with interrupts disabled; the main thread opens them in handler tests. */
static void setup(void)
{
    puppets_start(p, 3);
    for (int i = 0; i < 3; i++)
        (void)ask(&p[i], do_disable, NULL);
    irq_setup(&in_irq);
    recorder_start();
    drw_lock_init(&lock);
    (void)i_disable(INTMAX);
}

static void teardown(void)
{
    ck_assert_int_eq(drw_lock_islocked(&lock), FALSE);
    ck_assert_int_eq(priority_now(), INTMAX);
    i_enable(INTBASE);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ask(&p[i], ask_priority, NULL), INTMAX);
        (void)ask(&p[i], do_enable, NULL);
    }
    drw_lock_free(&lock);
    ck_assert_msg(recorder_count(NULL) == 0, "%s", recorder_last().message);
    puppets_end(p, 3);
    irq_teardown();
    recorder_stop();
}

START_TEST(aix_drw_readers_share)
{
    ck_assert_int_eq(drw_lock_islocked(&lock), FALSE);
    drw_lock_read(&lock);
    ck_assert_int_eq(ask(&p[0], do_read, &lock), 0);
    ck_assert_int_eq(ask(&p[1], do_read, &lock), 0);
    ck_assert_int_eq(ask(&p[2], try_write, &lock), FALSE);
    drw_lock_done(&lock);
    ck_assert_int_eq(ask(&p[2], try_write, &lock), FALSE);
    (void)ask(&p[0], do_done, &lock);
    ck_assert_int_eq(ask(&p[2], try_write, &lock), FALSE);
    ck_assert_int_eq(drw_lock_islocked(&lock), TRUE);
    (void)ask(&p[1], do_done, &lock);
    ck_assert_int_eq(drw_lock_islocked(&lock), FALSE);
    ck_assert_int_eq(ask(&p[2], try_write, &lock), TRUE);
    (void)ask(&p[2], do_done, &lock);
}
END_TEST

START_TEST(aix_drw_a_writer_is_alone)
{
    struct spinner r, w;
    drw_lock_write(&lock);
    ck_assert_int_eq(drw_lock_islocked(&lock), TRUE);
    ck_assert_int_eq(ask(&p[0], is_locked, &lock), TRUE);
    ck_assert_int_eq(ask(&p[0], try_write, &lock), FALSE);
    tell_spinning(&r, &p[0], do_read, &lock);
    tell_spinning(&w, &p[1], do_write, &lock);
    open_for(&r);
    open_for(&w);
    drw_lock_done(&lock);
    WAIT_UNTIL(done(&p[0]) || done(&p[1]));
    struct puppet *first = done(&p[0]) ? &p[0] : &p[1];
    struct puppet *second = first == &p[0] ? &p[1] : &p[0];
    ck_assert(!done(second));
    ck_assert_int_eq(ask(&p[2], try_write, &lock), FALSE);
    (void)ask(first, do_done, &lock);
    (void)answer(second);
    ck_assert_int_eq(ask(&p[2], try_write, &lock), FALSE);
    (void)ask(second, do_done, &lock);
    ck_assert(!r.too_early && !w.too_early);
}
END_TEST

START_TEST(aix_drw_a_writer_spins_for_readers)
{
    struct spinner w;
    drw_lock_read(&lock);
    (void)ask(&p[1], do_read, &lock);
    tell_spinning(&w, &p[0], do_write, &lock);
    drw_lock_done(&lock);
    ck_assert(!done(&p[0]));
    open_for(&w);
    (void)ask(&p[1], do_done, &lock);
    (void)spinner_answer(&w);
    ck_assert_int_eq(ask(&p[1], try_write, &lock), FALSE);
    (void)ask(&p[0], do_done, &lock);
}
END_TEST

START_TEST(aix_drw_try_write)
{
    ck_assert_int_eq(drw_lock_try_write(&lock), TRUE);
    ck_assert_int_eq(drw_lock_try_write(&lock), FALSE);
    ck_assert_int_eq(ask(&p[0], try_write, &lock), FALSE);
    drw_lock_done(&lock);
    ck_assert_int_eq(ask(&p[0], try_write, &lock), TRUE);
    ck_assert_int_eq(drw_lock_try_write(&lock), FALSE);
    (void)ask(&p[0], do_done, &lock);
}
END_TEST

START_TEST(aix_drw_trap_2_TRUE_is_upgraded)
{
    static const call_fn calls[] = {upgrade, try_upgrade};
    for (int i = 0; i < 2; i++) {
        struct spinner r;
        (void)ask(&p[1], do_read, &lock);
        ck_assert_int_eq(ask(&p[1], calls[i], &lock), TRUE);
        ck_assert_int_eq(drw_lock_try_write(&lock), FALSE);
        tell_spinning(&r, &p[0], do_read, &lock); /* alone */
        open_for(&r);
        (void)ask(&p[1], do_done, &lock); /* one hold only */
        (void)spinner_answer(&r);
        (void)ask(&p[0], do_done, &lock);
        ck_assert_int_eq(drw_lock_islocked(&lock), FALSE);
    }
}
END_TEST

/* Free for a writer, and free again. */
static void check_free(void)
{
    ck_assert_int_eq(ask(&p[2], try_write, &lock), TRUE);
    (void)ask(&p[2], do_done, &lock);
}

START_TEST(aix_drw_an_upgrade_that_fails_has_given_the_lock_back)
{
    for (int i = 0; i < 50; i++) {
        (void)ask(&p[0], do_read, &lock);
        (void)ask(&p[1], do_read, &lock);
        tell(&p[0], upgrade, &lock);
        tell(&p[1], upgrade, &lock);
        (void)answer(&p[0]);
        (void)answer(&p[1]);
        struct puppet *winner = p[0].result == TRUE ? &p[0] : &p[1];
        struct puppet *loser = winner == &p[0] ? &p[1] : &p[0];
        ck_assert_int_eq(winner->result, TRUE);
        ck_assert_int_eq(loser->result, FALSE);
        ck_assert_int_eq(ask(loser, try_write, &lock), FALSE);
        (void)ask(winner, do_done, &lock);
        check_free();
    }
}
END_TEST

/* Whether it waits for the other reader, or fails at once, is left open. */
START_TEST(aix_drw_a_try_upgrade_that_fails_keeps_the_read_hold)
{
    for (int i = 0; i < 50; i++) {
        (void)ask(&p[0], do_read, &lock);
        (void)ask(&p[1], do_read, &lock);
        tell(&p[0], try_upgrade, &lock);
        tell(&p[1], try_upgrade, &lock);
        WAIT_UNTIL(done(&p[0]) || done(&p[1]));
        struct puppet *loser = done(&p[0]) ? &p[0] : &p[1];
        struct puppet *other = loser == &p[0] ? &p[1] : &p[0];
        ck_assert_int_eq(answer(loser), FALSE);
        ck_assert_int_eq(ask(&p[2], try_write, &lock), FALSE);
        (void)ask(loser, do_done, &lock);
        if (!answer(other))
            ck_assert_int_eq(ask(other, try_upgrade, &lock), TRUE);
        ck_assert_int_eq(ask(loser, try_write, &lock), FALSE);
        (void)ask(other, do_done, &lock);
        check_free();
    }
}
END_TEST

START_TEST(aix_drw_a_downgrade_lets_readers_in_and_no_writer)
{
    struct spinner r;
    drw_lock_write(&lock);
    tell_spinning(&r, &p[0], do_read, &lock);
    open_for(&r);
    drw_lock_write_to_read(&lock);
    (void)spinner_answer(&r);
    ck_assert_int_eq(ask(&p[1], try_write, &lock), FALSE);
    drw_lock_done(&lock);
    ck_assert_int_eq(ask(&p[1], try_write, &lock), FALSE);
    (void)ask(&p[0], do_done, &lock);
    ck_assert_int_eq(ask(&p[1], try_write, &lock), TRUE);
    (void)ask(&p[1], do_done, &lock);
}
END_TEST

START_TEST(aix_drw_misuse_is_refused)
{
    static const call_fn of_the_owner[] = {do_done, downgrade};
    for (int i = 0; i < 2; i++) {
        (void)ask(&p[0], of_the_owner[i], &lock);
        check_refused("not-locked", &lock);
        drw_lock_write(&lock);
        (void)ask(&p[0], of_the_owner[i], &lock);
        check_refused("not-owner", &lock);
        ck_assert_int_eq(ask(&p[1], try_write, &lock), FALSE);
        drw_lock_done(&lock);
    }
    drw_lock_write(&lock);
    drw_lock_write(&lock);
    check_refused("recursion", &lock);
    drw_lock_read(&lock);
    check_refused("recursion", &lock);
    drw_lock_done(&lock); /* once */
}
END_TEST

static int all_in_handler(void *l)
{
    drw_lock_t d = (drw_lock_t)l;
    if (!drw_lock_try_write(d))
        return -1;
    drw_lock_write_to_read(d);
    int upgraded = drw_lock_read_to_write(d);
    drw_lock_done(d);
    return upgraded;
}

START_TEST(aix_drw_in_a_handler)
{
    i_enable(INTBASE);
    ck_assert_int_eq(call_in_irq(&in_irq, all_in_handler, &lock), TRUE);
    (void)ask(&p[0], do_write, &lock);
    ck_assert_int_eq(call_in_irq(&in_irq, try_write, &lock), FALSE);
    (void)ask(&p[0], do_done, &lock);
    (void)i_disable(INTMAX);
}
END_TEST

static int write_in_handler(void *l)
{
    drw_lock_write((drw_lock_t)l);
    drw_lock_done((drw_lock_t)l);
    return 7;
}

START_TEST(aix_drw_a_handler_on_another_processor_spins)
{
    int stop = 0;
    (void)ask(&p[0], do_enable, NULL);
    in_irq.call = write_in_handler;
    in_irq.object = &lock;
    drw_lock_read(&lock);
    tell(&p[0], poll_until_set, &stop);
    ck_assert_int_eq(ksl_irq_raise_on(p[0].actor.thread, TEST_IRQ), 0);
    WAIT_UNTIL(LOAD(&in_irq.entered) == 1);
    for (int i = 0; i < 100; i++) {
        sched_yield();
        ck_assert_int_eq(LOAD(&in_irq.runs), 0);
    }
    drw_lock_done(&lock);
    WAIT_UNTIL(LOAD(&in_irq.runs) == 1);
    ck_assert_int_eq(in_irq.result, 7);
    STORE(&stop, 1);
    (void)answer(&p[0]);
    (void)ask(&p[0], do_disable, NULL);
}
END_TEST

/* Readers see pairs, writers and upgraders change them. */
enum { ROUNDS = 2000 };
static unsigned long first, second, changes, wrong;

static void change_pair(unsigned long *mine)
{
    first++;
    second++;
    ++*mine;
}

static int use_pair(void *l)
{
    drw_lock_t d = (drw_lock_t)l;
    unsigned long mine = 0, bad = 0;
    for (int i = 0; i < ROUNDS; i++) {
        bool held = true;
        if (i % 4 == 0) {
            drw_lock_write(d);
            change_pair(&mine);
        } else if (i % 4 == 1 && drw_lock_try_write(d)) {
            change_pair(&mine);
            drw_lock_write_to_read(d);
        } else {
            drw_lock_read(d);
            bad += first != second;
            if (i % 8 == 2) {
                if (drw_lock_try_read_to_write(d))
                    change_pair(&mine);
            } else if (i % 8 == 3) {
                held = drw_lock_read_to_write(d);
                if (held)
                    change_pair(&mine);
            }
        }
        bad += held && first != second;
        if (held)
            drw_lock_done(d);
    }
    ADD(&changes, mine);
    ADD(&wrong, bad);
    return 0;
}

START_TEST(aix_drw_a_pair_of_words_under_load)
{
    first = second = changes = wrong = 0;
    for (int i = 0; i < 3; i++)
        tell(&p[i], use_pair, &lock);
    for (int i = 0; i < 3; i++)
        (void)answer(&p[i]);
    ck_assert_uint_eq(LOAD(&wrong), 0);
    ck_assert_uint_ge(LOAD(&changes), 3 * ROUNDS / 4);
    ck_assert_uint_eq(first, LOAD(&changes));
    ck_assert_uint_eq(second, LOAD(&changes));
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("aix disabled read-write locks");
    TCase *tc = tcase_create("drw");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_drw_readers_share);
    tcase_add_test(tc, aix_drw_a_writer_is_alone);
    tcase_add_test(tc, aix_drw_a_writer_spins_for_readers);
    tcase_add_test(tc, aix_drw_try_write);
    tcase_add_test(tc, aix_drw_trap_2_TRUE_is_upgraded);
    tcase_add_test(tc, aix_drw_an_upgrade_that_fails_has_given_the_lock_back);
    tcase_add_test(tc, aix_drw_a_try_upgrade_that_fails_keeps_the_read_hold);
    tcase_add_test(tc, aix_drw_a_downgrade_lets_readers_in_and_no_writer);
    tcase_add_test(tc, aix_drw_misuse_is_refused);
    tcase_add_test(tc, aix_drw_in_a_handler);
    tcase_add_test(tc, aix_drw_a_handler_on_another_processor_spins);
    tcase_add_test(tc, aix_drw_a_pair_of_words_under_load);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
