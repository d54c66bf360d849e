/* SPDX-License-Identifier: BSD-2-Clause */

/* The same headers in C++17. */

#include <kernel/asm.h>
#include <kernel/cond.h>
#include <kernel/mutex.h>
#include <kernel/rwlock.h>
#include <kernel/rwsem.h>
#include <kernel/scheduler.h>
#include <kernel/sleep.h>
#include <kernel/spinlock.h>

extern "C" int consumer_cpp(void);

namespace
{

class guard
{
  public:
    explicit guard(mutex_t &m) : mutex(m)
    {
        mutex_acquire(&mutex);
    }
    ~guard()
    {
        mutex_release(&mutex);
    }
    guard(const guard &) = delete;
    guard &operator=(const guard &) = delete;

  private:
    mutex_t &mutex;
};

mutex_t mutex;
rwlock_t rwlock;
rwsem_t rwsem;
cond_t cond;
spinlock_t lock;
sleep_queue_t queue;

} // namespace

int consumer_cpp(void)
{
    int save;
    int ready = 1;
    {
        guard held(mutex);
        guard nested(mutex);
    }
    rwlock_acquire_write(&rwlock, &save);
    rwlock_release_write(&rwlock, &save);
    rwsem_acquire_read(&rwsem);
    rwsem_release_read(&rwsem);
    cond_set(&cond, 3);
    spinlock_acquire(&lock);
    int result = sleep_on_queue_lock(&queue, ready == 1, &lock);
    spinlock_release(&lock);
    return cond_wait(&cond, 3) == 0 && result == 0 && have_interrupt() ? 0 : 1;
}
