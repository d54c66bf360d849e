/* SPDX-License-Identifier: BSD-2-Clause */
/* Order checker: rules of context, without the graph. */

#include "diag/classes.h"
#include "diag/entered.h"
#include "diag/order.h"

#include "thread/irq.h"
#include "thread/upcalls.h"

#include <kslock/stage.h>

/* native/: the global kernel lock of AIX. */
extern unsigned long ksl_aix_kernel_lock;

static bool is_kernel_lock(const void *lock)
{
    return lock == (const void *)&ksl_aix_kernel_lock;
}

static void say_held(struct ksi_text *text, const struct ksi_held_lock *h)
{
    ksi_say_lock(text, h->kind, h->lock);
    ksi_say(text, ", taken at ");
    ksi_say_site(text, h->site);
}

static bool is_suppressed(enum ksi_rule rule, enum ksi_kind kind, const void *lock,
                          const struct ksi_held_lock *h)
{
    struct ksi_suspect a = {.lock = NULL};
    struct ksi_suspect b = {.lock = NULL};
    if (KSI_LIKELY(!ksi_suppresses()))
        return false;
    if (lock != NULL)
        a = ksi_suspect_of(kind, lock);
    if (h != NULL)
        b = ksi_suspect_of(h->kind, h->lock);
    return ksi_suppressed(rule, &a, &b);
}

/*
 * What is done, then the lock that is held and must not be; of a call without a lock of
 * its own that is the one that the violation is about.
 */
static void report(enum ksi_rule rule, enum ksi_kind kind, const void *lock,
                   const void *site, const char *what, const struct ksi_held_lock *h)
{
    char line[KSI_MESSAGE / 4];
    struct ksi_text text = {line, sizeof line};
    struct ksi_misuse m = {rule, kind, lock, site, NULL, true};
    if (lock == NULL && h != NULL) {
        m.kind = h->kind;
        m.lock = h->lock;
    }
    if (is_suppressed(rule, kind, lock, h))
        return;
    if (lock != NULL) {
        ksi_say_lock(&text, kind, lock);
        ksi_say(&text, " is ");
    }
    ksi_say(&text, "%s", what);
    if (h != NULL) {
        ksi_say(&text, " while the thread holds ");
        say_held(&text, h);
    }
    ksi_violate_beside(&m, h != NULL ? h->site : lock, "%s", line);
}

/* --- sleepable ---------------------------------------------------------------------- */

/* T25: lockl may be used with a raised priority. */
static bool fits_under(enum ksi_kind kind, const struct ksi_held_lock *h)
{
    bool aix = h->kind == KSI_DRW || h->kind == KSI_SIMPLE;
    return kind == KSI_LOCKL && aix;
}

static void check_sleepable(const ksl_thread *t, enum ksi_kind kind, const void *lock,
                            const void *site, const struct ksi_held_batch *b)
{
    struct ksi_held_lock self = {.lock = lock, .kind = kind};
    self.disabled = ksi_rules_disabled(t, lock);
    enum ksi_rank rank = ksi_rank_of(&self);
    if (rank == KSI_SPINS)
        return;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct ksi_held_lock *h = &b->held[i];
        enum ksi_rank held = ksi_rank_of(h);
        if (held >= rank || fits_under(kind, h) ||
            ksi_node_of(h->kind, h->key) == KSI_EXEMPT_NODE)
            continue;
        report(KSI_SLEEPABLE_RULE, kind, lock, site,
               held == KSI_SPINS ? "taken, which may sleep,"
                                 : "taken, which may sleep without bound,",
               h);
        return;
    }
}

void ksi_order_sleep(const char *call, const void *interlock, const void *site)
{
    const ksl_thread *t = ksi_self();
    struct ksi_held_lock h;
    uint32_t i = 0;
    while (ksi_held_next(t, &i, &h)) {
        if (h.lock == interlock || ksi_rank_of(&h) == KSI_SLEEPS ||
            ksi_node_of(h.kind, h.key) == KSI_EXEMPT_NODE)
            continue;
        report(KSI_SLEEPABLE_RULE, KSI_NO_KIND, NULL, site, call, &h);
        return;
    }
}

/* --- hierarchy, kernel-lock, stage -------------------------------------------------- */

static int level_of(const void *lock)
{
    return is_kernel_lock(lock) ? 1 : ksi_level_of(lock);
}

static void check_hierarchy(enum ksi_kind kind, const void *lock, const void *site,
                            const struct ksi_held_batch *b)
{
    int level = level_of(lock);
    bool global = is_kernel_lock(lock);
    if (level == 0)
        return;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct ksi_held_lock *h = &b->held[i];
        if (!global && level_of(h->lock) <= level)
            continue;
        report(global ? KSI_KERNEL_LOCK_RULE : KSI_HIERARCHY_RULE, kind, lock, site,
               global ? "the kernel lock, taken" : "of a coarser level, taken", h);
        return;
    }
}

void ksi_order_kernel_lock(const void *lock, const void *site)
{
    const ksl_thread *t = ksi_self();
    struct ksi_held_batch b;
    b.cursor = 0;
    if (!is_kernel_lock(lock))
        return;
    ksi_held_more(t, &b, lock);
    check_hierarchy(KSI_LOCKL, lock, site, &b);
}

static bool out_of_band_may(enum ksi_kind kind)
{
    struct ksi_held_lock self = {.kind = kind};
    return kind == KSI_EVL_MUTEX || kind == KSI_KSEM || kind == KSI_STAX ||
           (kind != KSI_SIMPLE && ksi_rank_of(&self) == KSI_SPINS);
}

static void check_stage(const ksl_thread *t, enum ksi_kind kind, const void *lock,
                        const void *site)
{
    if (ksi_load(&t->stage) == KSL_STAGE_OOB && t->handlers == 0 && kind != KSI_SIMPLE &&
        !out_of_band_may(kind))
        report(KSI_STAGE_RULE, kind, lock, site, "taken on the out-of-band stage", NULL);
}

/* --- stax --------------------------------------------------------------------------- */

void ksi_up_stage_changes(ksl_thread *t, const void *site)
{
    struct ksi_entered e;
    for (uint32_t i = 0; ksi_order_on() && ksi_entered_at(t, i, &e); i++) {
        struct ksi_held_lock h = {.lock = e.lock, .site = e.site, .kind = KSI_STAX};
        if (e.lock == NULL || e.kind != KSI_STAX || e.stage != ksi_load(&t->stage))
            continue; /* its stage has been left before, and that was told */
        report(KSI_STAGE_RULE, KSI_NO_KIND, NULL, site, "change of stage", &h);
        return;
    }
}

/* --- disable_lock ------------------------------------------------------------------- */

void ksi_rules_forget_disabled(ksl_thread *t, const void *lock)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < t->ndisabled; i++) {
        if (t->disabled[i].lock != lock)
            t->disabled[kept++] = t->disabled[i];
    }
    t->ndisabled = kept;
}

bool ksi_rules_disabled(const ksl_thread *t, const void *lock)
{
    for (uint32_t i = 0; i < t->ndisabled; i++) {
        if (t->disabled[i].lock == lock)
            return true;
    }
    return false;
}

void ksi_order_disabling(const void *lock, uint32_t before, const void *site)
{
    ksl_thread *t = ksi_self();
    ksi_rules_forget_disabled(t, lock);
    if (t->ndisabled == 0) {
        t->disabled_from = before;
        t->disabled_wrong = 0;
    }
    if (t->ndisabled < KSI_WATCHED)
        t->disabled[t->ndisabled++] = (struct ksi_watched){lock, site, before};
    ksi_order_check(t, KSI_SIMPLE, lock, site);
}

/*
 * T20: with a lock taken later still held, interrupts become open that it was taken with
 * masked; or the last one leaves a level that is not the one from before the first.
 */
void ksi_order_enabling(const void *lock, uint32_t level, const void *site)
{
    ksl_thread *t = ksi_self();
    uint32_t n = t->ndisabled;
    uint32_t at = n;
    for (uint32_t i = 0; i < n; i++) {
        if (t->disabled[i].lock == lock)
            at = i;
    }
    if (at == n)
        return;
    struct ksi_watched last = t->disabled[n - 1];
    if (n == 1 && t->disabled_wrong != 0 && level > t->disabled_from)
        report(KSI_RELEASE_ORDER_RULE, KSI_SIMPLE, lock, site,
               "given back last, and leaves interrupts masked that were open before",
               NULL);
    if (at != n - 1 && level < last.level) {
        struct ksi_held_lock h = {
            .lock = last.lock, .site = last.site, .kind = KSI_SIMPLE};
        t->disabled_wrong = 1;
        report(KSI_RELEASE_ORDER_RULE, KSI_SIMPLE, lock, site,
               "given back, and interrupts opened,", &h);
    }
    ksi_rules_forget_disabled(t, lock);
}

void ksi_order_unstacked(const ksl_thread *t, uint32_t at)
{
    struct ksl_hold *gone = ksi_held_at(t, at);
    enum ksi_kind kind = ksi_hold_kind(gone);
    for (uint32_t i = t->front.nholds; i > at + 1; i--) {
        const struct ksl_hold *later = ksi_held_at(t, i - 1);
        enum ksi_kind k = ksi_hold_kind(later);
        if ((kind != KSI_SPINLOCK && kind != KSI_RWLOCK) ||
            (k != KSI_SPINLOCK && k != KSI_RWLOCK) ||
            ksi_hold_level(gone) >= ksi_hold_level(later) ||
            ksi_load(&later->lock) == NULL)
            continue;
        struct ksi_held_lock h = {
            .lock = ksi_load(&later->lock), .site = ksi_load(&later->site), .kind = k};
        report(KSI_RELEASE_ORDER_RULE, kind, ksi_load(&gone->lock), ksi_load(&gone->site),
               "given back, taken with interrupts open,", &h);
        return;
    }
}

/* --- regime ------------------------------------------------------------------------- */

enum { ENABLED = 1, DISABLED = 2 };

/* T18: always disabled, or never. */
static void check_regime(const ksl_thread *t, const void *lock, const void *site)
{
    uint32_t now = ksi_load(&t->front.level) > 0 ? DISABLED : ENABLED;
    uint32_t first = ksi_spot_regime(lock, now);
    if (first == 0 || first == now)
        return;
    report(KSI_REGIME_RULE, KSI_SIMPLE, lock, site,
           now == DISABLED ? "taken with a raised interrupt priority, and was at INTBASE"
                           : "taken at INTBASE, and was with a raised interrupt priority",
           NULL);
}

/* --- the door ----------------------------------------------------------------------- */

void ksi_rules_before(ksl_thread *t, enum ksi_kind kind, const void *lock,
                      const void *site)
{
    check_stage(t, kind, lock, site);
}

void ksi_rules_under(ksl_thread *t, enum ksi_kind kind, const void *lock,
                     const void *site, const struct ksi_held_batch *b)
{
    check_sleepable(t, kind, lock, site, b);
    check_hierarchy(kind, lock, site, b);
}

void ksi_rules_taken(ksl_thread *t, enum ksi_kind kind, const void *lock,
                     const void *site)
{
    if (kind == KSI_SIMPLE)
        check_regime(t, lock, site);
}
