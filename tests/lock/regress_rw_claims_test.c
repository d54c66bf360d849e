/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Faults of earlier versions: claims of waiters on a descriptor whose thread is gone,
 * and shares beside the one in the slot.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "support.h"

#include "lock/rw.h"
#include "platform/testing.h"

#include <string.h>

enum { SHORT_LIVES = 4000 };

static struct sx first, second;
static struct actor owner, writer[2], heir, late;
static ksl_thread *descriptor;
static int owner_may_go, writer_may_go, in[2], late_in; /* atomic */
static int heir_holds, heir_may_go, heir_done, at_release, release_may_go;
static __thread bool stops_at_release;

static unsigned claims(const ksl_thread *t)
{
    return LOAD(&t->front.claims) & ~(uint32_t)KSI_CLAIM_ALWAYS;
}

static void wait_for(const int *flag)
{
    uint64_t state = 0;
    while (!LOAD(flag) && support_keep_waiting(&state))
        ;
}

static void hook(const char *where)
{
    if (!stops_at_release || strcmp(where, "rw: plain release") != 0)
        return;
    stops_at_release = false;
    STORE(&at_release, 1);
    wait_for(&release_may_go);
}

static void own_first(void *arg)
{
    (void)arg;
    (sx_xlock)(&first);
    STORE(&descriptor, ksl_thread_self());
    wait_for(&owner_may_go);
    (sx_xunlock)(&first);
}

static void write_first(void *arg)
{
    int i = (int)(intptr_t)arg;
    (sx_xlock)(&first);
    STORE(&in[i], 1);
    if (i == 0)
        wait_for(&writer_may_go);
    (sx_xunlock)(&first);
}

/* Stays if it has the descriptor of the first owner. */
static void live_shortly(void *arg)
{
    (void)arg;
    if (ksl_thread_self() != descriptor)
        return;
    (sx_xlock)(&second);
    STORE(&heir_holds, 1);
    wait_for(&heir_may_go);
    stops_at_release = true;
    (sx_xunlock)(&second);
    STORE(&heir_done, 1);
}

static void write_second(void *arg)
{
    (void)arg;
    (sx_xlock)(&second);
    STORE(&late_in, 1);
    (sx_xunlock)(&second);
}

/* A thread that gets the descriptor; the actor is running then. */
static bool find_heir(void)
{
    for (int i = 0; i < SHORT_LIVES; i++) {
        actor_start(&heir, live_shortly, NULL);
        WAIT_UNTIL(LOAD(&heir_holds) || actor_finished(&heir));
        if (LOAD(&heir_holds))
            return true;
        actor_join(&heir);
    }
    return false;
}

START_TEST(claims_do_not_pass_to_the_next_thread_of_a_descriptor)
{
    sx_init(&first, "first");
    sx_init(&second, "second");
    STORE(&ksi_point_hook, hook);
    actor_start(&owner, own_first, NULL);
    WAIT_UNTIL(LOAD(&descriptor) != NULL);
    for (intptr_t i = 0; i < 2; i++) {
        actor_start(&writer[i], write_first, (void *)i);
        wait_asleep(writer[i].thread);
    }
    ck_assert_uint_eq(claims(descriptor), 2);
    STORE(&owner_may_go, 1);
    actor_join(&owner);
    WAIT_UNTIL(LOAD(&in[0]));
    ck_assert(find_heir());
    /* The second writer takes its claim off now, whoever the descriptor serves. */
    STORE(&writer_may_go, 1);
    actor_join(&writer[0]);
    actor_join(&writer[1]);
    ck_assert_int_eq(LOAD(&in[1]), 1);
    ck_assert_uint_eq(claims(descriptor), 0);

    /* The heir has seen no mark and is about to store; the claim must tell it. */
    STORE(&heir_may_go, 1);
    WAIT_UNTIL(LOAD(&at_release));
    actor_start(&late, write_second, NULL);
    wait_asleep(late.thread);
    ck_assert_uint_eq(claims(descriptor), 1);
    STORE(&release_may_go, 1);
    WAIT_UNTIL(LOAD(&late_in));
    actor_join(&late);
    WAIT_UNTIL(LOAD(&heir_done));
    actor_join(&heir);
    STORE(&ksi_point_hook, NULL);
}
END_TEST

/* ---- nested shares under bias ---- */

static int other_got; /* atomic */

static void try_exclusive(void *arg)
{
    struct sx *sx = arg;
    STORE(&other_got, sx_try_xlock(sx));
    if (LOAD(&other_got))
        sx_xunlock(sx);
}

static int others_may_have(struct sx *sx)
{
    struct actor a;
    actor_start(&a, try_exclusive, sx);
    actor_join(&a);
    return LOAD(&other_got);
}

START_TEST(one_of_two_shares_is_still_held)
{
    static struct sx sx;
    sx_init(&sx, "nested");
    for (int i = 0; i < 20; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    ck_assert_uint_ne(LOAD(&sx.sx_lock) & KSI_SLOTS, 0);
    sx_slock(&sx);
    sx_slock(&sx);
    ck_assert_int_eq(others_may_have(&sx), 0);
    sx_sunlock(&sx); /* inlined: that of the slot */
    ck_assert_int_eq(others_may_have(&sx), 0);
    sx_sunlock(&sx);
    ck_assert_int_eq(others_may_have(&sx), 1);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_rw_claims");
    TCase *tc = tcase_create("claims");
    tcase_add_test(tc, claims_do_not_pass_to_the_next_thread_of_a_descriptor);
    tcase_add_test(tc, one_of_two_shares_is_still_held);
    suite_add_tcase(s, tc);
    return support_run(s);
}
