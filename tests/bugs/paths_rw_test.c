/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow paths of lock/rw.h that need a moment which stress rarely brings: who leaves by a
 * look, claims behind a plain store, slots that are opened again, watched fast paths.
 */

#include "bugs.h"

#include "lock/rw.h"
#include "platform/host.h"

#include <kslock/diag.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>

#include <string.h>

static int spins_or_sleeps(const struct scene *s, int i)
{
    const ksl_thread *t = s->p[i].actor.thread;
    return done(&s->p[i]) ||
           (s->kind->spins ? ksi_load_acq(&t->spins_on) != NULL : ksl_thread_asleep(t));
}

static const struct lock_kind *kind_called(const char *name)
{
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        if (strcmp(lock_kind(i)->name, name) == 0)
            return lock_kind(i);
    }
    ck_abort_msg("no kind is called %s", name);
    return NULL;
}

static const ksi_word *mutex_word(const struct scene *s)
{
    return &((const ksl_mutex_t *)s->lock)->word;
}

/* Puppet i waits; the next time that it looks at the queue it stops. */
static void stop_when_woken(struct scene *s, int i, unsigned stop)
{
    waits(s, i, s->kind->take);
    bug_stop(stop, "lot: lock", &s->p[i]);
}

/* Puppet 1 takes the mutex that 0 gives back, with the flag of an owner that looks. */
static void take_with_looks(struct scene *s)
{
    scene_begin(s, kind_called("mutex"), 3);
    ck_assert_int_eq(says(s, 0, s->kind->take), 0);
    stop_when_woken(s, 1, 0);
    ck_assert_int_eq(says(s, 0, s->kind->give), 0);
    bug_await_stop(0);
    bug_go(0);
    ck_assert_int_eq(answer(&s->p[1]), 0);
    ck_assert_uint_ne(ksi_load(mutex_word(s)) & KSI_LOOKS, 0);
}

/* Who waits behind such an owner has no claim on it, so it must not leave in silence. */
START_TEST(path_an_owner_that_looks_leaves_no_waiter_behind)
{
    struct scene s;
    take_with_looks(&s);
    bug_stop(1, "rw: plain release", &s.p[1]);
    tell(&s.p[1], s.kind->give, s.lock);
    WAIT_UNTIL(bug_reached(1) || done(&s.p[1]));
    tell(&s.p[2], s.kind->take, s.lock);
    WAIT_UNTIL(spins_or_sleeps(&s, 2));
    bug_go(1);
    ck_assert_int_eq(answer(&s.p[1]), 0);
    ck_assert_int_eq(answer(&s.p[2]), 0);
    ck_assert_int_eq(says(&s, 2, s.kind->give), 0);
    scene_end(&s);
}
END_TEST

START_TEST(path_nothing_is_left_in_the_word_of_a_free_mutex)
{
    struct scene s;
    take_with_looks(&s);
    ck_assert_int_eq(says(&s, 1, s.kind->give), 0);
    ck_assert_uint_eq(ksi_load(mutex_word(&s)), 0);
    ck_assert_int_eq(says(&s, 2, s.kind->take), 0);
    ck_assert_int_eq(says(&s, 2, s.kind->give), 0);
    ck_assert_uint_eq(ksi_load(mutex_word(&s)), 0);
    scene_end(&s);
}
END_TEST

START_TEST(path_a_mutex_is_free_when_its_owner_has_released_it_as_often)
{
    enum { DEPTH = 3 };
    struct scene s;
    scene_begin(&s, kind_called("mutex"), 2);
    const struct lock_kind *k = s.kind;
    for (int i = 0; i < DEPTH; i++)
        ck_assert_int_eq(says(&s, 0, i == 1 ? k->try_take : k->take), i == 1);
    waits(&s, 1, k->take);
    for (int i = 1; i < DEPTH; i++) {
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        ck_assert(ksi_rw_owner(ksi_load(mutex_word(&s))) ==
                  (uintptr_t)s.p[0].actor.thread);
        still_waits(&s, 1);
    }
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    ck_assert_int_eq(answer(&s.p[1]), 0);
    ck_assert_int_eq(says(&s, 1, k->give), 0);
    ck_assert_uint_eq(((ksl_mutex_t *)s.lock)->depth, 0);
    scene_end(&s);
}
END_TEST

static int read_too(void *l)
{
    return ksl_rwsem_acquire_read(l);
}

static int unread(void *l)
{
    return ksl_rwsem_release_read(l);
}

START_TEST(path_a_rwsem_is_free_when_its_owner_has_given_all_back)
{
    struct scene s;
    scene_begin(&s, kind_called("rwsem"), 2);
    const struct lock_kind *k = s.kind;
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    ck_assert_int_eq(says(&s, 0, read_too), 0);
    waits(&s, 1, k->take);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    still_waits(&s, 1);
    ck_assert_int_eq(says(&s, 0, k->give), 0);
    still_waits(&s, 1);
    ck_assert_int_eq(says(&s, 0, unread), 0);
    ck_assert_int_eq(answer(&s.p[1]), 0);
    ck_assert_int_eq(says(&s, 1, k->give), 0);
    scene_end(&s);
}
END_TEST

/*
 * The owner has looked at the word and is about to store when two others queue: it
 * overwrites the mark, and finds their claims.
 */
static bool two_claims(const struct lock_kind *k, const char *where, bool shared)
{
    struct scene s;
    lock_call take = shared ? k->share : k->take, give = shared ? k->unshare : k->give;
    scene_begin(&s, k, 3);
    ck_assert_int_eq(says(&s, 0, k->take), 0);
    if (strcmp(where, "rw: plain release") == 0)
        ksi_store(&s.p[0].actor.thread->tls->owner, (uintptr_t)0);
    bug_stop(0, where, &s.p[0]);
    tell(&s.p[0], k->give, s.lock);
    WAIT_UNTIL(bug_reached(0) || done(&s.p[0]));
    bool reached = bug_reached(0);
    if (reached) {
        waits(&s, 1, take);
        waits(&s, 2, take);
        bug_go(0);
    }
    ck_assert_int_eq(answer(&s.p[0]), 0);
    if (reached && shared) { /* both at the same time */
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(answer(&s.p[2]), 0);
        ck_assert_int_eq(says(&s, 1, give), 0);
        ck_assert_int_eq(says(&s, 2, give), 0);
    } else if (reached) {
        int first = one_of(&s, 1, 2);
        ck_assert_int_eq(says(&s, first, give), 0);
        ck_assert_int_eq(answer(&s.p[3 - first]), 0);
        ck_assert_int_eq(says(&s, 3 - first, give), 0);
    }
    scene_end(&s);
    return reached;
}

static void claims_of_all_kinds(const char *where)
{
    bool alone = false, shared = false;
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        const struct lock_kind *k = lock_kind(i);
        if (k->spins)
            continue;
        mark_point();
        alone |= two_claims(k, where, false);
        shared |= k->share != NULL && two_claims(k, where, true);
    }
    ck_assert(alone && shared);
}

START_TEST(path_all_who_claim_are_woken_by_a_plain_release)
{
    claims_of_all_kinds("rw: plain release");
}
END_TEST

START_TEST(path_all_who_claim_are_woken_by_a_watched_owner)
{
    ck_assert_int_eq(ksl_diag_enable("stats=/dev/null"), 0);
    claims_of_all_kinds("quick: plain release");
}
END_TEST

/* Until a share is one store to a slot; `fenced`: until it needs a fence for that. */
static void warm(struct scene *s, bool fenced)
{
    for (int n = 0; n < 300; n++) {
        ck_assert_int_eq(says(s, 1, s->kind->share), 0);
        ck_assert_int_eq(says(s, 1, s->kind->unshare), 0);
    }
    if (fenced) { /* a writer takes the bias off for a while */
        ck_assert_int_eq(says(s, 0, s->kind->take), 0);
        ck_assert_int_eq(says(s, 0, s->kind->give), 0);
    }
}

/* A watched reader has seen the bias; it goes before the reader shows its slot. */
START_TEST(path_a_watched_reader_looks_at_the_bias_again)
{
    bool reached = false;
    struct scene s = {.puppets = 2};
    while (scene_next(&s, SHARES | SLEEPS)) {
        const struct lock_kind *k = s.kind;
        warm(&s, false);
        ck_assert_int_eq(ksl_diag_enable("stats=/dev/null"), 0);
        bug_stop(0, "quick: slot", &s.p[1]);
        tell(&s.p[1], k->share, s.lock);
        WAIT_UNTIL(bug_reached(0) || done(&s.p[1]));
        if (bug_reached(0)) {
            reached = true;
            ck_assert_int_eq(says(&s, 0, k->take), 0);
            bug_go(0);
            WAIT_UNTIL(spins_or_sleeps(&s, 1));
            ck_assert_msg(!done(&s.p[1]), "%s: reads beside a writer", k->name);
            ck_assert_int_eq(says(&s, 0, k->give), 0);
        }
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_int_eq(says(&s, 1, k->unshare), 0);
    }
    ck_assert(reached || !ksi_heavy_works());
}
END_TEST

/* A writer counts the share that a reader shows, who has not got it after all. */
START_TEST(path_a_refused_share_that_was_counted_is_taken_off)
{
    bool reached = false;
    struct scene s = {.puppets = 2};
    while (scene_next(&s, SHARES | SLEEPS)) {
        const struct lock_kind *k = s.kind;
        warm(&s, true);
        bug_stop(0, "rw: slot", &s.p[1]);
        tell(&s.p[1], k->share, s.lock);
        WAIT_UNTIL(bug_reached(0) || done(&s.p[1]));
        if (bug_reached(0)) {
            reached = true;
            waits(&s, 0, k->take);
            bug_go(0);
        }
        /* Either may be the first now. */
        int first = bug_reached(0) ? one_of(&s, 0, 1) : 1;
        ck_assert_int_eq(answer(&s.p[first]), 0);
        ck_assert_int_eq(says(&s, first, first == 0 ? k->give : k->unshare), 0);
        if (bug_reached(0)) {
            ck_assert_int_eq(answer(&s.p[1 - first]), 0);
            ck_assert_int_eq(says(&s, 1 - first, first == 0 ? k->unshare : k->give), 0);
        }
    }
    ck_assert(reached);
}
END_TEST

/* An upgrade finds another share in a slot, and opens the slots; a writer queues there.
 */
START_TEST(path_who_queues_while_slots_are_closed_is_woken)
{
    bool reached = false;
    struct scene s = {.puppets = 3};
    while (scene_next(&s, UPGRADES | SLEEPS)) {
        const struct lock_kind *k = s.kind;
        warm(&s, false);
        ck_assert_int_eq(says(&s, 0, k->share), 0);
        ck_assert_int_eq(says(&s, 1, k->share), 0);
        bug_stop(0, "rw: open", &s.p[0]);
        tell(&s.p[0], k->upgrade, s.lock);
        WAIT_UNTIL(bug_reached(0) || done(&s.p[0]));
        reached |= bug_reached(0);
        waits(&s, 2, k->take);
        bug_go(0);
        ck_assert_int_eq(answer(&s.p[0]), 0);
        still_waits(&s, 2);
        ck_assert_int_eq(says(&s, 0, k->unshare), 0);
        still_waits(&s, 2);
        ck_assert_int_eq(says(&s, 1, k->unshare), 0);
        ck_assert_int_eq(answer(&s.p[2]), 0);
        ck_assert_int_eq(says(&s, 2, k->give), 0);
    }
    ck_assert(reached);
}
END_TEST

/* With shares in slots: a writer closes them, queues, and others come and go. */
START_TEST(path_who_comes_while_a_writer_waits_for_slots_gets_in_later)
{
    struct scene s = {.puppets = 3};
    while (scene_next(&s, SHARES | SLEEPS)) {
        const struct lock_kind *k = s.kind;
        warm(&s, false);
        ck_assert_int_eq(says(&s, 1, k->share), 0);
        waits(&s, 0, k->take);
        if (!k->readers_pass)
            waits(&s, 2, k->share);
        ck_assert_int_eq(says(&s, 1, k->unshare), 0);
        ck_assert_int_eq(answer(&s.p[0]), 0);
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        ck_assert_int_eq(k->readers_pass ? says(&s, 2, k->share) : answer(&s.p[2]), 0);
        ck_assert_int_eq(says(&s, 2, k->unshare), 0);
    }
}
END_TEST

/*
 * The word by which a lock names the calling thread, which holds it: its descriptor, or
 * its number in a spinlock. NULL: the lock has no such word.
 */
static uint32_t *naming_word(struct lock_memory *memory, size_t *size)
{
    const ksl_thread *self = ksl_thread_self();
    for (size_t i = 0; i < sizeof memory->bytes; i += sizeof(uint64_t)) {
        uint64_t w;
        memcpy(&w, memory->bytes + i, sizeof w);
        *size = sizeof(uintptr_t);
        if (w - (uintptr_t)self < KSI_ONE)
            return (uint32_t *)(void *)(memory->bytes + i);
        *size = sizeof(uint32_t);
        if ((uint32_t)w == self->front.id)
            return (uint32_t *)(void *)(memory->bytes + i);
    }
    return NULL;
}

/* As the word, but with a name that is nobody's; some have another base. */
enum { FILLS = 4 };

static void name_nobody(uint32_t *word, size_t size, int i)
{
    static const uint64_t fills[FILLS] = {0x1000, 0x55555000, 0xdeadb000, 0x41414000};
    uintptr_t flags = (*word & KSI_FLAGS) ^ ((i & 1) != 0 ? (uintptr_t)KSI_BASE : 0);
    uintptr_t junk = (uintptr_t)(fills[i] | (size > sizeof *word ? flags : 0));
    memcpy(word, &junk, size);
}

static void check_told_of(lock_call call, const char *name, void *lock)
{
    recorder_start();
    (void)call(lock);
    ck_assert_msg(recorder_count("destroyed") == 1 && recorder_count(NULL) == 1,
                  "%s: %u, %s", name, recorder_count(NULL), recorder_last().message);
    ck_assert_ptr_eq(recorder_last().lock, lock);
    recorder_stop();
}

/* False if the lock has no word that names its owner. */
static bool check_kind(const struct lock_kind *k)
{
    struct lock_memory memory, held;
    size_t size;
    memset(&memory, 0, sizeof memory);
    k->begin(&memory);
    ck_assert_int_eq(k->take(&memory), 0);
    uint32_t *word = naming_word(&memory, &size);
    held = memory;
    for (int i = 0; word != NULL && i < FILLS; i++) {
        name_nobody(word, size, i);
        check_told_of(k->take, k->name, &memory);
        if (k->share != NULL)
            check_told_of(k->share, k->name, &memory);
        check_told_of(k->give, k->name, &memory);
        memory = held;
    }
    ck_assert_int_eq(k->give(&memory), 0);
    k->end(&memory);
    return word != NULL;
}

START_TEST(path_memory_that_names_no_thread_is_told_of)
{
    unsigned found = 0;
    for (unsigned i = 0; i < LOCK_KINDS; i++) {
        lock_stage(lock_kind(i)->oob);
        found += check_kind(lock_kind(i)) ? 1 : 0;
        lock_stage(false);
    }
    ck_assert_uint_ge(found, 10);
}
END_TEST

void add_paths_of_rw(void)
{
    BUG(path_memory_that_names_no_thread_is_told_of);
    BUG(path_an_owner_that_looks_leaves_no_waiter_behind);
    BUG(path_nothing_is_left_in_the_word_of_a_free_mutex);
    BUG(path_a_mutex_is_free_when_its_owner_has_released_it_as_often);
    BUG(path_a_rwsem_is_free_when_its_owner_has_given_all_back);
    BUG(path_all_who_claim_are_woken_by_a_plain_release);
    BUG(path_all_who_claim_are_woken_by_a_watched_owner);
    BUG(path_a_watched_reader_looks_at_the_bias_again);
    BUG(path_a_refused_share_that_was_counted_is_taken_off);
    BUG(path_who_queues_while_slots_are_closed_is_woken);
    BUG(path_who_comes_while_a_writer_waits_for_slots_gets_in_later);
}
