/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * evl_destroy_kmutex with a waiter that is queued and about to look again: once the
 * call has returned, the memory may be gone.
 */
#include <evl/mutex.h>
#include <evl/sched.h>

#include "support.h"

#include "platform/testing.h"

#include <kslock/stage.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct evl_kmutex *mutex;
static struct actor waiter;
static int queued, may_go, result, finished; /* atomic */
static __thread int stops;

static void hook(const char *where)
{
    uint64_t state = 0;
    if (!stops || strcmp(where, "rw: queued") != 0)
        return;
    stops = 0;
    STORE(&queued, 1);
    while (!LOAD(&may_go) && support_keep_waiting(&state))
        ;
}

static void wait_for_mutex(void *arg)
{
    (void)arg;
    (void)ksl_stage_switch(KSL_STAGE_OOB);
    stops = 1;
    STORE(&result, evl_lock_kmutex(mutex));
    (void)ksl_stage_switch(KSL_STAGE_INBAND);
    STORE(&finished, 1);
}

START_TEST(evl_kmutex_is_not_read_after_its_destruction)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    mutex = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(mutex, MAP_FAILED);
    evl_init_kmutex(mutex);
    ck_assert_int_eq(evl_lock_kmutex(mutex), 0);
    STORE(&ksi_point_hook, hook);
    actor_start(&waiter, wait_for_mutex, NULL);
    WAIT_UNTIL(LOAD(&queued));
    evl_destroy_kmutex(mutex);
    ck_assert_int_eq(mprotect(mutex, page, PROT_NONE), 0);
    STORE(&may_go, 1);
    WAIT_UNTIL(LOAD(&finished));
    ck_assert_int_eq(LOAD(&result), -EIDRM);
    STORE(&ksi_point_hook, NULL);
    actor_join(&waiter);
    ck_assert_int_eq(munmap(mutex, page), 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_destroy");
    TCase *tc = tcase_create("destroy");
    tcase_add_test(tc, evl_kmutex_is_not_read_after_its_destruction);
    suite_add_tcase(s, tc);
    return support_run(s);
}
