/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_EVERY_INSTRUCTION_H
#define TESTS_EVERY_INSTRUCTION_H

/*
 * Runs an operation again and again, with a simulated interrupt after its first
 * instruction, its second, and so on until the operation is over. The processor
 * stops after each instruction by its trap flag; another thread then raises
 * the interrupt, so it comes the way that all interrupts come.
 */

#include "support.h"

#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/irq.h>
#include <kslock/signal.h>

struct op {
    const char *name;
    void (*before)(void);  /* may be NULL */
    void (*stepped)(void); /* interrupted after each instruction */
    void (*after)(void);   /* may be NULL */
    void (*handler)(void); /* may be NULL; does the same however often it runs */
    void (*partner)(void); /* may be NULL: what another thread does meanwhile */
    void (*settled)(void); /* may be NULL; by the main thread after the round */
    bool partner_sleeps;   /* stepped starts when the partner is asleep */
    bool fresh;            /* each round in a new process */
    bool refusals;         /* misuse belongs to it, and is refused */
    int dense;             /* so many first positions are all tried; 0: the usual */
};

enum { IRQ = 9, IRQ_LEVEL = 5, READ_SEMS = 20 };

/* `dense` for calls with inlined paths. */
enum { SHORT_PATH = 160 };

/* What room.flag says to the partner and back. */
enum { GO = 1, IN = 2, OVER = 3 };

/* What operations, handlers and partners use; cleared before each round. */
struct room {
    spinlock_t spin;
    rwlock_t rw, second_rw;
    mutex_t mutex;
    rwsem_t sem;
    cond_t cond;
    sleep_queue_t queue;
    rwsem_t sems[READ_SEMS];
    int flag;   /* atomic */
    int inside; /* atomic: no handler may run now */
    int result;
    task_t *self;    /* the stepped thread */
    task_t *partner; /* the other one, if the operation has one */
};

extern struct room room;

/* The first thing in a round that is not as it must be. Callable anywhere. */
void room_check(bool holds, const char *what, int line);
#define CHECK(expr) room_check((expr), #expr, __LINE__)

/* Returns when room.flag is set. */
void wait_flag(void);

/* Returns when room.flag has that value. */
void wait_flag_is(int value);

/* One operation at its positions; returns about how many instructions it has. */
long step_through(const struct op *op, long stride);

/* False where the processor does not stop after each instruction. */
bool step_works(void);

/* every_instruction_sx.c */
extern const struct op sx_ops[];
extern const int sx_ops_count;

/* every_instruction_aix.c */
extern const struct op aix_ops[];
extern const int aix_ops_count;

/* every_instruction_ops.c */
void op_spinlock(void);
void op_spinlock_try(void);
void op_spinlock_open(void);
void op_spinlock_irq(void);
void handler_spinlock(void);
void op_rwlock_read(void);
void op_rwlock_write(void);
void op_rwlock_raw_read(void);
void op_rwlock_raw_write(void);
void handler_rwlock_write(void);
void handler_rwlock_read(void);
void before_shared(void);
void op_rwlock_among_shares(void);
void after_shared(void);
void handler_gives_share(void);
void partner_has_share(void);
void op_mutex(void);
void op_rwsem_read(void);
void op_rwsem_write(void);
void after_sleeping_locks(void);
void handler_cond(void);
void partner_holds_mutex(void);
void partner_holds_write(void);
void partner_holds_read(void);
void op_wait_mutex(void);
void op_wait_read(void);
void op_wait_write(void);
void before_mutex(void);
void op_mutex_release(void);
void partner_wants_mutex(void);
void before_read(void);
void op_read_release(void);
void partner_wants_write(void);
void before_write(void);
void op_write_release(void);
void partner_wants_read(void);
void before_growth(void);
void op_growth(void);
void after_growth(void);
void before_removal(void);
void op_removal(void);
void after_removal(void);
void handler_record(void);
void before_struck_record(void);
void partner_gives_back(void);

/* every_instruction_sleeps.c */
void handler_queue(void);
void handler_queue_lock(void);
void handler_unblock(void);
void handler_signal(void);
void op_sleep_condition(void);
void op_sleep_lock(void);
void op_block(void);
void before_prepared(void);
void op_block_prepared(void);
void op_block_until(void);
void op_prepare_and_cancel(void);
void op_cond(void);
void op_cond_signalled(void);
void after_signal(void);
void after_sleep(void);
void partner_cond(void);
void op_cond_set(void);
void partner_queue(void);
void op_wakeup(void);
void op_unblock(void);
void handler_unblock_partner(void);
void handler_wake_partner(void);
void op_save_restore(void);
void op_set_level(void);
void op_stall(void);

#endif
