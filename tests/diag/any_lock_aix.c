/* SPDX-License-Identifier: BSD-2-Clause */
#include "any_lock.h"

#include <sys/intr.h>
#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>

#include <kslock/diag.h>

#include <string.h>

static Simple_lock any_simple[ANY_LOCKS];
static Simple_lock any_disabled[ANY_LOCKS];
static Complex_lock any_complex[ANY_LOCKS];
static Drw_lock any_drw[ANY_LOCKS];
static lock_t any_lockl[ANY_LOCKS];
static int before[ANY_LOCKS];

static void fresh_simple(unsigned i, const char *name)
{
    (void)name;
    simple_lock_init(&any_simple[i]);
    lock_free(&any_simple[i]); /* its class is its address */
}

static void same_simple(unsigned i)
{
    lock_alloc(&any_simple[i], LOCK_ALLOC_PIN, 40, -1);
    simple_lock_init(&any_simple[i]);
}

static void take_simple(unsigned i)
{
    simple_lock(&any_simple[i]);
}

static bool try_simple(unsigned i)
{
    return simple_lock_try(&any_simple[i]);
}

static void give_simple(unsigned i)
{
    simple_unlock(&any_simple[i]);
}

static void fresh_disabled(unsigned i, const char *name)
{
    (void)name;
    memset(&any_disabled[i], 0, sizeof any_disabled[i]);
}

static void take_disabled(unsigned i)
{
    before[i] = disable_lock(INTMAX, &any_disabled[i]);
}

static void give_disabled(unsigned i)
{
    unlock_enable(before[i], &any_disabled[i]);
}

static void fresh_complex(unsigned i, const char *name)
{
    (void)name;
    memset(&any_complex[i], 0, sizeof any_complex[i]);
}

static void same_complex(unsigned i)
{
    lock_alloc(&any_complex[i], LOCK_ALLOC_PIN, 41, -1);
    lock_init(&any_complex[i], TRUE);
}

static void write_complex(unsigned i)
{
    lock_write(&any_complex[i]);
}

static bool try_write_complex(unsigned i)
{
    return lock_try_write(&any_complex[i]);
}

static void read_complex(unsigned i)
{
    lock_read(&any_complex[i]);
}

static bool try_read_complex(unsigned i)
{
    return lock_try_read(&any_complex[i]);
}

static void done_complex(unsigned i)
{
    lock_done(&any_complex[i]);
}

static void fresh_drw(unsigned i, const char *name)
{
    (void)name;
    drw_lock_init(&any_drw[i]);
    lock_free(&any_drw[i]); /* its class is its address */
}

static void same_drw(unsigned i)
{
    lock_alloc(&any_drw[i], LOCK_ALLOC_PIN, 42, -1);
    drw_lock_init(&any_drw[i]);
}

static void write_drw(unsigned i)
{
    drw_lock_write(&any_drw[i]);
}

static bool try_write_drw(unsigned i)
{
    return drw_lock_try_write(&any_drw[i]);
}

static void read_drw(unsigned i)
{
    drw_lock_read(&any_drw[i]);
}

static void done_drw(unsigned i)
{
    drw_lock_done(&any_drw[i]);
}

static void free_drw(unsigned i)
{
    drw_lock_free(&any_drw[i]);
}

static void fresh_lockl(unsigned i, const char *name)
{
    (void)name;
    any_lockl[i] = LOCK_AVAIL;
}

static void take_lockl(unsigned i)
{
    (void)lockl(&any_lockl[i], LOCK_SHORT);
}

static bool try_lockl(unsigned i)
{
    return lockl(&any_lockl[i], LOCK_NDELAY) == LOCK_SUCC;
}

static void give_lockl(unsigned i)
{
    unlockl(&any_lockl[i]);
}

const void *any_kernel_lock(void)
{
    return &kernel_lock;
}

void any_kernel_lock_take(void)
{
    (void)lockl(&kernel_lock, LOCK_SHORT);
}

void any_kernel_lock_give(void)
{
    unlockl(&kernel_lock);
}

void any_level(const void *lock, int level)
{
    ksl_diag_level(lock, level);
}

enum { ALL = ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_EXIT };

const struct any_lock any_aix[] = {
    {"simple lock", "simple lock",
     ALL | ANY_SLEEPS | ANY_TELLS_AGAIN | ANY_TELLS_MASKED | ANY_CLASSED | ANY_REGIME |
         ANY_ANY_STAGE,
     ANY_FOUR(any_simple), fresh_simple, same_simple, take_simple, try_simple,
     give_simple, NULL},
    {"simple lock, disabled", "simple lock",
     ALL | ANY_SPINS | ANY_MASKS | ANY_IN_HANDLER | ANY_TELLS_AGAIN | ANY_RELEASE_ORDER |
         ANY_ANY_STAGE,
     ANY_FOUR(any_disabled), fresh_disabled, NULL, take_disabled, NULL, give_disabled,
     NULL},
    {"complex lock to write", "complex lock",
     ALL | ANY_SLEEPS | ANY_TELLS_AGAIN | ANY_TELLS_MASKED | ANY_CLASSED,
     ANY_FOUR(any_complex), fresh_complex, same_complex, write_complex, try_write_complex,
     done_complex, NULL},
    {"complex lock to read", "complex lock",
     ALL | ANY_SLEEPS | ANY_TELLS_MASKED | ANY_CLASSED | ANY_SHARED,
     ANY_FOUR(any_complex), fresh_complex, same_complex, read_complex, try_read_complex,
     done_complex, NULL},
    {"disabled read-write lock to write", "disabled read-write lock",
     ALL | ANY_SPINS | ANY_IN_HANDLER | ANY_OOB | ANY_TELLS_AGAIN | ANY_TELLS_DESTROY |
         ANY_CLASSED,
     ANY_FOUR(any_drw), fresh_drw, same_drw, write_drw, try_write_drw, done_drw,
     free_drw},
    {"disabled read-write lock to read", "disabled read-write lock",
     ALL | ANY_SPINS | ANY_IN_HANDLER | ANY_OOB | ANY_TELLS_DESTROY | ANY_CLASSED |
         ANY_SHARED,
     ANY_FOUR(any_drw), fresh_drw, same_drw, read_drw, NULL, done_drw, free_drw},
    {"lockl", "lockl lock", ALL | ANY_SLEEPS, ANY_FOUR(any_lockl), fresh_lockl, NULL,
     take_lockl, try_lockl, give_lockl, NULL},
};
const unsigned any_aix_n = sizeof any_aix / sizeof any_aix[0];
