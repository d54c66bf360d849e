/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * F10: a writer that gives up leaves its mark, and others stay asleep. F11: a shared
 * request is granted like an exclusive one. F12: upgrades that are not atomic, two of
 * them, downgrades. F13: who must wait behind a waiting writer, and who must not.
 */

#include "bugs.h"
#include "sx_calls.h"

static struct sx sx;

static int xlock_sig(void *l)
{
    return sx_xlock_sig((struct sx *)l);
}

START_TEST(f10_readers_enter_when_the_waiting_writer_gives_up)
{
    struct puppet p[5];
    sx_init(&sx, "f10");
    puppets_start(p, 5);
    for (int unblocked = 0; unblocked < 2; unblocked++) {
        ck_assert_int_eq(ask(&p[0], slock, &sx), 0);
        tell_blocked(&p[1], xlock_sig, &sx);
        tell_blocked(&p[2], slock, &sx);
        tell_blocked(&p[3], slock, &sx);
        if (unblocked)
            ck_assert_int_eq(ksl_thread_unblock(p[1].actor.thread), 1);
        else
            ck_assert_int_eq(ksl_signal_post(p[1].actor.thread, 10), 0);
        ck_assert_int_eq(answer(&p[1]), EINTR);
        ck_assert_int_eq(answer(&p[2]), 0);
        ck_assert_int_eq(answer(&p[3]), 0);
        /* Its mark is gone as well: a new reader does not wait for it. */
        ck_assert_int_eq(sx_has_waiters(&sx), 0);
        ck_assert_int_eq(ask(&p[4], slock, &sx), 0);
        ck_assert_int_eq(ask(&p[4], sunlock, &sx), 0);
        ck_assert_int_eq(ask(&p[1], take_signals, NULL), !unblocked);
        ck_assert_int_eq(ask(&p[0], sunlock, &sx), 0);
        ck_assert_int_eq(ask(&p[2], sunlock, &sx), 0);
        ck_assert_int_eq(ask(&p[3], sunlock, &sx), 0);
    }
    puppets_end(p, 5);
    sx_destroy(&sx);
}
END_TEST

START_TEST(f11_all_readers_are_inside_after_a_writer)
{
    struct scene s = {.puppets = 5};
    while (scene_next(&s, SHARES)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        for (int r = 1; r <= 3; r++)
            waits(&s, r, k->share);
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        for (int r = 1; r <= 3; r++) /* nobody leaves until all have come */
            ck_assert_int_eq(answer(&s.p[r]), 0);
        ck_assert_int_eq(says(&s, 4, k->share), 0);
        for (int r = 1; r <= 4; r++)
            ck_assert_int_eq(says(&s, r, k->unshare), 0);
    }
}
END_TEST

/* Until its slots are open, if it has any: a share there is not counted in the word. */
static void warm(struct scene *s)
{
    for (int n = 0; n < 300; n++) {
        ck_assert_int_eq(says(s, 0, s->kind->share), 0);
        ck_assert_int_eq(says(s, 0, s->kind->unshare), 0);
    }
}

/* Refused beside another sharer; granted alone, and nobody has written in between. */
static void upgrades(const struct lock_kind *k, bool warmed)
{
    struct scene s;
    scene_begin(&s, k, 3);
    if (warmed)
        warm(&s);
    ck_assert_int_eq(says(&s, 0, k->share), 0);
    ck_assert_int_eq(says(&s, 1, k->share), 0);
    ck_assert_int_eq(says(&s, 0, k->upgrade), 0);
    ck_assert_int_eq(says(&s, 1, k->upgrade), 0);
    waits(&s, 2, k->take);
    ck_assert_int_eq(says(&s, 1, k->unshare), 0);
    still_waits(&s, 2);
    ck_assert_int_eq(says(&s, 0, k->upgrade), 1);
    still_waits(&s, 2);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    ck_assert_int_eq(answer(&s.p[2]), 0);
    ck_assert_int_eq(says(&s, 2, k->give), 0);
    scene_end(&s);
}

START_TEST(f12_an_upgrade_lets_nobody_in_between)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        mark_point();
        if (lock_kind(i)->upgrade == NULL)
            continue;
        upgrades(lock_kind(i), false);
        upgrades(lock_kind(i), true);
    }
}
END_TEST

/* One share is left afterwards, no more and no less. */
START_TEST(f12_a_downgrade_leaves_one_share)
{
    struct scene s = {.puppets = 4};
    while (scene_next(&s, DOWNGRADES)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        waits(&s, 1, k->take);
        ck_assert_int_eq(says(&s, 0, k->downgrade), 0);
        still_waits(&s, 1);
        ck_assert_int_eq(says(&s, 0, k->unshare), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(says(&s, 1, k->give), 0);
    }
}
END_TEST

START_TEST(f12_a_downgrade_lets_readers_in)
{
    struct scene s = {.puppets = 4};
    while (scene_next(&s, DOWNGRADES)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        waits(&s, 1, k->share);
        waits(&s, 2, k->share);
        ck_assert_int_eq(says(&s, 0, k->downgrade), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(answer(&s.p[2]), 0);
        waits(&s, 3, k->take);
        for (int r = 0; r <= 2; r++)
            ck_assert_int_eq(says(&s, r, k->unshare), 0);
        ck_assert_int_eq(answer(&s.p[3]), 0);
        ck_assert_int_eq(says(&s, 3, k->give), 0);
    }
}
END_TEST

/* A new share is taken, or waited for, with a writer waiting behind a reader. */
static void new_reader(struct scene *s, bool passes)
{
    const struct lock_kind *k = s->kind;
    if (passes) {
        ck_assert_int_eq(says(s, 2, k->share), 0);
        ck_assert_int_eq(says(s, 2, k->unshare), 0);
    } else {
        waits(s, 2, k->share);
    }
}

START_TEST(f13_who_waits_behind_a_waiting_writer)
{
    struct scene s = {.puppets = 4};
    while (scene_next(&s, SHARES)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->share), 0);
        waits(&s, 1, k->take);
        new_reader(&s, k->readers_pass);
        /* Who has a share never waits for a writer that waits for it. */
        ck_assert_int_eq(says(&s, 0, k->share), 0);
        still_waits(&s, 1);
        ck_assert_int_eq(says(&s, 0, k->unshare), 0);
        still_waits(&s, 1);
        ck_assert_int_eq(says(&s, 0, k->unshare), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        if (!k->readers_pass)
            still_waits(&s, 2);
        ck_assert_int_eq(says(&s, 1, k->give), 0);
        if (!k->readers_pass) {
            ck_assert_int_eq(answer(&s.p[2]), 0);
            ck_assert_int_eq(says(&s, 2, k->unshare), 0);
        }
    }
}
END_TEST

void add_f10_to_f13(void)
{
    BUG(f10_readers_enter_when_the_waiting_writer_gives_up);
    BUG(f11_all_readers_are_inside_after_a_writer);
    BUG(f12_an_upgrade_lets_nobody_in_between);
    BUG(f12_a_downgrade_leaves_one_share);
    BUG(f12_a_downgrade_lets_readers_in);
    BUG(f13_who_waits_behind_a_waiting_writer);
    add_f12_of_aix();
}
