/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Blocking by hand: block_prepare, look at the condition, block_task. A
 * wake-up that comes in between is remembered, so none is lost.
 */

#include "example.h"

#include <kernel/cond.h>
#include <kernel/scheduler.h>

enum { MESSAGES = 10000, END = -1 };

static task_t *receiver_task;
static int mailbox; /* 0: empty */
static long long sum;
static cond_t finished;
static task_t *sender_task;

static int take_mail(void)
{
    return __atomic_exchange_n(&mailbox, 0, __ATOMIC_SEQ_CST);
}

/* Sleeps until there is mail. */
static int receive(void)
{
    for (;;) {
        block_prepare();
        int message = take_mail();
        if (message != 0) {
            block_cancel();
            return message;
        }
        CHECK(block_task() == 0);
    }
}

static void receiver(void *arg)
{
    int message;
    (void)arg;
    while ((message = receive()) != END) {
        sum += message;
        (void)unblock_task(sender_task);
    }
    cond_set(&finished, 1);
}

/* Sleeps until the mailbox is empty, then fills it and wakes the receiver. */
static void send(int message)
{
    int empty = 0;
    for (;;) {
        block_prepare();
        if (__atomic_compare_exchange_n(&mailbox, &empty, message, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            break;
        empty = 0;
        CHECK(block_task() == 0);
    }
    block_cancel();
    (void)unblock_task(receiver_task);
}

int main(void)
{
    task_t *self = get_current_task();

    CHECK(block_task() == 0);       /* not prepared: does not sleep */
    CHECK(unblock_task(self) == 0); /* not blocked: nothing is remembered */
    block_prepare();
    CHECK(unblock_task(self) == 1); /* prepared: the wake-up counts */
    CHECK(block_task() == 0);       /* so this returns at once */

    sender_task = self;
    receiver_task = new_kernel_task(receiver, NULL);
    CHECK(receiver_task != NULL);
    for (int i = 1; i <= MESSAGES; i++)
        send(i);
    send(END);
    CHECK(cond_wait(&finished, 1) == 0);
    CHECK(sum == (long long)MESSAGES * (MESSAGES + 1) / 2);
    printf("block: %d messages, sum %lld\n", MESSAGES, sum);
    return 0;
}
