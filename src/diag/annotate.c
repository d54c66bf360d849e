/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Annotations: a race detector that watches the program, but not this library, is told
 * who has what. ThreadSanitizer's functions are in the program if it is built with it, so
 * they are looked for by weak names; valgrind is asked by its client requests.
 *
 * Locks that one thread takes and gives back are told as such. Of those that another
 * thread may give back, and of waits and wake-ups, only that what came before the one
 * came before what follows the other.
 */

#include "diag/annotate.h"

#include "platform/compiler.h"

#if defined(__has_include)
#if __has_include(<valgrind/helgrind.h>)
#include <valgrind/helgrind.h>
#define WITH_VALGRIND 1
#endif
#endif

enum { READ = 1 << 3, TRY = 1 << 4 };

#define WEAK __attribute__((weak))
extern void __tsan_acquire(void *address) WEAK;
extern void __tsan_release(void *address) WEAK;
extern void __tsan_mutex_pre_lock(void *address, unsigned flags) WEAK;
extern void __tsan_mutex_post_lock(void *address, unsigned flags, int recursion) WEAK;
extern int __tsan_mutex_pre_unlock(void *address, unsigned flags) WEAK;
extern void __tsan_mutex_post_unlock(void *address, unsigned flags) WEAK;

static bool tsan;
static bool valgrind;

static void *plain(const volatile void *lock)
{
    return (void *)(uintptr_t)lock;
}

static void come_before(void *lock)
{
    if (tsan)
        __tsan_release(lock);
#if defined(WITH_VALGRIND)
    if (valgrind)
        ANNOTATE_HAPPENS_BEFORE(lock);
#endif
}

static void come_after(void *lock)
{
    if (tsan)
        __tsan_acquire(lock);
#if defined(WITH_VALGRIND)
    if (valgrind)
        ANNOTATE_HAPPENS_AFTER(lock);
#endif
}

static void take(void *lock, enum ksi_mode mode, bool tried)
{
    unsigned flags = (mode == KSI_SHARED ? READ : 0u) | (tried ? TRY : 0u);
    if (tsan) {
        __tsan_mutex_pre_lock(lock, flags);
        __tsan_mutex_post_lock(lock, flags, 0);
    }
#if defined(WITH_VALGRIND)
    if (valgrind)
        ANNOTATE_RWLOCK_ACQUIRED(lock, mode == KSI_EXCLUSIVE);
#endif
}

static void give(void *lock, enum ksi_mode mode)
{
    unsigned flags = mode == KSI_SHARED ? READ : 0u;
    if (tsan) {
        (void)__tsan_mutex_pre_unlock(lock, flags);
        __tsan_mutex_post_unlock(lock, flags);
    }
#if defined(WITH_VALGRIND)
    if (valgrind)
        ANNOTATE_RWLOCK_RELEASED(lock, mode == KSI_EXCLUSIVE);
#endif
}

/* Who gives it back need not be who took it. */
static bool has_no_owner(enum ksi_kind kind)
{
    return kind == KSI_RWLOCK || kind == KSI_KSEM || kind == KSI_STAX;
}

void ksi_annotate_event(const struct ksi_event *e)
{
    void *lock = plain(e->lock);
    switch (e->type) {
    case KSI_EV_TAKEN:
        if (has_no_owner(e->kind))
            come_after(lock);
        else
            take(lock, e->mode, e->arg != 0);
        break;
    case KSI_EV_GIVEN:
        if (has_no_owner(e->kind))
            come_before(lock);
        else
            give(lock, e->mode);
        break;
    case KSI_EV_TURNED:
        give(lock, e->mode == KSI_SHARED ? KSI_EXCLUSIVE : KSI_SHARED);
        take(lock, e->mode, true);
        break;
    case KSI_EV_WAKES:
        come_before(lock);
        break;
    case KSI_EV_RESUMES:
        if (e->arg == KSI_WOKEN)
            come_after(lock);
        break;
    default:
        break;
    }
}

void ksi_annotate_set(const volatile void *object)
{
    come_before(plain(object));
}

void ksi_annotate_seen(const volatile void *object)
{
    come_after(plain(object));
}

bool ksi_annotate_enable(void)
{
#if KSI_RACE_DETECTOR
    return false; /* the library is watched itself */
#else
    tsan = __tsan_acquire != NULL && __tsan_release != NULL &&
           __tsan_mutex_pre_lock != NULL && __tsan_mutex_post_lock != NULL &&
           __tsan_mutex_pre_unlock != NULL && __tsan_mutex_post_unlock != NULL;
#if defined(WITH_VALGRIND)
    valgrind = RUNNING_ON_VALGRIND != 0;
#endif
    return tsan || valgrind;
#endif
}
