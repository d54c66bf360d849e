/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: what a handler makes of the share that its thread is just
 * taking, by an inlined path, which ends in ksl_share_fenced, or another one; and a
 * counted share of memory that has been overwritten.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "support.h"

#include "lock/rw.h"
#include "platform/host.h"
#include "platform/testing.h"

#include <kslock/diag.h>
#include <kslock/irq.h>

#include <string.h>

enum { IRQ = 5, LEVEL = 5, WARM = 5 };

static struct sx sx;
static int upgraded;
static int may_take, taken, tried, may_release; /* atomic */
static __thread bool stops_at_claims;

static void upgrade(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    upgraded = sx_try_upgrade(&sx);
}

static void give_back(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    sx_sunlock(&sx);
}

/* ksl_share_fast, with a handler between the store and the look at the word. */
static bool share_interrupted(ksl_irq_handler handler)
{
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, handler, NULL), 0);
    ksl_thread *t = ksl_thread_self();
    struct ksl_slot *s = ksl_slot_of((uintptr_t)t, &sx.sx_lock);
    STORE(&s->place, KSL_PLACE());
    STORE(&s->lock, (uintptr_t)&sx.sx_lock);
    ck_assert_int_eq(ksl_irq_raise_on(t, IRQ), 0);
    return (LOAD(&sx.sx_lock) & KSL_WORD_BIAS) != 0 || ksl_share_fenced(&sx.sx_lock);
}

static void wait_for(const int *flag)
{
    uint64_t state = 0;
    while (!LOAD(flag) && support_keep_waiting(&state))
        ;
}

/* The other thread takes the lock, if it is free, before claims are answered. */
static void hook(const char *where)
{
    if (!stops_at_claims || strcmp(where, "rw: claims") != 0)
        return;
    stops_at_claims = false;
    STORE(&may_take, 1);
    wait_for(&tried);
}

static void take_it(void *arg)
{
    (void)arg;
    wait_for(&may_take);
    STORE(&taken, sx_try_xlock(&sx));
    STORE(&tried, 1);
    wait_for(&may_release);
    if (LOAD(&taken))
        sx_xunlock(&sx);
}

START_TEST(sx_an_upgrade_in_a_handler_is_given_back_once)
{
    struct actor other;
    sx_init(&sx, "sx");
    for (int i = 0; i < WARM; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    recorder_start();
    actor_start(&other, take_it, NULL);
    ck_assert(!share_interrupted(upgrade));
    ck_assert_int_eq(upgraded, 1);
    ck_assert(sx_xlocked(&sx));
    STORE(&ksi_point_hook, hook);
    stops_at_claims = true;
    sx_xunlock(&sx);
    stops_at_claims = false;
    STORE(&ksi_point_hook, NULL);
    STORE(&may_take, 1);
    WAIT_UNTIL(LOAD(&tried));
    ck_assert_int_eq(LOAD(&taken), 1);
    ck_assert_int_eq(sx_try_xlock(&sx), 0);
    STORE(&may_release, 1);
    actor_join(&other);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_a_share_given_back_in_a_handler_is_not_counted_without_a_record)
{
    sx_init(&sx, "sx");
    recorder_start();
    if (!share_interrupted(give_back))
        sx_slock(&sx);
    else
        recorder_start(); /* it has been taken, and given back */
    sx_unlock(&sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
}
END_TEST

/* --- an upgrade while the share stands in the slot and is not granted -----------------
 */

/* The ways there: what the word is, where the handler comes, and the call. */
static bool by_inlined_path(void)
{
    struct ksl_slot *s = ksl_slot_of((uintptr_t)ksl_thread_self(), &sx.sx_lock);
    STORE(&s->place, KSL_PLACE());
    STORE(&s->lock, (uintptr_t)&sx.sx_lock);
    return ksl_share_fenced(&sx.sx_lock);
}

static bool by_trying(void)
{
    return sx_try_slock(&sx);
}

static bool by_watched_path(void)
{
    ck_assert_int_eq(ksl_diag_enable("report=/dev/null,stats"), 0);
    sx_slock(&sx);
    ASSERT_VIOLATED("recursion"); /* of the share that it wants then */
    recorder_start();
    return false;
}

static const struct way {
    bool (*share)(void);
    const char *where;
    uintptr_t word;   /* how the lock is then */
    uintptr_t opened; /* what somebody else makes of it before the handler comes */
} ways[] = {{by_inlined_path, "rw: slot", KSL_WORD_SLOTS, 0},
            {by_inlined_path, "rw: shown in vain", 0, KSL_WORD_SLOTS},
            {by_trying, "rw: slot", KSL_WORD_SLOTS, 0},
            {by_watched_path, "quick: shown", KSL_WORD_SLOTS | KSL_WORD_BIAS, 0}};
enum { WAYS = sizeof ways / sizeof *ways };

static const struct way *way;
static __thread bool is_interrupted;

static void interrupt_there(const char *where)
{
    if (!is_interrupted || strcmp(where, way->where) != 0)
        return;
    is_interrupted = false;
    __atomic_or_fetch(&sx.sx_lock, way->opened, __ATOMIC_SEQ_CST);
    if (ksl_irq_raise_on(ksl_thread_self(), IRQ) != 0)
        upgraded = -1;
}

START_TEST(sx_an_upgrade_of_a_share_not_granted_yet_is_kept)
{
    way = &ways[_i];
    sx_init(&sx, "sx");
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, upgrade, NULL), 0);
    STORE(&sx.sx_lock, KSL_WORD_BASE | way->word);
    STORE(&ksi_point_hook, interrupt_there);
    is_interrupted = true;
    ck_assert(!way->share());
    ck_assert(!is_interrupted);
    STORE(&ksi_point_hook, NULL);
    ck_assert_int_eq(upgraded, 1);
    ck_assert(sx_xlocked(&sx));
    sx_xunlock(&sx);
    ck_assert(!sx_xlocked(&sx));
    ck_assert_uint_eq(recorder_count(NULL), 0);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

/* --- a release while the share stands in the slot and is not granted ------------------
 */

static bool by_watched_lock(void)
{
    ck_assert_int_eq(ksl_diag_enable("report=/dev/null,stats"), 0);
    sx_slock(&sx);
    return true;
}

/* What somebody else takes off the word after the handler. */
static const struct early {
    struct way way;
    uintptr_t closed;
} early_ways[] = {{{by_inlined_path, "rw: slot", KSL_WORD_SLOTS, 0}, KSL_WORD_SLOTS},
                  {{by_inlined_path, "rw: shown in vain", 0, 0}, 0},
                  {{by_trying, "rw: slot", KSL_WORD_SLOTS, 0}, KSL_WORD_SLOTS},
                  {{by_watched_lock, "quick: shown", KSL_WORD_SLOTS | KSL_WORD_BIAS, 0},
                   KSL_WORD_BIAS}};
enum { EARLY_WAYS = sizeof early_ways / sizeof *early_ways };

static uintptr_t closed;

static void give_back_there(const char *where)
{
    if (!is_interrupted || strcmp(where, way->where) != 0)
        return;
    interrupt_there(where);
    __atomic_and_fetch(&sx.sx_lock, ~closed, __ATOMIC_SEQ_CST);
}

START_TEST(sx_a_release_in_a_handler_before_the_share_is_granted_is_named)
{
    way = &early_ways[_i].way;
    closed = early_ways[_i].closed;
    sx_init(&sx, "sx");
    recorder_start();
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, give_back, NULL), 0);
    STORE(&sx.sx_lock, KSL_WORD_BASE | way->word);
    STORE(&ksi_point_hook, give_back_there);
    is_interrupted = true;
    bool shared = way->share();
    ck_assert(!is_interrupted);
    STORE(&ksi_point_hook, NULL);
    ASSERT_VIOLATED("not-owner");
    ck_assert_uint_eq(recorder_count(NULL), 1);
    recorder_start();
    if (!shared)
        sx_slock(&sx);
    sx_sunlock(&sx);
    ck_assert_int_eq(sx_try_xlock(&sx), 1);
    sx_xunlock(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}
END_TEST

START_TEST(sx_release_of_a_share_of_cleared_memory_is_refused)
{
    static const struct sx cleared;
    sx_init(&sx, "sx");
    recorder_start();
    sx_slock(&sx);
    memset(&sx, 0, sizeof sx);
    (sx_sunlock)(&sx);
    ASSERT_VIOLATED("destroyed");
    ck_assert_int_eq(memcmp(&sx, &cleared, sizeof sx), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_rw_handler");
    TCase *tc = tcase_create("handler");
    tcase_set_timeout(tc, 80);
    if (ksi_heavy_works())
        tcase_add_test(tc, sx_an_upgrade_in_a_handler_is_given_back_once);
    tcase_add_test(tc,
                   sx_a_share_given_back_in_a_handler_is_not_counted_without_a_record);
    tcase_add_loop_test(tc, sx_an_upgrade_of_a_share_not_granted_yet_is_kept, 0,
                        ksi_heavy_works() ? WAYS : WAYS - 1); /* no bias without it */
    tcase_add_loop_test(tc,
                        sx_a_release_in_a_handler_before_the_share_is_granted_is_named, 0,
                        ksi_heavy_works() ? EARLY_WAYS : EARLY_WAYS - 1);
    tcase_add_test(tc, sx_release_of_a_share_of_cleared_memory_is_refused);
    suite_add_tcase(s, tc);
    return support_run(s);
}
