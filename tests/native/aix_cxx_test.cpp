// SPDX-License-Identifier: BSD-2-Clause
// The AIX headers in a C++17 program.
#include <sys/intr.h>
#include <sys/lock.h>
#include <sys/lock_alloc.h>
#include <sys/lock_def.h>
#include <sys/lockl.h>
#include <sys/sleep.h>
#include <sys/types.h>

#include <kslock/signal.h>
#include <kslock/thread.h>

#include "../support/cxx_check.h"

#include <atomic>
#include <cerrno>
#include <thread>

namespace
{

lock_t word = LOCK_AVAIL;
tid_t event = EVENT_NULL;

// A thread that has announced itself.
struct Waiter {
    std::atomic<ksl_thread *> id{nullptr};

    void announce()
    {
        id = ksl_thread_self();
    }

    ksl_thread *asleep() const
    {
        while (id.load() == nullptr || !ksl_thread_asleep(id.load()))
            std::this_thread::yield();
        return id.load();
    }
};

int sigwake()
{
    label_t context;
    int value = setjmpx(&context);
    if (value == 0) {
        (void)lockl(&word, LOCK_SIGWAKE);
        clrjmpx(&context);
    }
    return value;
}

void lockls()
{
    CHECK(lockl(&word, LOCK_SHORT) == LOCK_SUCC);
    CHECK(lockl(&word, LOCK_NDELAY) == LOCK_NEST);
    Waiter waiter;
    std::atomic<bool> jumped{false};
    std::thread t([&] {
        CHECK(lockl(&word, LOCK_NDELAY) == LOCK_FAIL);
        waiter.announce();
        CHECK(lockl(&word, LOCK_SIGRET) == LOCK_SIG);
        CHECK(sigwake() == EINTR); // the signal is still there
        CHECK(ksl_signal_take() == 10);
        jumped = true;
        CHECK(lockl(&word, LOCK_SHORT) == LOCK_SUCC);
        unlockl(&word);
    });
    (void)ksl_signal_post(waiter.asleep(), 10);
    while (!jumped)
        std::this_thread::yield();
    unlockl(&word);
    t.join();
    CHECK(lockl(&kernel_lock, LOCK_SHORT) == LOCK_SUCC);
    unlockl(&kernel_lock);
}

void simple_locks()
{
    static Simple_lock lock;
    lock_alloc(&lock, LOCK_ALLOC_PIN, 1, -1);
    simple_lock_init(&lock);
    simple_lock(&lock);
    CHECK(lock_mine(&lock) == TRUE && simple_lock_try(&lock) == FALSE);
    Waiter waiter;
    std::thread t([&] {
        waiter.announce();
        simple_lock(&lock);
        simple_unlock(&lock);
    });
    (void)waiter.asleep();
    simple_unlock(&lock);
    t.join();
    int old = disable_lock(PL_IMP, &lock);
    CHECK(old == INTBASE);
    int inner = i_disable(INTMAX);
    CHECK(inner == PL_IMP);
    i_enable(inner);
    unlock_enable(old, &lock);
    lock_free(&lock);
}

void complex_locks()
{
    Complex_lock lock;
    lock_init(&lock, TRUE);
    lock_read(&lock);
    CHECK(lock_try_read(&lock) == TRUE);
    lock_done(&lock);
    CHECK(lock_read_to_write(&lock) == FALSE);
    lock_set_recursive(&lock);
    CHECK(lock_try_write(&lock) == TRUE);
    lock_done(&lock);
    lock_clear_recursive(&lock);
    lock_write_to_read(&lock);
    CHECK(lock_islocked(&lock) == TRUE && lock_mine(&lock) == FALSE);
    CHECK(lock_try_read_to_write(&lock) == TRUE);
    lock_done(&lock);
}

void drw_locks()
{
    Drw_lock lock;
    drw_lock_init(&lock);
    int old = i_disable(INTMAX);
    drw_lock_read(&lock);
    CHECK(drw_lock_read_to_write(&lock) == TRUE);
    drw_lock_write_to_read(&lock);
    CHECK(drw_lock_islocked(&lock) == TRUE);
    drw_lock_done(&lock);
    i_enable(old);
    drw_lock_free(&lock);
}

void events()
{
    Waiter waiter;
    std::thread t([&] {
        waiter.announce();
        CHECK(e_sleep_thread(&event, nullptr, INTERRUPTIBLE) == THREAD_OTHER + 1);
        et_post(5, thread_self());
        CHECK(et_wait(4, 4, EVENT_SHORT) == 4);
        e_assert_wait(&event, FALSE);
        e_clear_wait(thread_self(), THREAD_TIMED_OUT);
        CHECK(e_block_thread() == THREAD_TIMED_OUT);
    });
    (void)waiter.asleep();
    e_wakeup_w_result(&event, THREAD_OTHER + 1);
    t.join();
    CHECK(event == EVENT_NULL);
}

} // namespace

int main()
{
    lockls();
    simple_locks();
    complex_locks();
    drw_locks();
    events();
    return failures == 0 ? 0 : 1;
}
