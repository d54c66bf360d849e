/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <evl/mutex.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>

#include <stddef.h>

static struct evl_ksem ksem;
static struct evl_kmutex kmutex;
static struct evl_stax stax;

static void ksem_renew(void)
{
    evl_init_ksem(&ksem, 1);
}

static void ksem_take(void)
{
    (void)evl_switch_oob();
    (void)evl_down(&ksem);
}

static void ksem_give(void)
{
    evl_up(&ksem);
    evl_switch_inband(0);
}

static bool ksem_try(void)
{
    return evl_trydown(&ksem) == 0;
}

static void kmutex_renew(void)
{
    evl_init_kmutex(&kmutex);
}

static void kmutex_take(void)
{
    (void)evl_switch_oob();
    (void)evl_lock_kmutex(&kmutex);
}

static void kmutex_give(void)
{
    evl_unlock_kmutex(&kmutex);
    evl_switch_inband(0);
}

static bool kmutex_try(void)
{
    return evl_trylock_kmutex(&kmutex) == 0;
}

/* Not alone, but with the other threads of the stage. */
static void stax_renew(void)
{
    (void)evl_init_stax(&stax);
}

static void stax_take(void)
{
    (void)evl_lock_stax(&stax);
}

static void stax_give(void)
{
    evl_unlock_stax(&stax);
}

const struct lock_kind evl_kinds[] = {
    {"ksem", ksem_renew, ksem_take, ksem_give, ksem_try, false},
    {"kmutex", kmutex_renew, kmutex_take, kmutex_give, kmutex_try, false},
    {"stax", stax_renew, stax_take, stax_give, NULL, true},
};
const int evl_kinds_count = sizeof evl_kinds / sizeof *evl_kinds;
