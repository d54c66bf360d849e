// SPDX-License-Identifier: BSD-2-Clause
// The Stanix headers in a C++17 program: every call, both orders of the macros.
#include <kernel/asm.h>
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

#include <kslock/signal.h>

#include "../support/cxx_check.h"

#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>

namespace
{

void await_sleep(const std::atomic<ksl_thread *> &t)
{
    while (t.load() == nullptr || !ksl_thread_asleep(t.load()))
        std::this_thread::yield();
}

void locks()
{
    spinlock_t spin{};
    mutex_t mutex = KSL_MUTEX_INIT;
    rwlock_t rwlock{};
    rwsem_t rwsem{};
    int save = 0;

    spinlock_acquire(&spin);
    CHECK(have_interrupt() == 0);
    spinlock_release(&spin);
    CHECK(have_interrupt() != 0);
    spinlock_acquire(&spin);
    spinlock_raw_release(&spin);
    enable_interrupt();

    mutex_init(&mutex);
    CHECK(mutex_acquire(&mutex) == 0);
    CHECK(mutex_try_acquire(&mutex) == 1);
    mutex_release(&mutex);
    mutex_release(&mutex);

    rwlock_acquire_read(&rwlock, &save);
    CHECK(rwlock_raw_try_acquire_write(&rwlock) == 0);
    rwlock_release_read(&rwlock, &save);
    CHECK(rwlock_try_acquire_write(&rwlock, &save) == 1);
    rwlock_release_write(&rwlock, nullptr);
    enable_interrupt();

    rwsem_init(&rwsem);
    CHECK(rwsem_acquire_write(&rwsem) == 0);
    CHECK(rwsem_acquire_read(&rwsem) == 0);
    CHECK(rwsem_release_read(&rwsem) == 0);
    CHECK(rwsem_release_write(&rwsem) == 0);
}

void conditions()
{
    cond_t cond{};
    std::thread setter([&cond] { cond_set(&cond, 3); });
    CHECK(cond_wait(&cond, 3) == 0);
    CHECK(cond_wait_interruptible(&cond, 3) == 0);
    setter.join();
    cond_destroy(&cond);
    CHECK(cond_wait(&cond, 0) == 0);
}

void blocking()
{
    std::atomic<ksl_thread *> task{nullptr};
    int result = 1;
    std::thread blocker([&] {
        block_prepare();
        task = get_current_task();
        result = block_task();
    });
    await_sleep(task);
    CHECK(unblock_task(task) == 1);
    blocker.join();
    CHECK(result == 0);
    block_prepare();
    block_cancel();
    CHECK(block_task() == 0);
    yield(0);
}

enum class how { plain, condition, lock_last, lock_first };

struct site {
    sleep_queue_t queue{};
    spinlock_t lock{};
    bool ready = false; // under lock
    int queue_calls = 0;
    int lock_calls = 0;
    bool held = false;
    int result = 1;
    std::atomic<ksl_thread *> sleeper{nullptr};

    sleep_queue_t *the_queue()
    {
        queue_calls++;
        return &queue;
    }

    spinlock_t *the_lock()
    {
        lock_calls++;
        return &lock;
    }
};

int sleep_in(site &s, how kind)
{
    bool ret = true; // names that the macros might use themselves
    if (kind == how::plain)
        return sleep_on_queue(s.the_queue());
    if (kind == how::condition)
        return sleep_on_queue_condition(
            s.the_queue(), __atomic_load_n(&s.ready, __ATOMIC_SEQ_CST) && ret);
    int result;
    spinlock_acquire(&s.lock);
    if (kind == how::lock_last)
        result = sleep_on_queue_lock(s.the_queue(), s.ready && ret, s.the_lock());
    else
        result = sleep_on_queue_lock(s.the_queue(), s.the_lock(), s.ready && ret);
    s.held = ksl_spinlock_held(&s.lock);
    spinlock_release(&s.lock);
    return result;
}

bool is_locking(how kind)
{
    return kind == how::lock_last || kind == how::lock_first;
}

void sleeping(how kind, bool by_signal)
{
    site s;
    std::thread sleeper([&] {
        s.sleeper = ksl_thread_self();
        s.result = sleep_in(s, kind);
        CHECK(have_interrupt() != 0);
    });
    await_sleep(s.sleeper);
    if (by_signal) {
        CHECK(ksl_signal_post(s.sleeper, 2) == 0);
    } else {
        spinlock_acquire(&s.lock);
        __atomic_store_n(&s.ready, true, __ATOMIC_SEQ_CST);
        spinlock_release(&s.lock);
        wakeup_queue(&s.queue, 1);
    }
    sleeper.join();
    CHECK(s.result == (by_signal ? -EINTR : 0));
    CHECK(s.queue_calls == 1);
    CHECK(s.held == is_locking(kind));
    CHECK(s.lock_calls == (is_locking(kind) ? 1 : 0));
}

struct counting {
    int tests = 0;
    explicit operator bool()
    {
        return ++tests != 0;
    }
};

// Conditions of all kinds, true at once: objects that cannot be copied, bit-fields.
void kinds_of_conditions()
{
    struct {
        unsigned bit : 1;
        volatile unsigned changing : 1;
    } bits = {1, 1};
    std::atomic<bool> flag{true};
    auto owner = std::make_unique<int>(0);
    int *pointer = owner.get();
    counting counter;
    sleep_queue_t queue{};
    spinlock_t lock{};
    CHECK(sleep_on_queue_condition(&queue, flag) == 0);
    CHECK(sleep_on_queue_condition(&queue, owner) == 0);
    CHECK(sleep_on_queue_condition(&queue, bits.bit) == 0);
    spinlock_acquire(&lock);
    CHECK(sleep_on_queue_lock(&queue, flag, &lock) == 0);
    CHECK(sleep_on_queue_lock(&queue, &lock, flag) == 0);
    CHECK(sleep_on_queue_lock(&queue, owner, &lock) == 0);
    CHECK(sleep_on_queue_lock(&queue, bits.bit, &lock) == 0);
    CHECK(sleep_on_queue_lock(&queue, &lock, bits.changing) == 0);
    CHECK(sleep_on_queue_lock(&queue, pointer, &lock) == 0);
    CHECK(sleep_on_queue_lock(&queue, counter, &lock) == 0);
    CHECK(counter.tests == 1);
    CHECK(ksl_spinlock_held(&lock));
    spinlock_release(&lock);
}

} // namespace

int main()
{
    locks();
    conditions();
    blocking();
    kinds_of_conditions();
    const how kinds[] = {how::plain, how::condition, how::lock_last, how::lock_first};
    for (how kind : kinds) {
        sleeping(kind, false);
        sleeping(kind, true);
    }
    return failures == 0 ? 0 : 1;
}
