/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix rwlock: statements W1 to W6, T20; handlers are in a file of their own. */
#include <kernel/asm.h>
#include <kernel/rwlock.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "support.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

enum { MAY_NOTHING, MAY_READ, MAY_WRITE };

struct probe {
    rwlock_t *lock;
    int may;
    int bad; /* interrupt state not as expected */
};

static void probe(void *arg)
{
    struct probe *p = arg;
    int save = -1;
    if (rwlock_try_acquire_write(p->lock, &save) == 1) {
        p->may = MAY_WRITE;
        rwlock_release_write(p->lock, &save);
    } else if (rwlock_try_acquire_read(p->lock, &save) == 1) {
        p->may = MAY_READ;
        rwlock_release_read(p->lock, &save);
    }
    if (!have_interrupt())
        p->bad = 1;
}

/* What another thread could do with the lock now. */
static int others_may(rwlock_t *lock)
{
    struct probe p = {.lock = lock};
    actor_run(probe, &p);
    ck_assert_int_eq(p.bad, 0);
    return p.may;
}

START_TEST(W1_readers_share_and_a_writer_is_alone)
{
    rwlock_t lock;
    int save = -1;
    memset(&lock, 0, sizeof lock);
    ck_assert_int_eq(others_may(&lock), MAY_WRITE);
    rwlock_acquire_read(&lock, &save);
    ck_assert_int_eq(others_may(&lock), MAY_READ);
    rwlock_release_read(&lock, &save);
    ck_assert_int_eq(others_may(&lock), MAY_WRITE);
    rwlock_acquire_write(&lock, &save);
    ck_assert_int_eq(others_may(&lock), MAY_NOTHING);
    rwlock_release_write(&lock, &save);
    ck_assert_int_eq(others_may(&lock), MAY_WRITE);
}
END_TEST

START_TEST(W1_try_succeeds_on_a_free_lock)
{
    rwlock_t lock = {0};
    int save = -1;
    ck_assert_int_eq(rwlock_try_acquire_write(&lock, &save), 1);
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert_int_eq(others_may(&lock), MAY_NOTHING);
    rwlock_release_write(&lock, &save);
    ck_assert_int_eq(rwlock_try_acquire_read(&lock, &save), 1);
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert_int_eq(others_may(&lock), MAY_READ);
    rwlock_release_read(&lock, &save);
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(W1_failing_try_leaves_interrupts_as_at_entry)
{
    rwlock_t lock = {0};
    int save;
    rwlock_raw_acquire_write(&lock); /* interrupts stay open */
    for (int open = 0; open < 2; open++) {
        ksl_irq_set_level(open ? 0 : 11);
        ck_assert_int_eq(rwlock_try_acquire_read(&lock, &save), 0);
        ck_assert_int_eq(have_interrupt() != 0, open);
        ck_assert_int_eq(rwlock_try_acquire_write(&lock, &save), 0);
        ck_assert_int_eq(have_interrupt() != 0, open);
        ck_assert_int_eq(rwlock_raw_try_acquire_read(&lock), 0);
        ck_assert_int_eq(rwlock_raw_try_acquire_write(&lock), 0);
        ck_assert_int_eq(have_interrupt() != 0, open);
    }
    rwlock_raw_release_write(&lock);
}
END_TEST

typedef void lock_call(rwlock_t *, int *);

static void check_saving(lock_call *acquire, lock_call *release)
{
    rwlock_t lock = {0};
    int save = -1;
    acquire(&lock, &save);
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert_int_ne(save, 0);
    release(&lock, &save);
    ck_assert_int_ne(have_interrupt(), 0);
    disable_interrupt();
    save = -1;
    acquire(&lock, &save);
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert_int_eq(save, 0);
    release(&lock, &save);
    ck_assert_int_eq(have_interrupt(), 0);
    /* NULL: masked stays masked, open stays open. */
    acquire(&lock, NULL);
    release(&lock, NULL);
    ck_assert_int_eq(have_interrupt(), 0);
    enable_interrupt();
    acquire(&lock, NULL);
    ck_assert_int_ne(have_interrupt(), 0);
    release(&lock, NULL);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_int_eq(others_may(&lock), MAY_WRITE);
}

START_TEST(W2_interrupt_state_goes_through_the_pointer)
{
    check_saving(rwlock_acquire_read, rwlock_release_read);
    check_saving(rwlock_acquire_write, rwlock_release_write);
}
END_TEST

START_TEST(W3_reverse_order_restores_exactly)
{
    rwlock_t a = {0}, b = {0};
    int save_a, save_b;
    rwlock_acquire_read(&a, &save_a);
    rwlock_acquire_write(&b, &save_b);
    rwlock_release_write(&b, &save_b);
    ck_assert_int_eq(have_interrupt(), 0);
    rwlock_release_read(&a, &save_a);
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(W3_other_order_opens_too_early_and_never_masks)
{
    rwlock_t a = {0}, b = {0};
    int save_a, save_b;
    rwlock_acquire_write(&a, &save_a);
    rwlock_acquire_write(&b, &save_b);
    rwlock_release_write(&a, &save_a);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_int_eq(others_may(&b), MAY_NOTHING);
    rwlock_release_write(&b, &save_b);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_int_eq(others_may(&b), MAY_WRITE);
}
END_TEST

struct party {
    rwlock_t lock;
    int arrived;
    int phase;
    int turn;
    int shares;
    int bad;
};

static void write_once(void *arg)
{
    struct party *p = arg;
    int save;
    STORE(&p->arrived, 1);
    rwlock_acquire_write(&p->lock, &save);
    STORE(&p->phase, 2);
    if (LOAD(&p->shares) != 0)
        ADD(&p->bad, 1);
    STORE(&p->phase, 3);
    rwlock_release_write(&p->lock, &save);
}

START_TEST(W4_readers_enter_while_a_writer_spins)
{
    struct party p = {.shares = 1};
    struct actor a;
    int save, inner;
    rwlock_acquire_read(&p.lock, &save);
    actor_start(&a, write_once, &p);
    WAIT_UNTIL(LOAD(&p.arrived));
    for (int i = 0; i < 2000; i++) {
        rwlock_acquire_read(&p.lock, &inner);
        rwlock_release_read(&p.lock, &inner);
        if (i % 100 == 0)
            sched_yield();
    }
    ck_assert_int_eq(others_may(&p.lock), MAY_READ);
    ck_assert_int_eq(LOAD(&p.phase), 0);
    STORE(&p.shares, 0);
    rwlock_release_read(&p.lock, &save);
    actor_join(&a);
    ck_assert_int_eq(p.phase, 3);
    ck_assert_int_eq(p.bad, 0);
}
END_TEST

struct release {
    rwlock_t *lock;
    lock_call *call;
};

static void release_here(void *arg)
{
    struct release *r = arg;
    r->call(r->lock, NULL);
}

START_TEST(W5_another_thread_may_release)
{
    rwlock_t lock = {0};
    recorder_start();
    rwlock_raw_acquire_write(&lock);
    actor_run(release_here, &(struct release){&lock, rwlock_release_write});
    ck_assert_int_eq(others_may(&lock), MAY_WRITE);
    rwlock_raw_acquire_read(&lock);
    actor_run(release_here, &(struct release){&lock, rwlock_release_read});
    ck_assert_int_eq(others_may(&lock), MAY_WRITE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

enum { OVERLAPS = 200 };

/* Takes the share over from the main thread and gives it back, in turns. */
static void overlap(void *arg)
{
    struct party *p = arg;
    int save;
    for (int i = 0; i < 4 * OVERLAPS; i += 4) {
        WORKER_WAIT(LOAD(&p->turn) == i + 1);
        rwlock_acquire_read(&p->lock, &save);
        STORE(&p->turn, i + 2);
        WORKER_WAIT(LOAD(&p->turn) == i + 3);
        rwlock_release_read(&p->lock, &save);
        STORE(&p->turn, i + 4);
    }
}

START_TEST(W6_T20_a_writer_waits_as_long_as_readers_overlap)
{
    struct party p = {.shares = 1};
    struct actor writer, reader;
    int save;
    rwlock_acquire_read(&p.lock, &save);
    actor_start(&reader, overlap, &p);
    actor_start(&writer, write_once, &p);
    WAIT_UNTIL(LOAD(&p.arrived));
    for (int i = 0; i < 4 * OVERLAPS; i += 4) {
        STORE(&p.turn, i + 1);
        WAIT_UNTIL(LOAD(&p.turn) == i + 2);
        rwlock_release_read(&p.lock, &save);
        rwlock_acquire_read(&p.lock, &save);
        STORE(&p.turn, i + 3);
        WAIT_UNTIL(LOAD(&p.turn) == i + 4);
    }
    actor_join(&reader);
    ck_assert_int_eq(LOAD(&p.phase), 0);
    STORE(&p.shares, 0);
    rwlock_release_read(&p.lock, &save);
    actor_join(&writer);
    ck_assert_int_eq(p.phase, 3);
    ck_assert_int_eq(p.bad, 0);
}
END_TEST

static void check_refused(rwlock_t *lock, lock_call *release, int may)
{
    int open = 1;
    recorder_start();
    disable_interrupt();
    release(lock, &open);
    ASSERT_VIOLATED("not-locked");
    ck_assert_int_eq(have_interrupt(), 0);
    enable_interrupt();
    ck_assert_int_eq(others_may(lock), may);
}

START_TEST(release_of_a_lock_not_held_in_that_mode_is_not_locked)
{
    rwlock_t lock = {0};
    check_refused(&lock, rwlock_release_read, MAY_WRITE);
    check_refused(&lock, rwlock_release_write, MAY_WRITE);
    rwlock_raw_acquire_read(&lock);
    check_refused(&lock, rwlock_release_write, MAY_READ);
    rwlock_raw_release_read(&lock);
    rwlock_raw_acquire_write(&lock);
    check_refused(&lock, rwlock_release_read, MAY_NOTHING);
    rwlock_raw_release_write(&lock);
    ck_assert_uint_eq(recorder_count(NULL), 1);
}
END_TEST

START_TEST(errno_is_preserved)
{
    rwlock_t lock = {0};
    int save;
    errno = 77;
    rwlock_acquire_read(&lock, &save);
    (void)rwlock_try_acquire_write(&lock, &save);
    rwlock_release_read(&lock, &save);
    rwlock_acquire_write(&lock, &save);
    rwlock_release_write(&lock, &save);
    ck_assert_int_eq(errno, 77);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix rwlock");
    TCase *tc = tcase_create("statements");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, W1_readers_share_and_a_writer_is_alone);
    tcase_add_test(tc, W1_try_succeeds_on_a_free_lock);
    tcase_add_test(tc, W1_failing_try_leaves_interrupts_as_at_entry);
    tcase_add_test(tc, W2_interrupt_state_goes_through_the_pointer);
    tcase_add_test(tc, W3_reverse_order_restores_exactly);
    tcase_add_test(tc, W3_other_order_opens_too_early_and_never_masks);
    tcase_add_test(tc, W4_readers_enter_while_a_writer_spins);
    tcase_add_test(tc, W5_another_thread_may_release);
    tcase_add_test(tc, W6_T20_a_writer_waits_as_long_as_readers_overlap);
    tcase_add_test(tc, release_of_a_lock_not_held_in_that_mode_is_not_locked);
    tcase_add_test(tc, errno_is_preserved);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
