/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Everything that disturbs: delays at the library's points and at its clock, spurious
 * returns at the seam, interrupts, signals, unblocks, priorities, strangers that wake.
 * All of it is legal in every row. Disturbances of a round are bounded, so a
 * lost wake-up is not repaired by the next disturbance.
 *
 * What may be called in any context may be called at a point, but with a raw lock
 * held: a real signal may take its holder to the point in irq_raise.c.
 */

#include "torture.h"

#include "platform/park.h"
#include "platform/testing.h"
#include "thread/thread.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread struct party *torture_me;

static const struct {
    ksl_stage stage;
    unsigned level;
} lines[TORTURE_IRQS] = {
    [TORTURE_IRQ_LOW] = {KSL_STAGE_INBAND, 3}, [TORTURE_IRQ_HIGH] = {KSL_STAGE_INBAND, 8},
    [TORTURE_IRQ_OOB] = {KSL_STAGE_OOB, 6},    [TORTURE_IRQ_ANY] = {KSL_STAGE_INBAND, 4},
    [TORTURE_IRQ_ROW] = {KSL_STAGE_INBAND, 2},
};

/* xorshift64*. */
uint64_t torture_next(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return (x * 0x2545f4914f6cdd1du) >> 16;
}

/* Interrupts ------------------------------------------------------------- */

static unsigned *credit_of(struct party *p, int irq)
{
    return irq == TORTURE_IRQ_ANY ? &torture.any_credit : &p->credits[irq];
}

static void judge_handler(const struct party *me, int irq)
{
    unsigned level = lines[irq].level;
    bool inband = lines[irq].stage == KSL_STAGE_INBAND;
    if (LOAD(credit_of(&torture.parties[me->index], irq)) != 1)
        torture_fail("irq %d ran without having been raised", irq);
    if (level <= me->closed)
        torture_fail("irq %d of level %u ran at level %u", irq, level, me->closed);
    if (inband && me->stalled != 0)
        torture_fail("in-band irq %d ran on a stalled stage", irq);
    if (!ksl_irq_in_handler() || ksl_stage_current() != lines[irq].stage)
        torture_fail("irq %d: wrong context in the handler", irq);
}

static void handler(int irq, void *arg)
{
    (void)arg;
    struct party *me = torture_me;
    if (me == NULL && irq == TORTURE_IRQ_ANY) {
        STORE(&torture.any_credit, 0u); /* a task that has just begun, or ends */
        return;
    }
    if (me == NULL) {
        torture_fail("irq %d on a thread that is no party", irq);
        return;
    }
    judge_handler(me, irq);
    unsigned closed = me->closed;
    unsigned stalled = me->stalled;
    me->handlers++;
    me->closed = lines[irq].level;
    me->stalled = lines[irq].stage == KSL_STAGE_OOB;
    ADD(&me->interrupts, 1ul);
    if (torture.row->row->interrupt != NULL)
        torture.row->row->interrupt(me, irq);
    me->stalled = stalled;
    me->closed = closed;
    me->handlers--;
    STORE(credit_of(me, irq), 0u);
}

void torture_raise(unsigned target, int irq)
{
    unsigned none = 0;
    struct party *p = &torture.parties[target];
    if (!__atomic_compare_exchange_n(credit_of(p, irq), &none, 1u, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return; /* the one before is still under way */
    ADD(&torture.raised, 1ul);
    int error =
        irq == TORTURE_IRQ_ANY ? ksl_irq_raise(irq) : ksl_irq_raise_on(p->thread, irq);
    if (error != 0)
        torture_fail("raise of irq %d: %d", irq, error);
}

bool torture_irqs_settled(void)
{
    if (LOAD(&torture.any_credit) != 0)
        return false;
    for (unsigned i = 0; i < torture.threads; i++) {
        for (int irq = 0; irq < TORTURE_IRQS; irq++) {
            if (LOAD(&torture.parties[i].credits[irq]) != 0)
                return false;
        }
    }
    return true;
}

void torture_irqs_request(void)
{
    for (int irq = 0; irq < TORTURE_IRQS; irq++) {
        if (ksl_irq_request(irq, lines[irq].stage, (int)lines[irq].level, handler,
                            NULL) != 0)
            torture_fail("no irq %d", irq);
    }
}

void torture_irqs_free(void)
{
    for (int irq = 0; irq < TORTURE_IRQS; irq++)
        ksl_irq_free(irq);
}

/* Disturbances ----------------------------------------------------------- */

static void stranger_wakes(void *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 16, NULL, NULL, 0);
}

static void stranger(struct party *me, unsigned target)
{
    const struct row *row = torture.row->row;
    stranger_wakes(&torture.parties[target].thread->parker.word);
    if (row->bytes >= sizeof(uint32_t)) {
        uint64_t words = row->bytes / sizeof(uint32_t);
        stranger_wakes((uint32_t *)row->words + torture_next(&me->inject_rng) % words);
    }
}

void torture_wake_strangely(void)
{
    const struct row *row = torture.row->row;
    for (unsigned i = 0; i < torture.threads; i++)
        stranger_wakes(&LOAD(&torture.parties[i].thread)->parker.word);
    for (size_t at = 0; at + sizeof(uint32_t) <= row->bytes && at < 1024;
         at += sizeof(uint32_t))
        stranger_wakes((char *)row->words + at);
}

static void disturb(struct party *me)
{
    uint64_t r = torture_next(&me->inject_rng);
    unsigned target = (unsigned)(r >> 8) % torture.threads;
    struct party *p = &torture.parties[target];
    switch (r % 8) {
    case 0:
    case 1:
        torture_raise(target, (int)((r >> 32) % TORTURE_IRQ_ROW));
        break;
    case 2:
        ksi_unpark(&p->thread->parker);
        break;
    case 3:
        ADD(&me->signals, 1ul);
        ksl_signal_post(p->thread, 1 + (int)((r >> 32) % 64));
        break;
    case 4:
        if (ksl_thread_unblock(p->thread) == 1)
            ADD(&p->unblocks, 1ul);
        break;
    case 5:
        ksl_thread_set_priority(p->thread, (int)((r >> 32) % 100));
        break;
    case 6:
        stranger(me, target);
        break;
    default:
        torture_raise(me->index < torture.threads ? me->index : target, TORTURE_IRQ_HIGH);
        break;
    }
}

void torture_agitate(struct party *me)
{
    disturb(me);
}

/* Passed by every turn of a spinner, and by every call that unmasks. */
static bool is_frequent(const char *where)
{
    return strstr(where, "spin:") != NULL || strcmp(where, "irq: unmask") == 0;
}

static bool delays_others; /* atomic */

/*
 * A thread that is no worker: of the library's own, or one that has just begun. It may be
 * here between two rows, when `torture` is being filled anew.
 */
static void delay_other(void)
{
    static __thread uint64_t rng;
    static __thread bool delays;
    if (delays || !LOAD(&delays_others))
        return;
    delays = true;
    if (rng == 0)
        rng = ksi_host_now() | 1;
    uint64_t r = torture_next(&rng) % 64;
    if (r < 6)
        torture_yield();
    else if (r < 10)
        torture_nap((unsigned)(torture_next(&rng) % 150));
    delays = false;
}

static void at_point(const char *where)
{
    struct party *me = torture_me;
    if (me == NULL)
        delay_other();
    if (me == NULL || me->injecting)
        return;
    STORE(&me->where, where);
    torture_note_point(me, where);
    if (!torture.options->inject)
        return;
    me->injecting = true;
    if (me->busy && me->handlers == 0 && ksi_raw_held == 0)
        torture_stop_if_paused();
    uint64_t r = torture_next(&me->inject_rng) % 64;
    if (is_frequent(where) && torture_next(&me->inject_rng) % 32 != 0)
        r = 63;
    if (r < 6) {
        torture_yield();
    } else if (r < 10) {
        ADD(&me->naps, 1ul);
        torture_nap((unsigned)(torture_next(&me->inject_rng) % 150));
    } else if (r < 13 && me->busy && me->handlers == 0 && ksi_raw_held == 0) {
        disturb(me);
    }
    me->injecting = false;
}

/*
 * A race detector holds signals back until a call that it knows; a signal that
 * comes right before the futex call would be held back as long as that lasts.
 */
static enum ksi_park_result brief_park(struct ksi_parker *p, uint64_t deadline)
{
    const uint64_t brief = 20000000;
    uint64_t limit = ksi_host_now() + brief;
    if (!TORTURE_TSAN || deadline <= limit)
        return ksi_host_park(p, deadline);
    enum ksi_park_result result = ksi_host_park(p, limit);
    return result == KSI_PARK_TIMEOUT ? KSI_PARK_RETRY : result;
}

/* At the seam itself, before a sleep and before a wake-up. */
static void disturb_at_seam(struct party *me)
{
    if (me == NULL || me->injecting || !me->busy || me->handlers != 0 ||
        ksi_raw_held != 0 || torture_next(&me->inject_rng) % 48 != 0)
        return;
    me->injecting = true;
    disturb(me);
    me->injecting = false;
}

static enum ksi_park_result odd_park(struct ksi_parker *p, uint64_t deadline)
{
    struct party *me = torture_me;
    disturb_at_seam(me);
    if (me != NULL && torture_next(&me->inject_rng) % 16 == 0) {
        ADD(&me->spurious, 1ul);
        return KSI_PARK_RETRY;
    }
    return brief_park(p, deadline);
}

static void odd_unpark(struct ksi_parker *p)
{
    struct party *me = torture_me;
    disturb_at_seam(me);
    if (me != NULL && torture_next(&me->inject_rng) % 32 == 0)
        torture_yield();
    ksi_host_unpark(p);
}

/*
 * The clock is looked at in any context. Late is all that it may be: rows compare with
 * the host's, and nobody may be early. A handler can come unless all are masked.
 */
static uint64_t odd_now(void)
{
    struct party *me = torture_me;
    if (me == NULL || me->injecting)
        return ksi_host_now();
    if (me->busy && ksi_load(&me->thread->front.level) == 0)
        disturb_at_seam(me);
    if (torture_next(&me->inject_rng) % 32 == 0)
        torture_yield();
    uint64_t now = ksi_host_now();
    if (torture_next(&me->inject_rng) % 32 == 0)
        torture_yield();
    return now;
}

void torture_inject_begin(bool inject, uint64_t seed)
{
    for (unsigned i = 0; i <= torture.threads; i++) {
        struct party *p = &torture.parties[i];
        p->rng = (seed + i * 0x9e3779b97f4a7c15u) | 1;
        p->inject_rng = (seed * 31 + i * 0xd1342543de82ef95u) | 1;
    }
    /* Once: a thread of the library's own may be asleep between rows. */
    if (ksi_seam.park == NULL && inject)
        ksi_seam = (struct ksi_seam){odd_park, odd_unpark, odd_now};
    else if (ksi_seam.park == NULL)
        ksi_seam = (struct ksi_seam){brief_park, NULL, NULL};
    STORE(&delays_others, inject);
    STORE(&ksi_point_hook, at_point);
}

void torture_inject_end(void)
{
    STORE(&ksi_point_hook, (void (*)(const char *))NULL);
}
