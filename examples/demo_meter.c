/* SPDX-License-Identifier: BSD-2-Clause */

#include "demo_meter.h"

#include "demo_gate.h"

#include <kslock/irq.h>

#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>

enum { TICK_IRQ = 6, TICK_LEVEL = 6, NOTICE_IRQ = 7, NOTICE_LEVEL = 3, READERS = 2 };

static const uint64_t period = 250000; /* ns between two ticks */

static struct {
    sem_t wake;
    int stopping; /* atomic */
    unsigned readers;
    pthread_t thread[READERS];
    struct gate_reader reader[READERS];
    struct gate_stats stats;
} meter;

static void tick(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    gate_tick();
}

static uint64_t measure(void *device)
{
    return chardev_progress(device);
}

/* The way from the out-of-band stage to in-band threads: an interrupt of theirs. */
static void notify(void *device)
{
    (void)device;
    (void)ksl_irq_raise(NOTICE_IRQ);
}

static void wake_readers(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    for (unsigned i = 0; i < READERS; i++)
        (void)sem_post(&meter.wake);
}

static void *reader_thread(void *arg)
{
    struct gate_reader *reader = arg;
    while (__atomic_load_n(&meter.stopping, __ATOMIC_SEQ_CST) == 0) {
        while (sem_wait(&meter.wake) != 0) {
        }
        gate_read(reader);
    }
    gate_read(reader);
    return NULL;
}

static int start_readers(void)
{
    for (meter.readers = 0; meter.readers < READERS; meter.readers++) {
        int error = pthread_create(&meter.thread[meter.readers], NULL, reader_thread,
                                   &meter.reader[meter.readers]);
        if (error != 0)
            return -error;
    }
    return 0;
}

static void stop_readers(void)
{
    __atomic_store_n(&meter.stopping, 1, __ATOMIC_SEQ_CST);
    wake_readers(NOTICE_IRQ, NULL);
    for (unsigned i = 0; i < meter.readers; i++)
        (void)pthread_join(meter.thread[i], NULL);
    (void)sem_destroy(&meter.wake);
}

static void close_lines(void)
{
    (void)ksl_irq_timer(TICK_IRQ, 0, 0);
    (void)ksl_irq_free(TICK_IRQ);
}

int meter_start(struct chardev *dev, bool careless)
{
    struct gate_port port = {measure, notify, dev};
    (void)sem_init(&meter.wake, 0, 0);
    int error =
        ksl_irq_request(NOTICE_IRQ, KSL_STAGE_INBAND, NOTICE_LEVEL, wake_readers, NULL);
    if (error == 0)
        error = gate_start(&port, careless);
    if (error != 0) {
        (void)ksl_irq_free(NOTICE_IRQ);
        return error;
    }
    error = start_readers();
    if (error == 0)
        error = ksl_irq_request(TICK_IRQ, KSL_STAGE_OOB, TICK_LEVEL, tick, NULL);
    if (error == 0)
        error = ksl_irq_timer(TICK_IRQ, period, period);
    if (error != 0)
        meter_stop();
    return error;
}

void meter_stop(void)
{
    close_lines();
    gate_stop();
    (void)ksl_irq_free(NOTICE_IRQ);
    stop_readers();
    gate_end(&meter.stats);
}

void meter_print(void)
{
    const struct gate_stats *s = &meter.stats;
    uint64_t read = 0;
    uint64_t missed = 0;
    uint64_t visits = s->samples;
    for (unsigned i = 0; i < READERS; i++) {
        read += meter.reader[i].read;
        missed += meter.reader[i].missed;
        visits += meter.reader[i].visits;
    }
    printf("recorder    %" PRIu64 " ticks and samples out-of-band; %" PRIu64
           " read in-band by %d, %" PRIu64 " missed\n",
           s->samples, read, READERS, missed);
    printf("stages      met in %" PRIu64 " of %" PRIu64 " visits; %" PRIu64
           " and %" PRIu64 " waits for the other stage, up to %" PRIu64
           " readers inside\n",
           s->meetings, visits, s->oob_waits, s->inband_waits, s->most);
}

bool meter_good(void)
{
    const struct gate_stats *s = &meter.stats;
    uint64_t torn = 0;
    bool complete = s->samples > 0 && s->samples == s->ticks;
    for (unsigned i = 0; i < READERS; i++) {
        const struct gate_reader *r = &meter.reader[i];
        torn += r->torn;
        complete = complete && r->read + r->missed == s->samples;
    }
    if (torn != 0)
        fprintf(stderr, "demo: half-written samples seen: %" PRIu64 "\n", torn);
    if (s->meetings != 0)
        fprintf(stderr, "demo: both stages inside, times: %" PRIu64 "\n", s->meetings);
    if (!complete)
        fprintf(stderr, "demo: %" PRIu64 " ticks, %" PRIu64 " samples, not all read\n",
                s->ticks, s->samples);
    return torn == 0 && s->meetings == 0 && complete;
}
