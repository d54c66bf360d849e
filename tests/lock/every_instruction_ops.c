/* SPDX-License-Identifier: BSD-2-Clause */

/* The operations of every_instruction_test: locks. Sleeps: ..._sleeps.c. */

#if defined(__x86_64__)

#include "every_instruction.h"

/* A region that no handler may enter. */
static void masked_region(void)
{
    STORE(&room.inside, 1);
    STORE(&room.inside, 0);
}

/* ---- spinlock ---- */

void op_spinlock(void)
{
    spinlock_acquire(&room.spin);
    masked_region();
    spinlock_release(&room.spin);
}

void op_spinlock_try(void)
{
    CHECK(ksl_spinlock_try_acquire(&room.spin));
    masked_region();
    CHECK(!ksl_spinlock_try_acquire(&room.spin));
    spinlock_raw_release(&room.spin);
    masked_region();
    (void)ksl_irq_set_level(0);
}

void op_spinlock_open(void)
{
    ksl_spinlock_raw_acquire(&room.spin);
    CHECK(ksl_spinlock_held(&room.spin));
    CHECK(ksl_irq_enabled());
    ksl_spinlock_raw_release(&room.spin);
    ksl_spinlock_acquire_preempt(&room.spin);
    CHECK(ksl_preempt_count() == 1);
    ksl_spinlock_release_preempt(&room.spin);
    CHECK(ksl_preempt_count() == 0);
}

void op_spinlock_irq(void)
{
    int state = ksl_spinlock_acquire_irq(&room.spin);
    masked_region();
    ksl_spinlock_release_irq(&room.spin, state);
    CHECK(!ksl_spinlock_held(&room.spin));
}

void handler_spinlock(void)
{
    spinlock_acquire(&room.spin);
    spinlock_release(&room.spin);
}

/* ---- rwlock ---- */

void op_rwlock_read(void)
{
    int save;
    rwlock_acquire_read(&room.rw, &save);
    masked_region();
    rwlock_release_read(&room.rw, &save);
}

void op_rwlock_write(void)
{
    int save;
    rwlock_acquire_write(&room.rw, &save);
    masked_region();
    rwlock_release_write(&room.rw, &save);
    CHECK(rwlock_try_acquire_write(&room.rw, &save) == 1);
    masked_region();
    rwlock_release_write(&room.rw, &save);
}

void op_rwlock_raw_read(void)
{
    rwlock_raw_acquire_read(&room.rw);
    rwlock_raw_release_read(&room.rw);
}

void op_rwlock_raw_write(void)
{
    rwlock_raw_acquire_write(&room.rw);
    rwlock_raw_release_write(&room.rw);
    CHECK(rwlock_raw_try_acquire_write(&room.rw) == 1);
    rwlock_raw_release_write(&room.rw);
}

void handler_rwlock_write(void)
{
    int save;
    rwlock_acquire_write(&room.rw, &save);
    rwlock_release_write(&room.rw, &save);
}

void handler_rwlock_read(void)
{
    rwlock_raw_acquire_read(&room.rw);
    rwlock_raw_release_read(&room.rw);
}

/* ---- rwlock, whose shares anybody may give back ---- */

/* The entry above the first is left naming room.rw. */
void before_shared(void)
{
    rwlock_raw_acquire_read(&room.second_rw);
    rwlock_raw_acquire_read(&room.rw);
    rwlock_raw_release_read(&room.rw);
    rwlock_raw_release_read(&room.second_rw);
    STORE(&room.flag, GO);
    wait_flag_is(IN);
}

void op_rwlock_among_shares(void)
{
    rwlock_raw_acquire_read(&room.rw);
    rwlock_raw_acquire_read(&room.second_rw);
    rwlock_raw_release_read(&room.second_rw);
    rwlock_raw_release_read(&room.rw);
}

/* The partner's share: its record must not have it any more, and ours no other. */
void handler_gives_share(void)
{
    if (LOAD(&room.flag) != IN)
        return;
    rwlock_raw_release_read(&room.rw);
    STORE(&room.flag, OVER);
}

void after_shared(void)
{
    handler_gives_share();
}

void partner_has_share(void)
{
    wait_flag_is(GO);
    rwlock_raw_acquire_read(&room.rw);
    STORE(&room.flag, IN);
    wait_flag_is(OVER);
    (void)ksl_syscall_exit(); /* reports what is still in the record */
}

/* ---- sleeping locks, free ones ---- */

void op_mutex(void)
{
    CHECK(mutex_acquire(&room.mutex) == 0);
    CHECK(mutex_try_acquire(&room.mutex) == 1);
    mutex_release(&room.mutex);
    mutex_release(&room.mutex);
}

void op_rwsem_read(void)
{
    CHECK(rwsem_acquire_read(&room.sem) == 0);
    CHECK(rwsem_acquire_read(&room.sem) == 0);
    CHECK(rwsem_release_read(&room.sem) == 0);
    CHECK(rwsem_release_read(&room.sem) == 0);
}

void op_rwsem_write(void)
{
    CHECK(rwsem_acquire_write(&room.sem) == 0);
    CHECK(rwsem_acquire_write(&room.sem) == 0);
    CHECK(rwsem_acquire_read(&room.sem) == 0);
    CHECK(rwsem_release_write(&room.sem) == 0);
    CHECK(rwsem_release_read(&room.sem) == 0);
    CHECK(rwsem_release_write(&room.sem) == 0);
}

/* Free again, for another thread too. */
void after_sleeping_locks(void)
{
    CHECK(room.mutex.word == 0);
    CHECK(room.sem.word < 512); /* no holder; bits of its tier may be set */
}

/* ---- held by the partner until a handler sets the condition ---- */

void handler_cond(void)
{
    cond_set(&room.cond, 1);
}

void partner_holds_mutex(void)
{
    CHECK(mutex_acquire(&room.mutex) == 0);
    CHECK(cond_wait(&room.cond, 1) == 0);
    mutex_release(&room.mutex);
}

void partner_holds_write(void)
{
    CHECK(rwsem_acquire_write(&room.sem) == 0);
    CHECK(cond_wait(&room.cond, 1) == 0);
    CHECK(rwsem_release_write(&room.sem) == 0);
}

void partner_holds_read(void)
{
    CHECK(rwsem_acquire_read(&room.sem) == 0);
    CHECK(cond_wait(&room.cond, 1) == 0);
    CHECK(rwsem_release_read(&room.sem) == 0);
}

void op_wait_mutex(void)
{
    CHECK(mutex_acquire(&room.mutex) == 0);
    mutex_release(&room.mutex);
}

void op_wait_read(void)
{
    CHECK(rwsem_acquire_read(&room.sem) == 0);
    CHECK(rwsem_release_read(&room.sem) == 0);
}

void op_wait_write(void)
{
    CHECK(rwsem_acquire_write(&room.sem) == 0);
    CHECK(rwsem_release_write(&room.sem) == 0);
}

/* ---- given back while the partner waits for it ---- */

void before_mutex(void)
{
    CHECK(mutex_acquire(&room.mutex) == 0);
    STORE(&room.flag, 1);
}

void op_mutex_release(void)
{
    mutex_release(&room.mutex);
}

void partner_wants_mutex(void)
{
    wait_flag();
    op_wait_mutex();
}

void before_read(void)
{
    CHECK(rwsem_acquire_read(&room.sem) == 0);
    STORE(&room.flag, 1);
}

void op_read_release(void)
{
    CHECK(rwsem_release_read(&room.sem) == 0);
}

void partner_wants_write(void)
{
    wait_flag();
    op_wait_write();
}

void before_write(void)
{
    CHECK(rwsem_acquire_write(&room.sem) == 0);
    STORE(&room.flag, 1);
}

void op_write_release(void)
{
    CHECK(rwsem_release_write(&room.sem) == 0);
}

void partner_wants_read(void)
{
    wait_flag();
    op_wait_read();
}

/* ---- the record of held locks, which has 16 entries at first ---- */

static void take(int from, int to)
{
    for (int i = from; i < to; i++)
        CHECK(rwsem_acquire_read(&room.sems[i]) == 0);
}

static void give_back(int from, int to)
{
    for (int i = from; i < to; i++)
        CHECK(rwsem_release_read(&room.sems[i]) == 0);
}

void before_growth(void)
{
    take(0, 15);
}

void op_growth(void)
{
    take(15, 17);
}

void after_growth(void)
{
    give_back(0, 17);
}

void before_removal(void)
{
    take(0, 17);
}

void op_removal(void)
{
    CHECK(rwsem_release_read(&room.sems[8]) == 0);
}

void after_removal(void)
{
    give_back(0, 8);
    give_back(9, 17);
}

/* Its entries stand above those of the interrupted operation. */
void handler_record(void)
{
    static spinlock_t nested[4];
    for (int i = 0; i < 4; i++)
        spinlock_acquire(&nested[i]);
    for (int i = 3; i >= 0; i--)
        spinlock_release(&nested[i]);
}

/* Two rwlocks among the entries are given back by the partner. */
void before_struck_record(void)
{
    rwlock_raw_acquire_write(&room.rw);
    rwlock_raw_acquire_write(&room.second_rw);
    before_growth();
    STORE(&room.flag, 1);
    uint64_t state = 0;
    while (LOAD(&room.flag) == 1 && support_keep_waiting(&state))
        ;
}

void partner_gives_back(void)
{
    wait_flag();
    rwlock_raw_release_write(&room.second_rw);
    rwlock_raw_release_write(&room.rw);
    STORE(&room.flag, 2);
}

#endif
