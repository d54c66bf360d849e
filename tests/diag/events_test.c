/* SPDX-License-Identifier: BSD-2-Clause */
/* What every lock tells `stats` and `trace`: uncontended pairs, tries, recursion, waits.
 */

#include "diag/events.h"
#include "diag/hooks.h"
#include "lock/aix.h"
#include "lock/kmutex.h"
#include "lock/ksem.h"
#include "lock/mtx.h"
#include "lock/stax.h"
#include "lock/sx.h"
#include "puppet.h"
#include "thread/watch.h"

#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

static const struct ksl_place here = {"events", 1};
#define SITE ((const void *)((uintptr_t)&here | KSI_PLACE_BIT))

/* --- a sink that keeps all ------------------------------------------------------------
 */

struct told {
    ksl_thread *thread;
    struct ksi_event event;
    int complete; /* atomic */
};
enum { ROOM = 4096 };
static struct told told[ROOM];
static unsigned count; /* atomic */

static void keep(ksl_thread *t, const struct ksi_event *e)
{
    unsigned i = __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED);
    if (i >= ROOM)
        return;
    told[i].thread = t;
    told[i].event = *e;
    STORE(&told[i].complete, 1);
}

static void switch_on(void)
{
    ck_assert(ksi_classes_enable());
    ksi_trace_sink = keep;
    ksi_fetch_or(&ksi_diag, (uint32_t)KSI_DIAG_TRACE);
    ksi_store(&ksi_holds_limit, 0u);
    ksi_watch_threads();
}

static void forget(void)
{
    unsigned n = LOAD(&count);
    ck_assert_uint_lt(n, ROOM);
    STORE(&count, 0u);
    for (unsigned i = 0; i < n; i++)
        STORE(&told[i].complete, 0);
}

/* The i-th event of t from `from` on of that type; NULL: none. */
static const struct ksi_event *find(const ksl_thread *t, enum ksi_event_type type,
                                    unsigned *from)
{
    unsigned n = LOAD(&count);
    for (unsigned i = *from; i < n && i < ROOM; i++) {
        if (LOAD(&told[i].complete) == 0 || told[i].thread != t ||
            told[i].event.type != type)
            continue;
        *from = i + 1;
        return &told[i].event;
    }
    return NULL;
}

static const struct ksi_event *first(const ksl_thread *t, enum ksi_event_type type)
{
    unsigned from = 0;
    return find(t, type, &from);
}

/* --- the locks ------------------------------------------------------------------------
 */

struct kind {
    const char *name;
    enum ksi_kind kind;
    enum ksi_mode mode;
    call_fn take;
    call_fn give;
    call_fn try;
    void *lock;
    bool before; /* also if it is free */
    bool sleeps;
    bool oob;
};

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
    memset(&spinlock, 0, sizeof spinlock);
    memset(&rwlock, 0, sizeof rwlock);
    ksl_mutex_init(&mutex);
    ksl_rwsem_init(&rwsem);
    ksi_sx_init(&sx, "sx", 0, SITE);
    ksi_mtx_init(&mtx, "mtx", 0, SITE);
    ksi_mtx_init(&spin_mtx, "spin", 1, SITE);
    simple = 0;
    lockl = 0;
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
        __VA_ARGS__;                                                                     \
        return 0;                                                                        \
    }
#define TRY(name, value)                                                                 \
    static int name(void *lock)                                                          \
    {                                                                                    \
        (void)lock;                                                                      \
        return value;                                                                    \
    }

CALL(take_spinlock, ksl_spinlock_acquire(lock))
CALL(give_spinlock, ksl_spinlock_release(lock))
TRY(try_spinlock, ksl_spinlock_try_acquire(lock))
CALL(take_mutex, ksl_mutex_acquire(lock))
CALL(give_mutex, ksl_mutex_release(lock))
TRY(try_mutex, ksl_mutex_try_acquire(lock))
CALL(take_rwlock, ksl_rwlock_acquire_read(lock, NULL))
CALL(give_rwlock, ksl_rwlock_release_read(lock, NULL))
CALL(write_rwlock, ksl_rwlock_acquire_write(lock, NULL))
CALL(unwrite_rwlock, ksl_rwlock_release_write(lock, NULL))
TRY(try_rwlock, ksl_rwlock_try_acquire_write(lock, NULL))
CALL(read_rwsem, ksl_rwsem_acquire_read(lock))
CALL(unread_rwsem, ksl_rwsem_release_read(lock))
CALL(write_rwsem, ksl_rwsem_acquire_write(lock))
CALL(unwrite_rwsem, ksl_rwsem_release_write(lock))
CALL(take_slock, ksi_sx_lock(lock, KSI_SX_SHARE, false, SITE))
CALL(give_slock, ksi_sx_unlock(lock, KSI_SX_SHARE, SITE))
CALL(take_xlock, ksi_sx_lock(lock, KSI_SX_EXCLUSIVE, false, SITE))
CALL(give_xlock, ksi_sx_unlock(lock, KSI_SX_EXCLUSIVE, SITE))
TRY(try_xlock, ksi_sx_try(lock, KSI_SX_EXCLUSIVE, SITE))
CALL(take_mtx, ksi_mtx_lock(lock, false, SITE))
CALL(give_mtx, ksi_mtx_unlock(lock, SITE))
TRY(try_mtx, ksi_mtx_lock(lock, true, SITE))
CALL(take_spin_mtx, ksi_mtx_spin_lock(lock, false, SITE))
CALL(give_spin_mtx, ksi_mtx_spin_unlock(lock, SITE))
TRY(try_spin_mtx, ksi_mtx_spin_lock(lock, true, SITE))
CALL(take_simple, ksi_owner_lock(&ksi_simple_class, lock, "simple_lock", SITE))
CALL(give_simple, ksi_owner_unlock(&ksi_simple_class, lock, "simple_unlock", SITE))
TRY(try_simple, ksi_simple_try(lock, SITE))
CALL(take_disabled, ksi_disable_lock(lock, 0, SITE))
CALL(give_disabled, ksi_unlock_enable(lock, 0, SITE))
CALL(take_lockl, ksi_lockl(lock, 0, SITE))
CALL(give_lockl, ksi_unlockl(lock, SITE))
TRY(try_lockl, ksi_lockl(lock, KSI_LOCKL_NDELAY, SITE) == KSI_LOCKL_SUCC)
CALL(take_drw, ksi_drw_read(lock, SITE))
CALL(write_drw, ksi_drw_write(lock, false, SITE))
CALL(give_drw, ksi_drw_done(lock, SITE))
TRY(try_drw, ksi_drw_write(lock, true, SITE))
CALL(read_complex, ksi_complex_read(lock, SITE))
CALL(write_complex, ksi_complex_write(lock, SITE))
CALL(give_complex, ksi_complex_done(lock, SITE))
TRY(try_complex, ksi_complex_try_write(lock, SITE))
CALL(take_kmutex, ksi_kmutex_lock(lock, SITE))
CALL(give_kmutex, ksi_kmutex_unlock(lock, SITE))
TRY(try_kmutex, ksi_kmutex_try(lock, SITE) == 0)
CALL(take_ksem, ksi_ksem_down(lock, KSI_FOREVER, false, SITE))
CALL(give_ksem, ksi_ksem_up(lock, INT_MAX, SITE))
TRY(try_ksem, ksi_ksem_try(lock, SITE))
CALL(take_stax, ksi_stax_lock(lock, SITE))
CALL(give_stax, ksi_stax_unlock(lock, SITE))

#define EX KSI_EXCLUSIVE
#define SH KSI_SHARED
static const struct kind kinds[] = {
    {"spinlock", KSI_SPINLOCK, EX, take_spinlock, give_spinlock, try_spinlock, &spinlock,
     false, false, false},
    {"mutex", KSI_MUTEX, EX, take_mutex, give_mutex, try_mutex, &mutex, true, true,
     false},
    {"rwlock read", KSI_RWLOCK, SH, take_rwlock, give_rwlock, NULL, &rwlock, false, false,
     false},
    {"rwlock write", KSI_RWLOCK, EX, write_rwlock, unwrite_rwlock, try_rwlock, &rwlock,
     false, false, false},
    {"rwsem read", KSI_RWSEM, SH, read_rwsem, unread_rwsem, NULL, &rwsem, true, false,
     false},
    {"rwsem write", KSI_RWSEM, EX, write_rwsem, unwrite_rwsem, NULL, &rwsem, true, true,
     false},
    {"sx shared", KSI_SX, SH, take_slock, give_slock, NULL, &sx, true, false, false},
    {"sx exclusive", KSI_SX, EX, take_xlock, give_xlock, try_xlock, &sx, true, true,
     false},
    {"mtx", KSI_MTX, EX, take_mtx, give_mtx, try_mtx, &mtx, true, true, false},
    {"spin mtx", KSI_MTX_SPIN, EX, take_spin_mtx, give_spin_mtx, try_spin_mtx, &spin_mtx,
     false, false, false},
    {"simple", KSI_SIMPLE, EX, take_simple, give_simple, try_simple,
     (void *)(uintptr_t)&simple, true, true, false},
    {"disabled", KSI_SIMPLE, EX, take_disabled, give_disabled, try_simple,
     (void *)(uintptr_t)&simple, false, false, false},
    {"lockl", KSI_LOCKL, EX, take_lockl, give_lockl, try_lockl, (void *)(uintptr_t)&lockl,
     true, true, false},
    {"drw read", KSI_DRW, SH, take_drw, give_drw, NULL, (void *)(uintptr_t)&drw, true,
     false, false},
    {"drw write", KSI_DRW, EX, write_drw, give_drw, try_drw, (void *)(uintptr_t)&drw,
     true, false, false},
    {"complex read", KSI_COMPLEX, SH, read_complex, give_complex, NULL, &complex_lock,
     true, false, false},
    {"complex write", KSI_COMPLEX, EX, write_complex, give_complex, try_complex,
     &complex_lock, true, true, false},
    {"kernel mutex", KSI_EVL_MUTEX, EX, take_kmutex, give_kmutex, try_kmutex,
     (void *)(uintptr_t)&kmutex, true, true, true},
    {"semaphore", KSI_KSEM, SH, take_ksem, give_ksem, try_ksem, &ksem, false, true, true},
    {"stax", KSI_STAX, SH, take_stax, give_stax, NULL, &stax, true, true, false},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* --- the tests ------------------------------------------------------------------------
 */

static void check(const struct kind *k, const struct ksi_event *e)
{
    ck_assert_msg(e != NULL, "%s: not told", k->name);
    ck_assert_msg(e->lock == k->lock, "%s: %s of another lock", k->name,
                  ksi_event_name(e->type));
    ck_assert_msg(e->mode == k->mode, "%s: %s in another mode", k->name,
                  ksi_event_name(e->type));
}

START_TEST(a_pair_is_told)
{
    const struct kind *k = &kinds[_i];
    ksl_thread *t = ksl_thread_self();
    unsigned at = 0;
    switch_on();
    begin_all();
    if (k->oob)
        ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    for (int turn = 0; turn < 3; turn++) {
        forget();
        (void)k->take(k->lock);
        if (k->before)
            check(k, first(t, KSI_EV_BEFORE));
        const struct ksi_event *e = find(t, KSI_EV_TAKEN, &at);
        check(k, e);
        ck_assert_int_eq(e->kind, k->kind);
        ck_assert_ptr_nonnull(e->site);
        ck_assert_ptr_null(first(t, KSI_EV_GIVEN));
        (void)k->give(k->lock);
        check(k, find(t, KSI_EV_GIVEN, &at));
        ck_assert_msg(find(t, KSI_EV_GIVEN, &at) == NULL, "%s: given twice", k->name);
        at = 0;
        find(t, KSI_EV_TAKEN, &at);
        ck_assert_msg(find(t, KSI_EV_TAKEN, &at) == NULL, "%s: taken twice", k->name);
        ck_assert_ptr_null(first(t, KSI_EV_SPUN));
        ck_assert_ptr_null(first(t, KSI_EV_CONTENDED));
        ck_assert_ptr_null(first(t, KSI_EV_SLEEPS));
        at = 0;
    }
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
}
END_TEST

START_TEST(a_try_in_vain_is_told)
{
    const struct kind *k = &kinds[_i];
    struct puppet p;
    if (k->try == NULL)
        return;
    switch_on();
    begin_all();
    puppet_start_on(&p, k->oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND);
    (void)ask(&p, k->take, k->lock);
    forget();
    ck_assert_msg(k->try(k->lock) == 0, "%s: was to be had", k->name);
    check(k, first(ksl_thread_self(), KSI_EV_BUSY));
    ck_assert_ptr_null(first(ksl_thread_self(), KSI_EV_TAKEN));
    (void)ask(&p, k->give, k->lock);
    ck_assert_msg(k->try(k->lock) == 1, "%s: was not to be had", k->name);
    check(k, first(ksl_thread_self(), KSI_EV_TAKEN));
    (void)k->give(k->lock);
    check(k, first(ksl_thread_self(), KSI_EV_GIVEN));
    puppet_end(&p);
}
END_TEST

/* The number of the wake-up joins the two sides. */
START_TEST(a_wait_is_told)
{
    const struct kind *k = &kinds[_i];
    struct puppet owner;
    struct puppet waiter;
    unsigned at = 0;
    if (!k->sleeps)
        return;
    switch_on();
    begin_all();
    /* A stax keeps the other stage out, the rest everybody. */
    bool stages = k->kind == KSI_STAX;
    puppet_start_on(&owner, k->oob ? KSL_STAGE_OOB : KSL_STAGE_INBAND);
    puppet_start_on(&waiter, k->oob || stages ? KSL_STAGE_OOB : KSL_STAGE_INBAND);
    (void)ask(&owner, k->take, k->lock);
    forget();
    tell_blocked(&waiter, k->take, k->lock);
    const ksl_thread *w = waiter.actor.thread;
    const ksl_thread *o = owner.actor.thread;
    check(k, first(w, KSI_EV_SLEEPS));
    ck_assert_int_eq(first(w, KSI_EV_SLEEPS)->kind, k->kind);
    ck_assert_ptr_null(first(w, KSI_EV_TAKEN));
    (void)ask(&owner, k->give, k->lock);
    (void)answer(&waiter);
    check(k, first(w, KSI_EV_BEFORE));
    check(k, first(w, KSI_EV_TAKEN));
    const struct ksi_event *resumes = first(w, KSI_EV_RESUMES);
    const struct ksi_event *wakes = NULL;
    check(k, resumes);
    ck_assert_uint_eq(resumes->arg, KSI_WOKEN);
    ck_assert_uint_ne(resumes->more, 0);
    do
        wakes = find(o, KSI_EV_WAKES, &at);
    while (wakes != NULL && wakes->more != resumes->more);
    check(k, wakes);
    ck_assert_uint_eq(wakes->arg, (uint64_t)ksl_thread_id(w));
    (void)ask(&waiter, k->give, k->lock);
    puppet_end(&waiter);
    puppet_end(&owner);
}
END_TEST

static int wake(void *t)
{
    return ksl_block_wake(t);
}

/* A wake-up that came before the wait, which then was not made, is not that of the next.
 */
START_TEST(a_wake_up_is_of_one_wait)
{
    struct puppet waker;
    struct timespec date;
    ksl_thread *self = ksl_thread_self();
    switch_on();
    puppet_start(&waker);
    ksl_block_prepare(0);
    ck_assert_int_eq(ask(&waker, wake, self), 1);
    ksl_block_cancel();
    forget();
    ksl_block_prepare(0);
    ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &date), 0);
    ck_assert_int_eq(ksl_block_until(&date), -ETIMEDOUT);
    const struct ksi_event *resumes = first(self, KSI_EV_RESUMES);
    ck_assert_ptr_nonnull(resumes);
    ck_assert_uint_eq(resumes->arg, KSI_TIMED_OUT);
    ck_assert_uint_eq(resumes->more, 0);
    puppet_end(&waker);
}
END_TEST

START_TEST(recursion_and_conversion_are_told)
{
    ksl_thread *t = ksl_thread_self();
    switch_on();
    begin_all();
    forget();
    (void)ksl_mutex_acquire(&mutex);
    (void)ksl_mutex_acquire(&mutex);
    ck_assert_ptr_eq(first(t, KSI_EV_AGAIN)->lock, &mutex);
    ksl_mutex_release(&mutex);
    ck_assert_ptr_null(first(t, KSI_EV_GIVEN));
    ksl_mutex_release(&mutex);
    ck_assert_ptr_eq(first(t, KSI_EV_GIVEN)->lock, &mutex);
    forget();
    (void)take_slock(&sx);
    ck_assert_int_eq(ksi_sx_try_upgrade(&sx, SITE), 1);
    unsigned at = 0;
    const struct ksi_event *e = find(t, KSI_EV_TURNED, &at);
    ck_assert_ptr_eq(e->lock, &sx);
    ck_assert_int_eq(e->mode, KSI_EXCLUSIVE);
    ksi_sx_downgrade(&sx, SITE);
    e = find(t, KSI_EV_TURNED, &at);
    ck_assert_ptr_eq(e->lock, &sx);
    ck_assert_int_eq(e->mode, KSI_SHARED);
    (void)give_slock(&sx);
    ck_assert_ptr_eq(first(t, KSI_EV_GIVEN)->lock, &sx);
}
END_TEST

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
}

START_TEST(interrupts_and_stages_are_told)
{
    ksl_thread *t = ksl_thread_self();
    unsigned at = 0;
    switch_on();
    ck_assert_int_eq(ksl_irq_request(5, KSL_STAGE_OOB, 3, handler, NULL), 0);
    forget();
    ck_assert_int_eq(ksl_irq_raise_on(t, 5), 0);
    ck_assert_uint_eq(find(t, KSI_EV_RAISED, &at)->arg, 5);
    ck_assert_uint_eq(find(t, KSI_EV_RUNS, &at)->arg, 5);
    ck_assert_uint_eq(find(t, KSI_EV_RAN, &at)->arg, 5);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_OOB), 0);
    ck_assert_uint_eq(find(t, KSI_EV_STAGE, &at)->arg, KSL_STAGE_OOB);
    ck_assert_int_eq(ksl_stage_switch(KSL_STAGE_INBAND), 0);
    ck_assert_int_eq(ksl_irq_free(5), 0);
}
END_TEST

/* The inlined paths of a semaphore look at the word alone, so the word must stop them. */
START_TEST(a_watched_semaphore_counts)
{
    ksl_thread *t = ksl_thread_self();
    uint64_t plain = 3; /* as initialised statically */
    switch_on();
    ksi_ksem_init(&ksem, 2, SITE);
    ck_assert_uint_eq(ksi_ksem_value(ksem), 2);
    ck_assert_uint_eq(ksem & 0x7fffffff, 0);
    ck_assert_uint_ge(ksem, 0x7fffffff);
    for (int i = 2; i > 0; i--)
        ck_assert(ksi_ksem_try(&ksem, SITE));
    ck_assert(!ksi_ksem_try(&ksem, SITE));
    ksi_ksem_up(&ksem, 1, SITE);
    ksi_ksem_up(&ksem, 1, SITE); /* a flag: no more than one */
    ck_assert_uint_eq(ksi_ksem_value(ksem), 1);
    ksi_ksem_destroy(&ksem, SITE);
    ck_assert_uint_ne(ksem & KSI_KSEM_GONE, 0);
    forget();
    ck_assert(ksi_ksem_try(&plain, SITE));
    ck_assert_uint_eq(ksi_ksem_value(plain), 2);
    ck_assert_uint_eq(plain & 0x7fffffff, 0);
    ck_assert_ptr_eq(first(t, KSI_EV_TAKEN)->lock, &plain);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("diag/events");
    TCase *c = tcase_create("events");
    tcase_add_loop_test(c, a_pair_is_told, 0, KINDS);
    tcase_add_loop_test(c, a_try_in_vain_is_told, 0, KINDS);
    tcase_add_loop_test(c, a_wait_is_told, 0, KINDS);
    tcase_add_test(c, a_wake_up_is_of_one_wait);
    tcase_add_test(c, recursion_and_conversion_are_told);
    tcase_add_test(c, interrupts_and_stages_are_told);
    tcase_add_test(c, a_watched_semaphore_counts);
    suite_add_tcase(s, c);
    return support_run(s);
}
