/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_INLINE_H
#define KSLOCK_INLINE_H

/*
 * The inlined fast paths of shared/exclusive locks. Programs use the headers
 * of the locks; what is here changes with the library's version.
 *
 * The lock word and its bits are described in src/lock/rw.h, slots and claims in
 * src/diag/slots.h.
 */

#include <kslock/base.h>

#include <stdbool.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/* Where a lock was taken. */
struct ksl_place {
    const char *file;
    int line;
};

/* clang-format off */
#define KSL_PLACE()                                                                      \
    (__extension__({                                                                     \
        static const struct ksl_place ksl_place_ = {__FILE__, __LINE__};                 \
        &ksl_place_;                                                                     \
    }))
/* clang-format on */

struct ksl_slot {
    uintptr_t lock; /* address of the word with tags, 0: unused */
    const void *place;
};

enum { KSL_SLOTS = 32, KSL_SLOT_EXCLUSIVE = 2 };

/* How a thread's descriptor begins. */
struct ksl_front {
    uint32_t claims; /* atomic: who must not release without a look at the waiters */
    uint32_t reserved;
    struct ksl_slot slots[KSL_SLOTS];
};

struct ksl_tls {
    uintptr_t owner; /* descriptor; 0: unknown, in a handler, being watched */
    void *self;
    uint64_t early_signals;
    uint32_t leaving;
    uint32_t reserved;
};

extern KSL_API __thread struct ksl_tls ksl_tls __attribute__((tls_model("initial-exec")));

enum { KSL_WORD_SLOTS = 16, KSL_WORD_BIAS = 32, KSL_WORD_BASE = 256 };

/*
 * A share is shown in the slot, and there is no bias: true if it is granted with a
 * barrier; else the slot is empty again.
 */
KSL_API bool ksl_share_fenced(const volatile uintptr_t *word);
/* The caller gave the lock with this word back, and somebody claims to hear of it. */
KSL_API void ksl_claims_answer(const volatile uintptr_t *word);

/* The only slot of that thread in which a fast path puts this word. */
static inline struct ksl_slot *ksl_slot_of(uintptr_t owner,
                                           const volatile uintptr_t *word)
{
    uintptr_t a = (uintptr_t)word;
    uintptr_t slots = owner + __builtin_offsetof(struct ksl_front, slots);
    return (struct ksl_slot *)(slots + (((a >> 1) ^ (a >> 6)) & (KSL_SLOTS - 1) << 4));
}

static inline uint32_t *ksl_claims_of(uintptr_t owner)
{
    return (uint32_t *)(owner + __builtin_offsetof(struct ksl_front, claims));
}

/* Takes a share in a slot; false: nothing has happened. */
static inline bool ksl_share_fast(const volatile uintptr_t *word, const void *place)
{
    uintptr_t owner = ksl_tls.owner;
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) != 0, 0))
        return false;
    __atomic_store_n(&s->place, place, __ATOMIC_RELAXED);
    __atomic_store_n(&s->lock, (uintptr_t)word, __ATOMIC_RELEASE);
    /* A writer that takes the bias off orders this load after the store (membarrier). */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect((__atomic_load_n(word, __ATOMIC_ACQUIRE) & KSL_WORD_BIAS) != 0,
                         1))
        return true;
    return ksl_share_fenced(word);
}

/* Gives a share back; false: nothing has happened. */
static inline bool ksl_unshare_fast(const volatile uintptr_t *word)
{
    uintptr_t owner = ksl_tls.owner;
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) != (uintptr_t)word,
                         0))
        return false;
    __atomic_store_n(&s->lock, (uintptr_t)0, __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(ksl_claims_of(owner), __ATOMIC_RELAXED) != 0, 0))
        ksl_claims_answer(word);
    return true;
}

/*
 * Takes a free lock without reader slots alone; false: nothing has happened. A
 * handler goes by the word; so that it finds the slot filled whenever the word
 * says that its thread is the owner, the slot is first in and last out.
 */
static inline bool ksl_exclusive_fast(volatile uintptr_t *word, const void *place)
{
    uintptr_t owner = ksl_tls.owner;
    uintptr_t seen = KSL_WORD_BASE;
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) != 0, 0))
        return false;
    __atomic_store_n(&s->place, place, __ATOMIC_RELAXED);
    __atomic_store_n(&s->lock, (uintptr_t)word | KSL_SLOT_EXCLUSIVE, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_compare_exchange_n(word, &seen, owner | KSL_WORD_BASE,
                                                     false, __ATOMIC_ACQUIRE,
                                                     __ATOMIC_RELAXED),
                         1))
        return true;
    __atomic_store_n(&s->lock, (uintptr_t)0, __ATOMIC_RELAXED);
    return false;
}

/* A race detector must see the release. */
#if defined(__SANITIZE_THREAD__)
#define KSL_PLAIN_C 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KSL_PLAIN_C 1
#endif
#endif

/*
 * Stores `left` if the word is *seen; else *seen is what the word is. For this thread
 * and its interrupt handlers it is one step: before a handler runs, the dispatcher
 * lets a thread that it finds between the mark and the store begin anew (see
 * src/thread/window.c, which knows these bytes). Other threads' changes in
 * between may be overwritten: they set marks, and claims stand behind marks.
 */
static inline bool ksl_word_release(volatile uintptr_t *word, uintptr_t *seen,
                                    uintptr_t left)
{
#if defined(__x86_64__) && defined(__LP64__) && !defined(KSL_PLAIN_C)
    bool done;
    __asm__ __volatile__(".byte 0x0f, 0x1f, 0x80, 0x4b, 0x53, 0x4c, 0x01\n\t"
                         "cmpq %[seen], (%[word])\n\t"
                         "jne 1f\n\t"
                         "movq %[left], (%[word])\n"
                         "1:"
                         : "=@ccz"(done)
                         : [word] "r"(word), [seen] "r"(*seen), [left] "r"(left)
                         : "memory");
    if (__builtin_expect(!done, 0))
        *seen = __atomic_load_n(word, __ATOMIC_RELAXED);
    return done;
#else
    return __atomic_compare_exchange_n(word, seen, left, false, __ATOMIC_RELEASE,
                                       __ATOMIC_RELAXED);
#endif
}

/* Gives a lock held once and without waiters back; false: nothing has happened. */
static inline bool ksl_unexclusive_fast(volatile uintptr_t *word)
{
    uintptr_t owner = ksl_tls.owner;
    uintptr_t seen = owner | KSL_WORD_BASE;
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) !=
                             ((uintptr_t)word | KSL_SLOT_EXCLUSIVE),
                         0))
        return false;
    if (__builtin_expect(!ksl_word_release(word, &seen, KSL_WORD_BASE), 0) &&
        (seen != (owner | KSL_WORD_BASE | KSL_WORD_SLOTS) ||
         !ksl_word_release(word, &seen, KSL_WORD_BASE | KSL_WORD_SLOTS)))
        return false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    __atomic_store_n(&s->lock, (uintptr_t)0, __ATOMIC_RELAXED);
    if (__builtin_expect(__atomic_load_n(ksl_claims_of(owner), __ATOMIC_RELAXED) != 0, 0))
        ksl_claims_answer(word);
    return true;
}

KSL_END_DECLS

#endif
