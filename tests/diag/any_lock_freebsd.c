/* SPDX-License-Identifier: BSD-2-Clause */
#include "any_lock.h"

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

static struct sx any_sx[ANY_LOCKS];
static struct mtx any_mtx[ANY_LOCKS];
static struct mtx any_spin[ANY_LOCKS];

static void fresh_sx(unsigned i, const char *name)
{
    sx_init(&any_sx[i], name);
}

static void same_sx(unsigned i)
{
    sx_init(&any_sx[i], "one class of sx");
}

static void xlock(unsigned i)
{
    sx_xlock(&any_sx[i]);
}

static bool try_xlock(unsigned i)
{
    return sx_try_xlock(&any_sx[i]) != 0;
}

static void xunlock(unsigned i)
{
    sx_xunlock(&any_sx[i]);
}

static void slock(unsigned i)
{
    sx_slock(&any_sx[i]);
}

static bool try_slock(unsigned i)
{
    return sx_try_slock(&any_sx[i]) != 0;
}

static void sunlock(unsigned i)
{
    sx_sunlock(&any_sx[i]);
}

static void end_sx(unsigned i)
{
    sx_destroy(&any_sx[i]);
}

static void fresh_mtx(unsigned i, const char *name)
{
    mtx_init(&any_mtx[i], name, NULL, MTX_DEF);
}

static void same_mtx(unsigned i)
{
    mtx_init(&any_mtx[i], "one class of mutexes", NULL, MTX_DEF);
}

static void lock_mtx(unsigned i)
{
    mtx_lock(&any_mtx[i]);
}

static bool try_mtx(unsigned i)
{
    return mtx_trylock(&any_mtx[i]) != 0;
}

static void unlock_mtx(unsigned i)
{
    mtx_unlock(&any_mtx[i]);
}

static void end_mtx(unsigned i)
{
    mtx_destroy(&any_mtx[i]);
}

static void fresh_spin(unsigned i, const char *name)
{
    mtx_init(&any_spin[i], name, NULL, MTX_SPIN);
}

static void same_spin(unsigned i)
{
    mtx_init(&any_spin[i], "one class of spin mutexes", NULL, MTX_SPIN);
}

static void lock_spin(unsigned i)
{
    mtx_lock_spin(&any_spin[i]);
}

static bool try_spin(unsigned i)
{
    return mtx_trylock_spin(&any_spin[i]) != 0;
}

static void unlock_spin(unsigned i)
{
    mtx_unlock_spin(&any_spin[i]);
}

static void end_spin(unsigned i)
{
    mtx_destroy(&any_spin[i]);
}

enum {
    ALL = ANY_OWNED | ANY_TELLS_FREE | ANY_TELLS_EXIT | ANY_NAMED | ANY_CLASSED | ANY_ENDS
};

const struct any_lock any_freebsd[] = {
    {"sx alone", "sx",
     ALL | ANY_TELLS_DESTROY | ANY_SLEEPS | ANY_TELLS_AGAIN | ANY_TELLS_MASKED,
     ANY_FOUR(any_sx), fresh_sx, same_sx, xlock, try_xlock, xunlock, end_sx},
    {"sx shared", "sx",
     ALL | ANY_TELLS_DESTROY | ANY_SLEEPS | ANY_SHARED | ANY_TELLS_MASKED,
     ANY_FOUR(any_sx), fresh_sx, same_sx, slock, try_slock, sunlock, end_sx},
    {"mutex of FreeBSD", "mutex", ALL | ANY_TELLS_AGAIN | ANY_TELLS_MASKED,
     ANY_FOUR(any_mtx), fresh_mtx, same_mtx, lock_mtx, try_mtx, unlock_mtx, end_mtx},
    {"spin mutex", "spin mutex", ALL | ANY_OOB | ANY_SPINS | ANY_MASKS | ANY_TELLS_AGAIN,
     ANY_FOUR(any_spin), fresh_spin, same_spin, lock_spin, try_spin, unlock_spin,
     end_spin},
};
const unsigned any_freebsd_n = sizeof any_freebsd / sizeof any_freebsd[0];
