/* SPDX-License-Identifier: BSD-2-Clause */

/* The operations of every_instruction_test: sleeps, wake-ups, masks. */

#if defined(__x86_64__)

#include "every_instruction.h"

#include <errno.h>

/* ---- a handler wakes the thread that it interrupts ---- */

void handler_queue(void)
{
    STORE(&room.flag, 1);
    wakeup_queue(&room.queue, 1);
}

void handler_queue_lock(void)
{
    spinlock_acquire(&room.spin);
    STORE(&room.flag, 1);
    spinlock_release(&room.spin);
    wakeup_queue(&room.queue, 0);
}

void handler_unblock(void)
{
    STORE(&room.flag, 1);
    (void)unblock_task(room.self);
}

void handler_signal(void)
{
    CHECK(ksl_signal_post(room.self, 5) == 0);
}

void op_sleep_condition(void)
{
    STORE(&room.result, sleep_on_queue_condition(&room.queue, LOAD(&room.flag)));
}

static bool flag_under_lock(void)
{
    CHECK(ksl_spinlock_held(&room.spin));
    CHECK(!ksl_irq_enabled());
    return LOAD(&room.flag) != 0;
}

void op_sleep_lock(void)
{
    spinlock_acquire(&room.spin);
    STORE(&room.result, sleep_on_queue_lock(&room.queue, flag_under_lock(), &room.spin));
    CHECK(flag_under_lock());
    spinlock_release(&room.spin);
}

void op_block(void)
{
    int result = 0;
    while (result == 0 && !LOAD(&room.flag)) {
        block_prepare();
        if (LOAD(&room.flag)) {
            block_cancel();
            break;
        }
        result = block_task();
    }
    STORE(&room.result, result);
}

void before_prepared(void)
{
    block_prepare();
}

void op_block_prepared(void)
{
    STORE(&room.result, block_task());
}

void op_block_until(void)
{
    struct timespec far = {.tv_sec = (time_t)1 << 40};
    ksl_sleepq_prepare(&room.queue, KSL_BLOCK_UNINTERRUPTIBLE);
    while (!LOAD(&room.flag)) {
        CHECK(ksl_block_until(&far) == 0);
        ksl_sleepq_prepare(&room.queue, KSL_BLOCK_UNINTERRUPTIBLE);
    }
    block_cancel();
}

void op_prepare_and_cancel(void)
{
    block_prepare();
    ksl_block_queue(&room.queue);
    block_cancel();
}

void op_cond(void)
{
    STORE(&room.result, cond_wait(&room.cond, 1));
}

void op_cond_signalled(void)
{
    STORE(&room.result, cond_wait_interruptible(&room.cond, 1) + EINTR);
}

void after_signal(void)
{
    CHECK(room.result == 0);
    while (ksl_signal_take() != 0)
        ;
}

/* On no queue, and no wake-up is remembered for the next sleep. */
void after_sleep(void)
{
    CHECK(room.result == 0);
    CHECK(room.queue.waiters == 0);
    CHECK(unblock_task(room.self) == 0);
}

/* ---- the partner is woken; the handler wakes it too ---- */

void partner_cond(void)
{
    CHECK(cond_wait(&room.cond, 1) == 0);
}

void op_cond_set(void)
{
    cond_set(&room.cond, 1);
}

void partner_queue(void)
{
    CHECK(sleep_on_queue_condition(&room.queue, LOAD(&room.flag)) == 0);
}

void op_wakeup(void)
{
    STORE(&room.flag, 1);
    wakeup_queue(&room.queue, 0);
}

void op_unblock(void)
{
    STORE(&room.flag, 1);
    (void)unblock_task(room.partner);
}

void handler_unblock_partner(void)
{
    (void)unblock_task(room.partner);
}

void handler_wake_partner(void)
{
    wakeup_queue(&room.queue, 1);
}

/* ---- masks ---- */

static void masked_region(void)
{
    STORE(&room.inside, 1);
    STORE(&room.inside, 0);
}

void op_save_restore(void)
{
    unsigned state = ksl_irq_save();
    masked_region();
    unsigned inner = ksl_irq_save();
    ksl_irq_restore(inner);
    masked_region();
    ksl_irq_restore(state);
}

void op_set_level(void)
{
    CHECK(ksl_irq_set_level(IRQ_LEVEL - 1) == 0);
    CHECK(ksl_irq_set_level(IRQ_LEVEL) == IRQ_LEVEL - 1);
    masked_region();
    CHECK(ksl_irq_set_level(KSL_IRQ_LEVELS - 1) == IRQ_LEVEL);
    masked_region();
    CHECK(ksl_irq_set_level(0) == KSL_IRQ_LEVELS - 1);
}

void op_stall(void)
{
    unsigned before = ksl_irq_stall_inband();
    masked_region();
    ksl_irq_restore_inband(before);
}

#endif
