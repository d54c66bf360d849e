/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Simulated interrupts. Every thread is a CPU with a mask of its own; what
 * arrives while it is masked stays in the thread's log and is played when the
 * mask is lifted: most urgent first, lowest number among equals.
 */

#include "example.h"

#include <kernel/asm.h>
#include <kslock/irq.h>

#include <errno.h>
#include <string.h>

enum { LOW = 3, HIGH = 7 };

static int played[8];
static int count;
static int nested_first;

static void handler(int irq, void *arg)
{
    (void)arg;
    CHECK(ksl_irq_in_handler());
    played[count++] = irq;
}

/* A more urgent interrupt comes in at once, an equal one waits. */
static void nesting_handler(int irq, void *arg)
{
    (void)arg;
    CHECK(ksl_irq_raise_on(ksl_thread_self(), 2) == 0);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), 1) == 0);
    nested_first = count;
    played[count++] = irq;
}

static void raise_self(int irq)
{
    CHECK(ksl_irq_raise_on(ksl_thread_self(), irq) == 0);
}

static void expect(int n, const int *irqs)
{
    CHECK(count == n && memcmp(played, irqs, (size_t)n * sizeof(*irqs)) == 0);
    count = 0;
}

int main(void)
{
    CHECK(ksl_irq_request(1, KSL_STAGE_INBAND, LOW, handler, NULL) == 0);
    CHECK(ksl_irq_request(2, KSL_STAGE_INBAND, HIGH, handler, NULL) == 0);
    CHECK(ksl_irq_request(5, KSL_STAGE_INBAND, LOW, handler, NULL) == 0);
    CHECK(ksl_irq_request(6, KSL_STAGE_INBAND, LOW, nesting_handler, NULL) == 0);

    /* Open: the handler has run when the call returns. */
    raise_self(1);
    expect(1, (int[]){1});

    /* Masked: the log keeps them; the two of number 5 become one. */
    disable_interrupt();
    raise_self(5);
    raise_self(5);
    raise_self(1);
    raise_self(2);
    CHECK(count == 0);
    enable_interrupt();
    expect(3, (int[]){2, 1, 5});

    /* A level lets only more urgent interrupts through. */
    unsigned old = ksl_irq_set_level(5);
    raise_self(1);
    raise_self(2);
    expect(1, (int[]){2});
    (void)ksl_irq_set_level(old);
    expect(1, (int[]){1});

    raise_self(6);
    CHECK(nested_first == 1);
    expect(3, (int[]){2, 6, 1});

    for (int irq = 1; irq <= 6; irq++)
        CHECK(ksl_irq_free(irq) == (irq == 3 || irq == 4 ? -ENOENT : 0));
    printf("interrupts: masked, logged and played in order\n");
    return 0;
}
