/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * After fork the child has the calling thread alone. The other threads' waits
 * are gone; locks that they held stay held by nobody alive.
 */

#include "thread/fork.h"
#include "platform/die.h"
#include "platform/host.h"
#include "thread/irq.h"
#include "thread/readers.h"
#include "thread/registry.h"
#include "thread/upcalls.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>

/* State of the forking thread between prepare and parent or child. */
static __thread sigset_t fork_signals __attribute__((tls_model("initial-exec")));

static void prepare(void)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &fork_signals); /* no handlers from here on */
    ksi_up_switch_before_fork(); /* who switches on goes through all threads */
    /*
     * liburcu's own lock is had only when readers have gone whom somebody waits for, and
     * a handler in a reader may want any of the others.
     */
    ksi_readers_before_fork();
    ksi_up_locks_before_fork();
    ksi_irq_timer_before_fork();
    ksi_irq_table_before_fork();
    ksi_registry_before_fork();
    ksi_up_wait_before_fork();
    ksi_up_diag_before_fork(); /* taken with a bucket's lock, too */
}

static void parent(void)
{
    ksi_up_diag_after_fork(false);
    ksi_up_wait_after_fork(false, ksl_tls.self);
    ksi_registry_after_fork_parent();
    ksi_irq_table_after_fork(false);
    ksi_irq_timer_after_fork(false);
    ksi_up_locks_after_fork(false);
    ksi_readers_after_fork_parent();
    ksi_up_switch_after_fork(false);
    pthread_sigmask(SIG_SETMASK, &fork_signals, NULL);
}

static void child(void)
{
    ksl_thread *self = ksl_tls.self;
    ksi_up_slots_of_child(self);
    ksi_registry_after_fork_child(self);
    ksi_irq_table_after_fork(true);
    ksi_irq_timer_after_fork(true);
    ksi_irq_after_fork_child(self);
    ksi_up_diag_after_fork(true);
    ksi_up_locks_after_fork(true);
    ksi_up_wait_after_fork(true, self);
    ksi_up_switch_after_fork(true);
    if (self != NULL) {
        ksi_store(&self->tid, ksi_host_tid());
        ksi_parker_forked(&self->parker);
    }
    pthread_sigmask(SIG_SETMASK, &fork_signals, NULL);
    if (self != NULL && ksi_load(&self->front.level) == 0)
        ksi_irq_play(self);
}

void ksi_fork_watch(void)
{
    if (pthread_atfork(prepare, parent, child) != 0)
        KSI_DIE("pthread_atfork", 0);
}
