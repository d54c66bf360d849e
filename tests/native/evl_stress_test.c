/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL under load: stages kept apart (X4), units conserved (K6, K8). */
#include "evl_test.h"

#include <sched.h>

enum { THREADS = 6 };

/* X4: each thread sets its bit while it is inside. */
static struct evl_stax stax;
static unsigned mask; /* atomic; bits of in-band threads are the even ones */
static int enough;    /* atomic */
static unsigned seen_inside, seen_outside, entered[2], errors;

static void x4_loop(void *arg)
{
    unsigned me = *(unsigned *)arg, oob = me % 2;
    unsigned bit = 1u << me, converse = oob ? 0x55555555u : 0xaaaaaaaau;
    if (oob && evl_switch_oob() != 0)
        ADD(&errors, 1u);
    while (!LOAD(&enough)) {
        if (evl_lock_stax(&stax) != 0) {
            ADD(&errors, 1u);
            return;
        }
        (void)__atomic_or_fetch(&mask, bit, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 3; i++) {
            if ((LOAD(&mask) & converse) != 0)
                ADD(&seen_inside, 1u);
            sched_yield();
        }
        (void)__atomic_and_fetch(&mask, ~bit, __ATOMIC_SEQ_CST);
        ADD(&entered[oob], 1u);
        evl_unlock_stax(&stax);
        unsigned before = LOAD(&entered[!oob]);
        for (int i = 0; i < 20 && LOAD(&entered[!oob]) == before; i++) {
            if ((LOAD(&mask) & converse) != 0)
                ADD(&seen_outside, 1u);
            sched_yield();
        }
    }
}

START_TEST(evl_stax_X4_both_stages_are_never_inside_together)
{
    struct actor a[THREADS];
    unsigned id[THREADS];
    ck_assert_int_eq(evl_init_stax(&stax), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        id[i] = i;
        actor_start(&a[i], x4_loop, &id[i]);
    }
    WAIT_UNTIL(LOAD(&entered[0]) > 2000 && LOAD(&entered[1]) > 2000 &&
               LOAD(&seen_outside) > 0);
    STORE(&enough, 1);
    for (int i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    ck_assert_uint_eq(errors, 0);
    ck_assert_uint_eq(seen_inside, 0);
}
END_TEST

/* K6, K8: posts race with dates; what is given is what was taken and what is left. */
enum { RACES = 20000 };
static struct evl_ksem ksem, turn_begins;
static unsigned taken, late, wrong, waiting; /* atomic */

static void timed_waiter(void *arg)
{
    unsigned seed = *(unsigned *)arg;
    if (evl_switch_oob() != 0)
        ADD(&errors, 1u);
    for (int i = 0; i < RACES; i++) {
        seed = seed * 1103515245u + 12345u;
        ktime_t date = (ktime_t)support_now_ns() + (seed >> 16) % 30000;
        int error = evl_down_timeout(&ksem, date);
        if (error == 0)
            ADD(&taken, 1u);
        else if (error == -ETIMEDOUT && (ktime_t)support_now_ns() >= date)
            ADD(&late, 1u);
        else
            ADD(&wrong, 1u);
    }
    ADD(&waiting, -1u);
}

START_TEST(evl_ksem_K8_posts_race_with_dates)
{
    struct actor a[2];
    unsigned seeds[2] = {1, 77777}, given = 0;
    evl_init_ksem(&ksem, 0);
    STORE(&waiting, 2u);
    for (int i = 0; i < 2; i++)
        actor_start(&a[i], timed_waiter, &seeds[i]);
    while (LOAD(&waiting) != 0) {
        if (given < LOAD(&taken) + 2) {
            evl_up(&ksem);
            given++;
        }
        for (unsigned n = given % 64 * 16; n > 0; n--)
            __asm__ volatile("");
        if (given % 16 == 0)
            sched_yield();
    }
    for (int i = 0; i < 2; i++)
        actor_join(&a[i]);
    ck_assert_uint_eq(wrong + errors, 0);
    ck_assert_uint_eq(taken + late, 2 * RACES);
    ck_assert_uint_eq(given, taken + (unsigned)drain(&ksem));
}
END_TEST

/* No unit may be lost: the untimed waiter needs every one that the timed ones leave. */
static void untimed_waiter(void *arg)
{
    if (evl_switch_oob() != 0)
        ADD(&errors, 1u);
    while (!LOAD((int *)arg)) {
        if (evl_down(&ksem) == 0)
            ADD(&taken, 1u);
        else
            ADD(&wrong, 1u);
    }
}

static void one_timed_waiter(void *arg)
{
    (void)arg;
    if (evl_switch_oob() != 0)
        ADD(&errors, 1u);
    for (int i = 0; i < RACES / 4 && evl_down(&turn_begins) == 0; i++) {
        int error = evl_down_timeout(&ksem, (ktime_t)support_now_ns() + i % 64 * 400);
        if (error == 0)
            ADD(&taken, 1u);
        else if (error != -ETIMEDOUT)
            ADD(&wrong, 1u);
    }
}

START_TEST(evl_ksem_K8_every_post_reaches_a_waiter)
{
    struct actor timed, untimed;
    int stop = 0;
    evl_init_ksem(&ksem, 0);
    evl_init_ksem(&turn_begins, 0);
    actor_start(&timed, one_timed_waiter, NULL);
    actor_start(&untimed, untimed_waiter, &stop);
    ck_assert_int_eq(ksl_thread_set_priority(timed.thread, 50), 0);
    for (unsigned i = 1; i <= RACES / 4; i++) {
        evl_up(&turn_begins);
        for (unsigned n = i % 64 * 32; n > 0; n--)
            __asm__ volatile("");
        evl_up(&ksem);
        WAIT_UNTIL(LOAD(&taken) == i);
    }
    actor_join(&timed);
    STORE(&stop, 1);
    evl_up(&ksem);
    actor_join(&untimed);
    ck_assert_uint_eq(wrong + errors, 0);
    ck_assert_uint_eq(taken, RACES / 4 + 1);
    ck_assert_int_eq(evl_trydown(&ksem), -EAGAIN);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl under load");
    TCase *tc = tcase_create("stress");
    tcase_set_timeout(tc, 230);
    tcase_add_test(tc, evl_stax_X4_both_stages_are_never_inside_together);
    tcase_add_test(tc, evl_ksem_K8_posts_race_with_dates);
    tcase_add_test(tc, evl_ksem_K8_every_post_reaches_a_waiter);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
