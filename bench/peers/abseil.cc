/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <absl/base/const_init.h>
#include <absl/synchronization/mutex.h>

namespace
{

struct alignas(128) lock {
    absl::Mutex mutex{absl::kConstInit};
};

lock alone;
lock read_only;
lock both;
lock hand;
absl::CondVar hand_over;
unsigned turns; /* that have begun; the first thread's are the even ones */

ADAPTER(mutex, alone.mutex.Lock(), alone.mutex.Unlock())
ADAPTER(read, read_only.mutex.ReaderLock(), read_only.mutex.ReaderUnlock())
MIX(mixed, both.mutex.ReaderLock(), both.mutex.ReaderUnlock(), both.mutex.WriterLock(),
    both.mutex.WriterUnlock())

void cond_bounce(size_t n, bool first)
{
    absl::MutexLock guard(&hand.mutex);
    while (n-- > 0) {
        while (turns % 2 != (first ? 0 : 1))
            hand_over.Wait(&hand.mutex);
        turns++;
        hand_over.Signal();
    }
}

} // namespace

const struct adapter abseil_adapters[] = {
    ROW_LOCK("absl::Mutex", "pthread_mutex", mutex, false),
    ROW_LOCK("absl::Mutex write", "pthread_rwlock write", mutex, false),
    ROW_LOCK("absl::Mutex read", "pthread_rwlock read", read, true),
    ROW_MIX("absl::Mutex mixed", "pthread_rwlock", mixed),
    {"absl::CondVar", "sem_t", nullptr, nullptr, nullptr, false, cond_bounce, nullptr,
     nullptr, false, false, false},
};
const size_t abseil_adapter_count = sizeof abseil_adapters / sizeof abseil_adapters[0];
