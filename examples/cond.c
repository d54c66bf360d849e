/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Condition variable: an int that threads can sleep on until it has the value
 * that they want. It may live on the stack of the waiter: cond_set does not
 * touch it once the waiter can see the value.
 */

#include "example.h"

#include <kernel/cond.h>
#include <kslock/irq.h>

enum { IRQ = 1, REQUESTS = 500 };
enum { PENDING, DONE };

struct request {
    int number;
    int answer;
    cond_t state;
};

static cond_t door;
static ksl_thread *visitor_thread;

/* Serves the request that it is given; the last touch is cond_set. */
static void *server(void *arg)
{
    struct request *r = arg;
    r->answer = 2 * r->number;
    cond_set(&r->state, DONE);
    return NULL;
}

static void ask(int number)
{
    struct request r = {.number = number};
    init_cond(&r.state);
    pthread_t thread = start(server, &r);
    CHECK(cond_wait(&r.state, DONE) == 0);
    CHECK(r.answer == 2 * number);
    pthread_detach(thread); /* r dies here, whatever the server still does */
}

static void *visitor(void *arg)
{
    (void)arg;
    make_known(&visitor_thread);
    CHECK(cond_wait(&door, 2) == 0);
    return NULL;
}

/* cond_set is legal in an interrupt handler. */
static void open_door(int irq, void *arg)
{
    (void)irq;
    cond_set(arg, 2);
}

int main(void)
{
    for (int i = 0; i < REQUESTS; i++)
        ask(i);

    pthread_t thread = start(visitor, NULL);
    wait_asleep(&visitor_thread);
    cond_set(&door, 1); /* not the value it waits for: it sleeps on */
    wait_asleep(&visitor_thread);
    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, open_door, &door) == 0);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    join(thread);
    CHECK(ksl_irq_free(IRQ) == 0);
    free_cond(&door);
    printf("cond: %d requests answered on the stack, one door opened by a handler\n",
           REQUESTS);
    return 0;
}
