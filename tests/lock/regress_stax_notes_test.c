/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: notes on entries of a stax that were lost, so that the
 * entry stayed for ever.
 *
 * The inlined paths are copied here where a thread has to stop between two of their
 * steps.
 */
#include "../native/evl_stax_bias.h"

#include "diag/slots.h"
#include "platform/testing.h"
#include "wait/lot.h"

#include <string.h>

enum { POOL = 512 };

static struct evl_stax pool[POOL];
static struct evl_stax *first, *second; /* meet in one slot, but not in a bucket */
static int stored, looked, may_go;      /* atomic */

/* A point in the library at which a thread stops, or is seen, once. */
struct stop {
    const char *where;
    bool waits;
    int reached, go; /* atomic */
};
static struct stop noted = {"stax: noted", true, 0, 0};
static struct stop answering = {"rw: claims", true, 0, 0};
static struct stop passing = {"rw: claims", false, 0, 0};
static __thread struct stop *stop;

static void wait_for(const int *flag)
{
    uint64_t state = 0;
    while (!LOAD(flag) && support_keep_waiting(&state))
        ;
}

static void hook(const char *where)
{
    struct stop *s = stop;
    if (s == NULL || strcmp(where, s->where) != 0)
        return;
    stop = NULL;
    STORE(&s->reached, 1);
    if (s->waits)
        wait_for(&s->go);
}

static int set_stop(void *object)
{
    stop = object;
    return 0;
}

static void stop_at(struct puppet *p, struct stop *s)
{
    STORE(&s->reached, 0);
    STORE(&s->go, 0);
    ck_assert_int_eq(ask(p, set_stop, s), 0);
}

static unsigned claims(const struct puppet *p)
{
    return LOAD(&p->actor.thread->front.claims) & ~(uint32_t)KSI_CLAIM_ALWAYS;
}

/* ksl_gate_enter_fast; stops between the store and the second look. */
static int enter_slowly(void *object)
{
    struct evl_stax *s = object;
    uintptr_t owner = ksl_tls.owner, stage = ksl_gate_stage(owner);
    struct ksl_slot *slot = ksl_slot_of(owner, &s->ksl_gate);
    if (!ksl_gate_biased(&s->ksl_gate, stage) || LOAD(&slot->lock) != 0)
        return -1;
    STORE(&slot->lock, ksl_gate_entry(&s->ksl_gate, stage));
    STORE(&stored, 1);
    wait_for(&may_go);
    if (ksl_gate_biased(&s->ksl_gate, stage) || ksl_gate_shown(&s->ksl_gate))
        return 0;
    return -EAGAIN;
}

/* ksl_gate_leave_fast; stops between the look and the store. */
static int leave_slowly(void *object)
{
    struct evl_stax *s = object;
    uintptr_t owner = ksl_tls.owner;
    struct ksl_slot *slot = ksl_slot_of(owner, &s->ksl_gate);
    if (LOAD(&slot->lock) != ksl_gate_entry(&s->ksl_gate, ksl_gate_stage(owner)))
        return -1;
    STORE(&looked, 1);
    wait_for(&may_go);
    STORE(&slot->lock, (uintptr_t)0);
    if (LOAD(ksl_claims_of(owner)) != 0)
        ksl_claims_answer(&s->ksl_gate);
    return 0;
}

static const void *bucket_of(const struct evl_stax *s)
{
    struct ksi_lot lot;
    ksi_lot_lock(&lot, (const void *)(uintptr_t)&s->ksl_gate);
    const void *bucket = lot.bucket;
    ksi_lot_unlock(&lot, NULL);
    return bucket;
}

static void find_two(void)
{
    uintptr_t t = (uintptr_t)ksl_thread_self();
    first = &pool[0];
    second = NULL;
    for (int i = 1; i < POOL && second == NULL; i++) {
        if (ksl_slot_of(t, &pool[i].ksl_gate) == ksl_slot_of(t, &first->ksl_gate) &&
            bucket_of(&pool[i]) != bucket_of(first))
            second = &pool[i];
    }
    ck_assert_ptr_nonnull(second);
    ck_assert_int_eq(evl_init_stax(first), 0);
    ck_assert_int_eq(evl_init_stax(second), 0);
    ck_assert_int_eq(ask(&in[0], warm, first), 0);
    ck_assert_int_eq(ask(&in[0], warm, second), 0);
    STORE(&ksi_point_hook, hook);
}

static void check_both_free(void)
{
    struct evl_stax *both[] = {first, second};
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(ask(&oob[2], trylock, both[i]), 0);
        (void)ask(&oob[2], unlock, both[i]);
        ck_assert_int_eq(ask(&in[2], trylock, both[i]), 0);
        (void)ask(&in[2], unlock, both[i]);
    }
    ck_assert_uint_eq(claims(&in[0]), 0);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    STORE(&ksi_point_hook, NULL);
}

/*
 * in[0] shows an entry of the first stax and takes it back, because the bias has gone,
 * while oob[0] is counting that entry and has left its note. If in[0] waits for that,
 * oob[0] goes on.
 */
static void take_back_while_noted(void)
{
    STORE(&stored, 0);
    STORE(&may_go, 0);
    stop_at(&in[0], &passing);
    tell(&in[0], enter_slowly, first);
    WAIT_UNTIL(LOAD(&stored));
    stop_at(&oob[0], &noted);
    tell(&oob[0], trylock, first);
    WAIT_UNTIL(LOAD(&noted.reached));
    STORE(&may_go, 1);
    WAIT_UNTIL(done(&in[0]) || LOAD(&passing.reached));
    if (!done(&in[0]))
        STORE(&noted.go, 1);
    ck_assert_int_eq(answer(&in[0]), -EAGAIN);
    ck_assert_int_eq(ask(&in[0], set_stop, NULL), 0);
}

/* The second stax has that slot then; oob[0] may end now. */
static void finish_first(void)
{
    STORE(&noted.go, 1);
    if (answer(&oob[0]) == 0)
        (void)ask(&oob[0], unlock, first);
}

START_TEST(stax_X4_a_claim_goes_with_the_entry_that_it_was_for)
{
    find_two();
    take_back_while_noted();
    ck_assert_int_eq(ask(&in[0], lock, second), 0);
    ck_assert(biased(second));
    ck_assert_int_eq(ask(&oob[1], trylock, second), -EAGAIN);
    finish_first();
    (void)ask(&in[0], unlock, second);
    check_both_free();
}
END_TEST

START_TEST(stax_X6_an_entry_goes_although_its_slot_was_another_one_s)
{
    find_two();
    take_back_while_noted();
    ck_assert_int_eq(ask(&in[0], lock, second), 0);
    STORE(&looked, 0);
    STORE(&may_go, 0);
    tell(&in[0], leave_slowly, second);
    WAIT_UNTIL(LOAD(&looked));
    ck_assert_int_eq(ask(&oob[1], trylock, second), -EAGAIN);
    finish_first();
    STORE(&may_go, 1);
    ck_assert_int_eq(answer(&in[0]), 0);
    check_both_free();
}
END_TEST

/*
 * in[0] has left its slot and is about to take the entry off the gate, as a note says.
 * Meanwhile in[3] takes it off for in[2], whose own entry is in its slot.
 */
START_TEST(stax_X15_an_unlock_that_comes_late_takes_what_is_left)
{
    find_two();
    ck_assert_int_eq(ask(&in[0], lock, first), 0);
    STORE(&looked, 0);
    STORE(&may_go, 0);
    stop_at(&in[0], &answering);
    tell(&in[0], leave_slowly, first);
    WAIT_UNTIL(LOAD(&looked));
    ck_assert_int_eq(ask(&oob[0], trylock, first), -EAGAIN);
    STORE(&may_go, 1);
    WAIT_UNTIL(LOAD(&answering.reached));
    ck_assert_int_eq(ask(&in[1], warm, first), 0);
    ck_assert_int_eq(ask(&in[2], lock, first), 0);
    ck_assert_int_eq(ask(&in[3], unlock, first), 0);
    STORE(&answering.go, 1);
    ck_assert_int_eq(answer(&in[0]), 0);
    check_both_free();
}
END_TEST

int main(void)
{
    if (!ksi_heavy_works())
        return 77;
    Suite *s = suite_create("regress_stax_notes");
    TCase *tc = bias_case();
    tcase_add_test(tc, stax_X4_a_claim_goes_with_the_entry_that_it_was_for);
    tcase_add_test(tc, stax_X6_an_entry_goes_although_its_slot_was_another_one_s);
    tcase_add_test(tc, stax_X15_an_unlock_that_comes_late_takes_what_is_left);
    suite_add_tcase(s, tc);
    return support_run(s);
}
