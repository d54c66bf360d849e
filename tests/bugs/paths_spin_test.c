/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slow paths of the spinning locks and of interrupt masking: in what order a release does
 * its steps, what it restores, and what is put off for an inlined release.
 */

#include "bugs.h"

#include "lock/rw.h"
#include "platform/host.h"
#include "thread/irq.h"

#include <kslock/rwlock.h>
#include <kslock/spinlock.h>

#include <string.h>

enum { IRQ = 25, LEVEL = 4 };

static const struct lock_kind *tried; /* by the handler */
static void *tried_lock;
static int runs;   /* atomic */
static int gotten; /* atomic: what the handler's try returned last */

static void try_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    int in = tried->try_take(tried_lock);
    STORE(&gotten, in);
    if (in)
        tried->give(tried_lock);
    ADD(&runs, 1);
}

/* Pairs of the rwlock that open and mask; saves and what is saved are its caller's. */

static int rwlock_save;

static int rw_read(void *l)
{
    ksl_rwlock_acquire_read(l, &rwlock_save);
    return 0;
}

static int rw_unread(void *l)
{
    ksl_rwlock_release_read(l, &rwlock_save);
    return 0;
}

static int rw_write(void *l)
{
    ksl_rwlock_acquire_write(l, &rwlock_save);
    return 0;
}

static int rw_unwrite(void *l)
{
    ksl_rwlock_release_write(l, &rwlock_save);
    return 0;
}

static int spin_irq_state;

static int spin_irq(void *l)
{
    spin_irq_state = ksl_spinlock_acquire_irq(l);
    return 0;
}

static int unspin_irq(void *l)
{
    ksl_spinlock_release_irq(l, spin_irq_state);
    return 0;
}

/* An interrupt that came while the lock was held finds it free. */
static void opens_after(const char *kind, lock_call take, lock_call give, bool watched)
{
    struct scene s;
    const struct lock_kind *k = NULL;
    for (unsigned i = 0; i < LOCK_KINDS && k == NULL; i++)
        k = strcmp(lock_kind(i)->name, kind) == 0 ? lock_kind(i) : NULL;
    ck_assert_msg(k != NULL, "no kind is called %s", kind);
    scene_begin(&s, k, 1);
    ksl_thread *t = s.p[0].actor.thread;
    tried = k;
    tried_lock = s.lock;
    STORE(&runs, 0);
    STORE(&gotten, 0);
    if (watched)
        ksi_store(&t->tls->owner, (uintptr_t)0);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, try_in_handler, NULL),
                     0);
    ck_assert_int_eq(says(&s, 0, take != NULL ? take : k->take), 0);
    ck_assert_int_eq(ksl_irq_raise_on(t, IRQ), 0);
    ck_assert_int_eq(LOAD(&runs), 0);
    ck_assert_int_eq(says(&s, 0, give != NULL ? give : k->give), 0);
    ck_assert_msg(LOAD(&runs) == 1, "%s: the handler has not run", kind);
    ck_assert_msg(LOAD(&gotten) == 1, "%s: not free when interrupts opened", kind);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    scene_end(&s);
}

START_TEST(path_interrupts_open_after_the_lock_is_free)
{
    for (int watched = 0; watched < 2; watched++) {
        mark_point();
        opens_after("spinlock", NULL, NULL, watched);
        opens_after("spinlock", spin_irq, unspin_irq, watched);
        mark_point();
        opens_after("rwlock", rw_read, rw_unread, watched);
        opens_after("rwlock", rw_write, rw_unwrite, watched);
        mark_point();
        opens_after("mtx-spin", NULL, NULL, watched);
    }
}
END_TEST

static int level_now(void *unused)
{
    (void)unused;
    unsigned level = ksl_irq_save();
    ksl_irq_restore(level);
    return (int)level;
}

static int to_level(void *level)
{
    return (int)ksl_irq_set_level(*(unsigned *)level);
}

/* Whoever gets the lock next notes its own state in it; the releaser goes by its own. */
START_TEST(path_a_release_restores_the_state_of_its_own_acquire)
{
    struct scene s;
    unsigned five = 5;
    scene_begin(&s, lock_kind(0), 2);
    ck_assert_str_eq(s.kind->name, "spinlock");
    ck_assert_int_eq(ask(&s.p[1], to_level, &five), 0);
    ck_assert_int_eq(says(&s, 0, s.kind->take), 0);
    waits(&s, 1, s.kind->take);
    bug_stop(0, "spinlock: freed", &s.p[0]);
    tell(&s.p[0], s.kind->give, s.lock);
    ck_assert_int_eq(answer(&s.p[1]), 0);
    bug_go(0);
    ck_assert_int_eq(answer(&s.p[0]), 0);
    ck_assert_int_eq(ask(&s.p[0], level_now, NULL), 0);
    ck_assert_int_eq(says(&s, 1, s.kind->give), 0);
    ck_assert_int_eq(ask(&s.p[1], level_now, NULL), 5);
    scene_end(&s);
}
END_TEST

static int masked_pair(void *l)
{
    unsigned all = 11;
    (void)ksl_irq_set_level(all);
    rw_write(l);
    rw_unwrite(l);
    int after_write = (int)ksl_irq_save();
    rw_read(l);
    rw_unread(l);
    int after_read = (int)ksl_irq_save();
    (void)ksl_irq_set_level(0);
    return after_write * 100 + after_read;
}

START_TEST(path_a_rwlock_leaves_interrupts_masked_that_were_masked)
{
    struct scene s;
    for (int watched = 0; watched < 2; watched++) {
        scene_begin(&s, lock_kind(1), 1);
        ck_assert_str_eq(s.kind->name, "rwlock");
        if (watched)
            ksi_store(&s.p[0].actor.thread->tls->owner, (uintptr_t)0);
        ck_assert_int_eq(says(&s, 0, masked_pair), 1111);
        scene_end(&s);
    }
}
END_TEST

static int preempt_pair(void *l)
{
    ksl_spinlock_acquire_preempt(l);
    unsigned inside = ksl_preempt_count();
    ksl_spinlock_release_preempt(l);
    return (int)(inside * 100 + ksl_preempt_count());
}

START_TEST(path_preemption_is_counted_in_pairs)
{
    struct scene s;
    for (int watched = 0; watched < 2; watched++) {
        scene_begin(&s, lock_kind(0), 1);
        if (watched)
            ksi_store(&s.p[0].actor.thread->tls->owner, (uintptr_t)0);
        ck_assert_int_eq(says(&s, 0, preempt_pair), 100);
        scene_end(&s);
    }
}
END_TEST

/* Each reader is counted off; the last one lets the writer in. Nobody is left spinning.
 */
START_TEST(path_a_writer_enters_when_the_last_reader_has_left)
{
    struct scene s = {.puppets = 4};
    while (scene_next(&s, SHARES)) {
        const struct lock_kind *k = s.kind;
        for (int r = 0; r < 3; r++)
            ck_assert_int_eq(says(&s, r, k->share), 0);
        waits(&s, 3, k->take);
        for (int r = 0; r < 3; r++) {
            still_waits(&s, 3);
            ck_assert_int_eq(says(&s, r, k->unshare), 0);
        }
        ck_assert_int_eq(answer(&s.p[3]), 0);
        ck_assert_int_eq(says(&s, 3, k->give), 0);
    }
}
END_TEST

START_TEST(path_who_is_in_is_not_shown_as_spinning)
{
    struct scene s = {.puppets = 2};
    while (scene_next(&s, SPINS)) {
        const struct lock_kind *k = s.kind;
        ck_assert_int_eq(says(&s, 0, k->take), 0);
        waits(&s, 1, k->take);
        ck_assert_ptr_eq(ksi_load(&s.p[1].actor.thread->spins_on), s.lock);
        ck_assert_int_eq(says(&s, 0, k->give), 0);
        ck_assert_int_eq(answer(&s.p[1]), 0);
        ck_assert_ptr_null(ksi_load(&s.p[1].actor.thread->spins_on));
        ck_assert_int_eq(says(&s, 1, k->give), 0);
    }
}
END_TEST

/* --- interrupts -------------------------------------------------------------------- */

static int state; /* atomic, of the scenes below */

static void note_run(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ADD(&runs, 1);
}

static int raise_self(void *unused)
{
    (void)unused;
    int error = ksl_irq_raise_on(ksl_thread_self(), IRQ);
    return error != 0 ? error : level_now(NULL);
}

START_TEST(path_the_level_is_back_after_a_handler)
{
    struct puppet p;
    unsigned two = 2;
    puppet_start(&p);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, note_run, NULL), 0);
    ck_assert_int_eq(ask(&p, raise_self, NULL), 0);
    ck_assert_int_eq(ask(&p, to_level, &two), 0);
    ck_assert_int_eq(ask(&p, raise_self, NULL), 2);
    ck_assert_int_eq(LOAD(&runs), 2);
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    puppet_end(&p);
}
END_TEST

/* As in an inlined release, between its look at the word and its store. */
static int between_look_and_store(void *unused)
{
    (void)unused;
    const ksl_thread *t = ksl_thread_self();
    ksi_store(&ksl_tls.releasing, 1u);
    ksi_barrier();
    STORE(&state, 1);
    while (ksi_load(&t->put_off) == 0 && LOAD(&runs) == 0)
        ksi_yield();
    int early = LOAD(&runs);
    ksi_barrier();
    ksi_store(&ksl_tls.releasing, 0u);
    ksi_barrier();
    if (ksi_load(&t->front.claims) != 0)
        ksl_put_off_answer();
    return early * 100 + LOAD(&runs);
}

START_TEST(path_a_handler_waits_for_the_end_of_an_inlined_release)
{
    struct puppet p;
    puppet_start(&p);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, note_run, NULL), 0);
    for (int turn = 0; turn < 3; turn++) {
        STORE(&runs, 0);
        STORE(&state, 0);
        tell(&p, between_look_and_store, NULL);
        WAIT_UNTIL(LOAD(&state) == 1);
        ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, IRQ), 0);
        ck_assert_int_eq(answer(&p), 1); /* not before the store, and at once after it */
    }
    ck_assert_int_eq(ksl_irq_free(IRQ), 0);
    puppet_end(&p);
}
END_TEST

static void stay_in_handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    STORE(&state, 1);
    while (LOAD(&state) == 1)
        ksi_yield();
}

static int raise_and_return(void *unused)
{
    (void)unused;
    return ksl_irq_raise_on(ksl_thread_self(), IRQ);
}

static int free_irq(void *unused)
{
    (void)unused;
    return ksl_irq_free(IRQ);
}

START_TEST(path_an_interrupt_is_free_when_its_handler_has_ended)
{
    struct puppet p[2];
    puppets_start(p, 2);
    ck_assert_int_eq(ksl_irq_request(IRQ, KSL_STAGE_INBAND, LEVEL, stay_in_handler, NULL),
                     0);
    tell(&p[0], raise_and_return, NULL);
    WAIT_UNTIL(LOAD(&state) == 1);
    bug_stop(0, "irq: handler runs", &p[1]);
    tell(&p[1], free_irq, NULL);
    WAIT_UNTIL(bug_reached(0) || done(&p[1]));
    ck_assert(!done(&p[1]));
    STORE(&state, 2);
    bug_go(0);
    ck_assert_int_eq(answer(&p[0]), 0);
    ck_assert_int_eq(answer(&p[1]), 0);
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
    puppets_end(p, 2);
}
END_TEST

void add_paths_of_spinning(void)
{
    BUG(path_interrupts_open_after_the_lock_is_free);
    BUG(path_a_release_restores_the_state_of_its_own_acquire);
    BUG(path_a_rwlock_leaves_interrupts_masked_that_were_masked);
    BUG(path_preemption_is_counted_in_pairs);
    BUG(path_a_writer_enters_when_the_last_reader_has_left);
    BUG(path_who_is_in_is_not_shown_as_spinning);
    BUG(path_the_level_is_back_after_a_handler);
    BUG(path_a_handler_waits_for_the_end_of_an_inlined_release);
    BUG(path_an_interrupt_is_free_when_its_handler_has_ended);
}
