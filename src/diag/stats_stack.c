/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics: the stacks that threads slept with. Taken when a thread is about to sleep
 * for a lock, which costs it some microseconds that it would wait anyway.
 */

#include "diag/stats.h"

#include "platform/host.h"

#include <elf.h>
#include <execinfo.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>

enum { TABLE = 2 * KSI_STATS_STACKS };

static struct ksi_stats_stack *stacks; /* the last one is for what has no room */
static uint16_t *table;                /* under the lock: 1 + number */
static uint32_t used;                  /* atomic */
static struct ksi_rawlock stack_lock;

/*
 * The code of the library, if it is a file of its own: frames there say nothing. Linked
 * statically it is part of the program, whose header is what the kernel tells.
 */
extern const char ksi_file_begin[] __asm__("__ehdr_start")
    __attribute__((visibility("hidden")));
extern const char ksi_code_end[] __asm__("etext") __attribute__((visibility("hidden")));
static uintptr_t code_begin;
static uintptr_t code_end;

static void find_code(void)
{
    const ElfW(Ehdr) *header = (const void *)ksi_file_begin;
    uintptr_t begin = (uintptr_t)header;
    if (begin + header->e_phoff == getauxval(AT_PHDR))
        return;
    code_begin = begin;
    code_end = (uintptr_t)ksi_code_end;
}

static bool is_ours(const void *frame)
{
    return (uintptr_t)frame >= code_begin && (uintptr_t)frame < code_end;
}

bool ksi_stats_stacks_make(void)
{
    find_code();
    void *frame[1];
    (void)backtrace(frame, 1); /* the first one loads a library */
    if (stacks == NULL)
        stacks = ksi_pages((KSI_STATS_STACKS + 1) * sizeof *stacks);
    if (table == NULL)
        table = ksi_pages(TABLE * sizeof *table);
    return stacks != NULL && table != NULL;
}

static uint64_t hash_of(void *const *frame, uint32_t frames, uint32_t class)
{
    uint64_t h = class;
    for (uint32_t i = 0; i < frames; i++)
        h = (h ^ (uint64_t)(uintptr_t)frame[i]) * 0x9e3779b97f4a7c15u;
    return h >> 32;
}

/* Under the lock. */
static uint32_t enter(void *const *frame, uint32_t frames, uint32_t class)
{
    uint64_t at = hash_of(frame, frames, class) % TABLE;
    for (; table[at] != 0; at = (at + 1) % TABLE) {
        const struct ksi_stats_stack *s = &stacks[table[at] - 1];
        if (s->class == class && s->frames == frames &&
            memcmp(s->frame, frame, frames * sizeof *frame) == 0)
            return table[at];
    }
    uint32_t n = ksi_load(&used);
    if (n == KSI_STATS_STACKS)
        return KSI_STATS_STACKS + 1;
    struct ksi_stats_stack *s = &stacks[n];
    memcpy(s->frame, frame, frames * sizeof *frame);
    s->frames = frames;
    s->class = class;
    table[at] = (uint16_t)(n + 1);
    ksi_store_rel(&used, n + 1);
    return n + 1;
}

uint32_t ksi_stats_stack_here(uint32_t class, const void *site)
{
    enum { OURS = 8 }; /* most frames of the library that are left out */
    void *frame[KSI_STATS_FRAMES + OURS];
    int n = backtrace(frame, KSI_STATS_FRAMES + OURS);
    int from = 1;
    for (int i = 1; i < n && i <= OURS; i++) {
        if (frame[i] == site)
            from = i; /* it is known where the library was called */
        else if (from == i && is_ours(frame[i]))
            from = i + 1;
    }
    uint32_t frames = n > from ? (uint32_t)(n - from) : 0;
    if (frames > KSI_STATS_FRAMES)
        frames = KSI_STATS_FRAMES;
    ksi_raw_lock(&stack_lock);
    uint32_t number = enter(frame + from, frames, class);
    ksi_raw_unlock(&stack_lock);
    return number;
}

void ksi_stats_stack_waited(uint32_t stack, uint64_t ticks)
{
    struct ksi_stats_stack *s = &stacks[stack - 1];
    uint64_t most = ksi_load(&s->most);
    ksi_fetch_add(&s->total, ticks);
    ksi_fetch_add(&s->waits, (uint64_t)1);
    while (ticks > most && !ksi_cas(&s->most, &most, ticks))
        ;
}

uint32_t ksi_stats_stack_count(void)
{
    return ksi_load_acq(&used) + 1;
}

const struct ksi_stats_stack *ksi_stats_stack_at(uint32_t i)
{
    return i < ksi_load_acq(&used) ? &stacks[i] : &stacks[KSI_STATS_STACKS];
}

void ksi_stats_stacks_before_fork(void)
{
    ksi_raw_lock(&stack_lock);
}

/* Open attempts of the parent's name stacks by number; those stay, with nothing waited.
 */
void ksi_stats_stacks_after_fork(bool child)
{
    if (!child) {
        ksi_raw_unlock(&stack_lock);
        return;
    }
    for (uint32_t i = 0; stacks != NULL && i <= KSI_STATS_STACKS; i++) {
        if (i >= used && i < KSI_STATS_STACKS)
            i = KSI_STATS_STACKS;
        stacks[i].waits = 0;
        stacks[i].total = 0;
        stacks[i].most = 0;
    }
    ksi_raw_reset(&stack_lock);
}
