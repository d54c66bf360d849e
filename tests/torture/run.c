/* SPDX-License-Identifier: BSD-2-Clause */
/* Rounds: the director starts one, disturbs it, waits for its end, judges. */

#include "torture.h"

#include "platform/park.h"
#include "platform/testing.h"
#include "thread/thread.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct run torture;
static uint32_t start_gate; /* atomic: rounds started; UINT32_MAX: end */
static uint32_t done_gate;  /* atomic: workers that have done their part */

enum { THE_END = UINT32_MAX };

void torture_yield(void)
{
    int saved = errno;
    syscall(SYS_sched_yield);
    errno = saved;
}

void torture_nap(unsigned us)
{
    int saved = errno;
    struct timespec ts = {0, (long)us * 1000};
    nanosleep(&ts, NULL);
    errno = saved;
}

void torture_dally(struct party *me)
{
    unsigned r = pick(me, 32);
    if (r < 6) {
        for (unsigned n = pick(me, 200); n > 0; n--)
            ksi_pause();
    } else if (r < 12) {
        torture_yield();
    } else if (r < 14) {
        torture_nap(pick(me, 100));
    } else if (r == 14 && pick(me, 8) == 0) {
        torture_nap(pick(me, 2000));
    } else if (r == 15 && pick(me, 256) == 0) {
        torture_nap(5000 + pick(me, 15000));
    }
}

void torture_interrupted(struct party *me)
{
    ADD(&me->eintr, 1ul);
    if (ksl_signal_take() == 0)
        ADD(&me->unexplained, 1ul);
}

void torture_shoot(struct party *me)
{
    struct party *p = &torture.parties[pick(me, torture.threads)];
    if (pick(me, 2) == 0) {
        ADD(&me->signals, 1ul);
        ksl_signal_post(p->thread, 1 + (int)pick(me, 64));
    } else if (ksl_thread_unblock(p->thread) == 1) {
        ADD(&p->unblocks, 1ul);
    }
}

/* Sections ----------------------------------------------------------------- */

void section_write(struct section *s, struct party *me)
{
    unsigned writers = ADD(&s->writers, 1u);
    unsigned readers = LOAD(&s->readers);
    if (writers != 1 || readers != 0)
        torture_fail("thread %u writes among %u writers and %u readers", me->index,
                     writers, readers);
    unsigned long plain = s->plain;
    torture_dally(me);
    s->plain = plain + 1;
    ADD(&s->writes, 1ul);
    if (LOAD(&s->writers) != 1 || LOAD(&s->readers) != 0)
        torture_fail("thread %u: somebody came in while it wrote", me->index);
    ADD(&s->writers, -1u);
    ADD(&me->operations, 1ul);
}

void section_read(struct section *s, struct party *me)
{
    ADD(&s->readers, 1u);
    unsigned long plain = s->plain;
    if (LOAD(&s->writers) != 0)
        torture_fail("thread %u reads beside a writer", me->index);
    torture_dally(me);
    if (LOAD(&s->writers) != 0 || s->plain != plain)
        torture_fail("thread %u: a writer came in while it read", me->index);
    ADD(&s->readers, -1u);
    ADD(&me->operations, 1ul);
}

void section_check(const struct section *s, const char *lock)
{
    if (s->plain != LOAD(&s->writes))
        torture_fail("%s: %lu of %lu writes are there", lock, s->plain, s->writes);
}

/* Gates: the driver's own barrier -------------------------------------------- */

/* Returns when *word is not `seen` any more, or some time later. */
static void gate_wait(const uint32_t *word, uint32_t seen, unsigned us)
{
    for (unsigned i = 0; i < 20; i++) {
        if (LOAD(word) != seen)
            return;
        torture_yield();
    }
    if (TORTURE_TSAN) {
        /* Signals reach a thread in calls that the race detector knows. */
        torture_nap(us < 100 ? us : 100);
        ksl_irq_set_level(0);
    } else {
        struct timespec limit = {0, (long)us * 1000};
        syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, seen, &limit, NULL, 0);
    }
}

static void gate_wake(uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, TORTURE_MAX, NULL, NULL, 0);
}

static void *worker(void *arg)
{
    struct party *me = arg;
    uint32_t seen = LOAD(&start_gate);
    torture_me = me;
    STORE(&me->thread, ksl_thread_self());
    for (;;) {
        ADD(&done_gate, 1u);
        if (LOAD(&done_gate) == torture.threads)
            gate_wake(&done_gate);
        while (LOAD(&start_gate) == seen && !LOAD(&me->leaving))
            gate_wait(&start_gate, seen, 100000);
        seen = LOAD(&start_gate);
        if (seen == THE_END || LOAD(&me->leaving))
            return NULL;
        me->busy = true;
        torture.row->row->op(me);
        me->busy = false;
        while (ksl_signal_take() != 0)
            ;
    }
}

static void await_workers(void)
{
    for (;;) {
        uint32_t done = LOAD(&done_gate);
        if (done == torture.threads || torture_failed())
            return;
        gate_wait(&done_gate, done, 10000);
    }
}

/* At most so many disturbances a round: see inject.c. */
static void disturb_round(struct party *me)
{
    for (unsigned n = pick(me, 5); n > 0; n--) {
        uint32_t done = LOAD(&done_gate);
        if (done == torture.threads)
            return;
        torture_agitate(me);
        torture_upset(me);
        gate_wait(&done_gate, done, 1 + pick(me, 100));
    }
}

/* No share, no exclusive hold, nobody's claim on it, no level left over. */
static void judge_slots(const struct party *p)
{
    const ksl_thread *t = p->thread;
    uint32_t claims = ksi_load(&t->front.claims) & ~KSI_CLAIM_ALWAYS;
    if (claims != 0)
        torture_fail("thread %u: %u claims after the round", p->index, claims);
    for (unsigned i = 0; i < KSL_SLOTS; i++) {
        if (ksi_load(&t->front.slots[i].lock) != 0 || ksi_load(&t->converted[i]) != 0)
            torture_fail("thread %u: slot %u is in use after the round", p->index, i);
    }
    if (ksi_load(&t->far_used) != 0 || t->far_live != 0 || t->unshared != 0)
        torture_fail("thread %u: %u far slots, %u of them used, %u shares without one "
                     "after the round",
                     p->index, t->far_used, t->far_live, t->unshared);
    if (t->spin_mutexes != 0 || t->crowded != 0 || ksi_load(&t->closing) != 0)
        torture_fail("thread %u: %u spin mutexes, crowded %u, closing %u after the round",
                     p->index, t->spin_mutexes, t->crowded, t->closing);
}

static void judge_worker(const struct party *p)
{
    const ksl_thread *t = p->thread;
    judge_slots(p);
    if (ksl_thread_asleep(t))
        torture_fail("thread %u is asleep after the round", p->index);
    if (t->front.nholds != 0)
        torture_fail("thread %u holds %u locks after the round", p->index,
                     t->front.nholds);
    for (unsigned i = 0; i < KSI_WAITERS; i++) {
        if (t->waiters[i].queue != NULL)
            torture_fail("thread %u is still queued after the round", p->index);
    }
    unsigned long unexplained = LOAD(&p->unexplained);
    unsigned long unblocks = LOAD(&p->unblocks);
    if (unexplained > unblocks)
        torture_fail("thread %u: %lu waits ended with -EINTR without a signal, but it "
                     "was unblocked %lu times",
                     p->index, unexplained, unblocks);
}

/*
 * No interrupt is under way, and no worker is on its way out of a handler. A
 * worker that left its interrupts masked never gets there: the watchdog shows it.
 * Handlers raise others, for threads that have been looked at already; so nothing may
 * have been raised meanwhile.
 */
static bool settled(void)
{
    unsigned long raised = LOAD(&torture.raised);
    if (!torture_irqs_settled())
        return false;
    for (unsigned i = 0; i < torture.threads; i++) {
        const ksl_thread *t = torture.parties[i].thread;
        if (ksi_load_seq(&t->front.level) != 0 || ksi_load(&t->front.stalled) != 0 ||
            ksi_load(&t->handlers) != 0)
            return false;
    }
    return LOAD(&torture.raised) == raised;
}

static void start_worker(struct party *p)
{
    if (pthread_create(&p->pthread, NULL, worker, p) != 0)
        torture_fail("no thread");
}

/* Between rounds: now and then a worker's thread ends, and another one takes its part. */
static void restart_one(struct party *me)
{
    struct party *p = &torture.parties[torture_next(&me->inject_rng) % torture.threads];
    if (torture_next(&me->inject_rng) % 64 != 0)
        return;
    STORE(&p->leaving, true);
    gate_wake(&start_gate);
    pthread_join(p->pthread, NULL);
    STORE(&p->leaving, false);
    STORE(&done_gate, torture.threads - 1);
    start_worker(p);
    await_workers();
    torture.restarts++;
}

static void one_round(struct party *me)
{
    const struct row *row = torture.row->row;
    ADD(&torture.round, 1ul);
    /* Mostly they sleep at once: who spins at all yields as well, and seldom queues then.
     */
    int cap = torture.round % 4 == 0 ? -1 : 0;
    if (torture.round % 4 == 1)
        cap = (int)(torture.round % 16);
    __atomic_store_n(&ksi_spin_cap, cap, __ATOMIC_RELAXED);
    if (torture.options->inject && torture.options->plant == NULL)
        restart_one(me);
    if (row->setup != NULL)
        row->setup();
    STORE(&done_gate, 0u);
    STORE(&start_gate, LOAD(&start_gate) + 1);
    gate_wake(&start_gate);
    if (torture.options->inject)
        disturb_round(me);
    await_workers();
    while (!settled() && !torture_failed()) {
        torture_yield();
        if (TORTURE_TSAN)
            gate_wait(&done_gate, torture.threads, 50);
    }
    if (torture_failed())
        return;
    for (unsigned i = 0; i < torture.threads; i++)
        judge_worker(&torture.parties[i]);
    if (row->check != NULL)
        row->check();
    torture_progress();
}

static double now_s(void)
{
    return (double)ksi_host_now() / 1e9;
}

static void run_row(const struct named_row *row, const struct options *o, double seconds)
{
    struct party *me = &torture.parties[o->threads];
    memset(&torture, 0, sizeof torture);
    torture.row = row;
    torture.options = o;
    torture.threads = o->threads;
    torture_me = me;
    me->thread = ksl_thread_self();
    me->index = o->threads;
    STORE(&start_gate, 0u);
    STORE(&done_gate, 0u);
    torture_inject_begin(o->inject, o->seed);
    for (unsigned i = 0; i < o->threads; i++) {
        torture.parties[i].index = i;
        start_worker(&torture.parties[i]);
    }
    await_workers();
    if (o->strangers)
        torture_stranger_begin();
    double begin = now_s();
    while (!torture_failed()) {
        if (o->rounds != 0 ? torture.round >= o->rounds : now_s() - begin >= seconds)
            break;
        one_round(me);
    }
    while (torture_failed())
        torture_nap(1000); /* the watchdog ends the program */
    if (o->strangers)
        torture_stranger_end();
    STORE(&start_gate, THE_END);
    gate_wake(&start_gate);
    for (unsigned i = 0; i < o->threads; i++)
        pthread_join(torture.parties[i].pthread, NULL);
    torture_inject_end();
    torture_report_row(now_s() - begin);
}

static void on_violation(const ksl_violation *v, void *arg)
{
    (void)arg;
    torture_fail("violation %s: %s", v->rule, v->message);
}

/* Longer runs visit every row many times. */
int torture_run(const struct options *o)
{
    enum { SLICE_S = 10 };
    unsigned chosen = 0;
    for (unsigned i = 0; i < torture_row_count; i++)
        chosen += o->lock == NULL || strcmp(o->lock, torture_rows[i].name) == 0;
    ksl_set_violation_handler(on_violation, NULL);
    torture.row = &torture_rows[0];
    torture.options = o;
    torture_irqs_request();
    torture_processors();
    torture_watch(o->hang);
    double left = o->seconds;
    struct options pass = *o;
    do {
        double slice = left / chosen < SLICE_S ? left / chosen : SLICE_S;
        for (unsigned i = 0; i < torture_row_count; i++) {
            if (o->lock == NULL || strcmp(o->lock, torture_rows[i].name) == 0)
                run_row(&torture_rows[i], &pass, slice);
        }
        left -= slice * chosen;
        torture_next(&pass.seed);
    } while (left > 0.01 && o->rounds == 0);
    torture_irqs_free();
    torture_unwatch();
    torture_report_all();
    return 0;
}
