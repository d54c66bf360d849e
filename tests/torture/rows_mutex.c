/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of the mutex; and of memory that is reused at once. */

#include "torture.h"

#include <kernel/mutex.h>
#include <string.h>

static struct {
    ksl_mutex_t first;
    ksl_mutex_t second;
    struct section section;
    struct section other;
} mx;

/* As a program does it that has inlined it, or by the function alone. */
static void acquire(struct party *me, ksl_mutex_t *m)
{
    if (pick(me, 2) == 0 && ksl_mutex_own_fast(m, NULL))
        return;
    if (ksl_mutex_acquire(m) != 0)
        torture_fail("thread %u: mutex_acquire failed", me->index);
}

static void release(struct party *me, ksl_mutex_t *m)
{
    if (pick(me, 2) == 0 || !ksl_mutex_disown_fast(m))
        ksl_mutex_release(m);
}

static void mutex_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        unsigned depth = pick(me, 4) == 0 ? pick(me, 4) : 0;
        unsigned level = pick(me, 8) == 0 ? 11 : 0;
        ksl_irq_set_level(level);
        acquire(me, &mx.first);
        for (unsigned i = 0; i < depth; i++)
            acquire(me, &mx.first);
        section_write(&mx.section, me);
        for (unsigned i = 0; i <= depth; i++)
            release(me, &mx.first);
        torture_expect_level(me, level, "mutex_release");
    }
}

static void refused_in_handler(struct party *me, int irq)
{
    (void)irq;
    if (ksl_mutex_try_acquire(&mx.first) != 0)
        torture_fail("thread %u: a handler got a mutex", me->index);
}

static void mutex_check(void)
{
    section_check(&mx.section, "mutex");
    section_check(&mx.other, "second mutex");
    if (LOAD(&mx.first.word) != 0 || LOAD(&mx.second.word) != 0)
        torture_fail("mutex is not free and unmarked after the round");
    if (mx.first.depth != 0 || mx.second.depth != 0)
        torture_fail("mutex has a depth after the round");
    if (torture.round % 8 == 0) {
        mutex_init(&mx.first);
        init_mutex(&mx.second);
    }
}

const struct row torture_row_mutex = {
    .op = mutex_op,
    .interrupt = refused_in_handler,
    .check = mutex_check,
    .words = &mx,
    .bytes = 2 * sizeof(ksl_mutex_t),
};

static void mutex_try_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        if (pick(me, 3) == 0)
            acquire(me, &mx.first);
        else if (!ksl_mutex_try_acquire(&mx.first))
            continue;
        bool again = pick(me, 2) == 0;
        if (again && !ksl_mutex_try_acquire(&mx.first))
            torture_fail("thread %u: the owner's try failed", me->index);
        section_write(&mx.section, me);
        if (again)
            release(me, &mx.first);
        release(me, &mx.first);
    }
}

const struct row torture_row_mutex_try = {
    .op = mutex_try_op,
    .interrupt = refused_in_handler,
    .check = mutex_check,
    .words = &mx,
    .bytes = 2 * sizeof(ksl_mutex_t),
};

static void mutex_pair_op(struct party *me)
{
    for (unsigned n = 1 + pick(me, 3); n > 0; n--) {
        bool swap = pick(me, 2) == 0;
        acquire(me, &mx.first);
        section_write(&mx.section, me);
        acquire(me, &mx.second);
        section_write(&mx.other, me);
        release(me, swap ? &mx.first : &mx.second);
        torture_dally(me);
        release(me, swap ? &mx.second : &mx.first);
    }
}

const struct row torture_row_mutex_pair = {
    .op = mutex_pair_op,
    .interrupt = refused_in_handler,
    .check = mutex_check,
    .words = &mx,
    .bytes = 2 * sizeof(ksl_mutex_t),
};

/*
 * The lock guards a count of those who still need it; who counts down to zero
 * reuses the memory, although the release that let it in may not have returned.
 */
enum { POISON = 0x5a };
enum { BY_SPINLOCK, BY_RWLOCK, BY_MUTEX, BY_RWSEM, WAYS };

static union {
    ksl_spinlock_t spin;
    ksl_rwlock_t rwlock;
    ksl_mutex_t mutex;
    ksl_rwsem_t rwsem;
    unsigned char bytes[32];
} shell;
static unsigned shell_way;
static unsigned shell_users; /* guarded by the lock */

static void last_out_setup(void)
{
    memset(&shell, 0, sizeof shell);
    shell_users = torture.threads;
    shell_way = (unsigned)(torture.round % WAYS);
}

static void shell_enter(int *save)
{
    switch (shell_way) {
    case BY_SPINLOCK:
        ksl_spinlock_acquire(&shell.spin);
        break;
    case BY_RWLOCK:
        ksl_rwlock_acquire_write(&shell.rwlock, save);
        break;
    case BY_MUTEX:
        ksl_mutex_acquire(&shell.mutex);
        break;
    default:
        ksl_rwsem_acquire_write(&shell.rwsem);
        break;
    }
}

static void shell_leave(int *save)
{
    switch (shell_way) {
    case BY_SPINLOCK:
        ksl_spinlock_release(&shell.spin);
        break;
    case BY_RWLOCK:
        ksl_rwlock_release_write(&shell.rwlock, save);
        break;
    case BY_MUTEX:
        ksl_mutex_release(&shell.mutex);
        break;
    default:
        ksl_rwsem_release_write(&shell.rwsem);
        break;
    }
}

static void last_out_op(struct party *me)
{
    int save = 0;
    shell_enter(&save);
    torture_dally(me);
    bool last = --shell_users == 0;
    shell_leave(&save);
    if (last)
        memset(&shell, POISON, sizeof shell);
    ADD(&me->operations, 1ul);
}

static void last_out_check(void)
{
    for (size_t i = 0; i < sizeof shell; i++) {
        if (shell.bytes[i] != POISON) {
            torture_fail("way %u: byte %zu of a lock was touched after its end",
                         shell_way, i);
            return;
        }
    }
}

const struct row torture_row_last_out = {
    .setup = last_out_setup,
    .op = last_out_op,
    .check = last_out_check,
    .words = &shell,
    .bytes = sizeof shell,
};
