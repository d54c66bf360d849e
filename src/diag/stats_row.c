/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statistics: the blocks of threads and their rows. Memory is mapped, never given back
 * and bounded by ksi_stats_room. Rows stand in chunks that never move, so that reports
 * may read them; the index (a hash table of their numbers) is their thread's alone.
 */

#include "diag/stats_count.h"

#include "platform/host.h"

#include <string.h>
#include <unistd.h>

enum { MIB = 1024 * 1024, ROOM_MIB = 128 };

struct ksi_stats_block *ksi_stats_blocks;
uint32_t ksi_stats_epoch;
uint32_t ksi_stats_life = 1;
int64_t ksi_stats_room = (int64_t)ROOM_MIB * MIB;
uint64_t ksi_stats_unrecorded;

KSI_COLD static void tell_full(void)
{
    static const char line[] =
        "kslock: stats: no room for more counters; locks and call sites that are new to "
        "a thread are not counted but as \"unrecorded\"\n";
    static uint32_t told;
    if (ksi_xchg(&told, 1u) != 0)
        return;
    ssize_t written = write(ksi_diag_fd(), line, sizeof line - 1);
    (void)written; /* nobody listens */
}

void *ksi_stats_pages(size_t bytes)
{
    int64_t size = (int64_t)bytes;
    void *p = NULL;
    if (ksi_load(&ksi_stats_room) >= size) {
        if (ksi_fetch_sub(&ksi_stats_room, size) >= size)
            p = ksi_pages(bytes);
        if (p == NULL)
            ksi_fetch_add(&ksi_stats_room, size);
    }
    if (p == NULL)
        tell_full();
    return p;
}

/* --- rows --------------------------------------------------------------------------- */

static uint32_t chunk_of(uint32_t i)
{
    return 31u - (uint32_t)__builtin_clz(i / KSI_STATS_FIRST + 1);
}

/* Chunk c has FIRST << c rows; FIRST * (2^c - 1) stand before it. */
static uint32_t chunk_begin(uint32_t c)
{
    return (uint32_t)KSI_STATS_FIRST * ((1u << c) - 1);
}

struct ksi_stats_row *ksi_stats_row_at(const struct ksi_stats_block *b, uint32_t i)
{
    uint32_t c = chunk_of(i);
    struct ksi_stats_row *chunk =
        c < KSI_STATS_CHUNKS ? ksi_load_acq(&b->chunk[c]) : NULL;
    return chunk != NULL ? &chunk[i - chunk_begin(c)] : NULL;
}

static uint32_t hash_of(const void *lock, const void *site, uint32_t class)
{
    uint64_t h = (uint64_t)(uintptr_t)lock * 0x9e3779b97f4a7c15u;
    h = (h ^ (uint64_t)(uintptr_t)site ^ (uint64_t) class << 40) * 0xff51afd7ed558ccdu;
    return (uint32_t)(h >> 32);
}

static void index_enter(uint32_t *index, uint32_t room, uint32_t hash, uint32_t number)
{
    uint32_t at = hash & (room - 1);
    while (index[at] != 0)
        at = (at + 1) & (room - 1);
    index[at] = number + 1;
}

/* Room for one more at a load of at most 3/4; the old table is left behind. */
static bool index_grow(struct ksi_stats_block *b)
{
    enum { SMALLEST = 1024 };
    if ((uint64_t)(b->nrows + 1) * 4 <= (uint64_t)b->room * 3)
        return true;
    uint32_t room = b->room != 0 ? b->room * 2 : SMALLEST;
    uint32_t *index = ksi_stats_pages(room * sizeof *index);
    if (index == NULL)
        return false;
    for (uint32_t i = 0; i < b->nrows; i++) {
        const struct ksi_stats_row *row = ksi_stats_row_at(b, i);
        index_enter(index, room, hash_of(row->lock, row->site, row->class), i);
    }
    b->index = index;
    b->room = room;
    return true;
}

static struct ksi_stats_row *row_new(struct ksi_stats_block *b)
{
    uint32_t c = chunk_of(b->nrows);
    if (c >= KSI_STATS_CHUNKS || !index_grow(b))
        return NULL;
    if (ksi_load(&b->chunk[c]) == NULL) {
        struct ksi_stats_row *fresh =
            ksi_stats_pages(((size_t)KSI_STATS_FIRST << c) * sizeof *fresh);
        if (fresh == NULL)
            return NULL;
        ksi_store_rel(&b->chunk[c], fresh);
    }
    return ksi_stats_row_at(b, b->nrows);
}

struct ksi_stats_row *ksi_stats_row_make(struct ksi_stats_block *b, enum ksi_kind kind,
                                         const void *lock, const void *site, bool exists)
{
    uint32_t class = ksi_stats_class_of(kind, lock, exists);
    if (kind == KSI_NO_KIND) {
        if (class == 0)
            return &b->nowhere; /* nothing is known of it */
        kind = (enum ksi_kind)ksi_stats_class_at(class)->kind;
    }
    uint32_t hash = hash_of(lock, site, class);
    for (uint32_t i = 0; i < b->room; i++) {
        uint32_t number = b->index[(hash + i) & (b->room - 1)];
        if (number == 0)
            break;
        struct ksi_stats_row *row = ksi_stats_row_at(b, number - 1);
        if (row->lock == lock && row->site == site && row->class == class &&
            row->kind == (uint32_t)kind)
            return row;
    }
    struct ksi_stats_row *row = row_new(b);
    if (row == NULL)
        return &b->nowhere;
    row->lock = lock;
    row->site = site;
    row->kind = kind;
    row->class = class;
    ksi_stats_sample_begin(row);
    index_enter(b->index, b->room, hash, b->nrows);
    ksi_store_rel(&b->nrows, b->nrows + 1);
    return row;
}

uint64_t *ksi_stats_waits_of(struct ksi_stats_block *b, struct ksi_stats_row *row)
{
    enum { AT_ONCE = 12 };
    uint64_t *waits = ksi_load(&row->waits);
    if (waits != NULL || row == &b->nowhere)
        return waits;
    if (b->spares == 0) {
        b->spare = ksi_stats_pages(AT_ONCE * KSI_STATS_BUCKETS * sizeof *waits);
        if (b->spare == NULL)
            return NULL;
        b->spares = AT_ONCE;
    }
    waits = b->spare;
    b->spare += KSI_STATS_BUCKETS;
    b->spares--;
    ksi_store_rel(&row->waits, waits);
    return waits;
}

/* --- blocks ------------------------------------------------------------------------- */

static void add_up(const struct ksi_stats_block *b, uint64_t sums[KSI_STATS])
{
    for (unsigned k = 0; k < KSI_STATS; k++)
        sums[k] = 0;
    for (uint32_t i = 0; i < b->nrows; i++) {
        const struct ksi_stats_row *row = ksi_stats_row_at(b, i);
        for (unsigned k = 0; k < KSI_STATS; k++)
            sums[k] += ksi_load(&row->c[k]);
    }
}

/* In a child of fork: what the parent has counted is not the child's. */
static void clear(struct ksi_stats_block *b)
{
    for (uint32_t i = 0; i < b->nrows; i++) {
        struct ksi_stats_row *row = ksi_stats_row_at(b, i);
        uint64_t *waits = ksi_load(&row->waits);
        for (unsigned k = 0; k < KSI_STATS; k++)
            ksi_store(&row->c[k], (uint64_t)0);
        for (unsigned k = 0; waits != NULL && k < KSI_STATS_BUCKETS; k++)
            ksi_store(&waits[k], (uint64_t)0);
    }
    memset(b->irq, 0, sizeof b->irq);
    ksi_store(&b->unrecorded, (uint64_t)0);
    b->put_off = 0;
}

/* The thread before has ended with all that it was doing. */
static void forget(struct ksi_stats_block *b)
{
    b->asleep = NULL;
    b->put_off = 0;
    for (unsigned i = 0; i <= KSL_IRQ_LEVELS; i++) {
        ksi_store(&b->attempt[i].waiting, (const struct ksi_stats_row *)NULL);
        b->attempt[i].lock = NULL;
        b->attempt[i].contended = false;
    }
    for (unsigned i = 0; i < KSI_STATS_HELD; i++)
        ksi_store(&b->held[i].what, (uintptr_t)0);
    ksi_store(&b->nheld, 0u);
}

/* The first holds of each thread are all timed. */
static void begin_sampling(struct ksi_stats_block *b, const ksl_thread *t)
{
    for (uint32_t i = 0; i < b->nrows; i++)
        ksi_stats_sample_begin(ksi_stats_row_at(b, i));
    ksi_stats_sample_begin(&b->nowhere);
    b->random = (uint32_t)ksi_load(&t->tid) * 0x9e3779b1u | 1;
}

/* The block serves another thread now, or the same one in a child of fork. */
static void renew(struct ksi_stats_block *b, const ksl_thread *t, uint32_t life)
{
    uint64_t sums[KSI_STATS];
    struct ksi_stats_line line;
    bool forked = ksi_load(&b->life) != life;
    if (forked) {
        clear(b);
    } else if (ksi_load(&b->tid) != 0) { /* it ended without a word */
        ksi_stats_line_of(&line, b);
        line.name[0] = '\0'; /* the new one's */
        line.alive = false;
        ksi_stats_past_add(&line);
    }
    if (!forked)
        forget(b);
    begin_sampling(b, t);
    add_up(b, sums);
    for (unsigned k = 0; k < KSI_STATS; k++) {
        ksi_store(&b->base[k], sums[k]);
        ksi_store(&b->most[k], (uint64_t)0);
    }
    for (unsigned k = 0; k < KSI_STATS_IRQ; k++)
        ksi_store(&b->own[k], (uint64_t)0);
    ksi_store_rel(&b->life, life);
    ksi_store_rel(&b->tid, ksi_load(&t->tid));
}

struct ksi_stats_block *ksi_stats_block_of(ksl_thread *t)
{
    struct ksi_stats_block *b = t->stats;
    uint32_t life = ksi_load(&ksi_stats_life);
    if (b != NULL) {
        renew(b, t, life);
        return b;
    }
    b = ksi_stats_pages(sizeof *b);
    if (b == NULL)
        return NULL;
    b->thread = t;
    b->epoch = ksi_load(&ksi_stats_epoch);
    b->life = life;
    begin_sampling(b, t);
    ksi_store(&b->tid, ksi_load(&t->tid));
    t->stats = b;
    b->next = ksi_load(&ksi_stats_blocks);
    while (!ksi_cas(&ksi_stats_blocks, &b->next, b)) {
    }
    return b;
}
