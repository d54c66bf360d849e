/* SPDX-License-Identifier: BSD-2-Clause */

/* Faults of earlier versions: the record of held locks. */

#include "support.h"

#include "diag/held.h"
#include "platform/testing.h"
#include "thread/thread.h"

#include <kslock/diag.h>
#include <kslock/kslock.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { HANDOFFS = 5000, READS = 2 * KSI_FAR_INLINE + 2 };

static ksl_rwlock_t lock;
static int turn; /* atomic: 1: the lock waits for its release */

static void release_each(void *arg)
{
    (void)arg;
    uint64_t state = 0;
    for (int i = 0; i < HANDOFFS; i++) {
        while (LOAD(&turn) != 1 && support_keep_waiting(&state))
            ;
        ksl_rwlock_release_write(&lock, NULL);
        STORE(&turn, 0);
    }
}

START_TEST(W5_a_lock_handed_over_leaves_no_entry_for_ever)
{
    struct actor a;
    recorder_start();
    actor_start(&a, release_each, NULL);
    for (int i = 0; i < HANDOFFS; i++) {
        ksl_rwlock_acquire_write(&lock, NULL);
        STORE(&turn, 1);
        WAIT_UNTIL(LOAD(&turn) == 0);
    }
    actor_join(&a);
    ck_assert_uint_le(ksl_thread_self()->front.nholds, 2 * KSI_HOLDS_INLINE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* A hold that found no room in the record is given back all the same. */
START_TEST(R4_release_without_memory_for_the_record)
{
    /* Two and two of them meet in a near slot: the last one is far slot KSI_FAR_INLINE.
     */
    static ksl_rwsem_t sems[READS] __attribute__((aligned(1024)));
    struct rlimit before, none;
    recorder_start();
    for (int i = 0; i < READS - 1; i++)
        ck_assert_int_eq(ksl_rwsem_acquire_read(&sems[i]), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1;
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
    bool limited =
        mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
    int taken = ksl_rwsem_acquire_read(&sems[READS - 1]);
    unsigned unshared = ksl_thread_self()->unshared;
    int given_back = ksl_rwsem_release_read(&sems[READS - 1]);
    ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
    ck_assert_int_eq(taken, 0);
    if (limited)
        ck_assert_uint_eq(unshared, 1);
    else
        support_skip("the host does not limit memory");
    ck_assert_int_eq(given_back, 0);
    ck_assert_uint_lt(sems[READS - 1].word, 512); /* no holder */
    for (int i = READS - 2; i >= 0; i--)
        ck_assert_int_eq(ksl_rwsem_release_read(&sems[i]), 0);
    ck_assert_uint_eq(ksl_thread_self()->unshared, 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/*
 * A share is given back by another thread, which has seen its entry, while the holder
 * moves that, because the one below goes: in the middle of the move, or when it is over.
 */
enum { IDLE, LOOKED, MOVED, STRUCK };
static ksl_rwlock_t below;
static int step;          /* atomic */
static int in_the_middle; /* atomic */

static void await(int to)
{
    uint64_t state = 0;
    while (LOAD(&step) != to && support_keep_waiting(&state))
        ;
}

static void go_on(const char *where)
{
    if (strcmp(where, "held: strike") == 0 && LOAD(&step) == IDLE) {
        STORE(&step, LOOKED);
        await(MOVED);
    } else if (strcmp(where, "held: move") == 0 && LOAD(&in_the_middle)) {
        STORE(&step, MOVED);
        await(STRUCK);
    }
}

static void give_for_holder(void *arg)
{
    (void)arg;
    ksl_rwlock_release_read(&lock, NULL);
    STORE(&step, STRUCK);
}

START_TEST(W5_an_entry_is_struck_out_while_it_moves)
{
    struct actor a;
    recorder_start();
    STORE(&in_the_middle, _i);
    ksl_rwlock_acquire_write(&below, NULL);
    ksl_rwlock_acquire_read(&lock, NULL);
    STORE(&ksi_point_hook, go_on);
    actor_start(&a, give_for_holder, NULL);
    WAIT_UNTIL(LOAD(&step) == LOOKED);
    ksl_rwlock_release_write(&below, NULL);
    STORE(&in_the_middle, 0);
    if (_i == 0)
        STORE(&step, MOVED);
    actor_join(&a);
    STORE(&ksi_point_hook, NULL);
    ck_assert_ptr_null(ksi_held_find(ksl_thread_self(), &lock, KSI_SHARED));
    ck_assert_int_eq(ksl_rwlock_try_acquire_write(&lock, NULL), 1);
    ksl_rwlock_release_write(&lock, NULL);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void give_one(void *arg)
{
    (void)arg;
    ksl_rwlock_release_read(&lock, NULL);
}

/* Its place is counted, and has what was there before: the share that has gone. */
START_TEST(W5_an_entry_that_is_being_made_is_none_yet)
{
    ksl_thread *t = ksl_thread_self();
    recorder_start();
    ksl_rwlock_acquire_read(&lock, NULL);
    ksl_rwlock_acquire_read(&lock, NULL);
    ksl_rwlock_release_read(&lock, NULL);
    uint32_t n = t->front.nholds;
    ck_assert_ptr_eq(ksi_held_at(t, n)->lock, &lock);
    ksi_store(&t->front.nholds, n + 1);
    actor_run(give_one, NULL);
    ksi_store(&t->front.nholds, n);
    ck_assert_ptr_null(ksi_held_find(t, &lock, KSI_SHARED));
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static int masked_state; /* of a share that was taken with interrupts masked */

static void read_masked(void *arg)
{
    (void)arg;
    unsigned before = ksl_irq_save();
    ksl_rwlock_acquire_read(&lock, &masked_state);
    ksl_irq_restore(before);
}

/* The state says that nothing is opened; the newest entry is of another acquire. */
static void release_for_another(void)
{
    struct actor a;
    int state;
    actor_start(&a, read_masked, NULL);
    actor_join(&a);
    ksl_rwlock_acquire_read(&lock, &state);
    ksl_rwlock_release_read(&lock, &masked_state);
    bool opened = ksl_irq_enabled();
    ksl_rwlock_release_read(&lock, &state);
    ck_assert_int_eq(masked_state, 0);
    ck_assert(!opened);
    ck_assert(ksl_irq_enabled());
    ck_assert_uint_eq(lock.word, 0);
}

START_TEST(W2_a_masked_state_opens_nothing)
{
    recorder_start();
    release_for_another();
    ck_assert_int_eq(ksl_diag_enable("stats=/dev/null"), 0); /* not the fast way */
    release_for_another();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_record");
    TCase *tc = tcase_create("record");
    tcase_add_test(tc, W5_a_lock_handed_over_leaves_no_entry_for_ever);
    tcase_add_loop_test(tc, W5_an_entry_is_struck_out_while_it_moves, 0, 2);
    tcase_add_test(tc, W5_an_entry_that_is_being_made_is_none_yet);
    tcase_add_test(tc, R4_release_without_memory_for_the_record);
    tcase_add_test(tc, W2_a_masked_state_opens_nothing);
    suite_add_tcase(s, tc);
    return support_run(s);
}
