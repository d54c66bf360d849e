/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_EVENTS_H
#define KSI_DIAG_EVENTS_H

#include "diag/held.h"
#include "diag/switch.h"

/*
 * What `stats`, `trace` and `annotate` are told. Each event is told by the thread that it
 * happens to, with interrupts masked, so a sink never meets itself on one thread; maybe
 * with a bucket lock or the lock of the loans held, so a sink takes no lock but its own
 * raw locks and those of classes (order_node.c, classes.c), one at a time, and no queue;
 * what fork takes of them comes after the buckets. PUT_OFF is told by the dispatcher,
 * which may have interrupted the thread with any raw lock held; so who takes a lock that
 * the sink of PUT_OFF may want (the rings, the lines of exited threads) tells nothing
 * meanwhile (t->telling). The locks are mere keys: their
 * memory may be gone, except in BEFORE, TAKEN, AGAIN, BUSY, BEGINS.
 *
 *   event      lock, kind, mode, site        arg                  more
 *   BEFORE     a call that may wait begins
 *   CONTENDED  it is not free; NULL: that of the last BEFORE
 *   SPUN       NULL: likewise                pauses               1: it got it so
 *   SLEEPS     what the thread parks for
 *   RESUMES    likewise                      enum ksi_outcome     number of the wake-up,
 *                                                                 0: none
 *   WAKES      what the other one parks for  its tid              the same number
 *   TAKEN      it has it                     1: by a try
 *   AGAIN      it has it once more
 *   BUSY       a try has failed
 *   GIVEN      the last hold is given back; kind unknown (KSI_NO_KIND) of locks whose
 *              holds are in slots; site unknown
 *   TURNED     mode: the new one; kind and site unknown
 *   WITHDRAWN  the bias of what is wanted    ns that it took
 *   LENT                                     tid of who borrows   its priority now
 *   RAISED                                   interrupt            tid, 0: any thread
 *   PUT_OFF                                  interrupts waiting (a set)
 *   RUNS, RAN                                interrupt
 *   STAGE                                    the new one
 *   BEGINS     a lock begins at this address
 *   ENDS       the lock at this address is gone, or gets another name
 *
 * An attempt (BEFORE) may end without TAKEN: the next BEFORE or the end of the thread
 * ends it. Locks of kind SPINLOCK, RWLOCK and MTX_SPIN have a BEFORE only if they are
 * contended; no BEFORE, tries. An entry taken before the switch was on is given back
 * without a TAKEN, and one that another thread gives back (rwlock, semaphore) is a GIVEN
 * there.
 */
enum ksi_event_type {
#define EVENT(name, text) KSI_EV_##name,
#include "diag/events.def"
#undef EVENT
    KSI_EVENTS
};

struct ksi_event {
    uint64_t when;  /* ns of CLOCK_MONOTONIC; only while `trace` is on, else 0 */
    uint32_t level; /* the thread's interrupt level */
    enum ksi_event_type type;
    enum ksi_kind kind;
    enum ksi_mode mode;
    const void *lock;
    const void *site;
    uint64_t arg;
    uint64_t more;
};

typedef void (*ksi_event_sink)(ksl_thread *t, const struct ksi_event *e);

/* Set once, before the bit of the switch. */
extern ksi_event_sink ksi_stats_sink;
extern ksi_event_sink ksi_trace_sink;

const char *ksi_event_name(unsigned type);

/* Tells it of the caller t, who may be in any context; dates it. */
KSI_ASIDE void ksi_tell_event(ksl_thread *t, struct ksi_event *e);

static inline void ksi_tell(ksl_thread *t, struct ksi_event e)
{
    ksi_tell_event(t, &e);
}

static inline bool ksi_telling(void)
{
    return KSI_UNLIKELY((ksi_load_acq(&ksi_diag) & KSI_DIAG_TOLD) != 0);
}

/* --- for the waiting core and interrupts; each does nothing unless somebody is told ---
 */

struct ksi_waiter;

/* wait/: what w waits for, in an event's fields. */
KSI_COLD void ksi_tell_wait(ksl_thread *t, enum ksi_event_type type,
                            const struct ksi_waiter *w, uint64_t arg, uint64_t more);
/* A number for a wake-up. */
uint64_t ksi_tell_number(void);

static inline void ksi_tell_about(ksl_thread *t, enum ksi_event_type type, uint64_t arg,
                                  uint64_t more)
{
    if (ksi_telling())
        ksi_tell(t, (struct ksi_event){.type = type, .arg = arg, .more = more});
}

#endif
