/* SPDX-License-Identifier: BSD-2-Clause */

/* A piece of kernel source, includes and calls as they stand there. */

#include <evl/flag.h>
#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>
#include <evl/timeout.h>

struct evl_ksem foo = EVL_KSEM_INITIALIZER(foo);
static DEFINE_EVL_KSEM(bar);
static DEFINE_EVL_FLAG(done);
static struct evl_stax stax;
static struct evl_kthread worker;

static void work(void *arg)
{
    int *seen = arg;
    if (evl_down(&foo) == 0 && evl_lock_stax(&stax) == 0) {
        *seen = running_oob();
        evl_unlock_stax(&stax);
    }
    evl_up(&bar);
    evl_raise_flag(&done);
}

int main(void)
{
    int seen = 0;
    int ret = evl_init_stax(&stax);
    if (ret || evl_run_kthread(&worker, work, &seen, 10, 0, "worker-%d", 1))
        return 1;
    evl_up(&foo);
    if (evl_switch_oob())
        return 2;
    ret = evl_wait_flag(&done);
    if (ret || evl_down_timeout(&bar, EVL_NONBLOCK))
        return 3;
    evl_switch_inband(0);
    evl_stop_kthread(&worker);
    evl_destroy_ksem(&bar);
    return seen == 1 && evl_destroy_stax(&stax) == 0 ? 0 : 4;
}
