/* SPDX-License-Identifier: BSD-2-Clause */
/* What the words of locks tell, in English, for the dump: see diag/view.h. */

#include "diag/view.h"
#include "lock/ksem.h"
#include "lock/mtx.h"
#include "lock/rw.h"
#include "lock/stax.h"

#include <kslock/rwlock.h>

#include <stddef.h>

/* The word is that of lock/rw.h. */
static bool is_rw(enum ksi_kind kind)
{
    switch (kind) {
    case KSI_MUTEX:
    case KSI_SX:
    case KSI_MTX:
    case KSI_RWSEM:
    case KSI_SIMPLE:
    case KSI_COMPLEX:
    case KSI_LOCKL:
    case KSI_DRW:
    case KSI_EVL_MUTEX:
        return true;
    default:
        return false;
    }
}

/* The word, as bits; false if its memory is gone, or there is none. */
static bool read_word(enum ksi_kind kind, const void *key, uint64_t *word)
{
    uint32_t small = 0;
    bool read = false;
    *word = 0;
    switch (kind) {
    case KSI_SPINLOCK:
    case KSI_RWLOCK: /* both begin with it */
        read = ksi_peek(&small, key, sizeof small);
        *word = small;
        break;
    case KSI_MTX_SPIN:
        read = ksi_peek(word, (const char *)key + offsetof(struct ksi_named, word),
                        sizeof(uintptr_t));
        break;
    default:
        if (is_rw(kind) || kind == KSI_KSEM || kind == KSI_STAX)
            read = ksi_peek(word, key, sizeof *word);
    }
    return read;
}

static const ksl_thread *owner_in(enum ksi_kind kind, uint64_t word)
{
    if (kind == KSI_SPINLOCK)
        return ksi_thread_by_id((uint32_t)word);
    if (kind == KSI_MTX_SPIN)
        return ksi_thread_at((uintptr_t)word & ~(uintptr_t)KSI_FLAGS);
    return is_rw(kind) ? ksi_thread_at(ksi_rw_owner((uintptr_t)word)) : NULL;
}

const ksl_thread *ksi_up_view_owner(enum ksi_kind kind, const void *key)
{
    uint64_t word;
    return read_word(kind, key, &word) ? owner_in(kind, word) : NULL;
}

static void say_rw(struct ksi_out *out, uintptr_t w)
{
    static const struct {
        uintptr_t bits;
        const char *text;
    } marks[] = {
        {KSI_WRITERS, ", a writer waits"},
        {KSI_READERS, ", a reader waits"},
        {KSI_COMING, ", a writer is on its way"},
        {KSI_SPIN, ", a writer empties the slots of the readers"},
    };
    uintptr_t shares = ksi_rw_count(w);
    if (shares > 0)
        ksi_out(out, "%u share%s counted", (unsigned)shares, shares == 1 ? "" : "s");
    else if (ksi_rw_owner(w) == 0)
        ksi_out(out, "no owner");
    if (ksi_rw_slots_open(w))
        ksi_out(out, ", others in slots");
    if ((w & KSI_READ) != 0 && (w & KSI_UPGRADING) != 0)
        ksi_out(out, ", a sharer waits for its upgrade");
    for (unsigned i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if ((w & marks[i].bits) != 0)
            ksi_out(out, "%s", marks[i].text);
    }
}

/* The same word, where nobody shares. */
static void say_mutex(struct ksi_out *out, uintptr_t w)
{
    if (ksi_rw_owner(w) == 0)
        ksi_out(out, "free");
    if ((w & KSI_WRITERS) != 0)
        ksi_out(out, ", somebody waits");
}

static void say_stax(struct ksi_out *out, uint64_t gate)
{
    if ((gate & KSI_GATE_GONE) != 0)
        ksi_out(out, "destroyed");
    else if (gate < KSI_GATE_ONE && (gate & KSI_GATE_BIAS) == 0)
        ksi_out(out, "nobody is inside");
    else
        ksi_out(out, "the %s stage is inside, %u counted%s",
                (gate & KSI_GATE_OOB) != 0 ? "out-of-band" : "in-band",
                (unsigned)(gate / KSI_GATE_ONE),
                (gate & KSI_GATE_BIAS) != 0 ? ", others in slots" : "");
    if ((gate & KSI_GATE_WAITERS) != 0)
        ksi_out(out, ", the other stage waits");
}

void ksi_up_view_word(struct ksi_out *out, enum ksi_kind kind, const void *key)
{
    uint64_t word;
    if (!read_word(kind, key, &word))
        return;
    ksi_out(out, "    its word: ");
    const ksl_thread *owner = owner_in(kind, word);
    if (owner != NULL) {
        ksi_out(out, "owned by ");
        ksi_out_thread(out, owner);
    }
    switch (kind) {
    case KSI_SPINLOCK:
    case KSI_MTX_SPIN:
        if (owner == NULL)
            ksi_out(out, "free");
        break;
    case KSI_RWLOCK:
        if (word > KSL_RWLOCK_WRITER) /* see the table in rwlock.c */
            ksi_out(out, "free");
        else if (word > KSL_RWLOCK_MOST)
            ksi_out(out, "a writer has it");
        else
            ksi_out(out, "%u readers", (unsigned)word);
        break;
    case KSI_KSEM:
        ksi_out(out, "value %u%s", (unsigned)ksi_ksem_value(word),
                (word & KSI_KSEM_WAITERS) != 0 ? ", somebody waits" : "");
        break;
    case KSI_STAX:
        say_stax(out, word);
        break;
    case KSI_MUTEX:
        say_mutex(out, (uintptr_t)word);
        break;
    default:
        say_rw(out, (uintptr_t)word);
    }
    ksi_out(out, "\n");
}
