/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The operations of every_instruction_test: sx(9). Handlers may use what does not
 * wait, act for the interrupted thread, and meet no half-done fast path. The
 * inlined paths of the header are part of this file.
 */

#if defined(__x86_64__)

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include "every_instruction.h"

static struct sx sx;
static int kept;  /* atomic: holds that a handler took and kept */
static bool done; /* the stepped call was not refused */

/* ---- before ---- */

static void before_new(void)
{
    sx_init(&sx, "sx");
    STORE(&kept, 0);
    done = true;
}

static void before_biased(void)
{
    before_new();
    for (int i = 0; i < 5; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    CHECK((LOAD(&sx.sx_lock) & KSL_WORD_SLOTS) != 0);
}

static void before_counted_share(void)
{
    before_new();
    sx_slock(&sx);
}

static void before_slot_share(void)
{
    before_biased();
    sx_slock(&sx);
}

static void before_exclusive(void)
{
    before_new();
    sx_xlock(&sx);
}

static void before_exclusive_slots(void)
{
    before_biased();
    sx_xlock(&sx);
}

static void before_recursive(void)
{
    sx_init_flags(&sx, "sx", SX_RECURSE);
    STORE(&kept, 0);
    sx_xlock(&sx);
}

static void before_recursed(void)
{
    before_recursive();
    sx_xlock(&sx);
}

/* ---- the stepped calls ---- */

static void op_share(void)
{
    sx_slock(&sx);
    sx_sunlock(&sx);
}

static void op_nested_shares(void)
{
    sx_slock(&sx);
    sx_slock(&sx);
    sx_sunlock(&sx);
    sx_unlock(&sx);
}

static void op_exclusive(void)
{
    sx_xlock(&sx);
    sx_xunlock(&sx);
    sx_xlock(&sx);
    sx_unlock(&sx);
}

static void op_tries(void)
{
    CHECK(sx_try_slock(&sx) == 1);
    sx_sunlock(&sx);
    CHECK(sx_try_xlock(&sx) == 1);
    sx_xunlock(&sx);
}

static void op_convert(void)
{
    sx_slock(&sx);
    CHECK(sx_try_upgrade(&sx) == 1);
    sx_downgrade(&sx);
    sx_sunlock(&sx);
}

static void op_sunlock(void)
{
    sx_sunlock(&sx);
}

static void op_xunlock(void)
{
    sx_xunlock(&sx);
}

/* Not inlined. */
static void op_xunlock_called(void)
{
    (sx_xunlock)(&sx);
}

static void op_sunlock_called(void)
{
    (sx_sunlock)(&sx);
}

static void op_unlock(void)
{
    sx_unlock(&sx);
}

static void op_slock(void)
{
    unsigned long before = ksl_violation_count();
    sx_slock(&sx);
    done = ksl_violation_count() == before;
}

static void op_xlock(void)
{
    unsigned long before = ksl_violation_count();
    sx_xlock(&sx);
    done = ksl_violation_count() == before;
}

static void op_upgrade(void)
{
    (void)sx_try_upgrade(&sx);
}

static void op_recurse(void)
{
    sx_xlock(&sx);
}

/* ---- handlers ---- */

static void handler_tries(void)
{
    if (sx_try_slock(&sx))
        sx_sunlock(&sx);
    if (sx_try_xlock(&sx))
        sx_xunlock(&sx);
}

/* Refused without a share. */
static void handler_upgrade_downgrade(void)
{
    if (sx_try_upgrade(&sx))
        sx_downgrade(&sx);
}

/* Then another thread takes a share, too. */
static void handler_downgrade(void)
{
    if (!sx_xlocked(&sx))
        return;
    sx_downgrade(&sx);
    STORE(&room.flag, GO);
    wait_flag_is(IN);
}

static void handler_keep_exclusive(void)
{
    if (sx_try_xlock(&sx))
        ADD(&kept, 1);
}

static void handler_keep_share(void)
{
    if (sx_try_slock(&sx))
        ADD(&kept, 1);
}

static void handler_keep_upgraded(void)
{
    (void)sx_try_upgrade(&sx);
}

/* ---- after ---- */

/* Gives back what the thread holds; returns how many holds that were. */
static int release_all(void)
{
    for (int n = 0;; n++) {
        unsigned long before = ksl_violation_count();
        sx_unlock(&sx);
        if (ksl_violation_count() != before)
            return n;
    }
}

static void after_kept(void)
{
    CHECK(release_all() == LOAD(&kept) + (done ? 1 : 0));
}

static void after_release(void)
{
    CHECK(sx_xlocked(&sx) == (LOAD(&kept) > 0));
    for (int i = LOAD(&kept); i > 0; i--)
        sx_xunlock(&sx);
}

/* Not beside a share of the handler. */
static void after_upgrade(void)
{
    CHECK(!sx_xlocked(&sx) || LOAD(&kept) == 0);
    CHECK(release_all() == LOAD(&kept) + 1);
}

static void after_release_of_two(void)
{
    CHECK(sx_xlocked(&sx));
    sx_xunlock(&sx);
    after_release();
}

static void after_recurse(void)
{
    CHECK(sx_xlocked(&sx));
    sx_xunlock(&sx);
    after_release_of_two();
}

/* The partner's share, if it has one, is safe. */
static void after_downgraded(void)
{
    CHECK(LOAD(&room.flag) != IN || !sx_try_xlock(&sx));
    sx_assert(&sx, SA_UNLOCKED);
    STORE(&room.flag, OVER);
}

static void after_refused_xunlock(void)
{
    bool downgraded = LOAD(&room.flag) == IN;
    CHECK(release_all() == (downgraded ? 1 : 0));
    CHECK(!downgraded || !sx_try_xlock(&sx));
    STORE(&room.flag, OVER);
}

static void partner_shares(void)
{
    wait_flag();
    if (LOAD(&room.flag) != GO)
        return;
    sx_slock(&sx);
    STORE(&room.flag, IN);
    wait_flag_is(OVER);
    sx_sunlock(&sx);
}

/* No share beside the exclusive hold, by the inlined path either. */
static void after_upgraded(void)
{
    if (sx_xlocked(&sx)) {
        STORE(&room.flag, GO);
        wait_flag_is(IN);
    }
    CHECK(release_all() == 1);
    STORE(&room.flag, OVER);
}

static void partner_shares_fast(void)
{
    wait_flag();
    if (LOAD(&room.flag) != GO)
        return;
    bool got = ksl_share_fast(&sx.sx_lock, KSL_PLACE());
    if (got)
        (void)ksl_unshare_fast(&sx.sx_lock);
    CHECK(!got);
    STORE(&room.flag, IN);
}

/* Nobody holds it: not the stepped thread, and no count that has lost its thread. */
static void free_again(void)
{
    bool got = sx_try_xlock(&sx);
    CHECK(got);
    if (got)
        sx_xunlock(&sx);
}

/* clang-format off */
#define SX(name_, before_, stepped_, handler_)                                           \
    .name = name_, .before = before_, .stepped = stepped_, .handler = handler_,          \
    .settled = free_again, .dense = SHORT_PATH

const struct op sx_ops[] = {
    {SX("sx, share, new lock", before_new, op_share, handler_tries)},
    {SX("sx, share in a slot", before_biased, op_share, handler_tries)},
    {SX("sx, two shares", before_biased, op_nested_shares, handler_tries)},
    {SX("sx, exclusive", before_new, op_exclusive, handler_tries)},
    {SX("sx, exclusive, slots", before_biased, op_exclusive, handler_tries)},
    {SX("sx, tries, new lock", before_new, op_tries, handler_tries)},
    {SX("sx, tries, slots", before_biased, op_tries, handler_tries)},
    {SX("sx, conversions, new lock", before_new, op_convert, handler_tries)},
    {SX("sx, conversions, slots", before_biased, op_convert, handler_tries)},
    {SX("sx, sunlock, handler converts", before_slot_share, op_sunlock,
        handler_upgrade_downgrade), .refusals = true},
    {SX("sx, sunlock, counted, handler converts", before_counted_share, op_sunlock,
        handler_upgrade_downgrade), .refusals = true},
    {SX("sx, unlock of a share, handler converts", before_slot_share, op_unlock,
        handler_upgrade_downgrade), .refusals = true},
    {SX("sx, unlock, handler downgrades", before_exclusive, op_unlock,
        handler_downgrade), .after = after_downgraded, .partner = partner_shares},
    {SX("sx, unlock, slots, handler downgrades", before_exclusive_slots, op_unlock,
        handler_downgrade), .after = after_downgraded, .partner = partner_shares},
    {SX("sx, xunlock, handler downgrades", before_exclusive, op_xunlock,
        handler_downgrade), .after = after_refused_xunlock, .partner = partner_shares,
     .refusals = true},
    {SX("sx, xunlock, handler recurses", before_recursive, op_xunlock,
        handler_keep_exclusive), .after = after_release},
    {SX("sx, xunlock called, handler recurses", before_recursive, op_xunlock_called,
        handler_keep_exclusive), .after = after_release},
    {SX("sx, sunlock called, handler converts", before_slot_share, op_sunlock_called,
        handler_upgrade_downgrade), .refusals = true},
    {SX("sx, xunlock called, handler downgrades", before_exclusive, op_xunlock_called,
        handler_downgrade), .after = after_refused_xunlock, .partner = partner_shares,
     .refusals = true},
    {SX("sx, xunlock of two, handler recurses", before_recursed, op_xunlock,
        handler_keep_exclusive), .after = after_release_of_two},
    {SX("sx, recursion, handler recurses", before_recursive, op_recurse,
        handler_keep_exclusive), .after = after_recurse},
    {SX("sx, upgrade, counted, handler shares and keeps", before_counted_share, op_upgrade,
        handler_keep_share), .after = after_upgrade, .refusals = true},
    {SX("sx, upgrade, slots, handler shares and keeps", before_slot_share, op_upgrade,
        handler_keep_share), .after = after_upgrade, .refusals = true},
    {SX("sx, slock, handler upgrades and keeps", before_new, op_slock,
        handler_keep_upgraded), .after = after_upgraded, .partner = partner_shares_fast,
     .refusals = true},
    {SX("sx, slock, slots, handler upgrades and keeps", before_biased, op_slock,
        handler_keep_upgraded), .after = after_upgraded, .partner = partner_shares_fast,
     .refusals = true},
    {SX("sx, slock, handler takes and keeps", before_new, op_slock,
        handler_keep_exclusive), .after = after_kept, .refusals = true},
    {SX("sx, slock, slots, handler takes and keeps", before_biased, op_slock,
        handler_keep_exclusive), .after = after_kept, .refusals = true},
    {SX("sx, xlock, handler takes and keeps", before_new, op_xlock,
        handler_keep_exclusive), .after = after_kept, .refusals = true},
    {SX("sx, xlock, slots, handler takes and keeps", before_biased, op_xlock,
        handler_keep_exclusive), .after = after_kept, .refusals = true},
    {SX("sx, xlock, handler shares and keeps", before_new, op_xlock,
        handler_keep_share), .after = after_kept, .refusals = true},
    {SX("sx, slock, slots, handler shares and keeps", before_biased, op_slock,
        handler_keep_share), .after = after_kept, .refusals = true},
};
/* clang-format on */

const int sx_ops_count = sizeof sx_ops / sizeof *sx_ops;

#endif
