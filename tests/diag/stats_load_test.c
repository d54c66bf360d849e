/* SPDX-License-Identifier: BSD-2-Clause */
/* `stats`: what its counters promise (diag/stats.h, N1 to N9), with many threads. */

#include "sanitized.h"
#include "stats_test.h"

#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwsem.h>
#include <kslock/spinlock.h>

#include <sys/lock.h>
#include <sys/param.h>
#include <sys/sx.h>

enum { THREADS = 5, TURNS = SANITIZED ? 400 : 4000 };

static struct sx sx;
static ksl_mutex_t mutex[3];
static ksl_spinlock_t spinlock;
static ksl_rwsem_t rwsem;
static int ended;       /* atomic: threads that have done all */
static uint64_t tries;  /* atomic: that came to nothing */
static uint64_t taken;  /* atomic: locks, not again */
static uint64_t nested; /* atomic: again */

static void work(void *arg)
{
    unsigned seed = *(const unsigned *)arg;
    uint64_t got = 0, again = 0, vain = 0;
    for (int i = 0; i < TURNS; i++) {
        seed = seed * 1664525u + 1013904223u;
        ksl_mutex_t *m = &mutex[(seed >> 16) % 3];
        switch ((seed >> 24) % 6) {
        case 0:
            (void)ksl_mutex_acquire(m);
            (void)ksl_mutex_acquire(m);
            ksl_mutex_release(m);
            ksl_mutex_release(m);
            got++, again++;
            break;
        case 1:
            if (ksl_mutex_try_acquire(m)) {
                ksl_mutex_release(m);
                got++;
            } else {
                vain++;
            }
            break;
        case 2:
            sx_xlock(&sx);
            sx_downgrade(&sx);
            sx_sunlock(&sx);
            got++;
            break;
        case 3:
            sx_slock(&sx);
            (void)ksl_rwsem_acquire_read(&rwsem);
            (void)ksl_rwsem_release_read(&rwsem);
            sx_sunlock(&sx);
            got += 2;
            break;
        case 4:
            (void)ksl_rwsem_acquire_write(&rwsem);
            ksl_spinlock_acquire(&spinlock);
            ksl_spinlock_release(&spinlock);
            (void)ksl_rwsem_release_write(&rwsem);
            got += 2;
            break;
        default:
            if (sx_try_xlock(&sx)) {
                sx_xunlock(&sx);
                got++;
            } else {
                vain++;
            }
        }
    }
    ADD(&taken, got);
    ADD(&nested, again);
    ADD(&tries, vain);
    ADD(&ended, 1);
}

static const char *bounds_of(const struct ksi_stats_list *l)
{
    const char *wrong = NULL;
    for (uint32_t i = 0; i < l->n && wrong == NULL; i++)
        wrong = stats_bounds(l->sum[i]->c);
    return wrong;
}

/* Counters of which every one is of some lock, class, call site and thread. */
static const enum ksi_stat sums[] = {
    KSI_STAT_TAKEN, KSI_STAT_SHARED, KSI_STAT_HELD,  KSI_STAT_CONTENDED, KSI_STAT_BUSY,
    KSI_STAT_AGAIN, KSI_STAT_SLEEPS, KSI_STAT_WOKEN, KSI_STAT_WAKES,     KSI_STAT_SPINS,
};
enum { SUMS = sizeof sums / sizeof sums[0] };

static void same(const struct ksi_stats_view *v, const struct ksi_stats_list *l)
{
    for (unsigned k = 0; k < SUMS; k++) {
        uint64_t n = 0;
        for (uint32_t i = 0; i < l->n; i++)
            n += l->sum[i]->c[sums[k]];
        ck_assert_msg(n == v->total.c[sums[k]], "N9: %s", ksi_stats_field(sums[k]));
    }
}

static void same_for_threads(const struct ksi_stats_view *v)
{
    for (unsigned k = 0; k < SUMS; k++) {
        uint64_t n = 0;
        for (uint32_t i = 0; i < v->lines; i++)
            n += v->line[i].c[sums[k]];
        ck_assert_msg(n == v->total.c[sums[k]], "N9: %s of threads: %llu, not %llu",
                      ksi_stats_field(sums[k]), (unsigned long long)n,
                      (unsigned long long)v->total.c[sums[k]]);
    }
}

static void begin(void)
{
    stats_on();
    sx_init_flags(&sx, "load", 0);
}

START_TEST(identities_hold_under_load)
{
    struct actor a[THREADS];
    unsigned seed[THREADS];
    struct ksi_stats_view v;
    begin();
    for (unsigned i = 0; i < THREADS; i++) {
        seed[i] = 7 * i + 1;
        actor_start(&a[i], work, &seed[i]);
    }
    do { /* each report keeps the bounds */
        ck_assert(ksi_stats_view_make(&v));
        ck_assert_ptr_eq(bounds_of(&v.locks), NULL);
        ck_assert_ptr_eq(bounds_of(&v.classes), NULL);
        ck_assert_ptr_eq(bounds_of(&v.sites), NULL);
        ck_assert_ptr_eq(stats_bounds(v.total.c), NULL);
        same(&v, &v.locks);
        same(&v, &v.classes);
        same(&v, &v.sites);
        ksi_stats_view_end(&v);
    } while (LOAD(&ended) < THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        actor_join(&a[i]);
    ck_assert(ksi_stats_view_make(&v));
    for (uint32_t i = 0; i < v.locks.n; i++)
        ck_assert_ptr_eq(stats_rest(v.locks.sum[i]), NULL);
    ck_assert_ptr_eq(stats_rest(&v.total), NULL);
    same(&v, &v.locks);
    same(&v, &v.classes);
    same(&v, &v.sites);
    same_for_threads(&v);
    COUNTED(v.total, TAKEN, LOAD(&taken));
    COUNTED(v.total, HELD, LOAD(&taken));
    COUNTED(v.total, AGAIN, LOAD(&nested));
    COUNTED(v.total, BUSY, LOAD(&tries));
    COUNTED(v.total, FOREIGN, 0);
    COUNTED(v.total, GAVE_UP, 0);
    COUNTED(v.total, WOKEN, v.total.c[KSI_STAT_WAKES]); /* N8 */
    ck_assert_uint_eq(v.unrecorded, 0);
    ksi_stats_view_end(&v);
}
END_TEST

/* Descriptors are used again, and blocks with them. */
static void short_work(void *arg)
{
    (void)ksl_mutex_acquire(&mutex[0]);
    ksl_mutex_release(&mutex[0]);
    for (unsigned i = 0; i < *(const unsigned *)arg; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
}

START_TEST(threads_that_exit_stay_in_the_sums)
{
    enum { LIVES = SANITIZED ? 600 : KSI_STATS_PAST + 700 };
    struct ksi_stats_view v;
    uint64_t shares = 0;
    begin();
    for (unsigned i = 0; i < LIVES; i++) {
        struct actor a;
        unsigned n = i % 5;
        actor_start(&a, short_work, &n);
        actor_join(&a);
        shares += n;
    }
    ck_assert(ksi_stats_view_make(&v));
    same_for_threads(&v);
    COUNTED(v.total, TAKEN, LIVES + shares);
    uint64_t threads = 0;
    unsigned folded = 0;
    for (uint32_t i = 0; i < v.lines; i++) {
        threads += v.line[i].threads;
        folded += v.line[i].threads > 1;
        ck_assert_ptr_eq(stats_bounds(v.line[i].c), NULL);
        if (v.line[i].threads == 1 && !v.line[i].alive)
            ck_assert_uint_le(v.line[i].c[KSI_STAT_TAKEN], 5);
    }
    ck_assert_uint_ge(threads, LIVES);
    ck_assert_uint_le(threads, LIVES + 1); /* this one */
    ck_assert_uint_eq(folded, (int)LIVES > (int)KSI_STATS_PAST);
    ck_assert_uint_le(v.lines, KSI_STATS_PAST + 2);
    ksi_stats_view_end(&v);
}
END_TEST

/* Locks that come and go at one address are of several classes. */
START_TEST(addresses_are_used_again)
{
    enum { TIMES = 50 };
    struct ksi_stats_view v;
    struct sx here;
    begin();
    for (int i = 0; i < TIMES; i++) {
        sx_init_flags(&here, i % 2 == 0 ? "even" : "odd", 0);
        sx_xlock(&here);
        sx_xunlock(&here);
        sx_destroy(&here);
    }
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_eq(v.locks.n, 2);
    ck_assert_uint_eq(v.classes.n, 2);
    for (unsigned i = 0; i < 2; i++) {
        char name[KSI_STATS_NAME];
        COUNTED(*v.locks.sum[i], TAKEN, TIMES / 2);
        ksi_stats_name_lock(name, v.locks.sum[i]); /* and keep their names */
        ck_assert(strstr(name, "(even)") != NULL || strstr(name, "(odd)") != NULL);
    }
    ksi_stats_view_end(&v);
}
END_TEST

/* More locks than there are rows in the first chunk, the index and the cache. */
START_TEST(many_locks_are_counted)
{
    enum { MANY = 3000, TIMES = 3 };
    static ksl_mutex_t many[MANY];
    struct ksi_stats_view v;
    begin();
    for (int i = 0; i < TIMES * MANY; i++) {
        (void)ksl_mutex_acquire(&many[i % MANY]);
        ksl_mutex_release(&many[i % MANY]);
    }
    ck_assert(ksi_stats_view_make(&v));
    ck_assert_uint_eq(v.locks.n, MANY);
    for (unsigned i = 0; i < MANY; i++)
        COUNTED(*v.locks.sum[i], TAKEN, TIMES);
    ck_assert_uint_eq(v.unrecorded, 0);
    ksi_stats_view_end(&v);
}
END_TEST

/* More locks than holds whose time is taken: the oldest have none. */
START_TEST(many_holds_are_counted)
{
    enum { MANY = KSI_STATS_HELD + 40 };
    static ksl_mutex_t many[MANY];
    begin();
    for (int i = 0; i < MANY; i++)
        (void)ksl_mutex_acquire(&many[i]);
    for (int i = MANY; i-- > 0;)
        ksl_mutex_release(&many[i]);
    struct ksi_stats_sum s = stats_of_all();
    COUNTED(s, TAKEN, MANY);
    COUNTED(s, HELD, KSI_STATS_HELD);
    COUNTED(s, FOREIGN, MANY - KSI_STATS_HELD);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("stats load");
    TCase *tc = tcase_create("load");
    tcase_add_test(tc, identities_hold_under_load);
    tcase_add_test(tc, threads_that_exit_stay_in_the_sums);
    tcase_add_test(tc, addresses_are_used_again);
    tcase_add_test(tc, many_locks_are_counted);
    tcase_add_test(tc, many_holds_are_counted);
    suite_add_tcase(s, tc);
    return support_run(s);
}
