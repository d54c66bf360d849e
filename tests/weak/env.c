/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the waiting core and the locks find around them here: three descriptors, no
 * interrupts, no diagnostics, one processor. It takes the place of src/thread and
 * src/diag, and of the test seam: a thread parks on the shipped parker at once.
 */

#include "weak.h"

#include "diag/hooks.h"
#include "diag/slots.h"
#include "diag/violation.h"
#include "platform/host.h"
#include "thread/irq.h"
#include "thread/registry.h"
#include "thread/rt.h"
#include "thread/signal.h"
#include "thread/upcalls.h"
#include "thread/watch.h"

#include <stddef.h>

__thread struct ksl_tls ksl_tls;
ksl_thread weak_threads[WEAK_THREADS];
uint32_t ksi_diag;
uint32_t ksi_holds_limit = KSI_HOLDS_INLINE;

static unsigned count;       /* threads of the execution */
static uint32_t heavy;       /* atomic: as in platform/host_linux.c */
static bool heavy_withdrawn; /* the next barrier fails, and all after it */
enum { HEAVY_WORKS, HEAVY_GOING, HEAVY_MISSING };

static void begin_thread(ksl_thread *t, uint32_t id)
{
    *t = (ksl_thread){.front.id = id, .state = KSI_THREAD_ALIVE, .lent = -1};
    t->stage = KSL_STAGE_OOB;
    ksi_parker_init(&t->parker);
    for (unsigned i = 0; i < KSI_WAITERS; i++) {
        t->waiters[i].thread = t;
        t->waiters[i].donation = &t->waiters[i].own;
        t->waiters[i].outcome = KSI_WOKEN;
    }
}

void weak_reset(unsigned n)
{
    count = n;
    heavy = HEAVY_WORKS;
    heavy_withdrawn = false;
    for (unsigned i = 0; i < WEAK_THREADS; i++)
        begin_thread(&weak_threads[i], i + 1);
    if (!weak_barrier())
        weak_without_barrier();
}

void weak_without_barrier(void)
{
    heavy = HEAVY_MISSING;
    for (unsigned i = 0; i < WEAK_THREADS; i++)
        weak_threads[i].front.claims = KSI_CLAIM_ALWAYS;
}

void weak_barrier_ends(void)
{
    heavy_withdrawn = true;
}

void weak_become(unsigned i)
{
    ksl_tls =
        (struct ksl_tls){.owner = (uintptr_t)&weak_threads[i], .self = &weak_threads[i]};
}

/* platform/ */

enum ksi_park_result ksi_park(struct ksi_parker *p, uint64_t deadline)
{
    return ksi_host_park(p, deadline);
}

void ksi_unpark(struct ksi_parker *p)
{
    ksi_host_unpark(p);
}

/* Dates come when the runner says so, as the host's time-out, and not by the clock. */
uint64_t ksi_now(void)
{
    return 0;
}

int ksi_cpu_now(void)
{
    return -1;
}

unsigned ksi_cpu_count(void)
{
    return 1;
}

void ksi_yield(void)
{
    weak_yield();
}

/* Nobody is cancelled. */
int ksi_cancel_off(void)
{
    return 0;
}

void ksi_cancel_back(int before)
{
    (void)before;
}

/* The long one of lock/rw_slots.c: what is in store buffers has left them afterwards. */
void ksi_nap(unsigned us)
{
    if (us < 2000)
        weak_yield();
    else
        (void)weak_barrier();
}

bool ksi_heavy_works(void)
{
    return ksi_load_seq(&heavy) == HEAVY_WORKS;
}

bool ksi_heavy_missing(void)
{
    return ksi_load_seq(&heavy) == HEAVY_MISSING;
}

void ksi_heavy_gone(bool for_good)
{
    ksi_store_seq(&heavy, for_good ? (uint32_t)HEAVY_MISSING : (uint32_t)HEAVY_GOING);
}

bool ksi_heavy_barrier(void)
{
    return ksi_heavy_works() && !heavy_withdrawn && weak_barrier();
}

void ksi_die(const char *file, int line, const char *what, int error)
{
    (void)file;
    (void)line;
    (void)error;
    weak_fail(what);
    __builtin_unreachable();
}

/* thread/: levels are kept, and there is nothing to play. */

ksl_thread *ksi_thread_register(void)
{
    weak_fail("a thread without descriptor");
    return NULL;
}

void ksi_irq_unmask(ksl_thread *t, uint32_t level)
{
    ksi_irq_set(t, level);
}

void ksi_irq_play(ksl_thread *t)
{
    (void)t;
}

bool ksi_irq_put_off(ksl_thread *t)
{
    (void)t;
    return false;
}

int ksi_irq_signal(void)
{
    return 64;
}

void ksi_rt_mirror(ksl_thread *t)
{
    (void)t;
}

void ksi_registry_read_lock(void)
{
}

void ksi_registry_read_unlock(void)
{
}

ksl_thread *ksi_registry_first(void)
{
    return &weak_threads[0];
}

ksl_thread *ksi_thread_at(uintptr_t at)
{
    return ksi_thread_of(at);
}

ksl_thread *ksi_registry_next(const ksl_thread *t)
{
    return t->front.id < count ? &weak_threads[t->front.id] : NULL;
}

ksl_thread *ksi_thread_by_id(uint32_t id)
{
    return ksi_thread_is_id(id) && id > 0 ? &weak_threads[id - 1] : NULL;
}

bool ksi_thread_is_id(uint32_t id)
{
    return id <= count;
}

bool ksi_irq_floating(void)
{
    return false;
}

/* Of a thread with more than a few read holds, which none has here. */
void ksi_watch_show_owner(const ksl_thread *t)
{
    (void)t;
    weak_fail("ksi_watch_show_owner");
}

bool ksi_up_signals_deferred(const ksl_thread *t)
{
    (void)t;
    return false;
}

/* diag/: every report is a failure, but that of a call that comes too late. */

void ksi_violate(const struct ksi_misuse *m, const char *what, ...)
{
    if (m->rule != KSI_DESTROYED_RULE)
        weak_fail(what);
}

void ksi_held_push_slow(ksl_thread *t, const void *lock, uint32_t what, const void *site,
                        bool tried)
{
    (void)t;
    (void)lock;
    (void)what;
    (void)site;
    (void)tried;
}

void ksi_held_remove(ksl_thread *t, const void *lock, enum ksi_mode mode)
{
    (void)t;
    (void)lock;
    (void)mode;
    weak_fail("a hold that is not the last one");
}

struct ksl_hold *ksi_held_far(const ksl_thread *t, uint32_t i)
{
    (void)t;
    (void)i;
    weak_fail("too many holds");
    return NULL;
}
