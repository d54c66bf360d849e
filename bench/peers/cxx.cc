/* SPDX-License-Identifier: BSD-2-Clause */
/* The locks of the C++ standard library. */
#include "bench.h"

#include <condition_variable>
#include <mutex>
#include <semaphore>
#include <shared_mutex>

namespace
{

template <typename T> struct alignas(128) padded {
    T lock;
};

padded<std::mutex> mutex_alone;
padded<std::recursive_mutex> recursive_alone;
padded<std::shared_mutex> rw_alone;
padded<std::shared_mutex> rw_read_only;
padded<std::shared_mutex> rw_both;
padded<std::counting_semaphore<>> semaphore_alone{std::counting_semaphore<>(1)};
padded<std::counting_semaphore<>> there{std::counting_semaphore<>(0)};
padded<std::counting_semaphore<>> back{std::counting_semaphore<>(0)};
padded<std::mutex> hand;
std::condition_variable hand_over;
unsigned turns; /* that have begun; the first thread's are the even ones */

ADAPTER(mutex, mutex_alone.lock.lock(), mutex_alone.lock.unlock())
ADAPTER(recursive, recursive_alone.lock.lock(), recursive_alone.lock.unlock())
ADAPTER(rw_write, rw_alone.lock.lock(), rw_alone.lock.unlock())
ADAPTER(rw_read, rw_read_only.lock.lock_shared(), rw_read_only.lock.unlock_shared())
MIX(rw, rw_both.lock.lock_shared(), rw_both.lock.unlock_shared(), rw_both.lock.lock(),
    rw_both.lock.unlock())
PAIRS_OF(semaphore, semaphore_alone.lock.acquire(), semaphore_alone.lock.release())

void semaphore_bounce(size_t n, bool first)
{
    while (n-- > 0) {
        if (first)
            there.lock.release();
        (first ? back : there).lock.acquire();
        if (!first)
            back.lock.release();
    }
}

void cond_bounce(size_t n, bool first)
{
    std::unique_lock<std::mutex> guard(hand.lock);
    while (n-- > 0) {
        while (turns % 2 != (first ? 0 : 1))
            hand_over.wait(guard);
        turns++;
        hand_over.notify_one();
    }
}

} // namespace

const struct adapter cxx_adapters[] = {
    ROW_LOCK("std::mutex", "pthread_mutex", mutex, false),
    ROW_LOCK("std::recursive_mutex", "pthread_mutex recursive", recursive, false),
    ROW_LOCK("std::shared_mutex write", "pthread_rwlock write", rw_write, false),
    ROW_LOCK("std::shared_mutex read", "pthread_rwlock read", rw_read, true),
    ROW_MIX("std::shared_mutex", "pthread_rwlock", rw),
    ROW_BOUNCE("std::counting_semaphore", "sem_t", semaphore),
    {"std::condition_variable", "sem_t", nullptr, nullptr, nullptr, false, cond_bounce,
     nullptr, nullptr, false, false, false},
};
const size_t cxx_adapter_count = sizeof cxx_adapters / sizeof cxx_adapters[0];
