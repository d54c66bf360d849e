/* SPDX-License-Identifier: BSD-2-Clause */
/* Who gets an interrupt: directed and undirected raises, the dispatcher. */

#include "thread/irq_table.h"

#include "platform/die.h"
#include "platform/host.h"
#include "platform/testing.h"
#include "thread/copies.h"
#include "thread/registry.h"
#include "thread/upcalls.h"
#include "thread/watch.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/*
 * Undirected interrupts that no thread has taken yet. Whoever plays takes
 * them. Responsibility: the raiser kicks one thread that may take the
 * interrupt; if that thread finds itself masked by then, its dispatcher
 * offers it again. If no thread may take it, it is announced: every thread
 * gets attention set, and a second look after a heavy barrier finds the one
 * that unmasked between the first look and the mark; so either the raiser
 * sees the open mask or the unmasking thread sees attention. Without a heavy
 * barrier every thread is kicked once, which serves as one. Attention stays set
 * while anything floats, so an announced interrupt needs no further offer. A
 * thread that registers or exits meanwhile looks at the set itself.
 */
uint64_t ksi_irq_floating_set;
static uint64_t announced; /* atomic; the raiser of a new one takes the old mark off */

static int signal_number;
static pthread_once_t signal_once = PTHREAD_ONCE_INIT;

/* ThreadSanitizer hands asynchronous signals on when a system call returns. */
extern void __tsan_init(void) __attribute__((weak));

/*
 * True while the thread is in the few instructions of an inlined release that no
 * handler may divide: it plays what is pending when it answers the claim.
 */
bool ksi_irq_put_off(ksl_thread *t)
{
    if (KSI_LIKELY(ksi_load(&ksl_tls.releasing) == 0) || KSI_FAULT(IRQ_NOT_PUT_OFF))
        return false;
    if (ksi_load(&t->put_off) == 0) {
        ksi_store(&t->put_off, 1u);
        ksi_fetch_add(&t->front.claims, 1u);
    }
    return true;
}

static void dispatch(int signo)
{
    (void)signo;
    ksl_thread *t = KSI_FAULT(IRQ_KNOWS_STRANGERS) ? ksi_self() : ksl_tls.self;
    if (t == NULL)
        return; /* exiting; it offers what floats by itself */
    int saved = errno;
    int cancel;
    /* The program may be in asynchronous cancellation: not while we are here. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
    ksi_xchg(&t->kicked, 0u); /* before the look: a later raise kicks again */
    KSI_DELAY_POINT("irq: dispatch");
    /* No handler divides a section that masks all, nor may a test's calls. */
    KSI_RAW_COUNT(ksi_load(&t->front.level) == KSI_MASK_ALL);
    bool now = !ksi_irq_put_off(t);
    if (now && ksi_load(&t->front.attention) != 0)
        ksi_irq_play(t);
    if (now && ksi_irq_floating()) {
        ksi_irq_offer_floating();
        if (ksi_load(&t->front.attention) != 0)
            ksi_irq_play(t);
    }
    uint64_t left = ksi_load(&t->pending);
    if (KSI_UNLIKELY(ksi_load(&ksi_watched) != 0) && left != 0)
        ksi_up_irq_event(t, KSI_IRQ_PUT_OFF, left, 0);
    KSI_RAW_COUNT(-(ksi_load(&t->front.level) == KSI_MASK_ALL));
    pthread_setcancelstate(cancel, NULL);
    errno = saved;
}

static void take_signal(void)
{
    struct sigaction action = {.sa_handler = dispatch};
    sigemptyset(&action.sa_mask);
    /* Nested: a more urgent interrupt interrupts a handler. */
    action.sa_flags = SA_NODEFER | (__tsan_init == NULL ? SA_RESTART : 0);
    for (int signo = SIGRTMAX - 1; signo > SIGRTMIN; signo--) {
        struct sigaction old;
        if (sigaction(signo, NULL, &old) != 0 || (old.sa_flags & SA_SIGINFO) != 0 ||
            old.sa_handler != SIG_DFL)
            continue; /* the program uses it */
        if (sigaction(signo, &action, NULL) != 0)
            continue;
        /* An emulator may take a handler for a number that it cannot send. */
        if (ksi_host_kick(ksi_host_tid(), signo) != -EINVAL) {
            signal_number = signo;
            return;
        }
        sigaction(signo, &old, NULL);
    }
    KSI_DIE("no real-time signal is free", 0);
}

static void install(void)
{
    int cancel = ksi_cancel_off(); /* files are opened and closed */
    ksi_copies_mark();
    take_signal();
    ksi_copies_look();
    ksi_cancel_back(cancel);
}

int ksi_irq_signal(void)
{
    int saved = errno;
    pthread_once(&signal_once, install);
    errno = saved;
    return signal_number;
}

bool ksi_irq_floating(void)
{
    return ksi_load_seq(&ksi_irq_floating_set) != 0;
}

/*
 * Makes t look at its log soon; the caller reads the registry. At most one real
 * signal is on its way to a thread. False if t has exited.
 */
static bool kick(ksl_thread *t)
{
    bool kicked = ksi_xchg(&t->kicked, 1u) != 0;
    KSI_POINT("irq: kick");
    /* A kick that its thread took along into its exit: only asks for the thread. */
    int error = ksi_host_kick(ksi_load(&t->tid), kicked ? 0 : signal_number);
    if (error == 0)
        return true;
    if (!kicked)
        ksi_xchg(&t->kicked, 0u);
    if (error != -ESRCH)
        return true; /* no room for a signal: t finds it when it looks by itself */
    ksi_registry_bury(t);
    return false;
}

/*
 * Masked between the mark `kicked` and the kick that it speaks of, or a handler
 * that interrupts us there would rely on a kick that only we can send. Nothing
 * is played here, in a reading section; the callers do it afterwards.
 */
static bool nudge(ksl_thread *t)
{
    ksl_thread *self = ksl_tls.self;
    ksi_store_seq(&t->front.attention, 1u);
    KSI_POINT("irq: nudge");
    if (t == self)
        return true; /* the caller plays before it returns */
    uint32_t level = self != NULL ? ksi_irq_mask(self) : 0;
    bool alive = kick(t);
    if (self != NULL)
        ksi_irq_set(self, level);
    return alive;
}

/*
 * Some thread that may take it now, each with the same chance, but one to which
 * a signal is under way only if there is no other; NULL if none. Not one that is
 * exiting: the host may take the signal for it after its last instruction.
 */
static ksl_thread *find_taker(uint32_t level, uint32_t stage)
{
    static uint32_t seed = 1;
    uint32_t random = ksi_load(&seed) * 1664525u + 1013904223u;
    ksi_store(&seed, random);
    ksl_thread *found = NULL;
    ksl_thread *second = NULL;
    uint32_t seen = 0;
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t)) {
        if (!ksi_thread_alive(t) || ksi_load(&t->exit_rounds) != 0 ||
            !ksi_irq_takes(t, level, stage))
            continue;
        if (ksi_load(&t->kicked) != 0) {
            second = t;
            continue;
        }
        seen++;
        random = random * 1664525u + 1013904223u;
        if ((uint64_t)(random >> 8) * seen >> 24 == 0)
            found = t; /* the n-th replaces the choice with chance 1/n */
    }
    return found != NULL ? found : second;
}

/* Nudges a thread that may take irq; false if there is none. */
static bool offer_to_taker(const struct ksi_irq_slot *s)
{
    for (;;) {
        ksl_thread *taker = find_taker(ksi_load(&s->level), ksi_load(&s->stage));
        if (taker == NULL)
            return false;
        if (nudge(taker))
            return true;
    }
}

/*
 * The caller reads the registry. A raiser announces in any case: the mark may be
 * a late one of the raise before. The mark is set first, so whoever sees
 * it knows that somebody goes through all threads.
 */
static void offer(int irq, bool raised)
{
    const struct ksi_irq_slot *s = &ksi_irq_slots[irq];
    uint64_t bit = ksi_irq_bit(irq);
    if (offer_to_taker(s) || (!raised && (ksi_load_acq(&announced) & bit) != 0))
        return;
    ksi_fetch_or(&announced, bit);
    KSI_POINT("irq: announced");
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t))
        ksi_store_seq(&t->front.attention, 1u);
    bool barrier = ksi_heavy_barrier();
    KSI_POINT("irq: second look");
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t)) {
        /* All that opened meanwhile: one alone may mask again before it looks. */
        if (!barrier || (ksi_thread_alive(t) &&
                         ksi_irq_takes(t, ksi_load(&s->level), ksi_load(&s->stage))))
            nudge(t);
    }
}

void ksi_irq_offer_floating(void)
{
    ksi_registry_read_lock();
    uint64_t set = ksi_load_seq(&ksi_irq_floating_set) & ~ksi_load_acq(&announced);
    for (; set != 0; set &= set - 1) {
        int irq = __builtin_ctzll(set);
        if (ksi_load_acq(&ksi_irq_slots[irq].fn) != NULL)
            offer(irq, false);
        KSI_POINT("irq: offered");
    }
    ksi_registry_read_unlock();
}

/* The caller may be the one that takes it: nothing is pending on return. */
static void play_own(ksl_thread *self)
{
    if (self != NULL && ksi_load(&self->front.attention) != 0)
        ksi_irq_play(self);
    if (KSI_UNLIKELY(ksi_load(&ksi_watched) != 0) && self != NULL &&
        ksi_load(&self->pending) != 0)
        ksi_up_irq_event(self, KSI_IRQ_PUT_OFF, ksi_load(&self->pending), 0);
}

/* to: tid, 0: any thread. Timers raise on a thread that is not registered. */
static void tell_raise(ksl_thread *self, int irq, uint64_t to)
{
    if (KSI_UNLIKELY(ksi_load(&ksi_watched) != 0) && self != NULL)
        ksi_up_irq_event(self, KSI_IRQ_RAISED, (uint64_t)irq, to);
}

int ksi_irq_raise_any(ksl_thread *self, int irq)
{
    ksi_irq_signal();
    int result = -ENOENT;
    ksi_registry_read_lock();
    if (ksi_load_acq(&ksi_irq_slots[irq].fn) != NULL) {
        result = 0;
        uint64_t bit = ksi_irq_bit(irq);
        if ((ksi_fetch_or(&ksi_irq_floating_set, bit) & bit) == 0)
            ksi_fetch_and(&announced, ~bit);
        KSI_POINT("irq: floats");
        tell_raise(self, irq, 0);
        offer(irq, true); /* a repeat too: who was asked may keep real signals blocked */
    }
    ksi_registry_read_unlock();
    KSI_POINT("irq: raised");
    play_own(self);
    return result;
}

int ksl_irq_raise(int irq)
{
    if (!ksi_irq_valid(irq))
        return -EINVAL;
    return ksi_irq_raise_any(ksi_self(), irq);
}

int ksl_irq_raise_on(ksl_thread *t, int irq)
{
    if (t == NULL || !ksi_irq_valid(irq))
        return -EINVAL;
    ksl_thread *self = ksi_self();
    ksi_irq_signal();
    int result = 0;
    ksi_registry_read_lock();
    if (!ksi_thread_alive(t)) {
        result = -ESRCH;
    } else if (ksi_load_acq(&ksi_irq_slots[irq].fn) == NULL) {
        result = -ENOENT;
    } else {
        tell_raise(self, irq, (uint64_t)ksi_load(&t->tid));
        ksi_fetch_or(&t->pending, ksi_irq_bit(irq));
        KSI_POINT("irq: pending");
        if (!nudge(t))
            result = -ESRCH;
    }
    ksi_registry_read_unlock();
    KSI_POINT("irq: raised");
    play_own(self);
    return result;
}

void ksi_irq_forget(int irq)
{
    uint64_t keep = ~ksi_irq_bit(irq);
    ksi_fetch_and(&ksi_irq_floating_set, keep);
    ksi_registry_read_lock();
    for (ksl_thread *t = ksi_registry_first(); t != NULL; t = ksi_registry_next(t))
        ksi_fetch_and(&t->pending, keep);
    ksi_registry_read_unlock();
}

/* The devices stay with the parent: what they raised is not raised here. */
void ksi_irq_after_fork_child(ksl_thread *self)
{
    ksi_store(&ksi_irq_floating_set, (uint64_t)0);
    ksi_store(&announced, (uint64_t)0);
    for (int irq = 0; irq < KSL_IRQ_COUNT; irq++) {
        bool mine = self != NULL && (self->active & ksi_irq_bit(irq)) != 0;
        ksi_store(&ksi_irq_slots[irq].running, mine ? 1u : 0u);
    }
    if (self == NULL)
        return;
    ksi_store(&self->pending, (uint64_t)0);
    ksi_store(&self->kicked, 0u);
}
