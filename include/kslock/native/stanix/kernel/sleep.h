/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_STANIX_SLEEP_H
#define KSLOCK_STANIX_SLEEP_H

/*
 * Stanix <kernel/sleep.h>: contracts in <kslock/sleepq.h>.
 *
 * The macros return 0 once the condition is true, -EINTR where they are
 * interruptible, or -EPERM if refused. They evaluate the queue and the lock once and the
 * condition as often as needed; a condition that is true wins over a signal.
 * sleep_on_queue_lock takes the lock and the condition in either order, tests
 * the condition with the lock held and returns with it held.
 */

#include <kernel/profile.h>
#include <kernel/scheduler.h>
#include <kernel/spinlock.h>

#include <kslock/sleepq.h>

#include <errno.h>
#include <stddef.h>

KSL_BEGIN_DECLS

typedef struct ksl_sleep_queue sleep_queue_t;

/* Wakes the first count sleepers, 0: all (Q1, Q8). Context: any, handlers too. */
static inline void wakeup_queue(sleep_queue_t *queue, size_t count)
{
    (void)ksl_sleepq_wake(queue, count);
}

#if KSL_STANIX_PROFILE < 3

static inline int sleep_on_queue(sleep_queue_t *queue)
{
    return ksl_sleepq_sleep(queue, KSL_BLOCK_INTERRUPTIBLE);
}

#else

static inline int sleep_on_queue(sleep_queue_t *queue)
{
    return ksl_sleepq_sleep(queue, KSL_BLOCK_UNINTERRUPTIBLE);
}

static inline int sleep_on_queue_interruptible(sleep_queue_t *queue)
{
    return ksl_sleepq_sleep(queue, KSL_BLOCK_INTERRUPTIBLE);
}

/*
 * Put the prepared caller on a queue, and take it off again (it stays prepared).
 * A task is on one queue at a time: a second one is refused as `bad-argument`.
 */
void sleep_add_to_queue(sleep_queue_t *queue) KSL_SYMBOL(ksl_block_queue);
void sleep_remove_from_queue(sleep_queue_t *queue) KSL_SYMBOL(ksl_block_unqueue);

/* Sleeps until the absolute CLOCK_MONOTONIC date: 0, -EINTR, -EPERM if refused. */
static inline int sleep_until(struct timespec *date)
{
    if (ksl_block_check() != 0)
        return -EPERM;
    ksl_block_prepare(KSL_BLOCK_INTERRUPTIBLE);
    int result = ksl_block_until(date);
    if (result == -EPERM)
        ksl_block_cancel(); /* a refused call changes nothing */
    return result == -ETIMEDOUT ? 0 : result;
}

#endif

KSL_END_DECLS

#ifndef __cplusplus

/* clang-format off */
#define KSL_STANIX_SLEEP_(queue_, flags_, cond_, check_, block_)             \
    __extension__({                                                          \
        sleep_queue_t *ksl_stanix_queue_ = (queue_);                         \
        int ksl_stanix_result_ = (check_);                                   \
        while (ksl_stanix_result_ == 0 && !(cond_)) {                        \
            ksl_sleepq_prepare(ksl_stanix_queue_, flags_);                   \
            if (cond_) {                                                     \
                ksl_block_cancel();                                          \
                break;                                                       \
            }                                                                \
            ksl_stanix_result_ = (block_);                                   \
            if (ksl_stanix_result_ != 0 && (cond_)) {                        \
                ksl_stanix_result_ = 0;                                      \
                break;                                                       \
            }                                                                \
        }                                                                    \
        ksl_stanix_result_;                                                  \
    })

#define KSL_STANIX_LOCK_OF_(a_, b_) _Generic((a_), spinlock_t *: (a_), default: (b_))
#define KSL_STANIX_COND_OF_(a_, b_) _Generic((a_), spinlock_t *: (b_), default: (a_))

#define KSL_STANIX_SLEEP_LOCK_(queue_, flags_, a_, b_)                       \
    __extension__({                                                          \
        spinlock_t *ksl_stanix_lock_ = KSL_STANIX_LOCK_OF_(a_, b_);          \
        KSL_STANIX_SLEEP_(queue_, flags_, KSL_STANIX_COND_OF_(a_, b_),       \
                          ksl_block_check_lock(ksl_stanix_lock_),            \
                          ksl_block_unlock(ksl_stanix_lock_));               \
    })

#define KSL_STANIX_SLEEP_COND_(queue_, flags_, cond_)                        \
    KSL_STANIX_SLEEP_(queue_, flags_, cond_,                                 \
                      ksl_sleepq_check(ksl_stanix_queue_), ksl_block())
/* clang-format on */

#else

#include <type_traits>

namespace ksl_stanix
{

template <class Cond, class Block>
int sleep_loop(sleep_queue_t *queue, unsigned flags, int result, Cond cond, Block block)
{
    while (result == 0 && !cond()) {
        ksl_sleepq_prepare(queue, flags);
        if (cond()) {
            ksl_block_cancel();
            break;
        }
        result = block();
        if (result != 0 && cond())
            return 0;
    }
    return result;
}

template <class Cond> int sleep_cond(sleep_queue_t *queue, unsigned flags, Cond cond)
{
    return sleep_loop(queue, flags, ksl_sleepq_check(queue), cond,
                      [] { return ksl_block(); });
}

template <class Cond>
int sleep_lock(sleep_queue_t *queue, unsigned flags, spinlock_t *lock, Cond cond)
{
    return sleep_loop(queue, flags, ksl_block_check_lock(lock), cond,
                      [lock] { return ksl_block_unlock(lock); });
}

template <class T> struct is_lock {
    static constexpr bool value = false;
};
template <> struct is_lock<spinlock_t *> {
    static constexpr bool value = true;
};

/*
 * A lock as it is, a condition as true or false: an object such as std::atomic<bool>
 * cannot be copied, and no reference is to be had to a bit-field.
 */
inline spinlock_t *lock_or_truth(spinlock_t *lock)
{
    return lock;
}

template <class T> std::enable_if_t<!std::is_class<T>::value, bool> lock_or_truth(T cond)
{
    return !!cond;
}

template <class T>
std::enable_if_t<std::is_class<std::remove_reference_t<T>>::value, bool>
lock_or_truth(T &&cond)
{
    return !!cond;
}

template <class A, class B>
int sleep_either(sleep_queue_t *queue, unsigned flags, A a, B b)
{
    if constexpr (is_lock<decltype(a())>::value)
        return sleep_lock(queue, flags, a(), b);
    else
        return sleep_lock(queue, flags, b(), a);
}

} // namespace ksl_stanix

/* clang-format off */
#define KSL_STANIX_SLEEP_LOCK_(queue_, flags_, a_, b_) \
    ::ksl_stanix::sleep_either((queue_), (flags_),                           \
                               [&] { return ::ksl_stanix::lock_or_truth((a_)); }, \
                               [&] { return ::ksl_stanix::lock_or_truth((b_)); })
#define KSL_STANIX_SLEEP_COND_(queue_, flags_, cond_)                               \
    ::ksl_stanix::sleep_cond((queue_), (flags_), [&] { return !!(cond_); })
/* clang-format on */

#endif

#if KSL_STANIX_PROFILE < 3

#define sleep_on_queue_condition(queue, cond)                                            \
    KSL_STANIX_SLEEP_COND_(queue, KSL_BLOCK_INTERRUPTIBLE, cond)
#define sleep_on_queue_lock(queue, cond, l)                                              \
    KSL_STANIX_SLEEP_LOCK_(queue, KSL_BLOCK_INTERRUPTIBLE, cond, l)

#else

#define sleep_on_queue_condition(queue, cond)                                            \
    KSL_STANIX_SLEEP_COND_(queue, KSL_BLOCK_UNINTERRUPTIBLE, cond)
#define sleep_on_queue_condition_interruptible(queue, cond)                              \
    KSL_STANIX_SLEEP_COND_(queue, KSL_BLOCK_INTERRUPTIBLE, cond)
#define sleep_on_queue_lock(queue, l, cond)                                              \
    KSL_STANIX_SLEEP_LOCK_(queue, KSL_BLOCK_UNINTERRUPTIBLE, l, cond)
#define sleep_on_queue_lock_interruptible(queue, l, cond)                                \
    KSL_STANIX_SLEEP_LOCK_(queue, KSL_BLOCK_INTERRUPTIBLE, l, cond)

#endif

#endif
