/* SPDX-License-Identifier: BSD-2-Clause */
#include <evl/flag.h>
#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>
#include <evl/timeout.h>

static DEFINE_EVL_KSEM(empty);
static DEFINE_EVL_KSEM(units, 3);
static DEFINE_EVL_KMUTEX(mutex);
static DEFINE_EVL_FLAG(flag);

int expand(struct evl_stax *stax);
int expand(struct evl_stax *stax)
{
    ktime_t none = EVL_INFINITE;
    evl_init_stax(stax);
    evl_init_stax(stax, EVL_STAX_INBAND_SPIN);
    int result = evl_lock_stax(stax) + evl_trylock_stax(stax);
    evl_unlock_stax(stax);
    evl_lock_kmutex(&mutex);
    evl_unlock_kmutex(&mutex);
    evl_raise_flag(&flag);
    evl_up(&empty);
    return result + evl_down(&units) + evl_trydown(&units) +
           evl_down_timeout(&units, none) + (evl_current() == nullptr);
}
