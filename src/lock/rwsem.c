/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reader/writer semaphore (R1..R9).
 *
 * word = holders | marks. Holders: 0; the writer's descriptor address; or READ
 * and the number of reading threads times ONE. Marks: WRITERS, READERS, COMING.
 *
 *   holders     leaves it by
 *   0           writer: CAS -> me; reader, if WRITERS is clear: CAS -> READ|ONE
 *   READ|n*ONE  reader, if WRITERS is clear: CAS +ONE; a leaving reader: CAS -ONE;
 *               the last one with a mark set: under the bucket lock
 *   owner       owner: CAS -> 0, with a mark set: under the bucket lock
 *
 *   mark     set                             cleared; both under the bucket lock
 *   WRITERS  by a writer before it queues    when no writer is queued or on its way
 *   READERS  by a reader before it queues    when no reader is queued; may be stale
 *   COMING   by who pops a writer            by that writer's next look, which takes
 *                                            the lock or queues it again
 *
 * WRITERS stays set from the moment when a writer queues until it is in, also
 * between its pop and its second look, so new readers stay out all the time (R2).
 * At most one writer is on its way, and nothing can abort it (R8); but a child of
 * fork may have a mark without its writer, which a reader there takes off. Invariant:
 * readers queued => READERS is set and somebody holds, or COMING is set, or
 * the readers' waker is between pop and wake.
 *
 * Who wakes whom: the last holder that leaves pops one writer, unless one is on
 * its way; if none is queued either, all readers (R3).
 *
 * Read holds are counted per thread in its record; the word counts threads, so a
 * second read of the same thread succeeds without looking at the word (R5).
 * writes and reads count the owner's acquisitions and belong to it. Once the
 * word is free it is not touched again.
 */

#include "lock/lock.h"
#include "platform/testing.h"
#include "wait/spin.h"
#include "wait/wait.h"

#include <kslock/rwsem.h>

static const uintptr_t WRITERS = 1;
static const uintptr_t READERS = 2;
static const uintptr_t COMING = 4;
static const uintptr_t MARKS = 7;
static const uintptr_t READ = 8;
static const uintptr_t ONE = 128;

static bool nobody_holds(uintptr_t word)
{
    return (word & ~MARKS) == 0;
}

static bool readers_hold(uintptr_t word)
{
    return (word & READ) != 0;
}

static bool reader_may_enter(uintptr_t word)
{
    return (word & WRITERS) == 0 && (nobody_holds(word) || readers_hold(word));
}

static bool is_last_reader(uintptr_t word)
{
    return (word & ~MARKS) == (READ | ONE);
}

/* The writer's owner word; 0 if no writer is inside. */
static uintptr_t writer_of(uintptr_t word)
{
    return readers_hold(word) ? 0 : word & ~MARKS;
}

static uintptr_t with_reader(uintptr_t word)
{
    return (word | READ) + ONE;
}

void ksl_rwsem_init(ksl_rwsem_t *s)
{
    ksi_store(&s->word, (uintptr_t)0);
    s->writes = 0;
    s->reads = 0;
}

static bool grab_read(ksl_rwsem_t *s)
{
    uintptr_t word = ksi_load(&s->word);
    while (reader_may_enter(word)) {
        if (ksi_cas_acq(&s->word, &word, with_reader(word)))
            return true;
    }
    return false;
}

static bool grab_write(ksl_rwsem_t *s, uintptr_t me)
{
    uintptr_t word = ksi_load(&s->word);
    while (nobody_holds(word)) {
        if (ksi_cas_acq(&s->word, &word, me | word))
            return true;
    }
    return false;
}

/* With the bucket lock: the marks as the queues are, and a writer on its way. */
static uintptr_t marks_now(const ksl_rwsem_t *s, const struct ksi_lot *lot,
                           uintptr_t coming)
{
    if (KSI_FAULT(RWSEM_MARK_LOST))
        return 0;
    return coming | (coming != 0 || ksi_lot_waits(lot, s, KSI_Q_WRITE) ? WRITERS : 0) |
           (ksi_lot_waits(lot, s, KSI_Q_READ) ? READERS : 0);
}

/* The COMING that the word still means; after fork that writer may not exist. */
static uintptr_t coming_of(uintptr_t word)
{
    return ksi_lot_forked ? 0 : word & COMING;
}

/* With the bucket lock: true if inside, else the mark is set and w queued. */
static bool read_or_queue(ksl_rwsem_t *s, struct ksi_lot *lot, struct ksi_waiter *w)
{
    uintptr_t word = ksi_load(&s->word);
    if (KSI_FAULT(RWSEM_READER_PASSES_WRITER) && writer_of(word) != 0)
        return true;
    for (;;) {
        /* After fork a mark may speak of a writer that the child does not have. */
        if (ksi_lot_forked && (word & WRITERS) != 0 &&
            !ksi_lot_waits(lot, s, KSI_Q_WRITE)) {
            ksi_cas(&s->word, &word, word & ~(WRITERS | COMING));
            word = ksi_load(&s->word);
        }
        if (reader_may_enter(word)) {
            if (ksi_cas_acq(&s->word, &word, with_reader(word)))
                return true;
        } else if ((word & READERS) != 0 || ksi_cas(&s->word, &word, word | READERS)) {
            ksi_lot_enqueue(lot, w, s, KSI_Q_READ, KSI_FIFO, NULL);
            return false;
        }
    }
}

/* popped: the caller is the writer that COMING speaks of, and takes it off. */
static bool write_or_queue(ksl_rwsem_t *s, struct ksi_lot *lot, struct ksi_waiter *w,
                           bool popped)
{
    uintptr_t me = (uintptr_t)w->thread;
    uintptr_t word = ksi_load(&s->word);
    for (;;) {
        uintptr_t coming = popped ? 0 : coming_of(word);
        uintptr_t waiting = (word & ~COMING) | coming | WRITERS;
        if (nobody_holds(word)) {
            if (ksi_cas_acq(&s->word, &word, me | marks_now(s, lot, coming)))
                return true;
        } else if (word == waiting || ksi_cas(&s->word, &word, waiting)) {
            ksi_lot_enqueue(lot, w, s, KSI_Q_WRITE, KSI_FIFO, NULL);
            return false;
        }
    }
}

/*
 * Spins, then queues, until inside. A writer that has been popped goes through
 * the bucket lock, because it answers for the mark COMING.
 */
static void enter(ksl_rwsem_t *s, ksl_thread *t, enum ksi_mode mode)
{
    struct ksi_waiter *w = &t->waiters[KSI_WAITER_LOCK];
    unsigned limit = ksi_spin_limit(t);
    for (unsigned i = 0; i < limit; i++) {
        if (mode == KSI_SHARED ? grab_read(s) : grab_write(s, (uintptr_t)t)) {
            ksi_spin_learn(t, i, true);
            return;
        }
        ksi_pause();
    }
    ksi_spin_learn(t, limit, false);
    for (bool popped = false;; popped = true) {
        struct ksi_lot lot;
        ksi_lot_lock(&lot, s);
        bool in = mode == KSI_SHARED ? read_or_queue(s, &lot, w)
                                     : write_or_queue(s, &lot, w, popped);
        ksi_lot_unlock(&lot, NULL);
        if (in)
            return;
        ksi_wait(w, KSI_FOREVER); /* R8: nothing but a release ends it */
    }
}

static void hold_read(ksl_rwsem_t *s, ksl_thread *t, const void *site)
{
    t->rwsem_reads++;
    ksi_held_push(t, s, KSI_RWSEM, KSI_SHARED, 0, site);
}

static void hold_write(ksl_rwsem_t *s, ksl_thread *t, const void *site)
{
    s->writes = 1;
    ksi_held_push(t, s, KSI_RWSEM, KSI_EXCLUSIVE, 0, site);
}

KSI_COLD static int read_slow(ksl_rwsem_t *s, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "rwsem_acquire_read", KSI_RWSEM, s, site))
        return -EPERM;
    if (writer_of(ksi_load(&s->word)) == (uintptr_t)t) {
        s->reads++;
        return 0;
    }
    struct ksi_hold *h = ksi_held_find(t, s, KSI_SHARED);
    if (h != NULL) {
        ksi_store(&h->count, h->count + 1);
        return 0;
    }
    if (t->rwsem_reads >= KSL_RWSEM_READ_HOLDS) {
        struct ksi_misuse m = {KSI_BAD_ARGUMENT_RULE, KSI_RWSEM, s, site, NULL, false};
        ksi_violate(&m, "rwsem_acquire_read beyond %d distinct read holds",
                    KSL_RWSEM_READ_HOLDS);
        return -EPERM;
    }
    enter(s, t, KSI_SHARED);
    hold_read(s, t, site);
    return 0;
}

int ksl_rwsem_acquire_read(ksl_rwsem_t *s)
{
    uintptr_t me = ksi_tls.owner;
    ksl_thread *t = ksi_thread_of(me);
    if (KSI_LIKELY(me != 0 && t->rwsem_reads == 0)) {
        uintptr_t word = ksi_load(&s->word);
        if (KSI_LIKELY(reader_may_enter(word) &&
                       ksi_cas_acq(&s->word, &word, with_reader(word)))) {
            hold_read(s, t, KSI_SITE());
            return 0;
        }
    }
    return read_slow(s, KSI_SITE());
}

KSI_COLD static int write_slow(ksl_rwsem_t *s, const void *site)
{
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, "rwsem_acquire_write", KSI_RWSEM, s, site))
        return -EPERM;
    if (writer_of(ksi_load(&s->word)) == (uintptr_t)t) {
        s->writes++;
        return 0;
    }
    if (ksi_held_find(t, s, KSI_SHARED) != NULL) {
        struct ksi_misuse m = {KSI_RECURSION_RULE, KSI_RWSEM, s, site, t, false};
        ksi_violate(&m, "rwsem_acquire_write by a thread that reads");
        return -EPERM;
    }
    enter(s, t, KSI_EXCLUSIVE);
    hold_write(s, t, site);
    return 0;
}

int ksl_rwsem_acquire_write(ksl_rwsem_t *s)
{
    uintptr_t me = ksi_tls.owner;
    uintptr_t seen = 0;
    if (KSI_UNLIKELY(me == 0 || !ksi_cas_acq(&s->word, &seen, me)))
        return write_slow(s, KSI_SITE());
    hold_write(s, ksi_thread_of(me), KSI_SITE());
    return 0;
}

/*
 * The caller is the last holder and a mark is set: frees the word and wakes.
 * Under the bucket lock the marks can only be changed by us, but readers
 * without a mark in their way may still come and go.
 */
KSI_COLD static void leave_slow(ksl_rwsem_t *s)
{
    struct ksi_lot lot;
    struct ksi_wake_list wake = KSI_WAKE_LIST;
    KSI_POINT("rwsem: leave");
    ksi_lot_lock(&lot, s);
    uintptr_t word = ksi_load(&s->word);
    while (readers_hold(word) && !is_last_reader(word)) {
        if (ksi_cas_rel(&s->word, &word, word - ONE)) {
            ksi_lot_unlock(&lot, NULL); /* another reader is the last one now */
            return;
        }
    }
    if (KSI_FAULT(RWSEM_LAST_READER_FORGETS) && readers_hold(word)) {
        ksi_store_rel(&s->word, word & MARKS);
        ksi_lot_unlock(&lot, NULL);
        return;
    }
    uintptr_t coming = coming_of(word);
    if (coming == 0 && ksi_lot_pop(&lot, s, KSI_Q_WRITE, &wake))
        coming = COMING;
    if (coming == 0) {
        while (ksi_lot_pop(&lot, s, KSI_Q_READ, &wake)) {
            if (KSI_FAULT(RWSEM_ONE_READER))
                break;
        }
    }
    uintptr_t marks = marks_now(s, &lot, coming);
    /* A reader may have come meanwhile: then it is the last one, with the marks. */
    while (!ksi_cas_rel(&s->word, &word,
                        readers_hold(word) && !is_last_reader(word)
                            ? ((word & ~MARKS) - ONE) | marks
                            : marks))
        ;
    ksi_lot_unlock(&lot, &wake);
}

static int refuse_leave(ksl_rwsem_t *s, const char *call, const void *site)
{
    uintptr_t word = ksi_load(&s->word);
    if (readers_hold(word)) {
        struct ksi_misuse m = {KSI_NOT_OWNER_RULE, KSI_RWSEM, s, site, NULL, false};
        ksi_violate(&m, "%s by a thread that does not hold it so; readers hold it", call);
    } else {
        ksi_refuse_release(call, KSI_RWSEM, s, ksi_thread_of(writer_of(word)), site);
    }
    return -EPERM;
}

/* One of the owner's acquisitions is undone; the last one frees the word. */
static int leave_owner(ksl_rwsem_t *s, ksl_thread *t, uint32_t *count, const char *call,
                       const void *site)
{
    if (*count == 0)
        return refuse_leave(s, call, site);
    --*count;
    if (s->writes != 0 || s->reads != 0)
        return 0;
    ksi_held_pop(t, s, KSI_EXCLUSIVE);
    uintptr_t word = (uintptr_t)t;
    if (KSI_UNLIKELY(!ksi_cas_rel(&s->word, &word, (uintptr_t)0)))
        leave_slow(s);
    return 0;
}

int ksl_rwsem_release_write(ksl_rwsem_t *s)
{
    static const char call[] = "rwsem_release_write";
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, call, KSI_RWSEM, s, KSI_SITE()))
        return -EPERM;
    if (KSI_UNLIKELY(writer_of(ksi_load(&s->word)) != (uintptr_t)t))
        return refuse_leave(s, call, KSI_SITE());
    return leave_owner(s, t, &s->writes, call, KSI_SITE());
}

int ksl_rwsem_release_read(ksl_rwsem_t *s)
{
    static const char call[] = "rwsem_release_read";
    ksl_thread *t = ksi_self();
    if (ksi_refuse_in_handler(t, call, KSI_RWSEM, s, KSI_SITE()))
        return -EPERM;
    uintptr_t word = ksi_load(&s->word);
    if (writer_of(word) == (uintptr_t)t)
        return leave_owner(s, t, &s->reads, call, KSI_SITE());
    struct ksi_hold *h = ksi_held_find(t, s, KSI_SHARED);
    if (KSI_UNLIKELY(h == NULL && (t->unrecorded == 0 || !readers_hold(word))))
        return refuse_leave(s, call, KSI_SITE());
    if (h != NULL && h->count > 1) {
        ksi_store(&h->count, h->count - 1);
        return 0;
    }
    ksi_held_pop(t, s, KSI_SHARED); /* without memory for a record: counts it off */
    t->rwsem_reads--;
    for (;;) {
        if (is_last_reader(word) && (word & MARKS) != 0) {
            leave_slow(s);
            return 0;
        }
        uintptr_t left = is_last_reader(word) ? 0 : word - ONE;
        if (ksi_cas_rel(&s->word, &word, left))
            return 0;
    }
}
