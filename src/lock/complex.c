/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Complex locks of AIX (T29 to T52). The word is that of lock/rw.h; policy: readers pass
 * waiting writers (T33), an upgrade waits for the other readers and fails if somebody
 * else has asked to write (T37 to T40).
 *
 * recursive and depth are written by the writer alone, and are 0 whenever the lock is
 * given back or shared.
 */

#include "lock/aix.h"

#include "platform/testing.h"
#include "thread/irq.h"

static const struct ksi_rw_class class = {
    KSI_COMPLEX, 0, KSL_FAMILY(KSI_FAMILY_COMPLEX), false, true, true};

static bool mine(const struct ksi_complex *l, const ksl_thread *t)
{
    return ksi_owner_is(&l->word, t);
}

static void report_flag(const struct ksi_complex *l, const void *site, const char *what)
{
    struct ksi_misuse m = {KSI_RECURSIVE_FLAG_RULE, KSI_COMPLEX, l, site, NULL, false};
    ksi_violate(&m, "%s", what);
}

void ksi_complex_init(struct ksi_complex *l, const void *site)
{
    ksi_rw_begin(&l->word);
    ksi_store(&l->word, (uintptr_t)0);
    l->depth = 0;
    l->recursive = 0;
    ksi_watch_begin(KSI_COMPLEX, l, site);
}

/* A nested hold of the writer, if it may have one. */
static bool nest(struct ksi_complex *l, const ksl_thread *t)
{
    if (!mine(l, t) || l->recursive == 0)
        return false;
    l->depth++;
    ksi_watch_again(KSI_COMPLEX, l, KSI_EXCLUSIVE, NULL);
    return true;
}

void ksi_complex_read(struct ksi_complex *l, const void *site)
{
    ksl_thread *t = ksi_self();
    int error;
    if (ksi_refuse_in_handler(t, "lock_read", KSI_COMPLEX, l, site))
        return;
    do {
        if (nest(l, t))
            return;
        if (mine(l, t)) {
            ksi_owner_refuse_recursion(&class, &l->word, "lock_read", site);
            return;
        }
        ksi_watch_before(KSI_COMPLEX, l, KSI_SHARED, site);
        error = ksi_rw_share(&class, &l->word, t, KSI_RW_PASS | KSI_RW_OPEN, site);
    } while (error == -EDEADLK);
    if (error == -EPERM)
        ksi_owner_refuse_masked(&class, &l->word, "lock_read", site);
    else if (error == 0)
        ksi_watch_taken(KSI_COMPLEX, l, KSI_SHARED, site);
}

bool ksi_complex_try_read(struct ksi_complex *l, const void *site)
{
    ksl_thread *t = ksi_self();
    if (nest(l, t))
        return true;
    bool in = ksi_rw_try_share(&class, &l->word, t, KSI_RW_PASS, site);
    return ksi_watch_tried(in, KSI_COMPLEX, l, KSI_SHARED, site);
}

void ksi_complex_write(struct ksi_complex *l, const void *site)
{
    ksl_thread *t = ksi_self();
    int error;
    if (ksi_refuse_in_handler(t, "lock_write", KSI_COMPLEX, l, site))
        return;
    do {
        if (nest(l, t))
            return;
        if (mine(l, t) || ksi_share_find(t, &l->word) != NULL) {
            ksi_owner_refuse_recursion(&class, &l->word, "lock_write", site);
            return;
        }
        ksi_watch_before(KSI_COMPLEX, l, KSI_EXCLUSIVE, site);
        error = ksi_rw_own(&class, &l->word, t, KSI_RW_OPEN, site);
    } while (error == -EDEADLK);
    if (error == -EPERM)
        ksi_owner_refuse_masked(&class, &l->word, "lock_write", site);
    else if (error == 0)
        ksi_watch_taken(KSI_COMPLEX, l, KSI_EXCLUSIVE, site);
}

bool ksi_complex_try_write(struct ksi_complex *l, const void *site)
{
    ksl_thread *t = ksi_self();
    if (nest(l, t))
        return true;
    bool in = !mine(l, t) && ksi_share_find(t, &l->word) == NULL &&
              ksi_rw_try_own(&class, &l->word, t, site);
    return ksi_watch_tried(in, KSI_COMPLEX, l, KSI_EXCLUSIVE, site);
}

/* The caller's share, or NULL; false if it has none at all. */
static bool has_share(struct ksi_complex *l, const ksl_thread *t, struct ksl_slot **s)
{
    *s = ksi_share_find(t, &l->word);
    return *s != NULL || (t->unshared > 0 && ksi_rw_count(ksi_load(&l->word)) > 0);
}

/* True if it goes although lock_set_recursive is in force. */
static bool writer_done(struct ksi_complex *l, ksl_thread *t)
{
    bool flagged = l->recursive != 0 && l->depth == 0;
    if (l->depth > 0 && !KSI_FAULT(COMPLEX_NESTED_FREES)) {
        l->depth -= KSI_FAULT(COMPLEX_DEPTH_STAYS) ? 0 : 1;
        return false;
    }
    l->recursive = 0;
    ksi_rw_disown(&l->word, t); /* from here on the memory may be gone */
    return flagged;
}

/*
 * The caller is a handler, whose thread waited for its upgrade and has been let in: the
 * word says so, and the record has the share still. The thread goes by that it has it.
 */
static bool just_upgraded(const struct ksi_complex *l, const ksl_thread *t)
{
    if (KSI_LIKELY(t->handlers == 0) || KSI_FAULT(COMPLEX_LET_IN_UNSEEN))
        return false;
    return mine(l, t) && ksi_exclusive_find(t, &l->word) == NULL &&
           ksi_share_find(t, &l->word) != NULL;
}

void ksi_complex_done(struct ksi_complex *l, const void *site)
{
    ksl_thread *t = ksi_self();
    struct ksl_slot *s;
    if (ksi_rw_unshare_near(&l->word, t, class.tags))
        return;
    uint32_t level = ksi_irq_mask(t); /* a handler may convert it between two looks */
    /* An upgrade's wait for the others relies on it, and what comes of that. */
    bool needed = ksi_rw_waits_for(&l->word, t) || just_upgraded(l, t);
    bool writer = !needed && mine(l, t);
    KSI_POINT("complex: done");
    bool reader = !needed && !writer && has_share(l, t, &s);
    bool flagged = writer && writer_done(l, t);
    if (reader)
        ksi_rw_unshare(&l->word, t, s);
    ksi_irq_unmask(t, level);
    if (needed)
        (void)ksi_refuse_in_handler(t, "lock_done", KSI_COMPLEX, l, site);
    else if (!writer && !reader)
        ksi_owner_refuse(&class, &l->word, "lock_done", site);
    else if (flagged)
        report_flag(l, site, "lock_done with lock_set_recursive still in force");
}

enum ksi_upgrade ksi_complex_upgrade(struct ksi_complex *l, bool drop, const void *site)
{
    const char *call = drop ? "lock_read_to_write" : "lock_try_read_to_write";
    ksl_thread *t = ksi_self();
    struct ksl_slot *s = NULL;
    if (ksi_refuse_in_handler(t, call, KSI_COMPLEX, l, site))
        return KSI_UPGRADE_REFUSED;
    if (mine(l, t) || !has_share(l, t, &s)) {
        ksi_owner_refuse(&class, &l->word, call, site);
        return KSI_UPGRADE_REFUSED;
    }
    if (s == NULL || ksi_share_count(t, &l->word) > 1) {
        ksi_owner_refuse_recursion(&class, &l->word, call, site);
        return KSI_UPGRADE_REFUSED;
    }
    int error = ksi_rw_await_upgrade(&class, &l->word, t, KSI_RW_OPEN);
    if (error == 0)
        return KSI_UPGRADED;
    if (error == -EDEADLK) { /* a handler has taken another share */
        ksi_owner_refuse_recursion(&class, &l->word, call, site);
        return KSI_UPGRADE_REFUSED;
    }
    if (error == -EPERM) {
        ksi_owner_refuse_masked(&class, &l->word, call, site);
        return KSI_UPGRADE_REFUSED;
    }
    if (drop && has_share(l, t, &s) && !KSI_FAULT(COMPLEX_FAILED_KEEPS))
        ksi_rw_unshare(&l->word, t, s);
    return KSI_UPGRADE_FAILED;
}

void ksi_complex_downgrade(struct ksi_complex *l, const void *site)
{
    ksl_thread *t = ksi_self();
    uint32_t level = ksi_irq_mask(t);
    bool writer = mine(l, t);
    bool needed = writer && just_upgraded(l, t);
    bool nested = writer && l->depth > 0;
    bool flagged = false;
    if (writer && !needed && !nested) {
        flagged = l->recursive != 0;
        l->recursive = 0;
        ksi_rw_downgrade(&class, &l->word, t);
    }
    ksi_irq_unmask(t, level);
    if (!writer)
        ksi_owner_refuse(&class, &l->word, "lock_write_to_read", site);
    else if (needed)
        (void)ksi_refuse_in_handler(t, "lock_write_to_read", KSI_COMPLEX, l, site);
    else if (nested)
        ksi_owner_refuse_recursion(&class, &l->word, "lock_write_to_read", site);
    else if (flagged)
        report_flag(l, site, "lock_write_to_read with lock_set_recursive still in force");
}

void ksi_complex_set_recursive(struct ksi_complex *l, bool on, const void *site)
{
    const char *call = on ? "lock_set_recursive" : "lock_clear_recursive";
    if (!mine(l, ksi_self())) {
        ksi_owner_refuse(&class, &l->word, call, site);
        return;
    }
    bool was = l->recursive != 0;
    l->recursive = on ? 1 : 0;
    if (!on && !was)
        report_flag(l, site, "lock_clear_recursive of a lock that is not recursive");
    else if (!on && l->depth > 0)
        report_flag(l, site, "lock_clear_recursive with nested holds");
}

bool ksi_complex_held(const struct ksi_complex *l)
{
    return ksi_owner_any(&l->word);
}

/* --- e_sleep_thread ----------------------------------------------------------------- */

/* The caller holds it once, in the mode of the flag. */
static bool may_drop(struct ksi_complex *l, ksl_thread *t, bool write, const char *call,
                     const void *site)
{
    struct ksl_slot *s;
    if (write ? !mine(l, t) : mine(l, t) || !has_share(l, t, &s)) {
        ksi_owner_refuse(&class, &l->word, call, site);
        return false;
    }
    if (write ? l->depth > 0 : ksi_share_count(t, &l->word) > 1) {
        ksi_owner_refuse_recursion(&class, &l->word, call, site);
        return false;
    }
    return true;
}

bool ksi_aix_may_drop(void *lock, int flags, const char *call, const void *site)
{
    ksl_thread *t = ksi_self();
    if ((flags & (KSI_SLEEP_HANDLER | KSI_SLEEP_SIMPLE)) == 0)
        return may_drop(lock, t, (flags & KSI_SLEEP_WRITE) != 0, call, site);
    bool held = ksi_owner_is(lock, t);
    if (!held)
        ksi_owner_refuse(&ksi_simple_class, lock, call, site);
    return held;
}

void ksi_aix_drop(void *lock, int flags, const char *call, const void *site)
{
    if ((flags & (KSI_SLEEP_HANDLER | KSI_SLEEP_SIMPLE)) != 0)
        (void)ksi_owner_unlock(&ksi_simple_class, lock, call, site);
    else
        ksi_complex_done(lock, site);
}

void ksi_aix_retake(void *lock, int flags, const void *site)
{
    ksl_thread *t = ksi_self();
    struct ksi_complex *l = lock;
    if ((flags & KSI_SLEEP_HANDLER) != 0)
        (void)ksi_disable_lock(lock, ksi_load(&t->front.level), site);
    if ((flags & KSI_SLEEP_HANDLER) != 0)
        return;
    enum ksi_kind kind = (flags & KSI_SLEEP_SIMPLE) != 0 ? KSI_SIMPLE : KSI_COMPLEX;
    bool shares = kind == KSI_COMPLEX && (flags & KSI_SLEEP_WRITE) == 0;
    enum ksi_mode mode = shares ? KSI_SHARED : KSI_EXCLUSIVE;
    int error;
    ksi_watch_before(kind, lock, mode, site);
    if (kind == KSI_SIMPLE)
        error = ksi_rw_own(&ksi_simple_class, lock, t, 0, site);
    else if (!shares)
        error = ksi_rw_own(&class, &l->word, t, 0, site);
    else
        error = ksi_rw_share(&class, &l->word, t, KSI_RW_PASS, site);
    if (error == 0)
        ksi_watch_taken(kind, lock, mode, site);
}
