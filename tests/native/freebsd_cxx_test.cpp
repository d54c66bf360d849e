// SPDX-License-Identifier: BSD-2-Clause
// The FreeBSD headers in a C++17 program: every call, in lambdas and templates too.
#include <sys/condvar.h>
#include <sys/kernel.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/param.h>
#include <sys/proc.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/signal.h>
#include <kslock/violation.h>

#include "../support/cxx_check.h"

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <thread>

namespace
{

struct sx early_sx, early_recursive;
struct mtx early_mtx;
SX_SYSINIT(cxx_sx, &early_sx, "early sx");
SX_SYSINIT_FLAGS(cxx_sx_flags, &early_recursive, "recursive sx", SX_RECURSE);
MTX_SYSINIT(cxx_mtx, &early_mtx, "early mutex", MTX_DEF);

void await_sleep(const std::atomic<ksl_thread *> &t)
{
    while (t.load() == nullptr || !ksl_thread_asleep(t.load()))
        std::this_thread::yield();
}

// An sx as the standard library wants its locks.
class shared_lockable
{
  public:
    explicit shared_lockable(const char *name)
    {
        sx_init(&sx_, name);
    }
    ~shared_lockable()
    {
        sx_destroy(&sx_);
    }
    shared_lockable(const shared_lockable &) = delete;
    shared_lockable &operator=(const shared_lockable &) = delete;
    void lock()
    {
        sx_xlock(&sx_);
    }
    bool try_lock()
    {
        return sx_try_xlock(&sx_) != 0;
    }
    void unlock()
    {
        sx_xunlock(&sx_);
    }
    void lock_shared()
    {
        sx_slock(&sx_);
    }
    bool try_lock_shared()
    {
        return sx_try_slock(&sx_) != 0;
    }
    void unlock_shared()
    {
        sx_sunlock(&sx_);
    }
    struct sx *native()
    {
        return &sx_;
    }

  private:
    struct sx sx_;
};

void locks()
{
    shared_lockable lock("wrapped");
    {
        std::unique_lock<shared_lockable> alone(lock);
        CHECK(sx_xlocked(lock.native()) != 0);
        CHECK(sx_xholder(lock.native()) == curthread);
        sx_assert(lock.native(), SA_XLOCKED | SA_NOTRECURSED);
    }
    {
        std::shared_lock<shared_lockable> share(lock);
        sx_assert(lock.native(), SA_SLOCKED);
        CHECK(sx_try_upgrade(lock.native()) == 1);
        sx_downgrade(lock.native());
        CHECK(sx_has_waiters(lock.native()) == 0);
    }
    CHECK(sx_slock_sig(lock.native()) == 0);
    sx_unlock(lock.native());
    CHECK(sx_xlock_sig(lock.native()) == 0);
    sx_unlock(lock.native());
    sx_assert(lock.native(), SA_UNLOCKED);

    sx_slock(&early_sx);
    sx_sunlock(&early_sx);
    sx_xlock(&early_recursive);
    sx_xlock(&early_recursive);
    sx_xunlock(&early_recursive);
    sx_xunlock(&early_recursive);
    mtx_lock(&early_mtx);
    mtx_unlock(&early_mtx);
}

void mutexes()
{
    struct mtx m, spin;
    mtx_init(&m, "mutex", nullptr, MTX_DEF | MTX_RECURSE);
    mtx_init(&spin, "spin", "class", MTX_SPIN);
    mtx_lock(&m);
    CHECK(mtx_trylock(&m) == 1);
    CHECK(mtx_recursed(&m) != 0 && m.mtx_recurse == 1);
    mtx_assert(&m, MA_OWNED | MA_RECURSED);
    mtx_unlock_flags(&m, 0);
    mtx_unlock(&m);
    mtx_lock_flags(&m, MTX_QUIET);
    mtx_unlock(&m);
    mtx_lock_spin(&spin);
    CHECK(!ksl_irq_enabled() && mtx_owned(&spin));
    mtx_unlock_spin(&spin);
    CHECK(mtx_trylock_spin(&spin) == 1);
    CHECK(msleep_spin(&spin, &spin, "cxx", 2) == EWOULDBLOCK);
    mtx_unlock_spin(&spin);
    CHECK(mtx_initialized(&m) != 0 && mtx_name(&m)[0] == 'm');
    mtx_destroy(&spin);
    mtx_destroy(&m);
}

struct site {
    struct sx sx;
    struct mtx mtx;
    struct cv cv;
    std::atomic<ksl_thread *> sleeper{nullptr};
    int result = -1;
};

// Runs sleep() on a thread and wake() once it sleeps.
template <typename Sleep, typename Wake>
void sleeps(site &s, int expected, Sleep sleep, Wake wake)
{
    s.sleeper = nullptr;
    std::thread thread([&] {
        s.sleeper = ksl_thread_self();
        s.result = sleep();
    });
    await_sleep(s.sleeper);
    wake();
    thread.join();
    CHECK(s.result == expected);
}

void sleeping()
{
    site s;
    sx_init(&s.sx, "sx");
    mtx_init(&s.mtx, "mtx", nullptr, MTX_DEF);
    cv_init(&s.cv, "cv");
    const void *chan = &s;
    auto post = [&] { CHECK(ksl_signal_post(s.sleeper, 2) == 0); };
    sleeps(
        s, 0,
        [&] {
            sx_slock(&s.sx);
            int result = sx_sleep(chan, &s.sx, PWAIT, "cxx", 0);
            sx_sunlock(&s.sx);
            return result;
        },
        [&] { wakeup(chan); });
    sleeps(
        s, EINTR,
        [&] {
            mtx_lock(&s.mtx);
            return msleep(chan, &s.mtx, PCATCH | PDROP, "cxx", 100 * hz);
        },
        post);
    sleeps(
        s, 0,
        [&] {
            mtx_lock(&s.mtx);
            return mtx_sleep(chan, &s.mtx, PDROP, "cxx", 0);
        },
        [&] { wakeup_one(chan); });
    sleeps(
        s, 0, [&] { return tsleep(chan, PNOLOCK, "cxx", 0); }, [&] { wakeup_any(chan); });
    sleeps(
        s, 0,
        [&] {
            mtx_lock(&s.mtx);
            cv_wait_unlock(&s.cv, &s.mtx);
            return 0;
        },
        [&] { cv_signal(&s.cv); });
    sleeps(
        s, EINTR,
        [&] {
            sx_xlock(&s.sx);
            int result = cv_wait_sig(&s.cv, &s.sx);
            sx_xunlock(&s.sx);
            return result;
        },
        post);
    sleeps(
        s, 0,
        [&] {
            sx_xlock(&s.sx);
            int result = cv_timedwait_sig(&s.cv, &s.sx, 100 * hz);
            sx_xunlock(&s.sx);
            return result;
        },
        [&] { cv_broadcast(&s.cv); });
    sleeps(
        s, 0,
        [&] {
            sx_slock(&s.sx);
            cv_wait(&s.cv, &s.sx);
            sx_sunlock(&s.sx);
            return 0;
        },
        [&] { cv_broadcastpri(&s.cv, PVFS); });
    sx_xlock(&s.sx);
    CHECK(cv_timedwait(&s.cv, &s.sx, 2) == EWOULDBLOCK);
    sx_xunlock(&s.sx);
    cv_destroy(&s.cv);
    mtx_destroy(&s.mtx);
    sx_destroy(&s.sx);
}

void time_and_assertions()
{
    int before = ticks;
    CHECK(hz == 1000 && tick == 1000);
    CHECK(ksl_freebsd_pause("cxx", 2) == EWOULDBLOCK);
    CHECK(pause_sig("cxx", 1) == EWOULDBLOCK);
    CHECK(ticks - before >= 3);
    KASSERT(failures >= 0, ("%d", failures));
    MPASS(PCATCH == 0x100 && PDROP == 0x200);
    CHECK(ERESTART == 85 && EWOULDBLOCK == 11 && EINTR == 4);
}

} // namespace

int main()
{
    locks();
    mutexes();
    sleeping();
    time_and_assertions();
    CHECK(ksl_violation_count() == 0);
    return failures == 0 ? 0 : 1;
}
