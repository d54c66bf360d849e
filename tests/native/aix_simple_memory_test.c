/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of AIX locks: lock_alloc and lock_free (1.2), traps 15 and 17, errno. */
#include "aix_test.h"

#include <stdlib.h>
#include <sys/mman.h>

static struct puppet p[2];

static void setup(void)
{
    puppets_start(p, 2);
    recorder_start();
}

static void teardown(void)
{
    puppets_end(p, 2);
    recorder_stop();
}

static void use_simple(Simple_lock *l)
{
    simple_lock(l);
    ck_assert_int_eq(ask(&p[0], do_simple_try, l), FALSE);
    tell_blocked(&p[0], do_simple_lock, l);
    simple_unlock(l);
    (void)answer(&p[0]);
    ck_assert_int_eq(simple_lock_try(l), FALSE);
    (void)ask(&p[0], do_simple_unlock, l);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

static void use_complex(Complex_lock *l)
{
    lock_write(l);
    tell_blocked(&p[0], do_lock_read, l);
    lock_done(l);
    (void)answer(&p[0]);
    ck_assert_int_eq(lock_islocked(l), TRUE);
    (void)ask(&p[0], do_lock_done, l);
    ck_assert_int_eq(lock_islocked(l), FALSE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

START_TEST(aix_1_2_alloc_once_and_init_many_times)
{
    static const int flags[] = {LOCK_ALLOC_PIN, LOCK_ALLOC_PAGED};
    for (int f = 0; f < 2; f++) {
        Simple_lock *simple = malloc(sizeof *simple);
        Complex_lock *complex_lock = malloc(sizeof *complex_lock);
        ck_assert(simple != NULL && complex_lock != NULL);
        lock_alloc(simple, flags[f], 17, -1);
        lock_alloc(complex_lock, flags[f], 18, 3);
        for (int i = 0; i < 3; i++) {
            simple_lock_init(simple);
            use_simple(simple);
            lock_init(complex_lock, i == 0 ? TRUE : FALSE);
            use_complex(complex_lock);
        }
        lock_free(simple);
        lock_free(complex_lock);
        free(simple);
        free(complex_lock);
    }
}
END_TEST

START_TEST(aix_trap_17_one_class_and_occurrence_for_all_locks)
{
    static Simple_lock simple[40];
    static Complex_lock complex_lock[40];
    for (int i = 0; i < 40; i++) {
        lock_alloc(&simple[i], LOCK_ALLOC_PIN, 5, -1);
        lock_alloc(&complex_lock[i], LOCK_ALLOC_PAGED, 5, -1);
        simple_lock_init(&simple[i]);
        lock_init(&complex_lock[i], TRUE);
    }
    for (int i = 0; i < 40; i++) {
        simple_lock(&simple[i]);
        lock_write(&complex_lock[i]);
    }
    for (int i = 0; i < 40; i++) {
        ck_assert_int_eq(lock_mine(&simple[i]), TRUE);
        ck_assert_int_eq(lock_mine(&complex_lock[i]), TRUE);
        simple_unlock(&simple[i]);
        lock_done(&complex_lock[i]);
    }
    for (int i = 0; i < 40; i++) {
        lock_free(&simple[i]);
        lock_free(&complex_lock[i]);
    }
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(aix_trap_17_locks_without_lock_alloc)
{
    Simple_lock simple;
    Complex_lock complex_lock;
    simple_lock_init(&simple);
    lock_init(&complex_lock, TRUE);
    use_simple(&simple);
    use_complex(&complex_lock);
}
END_TEST

START_TEST(aix_1_2_the_same_memory_for_one_lock_after_the_other)
{
    union {
        Simple_lock simple;
        Complex_lock complex_lock;
        unsigned char bytes[64];
    } memory;
    for (int i = 0; i < 10; i++) {
        memset(&memory, 0xa5 + i, sizeof memory);
        lock_alloc(&memory, LOCK_ALLOC_PIN, (short)i, (short)-i);
        if (i % 2 == 0) {
            simple_lock_init(&memory.simple);
            use_simple(&memory.simple);
        } else {
            lock_init(&memory.complex_lock, TRUE);
            use_complex(&memory.complex_lock);
        }
        lock_free(&memory);
    }
}
END_TEST

/*
 * The memory of a lock goes away as soon as the one that was let in has it, though
 * the call that let it in has perhaps not returned.
 */
enum { ROUNDS = 400 };

struct kind {
    const char *name;
    void (*init)(void *l);
    int (*take)(void *l);
    int (*give)(void *l);
};

static void init_lockl(void *l)
{
    *(lock_t *)l = LOCK_AVAIL;
}

static void init_simple(void *l)
{
    simple_lock_init((simple_lock_t)l);
}

static void init_complex(void *l)
{
    lock_init((complex_lock_t)l, TRUE);
}

static int saved; /* of the only owner */

static int take_disabled(void *l)
{
    int old = disable_lock(INTMAX, (simple_lock_t)l);
    saved = old;
    return 0;
}

static int give_disabled(void *l)
{
    unlock_enable(saved, (simple_lock_t)l);
    return 0;
}

static const struct kind kinds[] = {
    {"lockl", init_lockl, do_lockl, do_unlockl},
    {"simple_lock", init_simple, do_simple_lock, do_simple_unlock},
    {"disable_lock", init_simple, take_disabled, give_disabled},
    {"complex, write", init_complex, do_lock_write, do_lock_done},
};

struct handover {
    const struct kind *kind;
    void *page;
    size_t size;
    int unmapped;
};

static int take_and_unmap(void *arg)
{
    struct handover *h = arg;
    (void)h->kind->take(h->page);
    (void)h->kind->give(h->page);
    h->unmapped = munmap(h->page, h->size) == 0;
    return 0;
}

static void hand_over(const struct kind *kind, bool asleep)
{
    struct handover h = {kind, NULL, 4096, 0};
    h.page =
        mmap(NULL, h.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert(h.page != MAP_FAILED);
    kind->init(h.page);
    (void)kind->take(h.page);
    tell(&p[0], take_and_unmap, &h);
    if (asleep)
        wait_asleep(p[0].actor.thread);
    (void)kind->give(h.page); /* the page may be gone by now */
    (void)answer(&p[0]);
    ck_assert_int_eq(h.unmapped, 1);
    ck_assert_msg(recorder_count(NULL) == 0, "%s: %s", kind->name,
                  recorder_last().message);
}

START_TEST(aix_trap_15_the_next_owner_unmaps_the_lock)
{
    for (int i = 0; i < ROUNDS; i++)
        hand_over(&kinds[_i], false);
}
END_TEST

START_TEST(aix_trap_15_a_woken_owner_unmaps_the_lock)
{
    if (kinds[_i].take == take_disabled)
        return; /* its waiters spin */
    for (int i = 0; i < ROUNDS; i++)
        hand_over(&kinds[_i], true);
}
END_TEST

static int errno_of_waiter(void *arg)
{
    const struct handover *h = arg;
    errno = ERANGE;
    (void)h->kind->take(h->page);
    (void)h->kind->give(h->page);
    return errno;
}

START_TEST(aix_no_call_changes_errno)
{
    union {
        lock_t word;
        Simple_lock simple;
        Complex_lock complex_lock;
    } memory;
    struct handover h = {&kinds[_i], &memory, sizeof memory, 0};
    errno = EDOM;
    kinds[_i].init(&memory);
    (void)kinds[_i].take(&memory);
    ck_assert_int_eq(errno, EDOM);
    if (kinds[_i].take == take_disabled)
        tell(&p[0], errno_of_waiter, &h);
    else
        tell_blocked(&p[0], errno_of_waiter, &h);
    errno = EDOM;
    (void)kinds[_i].give(&memory);
    ck_assert_int_eq(errno, EDOM);
    ck_assert_int_eq(answer(&p[0]), ERANGE);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("memory of aix locks");
    TCase *tc = tcase_create("memory");
    tcase_set_timeout(tc, 80);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, aix_1_2_alloc_once_and_init_many_times);
    tcase_add_test(tc, aix_trap_17_one_class_and_occurrence_for_all_locks);
    tcase_add_test(tc, aix_trap_17_locks_without_lock_alloc);
    tcase_add_test(tc, aix_1_2_the_same_memory_for_one_lock_after_the_other);
    tcase_add_loop_test(tc, aix_trap_15_the_next_owner_unmaps_the_lock, 0, 4);
    tcase_add_loop_test(tc, aix_trap_15_a_woken_owner_unmaps_the_lock, 0, 4);
    tcase_add_loop_test(tc, aix_no_call_changes_errno, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
