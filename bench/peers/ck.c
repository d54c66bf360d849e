/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Concurrency Kit. Its locks spin without an end: with more threads than processors
 * those that serve in order of arrival give a whole time slice away per hand-over.
 */
#include "bench.h"

#include <ck_brlock.h>
#include <ck_bytelock.h>
#include <ck_pflock.h>
#include <ck_rwlock.h>
#include <ck_spinlock.h>

#include <pthread.h>
#include <stdlib.h>

/* Each on lines of its own. */
static struct {
    ck_spinlock_fas_t fas __attribute__((aligned(128)));
    ck_spinlock_cas_t cas __attribute__((aligned(128)));
    ck_spinlock_ticket_t ticket __attribute__((aligned(128)));
    ck_spinlock_mcs_t mcs __attribute__((aligned(128)));
    ck_rwlock_t rw __attribute__((aligned(128)));
    ck_rwlock_t rw_mix __attribute__((aligned(128)));
    ck_pflock_t pf __attribute__((aligned(128)));
    ck_pflock_t pf_mix __attribute__((aligned(128)));
    ck_bytelock_t bytes __attribute__((aligned(128)));
    ck_bytelock_t bytes_mix __attribute__((aligned(128)));
    ck_brlock_t br __attribute__((aligned(128)));
    ck_brlock_t br_mix __attribute__((aligned(128)));
} locks = {
    .fas = CK_SPINLOCK_FAS_INITIALIZER,
    .cas = CK_SPINLOCK_CAS_INITIALIZER,
    .ticket = CK_SPINLOCK_TICKET_INITIALIZER,
    .mcs = CK_SPINLOCK_MCS_INITIALIZER,
    .rw = CK_RWLOCK_INITIALIZER,
    .rw_mix = CK_RWLOCK_INITIALIZER,
    .pf = CK_PFLOCK_INITIALIZER,
    .pf_mix = CK_PFLOCK_INITIALIZER,
    .bytes = CK_BYTELOCK_INITIALIZER,
    .bytes_mix = CK_BYTELOCK_INITIALIZER,
    .br = CK_BRLOCK_INITIALIZER,
    .br_mix = CK_BRLOCK_INITIALIZER,
};

/* --- what a thread must bring along ---------------------------------------------------
 */

/* A reader of the brlocks, and a slot of the bytelocks. */
struct member {
    ck_brlock_reader_t br __attribute__((aligned(128)));
    ck_brlock_reader_t br_mix __attribute__((aligned(128)));
    unsigned slot;   /* from 1; CK_BYTELOCK_UNSLOTTED: a counted reader */
    unsigned number; /* as a writer: the slot, or any beyond the slots */
    bool there;
};

enum { SLOTS = sizeof locks.bytes.readers };

static __thread struct member self;
static pthread_key_t leaving;
static uint64_t taken; /* atomic; bit n: slot n + 1 is in use */
static unsigned late;  /* atomic; threads that found no slot */

static unsigned take_slot(void)
{
    uint64_t seen = __atomic_load_n(&taken, __ATOMIC_RELAXED);
    for (;;) {
        unsigned n = ~seen == 0 ? SLOTS : (unsigned)__builtin_ctzll(~seen);
        if (n >= SLOTS)
            return CK_BYTELOCK_UNSLOTTED;
        if (__atomic_compare_exchange_n(&taken, &seen, seen | UINT64_C(1) << n, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            return n + 1;
    }
}

static void leave(void *member)
{
    struct member *m = member;
    ck_brlock_read_unregister(&locks.br, &m->br);
    ck_brlock_read_unregister(&locks.br_mix, &m->br_mix);
    if (m->slot <= SLOTS)
        __atomic_fetch_and(&taken, ~(UINT64_C(1) << (m->slot - 1)), __ATOMIC_ACQ_REL);
}

__attribute__((constructor)) static void prepare(void)
{
    if (pthread_key_create(&leaving, leave) != 0)
        abort();
}

/* Before a loop, so that the loop does not pay for it. */
static void join_in(void)
{
    if (!self.there) {
        self.there = true;
        self.slot = take_slot();
        self.number = self.slot;
        if (self.slot > SLOTS)
            self.number = __atomic_add_fetch(&late, 1u, __ATOMIC_RELAXED) + SLOTS;
        ck_brlock_read_register(&locks.br, &self.br);
        ck_brlock_read_register(&locks.br_mix, &self.br_mix);
        if (pthread_setspecific(leaving, &self) != 0)
            abort();
    }
}

/* --- spinlocks ------------------------------------------------------------------------
 */

static __thread ck_spinlock_mcs_context_t mcs_place;

ADAPTER(fas, ck_spinlock_fas_lock(&locks.fas), ck_spinlock_fas_unlock(&locks.fas))
ADAPTER(cas, ck_spinlock_cas_lock(&locks.cas), ck_spinlock_cas_unlock(&locks.cas))
ADAPTER(ticket, ck_spinlock_ticket_lock(&locks.ticket),
        ck_spinlock_ticket_unlock(&locks.ticket))
ADAPTER(mcs, ck_spinlock_mcs_lock(&locks.mcs, &mcs_place),
        ck_spinlock_mcs_unlock(&locks.mcs, &mcs_place))

/* --- readers and writers --------------------------------------------------------------
 */

ADAPTER(rw_read, ck_rwlock_read_lock(&locks.rw), ck_rwlock_read_unlock(&locks.rw))
ADAPTER(rw_write, ck_rwlock_write_lock(&locks.rw), ck_rwlock_write_unlock(&locks.rw))
MIX(rw, ck_rwlock_read_lock(&locks.rw_mix), ck_rwlock_read_unlock(&locks.rw_mix),
    ck_rwlock_write_lock(&locks.rw_mix), ck_rwlock_write_unlock(&locks.rw_mix))

ADAPTER(pf_read, ck_pflock_read_lock(&locks.pf), ck_pflock_read_unlock(&locks.pf))
ADAPTER(pf_write, ck_pflock_write_lock(&locks.pf), ck_pflock_write_unlock(&locks.pf))
MIX(pf, ck_pflock_read_lock(&locks.pf_mix), ck_pflock_read_unlock(&locks.pf_mix),
    ck_pflock_write_lock(&locks.pf_mix), ck_pflock_write_unlock(&locks.pf_mix))

/* The loops of a lock to which a thread must bring something along. */
#define JOINED(name_)                                                                    \
    static void name_##_joined_pairs(size_t n_)                                          \
    {                                                                                    \
        join_in();                                                                       \
        name_##_pairs(n_);                                                               \
    }                                                                                    \
    static void name_##_joined_contend(size_t n_, unsigned inside_, unsigned outside_)   \
    {                                                                                    \
        join_in();                                                                       \
        name_##_contend(n_, inside_, outside_);                                          \
    }                                                                                    \
    static void name_##_joined_load(struct mixer *m_)                                    \
    {                                                                                    \
        join_in();                                                                       \
        name_##_load(m_);                                                                \
    }

ADAPTER(bytes_read, ck_bytelock_read_lock(&locks.bytes, self.slot),
        ck_bytelock_read_unlock(&locks.bytes, self.slot))
ADAPTER(bytes_write, ck_bytelock_write_lock(&locks.bytes, self.number),
        ck_bytelock_write_unlock(&locks.bytes))
MIX(bytes_raw, ck_bytelock_read_lock(&locks.bytes_mix, self.slot),
    ck_bytelock_read_unlock(&locks.bytes_mix, self.slot),
    ck_bytelock_write_lock(&locks.bytes_mix, self.number),
    ck_bytelock_write_unlock(&locks.bytes_mix))
JOINED(bytes_read)
JOINED(bytes_write)

ADAPTER(br_read, ck_brlock_read_lock(&locks.br, &self.br),
        ck_brlock_read_unlock(&self.br))
ADAPTER(br_write, ck_brlock_write_lock(&locks.br), ck_brlock_write_unlock(&locks.br))
MIX(br_raw, ck_brlock_read_lock(&locks.br_mix, &self.br_mix),
    ck_brlock_read_unlock(&self.br_mix), ck_brlock_write_lock(&locks.br_mix),
    ck_brlock_write_unlock(&locks.br_mix))
JOINED(br_read)
JOINED(br_write)

static void bytes_mix(struct mixer *m)
{
    join_in();
    bytes_raw_mix(m);
}

static void br_mix(struct mixer *m)
{
    join_in();
    br_raw_mix(m);
}

const struct adapter ck_adapters[] = {
    {"ck_spinlock_fas", "pthread_spin", BOTH(fas)},
    {"ck_spinlock_cas", "pthread_spin", BOTH(cas)},
    {"ck_spinlock_ticket", "pthread_spin", BOTH(ticket)},
    {"ck_spinlock_mcs", "pthread_spin", BOTH(mcs)},
    {"ck_rwlock read", "pthread_rwlock read", BOTH(rw_read), .shared = true,
     .spins = true},
    {"ck_rwlock write", "pthread_rwlock write", BOTH(rw_write), .spins = true},
    {"ck_rwlock", "pthread_rwlock", .mix = rw_mix, .spins = true},
    {"ck_pflock read", "pthread_rwlock read", BOTH(pf_read), .shared = true,
     .spins = true},
    {"ck_pflock write", "pthread_rwlock write", BOTH(pf_write), .spins = true},
    {"ck_pflock", "pthread_rwlock", .mix = pf_mix, .spins = true},
    {"ck_bytelock read", "pthread_rwlock read", BOTH(bytes_read_joined), .shared = true,
     .spins = true},
    {"ck_bytelock write", "pthread_rwlock write", BOTH(bytes_write_joined),
     .spins = true},
    {"ck_bytelock", "pthread_rwlock", .mix = bytes_mix, .spins = true},
    {"ck_brlock read", "pthread_rwlock read", BOTH(br_read_joined), .shared = true,
     .spins = true},
    {"ck_brlock write", "pthread_rwlock write", BOTH(br_write_joined), .spins = true},
    {"ck_brlock", "pthread_rwlock", .mix = br_mix, .spins = true},
};
const size_t ck_adapter_count = sizeof ck_adapters / sizeof ck_adapters[0];
