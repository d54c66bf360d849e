// SPDX-License-Identifier: BSD-2-Clause
// The EVL headers in a C++17 program.
#include <evl/flag.h>
#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>
#include <evl/timeout.h>

#include "../support/cxx_check.h"

#include <atomic>
#include <thread>

namespace
{

DEFINE_EVL_KSEM(none);
static DEFINE_EVL_KSEM(two, 2);
struct evl_ksem three = EVL_KSEM_INITIALIZER(three, 3);
DEFINE_EVL_FLAG(flag);

int drain(struct evl_ksem *ksem)
{
    int units = 0;
    while (evl_trydown(ksem) == 0)
        units++;
    return units;
}

void semaphores()
{
    CHECK(drain(&none) == 0 && drain(&two) == 2 && drain(&three) == 3);
    std::atomic<int> result{1};
    std::atomic<ksl_thread *> waiter{nullptr};
    std::thread t([&] {
        CHECK(evl_switch_oob() == 0);
        CHECK(running_oob() && !running_inband() && !evl_cannot_block());
        CHECK(evl_down_timeout(&none, 0) == -ETIMEDOUT);
        waiter = reinterpret_cast<ksl_thread *>(evl_current());
        result = evl_down(&none);
        CHECK(evl_wait_flag_timeout(&flag, EVL_NONBLOCK, EVL_REL) == -EAGAIN);
        evl_raise_flag(&flag);
        CHECK(evl_wait_flag(&flag) == 0);
        CHECK(evl_sleep(1000) == 0);
        evl_switch_inband(0);
    });
    while (waiter.load() == nullptr || !ksl_thread_asleep(waiter.load()))
        std::this_thread::yield();
    evl_up(&none);
    t.join();
    CHECK(result == 0);
    struct evl_ksem own;
    evl_init_ksem(&own, 1);
    evl_broadcast(&own);
    CHECK(drain(&own) == 1);
    evl_destroy_ksem(&own);
}

void exclusion()
{
    struct evl_stax stax;
    CHECK(evl_init_stax(&stax) == 0);
    CHECK(evl_init_stax(&stax, EVL_STAX_INBAND_SPIN) == 0);
    CHECK(evl_lock_stax(&stax) == 0);
    CHECK(evl_trylock_stax(&stax) == 0);
    std::thread t([&] {
        CHECK(evl_switch_oob() == 0);
        CHECK(evl_trylock_stax(&stax) == -EAGAIN);
    });
    t.join();
    evl_unlock_stax(&stax);
    evl_unlock_stax(&stax);
    CHECK(evl_destroy_stax(&stax) == 0);
}

void threads()
{
    struct evl_kthread kthread;
    std::atomic<int> turns{0};
    auto serve = [](void *arg) {
        while (!evl_kthread_should_stop()) {
            ++*static_cast<std::atomic<int> *>(arg);
            (void)evl_sleep(EVL_INFINITE);
        }
    };
    CHECK(evl_run_kthread(&kthread, serve, &turns, 1, 0, "cxx-%d", 1) == 0);
    while (turns == 0)
        std::this_thread::yield();
    evl_kick_thread(kthread.thread, 0);
    evl_unblock_thread(kthread.thread, EVL_T_BREAK);
    evl_stop_kthread(&kthread);
    CHECK(turns >= 1);
    CHECK(!evl_in_irq());
    evl_schedule();
}

} // namespace

int main()
{
    semaphores();
    exclusion();
    threads();
    return failures == 0 ? 0 : 1;
}
