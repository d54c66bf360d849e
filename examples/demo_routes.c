/* SPDX-License-Identifier: BSD-2-Clause */

/* The routing table of demo_routes.h: FreeBSD kernel headers only. */

#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/param.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "demo_routes.h"

struct route {
    u_int generation; /* of the table that this entry belongs to */
    u_int account;
};

static struct sx routes_lock;
SX_SYSINIT(routes_lock, &routes_lock, "routes");

/* Under routes_lock. */
static struct route table[ROUTES_TAGS];
static u_int generation; /* of the table, 0: none yet */
static bool stopping;

static struct mtx accounts_lock;
MTX_SYSINIT(accounts_lock, &accounts_lock, "accounts", MTX_DEF);

static struct routes_stats stats; /* under accounts_lock */

/* -------------------------------------------------------------------------
 * Table.
 */

/* Where a tag goes, a different way in each generation. */
static u_int account_of(u_int tag, u_int table_generation)
{
    return (tag + table_generation) % ROUTES_ACCOUNTS;
}

/* True if all routes are of one table. Context: routes_lock held. */
static bool table_whole(void)
{
    sx_assert(&routes_lock, SA_LOCKED);
    for (u_int tag = 0; tag < ROUTES_TAGS; tag++)
        if (table[tag].generation != generation ||
            table[tag].account != account_of(tag, generation))
            return false;
    return true;
}

static void count_torn(void)
{
    mtx_lock(&accounts_lock);
    stats.torn++;
    mtx_unlock(&accounts_lock);
}

static bool torn_seen(void)
{
    mtx_lock(&accounts_lock);
    bool seen = stats.torn != 0;
    mtx_unlock(&accounts_lock);
    return seen;
}

/* The mistake of the self-test: a sleep in the middle of a reload. */
static void let_readers_in(void)
{
    wakeup(&generation);
    while (!stopping && !torn_seen())
        (void)sx_sleep(table, &routes_lock, 0, "rttorn", 1);
}

/* Puts the next table in place. Context: routes_lock held exclusively. */
static void table_write(bool give_way)
{
    sx_assert(&routes_lock, SA_XLOCKED | SA_NOTRECURSED);
    generation++;
    for (u_int tag = 0; tag < ROUTES_TAGS; tag++) {
        if (give_way && tag == ROUTES_TAGS / 2)
            let_readers_in();
        table[tag].generation = generation;
        table[tag].account = account_of(tag, generation);
    }
}

/* -------------------------------------------------------------------------
 * Reloader.
 */

/*
 * Replaces the table; the caller's share becomes an exclusive hold and a share
 * again. Returns with the share in any case.
 */
static void reload(bool give_way)
{
    u_int old = generation;
    bool upgraded = sx_try_upgrade(&routes_lock) != 0;
    if (!upgraded) {
        /* Other readers are inside: without the share, look again what is there. */
        sx_sunlock(&routes_lock);
        sx_xlock(&routes_lock);
    }
    bool due = generation == old;
    if (due)
        table_write(give_way);
    u_int written = generation;
    sx_downgrade(&routes_lock); /* no other writer comes in between */
    if (!table_whole() || generation != written)
        count_torn();

    mtx_lock(&accounts_lock);
    stats.reloads += due;
    stats.upgrades += due && upgraded;
    mtx_unlock(&accounts_lock);
}

void routes_reloader(bool give_way)
{
    int timo = MAX(hz * ROUTES_RELOAD_MS / 1000, 1);
    sx_slock(&routes_lock);
    reload(give_way);
    wakeup(&generation);
    while (!stopping) {
        /* The share is given back while this sleeps and there again afterwards. */
        if (sx_sleep(&stopping, &routes_lock, 0, "rtload", timo) == EWOULDBLOCK)
            reload(give_way);
    }
    sx_sunlock(&routes_lock);
}

void routes_wait(void)
{
    sx_slock(&routes_lock);
    while (generation == 0)
        (void)sx_sleep(&generation, &routes_lock, 0, "rtwait", 0);
    sx_sunlock(&routes_lock);
}

void routes_stop(void)
{
    sx_xlock(&routes_lock);
    stopping = true;
    wakeup(&stopping);
    sx_xunlock(&routes_lock);
}

/* -------------------------------------------------------------------------
 * Readers.
 */

/* The account of a tag. Context: the caller may have a share of routes_lock. */
static u_int lookup(u_int tag)
{
    sx_slock(&routes_lock); /* a second share goes past a reloader that waits */
    u_int account = table[tag].account;
    sx_sunlock(&routes_lock);
    return account;
}

void routes_book(const uint8_t *data, size_t len)
{
    MPASS(len > 0);
    sx_slock(&routes_lock);
    bool whole = table_whole();
    u_int account = lookup(data[0]);
    whole = whole && account == account_of(data[0], generation);

    /* Still with the share: no block is booked by a table that is gone. */
    mtx_lock(&accounts_lock);
    stats.lookups++;
    stats.torn += !whole;
    stats.blocks[account]++;
    stats.bytes[account] += len;
    mtx_unlock(&accounts_lock);
    sx_sunlock(&routes_lock);
}

void routes_get_stats(struct routes_stats *out)
{
    mtx_lock(&accounts_lock);
    *out = stats;
    mtx_unlock(&accounts_lock);
}
