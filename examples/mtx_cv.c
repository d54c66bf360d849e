/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Mutexes and condition variables: a pool of two units for four workers, who
 * all begin together; and a spin mutex, which keeps interrupts out.
 */

#include <sys/condvar.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/param.h>

#include "example.h"

#include <kslock/irq.h>

#include <stdbool.h>

enum { UNITS = 2, WORKERS = 4, ROUNDS = 2000, IRQ = 3, IRQ_LEVEL = 4 };

static struct mtx pool_lock;
MTX_SYSINIT(pool_lock, &pool_lock, "pool", MTX_DEF);

static struct cv unit_free;
static struct cv gate;
static bool gate_open;
static int arrived;
static int units = UNITS;
static int fewest = UNITS;
static int served;

static struct mtx event_lock;
MTX_SYSINIT(event_lock, &event_lock, "events", MTX_SPIN);
static int events; /* of the device, counted by its handler */

static void wait_for_gate(void)
{
    mtx_lock(&pool_lock);
    arrived++;
    while (!gate_open)
        cv_wait(&gate, &pool_lock);
    mtx_unlock(&pool_lock);
}

static void get_unit(void)
{
    mtx_lock(&pool_lock);
    while (units == 0)
        cv_wait(&unit_free, &pool_lock);
    units--;
    fewest = MIN(fewest, units);
    mtx_unlock(&pool_lock);
}

static void put_unit(void)
{
    mtx_lock(&pool_lock);
    units++;
    served++;
    cv_signal(&unit_free);
    mtx_unlock(&pool_lock);
}

static void *worker(void *arg)
{
    (void)arg;
    wait_for_gate();
    for (int i = 0; i < ROUNDS; i++) {
        get_unit();
        sched_yield();
        put_unit();
    }
    return NULL;
}

/* Lets all workers go once they are there. */
static void open_gate(void)
{
    mtx_lock(&pool_lock);
    while (arrived < WORKERS) {
        /* Nobody signals this one: the time limit ends each wait. */
        CHECK(cv_timedwait(&unit_free, &pool_lock, 1) == EWOULDBLOCK);
        mtx_assert(&pool_lock, MA_OWNED | MA_NOTRECURSED);
    }
    gate_open = true;
    cv_broadcast(&gate);
    mtx_unlock(&pool_lock);
}

static void device_irq(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    mtx_lock_spin(&event_lock);
    events++;
    mtx_unlock_spin(&event_lock);
}

/* The interrupt comes while its thread has the mutex that the handler needs. */
static void interrupt_a_holder(void)
{
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, device_irq, NULL) == 0);
    mtx_lock_spin(&event_lock);
    CHECK(!ksl_irq_enabled() && mtx_owned(&event_lock));
    CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    CHECK(events == 0);
    mtx_unlock_spin(&event_lock); /* now it is served */
    CHECK(ksl_irq_enabled() && events == 1);
    CHECK(ksl_irq_free(IRQ) == 0);
}

int main(void)
{
    pthread_t workers[WORKERS];
    cv_init(&unit_free, "unit");
    cv_init(&gate, "gate");
    for (int i = 0; i < WORKERS; i++)
        workers[i] = start(worker, NULL);
    open_gate();
    for (int i = 0; i < WORKERS; i++)
        join(workers[i]);
    CHECK(units == UNITS && fewest >= 0 && served == WORKERS * ROUNDS);
    cv_destroy(&gate);
    cv_destroy(&unit_free);
    printf("mtx_cv: %d workers took %d units in turn, %d times\n", WORKERS, UNITS,
           served);

    interrupt_a_holder();
    printf("mtx_cv: the interrupt waited for the spin mutex\n");
    return 0;
}
