/* SPDX-License-Identifier: BSD-2-Clause */
/* Stanix rwlock and interrupts: W2, W7, T20. */
#include <kernel/asm.h>
#include <kernel/rwlock.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "support.h"

enum { IRQ = 7, IRQ_LEVEL = 5 };

static void request(ksl_irq_handler fn, void *arg)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, fn, arg), 0);
}

struct party {
    rwlock_t lock;
    bool raw; /* the writer passes no pointer for the interrupt state */
    int arrived;
    int phase; /* 2: the writer is inside, 3: on its way out */
    int ran;   /* handler runs */
    int ran_inside;
    int bad;
};

static void write_once(void *arg)
{
    struct party *p = arg;
    int save;
    STORE(&p->arrived, 1);
    rwlock_acquire_write(&p->lock, p->raw ? NULL : &save);
    STORE(&p->phase, 2);
    STORE(&p->phase, 3);
    rwlock_release_write(&p->lock, p->raw ? NULL : &save);
}

static void use_in_handler(int irq, void *arg)
{
    struct party *p = arg;
    int save;
    (void)irq;
    rwlock_acquire_read(&p->lock, &save);
    rwlock_release_read(&p->lock, &save);
    rwlock_acquire_write(&p->lock, &save);
    if (save != 0 && have_interrupt())
        ADD(&p->bad, 1);
    rwlock_release_write(&p->lock, &save);
    ADD(&p->ran, 1);
}

START_TEST(W7_a_handler_may_use_the_lock)
{
    struct party p = {.ran = 0};
    int save;
    recorder_start();
    request(use_in_handler, &p);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&p.ran), 1);
    rwlock_acquire_write(&p.lock, &save);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    ck_assert_int_eq(LOAD(&p.ran), 1);
    rwlock_release_write(&p.lock, &save);
    ck_assert_int_eq(LOAD(&p.ran), 2);
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(p.bad, 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

static void note_phase(int irq, void *arg)
{
    struct party *p = arg;
    (void)irq;
    if (LOAD(&p->phase) == 2)
        STORE(&p->ran_inside, 1);
    ADD(&p->ran, 1);
}

static void spin_with_interrupt(struct party *p)
{
    struct actor a;
    request(note_phase, p);
    rwlock_raw_acquire_read(&p->lock);
    actor_start(&a, write_once, p);
    WAIT_UNTIL(LOAD(&p->arrived));
    ck_assert_int_eq(ksl_irq_raise_on(a.thread, IRQ), 0);
    if (p->raw)
        WAIT_UNTIL(LOAD(&p->ran) == 1);
    rwlock_raw_release_read(&p->lock);
    actor_join(&a);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_int_eq(p->ran, 1);
    ck_assert_int_eq(p->ran_inside, 0);
}

START_TEST(T20_a_spinner_without_save_pointer_takes_interrupts)
{
    struct party p = {.raw = true};
    spin_with_interrupt(&p);
}
END_TEST

START_TEST(W2_a_spinner_with_save_pointer_takes_none_until_release)
{
    struct party p = {.raw = false};
    spin_with_interrupt(&p);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("stanix rwlock and interrupts");
    TCase *tc = tcase_create("interrupts");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, W7_a_handler_may_use_the_lock);
    tcase_add_test(tc, T20_a_spinner_without_save_pointer_takes_interrupts);
    tcase_add_test(tc, W2_a_spinner_with_save_pointer_takes_none_until_release);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
