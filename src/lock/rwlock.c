/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Spinning reader/writer lock (W1..W7).
 *
 *   word     meaning          leaves it by
 *   0        free             reader: CAS -> 1; writer: CAS -> WRITER
 *   1..MAX   so many readers  reader: CAS -> +1; a release: -1, by CAS if the caller's
 *                             record has no share
 *   WRITER   one writer       a release: -> 0, by store if the caller's record has the
 *                             hold, else by CAS
 *   WRITER-k, one writer;     likewise; each of the k: CAS -> +1
 *   >MAX      k are in error
 *   0-k,      free; k are     likewise; each of the k: CAS -> +1
 *   >WRITER   in error
 *
 * No owner (W5): a release is judged by the word alone. Each thread's record
 * notes what it took, for the report at exit and for the interrupt level of
 * a handler; a release by another thread strikes the entry out, as a handler does that
 * gives back what it has not taken, with those of other threads first. Waiting is as
 * for the spinlock: nobody queues, so there is no wake-up to lose. The CAS or store of
 * a release is the last touch of the lock. Of two releases of one hold at the same moment
 * the wrong one may be taken for a release of the next hold; one alone is always found.
 * In error are those who find only after their -1 that somebody else has given their
 * share back. Each adds one again if the word still lacks some, whoever took it off: so
 * the word never lacks more than there are such threads, and nobody waits for them, for
 * a handler of one of them could not.
 *
 * A call is tried the fast way of <kslock/rwlock.h> first, which is inlined into programs
 * too.
 */

#include "lock/lock.h"
#include "platform/testing.h"
#include "wait/spin.h"

#include <kslock/rwlock.h>

static const uint32_t WRITER = KSL_RWLOCK_WRITER;
static const uint32_t MAX_READERS = KSL_RWLOCK_MOST;

/* What *interrupt_save tells: open or not, as in the flags of a processor. */
enum { SAVED_OPEN = KSL_RWLOCK_OPEN, SAVED_MASKED = 0 };

void ksl_rwlock_init(ksl_rwlock_t *l)
{
    ksi_store(&l->word, 0u);
    l->reserved = 0;
    ksi_watch_begin(KSI_RWLOCK, l, KSI_SITE());
}

/* The fast way has none of the planted faults, and no points. */
static inline bool sound(void)
{
    return !KSI_FAULT(RWLOCK_READER_LOST) && !KSI_FAULT(RWLOCK_WRITER_AMONG_READERS) &&
           !KSI_FAULT(RWLOCK_READER_STAYS) && !KSI_FAULT(RWLOCK_OPENS_FIRST) &&
           !KSI_FAULT(RWLOCK_SAVES_OPEN) && !KSI_FAULT(RWLOCK_RELAXED) && !KSI_LONG_WAY();
}

static bool is_free(uint32_t word)
{
    return word == 0 || word > WRITER;
}

static bool held(uint32_t word, enum ksi_mode mode)
{
    if (mode == KSI_SHARED)
        return ksl_rwlock_held(word, KSL_HOLD_SHARED);
    return word > MAX_READERS && word <= WRITER;
}

static bool try_read(ksl_rwlock_t *l)
{
    uint32_t word = ksi_load(&l->word);
    while (word < MAX_READERS || is_free(word)) {
        uint32_t next = is_free(word) ? 1 : word + 1;
        if (KSI_FAULT(RWLOCK_READER_LOST)) {
            KSI_POINT("rwlock: between load and store");
            ksi_store(&l->word, next);
            return true;
        }
        KSI_POINT("rwlock: share");
        if (ksi_cas_acq(&l->word, &word, next))
            return true;
    }
    return false;
}

static bool try_write(ksl_rwlock_t *l)
{
    uint32_t word = 0;
    if (KSI_FAULT(RWLOCK_WRITER_AMONG_READERS) && ksi_load(&l->word) != WRITER)
        word = ksi_load(&l->word);
    do {
        KSI_POINT("rwlock: take");
        if (ksi_cas_acq(&l->word, &word, WRITER))
            return true;
    } while (is_free(word));
    return false;
}

/*
 * The lock is not free: true, with `order` on, if the caller would wait for itself, or
 * its handler for the thread that it interrupted.
 */
KSI_COLD static bool stuck(ksl_rwlock_t *l, const ksl_thread *t, enum ksi_mode mode,
                           const void *site)
{
    if (!ksi_watching())
        return false;
    if (!ksi_order_on() ||
        (ksi_held_find(t, l, KSI_EXCLUSIVE) == NULL &&
         (mode == KSI_SHARED || ksi_held_find(t, l, KSI_SHARED) == NULL))) {
        ksi_hook_before(KSI_RWLOCK, l, mode, site);
        return false;
    }
    struct ksi_misuse m = {KSI_RECURSION_RULE, KSI_RWLOCK, l, site, t, false};
    ksi_violate(&m, "rwlock acquired again by its holder");
    return true;
}

/* Interrupt level before; masks unless the caller wants them left alone. */
static uint32_t enter(ksl_thread *t, const int *interrupt_save)
{
    return interrupt_save != NULL ? ksi_irq_mask(t) : ksi_load(&t->front.level);
}

/* Not taken. */
static void leave(ksl_thread *t, const int *interrupt_save, uint32_t level)
{
    if (interrupt_save != NULL)
        ksi_irq_unmask(t, level);
}

static void save(int *interrupt_save, uint32_t level)
{
    if (interrupt_save != NULL)
        *interrupt_save =
            level == 0 || KSI_FAULT(RWLOCK_SAVES_OPEN) ? SAVED_OPEN : SAVED_MASKED;
}

static void taken(ksl_rwlock_t *l, ksl_thread *t, enum ksi_mode mode, uint32_t level,
                  int *interrupt_save, const void *site)
{
    KSI_POINT("rwlock: taken");
    save(interrupt_save, level);
    ksi_held_push(t, l, KSI_RWLOCK, mode, level, site);
}

static int try_acquire(ksl_rwlock_t *l, enum ksi_mode mode, int *interrupt_save,
                       const void *site)
{
    ksl_thread *t = ksi_self();
    uint32_t level = enter(t, interrupt_save);
    if (!(mode == KSI_SHARED ? try_read(l) : try_write(l))) {
        leave(t, interrupt_save, level);
        return ksi_watch_tried(false, KSI_RWLOCK, l, mode, site);
    }
    KSI_POINT("rwlock: taken");
    save(interrupt_save, level);
    ksi_held_push_tried(t, l, KSI_RWLOCK, mode, level, site);
    return 1;
}

/* Both spin until they have it; false if refused. */

KSI_COLD static bool read_slow(ksl_rwlock_t *l, ksl_thread *t, const void *site)
{
    if (stuck(l, t, KSI_SHARED, site))
        return false;
    for (unsigned turn = 0; !try_read(l); turn++)
        ksi_spin_for(t, l, KSI_RWLOCK, turn);
    ksi_spin_end(t);
    return true;
}

KSI_COLD static bool write_slow(ksl_rwlock_t *l, ksl_thread *t, const void *site)
{
    if (stuck(l, t, KSI_EXCLUSIVE, site))
        return false;
    unsigned turn = 0;
    do {
        do
            ksi_spin_for(t, l, KSI_RWLOCK, turn++);
        while (!is_free(ksi_load(&l->word)));
    } while (!try_write(l));
    ksi_spin_end(t);
    return true;
}

void ksl_rwlock_acquire_read(ksl_rwlock_t *l, int *interrupt_save)
{
    if (KSI_LIKELY(sound() && ksl_rwlock_acquire_fast(l, KSL_HOLD_SHARED, interrupt_save,
                                                      KSI_SITE())))
        return;
    ksl_thread *t = ksi_self();
    uint32_t level = enter(t, interrupt_save);
    if (KSI_UNLIKELY(!try_read(l)) && !read_slow(l, t, KSI_SITE())) {
        leave(t, interrupt_save, level);
        return;
    }
    taken(l, t, KSI_SHARED, level, interrupt_save, KSI_SITE());
}

void ksl_rwlock_acquire_write(ksl_rwlock_t *l, int *interrupt_save)
{
    if (KSI_LIKELY(sound() && ksl_rwlock_acquire_fast(l, 0, interrupt_save, KSI_SITE())))
        return;
    ksl_thread *t = ksi_self();
    uint32_t level = enter(t, interrupt_save);
    if (KSI_UNLIKELY(!try_write(l)) && !write_slow(l, t, KSI_SITE())) {
        leave(t, interrupt_save, level);
        return;
    }
    taken(l, t, KSI_EXCLUSIVE, level, interrupt_save, KSI_SITE());
}

int ksl_rwlock_try_acquire_read(ksl_rwlock_t *l, int *interrupt_save)
{
    return try_acquire(l, KSI_SHARED, interrupt_save, KSI_SITE());
}

int ksl_rwlock_try_acquire_write(ksl_rwlock_t *l, int *interrupt_save)
{
    return try_acquire(l, KSI_EXCLUSIVE, interrupt_save, KSI_SITE());
}

static bool give_back(ksl_rwlock_t *l, enum ksi_mode mode)
{
    uint32_t word = ksi_load(&l->word);
    do {
        if (!held(word, mode))
            return false;
        if (KSI_FAULT(RWLOCK_READER_STAYS) && mode == KSI_SHARED && word > 1)
            return true;
        if (KSI_FAULT(RWLOCK_RELAXED) && mode == KSI_EXCLUSIVE) {
            ksi_store(&l->word, 0u);
            return true;
        }
        KSI_POINT("rwlock: free");
    } while (!ksi_cas_rel(&l->word, &word, mode == KSI_SHARED ? word - 1 : 0));
    return true;
}

KSI_COLD static void refuse(const ksl_rwlock_t *l, const char *call, const void *site)
{
    struct ksi_misuse m = {KSI_NOT_LOCKED_RULE, KSI_RWLOCK, l, site, NULL, false};
    ksi_violate(&m, "%s of a lock that nobody holds in that mode", call);
}

void ksl_rwlock_read_refused(ksl_rwlock_t *l)
{
    uint32_t word = ksi_load(&l->word);
    while (word > MAX_READERS && word != WRITER && !ksi_cas(&l->word, &word, word + 1))
        ;
    refuse(l, "rwlock_release_read", KSI_SITE());
}

static void release(ksl_rwlock_t *l, enum ksi_mode mode, int *interrupt_save,
                    const char *call, const void *site)
{
    ksl_thread *t = ksi_self();
    if (KSI_UNLIKELY(!held(ksi_load(&l->word), mode))) {
        refuse(l, call, site);
        return;
    }
    /* All that is needed of the caller's memory, before the lock is free. */
    bool open = interrupt_save != NULL && *interrupt_save != SAVED_MASKED;
    const struct ksl_hold *h = ksi_held_newest(t);
    if (h == NULL || !ksi_hold_is(h, l, mode) || t->handlers != 0)
        h = ksi_held_find_own(t, l, mode);
    uint32_t level = h != NULL ? ksi_hold_level(h) : 0;
    bool mine = h != NULL;
    /* First, so that who is told hears of it before others may have the lock. */
    if (mine)
        ksi_held_pop(t, l, mode);
    else
        ksi_held_pop_foreign(l, KSI_RWLOCK, mode);
    if (KSI_FAULT(RWLOCK_OPENS_FIRST) && open)
        ksi_irq_unmask(t, 0);
    if (KSI_UNLIKELY(!give_back(l, mode))) { /* somebody else just has, wrongly */
        refuse(l, call, site);
        return;
    }
    KSI_POINT("rwlock: freed");
    if (interrupt_save == NULL)
        return;
    if (open)
        ksi_irq_unmask(t, 0);
    else if (mine && level != 0 && level < ksi_load(&t->front.level))
        ksi_irq_unmask(t, level); /* a handler, back to its own level */
}

void ksl_rwlock_release_read(ksl_rwlock_t *l, int *interrupt_save)
{
    if (!sound() || !ksl_rwlock_release_fast(l, KSL_HOLD_SHARED, interrupt_save))
        release(l, KSI_SHARED, interrupt_save, "rwlock_release_read", KSI_SITE());
}

void ksl_rwlock_release_write(ksl_rwlock_t *l, int *interrupt_save)
{
    if (!sound() || !ksl_rwlock_release_fast(l, 0, interrupt_save))
        release(l, KSI_EXCLUSIVE, interrupt_save, "rwlock_release_write", KSI_SITE());
}
