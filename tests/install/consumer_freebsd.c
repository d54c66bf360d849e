/* SPDX-License-Identifier: BSD-2-Clause */

/* A piece of kernel source, includes and calls as they stand there. */

#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/param.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

static struct sx table_lock;
SX_SYSINIT(table, &table_lock, "table");
static struct mtx queue_lock;
MTX_SYSINIT(queue, &queue_lock, "queue", MTX_DEF);
static int entries;

int main(void)
{
    int error;

    sx_slock(&table_lock);
    sx_assert(&table_lock, SA_SLOCKED);
    if (sx_try_upgrade(&table_lock))
        entries++;
    sx_downgrade(&table_lock);
    error = sx_sleep(&entries, &table_lock, PDROP, "entry", 1);
    if (error != EWOULDBLOCK || sx_xholder(&table_lock) != NULL)
        return (1);

    mtx_lock(&queue_lock);
    mtx_assert(&queue_lock, MA_OWNED);
    error = msleep(&queue_lock, &queue_lock, PCATCH, "queue", hz / 100);
    wakeup(&entries);
    mtx_unlock(&queue_lock);
    return (error == EWOULDBLOCK && entries == 1 && curthread != NULL ? 0 : 1);
}
