/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <oneapi/tbb/mutex.h>
#include <oneapi/tbb/queuing_mutex.h>
#include <oneapi/tbb/rw_mutex.h>
#include <oneapi/tbb/spin_mutex.h>
#include <oneapi/tbb/spin_rw_mutex.h>

namespace
{

template <typename T> struct alignas(128) padded {
    T lock;
};

padded<tbb::mutex> mutex_alone;
padded<tbb::spin_mutex> spin_alone;
padded<tbb::rw_mutex> rw_alone;
padded<tbb::rw_mutex> rw_read_only;
padded<tbb::rw_mutex> rw_both;
padded<tbb::spin_rw_mutex> srw_read_only;
padded<tbb::spin_rw_mutex> srw_both;

ADAPTER(mutex, mutex_alone.lock.lock(), mutex_alone.lock.unlock())
ADAPTER(spin, spin_alone.lock.lock(), spin_alone.lock.unlock())
ADAPTER(rw_write, rw_alone.lock.lock(), rw_alone.lock.unlock())
ADAPTER(rw_read, rw_read_only.lock.lock_shared(), rw_read_only.lock.unlock_shared())
MIX(rw, rw_both.lock.lock_shared(), rw_both.lock.unlock_shared(), rw_both.lock.lock(),
    rw_both.lock.unlock())
ADAPTER(srw_read, srw_read_only.lock.lock_shared(), srw_read_only.lock.unlock_shared())
MIX(srw, srw_both.lock.lock_shared(), srw_both.lock.unlock_shared(), srw_both.lock.lock(),
    srw_both.lock.unlock())

} // namespace

const struct adapter tbb_adapters[] = {
    ROW_LOCK("tbb::mutex", "pthread_mutex", mutex, false),
    ROW_LOCK("tbb::spin_mutex", "pthread_spin", spin, false),
    ROW_LOCK("tbb::rw_mutex write", "pthread_rwlock write", rw_write, false),
    ROW_LOCK("tbb::rw_mutex read", "pthread_rwlock read", rw_read, true),
    ROW_MIX("tbb::rw_mutex", "pthread_rwlock", rw),
    ROW_LOCK("tbb::spin_rw_mutex read", "pthread_rwlock read", srw_read, true),
    ROW_MIX("tbb::spin_rw_mutex", "pthread_rwlock", srw),
};
const size_t tbb_adapter_count = sizeof tbb_adapters / sizeof tbb_adapters[0];
