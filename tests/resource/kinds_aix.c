/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

static Simple_lock simple;
static Complex_lock complex_one;
static lock_t word;
static Simple_lock at_priority;
static Drw_lock drw;

static void simple_renew(void)
{
    simple_lock_init(&simple);
}

static void simple_take(void)
{
    simple_lock(&simple);
}

static void simple_give(void)
{
    simple_unlock(&simple);
}

static bool simple_try(void)
{
    return simple_lock_try(&simple);
}

static void complex_renew(void)
{
    lock_init(&complex_one, TRUE);
}

static void complex_take(void)
{
    lock_write(&complex_one);
}

static void complex_give(void)
{
    lock_done(&complex_one);
}

static bool complex_try(void)
{
    return lock_try_write(&complex_one);
}

static void word_renew(void)
{
    word = LOCK_AVAIL;
}

static void word_take(void)
{
    (void)lockl(&word, LOCK_SHORT);
}

static void word_give(void)
{
    unlockl(&word);
}

static bool word_try(void)
{
    return lockl(&word, LOCK_NDELAY) == LOCK_SUCC;
}

const struct lock_kind aix_kinds[] = {
    {"simple", simple_renew, simple_take, simple_give, simple_try, false},
    {"complex", complex_renew, complex_take, complex_give, complex_try, false},
    {"lockl", word_renew, word_take, word_give, word_try, false},
};
const int aix_kinds_count = sizeof aix_kinds / sizeof *aix_kinds;

bool aix_use_spinning(void)
{
    simple_lock_init(&at_priority);
    int before = disable_lock(INTCLASS1, &at_priority);
    bool kept = lock_mine(&at_priority);
    unlock_enable(before, &at_priority);
    drw_lock_init(&drw);
    drw_lock_write(&drw);
    kept = kept && drw_lock_islocked(&drw);
    drw_lock_done(&drw);
    drw_lock_read(&drw);
    drw_lock_done(&drw);
    return kept && !lock_mine(&at_priority) && !drw_lock_islocked(&drw);
}
