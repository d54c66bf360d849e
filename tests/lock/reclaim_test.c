/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The memory of a lock may go as soon as the thread that was let in has
 * returned, even though the call that let it in has not: that thread takes
 * all access to the lock's page away at once.
 */

#include "sanitized.h"
#include "support.h"

#include <kslock/cond.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>
#include <kslock/thread.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if SANITIZED
static int rounds = 1000;
#else
static int rounds = 10000 / TEST_SHARE;
#endif

enum kind {
    SPIN,
    MUTEX,
    RWLOCK_READ,
    RWLOCK_WRITE,
    RWLOCK_AFTER_READ, /* a writer let in by the last reader */
    RWSEM_READ,
    RWSEM_WRITE,
    RWSEM_AFTER_READ,
    COND,
    COND_INTERRUPTIBLE,
    QUEUE,
    QUEUE_ALL,
    KINDS
};

union page {
    ksl_spinlock_t spin;
    ksl_mutex_t mutex;
    ksl_rwlock_t rwlock;
    ksl_rwsem_t rwsem;
    ksl_cond_t cond;
    ksl_sleep_queue_t queue;
};

static struct {
    enum kind kind;
    union page *page; /* a page of its own */
    size_t size;
    int ready; /* atomic: round whose lock is held by the main thread */
    int about; /* atomic: round in which the actor is about to take it */
    int gone;  /* atomic: round whose page is not accessible any more */
    int bad;   /* atomic */
} t;

/* Whether the visitor is to be asleep before it is let in. */
static bool sleeps_first(enum kind kind, int round)
{
    if (kind == QUEUE || kind == QUEUE_ALL)
        return true; /* an early wake-up would be lost */
    bool spins = kind == SPIN || (kind >= RWLOCK_READ && kind <= RWLOCK_AFTER_READ);
    return !spins && round % 4 == 0;
}

/* ---- the main thread: takes the lock, lets the other one in ---- */

static void hold(void)
{
    union page *p = t.page;
    if (t.kind == SPIN)
        ksl_spinlock_acquire(&p->spin);
    else if (t.kind == MUTEX)
        (void)ksl_mutex_acquire(&p->mutex);
    else if (t.kind == RWLOCK_READ || t.kind == RWLOCK_WRITE)
        ksl_rwlock_acquire_write(&p->rwlock, NULL);
    else if (t.kind == RWLOCK_AFTER_READ)
        ksl_rwlock_acquire_read(&p->rwlock, NULL);
    else if (t.kind == RWSEM_READ || t.kind == RWSEM_WRITE)
        (void)ksl_rwsem_acquire_write(&p->rwsem);
    else if (t.kind == RWSEM_AFTER_READ)
        (void)ksl_rwsem_acquire_read(&p->rwsem);
}

static void let_in(void)
{
    union page *p = t.page;
    if (t.kind == SPIN)
        ksl_spinlock_release(&p->spin);
    else if (t.kind == MUTEX)
        ksl_mutex_release(&p->mutex);
    else if (t.kind == RWLOCK_READ || t.kind == RWLOCK_WRITE)
        ksl_rwlock_release_write(&p->rwlock, NULL);
    else if (t.kind == RWLOCK_AFTER_READ)
        ksl_rwlock_release_read(&p->rwlock, NULL);
    else if (t.kind == RWSEM_READ || t.kind == RWSEM_WRITE)
        (void)ksl_rwsem_release_write(&p->rwsem);
    else if (t.kind == RWSEM_AFTER_READ)
        (void)ksl_rwsem_release_read(&p->rwsem);
    else if (t.kind == COND || t.kind == COND_INTERRUPTIBLE)
        ksl_cond_set(&p->cond, 1);
    else
        (void)ksl_sleepq_wake(&p->queue, t.kind == QUEUE ? 1 : 0);
}

/* ---- the other one: comes in, leaves, removes the page ---- */

static int come_and_go(void)
{
    union page *p = t.page;
    int result = 0;
    switch (t.kind) {
    case SPIN:
        ksl_spinlock_acquire(&p->spin);
        ksl_spinlock_release(&p->spin);
        break;
    case MUTEX:
        result = ksl_mutex_acquire(&p->mutex);
        ksl_mutex_release(&p->mutex);
        break;
    case RWLOCK_READ:
        ksl_rwlock_acquire_read(&p->rwlock, NULL);
        ksl_rwlock_release_read(&p->rwlock, NULL);
        break;
    case RWLOCK_WRITE:
    case RWLOCK_AFTER_READ:
        ksl_rwlock_acquire_write(&p->rwlock, NULL);
        ksl_rwlock_release_write(&p->rwlock, NULL);
        break;
    case RWSEM_READ:
        result = ksl_rwsem_acquire_read(&p->rwsem);
        result |= ksl_rwsem_release_read(&p->rwsem);
        break;
    case RWSEM_WRITE:
    case RWSEM_AFTER_READ:
        result = ksl_rwsem_acquire_write(&p->rwsem);
        result |= ksl_rwsem_release_write(&p->rwsem);
        break;
    case COND:
        result = ksl_cond_wait(&p->cond, 1);
        break;
    case COND_INTERRUPTIBLE:
        result = ksl_cond_wait_interruptible(&p->cond, 1);
        break;
    default:
        result = ksl_sleepq_sleep(&p->queue, KSL_BLOCK_UNINTERRUPTIBLE);
        break;
    }
    return result;
}

static bool wait_round(const int *where, int round)
{
    uint64_t state = 0;
    unsigned spins = 0;
    while (LOAD(where) != round) {
        if (++spins % 500 == 0 && !support_keep_waiting(&state))
            return false;
    }
    return true;
}

static void visitor(void *arg)
{
    (void)arg;
    for (int round = 1; round <= rounds; round++) {
        if (!wait_round(&t.ready, round))
            return;
        STORE(&t.about, round);
        if (come_and_go() != 0)
            ADD(&t.bad, 1);
        if (mprotect(t.page, t.size, PROT_NONE) != 0)
            ADD(&t.bad, 1);
        STORE(&t.gone, round);
    }
}

static void delay(unsigned turns)
{
    for (unsigned i = 0; i < turns; i++)
        __asm__ volatile("" ::: "memory");
}

START_TEST(nothing_touches_the_lock_after_the_last_release)
{
    struct actor a;
    unsigned x = 5;
    memset(&t, 0, sizeof t);
    t.kind = (enum kind)_i;
    t.size = (size_t)sysconf(_SC_PAGESIZE);
    t.page =
        mmap(NULL, t.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(t.page, MAP_FAILED);
    actor_start(&a, visitor, NULL);
    for (int round = 1; round <= rounds; round++) {
        ck_assert_int_eq(mprotect(t.page, t.size, PROT_READ | PROT_WRITE), 0);
        memset(t.page, 0, sizeof *t.page);
        hold();
        STORE(&t.ready, round);
        WAIT_UNTIL(LOAD(&t.about) == round);
        x = x * 1664525u + 1013904223u;
        if (sleeps_first(t.kind, round))
            wait_asleep(a.thread);
        else
            delay((x >> 8) % 3000);
        let_in(); /* a touch after the visitor has left ends in SIGSEGV */
        WAIT_UNTIL(LOAD(&t.gone) == round);
    }
    actor_join(&a);
    ck_assert_int_eq(t.bad, 0);
    munmap(t.page, t.size);
}
END_TEST

int main(int argc, char **argv)
{
    if (argc > 1)
        rounds = atoi(argv[1]);
    if (rounds < 1) {
        fprintf(stderr, "usage: %s [rounds]\n", argv[0]);
        return EXIT_FAILURE;
    }
    Suite *s = suite_create("reclaim");
    TCase *tc = tcase_create("reclaim");
    tcase_set_timeout(tc, 120 + rounds / 5000);
    tcase_add_loop_test(tc, nothing_touches_the_lock_after_the_last_release, 0, KINDS);
    suite_add_tcase(s, tc);
    return support_run(s);
}
