/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What headers inline of masking, spinlocks and rwlocks: it does what the functions do,
 * which still are functions. Built with and without the optimiser.
 */

#include "support.h"

#include <kernel/asm.h>
#include <kernel/rwlock.h>
#include <kernel/spinlock.h>

#include <kslock/diag.h>

enum { IRQ = 7, LEVEL = 5, DEEP = 40 };

static spinlock_t spin;
static rwlock_t rw;
static int inside;    /* atomic: interrupts are masked */
static int runs;      /* atomic: handlers that have run */
static int ran_early; /* atomic: one of them inside */

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (LOAD(&inside))
        STORE(&ran_early, 1);
    ADD(&runs, 1);
}

/* A lock or a mask, and what else must have played what came meanwhile. */
static unsigned state;
static int irq_state;
static int save;

static void mask(void)
{
    state = ksl_irq_save();
}

static void restore(void)
{
    ksl_irq_restore(state);
}

static void disable(void)
{
    disable_interrupt();
}

static void enable(void)
{
    enable_interrupt();
}

static void take_spin(void)
{
    spinlock_acquire(&spin);
}

static void give_spin(void)
{
    spinlock_release(&spin);
}

static void try_spin(void)
{
    if (!ksl_spinlock_try_acquire(&spin))
        abort();
}

static void give_spin_raw(void)
{
    spinlock_raw_release(&spin);
    STORE(&inside, 0);
    enable_interrupt();
}

static void take_spin_irq(void)
{
    irq_state = ksl_spinlock_acquire_irq(&spin);
}

static void give_spin_irq(void)
{
    ksl_spinlock_release_irq(&spin, irq_state);
}

static void read_in(void)
{
    rwlock_acquire_read(&rw, &save);
}

static void read_out(void)
{
    rwlock_release_read(&rw, &save);
}

static void write_in(void)
{
    rwlock_acquire_write(&rw, &save);
}

static void write_out(void)
{
    rwlock_release_write(&rw, &save);
}

static void try_write_in(void)
{
    if (rwlock_try_acquire_write(&rw, &save) != 1)
        abort();
}

static void try_read_in(void)
{
    if (rwlock_try_acquire_read(&rw, &save) != 1)
        abort();
}

static const struct {
    const char *name;
    void (*in)(void), (*out)(void);
} pairs[] = {
    {"save, restore", mask, restore},
    {"disable, enable", disable, enable},
    {"spinlock", take_spin, give_spin},
    {"spinlock, try", try_spin, give_spin},
    {"spinlock, raw release", take_spin, give_spin_raw},
    {"spinlock, irq pair", take_spin_irq, give_spin_irq},
    {"read", read_in, read_out},
    {"read, try", try_read_in, read_out},
    {"write", write_in, write_out},
    {"write, try", try_write_in, write_out},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

/* --- interrupts -----------------------------------------------------------------------
 */

static int turn; /* atomic: 1: raise, 2: has been raised, 3: end */
static ksl_thread *target;

static void raiser(void *arg)
{
    (void)arg;
    uint64_t waits = 0;
    while (LOAD(&turn) != 3 && support_keep_waiting(&waits)) {
        if (LOAD(&turn) != 1)
            continue;
        (void)ksl_irq_raise_on(target, IRQ);
        STORE(&turn, 2);
    }
}

/* What was raised before the call that unmasks has run when it returns (U2, S5, W2). */
static void masked_round(int which, int round)
{
    pairs[which].in();
    STORE(&inside, 1);
    ck_assert_int_eq(have_interrupt(), 0);
    ck_assert(!ksl_irq_enabled());
    STORE(&turn, 1);
    WAIT_UNTIL(LOAD(&turn) == 2);
    ck_assert_int_eq(LOAD(&runs), round);
    STORE(&inside, 0);
    pairs[which].out();
    ck_assert_msg(LOAD(&runs) == round + 1, "%s, round %d: %d", pairs[which].name, round,
                  LOAD(&runs));
    ck_assert_int_ne(have_interrupt(), 0);
    ck_assert(ksl_irq_enabled());
}

START_TEST(U2_what_was_raised_has_run_when_it_is_open_again)
{
    enum { ROUNDS = 200 };
    struct actor a;
    recorder_start();
    target = ksl_thread_self();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handler, NULL), 0);
    STORE(&runs, 0);
    STORE(&turn, 0);
    actor_start(&a, raiser, NULL);
    for (int i = 0; i < ROUNDS; i++)
        masked_round(_i, i);
    STORE(&turn, 3);
    actor_join(&a);
    ck_assert_int_eq(LOAD(&ran_early), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* A level that leaves it masked does not play it, one below does. */
START_TEST(U2_levels)
{
    recorder_start();
    STORE(&runs, 0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handler, NULL), 0);
    ck_assert_uint_eq(ksl_irq_set_level(LEVEL), 0);
    ck_assert_int_eq(ksl_irq_raise_on(ksl_thread_self(), IRQ), 0);
    spinlock_acquire(&spin);
    spinlock_release(&spin);
    ck_assert_uint_eq(ksl_irq_set_level(KSL_IRQ_LEVELS - 1), LEVEL);
    ck_assert_int_eq(LOAD(&runs), 0);
    ksl_irq_restore(LEVEL - 1);
    ck_assert_int_eq(LOAD(&runs), 1);
    ck_assert_uint_eq(ksl_irq_set_level(0), LEVEL - 1);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ksl_irq_restore(KSL_IRQ_LEVELS);
    ck_assert_uint_eq(ksl_irq_set_level(KSL_IRQ_LEVELS), 0);
    ck_assert_uint_eq(recorder_count("bad-argument"), 2);
    ck_assert(ksl_irq_enabled());
}
END_TEST

/* --- still functions ------------------------------------------------------------------
 */

static void (*volatile acquire)(spinlock_t *) = spinlock_acquire;
static void (*volatile release)(spinlock_t *) = spinlock_release;
static unsigned (*volatile saver)(void) = ksl_irq_save;
static void (*volatile restorer)(unsigned) = ksl_irq_restore;
static void (*volatile writer)(rwlock_t *, int *) = rwlock_acquire_write;

START_TEST(inlined_calls_have_one_address_and_mix_with_calls)
{
    recorder_start();
    ck_assert(acquire == ksl_spinlock_acquire && release == ksl_spinlock_release);
    ck_assert(writer == ksl_rwlock_acquire_write);
    acquire(&spin);
    ck_assert_int_eq(have_interrupt(), 0);
    spinlock_release(&spin);
    spinlock_acquire(&spin);
    release(&spin);
    unsigned before = saver();
    unsigned inner = ksl_irq_save();
    ck_assert_uint_eq(inner, KSL_IRQ_LEVELS - 1);
    restorer(inner);
    ksl_irq_restore(before);
    ck_assert(ksl_irq_enabled());
    writer(&rw, &save);
    rwlock_release_write(&rw, &save);
    rwlock_raw_acquire_write(&rw);
    rwlock_raw_release_write(&rw);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* --- the record -----------------------------------------------------------------------
 */

static spinlock_t deep[DEEP];

/* More than the record has room for in front, in reverse order or in another one. */
START_TEST(S4_deep_nests_are_recorded)
{
    recorder_start();
    for (int i = 0; i < DEEP; i++)
        spinlock_acquire(&deep[i]);
    (void)ksl_syscall_exit();
    ASSERT_VIOLATED("exit-held");
    if (_i == 0) {
        for (int i = DEEP - 1; i >= 0; i--)
            spinlock_release(&deep[i]);
    } else {
        for (int i = 1; i <= DEEP; i++)
            ksl_spinlock_raw_release(&deep[i * 7 % DEEP]);
        ck_assert_int_eq(have_interrupt(), 0);
        enable_interrupt();
    }
    (void)ksl_syscall_exit();
    ck_assert_uint_eq(recorder_count(NULL), 1);
    ck_assert_int_ne(have_interrupt(), 0);
}
END_TEST

START_TEST(S7_misuse_is_found)
{
    recorder_start();
    spinlock_release(&spin);
    ASSERT_VIOLATED("not-locked");
    recorder_start();
    spinlock_acquire(&spin);
    spinlock_acquire(&spin);
    ASSERT_VIOLATED("recursion");
    ck_assert(ksl_spinlock_held(&spin));
    spinlock_release(&spin);
    ck_assert_int_ne(have_interrupt(), 0);
    recorder_start();
    rwlock_raw_acquire_read(&rw);
    rwlock_raw_release_write(&rw);
    ASSERT_VIOLATED("not-locked");
    rwlock_raw_release_read(&rw);
    rwlock_raw_release_read(&rw);
    rwlock_raw_release_write(&rw);
    ck_assert_uint_eq(recorder_count("not-locked"), 3);
    ck_assert_int_eq(rwlock_raw_try_acquire_write(&rw), 1);
    rwlock_raw_release_write(&rw);
    (void)ksl_syscall_exit();
    ck_assert_uint_eq(recorder_count(NULL), 3);
}
END_TEST

/* What is taken before the switch is given back after it, and the other way round. */
START_TEST(switching_on_inside)
{
    recorder_start();
    spinlock_acquire(&spin);
    rwlock_acquire_read(&rw, &save);
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    rwlock_release_read(&rw, &save);
    spinlock_release(&spin);
    for (int i = 0; i < PAIRS; i++) {
        pairs[i].in();
        ck_assert_int_eq(have_interrupt(), 0);
        pairs[i].out();
        ck_assert_int_ne(have_interrupt(), 0);
    }
    (void)ksl_syscall_exit();
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("inline_spin");
    TCase *tc = tcase_create("inlined");
    tcase_add_loop_test(tc, U2_what_was_raised_has_run_when_it_is_open_again, 0, PAIRS);
    tcase_add_test(tc, U2_levels);
    tcase_add_test(tc, inlined_calls_have_one_address_and_mix_with_calls);
    tcase_add_loop_test(tc, S4_deep_nests_are_recorded, 0, 2);
    tcase_add_test(tc, S7_misuse_is_found);
    tcase_add_test(tc, switching_on_inside);
    suite_add_tcase(s, tc);
    return support_run(s);
}
