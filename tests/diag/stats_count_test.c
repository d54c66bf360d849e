/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: exact counts of scenes in which each step is known. */

#include "stats_test.h"

#include "lock/aix.h"
#include "lock/kmutex.h"
#include "lock/ksem.h"
#include "lock/mtx.h"
#include "lock/stax.h"
#include "lock/sx.h"
#include "platform/host.h"
#include "platform/park.h"

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/signal.h>
#include <kslock/spinlock.h>

#include <limits.h>
#include <sys/lock.h>
#include <sys/param.h>
#include <sys/sx.h>

static const struct ksl_place here = {"scene.c", 1};
#define SITE ((const void *)((uintptr_t)&here | KSI_PLACE_BIT))

static ksl_spinlock_t spinlock;
static ksl_mutex_t mutex;
static ksl_rwlock_t rwlock;
static ksl_rwsem_t rwsem;
static struct ksi_named sx, mtx, spin_mtx;
static ksi_word simple, lockl, drw, kmutex;
static struct ksi_complex complex_lock;
static uint64_t ksem;
static struct ksi_stax stax;

static void begin_all(void)
{
    ksi_sx_init(&sx, "scene sx", SX_RECURSE, SITE);
    ksi_mtx_init(&mtx, "scene mtx", 0, SITE);
    ksi_mtx_init(&spin_mtx, "scene spin", 1, SITE);
    ksi_drw_init(&drw, SITE);
    ksi_kmutex_init(&kmutex, SITE);
    ksi_complex_init(&complex_lock, SITE);
    ksi_ksem_init(&ksem, 1, SITE);
    ksi_stax_init(&stax);
}

#define CALL(name, ...)                                                                  \
    static int name(void *lock)                                                          \
    {                                                                                    \
        (void)lock;                                                                      \
        return (int)(__VA_ARGS__);                                                       \
    }

CALL(take_spinlock, (ksl_spinlock_acquire(lock), 0))
CALL(give_spinlock, (ksl_spinlock_release(lock), 0))
CALL(try_spinlock, ksl_spinlock_try_acquire(lock))
CALL(take_mutex, ksl_mutex_acquire(lock))
CALL(give_mutex, (ksl_mutex_release(lock), 0))
CALL(try_mutex, ksl_mutex_try_acquire(lock))
CALL(read_rwlock, (ksl_rwlock_acquire_read(lock, NULL), 0))
CALL(unread_rwlock, (ksl_rwlock_release_read(lock, NULL), 0))
CALL(write_rwlock, (ksl_rwlock_acquire_write(lock, NULL), 0))
CALL(unwrite_rwlock, (ksl_rwlock_release_write(lock, NULL), 0))
CALL(try_rwlock, ksl_rwlock_try_acquire_write(lock, NULL))
CALL(read_rwsem, ksl_rwsem_acquire_read(lock))
CALL(unread_rwsem, ksl_rwsem_release_read(lock))
CALL(write_rwsem, ksl_rwsem_acquire_write(lock))
CALL(unwrite_rwsem, ksl_rwsem_release_write(lock))
CALL(take_slock, ksi_sx_lock(lock, KSI_SX_SHARE, false, SITE))
CALL(sig_slock, ksi_sx_lock(lock, KSI_SX_SHARE, true, SITE))
CALL(give_slock, (ksi_sx_unlock(lock, KSI_SX_SHARE, SITE), 0))
CALL(take_xlock, ksi_sx_lock(lock, KSI_SX_EXCLUSIVE, false, SITE))
CALL(give_xlock, (ksi_sx_unlock(lock, KSI_SX_EXCLUSIVE, SITE), 0))
CALL(try_xlock, ksi_sx_try(lock, KSI_SX_EXCLUSIVE, SITE))
CALL(take_mtx, ksi_mtx_lock(lock, false, SITE))
CALL(give_mtx, (ksi_mtx_unlock(lock, SITE), 0))
CALL(try_mtx, ksi_mtx_lock(lock, true, SITE))
CALL(take_spin_mtx, ksi_mtx_spin_lock(lock, false, SITE))
CALL(give_spin_mtx, (ksi_mtx_spin_unlock(lock, SITE), 0))
CALL(try_spin_mtx, ksi_mtx_spin_lock(lock, true, SITE))
CALL(take_simple, ksi_owner_lock(&ksi_simple_class, lock, "simple_lock", SITE))
CALL(give_simple, (ksi_owner_unlock(&ksi_simple_class, lock, "simple_unlock", SITE), 0))
CALL(try_simple, ksi_simple_try(lock, SITE))
CALL(take_lockl, ksi_lockl(lock, 0, SITE))
CALL(give_lockl, (ksi_unlockl(lock, SITE), 0))
CALL(try_lockl, ksi_lockl(lock, KSI_LOCKL_NDELAY, SITE) == KSI_LOCKL_SUCC)
CALL(read_drw, (ksi_drw_read(lock, SITE), 0))
CALL(write_drw, ksi_drw_write(lock, false, SITE))
CALL(give_drw, (ksi_drw_done(lock, SITE), 0))
CALL(try_drw, ksi_drw_write(lock, true, SITE))
CALL(read_complex, (ksi_complex_read(lock, SITE), 0))
CALL(write_complex, (ksi_complex_write(lock, SITE), 0))
CALL(give_complex, (ksi_complex_done(lock, SITE), 0))
CALL(try_complex, ksi_complex_try_write(lock, SITE))
CALL(take_kmutex, ksi_kmutex_lock(lock, SITE))
CALL(give_kmutex, (ksi_kmutex_unlock(lock, SITE), 0))
CALL(try_kmutex, ksi_kmutex_try(lock, SITE) == 0)
CALL(take_ksem, ksi_ksem_down(lock, KSI_FOREVER, false, SITE))
CALL(give_ksem, (ksi_ksem_up(lock, INT_MAX, SITE), 0))
CALL(try_ksem, ksi_ksem_try(lock, SITE))
CALL(take_stax, ksi_stax_lock(lock, SITE))
CALL(give_stax, (ksi_stax_unlock(lock, SITE), 0))

struct kind {
    const char *name;
    call_fn take;
    call_fn give;
    call_fn try; /* NULL: none; for the exclusive mode */
    volatile void *lock;
    bool shared;
    bool sleeps; /* two of it exclude each other, and the second one sleeps */
    bool oob;
};

static const struct kind kinds[] = {
    {"spinlock", take_spinlock, give_spinlock, try_spinlock, &spinlock, false, false,
     false},
    {"mutex", take_mutex, give_mutex, try_mutex, &mutex, false, true, false},
    {"rwlock read", read_rwlock, unread_rwlock, NULL, &rwlock, true, false, false},
    {"rwlock write", write_rwlock, unwrite_rwlock, try_rwlock, &rwlock, false, false,
     false},
    {"rwsem read", read_rwsem, unread_rwsem, NULL, &rwsem, true, false, false},
    {"rwsem write", write_rwsem, unwrite_rwsem, NULL, &rwsem, false, true, false},
    {"sx shared", take_slock, give_slock, NULL, &sx, true, false, false},
    {"sx exclusive", take_xlock, give_xlock, try_xlock, &sx, false, true, false},
    {"mtx", take_mtx, give_mtx, try_mtx, &mtx, false, true, false},
    {"spin mtx", take_spin_mtx, give_spin_mtx, try_spin_mtx, &spin_mtx, false, false,
     false},
    {"simple", take_simple, give_simple, try_simple, &simple, false, true, false},
    {"lockl", take_lockl, give_lockl, try_lockl, &lockl, false, true, false},
    {"drw read", read_drw, give_drw, NULL, &drw, true, false, false},
    {"drw write", write_drw, give_drw, try_drw, &drw, false, false, false},
    {"complex read", read_complex, give_complex, NULL, &complex_lock, true, false, false},
    {"complex write", write_complex, give_complex, try_complex, &complex_lock, false,
     true, false},
    {"kernel mutex", take_kmutex, give_kmutex, try_kmutex, &kmutex, false, true, true},
    {"semaphore", take_ksem, give_ksem, try_ksem, &ksem, true, true, true},
    {"stax", take_stax, give_stax, NULL, &stax, true, false, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static void *lock_of(const struct kind *k)
{
    return (void *)(uintptr_t)k->lock;
}

static ksl_stage stage_of(const struct kind *k)
{
    return k->oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND;
}

/* The test's clock. */
static uint64_t clock_ns = 1000000000; /* atomic */

static uint64_t fake_now(void)
{
    return LOAD(&clock_ns);
}

static void pass(uint64_t ns)
{
    ADD(&clock_ns, ns);
}

static void on_with_clock(void)
{
    ksi_seam.now = fake_now;
    stats_on();
    begin_all();
}

START_TEST(pairs_are_counted)
{
    const struct kind *k = &kinds[_i];
    enum { PAIRS = 7, HELD_NS = 30 };
    on_with_clock();
    (void)ksl_stage_switch(stage_of(k));
    for (int i = 0; i < PAIRS; i++) {
        (void)k->take(lock_of(k));
        pass(HELD_NS + (uint64_t)i);
        (void)k->give(lock_of(k));
    }
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    struct ksi_stats_sum s = stats_of(k->lock);
    COUNTED(s, TAKEN, PAIRS);
    COUNTED(s, HELD, PAIRS);
    COUNTED(s, HOLD, PAIRS * HELD_NS + 21);
    COUNTED(s, HOLD_MAX, HELD_NS + PAIRS - 1);
    COUNTED(s, SHARED, k->shared ? PAIRS : 0);
    COUNTED(s, READERS, k->shared ? 1 : 0);
    COUNTED(s, TRIED, 0);
    COUNTED(s, CONTENDED, 0);
    COUNTED(s, WAIT, 0);
    COUNTED(s, SLEEPS, 0);
    COUNTED(s, BUSY, 0);
    COUNTED(s, AGAIN, 0);
    COUNTED(s, GAVE_UP, 0);
    COUNTED(s, FOREIGN, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    ck_assert_uint_eq(s.holding, 0);
    s = stats_of_all();
    COUNTED(s, TAKEN, PAIRS);
}
END_TEST

START_TEST(tries_are_counted)
{
    const struct kind *k = &kinds[_i];
    struct puppet p;
    if (k->try == NULL)
        return;
    on_with_clock();
    puppet_start_on(&p, stage_of(k));
    (void)ask(&p, k->take, lock_of(k));
    ck_assert_uint_eq(stats_of(k->lock).holding, 1);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(k->try(lock_of(k)), 0);
    (void)ask(&p, k->give, lock_of(k));
    ck_assert_int_eq(k->try(lock_of(k)), 1);
    (void)k->give(lock_of(k));
    puppet_end(&p);
    struct ksi_stats_sum s = stats_of(k->lock);
    COUNTED(s, BUSY, 3);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, TRIED, k->lock == &ksem ? 0 : 1); /* a try of a semaphore looks as any */
    COUNTED(s, HELD, 2);
    COUNTED(s, CONTENDED, 0); /* refused tries are no waits */
    COUNTED(s, SLEEPS, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
}
END_TEST

START_TEST(waits_are_counted)
{
    const struct kind *k = &kinds[_i];
    enum { WAIT_NS = 5000 };
    struct puppet owner, waiter;
    if (!k->sleeps)
        return;
    on_with_clock();
    puppet_start_on(&owner, stage_of(k));
    puppet_start_on(&waiter, stage_of(k));
    (void)ask(&owner, k->take, lock_of(k));
    tell_blocked(&waiter, k->take, lock_of(k));
    struct ksi_stats_sum s = stats_of(k->lock);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, SLEEPS, 1);
    COUNTED(s, CONTENDED, 0);
    ck_assert_uint_eq(s.waiting, 1);
    pass(WAIT_NS);
    (void)ask(&owner, k->give, lock_of(k));
    (void)answer(&waiter);
    pass(100);
    (void)ask(&waiter, k->give, lock_of(k));
    s = stats_of(k->lock);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, k->lock == &ksem ? 2 : 2);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, WAIT, WAIT_NS);
    COUNTED(s, WAIT_MAX, WAIT_NS);
    COUNTED(s, SLEEPS, 1);
    COUNTED(s, SLEEP, WAIT_NS);
    COUNTED(s, WOKEN, 1);
    COUNTED(s, WAKES, 1);
    COUNTED(s, SPUN, 0);
    COUNTED(s, HOLD, WAIT_NS + 100);
    ck_assert_uint_eq(s.waits[12], 1); /* 4096 to 8191 ns */
    ck_assert_uint_eq(s.waiting, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    struct ksi_stats_view v;
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_eq(v.stacks, 1);
    ck_assert_uint_eq(v.stack[0].waits, 1);
    ck_assert_uint_eq(v.stack[0].total, WAIT_NS);
    ck_assert_uint_eq(v.stack[0].most, WAIT_NS);
    ck_assert_uint_gt(v.stack[0].frames, 0);
    ksi_stats_view_end(&v);
    puppet_end(&waiter);
    puppet_end(&owner);
}
END_TEST

START_TEST(recursion_is_counted)
{
    on_with_clock();
    for (int i = 0; i < 3; i++)
        (void)ksl_mutex_acquire(&mutex);
    pass(40);
    for (int i = 0; i < 3; i++)
        ksl_mutex_release(&mutex);
    struct ksi_stats_sum s = stats_of(&mutex);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, AGAIN, 2);
    COUNTED(s, HELD, 1);
    COUNTED(s, HOLD, 40);
    (void)take_xlock(&sx);
    (void)take_xlock(&sx);
    ck_assert_int_eq(try_xlock(&sx), 1);
    (void)give_xlock(&sx);
    (void)give_xlock(&sx);
    (void)give_xlock(&sx);
    s = stats_of(&sx);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, AGAIN, 2);
    COUNTED(s, HELD, 1);
    COUNTED(s, BUSY, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
}
END_TEST

/* Several shares of one thread are several. */
START_TEST(nested_shares_are_counted)
{
    on_with_clock();
    (void)take_slock(&sx);
    pass(10);
    (void)take_slock(&sx);
    pass(10);
    (void)give_slock(&sx);
    (void)give_slock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, SHARED, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, HOLD, 30);
    COUNTED(s, FOREIGN, 0);
    COUNTED(s, READERS, 1);
}
END_TEST

START_TEST(an_interrupted_wait_is_counted)
{
    struct puppet waiter;
    on_with_clock();
    puppet_start(&waiter);
    (void)take_xlock(&sx);
    tell_blocked(&waiter, sig_slock, &sx);
    pass(700);
    ck_assert_int_eq(ksl_signal_post(waiter.actor.thread, 5), 0);
    ck_assert_int_ne(answer(&waiter), 0);
    (void)give_xlock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, GAVE_UP, 1);
    COUNTED(s, ENDED, 1);
    COUNTED(s, WOKEN, 0);
    COUNTED(s, WAIT, 700);
    ck_assert_uint_eq(s.waiting, 0);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&waiter);
}
END_TEST

CALL(down_late, ksi_ksem_down(lock, 1, false, SITE))

START_TEST(a_late_wait_is_counted)
{
    struct puppet waiter;
    stats_on();
    begin_all();
    puppet_start_on(&waiter, KSL_STAGE_OOB);
    (void)ask(&waiter, take_ksem, &ksem);
    ck_assert_int_eq(ask(&waiter, down_late, &ksem), -ETIMEDOUT);
    struct ksi_stats_sum s = stats_of(&ksem);
    COUNTED(s, TAKEN, 1);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, GAVE_UP, 1);
    COUNTED(s, LATE, 1);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&waiter);
}
END_TEST

START_TEST(readers_are_counted)
{
    enum { READERS = 5 };
    struct puppet p[READERS];
    on_with_clock();
    puppets_start(p, READERS);
    for (int i = 0; i < READERS; i++) {
        (void)ask(&p[i], take_slock, &sx);
        (void)ask(&p[i], read_rwsem, &rwsem);
        (void)ask(&p[i], read_rwlock, &rwlock);
        ck_assert_uint_eq(stats_of(&sx).c[KSI_STAT_READERS], (unsigned)i + 1);
    }
    for (int i = 0; i < READERS; i++) {
        (void)ask(&p[i], unread_rwlock, &rwlock);
        (void)ask(&p[i], unread_rwsem, &rwsem);
        (void)ask(&p[i], give_slock, &sx);
    }
    (void)ask(&p[0], take_slock, &sx);
    (void)ask(&p[0], give_slock, &sx);
    COUNTED(stats_of(&sx), READERS, READERS);
    COUNTED(stats_of(&rwsem), READERS, READERS);
    COUNTED(stats_of(&rwlock), READERS, READERS);
    puppets_end(p, READERS);
}
END_TEST

START_TEST(conversions_are_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    (void)take_slock(&sx);
    ck_assert_int_eq(ksi_sx_try_upgrade(&sx, SITE), 1);
    ksi_sx_downgrade(&sx, SITE);
    (void)ask(&p, take_slock, &sx);
    COUNTED(stats_of(&sx), READERS, 2);
    (void)ask(&p, give_slock, &sx);
    (void)give_slock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, UP, 1);
    COUNTED(s, DOWN, 1);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&p);
}
END_TEST

CALL(upgrade_complex, ksi_complex_upgrade(lock, true, SITE))

/* An upgrade that has to wait is a wait. */
START_TEST(a_waiting_upgrade_is_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    (void)read_complex(&complex_lock);
    (void)ask(&p, read_complex, &complex_lock);
    tell_blocked(&p, upgrade_complex, &complex_lock);
    ck_assert_uint_eq(stats_of(&complex_lock).waiting, 1);
    pass(900);
    (void)give_complex(&complex_lock);
    ck_assert_int_eq(answer(&p), 0);
    (void)ask(&p, give_complex, &complex_lock);
    struct ksi_stats_sum s = stats_of(&complex_lock);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 2);
    COUNTED(s, UP, 1);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, WAIT, 900);
    COUNTED(s, SLEEPS, 1);
    COUNTED(s, WOKEN, 1);
    ck_assert_ptr_eq(stats_rest(&s), NULL);
    puppet_end(&p);
}
END_TEST

START_TEST(promotions_are_counted)
{
    struct puppet owner, waiter;
    on_with_clock();
    puppet_start_on(&owner, KSL_STAGE_OOB);
    puppet_start_on(&waiter, KSL_STAGE_OOB);
    ck_assert_int_eq(ksl_thread_set_priority(waiter.actor.thread, 40), 0);
    (void)ask(&owner, take_kmutex, (void *)(uintptr_t)&kmutex);
    tell_blocked(&waiter, take_kmutex, (void *)(uintptr_t)&kmutex);
    ck_assert_int_eq(ksl_thread_effective_priority(owner.actor.thread), 40);
    (void)ask(&owner, give_kmutex, (void *)(uintptr_t)&kmutex);
    (void)answer(&waiter);
    (void)ask(&waiter, give_kmutex, (void *)(uintptr_t)&kmutex);
    struct ksi_stats_sum s = stats_of(&kmutex);
    COUNTED(s, LENT, 1);
    COUNTED(s, CONTENDED, 1);
    puppet_end(&waiter);
    puppet_end(&owner);
}
END_TEST

/* Readers by slots; then a writer has to take them back. */
START_TEST(withdrawals_are_counted)
{
    enum { MOST = 1000000 };
    stats_on();
    begin_all();
    if (!ksi_heavy_works())
        return; /* no bias */
    for (int i = 0; i < MOST && (ksi_load(&sx.word) & KSL_WORD_BIAS) == 0; i++) {
        (void)take_slock(&sx);
        (void)give_slock(&sx);
    }
    ck_assert_uint_ne(ksi_load(&sx.word) & KSL_WORD_BIAS, 0);
    COUNTED(stats_of(&sx), WITHDRAWN, 0);
    (void)take_xlock(&sx);
    (void)give_xlock(&sx);
    struct ksi_stats_sum s = stats_of(&sx);
    COUNTED(s, WITHDRAWN, 1);
    ck_assert_uint_gt(s.c[KSI_STAT_WITHDRAWAL], 0);
}
END_TEST

/* A unit of a semaphore goes from one thread to the other. */
START_TEST(units_given_elsewhere_are_counted)
{
    struct puppet p;
    on_with_clock();
    puppet_start_on(&p, KSL_STAGE_OOB);
    (void)ask(&p, take_ksem, &ksem);
    (void)give_ksem(&ksem);
    (void)ask(&p, take_ksem, &ksem);
    (void)give_ksem(&ksem);
    struct ksi_stats_sum s = stats_of(&ksem);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, HELD, 0);
    COUNTED(s, FOREIGN, 2);
    puppet_end(&p);
}
END_TEST

static void handler(int irq, void *arg)
{
    (void)irq;
    pass(*(const uint64_t *)arg);
}

START_TEST(interrupts_are_counted)
{
    static const uint64_t takes = 50;
    struct ksi_stats_view v;
    on_with_clock();
    ksl_thread *self = ksl_thread_self();
    ck_assert_int_eq(ksl_irq_request(9, KSL_STAGE_OOB, 4, handler, (void *)&takes), 0);
    ck_assert_int_eq(ksl_irq_raise_on(self, 9), 0); /* runs at once */
    ksl_spinlock_acquire(&spinlock);
    ck_assert_int_eq(ksl_irq_raise_on(self, 9), 0);
    pass(600);
    ck_assert_int_eq(ksl_irq_raise_on(self, 9), 0); /* a repeat is none */
    pass(200);
    ksl_spinlock_release(&spinlock);
    (void)ksl_irq_save();
    ksl_spinlock_acquire(&spinlock); /* does not raise the level from 0 */
    pass(5000);
    ksl_spinlock_release(&spinlock);
    ksl_irq_restore(0);
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_eq(v.irq[9].raised, 3);
    ck_assert_uint_eq(v.irq[9].run, 2);
    ck_assert_uint_eq(v.irq[9].put_off, 1);
    ck_assert_uint_eq(v.irq[9].put_off_max, 800);
    ck_assert_uint_eq(v.irq[9].run_total, 100);
    ck_assert_uint_eq(v.irq[9].run_max, 50);
    COUNTED(v.total, MASKED_MAX, 800);
    COUNTED(v.total, HOLD_MAX, 5000);
    ck_assert_uint_eq(v.lines, 1);
    ck_assert_uint_eq(v.line[0].own[KSI_STATS_RUN], 2);
    ck_assert_uint_eq(v.line[0].own[KSI_STATS_PUT_OFF], 1);
    ck_assert_uint_eq(v.line[0].own[KSI_STATS_PUT_OFF_MAX], 800);
    ksi_stats_view_end(&v);
    ck_assert_int_eq(ksl_irq_free(9), 0);
}
END_TEST

/* The thread's own attempt goes on after that of a handler. */
static void lock_in_handler(int irq, void *arg)
{
    (void)irq;
    ksl_spinlock_acquire(arg);
    ksl_spinlock_release(arg);
}

START_TEST(a_handler_in_a_wait_is_apart)
{
    struct puppet p;
    on_with_clock();
    puppet_start(&p);
    ck_assert_int_eq(ksl_irq_request(8, KSL_STAGE_OOB, 4, lock_in_handler, &spinlock), 0);
    (void)ksl_mutex_acquire(&mutex);
    tell_blocked(&p, take_mutex, &mutex);
    ck_assert_int_eq(ksl_irq_raise_on(p.actor.thread, 8), 0);
    WAIT_UNTIL(stats_of(&spinlock).c[KSI_STAT_HELD] == 1);
    pass(300);
    ksl_mutex_release(&mutex);
    (void)answer(&p);
    (void)ask(&p, give_mutex, &mutex);
    struct ksi_stats_sum s = stats_of(&mutex);
    COUNTED(s, TAKEN, 2);
    COUNTED(s, CONTENDED, 1);
    COUNTED(s, WAIT, 300);
    COUNTED(s, GAVE_UP, 0);
    COUNTED(stats_of(&spinlock), CONTENDED, 0);
    puppet_end(&p);
    ck_assert_int_eq(ksl_irq_free(8), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stats counts");
    TCase *tc = tcase_create("each kind");
    tcase_add_loop_test(tc, pairs_are_counted, 0, KINDS);
    tcase_add_loop_test(tc, tries_are_counted, 0, KINDS);
    tcase_add_loop_test(tc, waits_are_counted, 0, KINDS);
    suite_add_tcase(s, tc);
    tc = tcase_create("scenes");
    tcase_add_test(tc, recursion_is_counted);
    tcase_add_test(tc, nested_shares_are_counted);
    tcase_add_test(tc, an_interrupted_wait_is_counted);
    tcase_add_test(tc, a_late_wait_is_counted);
    tcase_add_test(tc, readers_are_counted);
    tcase_add_test(tc, conversions_are_counted);
    tcase_add_test(tc, a_waiting_upgrade_is_counted);
    tcase_add_test(tc, promotions_are_counted);
    tcase_add_test(tc, withdrawals_are_counted);
    tcase_add_test(tc, units_given_elsewhere_are_counted);
    tcase_add_test(tc, interrupts_are_counted);
    tcase_add_test(tc, a_handler_in_a_wait_is_apart);
    suite_add_tcase(s, tc);
    return support_run(s);
}
