/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An interrupt after every single instruction of every operation: no wake-up is
 * lost, no lock and no record is left wrong, nothing runs where it is masked.
 * Arguments: the stride beyond the first positions, and one operation, or `sx` or
 * `aix` for those of these kernels.
 */

#include "every_instruction_main.h"

#include <string.h>

#if STEPS

static const struct op ops[] = {
    {.name = "spinlock",
     .stepped = op_spinlock,
     .handler = handler_spinlock,
     .dense = SHORT_PATH},
    {.name = "spinlock, try and raw release",
     .stepped = op_spinlock_try,
     .handler = handler_spinlock,
     .dense = SHORT_PATH},
    {.name = "spinlock, interrupts open",
     .stepped = op_spinlock_open,
     .dense = SHORT_PATH},
    {.name = "spinlock, the irq pair",
     .stepped = op_spinlock_irq,
     .handler = handler_spinlock,
     .dense = SHORT_PATH},
    {.name = "rwlock, read",
     .stepped = op_rwlock_read,
     .handler = handler_rwlock_write,
     .dense = SHORT_PATH},
    {.name = "rwlock, write",
     .stepped = op_rwlock_write,
     .handler = handler_rwlock_write,
     .dense = SHORT_PATH},
    {.name = "rwlock, read, interrupts open",
     .stepped = op_rwlock_raw_read,
     .handler = handler_rwlock_read,
     .dense = SHORT_PATH},
    {.name = "rwlock, write, interrupts open",
     .stepped = op_rwlock_raw_write,
     .dense = SHORT_PATH},
    {.name = "rwlock, the share of another thread is given back",
     .stepped = op_rwlock_among_shares,
     .before = before_shared,
     .after = after_shared,
     .handler = handler_gives_share,
     .partner = partner_has_share,
     .dense = SHORT_PATH},
    {.name = "mutex", .stepped = op_mutex, .after = after_sleeping_locks},
    {.name = "rwsem, nested reading",
     .stepped = op_rwsem_read,
     .after = after_sleeping_locks},
    {.name = "rwsem, nested writing",
     .stepped = op_rwsem_write,
     .after = after_sleeping_locks},
    {.name = "mutex, waiting",
     .stepped = op_wait_mutex,
     .handler = handler_cond,
     .partner = partner_holds_mutex,
     .partner_sleeps = true},
    {.name = "rwsem, reader waiting",
     .stepped = op_wait_read,
     .handler = handler_cond,
     .partner = partner_holds_write,
     .partner_sleeps = true},
    {.name = "rwsem, writer waiting",
     .stepped = op_wait_write,
     .handler = handler_cond,
     .partner = partner_holds_read,
     .partner_sleeps = true},
    {.name = "mutex, somebody waits",
     .stepped = op_mutex_release,
     .before = before_mutex,
     .partner = partner_wants_mutex,
     .partner_sleeps = true},
    {.name = "rwsem, a writer waits",
     .stepped = op_read_release,
     .before = before_read,
     .partner = partner_wants_write,
     .partner_sleeps = true},
    {.name = "rwsem, a reader waits",
     .stepped = op_write_release,
     .before = before_write,
     .partner = partner_wants_read,
     .partner_sleeps = true},
    {.name = "record of 16 and more",
     .stepped = op_growth,
     .before = before_growth,
     .after = after_growth,
     .fresh = true,
     .handler = handler_record},
    {.name = "record, from the middle",
     .stepped = op_removal,
     .before = before_removal,
     .after = after_removal,
     .fresh = true,
     .handler = handler_record},
    {.name = "record with gaps",
     .stepped = op_growth,
     .before = before_struck_record,
     .after = after_growth,
     .fresh = true,
     .handler = handler_record,
     .partner = partner_gives_back},
    {.name = "sleep_on_queue_condition",
     .stepped = op_sleep_condition,
     .after = after_sleep,
     .handler = handler_queue},
    {.name = "sleep_on_queue_lock",
     .stepped = op_sleep_lock,
     .after = after_sleep,
     .handler = handler_queue_lock},
    {.name = "block_prepare and block_task",
     .stepped = op_block,
     .after = after_sleep,
     .handler = handler_unblock},
    {.name = "block_task",
     .stepped = op_block_prepared,
     .before = before_prepared,
     .after = after_sleep,
     .handler = handler_unblock},
    {.name = "block with a date",
     .stepped = op_block_until,
     .after = after_sleep,
     .handler = handler_queue},
    {.name = "block_prepare and block_cancel",
     .stepped = op_prepare_and_cancel,
     .after = after_sleep,
     .handler = handler_unblock},
    {.name = "cond_wait",
     .stepped = op_cond,
     .after = after_sleep,
     .handler = handler_cond},
    {.name = "cond_wait_interruptible",
     .stepped = op_cond_signalled,
     .after = after_signal,
     .handler = handler_signal},
    {.name = "cond_set",
     .stepped = op_cond_set,
     .handler = handler_cond,
     .partner = partner_cond,
     .partner_sleeps = true},
    {.name = "wakeup_queue",
     .stepped = op_wakeup,
     .handler = handler_wake_partner,
     .partner = partner_queue,
     .partner_sleeps = true},
    {.name = "unblock_task",
     .stepped = op_unblock,
     .handler = handler_unblock_partner,
     .partner = partner_queue,
     .partner_sleeps = true},
    {.name = "irq save and restore", .stepped = op_save_restore, .dense = SHORT_PATH},
    {.name = "set_level", .stepped = op_set_level, .dense = SHORT_PATH},
    {.name = "stall", .stepped = op_stall},
};

enum { OPS = sizeof ops / sizeof *ops };

/* Those of this file, then those of every_instruction_sx.c and _aix.c. */
static const struct op *op_at(int i)
{
    if (i < OPS)
        return &ops[i];
    i -= OPS;
    return i < sx_ops_count ? &sx_ops[i] : &aix_ops[i - sx_ops_count];
}

static int first; /* a single operation, for a look at one */

START_TEST(an_interrupt_after_each_instruction)
{
    interrupt_each(op_at(first + _i));
}
END_TEST

int main(int argc, char **argv)
{
    int count = OPS;
    if (!steps_ready(argc, argv, 41))
        return 77;
    if (argc > 2 && strcmp(argv[2], "sx") == 0) {
        first = OPS;
        count = sx_ops_count;
    } else if (argc > 2 && strcmp(argv[2], "aix") == 0) {
        first = OPS + sx_ops_count;
        count = aix_ops_count;
    } else if (argc > 2) {
        first = atoi(argv[2]) % (OPS + sx_ops_count + aix_ops_count);
        count = 1;
    }
    TCase *tc = tcase_create("operations");
    tcase_add_loop_test(tc, an_interrupt_after_each_instruction, 0, count);
    return steps_run("every_instruction", tc);
}

#endif
