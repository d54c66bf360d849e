/* SPDX-License-Identifier: BSD-2-Clause */
/* F12 with upgrades that wait: of complex and of disabled read-write locks. */

#include "bugs.h"

#include <sys/lock_def.h>

static Complex_lock complex;
static struct drw_lock_data {
    struct lock_memory memory;
} disabled;

/* Upgrades, shares and ends of both kinds; an upgrade says 1 if it has succeeded. */

static int complex_upgrade(void *l)
{
    return lock_read_to_write((complex_lock_t)l) == FALSE;
}

static int complex_read(void *l)
{
    lock_read((complex_lock_t)l);
    return 0;
}

static int complex_done(void *l)
{
    lock_done((complex_lock_t)l);
    return 0;
}

static int drw_upgrade(void *l)
{
    return drw_lock_read_to_write((drw_lock_t)l) != FALSE;
}

static int drw_read(void *l)
{
    drw_lock_read((drw_lock_t)l);
    return 0;
}

static int drw_done(void *l)
{
    drw_lock_done((drw_lock_t)l);
    return 0;
}

static void await_waiting(const struct puppet *p, bool spins)
{
    const ksl_thread *t = p->actor.thread;
    WAIT_UNTIL(spins ? ksi_load_acq(&t->spins_on) != NULL : ksl_thread_asleep(t));
}

/* Each waits for the other one's share, unless the second one fails and drops its own. */
static void two_upgraders(void *l, bool spins, call_fn read, call_fn upgrade, call_fn end)
{
    struct puppet p[3];
    puppets_start(p, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(ask(&p[i], read, l), 0);
    tell(&p[0], upgrade, l);
    await_waiting(&p[0], spins);
    ck_assert_int_eq(ask(&p[1], upgrade, l), 0); /* and holds nothing any more */
    ck_assert(!done(&p[0]));
    await_waiting(&p[0], spins);
    ck_assert_int_eq(ask(&p[2], end, l), 0);
    ck_assert_int_eq(answer(&p[0]), 1);
    ck_assert_int_eq(ask(&p[0], end, l), 0);
    puppets_end(p, 3);
}

START_TEST(f12_of_two_upgraders_one_gets_it)
{
    lock_init(&complex, TRUE);
    drw_lock_init((drw_lock_t)(void *)&disabled);
    for (int turn = 0; turn < 2; turn++) { /* nothing is left of the first one */
        two_upgraders(&complex, false, complex_read, complex_upgrade, complex_done);
        ck_assert_int_eq(lock_islocked(&complex), FALSE);
        two_upgraders(&disabled, true, drw_read, drw_upgrade, drw_done);
        ck_assert_int_eq(drw_lock_islocked((drw_lock_t)(void *)&disabled), FALSE);
    }
}
END_TEST

void add_f12_of_aix(void)
{
    BUG(f12_of_two_upgraders_one_gets_it);
}
