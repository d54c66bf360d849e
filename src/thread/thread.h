/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_THREAD_THREAD_H
#define KSI_THREAD_THREAD_H

#include "platform/atomic.h"
#include "platform/compiler.h"
#include "platform/park.h"
#include "platform/rawlock.h"

#include <kslock/inline.h>
#include <kslock/irq.h>
#include <kslock/thread.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The descriptor of a thread. Descriptors live in type-stable memory: a stale
 * pointer always points to some descriptor, alive or not.
 */

enum {
    KSI_MASK_ALL = KSL_MASK_ALL,
    KSI_NAME_MAX = 32,
    KSI_HOLDS_INLINE = KSL_HOLDS,
    KSI_HOLDS_CHUNKS = 20, /* beyond the inline part, each twice the one before */
    KSI_FAR_INLINE = 16,
    KSI_FAR_CHUNKS = 24, /* likewise */
    KSI_FAR_MARKS = 512,
    KSI_THREAD_ALIGN = 512 /* lock words keep flags below it */
};

/* In front.claims: the host has no heavy barrier, so every release looks twice. */
#define KSI_CLAIM_ALWAYS 0x80000000u

enum ksi_thread_state {
    KSI_THREAD_FREE,
    KSI_THREAD_ALIVE,
    KSI_THREAD_DEAD /* has exited; kept for ever if a lock may still name it */
};

/* How a wait ended. Exactly one thread decides, see wait/lot.h. */
enum ksi_outcome {
    KSI_WAITING,
    KSI_WOKEN,
    KSI_TIMED_OUT,
    KSI_SIGNALLED,
    KSI_UNBLOCKED,
    KSI_DESTROYED
};

struct ksi_bucket;

/* The waiters of one key. Donated by waiters, see wait/lot.c. */
struct ksi_queue {
    const void *address;
    unsigned kind;
    struct ksi_waiter *first;
    struct ksi_waiter *last;
    struct ksi_queue *next;   /* in the bucket, or in a list of spares */
    struct ksi_queue *spares; /* one for each waiter beyond the first */
};

/* Fields without a note are protected by the lock of the bucket. */
struct ksi_waiter {
    struct ksi_waiter *next;
    struct ksi_waiter *prev;
    struct ksi_queue *queue;   /* NULL: on no queue */
    struct ksi_bucket *bucket; /* atomic; stale once off the queue */
    const void *address;       /* atomic: of the queue that it was last in; its own
                                  thread's, like the next two */
    uint32_t queued;           /* atomic: enum ksi_queue_kind of that queue */
    uint32_t lock_kind;        /* atomic: of a lock whose queues do not tell, else 0 */
    ksl_thread *thread;        /* constant */
    struct ksi_queue *donation;
    uint32_t *counter;   /* waiters of the object, NULL if it keeps none */
    ksl_thread *claimed; /* whose release must look for this waiter, see lot.h */
    const volatile uintptr_t *word; /* that names the owner, if it would lend to it */
    ksl_thread *lends_to;           /* see wait/lend.h, with its lock too */
    struct ksi_waiter *next_lender; /* lock of wait/lend.c */
    struct ksi_waiter *prev_lender; /* likewise */
    uint32_t outcome;               /* atomic; leaves KSI_WAITING after unlinking */
    uint32_t decided;               /* atomic: the outcome to come; bucket lock */
    int waker_cpu;                  /* atomic: set before that; -1: unknown */
    uint64_t woken_by;              /* atomic: likewise; see diag/events.h */
    int prio;                       /* of a priority-ordered queue */
    unsigned order;                 /* enum ksi_order of its queue */
    bool interruptible;             /* may be ended by signal and unblock ... */
    bool signals_only;              /* ... but not by unblock */
    bool chosen;                    /* the lock's word says that it is on its way */
    struct ksi_queue own;           /* the first donation */
};

/* See wait/spin.c. */
struct ksi_event_spin {
    uint16_t limit;
    uint16_t in_vain;
    uint16_t apart;
    uint16_t waits;
    bool beside; /* its last waker ran on the caller's own processor */
};

/* What diag/order_rules.c keeps while it is on: a lock, and a level or a place. */
struct ksi_watched {
    const void *lock;
    const void *site;
    uint32_t level;
};
enum { KSI_WATCHED = 16 };

/* Two locks of which nothing new can be learned, see diag/order.c. */
struct ksi_pair {
    const void *held;
    const void *wanted;
    uint32_t kinds;
    uint32_t epoch; /* while it is that one */
};
enum { KSI_PAIRS = 32 };

/* The class of a lock that was looked up lately, see diag/order_quiet.c. */
struct ksi_classed {
    const void *key; /* of the node, see diag/order.h */
    uint32_t epoch;  /* while it is that one */
    uint32_t kind;
    uint32_t class;
    uint32_t openness; /* with which it has been held; 0: with none that is known */
};
enum { KSI_CLASSED = 16 };

enum { KSI_WAITER_LOCK, KSI_WAITER_BLOCK, KSI_WAITERS };
enum { KSI_CHANGED = 4 };

struct ksl_thread {
    struct ksl_front front; /* what inlined fast paths use, see diag/slots.h */

    /* Changed by the thread itself and by handlers that interrupt it. */
    uint32_t stage;    /* ksl_stage; others read it as a hint */
    uint32_t handlers; /* nested interrupt handlers */
    uint64_t active;   /* interrupts whose handlers run on this thread */

    /* What it holds, see diag/held.h. */
    uint32_t unrecorded; /* holds for which there was no memory */
    uint32_t crowded;    /* with shares of rwsems, see lock/rwsem.c */
    uint32_t held_below; /* in a handler: entries of those that it has interrupted */

    uint32_t far_used;      /* atomic: entries of far slots, see diag/slots.h */
    uint32_t far_live;      /* of them in use */
    uint32_t far_reads;     /* of these, shares of rwsems */
    uint32_t unshared;      /* shares for which there was no memory */
    uint32_t fenced_reads;  /* see lock/rw_tune.c */
    uint32_t counted_reads; /* likewise */
    uint32_t put_off;       /* atomic: a dispatch was put off, see irq_raise.c */
    uint32_t reading;       /* atomic: the registry, see there */
    uint32_t closing;       /* atomic: has SPIN of a lock, see lock/rw.h */
    uint32_t stranger;      /* atomic: stayed in the parent of this child of fork */
    uint32_t spin_mutexes;  /* spinning mutexes held, see lock/mtx.c */
    uint32_t spin_level;    /* interrupt level before the first of them */

    uint32_t spin_limit; /* see wait/spin.h */
    struct ksi_event_spin event_spin;
    ksl_thread *changed[KSI_CHANGED]; /* see wait/lend.h */
    uint32_t telling;                 /* see diag/events.c */
    void *stats;                      /* see diag/stats.h; kept for ever */
    uint64_t wait_since;  /* atomic: when the wait began, if `hang` is on, else 0 */
    uint64_t spins_since; /* atomic: likewise for spins_on */
    uint64_t hang_told;   /* of the watcher: the wait that it has reported */
    uint32_t wait_number; /* atomic: see diag/cycle.c */
    void *trace;          /* atomic: see diag/trace.c */
    const void *spins_on; /* atomic: see ksi_spin_for; likewise the next one */
    uint32_t spins_kind;
    uint32_t exit_rounds; /* atomic: rounds of TLS destructors; it may end unseen */
    uint32_t prepared;    /* between block_prepare and the end of the block */
    uint32_t block_flags;
    uint32_t event_yields; /* see lock/event.c; likewise the next ones */
    int event_result;
    uint64_t events_wanted;
    uint64_t events; /* atomic: posted to it */
    void *contexts;  /* saved by setjmpx, latest first */

    const void *announced; /* see diag/order.c; likewise the next ones */
    const void *retaken;
    uint32_t openness;
    struct ksi_classed classed[KSI_CLASSED];
    struct ksi_pair pairs[KSI_PAIRS];
    uint32_t ndisabled;     /* by disable_lock, latest last */
    uint32_t disabled_from; /* the level before the first of them */
    uint32_t disabled_wrong;
    uint32_t nentered; /* atomic; see diag/entered.h */
    struct ksi_watched disabled[KSI_WATCHED];
    struct ksi_watched entered[KSI_WATCHED];

    /* Written by other threads, like front.attention. */
    uint32_t kicked /* atomic: a real signal is on its way to the dispatcher */
        __attribute__((aligned(64)));
    uint32_t evl_kicked;  /* atomic: the next wait of EVL fails at once */
    uint32_t signal_work; /* atomic: a real signal came, end the wait */
    uint64_t pending;     /* atomic: the log of interrupts */
    uint64_t signals;     /* atomic: simulated signals pending */
    uint64_t signal_mask; /* atomic */
    uint32_t state;       /* atomic: enum ksi_thread_state */
    uint32_t asleep;      /* atomic: parked in a wait */
    uint32_t struck;      /* atomic: holds struck out by other threads */
    int prio;             /* atomic: base */
    int lent;             /* atomic: lent by waiters, -1 if none */
    int tid;              /* atomic */

    struct ksi_parker parker;
    struct ksi_waiter waiters[KSI_WAITERS];
    struct ksi_waiter *parked_in; /* atomic: the wait shown by asleep */

    struct ksi_waiter *lenders; /* see wait/lend.h; atomic for its thread's look */
    uint32_t walk;              /* likewise */
    ksl_thread *next;           /* registry, atomic; readers are under RCU */
    ksl_thread *prev;           /* registry lock */
    struct ksl_tls *tls;        /* likewise: of the thread; NULL: it has left */
    ksl_thread *idle;           /* list of descriptors that wait for reuse */
    char name[KSI_NAME_MAX];
    struct ksl_hold *more_holds[KSI_HOLDS_CHUNKS]; /* atomic; kept for ever */
    uintptr_t converted[KSL_SLOTS];                /* atomic: notes, see lock/rw.h */
    uint32_t far_marks[KSI_FAR_MARKS];             /* see diag/slots.c; its thread's */
    struct ksl_slot far_slots[KSI_FAR_INLINE];
    struct ksl_slot *more_slots[KSI_FAR_CHUNKS]; /* atomic; kept for ever */
} __attribute__((aligned(KSI_THREAD_ALIGN)));

_Static_assert(offsetof(struct ksl_thread, front) == 0, "see <kslock/inline.h>");
_Static_assert((int)KSI_MASK_ALL == KSL_IRQ_LEVELS - 1, "the highest level");

/*
 * The thread-local block ksl_tls is in <kslock/inline.h>. owner is what owner words
 * of locks hold: 0 while the thread is unknown, runs a handler or is being
 * watched, so a fast path that compares it needs no further test. early_signals:
 * attached signals from before registration; leaving: it reads the registry
 * without liburcu, see there.
 */

KSI_COLD ksl_thread *ksi_thread_register(void);

static inline ksl_thread *ksi_self(void)
{
    ksl_thread *t = ksl_tls.self;
    return KSI_LIKELY(t != NULL) ? t : ksi_thread_register();
}

/* The owner word's thread: fast paths have it without a second load. */
static inline ksl_thread *ksi_thread_of(uintptr_t owner)
{
    return (ksl_thread *)owner; // NOLINT: an owner word is an address
}

static inline bool ksi_thread_alive(const ksl_thread *t)
{
    return ksi_load_seq(&t->state) == KSI_THREAD_ALIVE;
}

/* The more urgent of base and lent priority. */
static inline int ksi_thread_urgency(const ksl_thread *t)
{
    int base = ksi_load(&t->prio);
    int lent = ksi_load(&t->lent);
    return lent > base ? lent : base;
}

/* The descriptor at an address that memory of unknown worth holds; NULL: none is there.
 */
ksl_thread *ksi_thread_at(uintptr_t at);

/* Some thread has had that id, or 0. */
bool ksi_thread_is_id(uint32_t id);

/* Descriptor of an id that some lock word holds. */
ksl_thread *ksi_thread_by_id(uint32_t id);

#endif
