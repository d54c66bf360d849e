/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX: documented names -> locks. Functions with a place get it from inlined calls. */

#include "lock/aix.h"
#include "native/aix_jump.h"
#include "thread/irq.h"
#include "thread/upcalls.h"

#include <sys/intr.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>

_Static_assert(sizeof(lock_t) == sizeof(ksi_word) && sizeof(lock_t) <= 8, "lock_t");
_Static_assert(sizeof(Simple_lock) <= 16, "Simple_lock");
_Static_assert((int)KSL_AIX_SIMPLE_FAMILY == (int)KSI_FAMILY_SIMPLE &&
                   (int)KSL_AIX_LOCKL_FAMILY == (int)KSI_FAMILY_LOCKL &&
                   (int)KSL_AIX_COMPLEX_FAMILY == (int)KSI_FAMILY_COMPLEX,
               "inlined paths");
_Static_assert(sizeof(Complex_lock) == sizeof(struct ksi_complex) &&
                   sizeof(Complex_lock) <= 32,
               "Complex_lock");
_Static_assert(LOCK_NDELAY == KSI_LOCKL_NDELAY && LOCK_SIGRET == KSI_LOCKL_SIGRET &&
                   LOCK_SIGWAKE == KSI_LOCKL_SIGWAKE &&
                   LOCK_HANDLER == KSI_SLEEP_HANDLER && LOCK_SIMPLE == KSI_SLEEP_SIMPLE &&
                   LOCK_READ == KSI_SLEEP_READ && LOCK_WRITE == KSI_SLEEP_WRITE,
               "flags");
_Static_assert(LOCK_SUCC == KSI_LOCKL_SUCC && LOCK_NEST == KSI_LOCKL_NEST &&
                   LOCK_SIG == KSI_LOCKL_SIG && LOCK_FAIL == KSI_LOCKL_FAIL,
               "results");

KSL_API lock_t kernel_lock = LOCK_AVAIL;

/* --- interrupt priorities ----------------------------------------------------------- */

static int present(void)
{
    return INTBASE - (int)ksi_load(&ksi_self()->front.level);
}

static bool refuse_priority(const char *call, int pri, int most, const Simple_lock *l,
                            const void *site)
{
    if (KSI_LIKELY(pri >= INTMAX && pri <= most))
        return false;
    struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE,
                           l != NULL ? KSI_SIMPLE : KSI_NO_KIND,
                           l,
                           site,
                           NULL,
                           false};
    ksi_violate(&m, "%s: interrupt priority %d is not in %d..%d", call, pri, INTMAX,
                most);
    return true;
}

int i_disable(int new_pri)
{
    int before = present();
    if (!refuse_priority("i_disable", new_pri, before, NULL, KSI_SITE()))
        ksi_irq_unmask(ksi_self(), (uint32_t)(INTBASE - new_pri));
    return before;
}

void i_enable(int old_pri)
{
    if (!refuse_priority("i_enable", old_pri, INTBASE, NULL, KSI_SITE()))
        ksi_irq_unmask(ksi_self(), (uint32_t)(INTBASE - old_pri));
}

/* --- simple locks ------------------------------------------------------------------- */

static bool null_simple(const Simple_lock *l, const char *call, const void *site)
{
    return ksi_owner_refuse_null(l, KSI_SIMPLE, call, site);
}

void simple_lock_init(simple_lock_t l)
{
    if (null_simple(l, "simple_lock_init", KSI_SITE()))
        return;
    ksi_rw_begin(&l->ksl_word);
    ksi_store_rel(&l->ksl_word, (uintptr_t)0);
    ksi_watch_begin(KSI_SIMPLE, l, KSI_SITE());
}

static void take(simple_lock_t l, const void *site)
{
    if (!null_simple(l, "simple_lock", site))
        (void)ksi_owner_lock(&ksi_simple_class, &l->ksl_word, "simple_lock", site);
}

static void give(simple_lock_t l, const void *site)
{
    if (!null_simple(l, "simple_unlock", site))
        (void)ksi_owner_unlock(&ksi_simple_class, &l->ksl_word, "simple_unlock", site);
}

void ksl_aix_simple_lock_at(simple_lock_t l, const struct ksl_place *place)
{
    take(l, ksi_flip_place(place));
}

void ksl_aix_simple_unlock_at(simple_lock_t l, const struct ksl_place *place)
{
    give(l, ksi_flip_place(place));
}

void(simple_lock)(simple_lock_t l)
{
    take(l, KSI_SITE());
}

void(simple_unlock)(simple_lock_t l)
{
    give(l, KSI_SITE());
}

static bool try_take(simple_lock_t l, const void *site)
{
    return !null_simple(l, "simple_lock_try", site) && ksi_simple_try(&l->ksl_word, site);
}

boolean_t ksl_aix_simple_lock_try_at(simple_lock_t l, const struct ksl_place *place)
{
    return try_take(l, ksi_flip_place(place));
}

boolean_t simple_lock_try(simple_lock_t l)
{
    return try_take(l, KSI_SITE());
}

static int disable(int int_pri, simple_lock_t l, const void *site)
{
    int before = present();
    if (null_simple(l, "disable_lock", site) ||
        refuse_priority("disable_lock", int_pri, before, l, site))
        return before;
    unsigned level = (unsigned)(INTBASE - int_pri);
    return INTBASE - (int)ksi_disable_lock(&l->ksl_word, level, site);
}

int ksl_aix_disable_lock_at(int int_pri, simple_lock_t l, const struct ksl_place *place)
{
    return disable(int_pri, l, ksi_flip_place(place));
}

int disable_lock(int int_pri, simple_lock_t l)
{
    return disable(int_pri, l, KSI_SITE());
}

static void enable(int int_pri, simple_lock_t l, const void *site)
{
    if (!null_simple(l, "unlock_enable", site) &&
        !refuse_priority("unlock_enable", int_pri, INTBASE, l, site))
        ksi_unlock_enable(&l->ksl_word, (unsigned)(INTBASE - int_pri), site);
}

void ksl_aix_unlock_enable_at(int int_pri, simple_lock_t l, const struct ksl_place *place)
{
    enable(int_pri, l, ksi_flip_place(place));
}

void unlock_enable(int int_pri, simple_lock_t l)
{
    enable(int_pri, l, KSI_SITE());
}

/* --- lockl -------------------------------------------------------------------------- */

static int take_word(lock_t *lock_word, int flags, const void *site)
{
    if (ksi_owner_refuse_null(lock_word, KSI_LOCKL, "lockl", site))
        return LOCK_FAIL;
    if ((flags & ~(LOCK_NDELAY | LOCK_SIGRET | LOCK_SIGWAKE)) != 0) {
        struct ksi_misuse m = {
            KSI_BAD_ARGUMENT_RULE, KSI_LOCKL, lock_word, site, NULL, false};
        ksi_violate(&m, "lockl: unknown flags 0x%x", (unsigned)flags);
        return LOCK_FAIL;
    }
    int result = ksi_lockl(lock_word, flags, site);
    if (result != LOCK_SIG || (flags & LOCK_SIGRET) != 0)
        return result;
    (void)ksi_aix_jump(EINTR, "lockl", site);
    return LOCK_FAIL; /* the jump was refused */
}

static void give_word(lock_t *lock_word, const void *site)
{
    if (!ksi_owner_refuse_null(lock_word, KSI_LOCKL, "unlockl", site))
        ksi_unlockl(lock_word, site);
}

int ksl_aix_lockl_at(lock_t *lock_word, int flags, const struct ksl_place *place)
{
    return take_word(lock_word, flags, ksi_flip_place(place));
}

void ksl_aix_unlockl_at(lock_t *lock_word, const struct ksl_place *place)
{
    give_word(lock_word, ksi_flip_place(place));
}

int(lockl)(lock_t *lock_word, int flags)
{
    return take_word(lock_word, flags, KSI_SITE());
}

void(unlockl)(lock_t *lock_word)
{
    give_word(lock_word, KSI_SITE());
}

/* --- complex locks ------------------------------------------------------------------ */

static struct ksi_complex *complex_of(complex_lock_t l, const char *call,
                                      const void *site)
{
    return ksi_owner_refuse_null(l, KSI_COMPLEX, call, site)
               ? NULL
               : (struct ksi_complex *)(void *)l;
}

void lock_init(complex_lock_t l, boolean_t can_sleep)
{
    struct ksi_complex *c = complex_of(l, "lock_init", KSI_SITE());
    (void)can_sleep;
    if (c != NULL)
        ksi_complex_init(c, KSI_SITE());
}

static void lock_read_at(complex_lock_t l, const void *site)
{
    struct ksi_complex *c = complex_of(l, "lock_read", site);
    if (c != NULL)
        ksi_complex_read(c, site);
}

void ksl_aix_lock_read_at(complex_lock_t l, const struct ksl_place *place)
{
    lock_read_at(l, ksi_flip_place(place));
}

void(lock_read)(complex_lock_t l)
{
    lock_read_at(l, KSI_SITE());
}

static bool lock_try_read_at(complex_lock_t l, const void *site)
{
    struct ksi_complex *c = complex_of(l, "lock_try_read", site);
    return c != NULL && ksi_complex_try_read(c, site);
}

boolean_t ksl_aix_lock_try_read_at(complex_lock_t l, const struct ksl_place *place)
{
    return lock_try_read_at(l, ksi_flip_place(place));
}

boolean_t lock_try_read(complex_lock_t l)
{
    return lock_try_read_at(l, KSI_SITE());
}

static void lock_write_at(complex_lock_t l, const void *site)
{
    struct ksi_complex *c = complex_of(l, "lock_write", site);
    if (c != NULL)
        ksi_complex_write(c, site);
}

void ksl_aix_lock_write_at(complex_lock_t l, const struct ksl_place *place)
{
    lock_write_at(l, ksi_flip_place(place));
}

void(lock_write)(complex_lock_t l)
{
    lock_write_at(l, KSI_SITE());
}

static bool lock_try_write_at(complex_lock_t l, const void *site)
{
    struct ksi_complex *c = complex_of(l, "lock_try_write", site);
    return c != NULL && ksi_complex_try_write(c, site);
}

boolean_t ksl_aix_lock_try_write_at(complex_lock_t l, const struct ksl_place *place)
{
    return lock_try_write_at(l, ksi_flip_place(place));
}

boolean_t lock_try_write(complex_lock_t l)
{
    return lock_try_write_at(l, KSI_SITE());
}

static void lock_done_at(complex_lock_t l, const void *site)
{
    struct ksi_complex *c = complex_of(l, "lock_done", site);
    if (c != NULL)
        ksi_complex_done(c, site);
}

void ksl_aix_lock_done_at(complex_lock_t l, const struct ksl_place *place)
{
    lock_done_at(l, ksi_flip_place(place));
}

void(lock_done)(complex_lock_t l)
{
    lock_done_at(l, KSI_SITE());
}

boolean_t lock_read_to_write(complex_lock_t l)
{
    struct ksi_complex *c = complex_of(l, "lock_read_to_write", KSI_SITE());
    return c == NULL || ksi_complex_upgrade(c, true, KSI_SITE()) != KSI_UPGRADED;
}

boolean_t lock_try_read_to_write(complex_lock_t l)
{
    struct ksi_complex *c = complex_of(l, "lock_try_read_to_write", KSI_SITE());
    return c != NULL && ksi_complex_upgrade(c, false, KSI_SITE()) == KSI_UPGRADED;
}

void lock_write_to_read(complex_lock_t l)
{
    struct ksi_complex *c = complex_of(l, "lock_write_to_read", KSI_SITE());
    if (c != NULL)
        ksi_complex_downgrade(c, KSI_SITE());
}

void lock_set_recursive(complex_lock_t l)
{
    struct ksi_complex *c = complex_of(l, "lock_set_recursive", KSI_SITE());
    if (c != NULL)
        ksi_complex_set_recursive(c, true, KSI_SITE());
}

void lock_clear_recursive(complex_lock_t l)
{
    struct ksi_complex *c = complex_of(l, "lock_clear_recursive", KSI_SITE());
    if (c != NULL)
        ksi_complex_set_recursive(c, false, KSI_SITE());
}

int lock_islocked(complex_lock_t l)
{
    const struct ksi_complex *c = complex_of(l, "lock_islocked", KSI_SITE());
    return c != NULL && ksi_complex_held(c);
}

boolean_t lock_mine(void *l)
{
    return !ksi_owner_refuse_null(l, KSI_NO_KIND, "lock_mine", KSI_SITE()) &&
           ksi_owner_is(l, ksi_self());
}
