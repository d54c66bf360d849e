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

/* A debugger shows the caller's line for what is inlined; gcc can only mark it. */
#if defined(__clang__)
#define KSL_UNSEEN nodebug
#else
#define KSL_UNSEEN artificial
#endif

/* What inlined calls are made of; never called itself. */
#define KSL_PART extern __inline__ __attribute__((gnu_inline, always_inline, KSL_UNSEEN))

/*
 * Calls that are inlined although they are functions. Their definitions in the headers
 * are for the optimiser alone (gnu_inline): the name is still that of the exported
 * function, can be declared again, and has one address. What is inlined reaches the
 * exported function by a second declaration, NAME_called, with KSL_CALLED(NAME).
 * KSL_NO_INLINE: none of this.
 */
#if defined(__GNUC__) && !defined(KSL_NO_INLINE) && defined(__LP64__) &&                 \
    (defined(__x86_64__) || defined(__aarch64__))
#define KSL_INLINES 1
#define KSL_INLINE extern __inline__ __attribute__((gnu_inline, KSL_UNSEEN))

/*
 * The symbol of NAME_called. For LLVM the two are two functions then; else it would see a
 * call of itself, and inline nothing.
 */
#if defined(__clang__)
#define KSL_CALLED(name) __asm__("\001" #name)
#else
#define KSL_CALLED(name) __asm__(#name)
#endif

/* An address in the function that it is inlined into, written as places in slots are. */
KSL_PART const void *ksl_here(void)
{
    uintptr_t at;
#if defined(__x86_64__)
    __asm__ volatile("leaq 0f(%%rip), %0\n0:" : "=r"(at));
#else
    __asm__ volatile("adr %0, 0f\n0:" : "=r"(at));
#endif
    return KSL_RECAST(const void *, at ^ KSL_CAST(uintptr_t, 1) << 63); // NOLINT
}
#endif

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

/* Whose word a slot names, in the top bits of the address; see src/diag/slots.h. */
#define KSL_FAMILY(n) (KSL_CAST(uintptr_t, n) << (sizeof(uintptr_t) * 8 - 4))

/*
 * An entry of the record of holds, see src/diag/held.h. Written by its thread, read by
 * others for messages, so every field is atomic.
 */
struct ksl_hold {
    const void *lock;
    const void *site; /* where it was taken */
    uint32_t what;    /* kind, mode and interrupt level before, one byte each */
};

enum { KSL_HOLDS = 16, KSL_MASK_ALL = 11 };

/* How a thread's descriptor begins. */
struct ksl_front {
    uint32_t claims; /* atomic: who must not release without a look at the waiters */
    uint32_t stage;  /* KSL_GATE_OOB or 0, but of a handler */
    struct ksl_slot slots[KSL_SLOTS];
    /* The next are changed by the thread itself and by handlers that interrupt it. */
    uint32_t level;   /* interrupt level; others read it as a hint */
    uint32_t id;      /* index + 1; constant */
    uint32_t nholds;  /* atomic: entries of the record of holds, which begins here */
    uint32_t preempt; /* preemption counter */
    uint32_t stalled; /* in-band stage stalled; others read it as a hint */
    struct ksl_hold holds[KSL_HOLDS];
    /* Written by other threads. */
    uint32_t attention __attribute__((aligned(64))); /* atomic: look before going on */
};

struct ksl_tls {
    /* atomic: descriptor; 0: unknown, in a handler, watched, many reads of rwsems */
    uintptr_t owner;
    void *self;
    uint64_t early_signals;
    uint32_t leaving;
    uint32_t releasing; /* between look and store of ksl_disown_as, handled */
};

extern KSL_API __thread struct ksl_tls ksl_tls __attribute__((tls_model("initial-exec")));

/* The owner word of the caller; 0: a fast path does nothing. Diagnostics may clear it. */
KSL_PART uintptr_t ksl_owner_word(void)
{
    return __atomic_load_n(&ksl_tls.owner, __ATOMIC_RELAXED);
}

enum { KSL_WORD_SLOTS = 16, KSL_WORD_BIAS = 32, KSL_WORD_BASE = 256 };

/*
 * A share is shown in the slot, and there is no bias: true if it is granted with a
 * barrier; else the slot is empty again.
 */
KSL_API bool ksl_share_fenced(const volatile uintptr_t *word);
/* The caller has given the lock with this word back, and somebody claims to hear of it.
 */
KSL_API void ksl_claims_answer(const volatile uintptr_t *word);
/* It has not; but an interrupt may have been put off. */
KSL_API void ksl_put_off_answer(void);

/* The only slot of that thread in which a fast path puts this word. */
KSL_PART struct ksl_slot *ksl_slot_of(uintptr_t owner, const volatile uintptr_t *word)
{
    uintptr_t a = KSL_RECAST(uintptr_t, word);
    uintptr_t slots = owner + __builtin_offsetof(struct ksl_front, slots);
    return KSL_RECAST(struct ksl_slot *,
                      slots + (((a >> 1) ^ (a >> 6)) & (KSL_SLOTS - 1) << 4));
}

KSL_PART uint32_t *ksl_claims_of(uintptr_t owner)
{
    return KSL_RECAST(uint32_t *, owner + __builtin_offsetof(struct ksl_front, claims));
}

/* Takes a share in a slot; tag: KSL_FAMILY or 0. False: nothing has happened. */
KSL_PART bool ksl_show_fast(const volatile uintptr_t *word, uintptr_t tag,
                            const void *place)
{
    uintptr_t owner = ksl_owner_word();
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) != 0, 0))
        return false;
    __atomic_store_n(&s->place, place, __ATOMIC_RELAXED);
    __atomic_store_n(&s->lock, KSL_RECAST(uintptr_t, word) + tag, __ATOMIC_RELEASE);
    /* A writer that takes the bias off orders this load after the store (membarrier). */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect((__atomic_load_n(word, __ATOMIC_ACQUIRE) & KSL_WORD_BIAS) != 0,
                         1))
        return true;
    return ksl_share_fenced(word);
}

KSL_PART bool ksl_share_fast(const volatile uintptr_t *word, const void *place)
{
    return ksl_show_fast(word, 0, place);
}

/* Gives a share back; false: nothing has happened. */
KSL_PART bool ksl_hide_fast(const volatile uintptr_t *word, uintptr_t tag)
{
    uintptr_t owner = ksl_owner_word();
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) !=
                             KSL_RECAST(uintptr_t, word) + tag,
                         0))
        return false;
    __atomic_store_n(&s->lock, KSL_CAST(uintptr_t, 0), __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(ksl_claims_of(owner), __ATOMIC_RELAXED) != 0, 0))
        ksl_claims_answer(word);
    return true;
}

KSL_PART bool ksl_unshare_fast(const volatile uintptr_t *word)
{
    return ksl_hide_fast(word, 0);
}

/*
 * Takes a free lock without reader slots alone; false: nothing has happened. A
 * handler goes by the word; so that it finds the slot filled whenever the word
 * says that its thread is the owner, the slot is first in and last out.
 * base: the free word; tag: KSL_FAMILY or 0.
 */
KSL_PART bool ksl_own_fast(volatile uintptr_t *word, uintptr_t base, uintptr_t tag,
                           const void *place)
{
    uintptr_t owner = ksl_owner_word();
    uintptr_t seen = base;
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) != 0, 0))
        return false;
    __atomic_store_n(&s->place, place, __ATOMIC_RELAXED);
    __atomic_store_n(&s->lock, KSL_RECAST(uintptr_t, word) + KSL_SLOT_EXCLUSIVE + tag,
                     __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_compare_exchange_n(word, &seen, owner + base, false,
                                                     __ATOMIC_ACQUIRE, __ATOMIC_RELAXED),
                         1))
        return true;
    __atomic_store_n(&s->lock, KSL_CAST(uintptr_t, 0), __ATOMIC_RELAXED);
    return false;
}

KSL_PART bool ksl_exclusive_fast(volatile uintptr_t *word, const void *place)
{
    return ksl_own_fast(word, KSL_WORD_BASE, 0, place);
}

/*
 * Stores the word that an owner leaves behind, if it is the free one: true. Not what has
 * been loaded, which the next acquire would have to wait for; so the compiler must not
 * know that the two are equal.
 */
KSL_PART bool ksl_leave_word(volatile uintptr_t *word, uintptr_t left, uintptr_t base)
{
    uintptr_t unheld = base;
    __asm__ volatile("" : "+r"(unheld));
    if (__builtin_expect(left == base, 1))
        __atomic_store_n(word, unheld, __ATOMIC_RELEASE);
    else if (left == base + KSL_WORD_SLOTS)
        __atomic_store_n(word, left, __ATOMIC_RELEASE);
    else
        return false;
    return true;
}

/*
 * Gives a lock held once and without waiters back; false: nothing has happened. What
 * other threads change between the look at the word and the store are marks, which may be
 * overwritten: claims stand behind them, too.
 *
 * handled: a handler may do something to the lock for this thread. So that it does not
 * come between the look and the store, the dispatcher puts it off while `releasing` is
 * set, and leaves a claim.
 */
KSL_PART bool ksl_disown_as(volatile uintptr_t *word, uintptr_t base, uintptr_t tag,
                            bool handled)
{
    uintptr_t owner = ksl_owner_word();
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, word);
    if (__builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) !=
                             KSL_RECAST(uintptr_t, word) + KSL_SLOT_EXCLUSIVE + tag,
                         0))
        return false;
    if (handled)
        __atomic_store_n(&ksl_tls.releasing, 1u, __ATOMIC_RELAXED);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    uintptr_t left = __atomic_load_n(word, __ATOMIC_RELAXED) ^ owner;
    bool plain = ksl_leave_word(word, left, base);
    if (__builtin_expect(plain, 1)) {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        __atomic_store_n(&s->lock, KSL_CAST(uintptr_t, 0), __ATOMIC_RELAXED);
    }
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (handled) {
        __atomic_store_n(&ksl_tls.releasing, 0u, __ATOMIC_RELAXED);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    } else if (!plain) {
        return false;
    }
    if (__builtin_expect(__atomic_load_n(ksl_claims_of(owner), __ATOMIC_RELAXED) != 0,
                         0)) {
        if (plain)
            ksl_claims_answer(word);
        else
            ksl_put_off_answer();
    }
    return plain;
}

KSL_PART bool ksl_disown_fast(volatile uintptr_t *word, uintptr_t base, uintptr_t tag)
{
    return ksl_disown_as(word, base, tag, true);
}

KSL_PART bool ksl_unexclusive_fast(volatile uintptr_t *word)
{
    return ksl_disown_fast(word, KSL_WORD_BASE, 0);
}

/* The gate of a stage exclusion lock, see src/lock/stax.c; the number is its family. */
enum { KSL_GATE_BIAS = 1, KSL_GATE_OOB = 4, KSL_GATE_FAMILY = 7 };

/*
 * The thread shows that it is inside, but the gate has no bias of its stage: the slot is
 * empty again; true if it is inside nevertheless, because the entry has been counted.
 */
KSL_API bool ksl_gate_shown(const volatile uintptr_t *gate);

KSL_PART uintptr_t ksl_gate_stage(uintptr_t owner)
{
    uintptr_t at = owner + __builtin_offsetof(struct ksl_front, stage);
    return __atomic_load_n(KSL_RECAST(const uint32_t *, at), __ATOMIC_RELAXED);
}

/* What a slot shows of a thread of that stage (KSL_GATE_OOB or 0) inside. */
KSL_PART uintptr_t ksl_gate_entry(const volatile uintptr_t *gate, uintptr_t stage)
{
    return KSL_RECAST(uintptr_t, gate) + stage + KSL_FAMILY(KSL_GATE_FAMILY);
}

KSL_PART bool ksl_gate_biased(const volatile uintptr_t *gate, uintptr_t stage)
{
    uintptr_t seen = __atomic_load_n(gate, __ATOMIC_ACQUIRE);
    return ((seen ^ stage) & (KSL_GATE_BIAS | KSL_GATE_OOB)) == KSL_GATE_BIAS;
}

/* Enters by a slot; false: nothing has happened. */
KSL_PART bool ksl_gate_enter_fast(const volatile uintptr_t *gate)
{
    uintptr_t owner = ksl_owner_word();
    if (__builtin_expect(owner == 0, 0))
        return false;
    uintptr_t stage = ksl_gate_stage(owner);
    struct ksl_slot *s = ksl_slot_of(owner, gate);
    if (__builtin_expect(!ksl_gate_biased(gate, stage), 0) ||
        __builtin_expect(__atomic_load_n(&s->lock, __ATOMIC_RELAXED) != 0, 0))
        return false;
    __atomic_store_n(&s->lock, ksl_gate_entry(gate, stage), __ATOMIC_RELEASE);
    /* Who takes the bias off orders this load after the store (membarrier). */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(ksl_gate_biased(gate, stage), 1))
        return true;
    return ksl_gate_shown(gate);
}

/* Leaves, if that thread has entered by its slot; false: nothing has happened. */
KSL_PART bool ksl_gate_leave_of(uintptr_t owner, const volatile uintptr_t *gate)
{
    if (__builtin_expect(owner == 0, 0))
        return false;
    struct ksl_slot *s = ksl_slot_of(owner, gate);
    uintptr_t shown = __atomic_load_n(&s->lock, __ATOMIC_RELAXED);
    /* A slot shows no stage but that of its thread. */
    if (__builtin_expect(
            (shown & ~KSL_CAST(uintptr_t, KSL_GATE_OOB)) != ksl_gate_entry(gate, 0), 0))
        return false;
    __atomic_store_n(&s->lock, KSL_CAST(uintptr_t, 0), __ATOMIC_RELEASE);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (__builtin_expect(__atomic_load_n(ksl_claims_of(owner), __ATOMIC_RELAXED) != 0, 0))
        ksl_claims_answer(gate);
    return true;
}

KSL_PART bool ksl_gate_leave_fast(const volatile uintptr_t *gate)
{
    return ksl_gate_leave_of(ksl_owner_word(), gate);
}

KSL_END_DECLS

#endif
