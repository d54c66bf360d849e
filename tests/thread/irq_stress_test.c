/* SPDX-License-Identifier: BSD-2-Clause */

/* One thread raises, the other masks and unmasks: nothing runs masked or is lost. */

#include "sanitized.h"
#include "support.h"

#include <kslock/irq.h>
#include <kslock/spinlock.h>
#include <kslock/thread.h>

#include <errno.h>
#include <string.h>

#if SANITIZED
enum { RAISES = 20000, ROUNDS = 5000 };
#else
enum { RAISES = 1000000 / TEST_SHARE, ROUNDS = 100000 / TEST_SHARE };
#endif
enum { IRQ = 6 };

static struct {
    ksl_thread *target;
    int masked;       /* of the target; written by it alone */
    int runs;         /* atomic */
    int while_masked; /* atomic */
    int sent;         /* atomic: raises begun */
    int seen;         /* atomic: newest raise that a handler saw */
    int ask, answer;  /* atomic: rounds of the handshake */
    int raised_all;   /* atomic */
    int bad;          /* atomic */
    ksl_spinlock_t lock;
} s;

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    if (*(volatile int *)&s.masked)
        ADD(&s.while_masked, 1);
    STORE(&s.seen, LOAD(&s.sent));
    ADD(&s.runs, 1);
}

static void flood(void *arg)
{
    (void)arg;
    for (int i = 1; i <= RAISES; i++) {
        STORE(&s.sent, i);
        if (ksl_irq_raise_on(s.target, IRQ) != 0)
            ADD(&s.bad, 1);
    }
    STORE(&s.raised_all, 1);
}

static void set_masked(int value)
{
    *(volatile int *)&s.masked = value;
}

/* One section with interrupts masked, by each means in turn. */
static void masked_section(unsigned kind)
{
    unsigned state = 0;
    if (kind == 0)
        state = ksl_irq_save();
    else if (kind == 1)
        state = ksl_irq_set_level(5);
    else
        ksl_spinlock_acquire(&s.lock);
    set_masked(1);
    for (int i = 0; i < 20; i++)
        __asm__ volatile("" ::: "memory");
    set_masked(0);
    if (kind == 0)
        ksl_irq_restore(state);
    else if (kind == 1)
        (void)ksl_irq_set_level(state);
    else
        ksl_spinlock_release(&s.lock);
}

static void start(void)
{
    memset(&s, 0, sizeof s);
    s.target = ksl_thread_self();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 5, handler, NULL), 0);
}

START_TEST(flood_against_masking)
{
    struct actor a;
    start();
    actor_start(&a, flood, NULL);
    uint64_t begin = support_now_ns();
    unsigned sections = 0;
    while (!LOAD(&s.raised_all) && support_now_ns() - begin < 120000000000u) {
        for (int i = 0; i < 100; i++)
            masked_section(sections++ % 3);
    }
    actor_join(&a);
    masked_section(0);
    ck_assert_int_eq(s.bad, 0);
    ck_assert_int_eq(LOAD(&s.while_masked), 0);
    ck_assert_int_eq(LOAD(&s.sent), RAISES);
    WAIT_UNTIL(LOAD(&s.seen) == RAISES); /* the last one was not lost */
    ck_assert_int_gt(LOAD(&s.runs), 0);
    ck_assert_int_le(LOAD(&s.runs), RAISES);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

static void raise_when_asked(void *arg)
{
    (void)arg;
    for (int round = 1; round <= ROUNDS; round++) {
        uint64_t state = 0;
        unsigned spins = 0;
        while (LOAD(&s.ask) != round) {
            if (++spins % 1000 == 0 && !support_keep_waiting(&state))
                return;
        }
        for (int i = 0; i <= round % 3; i++) {
            if (ksl_irq_raise_on(s.target, IRQ) != 0)
                ADD(&s.bad, 1);
        }
        STORE(&s.answer, round);
    }
}

/* Masked, raised one to three times, unmasked: it has run exactly once. */
START_TEST(exactly_once_after_unmasking)
{
    struct actor a;
    start();
    actor_start(&a, raise_when_asked, NULL);
    for (int round = 1; round <= ROUNDS; round++) {
        unsigned state = ksl_irq_save();
        set_masked(1);
        STORE(&s.ask, round);
        WAIT_UNTIL(LOAD(&s.answer) == round);
        if (LOAD(&s.runs) != round - 1)
            ck_abort_msg("round %d: %d runs while masked", round, LOAD(&s.runs));
        set_masked(0);
        ksl_irq_restore(state);
        if (LOAD(&s.runs) != round)
            ck_abort_msg("round %d: %d runs after unmasking", round, LOAD(&s.runs));
    }
    actor_join(&a);
    ck_assert_int_eq(s.bad, 0);
    ck_assert_int_eq(LOAD(&s.while_masked), 0);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("irq_stress");
    TCase *tc = tcase_create("stress");
    tcase_set_timeout(tc, 240);
    tcase_add_test(tc, flood_against_masking);
    tcase_add_test(tc, exactly_once_after_unmasking);
    suite_add_tcase(suite, tc);
    return support_run(suite);
}
