/* SPDX-License-Identifier: BSD-2-Clause */

/* The recorder of demo_gate.h: EVL kernel headers only. */

#include <evl/sched.h>
#include <evl/sem.h>
#include <evl/stax.h>
#include <evl/thread.h>
#include <evl/timeout.h>

#include "demo_gate.h"

#include <stddef.h>

enum { PRIORITY = 80 };

static const ktime_t nap = 1000000; /* ns */

struct sample {
    uint64_t number;
    uint64_t value;
    uint64_t check; /* made of the other two */
};

static struct evl_stax gate;
static DEFINE_EVL_KSEM(ticks);
static struct evl_kthread recorder;
static struct gate_port port;
static bool careless;

/* Written out-of-band with the gate, read in-band with it. */
static struct sample ring[GATE_RING];
static uint64_t recorded;

/* Counted without it. */
static struct gate_stats stats;
static uint64_t inside[2]; /* of each stage: in-band, out-of-band */
static int torn_seen;

/* -------------------------------------------------------------------------
 * Gate.
 */

static uint64_t add(uint64_t *counter, uint64_t n)
{
    return __atomic_add_fetch(counter, n, __ATOMIC_SEQ_CST);
}

static uint64_t get(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_SEQ_CST);
}

/* Enters, and looks whether the other stage is here. Context: thread of either stage. */
static void enter(bool oob)
{
    if (evl_trylock_stax(&gate) != 0) {
        add(oob ? &stats.oob_waits : &stats.inband_waits, 1);
        while (evl_lock_stax(&gate) != 0) {
            /* Somebody ended our wait. */
        }
    }
    uint64_t n = add(&inside[oob], 1);
    if (get(&inside[!oob]) != 0)
        add(&stats.meetings, 1);
    uint64_t most = get(&stats.most);
    while (!oob && n > most &&
           !__atomic_compare_exchange_n(&stats.most, &most, n, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
    }
}

static void leave(bool oob)
{
    add(&inside[oob], (uint64_t)-1);
    evl_unlock_stax(&gate);
}

static uint64_t check_of(const struct sample *s)
{
    return (s->number + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ s->value;
}

/* -------------------------------------------------------------------------
 * Out-of-band: ticks and the recorder.
 */

void gate_tick(void)
{
    add(&stats.ticks, 1);
    evl_up(&ticks);
}

/* The mistake of the self-test: out of the gate, and back when somebody has seen it. */
static void let_readers_in(void)
{
    leave(true);
    while (__atomic_load_n(&torn_seen, __ATOMIC_SEQ_CST) == 0) {
        port.notify(port.device);
        (void)evl_sleep(nap);
    }
    enter(true);
}

static void record(void)
{
    enter(true);
    struct sample *s = &ring[recorded % GATE_RING];
    s->number = recorded++;
    if (careless && s->number == 0)
        let_readers_in();
    s->value = port.measure(port.device);
    s->check = check_of(s);
    bool due = recorded % GATE_NOTIFY == 0;
    leave(true);
    if (due)
        port.notify(port.device);
}

static void recorder_main(void *arg)
{
    (void)arg;
    while (!evl_kthread_should_stop()) {
        if (evl_down(&ticks) == 0)
            record();
    }
    while (evl_trydown(&ticks) == 0)
        record();
}

int gate_start(const struct gate_port *to, bool mistake)
{
    port = *to;
    careless = mistake;
    (void)evl_init_stax(&gate);
    gate_tick();
    return evl_run_kthread(&recorder, recorder_main, NULL, PRIORITY, 0, "recorder");
}

void gate_stop(void)
{
    evl_stop_kthread(&recorder);
}

void gate_end(struct gate_stats *out)
{
    stats.samples = recorded;
    *out = stats;
    (void)evl_destroy_stax(&gate);
    evl_destroy_ksem(&ticks);
}

/* -------------------------------------------------------------------------
 * In-band: readers.
 */

/* True if the sample is whole and follows the one before, NULL: none. */
static bool sample_good(const struct sample *s, uint64_t number,
                        const struct sample *before)
{
    return s->number == number && s->check == check_of(s) &&
           (before == NULL || before->value <= s->value);
}

void gate_read(struct gate_reader *r)
{
    enter(false);
    uint64_t oldest = recorded > GATE_RING ? recorded - GATE_RING : 0;
    const struct sample *before = NULL;
    uint64_t torn = 0;
    for (uint64_t i = oldest; i < recorded; i++) {
        const struct sample *s = &ring[i % GATE_RING];
        torn += !sample_good(s, i, before);
        before = s;
    }
    if (r->next < oldest) {
        r->missed += oldest - r->next;
        r->next = oldest;
    }
    r->read += recorded - r->next;
    r->next = recorded;
    leave(false);
    r->torn += torn;
    r->visits++;
    if (torn != 0)
        __atomic_store_n(&torn_seen, 1, __ATOMIC_SEQ_CST);
}
