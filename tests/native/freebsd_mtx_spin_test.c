/* SPDX-License-Identifier: BSD-2-Clause */
/* mutex(9), MTX_SPIN: interrupts are masked until the last one is released. */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "support.h"

#include <string.h>

enum { IRQ = 7, IRQ_LEVEL = 5, ROUNDS = 3000 };

static struct mtx a, b, recursive;

static void setup(void)
{
    mtx_init(&a, "spin a", NULL, MTX_SPIN);
    mtx_init(&b, "spin b", NULL, MTX_SPIN | MTX_QUIET);
    mtx_init(&recursive, "spin r", NULL, MTX_SPIN | MTX_RECURSE);
    recorder_start();
}

static void teardown(void)
{
    recorder_start();
    ck_assert(ksl_irq_enabled());
    mtx_destroy(&a);
    mtx_destroy(&b);
    mtx_destroy(&recursive);
    ASSERT_NO_VIOLATION();
    recorder_stop();
}

struct remote {
    struct mtx *m;
    struct actor actor;
    int found;
    int open; /* afterwards */
};

static void try_remote(void *arg)
{
    struct remote *r = arg;
    r->found = mtx_trylock_spin(r->m);
    if (r->found)
        mtx_unlock_spin(r->m);
    r->open = ksl_irq_enabled();
}

static int try_on_other_thread(struct mtx *m)
{
    struct remote r = {.m = m, .found = -1};
    actor_start(&r.actor, try_remote, &r);
    actor_join(&r.actor);
    ck_assert_int_ne(r.open, 0); /* also after a failure */
    return r.found;
}

START_TEST(mtx_spin_masks_until_released)
{
    mtx_lock_spin(&a);
    ck_assert(!ksl_irq_enabled());
    ck_assert_int_ne(mtx_owned(&a), 0);
    ck_assert_int_eq(try_on_other_thread(&a), 0);
    mtx_unlock_spin(&a);
    ck_assert(ksl_irq_enabled());
    ck_assert_int_eq(mtx_trylock_spin(&a), 1);
    ck_assert(!ksl_irq_enabled());
    mtx_unlock_spin(&a);
    ck_assert(ksl_irq_enabled());
    ck_assert_int_eq(try_on_other_thread(&a), 1);
    mtx_lock_spin_flags(&a, MTX_QUIET);
    mtx_unlock_spin_flags(&a, MTX_QUIET);
    ck_assert(ksl_irq_enabled());
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_spin_two_released_in_any_order)
{
    for (int i = 0; i < 2; i++) {
        mtx_lock_spin(&a);
        mtx_lock_spin(&b);
        mtx_unlock_spin(i ? &a : &b);
        ck_assert(!ksl_irq_enabled());
        mtx_unlock_spin(i ? &b : &a);
        ck_assert(ksl_irq_enabled());
    }
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_spin_recursion)
{
    mtx_lock_spin(&recursive);
    mtx_lock_spin(&recursive);
    ck_assert_int_ne(mtx_recursed(&recursive), 0);
    mtx_unlock_spin(&recursive);
    ck_assert(!ksl_irq_enabled());
    ck_assert_int_eq(mtx_recursed(&recursive), 0);
    ck_assert_int_eq(try_on_other_thread(&recursive), 0);
    mtx_unlock_spin(&recursive);
    ck_assert(ksl_irq_enabled());
    ck_assert_int_eq(try_on_other_thread(&recursive), 1);
    ASSERT_NO_VIOLATION();
}
END_TEST

START_TEST(mtx_spin_brings_the_level_of_before_back)
{
    unsigned before = ksl_irq_set_level(3);
    mtx_lock_spin(&a);
    mtx_lock_spin(&b);
    mtx_unlock_spin(&a);
    mtx_unlock_spin(&b);
    ck_assert_uint_eq(ksl_irq_set_level(before), 3);
    ck_assert(ksl_irq_enabled());
    ASSERT_NO_VIOLATION();
}
END_TEST

static void count_irq(int irq, void *arg)
{
    (void)irq;
    ADD((int *)arg, 1);
}

START_TEST(mtx_spin_an_interrupt_waits_for_the_last_release)
{
    int ran = 0;
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, KSL_IRQ_LEVELS - 1, count_irq, &ran), 0);
    mtx_lock_spin(&a);
    mtx_lock_spin(&b);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&ran), 0);
    mtx_unlock_spin(&a);
    ck_assert_int_eq(LOAD(&ran), 0);
    mtx_unlock_spin(&b);
    ck_assert_int_eq(LOAD(&ran), 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ASSERT_NO_VIOLATION();
}
END_TEST

struct shared {
    int total;   /* under a */
    int handled; /* atomic */
    int done;    /* atomic */
};

static void add_in_handler(int irq, void *arg)
{
    struct shared *s = arg;
    (void)irq;
    mtx_lock_spin(&a);
    s->total++;
    mtx_unlock_spin(&a);
    ADD(&s->handled, 1);
}

static void add_in_thread(void *arg)
{
    struct shared *s = arg;
    for (int i = 0; i < ROUNDS; i++) {
        mtx_lock_spin(&a);
        s->total++;
        mtx_unlock_spin(&a);
    }
    ADD(&s->done, 1);
    /* Takes interrupts as long as the main thread raises them. */
    uint64_t state = 0;
    while (LOAD(&s->done) != 3 && support_keep_waiting(&state))
        ;
}

/* Two threads and their handlers, all under one mutex. */
START_TEST(mtx_spin_between_handlers_and_threads)
{
    struct shared s = {0};
    struct actor t[2];
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, add_in_handler, &s), 0);
    for (int i = 0; i < 2; i++)
        actor_start(&t[i], add_in_thread, &s);
    for (int i = 0; LOAD(&s.done) < 2 || LOAD(&s.handled) < 20; i++)
        ck_assert_int_eq(ksl_irq_raise_on(t[i % 2].thread, IRQ), 0);
    STORE(&s.done, 3);
    for (int i = 0; i < 2; i++)
        actor_join(&t[i]);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    mtx_lock_spin(&a);
    ck_assert_int_eq(s.total, 2 * ROUNDS + LOAD(&s.handled));
    mtx_unlock_spin(&a);
    ASSERT_NO_VIOLATION();
}
END_TEST

/* ---- misuse ---- */

static void unlock_remote(void *arg)
{
    struct remote *r = arg;
    mtx_unlock_spin(r->m);
    r->open = ksl_irq_enabled();
}

START_TEST(mtx_spin_unlock_by_who_does_not_hold_it)
{
    mtx_unlock_spin(&a);
    ASSERT_VIOLATED("not-locked");
    ck_assert(ksl_irq_enabled());
    struct remote r = {.m = &a};
    mtx_lock_spin(&a);
    recorder_start();
    actor_start(&r.actor, unlock_remote, &r);
    actor_join(&r.actor);
    ASSERT_VIOLATED("not-owner");
    ck_assert_int_ne(r.open, 0);
    ck_assert_int_ne(mtx_owned(&a), 0);
    mtx_unlock_spin(&a);
}
END_TEST

START_TEST(mtx_spin_lock_again_is_recursion)
{
    mtx_lock_spin(&a);
    mtx_lock_spin(&a);
    ASSERT_VIOLATED("recursion");
    ck_assert(!ksl_irq_enabled());
    mtx_unlock_spin(&a);
    ck_assert(ksl_irq_enabled());
}
END_TEST

static void lock_interrupted(int irq, void *arg)
{
    (void)irq;
    mtx_lock_spin(arg); /* a level that the thread should have masked */
}

/* Only with the mask taken off by hand can a handler meet its own thread. */
START_TEST(mtx_spin_held_by_the_interrupted_thread_is_recursion)
{
    ck_assert_int_eq(
        ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, lock_interrupted, &a), 0);
    mtx_lock_spin(&a);
    unsigned masked = ksl_irq_set_level(0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ASSERT_VIOLATED("recursion");
    (void)ksl_irq_set_level(masked);
    mtx_unlock_spin(&a);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(try_on_other_thread(&a), 1);
}
END_TEST

START_TEST(mtx_spin_destroyed_or_never_initialised)
{
    static struct mtx m[2]; /* the first stays zero */
    mtx_init(&m[1], "gone", NULL, MTX_SPIN);
    mtx_destroy(&m[1]);
    mtx_lock_spin(&m[_i]);
    ASSERT_VIOLATED("destroyed");
    ck_assert(ksl_irq_enabled());
    recorder_start();
    ck_assert_int_eq(mtx_trylock_spin(&m[_i]), 0);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    mtx_unlock_spin(&m[_i]);
    ASSERT_VIOLATED("destroyed");
    ck_assert(ksl_irq_enabled());
}
END_TEST

static void destroy_remote(void *arg)
{
    struct remote *r = arg;
    mtx_destroy(r->m);
}

START_TEST(mtx_spin_destroy)
{
    struct remote r = {.m = &a};
    mtx_lock_spin(&a);
    actor_start(&r.actor, destroy_remote, &r);
    actor_join(&r.actor);
    ASSERT_VIOLATED("destroy-held");
    recorder_start();
    mtx_destroy(&a); /* the owner may */
    ASSERT_NO_VIOLATION();
    ck_assert(ksl_irq_enabled());
    mtx_init(&a, "spin a", NULL, MTX_SPIN);
}
END_TEST

START_TEST(mtx_spin_bad_arguments)
{
    mtx_lock(&a);
    ASSERT_VIOLATED("bad-argument");
    recorder_start();
    ck_assert_int_eq(mtx_trylock(&a), 0);
    ASSERT_VIOLATED("bad-argument");
    mtx_lock_spin(&a);
    recorder_start();
    mtx_unlock(&a);
    ASSERT_VIOLATED("bad-argument");
    ck_assert_int_ne(mtx_owned(&a), 0);
    mtx_unlock_spin(&a);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd spin mtx");
    TCase *tc = tcase_create("MTX_SPIN");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, mtx_spin_masks_until_released);
    tcase_add_test(tc, mtx_spin_two_released_in_any_order);
    tcase_add_test(tc, mtx_spin_recursion);
    tcase_add_test(tc, mtx_spin_brings_the_level_of_before_back);
    tcase_add_test(tc, mtx_spin_an_interrupt_waits_for_the_last_release);
    tcase_add_test(tc, mtx_spin_between_handlers_and_threads);
    tcase_add_test(tc, mtx_spin_unlock_by_who_does_not_hold_it);
    tcase_add_test(tc, mtx_spin_lock_again_is_recursion);
    tcase_add_test(tc, mtx_spin_held_by_the_interrupted_thread_is_recursion);
    tcase_add_loop_test(tc, mtx_spin_destroyed_or_never_initialised, 0, 2);
    tcase_add_test(tc, mtx_spin_destroy);
    tcase_add_test(tc, mtx_spin_bad_arguments);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
