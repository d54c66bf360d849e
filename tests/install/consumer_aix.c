/* SPDX-License-Identifier: BSD-2-Clause */

/* A piece of kernel source, includes and calls as they stand there. */

#include <sys/intr.h>
#include <sys/lock.h>
#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>
#include <sys/types.h>

static lock_t old_lock = LOCK_AVAIL;
static Simple_lock queue_lock;
static Complex_lock table_lock;
static tid_t ready = EVENT_NULL;
static int entries;

static int use_table(void)
{
    lock_alloc(&table_lock, LOCK_ALLOC_PAGED, 1, -1);
    lock_init(&table_lock, TRUE);
    lock_read(&table_lock);
    if (lock_read_to_write(&table_lock))
        lock_write(&table_lock);
    entries++;
    lock_write_to_read(&table_lock);
    lock_done(&table_lock);
    lock_free(&table_lock);
    return entries == 1 && !lock_islocked(&table_lock);
}

static int use_queue(void)
{
    label_t context;
    int result;
    int pri;

    simple_lock_init(&queue_lock);
    pri = disable_lock(INTCLASS2, &queue_lock);
    if (!lock_mine(&queue_lock) || simple_lock_try(&queue_lock))
        return 0;
    e_assert_wait(&ready, FALSE);
    unlock_enable(pri, &queue_lock);
    e_wakeup_w_result(&ready, THREAD_OTHER);
    result = e_block_thread();

    if (setjmpx(&context) == 0)
        longjmpx(1);
    et_post(1, thread_self());
    return result == THREAD_OTHER && pri == INTBASE && et_wait(1, 1, EVENT_SHORT) == 1;
}

int main(void)
{
    int got;

    got = lockl(&old_lock, LOCK_SHORT);
    if (got != LOCK_SUCC || lockl(&old_lock, LOCK_NDELAY) != LOCK_NEST)
        return 1;
    unlockl(&old_lock);
    simple_lock(&queue_lock);
    simple_unlock(&queue_lock);
    return use_table() && use_queue() ? 0 : 1;
}
