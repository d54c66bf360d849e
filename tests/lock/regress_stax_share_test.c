/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A fault of earlier versions: a thread that was about to be refused a share of an sx
 * when its process forked had that share for ever in the child. The same fault as in
 * regress_stax_fork_test.c, at the slots of readers.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "child.h"

#include "platform/host.h"

enum { PATIENCE = 20000 };

static struct sx sx;
static int may_store, stored, may_look, granted; /* atomic */

static void wait_for(const int *flag)
{
    uint64_t state = 0;
    while (!LOAD(flag) && support_keep_waiting(&state))
        ;
}

static bool biased(void)
{
    return (LOAD(&sx.sx_lock) & KSL_WORD_BIAS) != 0;
}

static void warm(void)
{
    for (int i = 0; i < PATIENCE && !biased(); i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    ck_assert(biased());
}

/* ksl_share_fast; stops before and after the store. */
static void share_slowly(void *arg)
{
    (void)arg;
    struct ksl_slot *s = ksl_slot_of(ksl_tls.owner, &sx.sx_lock);
    wait_for(&may_store);
    STORE(&s->lock, (uintptr_t)&sx.sx_lock);
    STORE(&stored, 1);
    wait_for(&may_look);
    if ((LOAD(&sx.sx_lock) & KSL_WORD_BIAS) != 0 || ksl_share_fenced(&sx.sx_lock))
        STORE(&granted, 1);
}

static void in_the_child(void)
{
    sx_xunlock(&sx);
    CHILD_CHECK(sx_try_xlock(&sx) != 0);
    sx_xunlock(&sx);
    for (int i = 0; i < PATIENCE && !biased(); i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    CHILD_CHECK(sx_try_xlock(&sx) != 0);
    sx_xunlock(&sx);
}

START_TEST(sx_who_had_no_share_at_fork_has_none_in_the_child)
{
    struct actor reader;
    sx_init(&sx, "sx");
    warm();
    actor_start(&reader, share_slowly, NULL);
    sx_xlock(&sx);
    STORE(&may_store, 1);
    WAIT_UNTIL(LOAD(&stored));
    in_child(in_the_child);
    STORE(&may_look, 1);
    actor_join(&reader);
    ck_assert_int_eq(LOAD(&granted), 0);
    sx_xunlock(&sx);
    ck_assert_int_ne(sx_try_xlock(&sx), 0);
    sx_xunlock(&sx);
}
END_TEST

int main(void)
{
    if (!ksi_heavy_works())
        return 77;
    Suite *s = suite_create("regress_stax_share");
    TCase *tc = tcase_create("share");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, sx_who_had_no_share_at_fork_has_none_in_the_child);
    suite_add_tcase(s, tc);
    return support_run(s);
}
