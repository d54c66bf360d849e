/* SPDX-License-Identifier: BSD-2-Clause */

/* Sizes, layouts and values that FreeBSD's sources rely on. Compiled as C and C++. */

#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <assert.h>

static_assert(sizeof(struct sx) <= 40, "struct sx");
static_assert(sizeof(struct mtx) <= 40, "struct mtx");
static_assert(sizeof(struct cv) <= 16, "struct cv");
static_assert(offsetof(struct sx, lock_object) == 0, "struct sx begins with it");
static_assert(offsetof(struct mtx, lock_object) == 0, "struct mtx begins with it");
static_assert(sizeof(((struct sx *)0)->sx_lock) == sizeof(void *), "sx_lock is a word");
static_assert(sizeof(((struct mtx *)0)->mtx_lock) == sizeof(void *), "mtx_lock is one");
static_assert(sizeof(((struct sx *)0)->sx_recurse) == sizeof(unsigned), "sx_recurse");

static_assert(SX_DUPOK == 0x01 && SX_NOPROFILE == 0x02 && SX_NOWITNESS == 0x04, "SX_*");
static_assert(SX_QUIET == 0x08 && SX_ADAPTIVESPIN == 0x10 && SX_NOADAPTIVE == 0x10,
              "SX_*");
static_assert(SX_RECURSE == 0x20 && SX_NEW == 0x40 && SX_INTERRUPTIBLE == 0x40, "SX_*");

static_assert(SA_UNLOCKED == 0 && SA_LOCKED == 1 && SA_SLOCKED == 2, "SA_*");
static_assert(SA_XLOCKED == 4 && SA_RECURSED == 8 && SA_NOTRECURSED == 16, "SA_*");
static_assert(SX_UNLOCKED == 0 && SX_LOCKED == 1 && SX_SLOCKED == 2, "old names");
static_assert(SX_XLOCKED == 4 && SX_RECURSED == 8 && SX_NOTRECURSED == 16, "old names");
static_assert(MA_OWNED == LA_XLOCKED && MA_NOTOWNED == LA_UNLOCKED, "MA_*");
static_assert(LA_MASKASSERT == 0xff, "LA_*");

static_assert(LO_INITIALIZED == 0x00010000 && LO_WITNESS == 0x00020000, "LO_*");
static_assert(LO_QUIET == 0x00040000 && LO_RECURSABLE == 0x00080000, "LO_*");
static_assert(LO_SLEEPABLE == 0x00100000 && LO_UPGRADABLE == 0x00200000, "LO_*");
static_assert(LO_DUPOK == 0x00400000 && LO_CLASSMASK == 0x0f000000, "LO_*");
static_assert(LO_NOPROFILE == 0x10000000 && LO_NEW == 0x20000000, "LO_*");
static_assert(LO_CLASSSHIFT == 24, "LO_*");

static_assert(PRIMASK == 0x0ff && PCATCH == 0x100 && PDROP == 0x200, "P*");
static_assert(PNOLOCK == 0x400, "P*");
static_assert(MTX_DEF == 0 && MTX_SPIN == 1 && MTX_RECURSE == 4, "MTX_*");
static_assert(EINTR == 4 && EWOULDBLOCK == 11 && ERESTART == 85, "errors");
static_assert(LOCK_DEBUG > 0, "LOCK_DEBUG");

/* What each call takes and gives. */
static int call_types(struct sx *sx, const struct sx *query, struct mtx *m)
{
    int (*xlocked)(const struct sx *) = sx_xlocked;
    struct thread *(*xholder)(const struct sx *) = sx_xholder;
    int (*owned)(const struct mtx *) = mtx_owned;
    void (*wake)(const void *) = wakeup;
    /* A function, not a macro. */
    (sx_init)(sx, "types");
    (sx_slock)(sx);
    (sx_sunlock)(sx);
    (sx_xlock)(sx);
    (sx_unlock)(sx);
    int ok = xlocked(query) == 0 && xholder(query) == NULL && !(sx_has_waiters)(query);
    ok = ok && (sx_try_slock)(sx) && (sx_try_upgrade)(sx);
    (sx_downgrade)(sx);
    (sx_assert)(query, SA_SLOCKED);
    (sx_sunlock)(sx);
    ok = ok && (sx_xlock_sig)(sx) == 0;
    (sx_xunlock)(sx);
    ok = ok && (sx_slock_sig)(sx) == 0 && !(sx_try_xlock)(sx);
    (sx_unlock)(sx);
    (sx_destroy)(sx);
    mtx_init(m, "types", NULL, MTX_DEF);
    (mtx_lock)(m);
    ok = ok && owned(m);
    (mtx_assert)(m, MA_OWNED);
    (mtx_unlock)(m);
    ok = ok && (mtx_trylock)(m);
    (mtx_unlock)(m);
    (mtx_destroy)(m);
    wake(&ok);
    return ok;
}

int main(void)
{
    struct sx sx;
    struct mtx m;
    int old_hz = hz;
    hz = 2 * old_hz;
    int half = tick;
    hz = old_hz;
    return call_types(&sx, &sx, &m) && tick == 2 * half && ticks >= 0 && curthread != NULL
               ? 0
               : 1;
}
