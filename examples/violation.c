/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A violation handler of one's own: it gets every broken rule with a name and
 * a sentence. If it returns from a panic, the operation is refused and changes
 * nothing. Without a handler the library prints the sentence and aborts.
 */

#include "example.h"

#include <kernel/mutex.h>
#include <kernel/rwsem.h>
#include <kernel/spinlock.h>
#include <kslock/irq.h>
#include <kslock/violation.h>

#include <errno.h>
#include <string.h>

enum { IRQ = 1 };

static const char *last_rule = "";
static const void *last_lock;

static void note(const ksl_violation *v, void *arg)
{
    unsigned *panics = arg;
    *panics += v->severity == KSL_PANIC;
    last_rule = v->rule;
    last_lock = v->lock;
    printf("violation: %s: %s\n", v->rule, v->message);
}

static bool caught(const char *rule, const void *lock)
{
    return strcmp(last_rule, rule) == 0 && last_lock == lock;
}

static mutex_t mutex;
static rwsem_t sem;
static spinlock_t spin;

static void *stranger(void *arg)
{
    (void)arg;
    mutex_release(&mutex); /* owned by main */
    return NULL;
}

/* A handler must not sleep, not even on a free mutex. */
static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    CHECK(mutex_acquire(&mutex) == -EPERM);
}

int main(void)
{
    unsigned panics = 0;
    ksl_set_violation_handler(note, &panics);

    mutex_release(&mutex);
    CHECK(caught("not-locked", &mutex));

    mutex_acquire(&mutex);
    join(start(stranger, NULL));
    CHECK(caught("not-owner", &mutex));
    mutex_release(&mutex); /* it was refused: the mutex is still ours */

    rwsem_acquire_read(&sem);
    CHECK(rwsem_acquire_write(&sem) == -EPERM); /* would wait for itself */
    CHECK(caught("recursion", &sem));
    rwsem_release_read(&sem);

    spinlock_acquire(&spin);
    spinlock_acquire(&spin);
    CHECK(caught("recursion", &spin));
    spinlock_release(&spin);

    CHECK(ksl_irq_request(IRQ, KSL_STAGE_INBAND, 3, handler, NULL) == 0);
    CHECK(ksl_irq_raise_on(ksl_thread_self(), IRQ) == 0);
    CHECK(caught("irq-sleep", &mutex));
    CHECK(ksl_irq_free(IRQ) == 0);

    CHECK(panics == 5 && ksl_violation_count() == 5);
    ksl_set_violation_handler(NULL, NULL);
    return 0;
}
